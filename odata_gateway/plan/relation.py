"""Bound relations: which rows, from which tables, in which order.

A `Block` is one SELECT: a base source, to-one joins, predicates. Blocks nest through lambdas, counts, expands and paths, and each block
sees the sources of the blocks around it by number. A `Source` is the only way a table comes in, and sql.relation writes its row policy
beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

from odata_gateway.edm.model import EntityType, Join
from odata_gateway.plan.expr import Expr


@dataclass(frozen=True, slots=True)
class Source:
    """One use of an entity type's table, as `t{number}`."""

    number: int
    entity_type: EntityType


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
    """A LEFT JOIN to the single entity behind a navigation property; out of the caller's scope it is as if it were null."""

    source: Source
    link: Link


@dataclass(frozen=True, slots=True)
class Within:
    """The parent entity a path goes through: a row of `source` that the child's `link` reaches and `predicates` pick, within `outer`.

    Rendered as EXISTS, because a many-to-many join may find the same child twice.
    """

    source: Source
    link: Link
    predicates: tuple[Expr, ...]
    outer: Within | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of `source`: those `link` hangs on a parent source, that lie `within` a path, for which all `predicates` are true."""

    source: Source
    link: Link | None = None
    within: Within | None = None
    joins: tuple[ToOne, ...] = ()
    predicates: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One ORDER BY item. Nulls come first ascending and last descending (Protocol 11.2.6.2)."""

    expr: Expr
    descending: bool
