"""$apply: transformations, each of which makes the rows of the next (Data Aggregation 4.0, section
3).

Rows stay entities as long as a transformation only picks some of them or computes names: filter and
search add predicates; top and its kin ask whether the key is among those of a SELECT with a limit.
What aggregates makes derived rows: a source whose columns are those of a SELECT, with a
`RowStructure` that says what they are called. Whatever follows, $filter and paging included, takes
them as it takes a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain, product

from odata_gateway.errors import BindName, LimitDepth, LimitNodes, Unsupported
from odata_gateway.plan.apply.aggregate import bind_measures
from odata_gateway.plan.apply.concat import copied, united
from odata_gateway.plan.apply.groupby import aggregated, grouped_by, grouping_of, united_groups
from odata_gateway.plan.apply.join import joined_rows, related_rows
from odata_gateway.plan.apply.rowset import InputSet, as_expr
from odata_gateway.plan.apply.top import bind_extreme, bind_percent, bind_skip, bind_sum, bind_top
from odata_gateway.plan.expression.compute import bind_compute
from odata_gateway.plan.expression.order import bind_order
from odata_gateway.plan.expression.search import bind_search
from odata_gateway.url import ast

MAX_NESTED_SELECTS = 16
"""SELECTs inside each other: each transformation that aggregates or limits is one, around all that
comes before it."""
MAX_SELECTS = 64
"""SELECTs in all: each sequence of concat, and each level of rollup, repeats those of its input."""


def bind_apply(steps: tuple[ast.Transformation, ...], rows: InputSet) -> InputSet:
    """The output of the sequence that is the value of an option.

    raises  Unsupported             for a transformation that is not supported
            LimitDepth, LimitNodes  for too many that nest or repeat each other
    """
    binding = rows.scope.binding
    with binding.inside("$apply"):
        if nested_selects(steps) > MAX_NESTED_SELECTS:
            raise LimitDepth(
                f"$apply aggregates and limits more than {MAX_NESTED_SELECTS} times",
                at=steps[-1].at,
            )
        found = transformed_by(steps, rows)
        binding.size.selects += found.selects
        if binding.size.selects > MAX_SELECTS:
            raise _too_many_selects(steps[-1])
        return found


def transformed_by(steps: tuple[ast.Transformation, ...], rows: InputSet) -> InputSet:
    """The output of a sequence."""
    for step in steps:
        rows = transformed(step, rows)
    return rows


def transformed(step: ast.Transformation, rows: InputSet) -> InputSet:
    """The output of one transformation."""
    with rows.scope.binding.size.level(step.at):
        transform = TRANSFORMATIONS.get(step.name)
        if transform is None and "." in step.name and step.name not in rows.scope.model.functions:
            raise BindName(f"there is no transformation or function '{step.name}'", at=step.at)
        if transform is None:
            raise Unsupported(f"the transformation {step.name} is not supported", at=step.at)
        found = transform(step, rows)
    if found.selects > MAX_SELECTS:
        raise _too_many_selects(step)
    return found


def _too_many_selects(step: ast.Transformation) -> LimitNodes:
    return LimitNodes(f"$apply needs more than {MAX_SELECTS} SELECTs", at=step.at)


def nested_selects(steps: tuple[ast.Transformation, ...]) -> int:
    """The least number of SELECTs inside each other that a sequence makes."""
    inner = (
        argument.steps
        for step in steps
        for argument in step.args
        if isinstance(argument, ast.Sequence)
    )
    return sum(step.name not in PLAIN for step in steps) + sum(map(nested_selects, inner))


# --- rows stay what they are ----------------------------------------------------------------------


def _identity(step: ast.Transformation, rows: InputSet) -> InputSet:
    return rows


def _filter(step: ast.Transformation, rows: InputSet) -> InputSet:
    [condition] = step.args
    return rows.where(rows.scope.bind.condition(as_expr(condition), rows.scope))


def _search(step: ast.Transformation, rows: InputSet) -> InputSet:
    [search] = step.args
    assert isinstance(search, ast.Term | ast.SearchOp)
    return rows.where(bind_search(search, rows.scope))


def _compute(step: ast.Transformation, rows: InputSet) -> InputSet:
    items = tuple(item for item in step.args if isinstance(item, ast.ComputeItem))
    scope = bind_compute(items, rows.entity_set.entity_type, rows.scope)
    return replace(rows, scope=scope, computes=(*rows.computes, *items))


def _orderby(step: ast.Transformation, rows: InputSet) -> InputSet:
    """A stable sort: what was sorted before decides among equals."""
    items = tuple(item for item in step.args if isinstance(item, ast.OrderItem))
    bind_order(items, rows.scope)
    return replace(rows, order=(*items, *rows.order))


# --- rows made of rows ----------------------------------------------------------------------------


def _aggregate(step: ast.Transformation, rows: InputSet) -> InputSet:
    items = tuple(item for item in step.args if isinstance(item, ast.AggregateItem))
    return aggregated(rows, bind_measures(items, rows.entity_set.entity_type, rows.scope))


def _groupby(step: ast.Transformation, rows: InputSet) -> InputSet:
    """One row for each group, with what it was grouped by; or what the second parameter makes of
    the rows of each group."""
    sequence = step.args[-1]
    items = step.args[:-1] if isinstance(sequence, ast.Sequence) else step.args
    if any(isinstance(item, ast.Rollup) for item in items):
        return _rolled_up(step, items, rows)
    grouping = grouping_of(items, rows)
    inner = grouped_by(rows, grouping)
    made = (
        transformed_by(sequence.steps, inner)
        if isinstance(sequence, ast.Sequence)
        else aggregated(inner, ())
    )
    return united_groups(made, rows, grouping, at=step.at)


def _rolled_up(
    step: ast.Transformation, items: tuple[ast.TransformationArgument, ...], rows: InputSet
) -> InputSet:
    """A groupby for each combination of levels, one after the other, beginning with the finest
    (3.2.3.2)."""
    further = step.args[len(items) :]
    levels = tuple(
        product(*(_levels(item) if isinstance(item, ast.Rollup) else [(item,)] for item in items))
    )
    if (rows.selects + 1) * len(levels) > MAX_SELECTS:
        raise _too_many_selects(step)
    plain = (
        ast.Transformation("groupby", (*chain.from_iterable(level), *further), step.at)
        for level in levels
    )
    return united(rows, [transformed(each, copied(rows)) for each in plain], at=step.at)


def _levels(rollup: ast.Rollup) -> list[tuple[ast.Expr, ...]]:
    """All paths of a hierarchy, all but the last, and so on up to the first alone."""
    if len(rollup.paths) == 1:
        raise BindName(
            "the model has no leveled hierarchies",
            at=rollup.at,
            hint="name two paths or more, from coarse to fine",
        )
    return [rollup.paths[:length] for length in range(len(rollup.paths), 0, -1)]


def _join(step: ast.Transformation, rows: InputSet) -> InputSet:
    related = related_rows(step, rows)
    for argument in step.args[1:]:
        assert isinstance(argument, ast.Sequence)
        related = replace(related, rows=transformed_by(argument.steps, related.rows))
    return joined_rows(step, rows, related)


def _concat(step: ast.Transformation, rows: InputSet) -> InputSet:
    sequences = [argument.steps for argument in step.args if isinstance(argument, ast.Sequence)]
    return united(rows, [transformed_by(steps, copied(rows)) for steps in sequences], at=step.at)


PLAIN = frozenset({"identity", "filter", "search", "compute", "orderby"})
"""Transformations that make no SELECT."""
TRANSFORMATIONS: Mapping[str, Callable[[ast.Transformation, InputSet], InputSet]] = {
    "identity": _identity,
    "filter": _filter,
    "search": _search,
    "compute": _compute,
    "orderby": _orderby,
    "top": bind_top,
    "skip": bind_skip,
    "topcount": bind_extreme,
    "bottomcount": bind_extreme,
    "topsum": bind_sum,
    "bottomsum": bind_sum,
    "toppercent": bind_percent,
    "bottompercent": bind_percent,
    "aggregate": _aggregate,
    "groupby": _groupby,
    "concat": _concat,
    "join": _join,
    "outerjoin": _join,
}
