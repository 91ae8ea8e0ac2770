"""Arithmetic operators (URL Conventions 5.1.1.2): the types of their results, and their SQL.

Whole numbers widen: a result has the narrowest of Edm.Int32, Edm.Int64 and Edm.Decimal that holds
whatever the operands can make, and at least their common type. So no row can be out of range. What
is known of an operand is the largest absolute value that it can have.

Whole numbers divide by truncation and mod takes the sign of its left side, as in Postgres; div of a
whole number or decimal by zero and every mod by zero fail the request (SQLSTATE 22012). A double
that div or divby divides by zero is INF, -INF or NaN, where Postgres raises; a decimal that divby
divides by zero is null, because the type has none of these.
"""

from __future__ import annotations

from odata_gateway.types.families.decimal import DECIMAL
from odata_gateway.types.families.integer import INT32, INT64, WHOLE
from odata_gateway.types.family import Operation, PrimitiveType
from odata_gateway.types.registry import OPERATIONS, PRIMITIVE_TYPES

_SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "divby": "/", "mod": "%"}


def promote(left: PrimitiveType, right: PrimitiveType) -> PrimitiveType:
    """The common type of two numeric operands (URL Conventions 5.1.1.18): integers meet decimals
    before they meet doubles."""
    return left if left.rank >= right.rank else right


def result_type(
    op: str, left: PrimitiveType, right: PrimitiveType, largest: int | None
) -> PrimitiveType | None:
    """The type of an operator's result; None where it has no meaning.

    largest  of a whole result; None: it has no bound
    """
    if left.is_numeric and right.is_numeric:
        wide = promote(left, right)
        if not wide.is_integer:
            return wide
        return DECIMAL if op == "divby" else promote(wide, whole_type(largest))
    found = operation(op, left, right)
    return PRIMITIVE_TYPES[found.result] if found else None


def makes_null(op: str, left: PrimitiveType, right: PrimitiveType) -> bool:
    """Whether an operator can make null of two values."""
    found = operation(op, left, right)
    if found is not None:
        return found.can_miss
    return op == "divby" and not promote(left, right).family.has_nan


def operation(op: str, left: PrimitiveType, right: PrimitiveType) -> Operation | None:
    """An operator of which a side is not a number."""
    return OPERATIONS.get((op, left.family.name, right.family.name))


def whole_type(largest: int | None) -> PrimitiveType:
    """The narrowest type, from Edm.Int32 on, of whole numbers up to the largest and down to its
    negative."""
    for type_ in (INT32, INT64):
        if largest is not None and type_.high is not None and largest <= type_.high:
            return type_
    return WHOLE


def largest_value(type_: PrimitiveType | None) -> int | None:
    """The largest absolute value that a whole number of a type can have."""
    if type_ is None or type_.low is None or type_.high is None:
        return None
    return max(-type_.low, type_.high)


def largest_result(op: str, left: int | None, right: int | None) -> int | None:
    """The largest absolute value that an operator makes of whole numbers up to these."""
    if op == "div":
        return left
    if op == "mod":
        bounds = (left, None if right is None else right - 1)
        return min((bound for bound in bounds if bound is not None), default=None)
    if left is None or right is None:
        return None
    return left * right if op == "mul" else left + right


def operator_template(
    op: str, left: PrimitiveType | None, right: PrimitiveType | None, result: PrimitiveType
) -> str:
    """The template of an operator, its operands as {0} and {1}."""
    if left is not None and right is not None:
        found = operation(op, left, right)
        if found is not None:
            return found.sql
    default = f"({{0}} {_SYMBOLS[op]} {{1}})"
    return result.number_operators.get(op) or result.family.number_operators.get(op, default)
