"""Bound expressions: every name is a column, every literal a parameter, and every node knows its type and whether it can be null.

`type` is an edm primitive type, or None for the null literal. `nullable` says whether the value can be null in OData's sense: comparisons,
`in` and lambdas never are (URL Conventions 5.1.1.1), functions and arithmetic are where an argument is.
A source is the number of a table use in the statement (`t0`, `t1`, ...).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from odata_gateway.edm.types import BOOLEAN, INT64, PrimitiveType

if TYPE_CHECKING:
    from odata_gateway.plan.relation import Block, Derived

ComparisonOp = Literal["eq", "ne", "lt", "le", "gt", "ge"]
ArithmeticOp = Literal["add", "sub", "mul", "div", "divby", "mod"]

# How a literal becomes an argument: `value` and, beside a comparison, `exact` refuse what the type cannot hold; `floor` and `ceil` round
# sub-microsecond times towards the side that keeps an ordering comparison right; the LIKE modes escape wildcards; `pattern` translates a
# regular expression; `cast` turns what does not fit into null; `utc` wants offset 0; `uuid` turns what is no uuid into null; `positive` and
# `percent` refuse numbers below 1, or not in the range from above 0 to 100.
Mode = Literal["value", "exact", "floor", "ceil", "infix", "prefix", "suffix", "pattern", "cast", "utc", "uuid", "positive", "percent"]


# --- what a statement's parameters are filled from ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LiteralSlot:
    """Literal number `index` of the request, decoded as `type` by `mode`; `many` for a folded list."""

    index: int
    type: PrimitiveType
    mode: Mode = "exact"
    many: bool = False


@dataclass(frozen=True, slots=True)
class AccountsSlot:
    """All of the caller's accounts, or the one at `index`: the only one there is, or, on a sharded database, one of several."""

    many: bool
    index: int = 0


@dataclass(frozen=True, slots=True)
class LimitSlot:
    """Rows to read: those of a page, no more than the client's $top leaves, and one more to know whether the page is the last."""


@dataclass(frozen=True, slots=True)
class PageSlot:
    """Rows of a page of an expanded collection."""


@dataclass(frozen=True, slots=True)
class KeysetSlot:
    """Order value number `index` of the last row of the page before, as Postgres wrote it."""

    index: int


@dataclass(frozen=True, slots=True)
class LinkSlot:
    """A piece of the next link of expanded collection number `index`: the service root, the query, or what its token is bound to."""

    index: int
    part: Literal["root", "query", "binding"]


Slot = LiteralSlot | AccountsSlot | LimitSlot | PageSlot | KeysetSlot | LinkSlot


# --- expressions --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a source, as the database has it; sql.pg_types says how it reads as its edm type.

    pg_type  Postgres's name of the column's type; empty where a statement made the column, as its edm type reads
    """

    source: int
    name: str
    pg_type: str
    type: PrimitiveType
    nullable: bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that travels beside the statement."""

    slot: Slot
    type: PrimitiveType
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """null, true, false, or a number that the service gives to kinds of rows; `type` is None for an untyped null."""

    value: bool | int | None
    type: PrimitiveType | None

    @property
    def nullable(self) -> bool:
        return self.value is None


@dataclass(frozen=True, slots=True)
class Function:
    """A canonical function or a conversion, by its id in edm.functions; or `cast`, `search`: a text has a pattern in any case; `start`
    and `digest` of a text, which order texts of any length."""

    id: str
    args: tuple[Expr, ...]
    type: PrimitiveType
    nullable: bool


@dataclass(frozen=True, slots=True)
class Arithmetic:
    op: ArithmeticOp
    left: Expr
    right: Expr
    type: PrimitiveType
    nullable: bool


@dataclass(frozen=True, slots=True)
class Negate:
    operand: Expr
    type: PrimitiveType
    nullable: bool


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison: true or false, never null."""

    op: ComparisonOp
    left: Expr
    right: Expr
    type: PrimitiveType = BOOLEAN
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class OneOf:
    """`operand in list`, where the list is one array parameter."""

    operand: Expr
    values: Parameter
    type: PrimitiveType = BOOLEAN
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Logic:
    """`and`, `or` over two or more operands: three-valued."""

    op: Literal["and", "or"]
    operands: tuple[Expr, ...]
    nullable: bool
    type: PrimitiveType = BOOLEAN


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expr
    nullable: bool
    type: PrimitiveType = BOOLEAN


@dataclass(frozen=True, slots=True)
class Untrue:
    """The operand is false or null."""

    operand: Expr
    type: PrimitiveType = BOOLEAN
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Exists:
    """any over a related collection's `block`; all is the negated form over the rows that break the rule."""

    block: Block
    negated: bool
    type: PrimitiveType = BOOLEAN
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Among:
    """Whether the values are a row of `derived`, none of them null."""

    values: tuple[Expr, ...]
    derived: Derived
    type: PrimitiveType = BOOLEAN
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class CountOf:
    """The number of rows of a related collection."""

    block: Block
    type: PrimitiveType = INT64
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    branches: tuple[tuple[Expr, Expr], ...]
    type: PrimitiveType
    nullable: bool = True


# --- collections, which exist within an expression only -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Items:
    """`[a,b,...]`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """concat(left,right)."""

    left: Collection
    right: Collection


@dataclass(frozen=True, slots=True)
class Part:
    """substring(whole,start,length); neither bound is null."""

    whole: Collection
    start: Expr
    length: Expr | None


Collection = Items | Joined | Part | Parameter


@dataclass(frozen=True, slots=True)
class OfCollections:
    """`eq`, or a function by its name, of collections as arrays of `element`."""

    id: str
    args: tuple[Collection, ...]
    element: PrimitiveType
    type: PrimitiveType
    nullable: bool = False


Expr = (
    Column | Parameter | Constant | Function | Arithmetic | Negate | Compare | OneOf | Logic | Not | Untrue | Exists | Among | CountOf
    | Case | OfCollections
)  # fmt: skip
