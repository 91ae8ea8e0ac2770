"""top, skip, topcount, topsum, toppercent and their kin: some of the rows, by their order (Data
Aggregation 4.0, section 3.3).

Entities stay entities: a predicate asks whether the key is among those of a SELECT with a limit, or
of one that ranks the rows. Within groups, and where values are added up, each row is told whether
it is one of the first.
"""

from __future__ import annotations

from dataclasses import replace

from odata_gateway.errors import BindType, Unsupported
from odata_gateway.plan.apply.rowset import (
    APPLY,
    InputSet,
    all_of,
    as_entities,
    chosen_by,
    expr_of,
    layer,
)
from odata_gateway.plan.expression.binder import bind_expr
from odata_gateway.plan.expression.literals import resolve_alias
from odata_gateway.plan.expression.order import bind_order, key_of
from odata_gateway.plan.tree.relation import (
    BoundExpr,
    CaseWhen,
    Column,
    OrderKey,
    Parameter,
    Selection,
    WindowCondition,
)
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types.primitive import INT64
from odata_gateway.url import ast


def bind_top(step: ast.Transformation, rows: InputSet) -> InputSet:
    """The first rows in their order."""
    slot = LiteralSlot(_literal(step, rows, whole=True).slot, INT64)
    if rows.split is None:
        return _limited(rows, top=slot)
    return _ranked(rows, WindowCondition("first", _order(rows), Parameter(slot, INT64)))


def bind_skip(step: ast.Transformation, rows: InputSet) -> InputSet:
    """The rows behind those."""
    slot = LiteralSlot(_literal(step, rows, whole=True).slot, INT64)
    if rows.split is None:
        return _limited(rows, skip=slot)
    return _ranked(rows, WindowCondition("behind", _order(rows), Parameter(slot, INT64)))


def bind_extreme(step: ast.Transformation, rows: InputSet) -> InputSet:
    """topcount and bottomcount, in the order they look at the rows; null is the least value."""
    slot = LiteralSlot(_literal(step, rows, whole=True).slot, INT64, "positive")
    rows = _sorted(step, rows)
    if rows.split is None:
        return _limited(rows, top=slot)
    return _ranked(rows, WindowCondition("first", _order(rows), Parameter(slot, INT64)))


def bind_sum(step: ast.Transformation, rows: InputSet) -> InputSet:
    """topsum and bottomsum: rows until their values add up to the number; a null adds nothing."""
    _literal(step, rows, signed=True)
    limit = bind_expr(expr_of(step.args[0]), rows.scope)
    rows, value = _sorted(step, rows), _summand(step, rows)
    return _ranked(rows, WindowCondition("sum", _order(rows), limit, value=value))


def bind_percent(step: ast.Transformation, rows: InputSet) -> InputSet:
    """toppercent and bottompercent: rows until their values are a share of all values; where these
    add up to zero, nothing is."""
    bound = bind_expr(_literal(step, rows), rows.scope)
    assert isinstance(bound, Parameter) and isinstance(bound.slot, LiteralSlot)
    limit = replace(bound, slot=replace(bound.slot, mode="percent"))
    rows, value = _sorted(step, rows), _summand(step, rows)
    return _ranked(rows, WindowCondition("percent", _order(rows), limit, value=value))


def _literal(
    step: ast.Transformation, rows: InputSet, *, whole: bool = False, signed: bool = False
) -> ast.Literal:
    """The first parameter. Any expression over the whole input may stand there; the service takes
    numbers."""
    node = resolve_alias(expr_of(step.args[0]), rows.scope)
    if isinstance(node, ast.Unary) and node.op == "-" and signed:
        node = node.operand
    if not isinstance(node, ast.Literal) or node.many:
        raise Unsupported(
            f"the number of {step.name} must be written as a number", target=APPLY, at=step.at
        )
    if node.kind not in (("int32", "int64") if whole else ("int32", "int64", "decimal", "double")):
        raise BindType(
            f"the number of {step.name} must be a {'whole ' if whole else ''}number",
            target=APPLY,
            at=node.at,
        )
    return node


def _sorted(step: ast.Transformation, rows: InputSet) -> InputSet:
    expr = expr_of(step.args[1])
    item = ast.OrderItem(expr, step.name.startswith("top"), expr.at)
    return replace(rows, order=(item, *rows.order))


def _summand(step: ast.Transformation, rows: InputSet) -> BoundExpr:
    """What is added up."""
    node = expr_of(step.args[1])
    rows.scope.binding.target = APPLY
    value = bind_expr(node, rows.scope)
    if value.type is None or not value.type.is_numeric:
        what = "null" if value.type is None else value.type.name
        raise BindType(f"{step.name} needs numbers, this is {what}", target=APPLY, at=node.at)
    return _of_kept(value, rows)


def _order(rows: InputSet) -> tuple[OrderKey, ...]:
    return tuple(
        replace(key, expr=_of_kept(key.expr, rows))
        for key in bind_order(rows.order, rows.scope, APPLY)
    )


def _of_kept(value: BoundExpr, rows: InputSet) -> BoundExpr:
    """A value that is not computed for rows that are not left, where it may fail."""
    kept = all_of(rows.kept)
    return (
        value
        if kept is None or value.type is None or isinstance(value, Column)
        else CaseWhen(((kept, value),), value.type)
    )


def _limited(
    rows: InputSet, *, top: LiteralSlot | None = None, skip: LiteralSlot | None = None
) -> InputSet:
    """The first rows in their order, or those behind them."""
    order = bind_order(rows.order, rows.scope, APPLY)
    if rows.made is not None:
        return layer(rows, order=order, top=top, skip=skip)[0]
    return chosen_by(Selection(rows.block, key_of(rows.row), order=order, top=top, skip=skip), rows)


def _ranked(rows: InputSet, ranked: WindowCondition) -> InputSet:
    """The rows for which it is true, of each group."""
    kept = all_of(rows.kept)
    conditions = (
        *(() if kept is None else (kept,)),
        replace(ranked, parts=(*(rows.split or ()), *rows.kept)),
    )
    layered, new = layer(rows, conditions)
    for condition in conditions:
        layered = layered.where(new[condition])
    return as_entities(layered) if rows.split is None and layered.are_entities else layered
