"""Which types can be compared (URL Conventions 5.1.1.1)."""

from __future__ import annotations

from odata_gateway.errors import BindType, Unsupported
from odata_gateway.plan.tree.relation import ComparisonOp
from odata_gateway.types import primitive as types
from odata_gateway.types.primitive import PrimitiveType


def check_comparable(
    op: ComparisonOp, left: PrimitiveType | None, right: PrimitiveType | None, *, at: int
) -> None:
    """Refuse a comparison of values whose types cannot be compared; null can with any."""
    for each in (left, right):
        if each is not None and not each.family.is_comparable and None not in (left, right):
            raise Unsupported(f"{each.name} can only be compared with null", at=at)
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


def check_groupable(type_: PrimitiveType | None, *, at: int) -> None:
    """Refuse values that cannot be told apart, to group by or to count."""
    if type_ is not None and not type_.family.is_comparable:
        raise Unsupported(
            f"rows cannot be grouped by {type_.name}",
            at=at,
            hint="name one of its properties, if it has any",
        )
