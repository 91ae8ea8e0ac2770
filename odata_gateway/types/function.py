"""What describes a function: one row for its signature, its SQL and what is known of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import LiteralString

from odata_gateway.types.family import DecodeMode, PrimitiveType, TypeFamily


@dataclass(frozen=True, slots=True)
class FunctionArgument:
    """One argument: the families its type may be of.

    mode          how a literal becomes the argument; None: as any value
    literal_only  it cannot come from a row
    names         of the types of these families that fit; empty: all do
    """

    families: frozenset[TypeFamily]
    mode: DecodeMode | None = None
    literal_only: bool = False
    names: frozenset[str] = frozenset()

    def fits(self, type_: PrimitiveType | None) -> bool:
        """Whether an argument may be of this type; None, the null literal's, fits anywhere."""
        if type_ is None:
            return True
        return type_.family.declared in self.families and (
            not self.names or type_.name in self.names
        )


def takes(
    *families: TypeFamily, mode: DecodeMode | None = None, literal_only: bool = False
) -> FunctionArgument:
    """An argument of any of these families."""
    return FunctionArgument(frozenset(families), mode, literal_only)


@dataclass(frozen=True, slots=True)
class FunctionOverload:
    """One overload of a function.

    id           stable: the function's name in lower case, with a suffix where overloads differ,
                 such as `round.decimal`
    result       the result's type; None: that of the first argument
    sql          the call, arguments as {0}, {1}, ...; SQL NULL for a NULL argument (5.1.1.4)
    pattern_sql  the call where the second argument is an escaped LIKE pattern
    zoned_sql    the call where the argument is a time ({0}) in a zone, whose clock shows {1}; None:
                 what the clock shows is the argument
    can_fail     Postgres may raise for some values; then it is computed behind the row policy
    spelling     the name as the standard writes it; "": as in the id
    is_listed    $metadata lists it (Capabilities.FilterFunctions)
    is_internal  statements use it, URLs cannot
    searches     it looks for characters in a text
    folds        it does so as the type of a column compares, such as without case
    pairs_cases  it needs to know which letters are the two cases of one, which differs by collation
                 and is unknown to some, such as C
    can_miss     the result may be null though no argument is
    located      of a function of an extension: the same where that is in a database, given the
                 types of the arguments
    index_sql    a condition on the arguments that holds wherever the result is true, or is at most
                 {2}; an index on a bare column serves it, and it fails for no value
    """

    id: str
    result: PrimitiveType | None
    arguments: tuple[FunctionArgument, ...]
    sql: LiteralString
    pattern_sql: LiteralString | None = None
    zoned_sql: LiteralString | None = None
    can_fail: bool = True
    spelling: str = ""
    is_listed: bool = True
    is_internal: bool = False
    searches: bool = False
    folds: bool = False
    pairs_cases: bool = False
    can_miss: bool = False
    located: Callable[[Sequence[PrimitiveType]], LocatedFunction] | None = None
    index_sql: LiteralString | None = None

    @property
    def name(self) -> str:
        """In lower case."""
        return self.spelling.lower() or self.id.partition(".")[0]

    @property
    def misses_infinity(self) -> bool:
        """Whether an argument may be an infinite time, of which no part exists: then the result is
        null though the argument is not."""
        return any(family.has_infinity for each in self.arguments for family in each.families)

    def fits(self, types: Sequence[PrimitiveType | None]) -> bool:
        """Whether arguments of these types can be given."""
        pairs = zip(self.arguments, types, strict=False)
        return len(types) == len(self.arguments) and all(a.fits(t) for a, t in pairs)


@dataclass(frozen=True, slots=True)
class LocatedFunction:
    """An overload where an extension is in a database, and the type that literals are of which are
    its arguments."""

    overload: FunctionOverload
    literal_type: PrimitiveType
