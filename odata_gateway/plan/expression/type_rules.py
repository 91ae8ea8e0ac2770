"""Which types can be compared, and which type an operator gives (URL Conventions 5.1.1.1,
5.1.1.2)."""

from __future__ import annotations

from odata_gateway.edm import types
from odata_gateway.edm.types import PrimitiveType
from odata_gateway.errors import BindType
from odata_gateway.plan.tree.relation import ArithmeticOp, ComparisonOp


def check_comparable(
    op: ComparisonOp, left: PrimitiveType | None, right: PrimitiveType | None, *, at: int
) -> None:
    """Refuse a comparison of values whose types cannot be compared; null can with any."""
    if (
        left is None
        or right is None
        or left.family == right.family
        or (left.is_numeric and right.is_numeric)
    ):
        if op in ("eq", "ne") or "binary" not in (left and left.family, right and right.family):
            return
        raise BindType("Edm.Binary values have no order", at=at)
    hint = (
        "use date(...) to make an Edm.Date of a time"
        if {left.family, right.family} == {"date", "datetime"}
        else None
    )
    raise BindType(f"{left.name} cannot be compared with {right.name}", at=at, hint=hint)


def arithmetic_type(
    op: ArithmeticOp, left: PrimitiveType | None, right: PrimitiveType | None
) -> PrimitiveType | None:
    """The result type of an operator; None where it has none."""
    if left is None or right is None:
        return None
    if left.is_numeric and right.is_numeric:
        wide = types.promote(left, right)
        if op == "divby" and wide.is_integer:
            return types.DECIMAL
        return wide if wide.rank >= types.INT32.rank else types.INT32
    match op, left.family, right.family:
        case ["sub", "datetime", "datetime"]:
            return types.DURATION
        case ["sub", "date", "date"]:
            return types.DURATION
        case ["add" | "sub", "datetime" | "date" | "duration", "duration"]:
            return left
        case ["mul", "duration", "integer" | "decimal" | "double"]:
            return left
        case ["mul", "integer" | "decimal" | "double", "duration"]:
            return right
        case ["div" | "divby", "duration", "integer" | "decimal" | "double"]:
            return left
    return None
