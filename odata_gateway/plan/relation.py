"""Bound relations: which rows, from which tables, in which order.

A `Block` is one SELECT: a base source, to-one joins, predicates. Blocks nest through lambdas, counts, expands and paths, and each block
sees the sources of the blocks around it by number. A `Source` is the only way a table comes in, and sql.relation writes its row policy
beside it. A source may also be `Derived`: rows that were made of the rows of other blocks, whose tables have their policies themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from odata_gateway.edm.model import EntityType, Join
from odata_gateway.edm.types import BOOLEAN, PrimitiveType
from odata_gateway.plan.expr import Expr, LiteralSlot

Method = Literal["sum", "min", "max", "average", "countdistinct", "count"]


@dataclass(frozen=True, slots=True)
class Source:
    """One use of an entity type's table, as `t{number}`; or, where `derived` is given, of rows made for the occasion."""

    number: int
    entity_type: EntityType
    derived: Derived | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """How a source hangs on its parent source: the join of a navigation property, with the numbers of the link tables it needs.

    The parent is always the join's source side; a path looks for it from the child.
    """

    parent: Source
    join: Join
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ToOne:
    """A LEFT JOIN to the single entity behind a navigation property, or to the one with a key ($root); out of the caller's scope it is as
    if it were null. Or, for $apply, to all of a collection's, or to derived rows, which are made of what was joined before."""

    source: Source
    link: Link | None
    key: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Within:
    """The parent entity a path goes through: a row of `source` that the child's `link` reaches and `predicates` pick, within `outer`.

    Rendered as EXISTS, because a many-to-many join may find the same child twice. `joins` are those its predicates ask for.
    """

    source: Source
    link: Link
    predicates: tuple[Expr, ...]
    outer: Within | None = None
    joins: tuple[ToOne, ...] = ()

    @property
    def block(self) -> Block:
        """The rows that can be the parent."""
        return Block(self.source, None, self.outer, self.joins, self.predicates)


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of `source`: those `link` hangs on a parent source, that lie `within` a path, for which all `predicates` are true.

    crossed  blocks that hang on this one or on each other: a row for each combination of theirs
    """

    source: Source
    link: Link | None = None
    within: Within | None = None
    joins: tuple[ToOne, ...] = ()
    predicates: tuple[Expr, ...] = ()
    crossed: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One ORDER BY item. Nulls come first ascending and last descending (Protocol 11.2.6.2)."""

    expr: Expr
    descending: bool


# --- derived rows ($apply) ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One value made of many: of all rows, or of those for which `condition` is true; null values do not count.

    operand  what is aggregated; None for the method `count`, which counts rows
    """

    method: Method
    operand: Expr | None
    condition: Expr | None
    type: PrimitiveType
    nullable: bool


@dataclass(frozen=True, slots=True)
class Ranked:
    """Whether a row is one of the first in an order, among the rows with the same values for `parts`.

    method  what is true of those rows. first: no more than `limit` rows stand up to them. behind: more do. sum: the values before them add
            up to less than `limit`, and so do those before each earlier row. percent: to less than `limit` percent of all values
    value   what is added up
    """

    method: Literal["first", "behind", "sum", "percent"]
    order: tuple[OrderKey, ...]
    limit: Expr
    parts: tuple[Expr, ...] = ()
    value: Expr | None = None
    type: PrimitiveType = BOOLEAN
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """One SELECT: `columns` of the rows of `block`, as c0, c1, ...

    groups    None: the rows as they are. Else so many leading columns are what rows are grouped by, and the other ones aggregates;
              0 makes one row of all rows, also of none
    distinct  equal rows once
    order     with `top` and `skip`: which rows
    """

    block: Block
    columns: tuple[Expr | Aggregate | Ranked, ...]
    groups: int | None = None
    distinct: bool = False
    order: tuple[OrderKey, ...] = ()
    top: LiteralSlot | None = None
    skip: LiteralSlot | None = None


@dataclass(frozen=True, slots=True)
class Derived:
    """The rows of all `selections`, one after the other; they have the same columns."""

    selections: tuple[Selection, ...]
