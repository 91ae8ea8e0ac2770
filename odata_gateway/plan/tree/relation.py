"""Rows and expressions, bound: every name is a column, and every literal a parameter.

They are one recursive type: a `Block` is a SELECT with predicates, which are expressions; `Exists`
and `CountOf` are expressions with a block.

An expression knows its `type`, an edm primitive type or None for the null literal, and whether it
is `nullable`, that is whether its value can be null in OData's sense. Comparisons, `in` and lambdas
never are (URL Conventions 5.1.1.1); functions and arithmetic are where an argument is.

A block has a base source, to-one joins and predicates. Blocks nest through lambdas, counts, expands
and paths; each sees the sources of the blocks around it, by their number in the statement (`t0`,
`t1`, ...). A table comes in as a `Source` only, and sql.relation writes its row policy beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from odata_gateway.edm.model import EntityType, Join
from odata_gateway.plan.tree.leaves import CalledFunction as CalledFunction
from odata_gateway.plan.tree.leaves import Column as Column
from odata_gateway.plan.tree.leaves import ConstantValue as ConstantValue
from odata_gateway.plan.tree.leaves import Items as Items
from odata_gateway.plan.tree.leaves import Parameter as Parameter
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types.primitive import BOOLEAN, INT64, PrimitiveType

ComparisonOp = Literal["eq", "ne", "lt", "le", "gt", "ge"]
ArithmeticOp = Literal["add", "sub", "mul", "div", "divby", "mod"]

# --- expressions ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Function:
    """A canonical function by its id in edm.functions, or one of these:

    cast           a conversion to `type`
    search         whether a string has a pattern, in any case
    start, digest  of a string; together they order strings of any length
    """

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
    largest: int | None = None  # bounds the absolute value of a whole result


@dataclass(frozen=True, slots=True)
class Negate:
    operand: BoundExpr
    type: PrimitiveType
    nullable: bool
    largest: int | None = None


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
    """any: whether the `block` of a collection has a row. all is the negated form, over the rows
    for which the condition is not true."""

    block: Block
    negated: bool
    type: PrimitiveType = BOOLEAN
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class InSubquery:
    """Whether the values are a row of `derived`, the only one if `single`, and none is null."""

    values: tuple[BoundExpr, ...]
    derived: Derived
    single: bool = False
    type: PrimitiveType = BOOLEAN
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class CountOf:
    """The number of rows of a collection."""

    block: Block
    type: PrimitiveType = INT64
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class CaseWhen:
    branches: tuple[tuple[BoundExpr, BoundExpr], ...]
    type: PrimitiveType
    nullable: bool = True


# --- collections, which exist only within an expression -------------------------------------------


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


@dataclass(frozen=True, slots=True)
class CollectionRows:
    """The items of a property, each in a row."""

    block: Block
    item: BoundExpr


Collection = CollectionItems | CollectionConcat | CollectionSlice | CollectionRows | Parameter


@dataclass(frozen=True, slots=True)
class CollectionCall:
    """`eq`, or a function by its name, on collections as arrays of `element`."""

    id: str
    args: tuple[Collection, ...]
    element: PrimitiveType
    type: PrimitiveType
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class ObjectValue:
    """An object as its JSON text: its members by name, or null.

    is_null  a template of SQL: whether there is no such `whole`
    """

    whole: Column
    is_null: str
    members: tuple[tuple[str, BoundExpr], ...]
    type: PrimitiveType
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class ItemsValue:
    """A collection as its JSON text: the item of each row of its block."""

    block: Block
    item: BoundExpr
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
    | ObjectValue
    | ItemsValue
)


# --- relations ------------------------------------------------------------------------------------

Method = Literal["sum", "min", "max", "average", "countdistinct", "count"]


@dataclass(frozen=True, slots=True)
class Source:
    """One use of an entity type's table, as `t{number}`; or, where `derived` is given, of rows that
    the statement makes, of `items`, or of those that a `call` returns, which may be called for a
    row `beside` it."""

    number: int
    entity_type: EntityType
    derived: Derived | None = None
    items: Items | None = None
    call: CalledFunction | None = None
    beside: Block | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """How the rows of a source are related to a row of the `parent` source: the join of a
    navigation property, with the numbers of the link tables that it needs. The parent is always the
    join's source side; a path finds it from the child."""

    parent: Source
    join: Join
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftJoin:
    """A LEFT JOIN to the single entity behind a navigation property, or to the one with a key
    ($root); rows that the caller may not see are treated as null. For $apply, it may also lead to
    all rows of a collection, or to derived rows, which are made of what was joined before."""

    source: Source
    link: Link | None
    key: tuple[BoundExpr, ...] = ()


@dataclass(frozen=True, slots=True)
class ParentPath:
    """The parent entity that a path goes through: a row of `source` that the child's `link`
    reaches, for which all `predicates` are true, within `outer`.

    It is rendered as EXISTS, because a many-to-many join may find the same child twice. `joins` are
    those that its predicates need.
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
    """The rows of `source` that `link` relates to a row of a parent source, that lie `within` a
    path, and for which all `predicates` are true.

    crossed  further blocks, which may be related to this one or to each other: there is a row for
             each combination of their rows
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


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One value made of many: of all rows, or of those for which `condition` is true. Null values
    do not count.

    operand  what is aggregated; None for the method `count`, which counts rows
    part     this one of the parts (`AggregateRule.parts`) instead of the value
    parts    the columns with all of them, each of some of the rows, instead of the operand's values
    """

    method: Method
    operand: BoundExpr | None
    condition: BoundExpr | None
    type: PrimitiveType
    nullable: bool
    part: int | None = None
    parts: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class WindowCondition:
    """Whether a row is one of the first in an order, among the rows with the same values of
    `partition`.

    method  first    the row is one of the first `limit` rows
            behind   it is not
            sum      the values before the row add up to less than `limit`, and so do those before
                     each earlier row
            percent  they add up to less than `limit` percent of all values
    value   what is added up
    """

    method: Literal["first", "behind", "sum", "percent"]
    order: tuple[OrderKey, ...]
    limit: BoundExpr
    partition: tuple[BoundExpr, ...] = ()
    value: BoundExpr | None = None
    type: PrimitiveType = BOOLEAN
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """One SELECT: `columns` of the rows of `block`, as c0, c1, ...

    groups    the number of leading columns that rows are grouped by, the others being aggregates; 0
              makes one row of all rows, even if there are none. None where rows are not grouped
    distinct  equal rows come once
    order     the order in which `top` and `skip` count rows
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
    """The rows of all `selections`, one selection after the other; all have the same columns."""

    selections: tuple[Selection, ...]
