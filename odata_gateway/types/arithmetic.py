"""Arithmetic operators (URL Conventions 5.1.1.2): the types of their results, and their SQL.

Integers divide by truncation and mod takes the sign of its left side, as in Postgres; div of an
integer or decimal by zero and every mod by zero fail the request (SQLSTATE 22012). A double that
div or divby divides by zero is INF, -INF or NaN, where Postgres raises; a decimal that divby
divides by zero is null, because the type has none of these.
"""

from __future__ import annotations

from odata_gateway.types.families.decimal import DECIMAL
from odata_gateway.types.families.integer import INT32
from odata_gateway.types.family import PrimitiveType
from odata_gateway.types.registry import OPERATIONS, PRIMITIVE_TYPES

_SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "divby": "/", "mod": "%"}


def promote(left: PrimitiveType, right: PrimitiveType) -> PrimitiveType:
    """The common type of two numeric operands (URL Conventions 5.1.1.18): integers meet decimals
    before they meet doubles."""
    return left if left.rank >= right.rank else right


def result_type(op: str, left: PrimitiveType, right: PrimitiveType) -> PrimitiveType | None:
    """The type of an operator's result; None where it has no meaning."""
    if left.is_numeric and right.is_numeric:
        wide = promote(left, right)
        if op == "divby" and wide.is_integer:
            return DECIMAL
        return wide if wide.rank >= INT32.rank else INT32
    found = OPERATIONS.get((op, left.family.name, right.family.name))
    return PRIMITIVE_TYPES[found.result] if found else None


def makes_null(op: str, result: PrimitiveType) -> bool:
    """Whether an operator can make null of two values."""
    return op == "divby" and result is DECIMAL


def operator_template(
    op: str, left: PrimitiveType | None, right: PrimitiveType | None, result: PrimitiveType
) -> str:
    """The template of an operator, its operands as {0} and {1}."""
    if left is not None and right is not None:
        found = OPERATIONS.get((op, left.family.name, right.family.name))
        if found is not None:
            return found.sql
    return result.family.number_operators.get(op, f"({{0}} {_SYMBOLS[op]} {{1}})")
