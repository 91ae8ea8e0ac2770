"""Aggregates of groups as a SELECT (Data Aggregation 4.0, section 3.2.1.1).

What a path reaches, and what smaller groups have, are rows of their own beside those of the input,
with marks that say whose they are; each aggregate looks at its own rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from odata_gateway.plan.apply.rowset import all_of
from odata_gateway.plan.expression.order import key_of
from odata_gateway.plan.scope import Row, Scope
from odata_gateway.plan.tree.relation import (
    Aggregate,
    Block,
    BoundExpr,
    Column,
    Compare,
    ConstantValue,
    Derived,
    Logic,
    Method,
    Selection,
    Source,
)
from odata_gateway.types import primitive as types
from odata_gateway.types.primitive import PrimitiveType


@dataclass(frozen=True, slots=True)
class Reach:
    """The entities that a path over navigation properties leads to from the input's rows: `crossed`
    with these, `row` is one of them."""

    names: tuple[str, ...]
    crossed: tuple[Block, ...]
    row: Row


@dataclass(frozen=True, slots=True)
class From:
    """The values that another aggregate has in smaller groups, which are split by `groups` as well
    (3.2.1.5); `names` is like no path."""

    names: tuple[str, ...]
    groups: tuple[BoundExpr, ...]
    inner: Measure


@dataclass(frozen=True, slots=True)
class Measure:
    """An aggregate expression: `method` of `value` (None where rows are counted) in the input's
    rows or in those of `reach`."""

    alias: str
    method: Method
    value: BoundExpr | None
    type: PrimitiveType
    nullable: bool
    reach: Reach | From | None = None

    @property
    def selects(self) -> int:
        """The SELECTs it needs beside that of the input."""
        return (
            0
            if self.reach is None
            else 1
            if isinstance(self.reach, Reach)
            else 2 + self.reach.inner.selects
        )


def selection_of(
    values: tuple[BoundExpr, ...],
    measures: tuple[Measure, ...],
    block: Block,
    conditions: tuple[BoundExpr, ...],
    scope: Scope,
) -> Selection:
    """One row for each combination of `values`, or one of all rows without any: these, and then the
    aggregates of the rows for which all `conditions` are true."""
    reaches = tuple({m.reach.names: m.reach for m in measures if m.reach is not None}.values())
    if not reaches:
        condition = all_of((*conditions, *_own(scope)))
        aggregates = (Aggregate(m.method, m.value, condition, m.type, m.nullable) for m in measures)
        return Selection(block, (*values, *aggregates), len(values))
    branches = tuple(
        _from_branch(reach, reaches, values, measures, block, conditions, scope)
        if isinstance(reach, From)
        else _branch(reach, reaches, values, measures, block, conditions)
        for reach in (None, *reaches)
    )
    united = scope.binding.source(scope.implicit.source.entity_type)
    source = Source(united.number, united.entity_type, Derived(branches))
    columns = _columns(source, branches)
    first = len(values)
    marks = {
        reach.names if reach is not None else (): columns[first + i]
        for i, reach in enumerate((None, *reaches))
    }
    operands = iter(columns[first + 1 + len(reaches) :])
    aggregates = (
        Aggregate(
            m.method,
            None if m.value is None else next(operands),
            marks[m.reach.names if m.reach else ()],
            m.type,
            m.nullable,
        )
        for m in measures
    )
    return Selection(Block(source), (*columns[:first], *aggregates), first)


def _own(scope: Scope) -> tuple[BoundExpr, ...]:
    """What is true of each row. To Postgres, an aggregate belongs to the SELECT whose columns it
    names: one that names those of the outer resource only, by $it, would be one of the outer
    resource's rows."""
    if scope.it is scope.implicit:
        return ()
    column, null = key_of(scope.implicit)[0], ConstantValue(None, None)
    return (Logic("or", (Compare("eq", column, null), Compare("ne", column, null)), False),)


def _branch(
    reach: Reach | None,
    reaches: tuple[Reach | From, ...],
    groups: tuple[BoundExpr, ...],
    measures: tuple[Measure, ...],
    block: Block,
    conditions: tuple[BoundExpr, ...],
) -> Selection:
    """The rows of the input, or the entities of one path, each once for each group: the groups, a
    mark for whose rows they are, the values of the measures over them, and the keys of the
    entities."""
    condition = all_of(conditions)
    own = (
        condition if condition is not None and reach is None else ConstantValue(True, types.BOOLEAN)
    )
    marks = tuple(
        own if other is reach else ConstantValue(False, types.BOOLEAN) for other in (None, *reaches)
    )
    values = tuple(
        m.value if m.reach is reach else ConstantValue(None, m.value.type)
        for m in measures
        if m.value is not None
    )
    keys = tuple(
        part if other is reach else ConstantValue(None, part.type)
        for other in reaches
        for part in _key(other)
    )
    columns = (*groups, *marks, *values, *keys)
    if reach is None:
        return Selection(block, columns)
    narrowed = Block(
        block.source,
        block.link,
        block.within,
        block.joins,
        (*block.predicates, *conditions),
        reach.crossed,
    )
    return Selection(narrowed, columns, distinct=True)


def _key(reach: Reach | From) -> tuple[BoundExpr, ...]:
    return key_of(reach.row) if isinstance(reach, Reach) else ()


def _from_branch(
    reach: From,
    reaches: tuple[Reach | From, ...],
    groups: tuple[BoundExpr, ...],
    measures: tuple[Measure, ...],
    block: Block,
    conditions: tuple[BoundExpr, ...],
    scope: Scope,
) -> Selection:
    """The values of an aggregate in smaller groups, in the same columns."""
    narrowed = replace(block, predicates=(*block.predicates, *conditions))
    selection = selection_of((*groups, *reach.groups), (reach.inner,), narrowed, (), scope)
    united = scope.binding.source(scope.implicit.source.entity_type)
    source = Source(united.number, united.entity_type, Derived((selection,)))
    *columns, found = _columns(source, (selection,))
    marks = tuple(ConstantValue(other is reach, types.BOOLEAN) for other in (None, *reaches))
    values = tuple(
        found if m.reach is reach else ConstantValue(None, m.value.type)
        for m in measures
        if m.value is not None
    )
    keys = tuple(ConstantValue(None, part.type) for other in reaches for part in _key(other))
    return Selection(Block(source), (*columns[: len(groups)], *marks, *values, *keys))


def _columns(source: Source, branches: tuple[Selection, ...]) -> tuple[Column, ...]:
    found = []
    for i, values in enumerate(zip(*(b.columns for b in branches), strict=True)):
        type_ = next((v.type for v in values if v.type is not None), types.STRING)
        found.append(Column(source.number, f"c{i}", "", type_, any(v.nullable for v in values)))
    return tuple(found)
