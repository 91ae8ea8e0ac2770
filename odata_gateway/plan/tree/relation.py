"""Bound relations: which rows, from which tables, in which order.

A `Block` is one SELECT: a base source, to-one joins, predicates. Blocks nest through lambdas,
counts, expands and paths, and each block sees the sources of the blocks around it by number. A
`Source` is the only way a table comes in, and sql.relation writes its row policy beside it. A
source may also be `Derived`: rows that were made of the rows of other blocks, whose tables have
their policies themselves.

Bound expressions: every name is a column, every literal a parameter, and every node knows its type
and whether it can be null.

`type` is an edm primitive type, or None for the null literal. `nullable` says whether the value can
be null in OData's sense: comparisons, `in` and lambdas never are (URL Conventions 5.1.1.1),
functions and arithmetic are where an argument is. A source is the number of a table use in the
statement (`t0`, `t1`, ...).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from odata_gateway.edm.model import EntityType, Join
from odata_gateway.plan.tree.slots import LiteralSlot, Slot
from odata_gateway.types.primitive import BOOLEAN, INT64, PrimitiveType

ComparisonOp = Literal["eq", "ne", "lt", "le", "gt", "ge"]
ArithmeticOp = Literal["add", "sub", "mul", "div", "divby", "mod"]

# --- expressions ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a source, as the database has it; sql.pg_types says how it reads as its edm type.

    pg_type  Postgres's name of the column's type; empty where a statement made the column, as its
             edm type reads
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
class ConstantValue:
    """null, true, false, or a number that the service gives to kinds of rows; `type` is None for an
    untyped null."""

    value: bool | int | None
    type: PrimitiveType | None

    @property
    def nullable(self) -> bool:
        return self.value is None


@dataclass(frozen=True, slots=True)
class Function:
    """A canonical function or a conversion, by its id in edm.functions; or `cast`, `search`: a text
    has a pattern in any case; `start` and `digest` of a text, which order texts of any length."""

    id: str
    args: tuple[BoundExpr, ...]
    type: PrimitiveType
    nullable: bool


@dataclass(frozen=True, slots=True)
class Arithmetic:
    op: ArithmeticOp
    left: BoundExpr
    right: BoundExpr
    type: PrimitiveType
    nullable: bool


@dataclass(frozen=True, slots=True)
class Negate:
    operand: BoundExpr
    type: PrimitiveType
    nullable: bool


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison: true or false, never null."""

    op: ComparisonOp
    left: BoundExpr
    right: BoundExpr
    type: PrimitiveType = BOOLEAN
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class InArray:
    """`operand in list`, where the list is one array parameter."""

    operand: BoundExpr
    values: Parameter
    type: PrimitiveType = BOOLEAN
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Logic:
    """`and`, `or` over two or more operands: three-valued."""

    op: Literal["and", "or"]
    operands: tuple[BoundExpr, ...]
    nullable: bool
    type: PrimitiveType = BOOLEAN


@dataclass(frozen=True, slots=True)
class Not:
    operand: BoundExpr
    nullable: bool
    type: PrimitiveType = BOOLEAN


@dataclass(frozen=True, slots=True)
class IsNotTrue:
    """The operand is false or null."""

    operand: BoundExpr
    type: PrimitiveType = BOOLEAN
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Exists:
    """any over a related collection's `block`; all is the negated form over the rows that break the
    rule."""

    block: Block
    negated: bool
    type: PrimitiveType = BOOLEAN
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class InSubquery:
    """Whether the values are a row of `derived`, none of them null."""

    values: tuple[BoundExpr, ...]
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
class CaseWhen:
    branches: tuple[tuple[BoundExpr, BoundExpr], ...]
    type: PrimitiveType
    nullable: bool = True


# --- collections, which exist within an expression only -------------------------------------------


@dataclass(frozen=True, slots=True)
class CollectionItems:
    """`[a,b,...]`."""

    items: tuple[BoundExpr, ...]


@dataclass(frozen=True, slots=True)
class CollectionConcat:
    """concat(left,right)."""

    left: Collection
    right: Collection


@dataclass(frozen=True, slots=True)
class CollectionSlice:
    """substring(whole,start,length); neither bound is null."""

    whole: Collection
    start: BoundExpr
    length: BoundExpr | None


Collection = CollectionItems | CollectionConcat | CollectionSlice | Parameter


@dataclass(frozen=True, slots=True)
class CollectionCall:
    """`eq`, or a function by its name, of collections as arrays of `element`."""

    id: str
    args: tuple[Collection, ...]
    element: PrimitiveType
    type: PrimitiveType
    nullable: bool = False


BoundExpr = (
    Column
    | Parameter
    | ConstantValue
    | Function
    | Arithmetic
    | Negate
    | Compare
    | InArray
    | Logic
    | Not
    | IsNotTrue
    | Exists
    | InSubquery
    | CountOf
    | CaseWhen
    | CollectionCall
)


# --- relations ---

Method = Literal["sum", "min", "max", "average", "countdistinct", "count"]


@dataclass(frozen=True, slots=True)
class Source:
    """One use of an entity type's table, as `t{number}`; or, where `derived` is given, of rows made
    for the occasion."""

    number: int
    entity_type: EntityType
    derived: Derived | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """How a source hangs on its parent source: the join of a navigation property, with the numbers
    of the link tables it needs.

    The parent is always the join's source side; a path looks for it from the child.
    """

    parent: Source
    join: Join
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftJoin:
    """A LEFT JOIN to the single entity behind a navigation property, or to the one with a key
    ($root); out of the caller's scope it is as if it were null. Or, for $apply, to all of a
    collection's, or to derived rows, which are made of what was joined before."""

    source: Source
    link: Link | None
    key: tuple[BoundExpr, ...] = ()


@dataclass(frozen=True, slots=True)
class ParentPath:
    """The parent entity a path goes through: a row of `source` that the child's `link` reaches and
    `predicates` pick, within `outer`.

    Rendered as EXISTS, because a many-to-many join may find the same child twice. `joins` are those
    its predicates ask for.
    """

    source: Source
    link: Link
    predicates: tuple[BoundExpr, ...]
    outer: ParentPath | None = None
    joins: tuple[LeftJoin, ...] = ()

    @property
    def block(self) -> Block:
        """The rows that can be the parent."""
        return Block(self.source, None, self.outer, self.joins, self.predicates)


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of `source`: those `link` hangs on a parent source, that lie `within` a path, for
    which all `predicates` are true.

    crossed  blocks that hang on this one or on each other: a row for each combination of theirs
    """

    source: Source
    link: Link | None = None
    within: ParentPath | None = None
    joins: tuple[LeftJoin, ...] = ()
    predicates: tuple[BoundExpr, ...] = ()
    crossed: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One ORDER BY item. Nulls come first ascending and last descending (Protocol 11.2.6.2)."""

    expr: BoundExpr
    descending: bool


# --- derived rows ($apply) ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One value made of many: of all rows, or of those for which `condition` is true; null values
    do not count.

    operand  what is aggregated; None for the method `count`, which counts rows
    """

    method: Method
    operand: BoundExpr | None
    condition: BoundExpr | None
    type: PrimitiveType
    nullable: bool


@dataclass(frozen=True, slots=True)
class WindowCondition:
    """Whether a row is one of the first in an order, among the rows with the same values for
    `parts`.

    method  what is true of those rows. first: no more than `limit` rows stand up to them. behind:
            more do. sum: the values before them add up to less than `limit`, and so do those before
            each earlier row. percent: to less than `limit` percent of all values
    value   what is added up
    """

    method: Literal["first", "behind", "sum", "percent"]
    order: tuple[OrderKey, ...]
    limit: BoundExpr
    parts: tuple[BoundExpr, ...] = ()
    value: BoundExpr | None = None
    type: PrimitiveType = BOOLEAN
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """One SELECT: `columns` of the rows of `block`, as c0, c1, ...

    groups    None: the rows as they are. Else so many leading columns are what rows are grouped by,
              and the other ones aggregates; 0 makes one row of all rows, also of none
    distinct  equal rows once
    order     with `top` and `skip`: which rows
    """

    block: Block
    columns: tuple[BoundExpr | Aggregate | WindowCondition, ...]
    groups: int | None = None
    distinct: bool = False
    order: tuple[OrderKey, ...] = ()
    top: LiteralSlot | None = None
    skip: LiteralSlot | None = None


@dataclass(frozen=True, slots=True)
class Derived:
    """The rows of all `selections`, one after the other; they have the same columns."""

    selections: tuple[Selection, ...]
