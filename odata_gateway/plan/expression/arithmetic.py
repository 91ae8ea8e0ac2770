"""Operators on numbers, times and durations (URL Conventions 5.1.1.2)."""

from __future__ import annotations

from odata_gateway.errors import BindType
from odata_gateway.plan.scope.scope import Scope
from odata_gateway.plan.tree.relation import (
    Arithmetic,
    ArithmeticOp,
    BoundExpr,
    CaseWhen,
    ConstantValue,
    CountOf,
    Negate,
    Parameter,
)
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types import primitive as types
from odata_gateway.types.arithmetic import (
    largest_result,
    largest_value,
    makes_null,
    promote,
    result_type,
    whole_type,
)
from odata_gateway.types.primitive import PrimitiveType
from odata_gateway.url import ast

ARITHMETIC: dict[str, ArithmeticOp] = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "div": "div",
    "divby": "divby",
    "mod": "mod",
}
MOST_ROWS = 2**53
"""More than a table can have."""


def bind_negation(node: ast.Unary, scope: Scope) -> BoundExpr:
    """`-` before a number or a duration."""
    operand = scope.bind.expr(node.operand, scope)
    if operand.type is None:
        return operand
    if not (operand.type.is_numeric or operand.type.family.can_be_negated):
        raise BindType(f"{operand.type.name} cannot be negated", at=node.at)
    if not operand.type.is_numeric:
        return Negate(operand, operand.type, nullable=True)  # null where it is out of range
    largest = _largest(operand)
    type_ = operand.type
    if type_.is_integer:
        type_ = promote(type_, whole_type(largest))
    return Negate(operand, type_, operand.nullable, largest)


def bind_arithmetic(node: ast.Binary, scope: Scope) -> BoundExpr:
    """An operator on two values; null where one of them is the null literal."""
    op = ARITHMETIC[node.op]
    left, right = scope.bind.expr(node.left, scope), scope.bind.expr(node.right, scope)
    if left.type is None or right.type is None:
        return ConstantValue(None, left.type or right.type)
    left, right = _as_duration(left, right.type, op), _as_duration(right, left.type, op)
    if op == "sub" and not scope.binding.strict:
        left, right = _as_time(left, right.type), _as_time(right, left.type)
    assert left.type is not None and right.type is not None
    largest = largest_result(op, _largest(left), _largest(right))
    result = result_type(op, left.type, right.type, largest)
    if result is None:
        names = f"{left.type.name} and {right.type.name}"
        raise BindType(f"{op} cannot be used with {names}", at=node.at)
    nullable = left.nullable or right.nullable or makes_null(op, left.type, right.type)
    return Arithmetic(op, left, right, result, nullable, largest)


def _largest(expr: BoundExpr) -> int | None:
    """The largest absolute value of a whole number; None where there is no bound."""
    match expr:
        case Arithmetic(largest=largest) | Negate(largest=largest):
            return largest
        case CountOf():
            return MOST_ROWS
        case Parameter(type=type_) if type_ is types.INT32:  # types.numbers has Int64 for its least
            return type_.high
        case CaseWhen(branches=branches):
            found = [_largest(value) for _, value in branches if value.type is not None]
            return None if None in found else max(filter(None, found), default=None)
    return largest_value(expr.type)


def _as_time(expr: BoundExpr, other: PrimitiveType | None) -> BoundExpr:
    """A date that is written beside a time is its midnight, a spelling beyond the standard."""
    match expr:
        case Parameter(type=types.DATE, slot=LiteralSlot(mode="value", index=index)) if (
            other is types.DATETIME
        ):
            return Parameter(LiteralSlot(index, types.DATETIME), types.DATETIME)
    return expr


def _as_duration(expr: BoundExpr, other: PrimitiveType | None, op: str) -> BoundExpr:
    """A quoted string beside a time in add and sub is a duration without its prefix (4.01 Minimal
    9b)."""
    is_time = other is types.DATETIME or other is types.DATE or other is types.DURATION
    if (
        is_time
        and op in ("add", "sub")
        and isinstance(expr, Parameter)
        and isinstance(expr.slot, LiteralSlot)
        and expr.type is types.STRING
    ):
        return Parameter(LiteralSlot(expr.slot.index, types.DURATION, "value"), types.DURATION)
    return expr
