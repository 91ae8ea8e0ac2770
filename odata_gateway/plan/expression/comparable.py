"""Which types can be compared (URL Conventions 5.1.1.1)."""

from __future__ import annotations

from odata_gateway.errors import BindType
from odata_gateway.plan.tree.relation import ComparisonOp
from odata_gateway.types import primitive as types
from odata_gateway.types.primitive import PrimitiveType


def check_comparable(
    op: ComparisonOp, left: PrimitiveType | None, right: PrimitiveType | None, *, at: int
) -> None:
    """Refuse a comparison of values whose types cannot be compared; null can with any."""
    if (
        left is None
        or right is None
        or left.family is right.family
        or (left.is_numeric and right.is_numeric)
    ):
        unordered = [each for each in (left, right) if each and not each.family.is_ordered]
        if op in ("eq", "ne") or not unordered:
            return
        raise BindType(f"{unordered[0].name} values have no order", at=at)
    hint = (
        "use date(...) to make an Edm.Date of a time"
        if {left, right} == {types.DATE, types.DATETIME}
        else None
    )
    raise BindType(f"{left.name} cannot be compared with {right.name}", at=at, hint=hint)
