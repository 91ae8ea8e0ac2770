"""Aggregates of groups as a SELECT (Data Aggregation 4.0, section 3.2.1.1).

Entities that a path reaches, and values that smaller groups have, are rows of their own beside
those of the input: one SELECT for each such origin, joined by UNION ALL. Each SELECT is a branch
with the same groups of columns; a mark for each origin says which rows come from it, and each
aggregate looks at the rows of its own origin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from odata_gateway.plan.apply.rowset import cut_like, source_of_selections
from odata_gateway.plan.expression.order import key_of
from odata_gateway.plan.scope.rows import MemberPath, Row
from odata_gateway.plan.scope.scope import Scope
from odata_gateway.plan.tree.conditions import all_of
from odata_gateway.plan.tree.relation import (
    Aggregate,
    Block,
    BoundExpr,
    Column,
    Compare,
    ConstantValue,
    Logic,
    Method,
    Selection,
    Source,
)
from odata_gateway.types import primitive as types
from odata_gateway.types.primitive import PrimitiveType


@dataclass(frozen=True, slots=True)
class ReachedEntities:
    """The entities that a path over navigation properties leads to from the input's rows: `row` is
    one of them, and `crossed` are the blocks that the path adds to those rows."""

    names: MemberPath
    crossed: tuple[Block, ...]
    row: Row

    @property
    def selects(self) -> int:
        """The SELECTs it needs beside that of the input."""
        return 1

    @property
    def key(self) -> tuple[BoundExpr, ...]:
        return key_of(self.row)


@dataclass(frozen=True, slots=True)
class SmallerGroups:
    """The values that another aggregate has in groups that are split further, by `groups`
    (3.2.1.5). Its `names` differ from those of every path."""

    names: MemberPath
    groups: tuple[BoundExpr, ...]
    inner: Measure

    @property
    def selects(self) -> int:
        """The SELECTs it needs beside that of the input."""
        return 2 + self.inner.selects

    @property
    def key(self) -> tuple[BoundExpr, ...]:
        return ()


Origin = ReachedEntities | SmallerGroups
"""Where the values of an aggregate come from, if not from the rows of the input."""


@dataclass(frozen=True, slots=True)
class Measure:
    """An aggregate expression: `method` of `value` (None where rows are counted) in the rows of
    `origin`, or in those of the input."""

    alias: str
    method: Method
    value: BoundExpr | None
    type: PrimitiveType
    nullable: bool
    origin: Origin | None = None

    @property
    def selects(self) -> int:
        """The SELECTs it needs beside that of the input."""
        return 0 if self.origin is None else self.origin.selects


@dataclass(frozen=True, slots=True)
class GroupedRows:
    """What is aggregated: rows of `block` for which all `conditions` are true, in groups of the
    same `groups`, or all together without any."""

    groups: tuple[BoundExpr, ...]
    block: Block
    conditions: tuple[BoundExpr, ...]
    scope: Scope

    @property
    def narrowed(self) -> Block:
        """The block with the conditions as predicates."""
        return replace(self.block, predicates=(*self.block.predicates, *self.conditions))


def selection_of(rows: GroupedRows, measures: tuple[Measure, ...]) -> Selection:
    """One row for each group: the values it was grouped by, and then the measures."""
    origins = tuple({m.origin.names: m.origin for m in measures if m.origin is not None}.values())
    if origins:
        return _OriginsUnion(rows, measures, (None, *origins)).selection()
    condition = all_of((*rows.conditions, *_own(rows.scope)))
    aggregates = (Aggregate(m.method, m.value, condition, m.type, m.nullable) for m in measures)
    return Selection(rows.block, (*rows.groups, *aggregates), len(rows.groups))


def _own(scope: Scope) -> tuple[BoundExpr, ...]:
    """A condition that is true of each row. To Postgres, an aggregate belongs to the SELECT whose
    columns it names: one that names only those of the outer resource, by $it, would aggregate the
    outer resource's rows."""
    if scope.it is scope.implicit:
        return ()
    column, null = key_of(scope.implicit)[0], ConstantValue(None, None)
    return (Logic("or", (Compare("eq", column, null), Compare("ne", column, null)), False),)


# --- several origins ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BranchColumns:
    """The columns of one branch of the UNION ALL.

    groups  the values that rows are grouped by
    marks   for each origin, whether the row comes from it
    values  of the measures that have one
    keys    of reached entities; they keep apart entities whose values are equal
    """

    groups: tuple[BoundExpr, ...]
    marks: tuple[BoundExpr, ...]
    values: tuple[BoundExpr, ...]
    keys: tuple[BoundExpr, ...]

    @property
    def all(self) -> tuple[BoundExpr, ...]:
        return (*self.groups, *self.marks, *self.values, *self.keys)

    def named(self, columns: tuple[Column, ...]) -> BranchColumns:
        """The columns that the UNION ALL has for these."""
        return BranchColumns(*cut_like((self.groups, self.marks, self.values, self.keys), columns))


@dataclass(frozen=True, slots=True)
class _OriginsUnion:
    """The branches of a UNION ALL, one for each origin; None is the input."""

    rows: GroupedRows
    measures: tuple[Measure, ...]
    origins: tuple[Origin | None, ...]

    def selection(self) -> Selection:
        """One row for each group, from the rows of all branches."""
        source, columns = _source(self.rows, tuple(map(self._branch, self.origins)))
        found = self._of_input().named(columns)
        marks = dict(zip((o and o.names for o in self.origins), found.marks, strict=True))
        values = iter(found.values)
        aggregates = (
            Aggregate(
                m.method,
                None if m.value is None else next(values),
                marks[m.origin and m.origin.names],
                m.type,
                m.nullable,
            )
            for m in self.measures
        )
        return Selection(Block(source), (*found.groups, *aggregates), len(found.groups))

    def _branch(self, origin: Origin | None) -> Selection:
        match origin:
            case None:
                return Selection(self.rows.block, self._of_input().all)
            case ReachedEntities():
                columns = self._columns(origin, self.rows.groups)
                block = replace(self.rows.narrowed, crossed=origin.crossed)
                return Selection(block, columns.all, distinct=True)
            case SmallerGroups():
                return self._of_smaller_groups(origin)

    def _of_input(self) -> BranchColumns:
        """The mark of a row of the input says whether the conditions are true of it."""
        columns = self._columns(None, self.rows.groups)
        condition = all_of(self.rows.conditions) or columns.marks[0]
        return replace(columns, marks=(condition, *columns.marks[1:]))

    def _of_smaller_groups(self, origin: SmallerGroups) -> Selection:
        """The values of an aggregate in smaller groups."""
        smaller = replace(
            self.rows,
            groups=(*self.rows.groups, *origin.groups),
            block=self.rows.narrowed,
            conditions=(),
        )
        source, columns = _source(smaller, (selection_of(smaller, (origin.inner,)),))
        groups, value = columns[: len(self.rows.groups)], columns[-1]
        return Selection(Block(source), self._columns(origin, groups, value).all)

    def _columns(
        self, origin: Origin | None, groups: tuple[BoundExpr, ...], value: BoundExpr | None = None
    ) -> BranchColumns:
        """The columns of an origin's rows. What other origins have is null in them.

        value  of the only measure of this origin, where it is not that of the measure itself
        """
        return BranchColumns(
            groups,
            tuple(ConstantValue(other is origin, types.BOOLEAN) for other in self.origins),
            tuple(
                value or m.value if m.origin is origin else ConstantValue(None, m.value.type)
                for m in self.measures
                if m.value is not None
            ),
            tuple(
                part if other is origin else ConstantValue(None, part.type)
                for other in self.origins
                if other is not None
                for part in other.key
            ),
        )


def _source(
    rows: GroupedRows, selections: tuple[Selection, ...]
) -> tuple[Source, tuple[Column, ...]]:
    entity_type = rows.scope.implicit.source.entity_type
    return source_of_selections(rows.scope.binding, entity_type, selections)
