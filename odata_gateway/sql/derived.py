"""Derived rows as SQL: what $apply makes of the rows of other blocks.

A selection is one SELECT whose columns are c0, c1, ...; several are joined by UNION ALL. Groups are
named by position, because an expression with a parameter in it is not the same expression when it
is written twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odata_gateway.plan.tree.relation import (
    Aggregate,
    BoundExpr,
    Column,
    Derived,
    Selection,
    WindowCondition,
)
from odata_gateway.sql.expr import column_sql
from odata_gateway.sql.fragment import EMPTY, Sql, build, fill, join, param
from odata_gateway.sql.keyset import order_by
from odata_gateway.sql.pg_types import checked
from odata_gateway.types.family import AggregateRule

if TYPE_CHECKING:
    from odata_gateway.sql.relation import Relations

COUNTS: dict[str, AggregateRule] = {
    "count": AggregateRule("count(*)", "{0}::numeric"),
    "countdistinct": AggregateRule("count(DISTINCT {0})", "{0}::numeric"),
}
"""The methods that values of every type have; a type has the others."""

# Whether a row is one of the first, by method and direction. {0} is the part in its order, {1} the
# limit. Values {2} are added up over {3}, the rows before this one, and over {4}, the part. From
# the greatest down, values make sums that rise and then fall, from the least up sums that fall and
# then rise: so the greatest sum so far is that of the positive values, or the last one, or zero.
_BEFORE, _ALL = "coalesce(sum({2}) OVER ({3}), 0)", "sum({2}) OVER ({4})"
_RISEN, _FALLEN = (
    "coalesce(sum(greatest({2}, 0)) OVER ({3}), 0)",
    "coalesce(sum(least({2}, 0)) OVER ({3}), 0)",
)
_SHARE = f"(CASE sign({_ALL}) WHEN 1 THEN %s * 100 < {{1}} * {_ALL} WHEN -1 THEN %s * 100 > {{1}} * {_ALL} ELSE true END)"
RANKS: dict[tuple[str, str], str] = {
    ("first", ""): "(row_number() OVER ({0}) <= {1})",
    ("behind", ""): "(row_number() OVER ({0}) > {1})",
    ("sum", "top"): f"({_RISEN} < {{1}})",
    ("sum", "bottom"): f"(greatest({_BEFORE}, 0) < {{1}})",
    ("percent", "top"): _SHARE % (_RISEN, _BEFORE),
    ("percent", "bottom"): _SHARE % (_BEFORE, _FALLEN),
}


def derived_sql(derived: Derived, relations: Relations) -> Sql:
    """The rows of all selections, as one SELECT.

    Postgres moves no condition into a SELECT with an OFFSET: so what is asked of these rows is
    asked behind the policies within.
    """
    found = [_selection(s, relations) for s in derived.selections]
    if len(found) > 1:
        return build(
            "SELECT * FROM ({0}) AS u OFFSET 0",
            join(" UNION ALL ", (build("({0})", s) for s in found)),
        )
    return found[0] if derived.selections[0].skip is not None else build("{0} OFFSET 0", found[0])


def _selection(selection: Selection, relations: Relations) -> Sql:
    relations.enter(selection.block)
    columns = (
        build("{0} AS {1}", _column(c, relations), _name(i))
        for i, c in enumerate(selection.columns)
    )
    what = join(", ", columns)
    return relations.select(
        build("DISTINCT {0}", what) if selection.distinct else what,
        selection.block,
        _tail(selection, relations),
    )


def _name(index: int) -> Sql:
    return Sql((f"c{index:d}",))


def _column(column: BoundExpr | Aggregate | WindowCondition, relations: Relations) -> Sql:
    match column:
        case Aggregate():
            return _aggregate(column, relations)
        case WindowCondition():
            return _ranked(column, relations)
    return _value(column, relations, fits=True)


def _ranked(ranked: WindowCondition, relations: Relations) -> Sql:
    parts = join(", ", (relations.expressions.value(part) for part in ranked.parts))
    part = build("PARTITION BY {0}", parts) if ranked.parts else EMPTY
    ordered = part + order_by(ranked.order, relations.expressions)
    limit = relations.expressions.value(ranked.limit)
    if ranked.value is None or ranked.value.type is None:
        return fill(RANKS[ranked.method, ""], (ordered, limit))
    cast = "{0}::" + ranked.value.type.family.summed_as
    value = fill(cast, (build("({0})", relations.expressions.value(ranked.value)),))
    before = build("{0} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING", ordered)
    direction = "top" if ranked.order[0].descending else "bottom"
    return fill(RANKS[ranked.method, direction], (ordered, limit, value, before, part))


def _aggregate(column: Aggregate, relations: Relations) -> Sql:
    rule = _rule(column)
    fits = column.method in ("min", "max")
    called = fill(
        rule.call, () if column.operand is None else (_value(column.operand, relations, fits=fits),)
    )
    if column.condition is not None:
        called = build(
            "{0} FILTER (WHERE {1})", called, relations.expressions.condition(column.condition)
        )
    return fill(rule.outcome, (called if rule.outcome == "{0}" else build("({0})", called),))


def _rule(column: Aggregate) -> AggregateRule:
    if column.method in COUNTS or column.operand is None or column.operand.type is None:
        return COUNTS[column.method]
    return column.operand.type.aggregates[column.method]


def _value(expr: BoundExpr, relations: Relations, *, fits: bool) -> Sql:
    """A value of the type the model says, whatever the table has become: it will be part of a text.
    `fits`: within the type's range."""
    if isinstance(expr, Column):
        return checked(column_sql(expr), expr.pg_type, expr.type)
    return relations.expressions.fitted(expr) if fits else relations.expressions.value(expr)


def _tail(selection: Selection, relations: Relations) -> Sql:
    tail = EMPTY
    if selection.groups:
        tail = build(
            " GROUP BY {0}", join(", ", (Sql((f"{i + 1:d}",)) for i in range(selection.groups)))
        )
    if selection.order:
        tail += order_by(selection.order, relations.expressions)
    if selection.top is not None:
        tail = build("{0} LIMIT {1}", tail, param(selection.top, "int8"))
    if selection.skip is not None:
        tail = build("{0} OFFSET {1}", tail, param(selection.skip, "int8"))
    return tail
