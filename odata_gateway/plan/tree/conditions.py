"""Conditions made of conditions."""

from __future__ import annotations

from odata_gateway.plan.tree.relation import BoundExpr, ConstantValue, Logic
from odata_gateway.types.primitive import BOOLEAN


def all_of(conditions: tuple[BoundExpr, ...]) -> BoundExpr | None:
    """All conditions as one; None without any."""
    match conditions:
        case ():
            return None
        case (only,):
            return only
    return Logic("and", conditions, any(c.nullable for c in conditions))


def any_of(comparisons: tuple[BoundExpr, ...]) -> BoundExpr:
    """Whether one of some comparisons is true, none of which is ever null; false without any."""
    return Logic("or", comparisons, False) if comparisons else ConstantValue(False, BOOLEAN)
