"""$apply: transformations, each of which makes the rows of the next (Data Aggregation 4.0, section
3).

Rows stay entities as long as a transformation only picks some of them or computes names: filter and
search are predicates, top and its kin ask whether the key is among those of a SELECT with a limit.
What aggregates makes derived rows: a source whose columns are those of a SELECT, with a `Structure`
that says what they are called. Whatever follows, $filter and paging included, takes them as it
takes a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain, product

from odata_gateway.errors import BindName, LimitDepth, LimitNodes, Unsupported
from odata_gateway.plan.apply.aggregate import bind_measures
from odata_gateway.plan.apply.concat import copied, united
from odata_gateway.plan.apply.groupby import aggregated, groups_of, split_by, united_groups
from odata_gateway.plan.apply.join import bind_join
from odata_gateway.plan.apply.rowset import APPLY, InputSet, expr_of
from odata_gateway.plan.apply.top import bind_extreme, bind_percent, bind_skip, bind_sum, bind_top
from odata_gateway.plan.expression.binder import bind_filter
from odata_gateway.plan.expression.compute import bind_compute
from odata_gateway.plan.expression.order import bind_order
from odata_gateway.plan.expression.search import bind_search
from odata_gateway.plan.resource.path import Resource
from odata_gateway.plan.scope import Scope
from odata_gateway.url import ast

MAX_SELECTS = 16
"""SELECTs inside each other: what aggregates or limits is one, around all that comes before it."""
MAX_WEIGHT = 64
"""SELECTs in all: each sequence of concat, and each level of rollup, repeats those of its input."""


def bind_apply(steps: tuple[ast.Transformation, ...], resource: Resource, scope: Scope) -> InputSet:
    """The rows that a sequence of transformations makes of a resource's."""
    place = resource.place
    return bind_steps(steps, InputSet(place.entity_set, scope, place.within, place.predicates))


def bind_steps(steps: tuple[ast.Transformation, ...], rows: InputSet) -> InputSet:
    """The output of the sequence of an option.

    raises  Unsupported for a transformation that is not supported, LimitDepth and LimitNodes for
            too many that nest or repeat each other
    """
    if depth_of(steps) > MAX_SELECTS:
        raise LimitDepth(
            f"$apply aggregates and limits more than {MAX_SELECTS} times",
            target=APPLY,
            at=steps[-1].at,
        )
    found, binding = transformed_by(steps, rows), rows.scope.binding
    binding.selects += found.weight
    if binding.selects > MAX_WEIGHT:
        raise LimitNodes(
            f"$apply needs more than {MAX_WEIGHT} SELECTs", target=APPLY, at=steps[-1].at
        )
    return found


def transformed_by(steps: tuple[ast.Transformation, ...], rows: InputSet) -> InputSet:
    """The output of a sequence."""
    for step in steps:
        rows = transformed(step, rows)
    return rows


def transformed(step: ast.Transformation, rows: InputSet) -> InputSet:
    """The output of one transformation."""
    binding = rows.scope.binding
    binding.target = APPLY
    binding.enter()
    try:
        transform = TRANSFORMATIONS.get(step.name)
        if transform is None:
            raise Unsupported(
                f"the transformation {step.name} is not supported", target=APPLY, at=step.at
            )
        found = transform(step, rows)
    finally:
        binding.leave()
    if found.weight > MAX_WEIGHT:
        raise _too_heavy(step)
    return found


def _too_heavy(step: ast.Transformation) -> LimitNodes:
    return LimitNodes(f"$apply needs more than {MAX_WEIGHT} SELECTs", target=APPLY, at=step.at)


def depth_of(steps: tuple[ast.Transformation, ...]) -> int:
    """How many SELECTs a sequence puts around each other at least."""
    inner = (
        argument.steps
        for step in steps
        for argument in step.args
        if isinstance(argument, ast.Sequence)
    )
    return sum(step.name not in PLAIN for step in steps) + sum(map(depth_of, inner))


# --- rows stay what they are ----------------------------------------------------------------------


def _identity(step: ast.Transformation, rows: InputSet) -> InputSet:
    return rows


def _filter(step: ast.Transformation, rows: InputSet) -> InputSet:
    [condition] = step.args
    return rows.where(bind_filter(expr_of(condition), rows.scope))


def _search(step: ast.Transformation, rows: InputSet) -> InputSet:
    [search] = step.args
    assert isinstance(search, ast.Term | ast.SearchOp)
    return rows.where(bind_search(search, rows.scope))


def _compute(step: ast.Transformation, rows: InputSet) -> InputSet:
    items = tuple(item for item in step.args if isinstance(item, ast.ComputeItem))
    scope = bind_compute(
        items, rows.entity_set.entity_type, rows.scope, kept=rows.scope.computed, target=APPLY
    )
    return replace(rows, scope=scope, computes=(*rows.computes, *items))


def _orderby(step: ast.Transformation, rows: InputSet) -> InputSet:
    """A stable sort: what was sorted before decides among equals."""
    items = tuple(item for item in step.args if isinstance(item, ast.OrderItem))
    bind_order(items, rows.scope, APPLY)
    return replace(rows, order=(*items, *rows.order))


# --- rows made of rows ----------------------------------------------------------------------------


def _aggregate(step: ast.Transformation, rows: InputSet) -> InputSet:
    items = tuple(item for item in step.args if isinstance(item, ast.AggregateItem))
    return aggregated(rows, bind_measures(items, rows.entity_set.entity_type, rows.scope))


def _groupby(step: ast.Transformation, rows: InputSet) -> InputSet:
    """Without a second parameter, one row for each group that has what it was grouped by."""
    sequence = step.args[-1]
    items = step.args[:-1] if isinstance(sequence, ast.Sequence) else step.args
    if any(isinstance(item, ast.Rollup) for item in items):
        return _rolled_up(step, items, rows)
    groups = groups_of(items, rows)
    inner = split_by(rows, groups)
    if not isinstance(sequence, ast.Sequence):
        return united_groups(aggregated(inner, ()), rows, groups)
    return united_groups(transformed_by(sequence.steps, inner), rows, groups)


def _rolled_up(
    step: ast.Transformation, items: tuple[ast.TransformationArgument, ...], rows: InputSet
) -> InputSet:
    """A groupby for each combination of levels, one after the other, from the finest on
    (3.2.3.2)."""
    further = step.args[len(items) :]
    levels = tuple(
        product(*(_levels(item) if isinstance(item, ast.Rollup) else [(item,)] for item in items))
    )
    if (rows.weight + 1) * len(levels) > MAX_WEIGHT:
        raise _too_heavy(step)
    plain = (
        ast.Transformation("groupby", (*chain.from_iterable(level), *further), step.at)
        for level in levels
    )
    return united(rows, [transformed(each, copied(rows)) for each in plain], step.at)


def _levels(rollup: ast.Rollup) -> list[tuple[ast.Expr, ...]]:
    """All paths of a hierarchy, all but the last, and so on up to the first alone."""
    if len(rollup.paths) == 1:
        hint = "name two paths or more, from coarse to fine"
        raise BindName(
            "the model has no leveled hierarchies", target=APPLY, at=rollup.at, hint=hint
        )
    return [rollup.paths[:length] for length in range(len(rollup.paths), 0, -1)]


def _join(step: ast.Transformation, rows: InputSet) -> InputSet:
    return bind_join(step, rows, transformed_by)


def _concat(step: ast.Transformation, rows: InputSet) -> InputSet:
    sequences = [argument.steps for argument in step.args if isinstance(argument, ast.Sequence)]
    return united(rows, [transformed_by(steps, copied(rows)) for steps in sequences], step.at)


Transform = Callable[[ast.Transformation, InputSet], InputSet]
PLAIN = frozenset({"identity", "filter", "search", "compute", "orderby"})
TRANSFORMATIONS: Mapping[str, Transform] = {
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
