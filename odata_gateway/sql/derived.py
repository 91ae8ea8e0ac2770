"""Derived rows as SQL: what $apply makes of the rows of other blocks.

A selection is one SELECT with the columns c0, c1, ...; several are joined by UNION ALL. GROUP BY
names columns by position, because Postgres does not take two expressions with the same parameter
for the same expression.

The rows of a function are derived rows too. Beside their own columns they have those of
`edm.row_keys`: the whole row, and what tells it from the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import LiteralString

from odata_gateway.plan.tree.collations import collations_of_all
from odata_gateway.plan.tree.relation import (
    Aggregate,
    BoundExpr,
    Column,
    Derived,
    Selection,
    WindowCondition,
)
from odata_gateway.sql.collation import of_database
from odata_gateway.sql.fragment import (
    EMPTY,
    Sql,
    build,
    column_sql,
    fill,
    join,
    param,
)
from odata_gateway.sql.paging.keyset import order_by, order_item, ordered
from odata_gateway.sql.pg_types import (
    bounds_of_values,
    checked,
    compared_column,
    is_own,
    keeps_type,
    own_schema,
    value_of,
)
from odata_gateway.sql.renderer import BlockRenderer
from odata_gateway.types.aggregates import AggregateRule

_SUM: LiteralString = "coalesce(sum({0}), 0)"
COUNTS: dict[str, AggregateRule] = {
    "count": AggregateRule("count(*)", "{0}::numeric", parts=("count(*)",), merged=(_SUM,)),
    "countdistinct": AggregateRule(
        "count(DISTINCT {0})", "{0}::numeric", parts=("count(DISTINCT {0})",), merged=(_SUM,)
    ),
}
"""The methods that values of every type have. The others are in the tables of the types."""

# Whether a row is one of the first, by method and direction. {0} is the window in its order, {1}
# the limit, {2} the value that is added up, {3} the window before the row, {4} the whole partition.
# Sorted from the greatest value down, running sums rise and then fall; from the least up, they fall
# and then rise. So the greatest sum up to a row is that of the positive values, the last sum, or 0.
_BEFORE, _ALL = "coalesce(sum({2}) OVER ({3}), 0)", "sum({2}) OVER ({4})"
_RISEN = "coalesce(sum(greatest({2}, 0)) OVER ({3}), 0)"
_FALLEN = "coalesce(sum(least({2}, 0)) OVER ({3}), 0)"
_PERCENT = (
    f"(CASE sign({_ALL}) WHEN 1 THEN %s * 100 < {{1}} * {_ALL} "
    f"WHEN -1 THEN %s * 100 > {{1}} * {_ALL} ELSE true END)"
)
WINDOW_CONDITIONS: dict[tuple[str, str], str] = {
    ("first", ""): "(row_number() OVER ({0}) <= {1})",
    ("behind", ""): "(row_number() OVER ({0}) > {1})",
    ("sum", "top"): f"({_RISEN} < {{1}})",
    ("sum", "bottom"): f"(greatest({_BEFORE}, 0) < {{1}})",
    ("percent", "top"): _PERCENT % (_RISEN, _BEFORE),
    ("percent", "bottom"): _PERCENT % (_BEFORE, _FALLEN),
}


def derived_sql(derived: Derived, blocks: BlockRenderer) -> Sql:
    """The rows of all selections as one SELECT, which always has an OFFSET.

    Postgres moves no condition into a SELECT with an OFFSET, so conditions on the derived rows are
    computed behind the policies of the rows they are made of.
    """
    found = [selection_sql(s, derived, blocks) for s in derived.selections]
    if len(found) > 1:
        rows = join(" UNION ALL ", (build("({0})", s) for s in found))
        return build("SELECT * FROM ({0}) AS u OFFSET 0", rows)
    has_offset = derived.selections[0].skip is not None
    return found[0] if has_offset else build("{0} OFFSET 0", found[0])


def selection_sql(
    selection: Selection, derived: Derived, blocks: BlockRenderer, *, further: Sql = EMPTY
) -> Sql:
    """The SELECT of one of the selections of derived rows, with `further` columns."""
    blocks.enter(selection.block)
    found, bounds = _extremes(selection) or (selection.columns, ())
    columns = (
        build("{0} AS {1}", shown, Sql((f"c{index:d}",)))
        for index, shown in enumerate(_columns(found, derived, blocks))
    )
    what = join(", ", columns) + further
    if selection.distinct:
        what = build("DISTINCT {0}", what)
    return blocks.select(what, selection.block, _tail(selection, blocks), bounds)


def _extremes(selection: Selection) -> tuple[tuple[Aggregate, ...], tuple[Sql, ...]] | None:
    """The columns of a row that has nothing but the least and greatest value of one column of all
    rows, and a condition that keeps out the values which are null, so that Postgres finds both at
    the ends of an index; None for other selections."""
    extremes = tuple(
        column
        for column in selection.columns
        if isinstance(column, Aggregate) and column.method in ("min", "max")
    )
    operands = {column.operand for column in extremes}
    operand = operands.pop() if len(operands) == 1 else None
    is_whole = selection.groups == 0 and len(extremes) == len(selection.columns)
    if not isinstance(operand, Column) or not is_whole:
        return None
    bounds = bounds_of_values(operand)
    if bounds is None:
        return None
    filled = replace(operand, nullable=False)
    return tuple(replace(column, operand=filled) for column in extremes), (bounds,)


def _columns(
    columns: Sequence[BoundExpr | Aggregate | WindowCondition],
    derived: Derived,
    blocks: BlockRenderer,
) -> Iterator[Sql]:
    for index, column in enumerate(columns):
        if isinstance(column, Column) and keeps_type(derived, index):
            yield compared_column(column)
        elif len(collations_of_all(s.columns[index] for s in derived.selections)) > 1:
            yield of_database(column, _column(column, blocks))
        else:
            yield _column(column, blocks)


def _column(column: BoundExpr | Aggregate | WindowCondition, blocks: BlockRenderer) -> Sql:
    match column:
        case Aggregate():
            return _aggregate(column, blocks)
        case WindowCondition():
            return _window_condition(column, blocks)
        case Column():
            return _of_model_type(column)
        case _:
            return blocks.expressions.typed(column)


def _of_model_type(column: Column) -> Sql:
    """A column as the type that the model says, even if the table has changed since: it will be
    part of a text. What is null is NULL, so whatever is made of the rows need not care."""
    if column.nullable:
        return value_of(column, pinned=True)
    return checked(column_sql(column), column.pg_type, column.type)


def _window_condition(found: WindowCondition, blocks: BlockRenderer) -> Sql:
    parts = join(", ", (ordered(part, blocks.expressions) for part in found.partition))
    partition = build("PARTITION BY {0}", parts) if found.partition else EMPTY
    window = partition + order_by(found.order, blocks.expressions)
    limit = blocks.expressions.value(found.limit)
    if found.value is None or found.value.type is None:
        return fill(WINDOW_CONDITIONS[found.method, ""], (window, limit))
    number = found.value.type.family.summed_as
    value = fill("({0})::" + number, (blocks.expressions.value(found.value),))
    before = build("{0} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING", window)
    direction = "top" if found.order[0].descending else "bottom"
    template = WINDOW_CONDITIONS[found.method, direction]
    return fill(template, (window, limit, value, before, partition))


def _aggregate(column: Aggregate, blocks: BlockRenderer) -> Sql:
    if isinstance(column.operand, Column) and is_own(column.operand) and column.method in _FROM_END:
        return _own_extreme(column, column.operand, blocks)
    rule = _rule(column)
    if column.parts:
        merged = tuple(map(column_sql, column.parts))
        calls = tuple(fill(each, merged) for each in rule.merged)
    else:
        operands = () if column.operand is None else (_operand(column, column.operand, blocks),)
        names = (rule.call, *rule.further) if column.part is None else (rule.parts[column.part],)
        calls = tuple(_where(fill(each, operands), column, blocks) for each in names)
    if rule.outcome == "{0}" or column.part is not None:
        return calls[0]
    return fill(rule.outcome, tuple(build("({0})", each) for each in calls))


def _where(called: Sql, column: Aggregate, blocks: BlockRenderer) -> Sql:
    """The call, for the rows for which the condition is true."""
    if column.condition is None:
        return called
    condition = blocks.expressions.condition(column.condition)
    return build("{0} FILTER (WHERE {1})", called, condition)


# The first of the values in their order, for types without the aggregate.
_FROM_END: dict[str, LiteralString] = {
    "min": "array_agg({0} ORDER BY {0})",
    "max": "array_agg({0} ORDER BY {0} DESC NULLS LAST)",
}


def _own_extreme(column: Aggregate, operand: Column, blocks: BlockRenderer) -> Sql:
    """The least or greatest value of a column in the order of its own type."""
    reading, schema = operand.type.reading(operand.pg_type), own_schema(operand)
    if not reading.extremes:
        called = _where(fill(_FROM_END[column.method], (column_sql(operand),)), column, blocks)
        first = build("({0})[1]", called)
        return first if column.part is not None else fill(reading.read, (first,))
    name = Sql((f"{schema}.{column.method}" if schema else column.method,))
    called = _where(build("{0}({1})", name, compared_column(operand)), column, blocks)
    return called if column.part is not None else fill(reading.read, (build("({0})", called),))


def _rule(column: Aggregate) -> AggregateRule:
    if column.method in COUNTS or column.operand is None or column.operand.type is None:
        return COUNTS[column.method]
    return column.operand.type.aggregates[column.method]


def _operand(column: Aggregate, operand: BoundExpr, blocks: BlockRenderer) -> Sql:
    """What is aggregated."""
    if isinstance(operand, Column):
        return column_sql(operand) if is_own(operand) else _of_model_type(operand)
    return blocks.expressions.typed(operand)


def _order_by(selection: Selection, blocks: BlockRenderer) -> Sql:
    """The order of a selection. Citus sends a statement on with columns named without their
    table (seen with 12.1 on Postgres 15), and in an ORDER BY such a name is one of the result
    first. So a column of another one's name becomes an expression; no index is lost, because rows
    that are made have none."""
    items = []
    for key in selection.order:
        value = ordered(key.expr, blocks.expressions)
        if isinstance(key.expr, Column) and _is_name_of_other(key.expr, selection):
            value = build("coalesce({0})", value)
        items.append(order_item(key, value))
    return build(" ORDER BY {0}", join(", ", items))


def _is_name_of_other(column: Column, selection: Selection) -> bool:
    names = (f"c{index}" for index in range(len(selection.columns)))
    found = dict(zip(names, selection.columns, strict=True)).get(column.name, column)
    return found != column


def _tail(selection: Selection, blocks: BlockRenderer) -> Sql:
    tail = EMPTY
    if selection.groups:
        numbers = (Sql((f"{i + 1:d}",)) for i in range(selection.groups))
        tail = build(" GROUP BY {0}", join(", ", numbers))
    if selection.order:
        tail += _order_by(selection, blocks)
    if selection.top is not None:
        tail = build("{0} LIMIT {1}", tail, param(selection.top, "int8"))
    if selection.skip is not None:
        tail = build("{0} OFFSET {1}", tail, param(selection.skip, "int8"))
    return tail
