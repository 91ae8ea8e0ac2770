"""The canonical functions as a table (URL Conventions 4.01, sections 5.1.1.5 to 5.1.1.9).

A signature has one set of type families per argument. Its `id` is stable: the function's name in
lower case, with a suffix where overloads differ, such as `round.decimal`; SQL is looked up under
it. Every canonical function answers null for a null argument (5.1.1.4), and parts of a time for an
infinite one, which Postgres has and OData has not. Names ignore case (4.01).

An integer given to round, floor or ceiling is promoted to Edm.Decimal, which holds each of its
values; Edm.Single to Edm.Double (5.1.1.18). cast, isof and lambdas need more than types and are not
here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from odata_gateway.edm.types import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    DOUBLE,
    INT32,
    STRING,
    TIME,
    PrimitiveType,
    TypeFamily,
)
from odata_gateway.errors import BindName, BindType, Unsupported, nearest


@dataclass(frozen=True, slots=True)
class Signature:
    """One overload: which families each argument may have, and the result's type (None: that of the
    first argument)."""

    id: str
    arguments: tuple[frozenset[TypeFamily], ...]
    result: PrimitiveType | None

    @property
    def misses_infinity(self) -> bool:
        """Whether an argument may be an infinite time, of which no part exists: then the result is
        null though the argument is not."""
        return any(not families.isdisjoint(("datetime", "date")) for families in self.arguments)

    def fits(self, types: Sequence[PrimitiveType | None]) -> bool:
        """Whether arguments of these types can be given; None is the type of a null literal and
        fits anywhere."""
        pairs = zip(self.arguments, types, strict=False)
        return len(types) == len(self.arguments) and all(
            t is None or t.family in families for families, t in pairs
        )


def _signature(
    id: str, result: PrimitiveType | None, *arguments: TypeFamily | tuple[TypeFamily, ...]
) -> Signature:
    return Signature(
        id, tuple(frozenset((a,) if isinstance(a, str) else a) for a in arguments), result
    )


_SIGNATURES = (
    # strings (5.1.1.5, 5.1.1.7); positions count from 0
    _signature("concat", STRING, "string", "string"),
    _signature("contains", BOOLEAN, "string", "string"),
    _signature("endswith", BOOLEAN, "string", "string"),
    _signature("indexof", INT32, "string", "string"),
    _signature("length", INT32, "string"),
    _signature("startswith", BOOLEAN, "string", "string"),
    _signature("substring", STRING, "string", "integer"),
    _signature("substring.length", STRING, "string", "integer", "integer"),
    _signature("tolower", STRING, "string"),
    _signature("toupper", STRING, "string"),
    _signature("trim", STRING, "string"),
    _signature("matchespattern", BOOLEAN, "string", "string"),
    # dates and times (5.1.1.8), in UTC
    _signature("year.date", INT32, "date"),
    _signature("year.datetime", INT32, "datetime"),
    _signature("month.date", INT32, "date"),
    _signature("month.datetime", INT32, "datetime"),
    _signature("day.date", INT32, "date"),
    _signature("day.datetime", INT32, "datetime"),
    _signature("hour.datetime", INT32, "datetime"),
    _signature("hour.time", INT32, "time"),
    _signature("minute.datetime", INT32, "datetime"),
    _signature("minute.time", INT32, "time"),
    _signature("second.datetime", INT32, "datetime"),
    _signature("second.time", INT32, "time"),
    _signature("fractionalseconds.datetime", DECIMAL, "datetime"),
    _signature("fractionalseconds.time", DECIMAL, "time"),
    _signature("date.datetime", DATE, "datetime"),
    _signature("time.datetime", TIME, "datetime"),
    _signature("totaloffsetminutes", INT32, "datetime"),
    _signature("totalseconds", DECIMAL, "duration"),
    _signature("now", DATETIME),
    _signature("mindatetime", DATETIME),
    _signature("maxdatetime", DATETIME),
    # numbers (5.1.1.9); round goes half away from zero
    _signature("round.decimal", DECIMAL, ("decimal", "integer")),
    _signature("round.double", DOUBLE, "double"),
    _signature("floor.decimal", DECIMAL, ("decimal", "integer")),
    _signature("floor.double", DOUBLE, "double"),
    _signature("ceiling.decimal", DECIMAL, ("decimal", "integer")),
    _signature("ceiling.double", DOUBLE, "double"),
)


def _by_name() -> dict[str, tuple[Signature, ...]]:
    names = dict.fromkeys(s.id.partition(".")[0] for s in _SIGNATURES)
    return {name: tuple(s for s in _SIGNATURES if s.id.partition(".")[0] == name) for name in names}


FUNCTIONS: dict[str, tuple[Signature, ...]] = _by_name()

# Functions of collections (5.1.1.5, 5.1.1.6): the result's type, and how many collections they
# take.
COLLECTION_FUNCTIONS: dict[str, tuple[PrimitiveType, int]] = {
    "contains": (BOOLEAN, 2),
    "endswith": (BOOLEAN, 2),
    "hassubset": (BOOLEAN, 2),
    "hassubsequence": (BOOLEAN, 2),
    "indexof": (INT32, 2),
    "length": (INT32, 1),
    "startswith": (BOOLEAN, 2),
}

UNSUPPORTED = ("case", "geo.distance", "geo.intersects", "geo.length")


def resolve(
    name: str,
    types: Sequence[PrimitiveType | None],
    *,
    target: str | None = None,
    at: int | None = None,
) -> Signature:
    """The overload of a function that fits arguments of these types; null literals have type None.

    raises  BindName for a name that is no function, Unsupported for one that is not served,
            BindType for arguments that do not fit
    """
    key = name.lower()
    overloads = FUNCTIONS.get(key)
    if overloads is None:
        if key in UNSUPPORTED or key.startswith("geo."):
            raise Unsupported(f"function {name} is not supported", target=target, at=at)
        raise BindName(
            f"there is no function '{name}'", target=target, at=at, hint=nearest(key, FUNCTIONS)
        )
    for signature in overloads:
        if signature.fits(types):
            return signature
    raise BindType(
        _misfit(key, overloads, types), target=target, at=at, hint=_usage(key, overloads)
    )


def _misfit(
    key: str, overloads: tuple[Signature, ...], types: Sequence[PrimitiveType | None]
) -> str:
    counts = sorted({len(s.arguments) for s in overloads})
    if len(types) not in counts:
        wanted = " or ".join(str(count) for count in counts)
        return f"{key} takes {wanted} argument{'' if counts == [1] else 's'}, not {len(types)}"
    given = ", ".join("null" if t is None else t.name for t in types)
    return f"{key} cannot be applied to ({given})"


def _usage(key: str, overloads: tuple[Signature, ...]) -> str:
    return "write " + " or ".join(_form(key, s) for s in overloads)


_TYPE_NAMES: dict[TypeFamily, str] = {
    "boolean": "Boolean",
    "string": "String",
    "integer": "integer",
    "decimal": "Decimal",
    "double": "Double",
    "datetime": "DateTimeOffset",
    "date": "Date",
    "time": "TimeOfDay",
    "duration": "Duration",
    "guid": "Guid",
    "binary": "Binary",
}


def _form(name: str, signature: Signature) -> str:
    return f"{name}({', '.join('|'.join(sorted(_TYPE_NAMES[f] for f in families)) for families in signature.arguments)})"
