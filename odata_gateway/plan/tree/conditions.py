"""Conditions made of conditions."""

from __future__ import annotations

from collections.abc import Iterable

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


def conjuncts(conditions: Iterable[BoundExpr]) -> list[BoundExpr]:
    """The conditions that must be true for all of these to be true."""
    found: list[BoundExpr] = []
    for condition in conditions:
        if isinstance(condition, Logic) and condition.op == "and":
            found += conjuncts(condition.operands)
        else:
            found.append(condition)
    return found


def any_of(comparisons: tuple[BoundExpr, ...]) -> BoundExpr:
    """Whether one of some comparisons is true, none of which is ever null; false without any."""
    match comparisons:
        case ():
            return ConstantValue(False, BOOLEAN)
        case (only,):
            return only
    return Logic("or", comparisons, False)
