"""top, skip, topcount, topsum, toppercent and their kin: some of the rows, by their order (Data
Aggregation 4.0, section 3.3).

Entities stay entities: a predicate asks whether the key is among those of a SELECT with a limit, or
of one that ranks the rows. Within groups, and where values are added up, a window condition says of
each row whether it is one of the first.
"""

from __future__ import annotations

from dataclasses import replace

from odata_gateway.errors import BindType, Unsupported
from odata_gateway.plan.apply.rowset import InputSet, as_entities, as_expr, chosen_by, layered
from odata_gateway.plan.expression.literals import resolve_alias
from odata_gateway.plan.expression.order import bind_order, key_of
from odata_gateway.plan.tree.conditions import all_of
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

WHOLE = ("int32", "int64")
NUMBERS = (*WHOLE, "decimal", "double")


def bind_top(step: ast.Transformation, rows: InputSet) -> InputSet:
    """The first rows in their order."""
    slot = LiteralSlot(_number(step, rows, WHOLE).slot, INT64, "rows")
    if rows.groups is None:
        return _limited(rows, top=slot)
    return _ranked(rows, WindowCondition("first", _order(rows), Parameter(slot, INT64)))


def bind_skip(step: ast.Transformation, rows: InputSet) -> InputSet:
    """The rows behind the first ones."""
    slot = LiteralSlot(_number(step, rows, WHOLE).slot, INT64, "rows")
    if rows.groups is None:
        return _limited(rows, skip=slot)
    return _ranked(rows, WindowCondition("behind", _order(rows), Parameter(slot, INT64)))


def bind_extreme(step: ast.Transformation, rows: InputSet) -> InputSet:
    """topcount and bottomcount: the first rows in the order of a value; null is the least."""
    slot = LiteralSlot(_number(step, rows, WHOLE).slot, INT64, "positive")
    rows = _sorted(step, rows)
    if rows.groups is None:
        return _limited(rows, top=slot)
    return _ranked(rows, WindowCondition("first", _order(rows), Parameter(slot, INT64)))


def bind_sum(step: ast.Transformation, rows: InputSet) -> InputSet:
    """topsum and bottomsum: rows until their values add up to the number; a null adds nothing."""
    _number(step, rows, NUMBERS, signed=True)
    limit = rows.scope.bind.expr(as_expr(step.args[0]), rows.scope)
    rows, value = _sorted(step, rows), _summand(step, rows)
    return _ranked(rows, WindowCondition("sum", _order(rows), limit, value=value))


def bind_percent(step: ast.Transformation, rows: InputSet) -> InputSet:
    """toppercent and bottompercent: rows until their values are a share of all values; no rows
    where these add up to zero."""
    bound = rows.scope.bind.expr(_number(step, rows, NUMBERS), rows.scope)
    assert isinstance(bound, Parameter) and isinstance(bound.slot, LiteralSlot)
    limit = replace(bound, slot=replace(bound.slot, mode="percent"))
    rows, value = _sorted(step, rows), _summand(step, rows)
    return _ranked(rows, WindowCondition("percent", _order(rows), limit, value=value))


# --- parameters -----------------------------------------------------------------------------------


def _number(
    step: ast.Transformation, rows: InputSet, kinds: tuple[str, ...], *, signed: bool = False
) -> ast.Literal:
    """The first parameter. The standard allows any expression over the whole input; this service
    takes numbers."""
    node = resolve_alias(as_expr(step.args[0]), rows.scope)
    if isinstance(node, ast.Unary) and node.op == "-" and signed:
        node = node.operand
    if not isinstance(node, ast.Literal) or node.many:
        raise Unsupported(f"the number of {step.name} must be written as a number", at=node.at)
    if node.kind not in kinds:
        whole = "whole " if kinds is WHOLE else ""
        raise BindType(f"the number of {step.name} must be a {whole}number", at=node.at)
    return node


def _sorted(step: ast.Transformation, rows: InputSet) -> InputSet:
    """The rows in the order of the second parameter."""
    expr = as_expr(step.args[1])
    item = ast.OrderItem(expr, step.name.startswith("top"), expr.at)
    return replace(rows, order=(item, *rows.order))


def _summand(step: ast.Transformation, rows: InputSet) -> BoundExpr:
    """The value of the second parameter, to be added up."""
    node = resolve_alias(as_expr(step.args[1]), rows.scope)
    value = rows.scope.bind.expr(node, rows.scope)
    if value.type is None or not value.type.is_numeric:
        what = "null" if value.type is None else value.type.name
        raise BindType(f"{step.name} needs numbers, this is {what}", at=node.at)
    return _of_kept(value, rows)


# --- some of the rows -----------------------------------------------------------------------------


def _order(rows: InputSet) -> tuple[OrderKey, ...]:
    return tuple(
        replace(key, expr=_of_kept(key.expr, rows)) for key in bind_order(rows.order, rows.scope)
    )


def _of_kept(value: BoundExpr, rows: InputSet) -> BoundExpr:
    """A value that Postgres computes only for rows that are left: it may fail for the others."""
    kept = all_of(rows.kept)
    if kept is None or value.type is None or isinstance(value, Column):
        return value
    return CaseWhen(((kept, value),), value.type)


def _limited(
    rows: InputSet, *, top: LiteralSlot | None = None, skip: LiteralSlot | None = None
) -> InputSet:
    """The first rows in their order, or those behind them."""
    order = bind_order(rows.order, rows.scope)
    if rows.derived is not None:
        return layered(rows, order=order, top=top, skip=skip)[0]
    return chosen_by(Selection(rows.block, key_of(rows.row), order=order, top=top, skip=skip), rows)


def _ranked(rows: InputSet, ranked: WindowCondition) -> InputSet:
    """The rows of each group for which a window condition is true."""
    kept = all_of(rows.kept)
    conditions = (
        *(() if kept is None else (kept,)),
        replace(ranked, partition=(*(rows.groups or ()), *rows.kept)),
    )
    layer, new = layered(rows, conditions)
    for condition in conditions:
        layer = layer.where(new[condition])
    return as_entities(layer) if rows.groups is None and layer.are_entities else layer
