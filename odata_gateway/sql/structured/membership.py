"""`tags/any(t:t eq 'x')` as `tags @> ARRAY['x']`, which a GIN index on the array serves.

Only where both mean the same: the items are compared as their own type with one value that is not
null, and no item that is null to OData equals it. Any of several values is `tags && ARRAY[...]`.
"""

from __future__ import annotations

from odata_gateway.plan.tree.relation import (
    Block,
    BoundExpr,
    Column,
    Compare,
    Exists,
    InArray,
    Items,
    Parameter,
)
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.sql.fragment import Sql, build, column_sql, fill
from odata_gateway.sql.pg_types import compared_value
from odata_gateway.sql.renderer import ExpressionRenderer
from odata_gateway.types.families.structured import ARRAY
from odata_gateway.types.family import OWN_MODES

_RANGES = {"int2": (-(2**15), 2**15 - 1), "int4": (-(2**31), 2**31 - 1)}
_IN_RANGE = "(CASE WHEN {0} BETWEEN %d AND %d THEN {0} END)"


def membership_sql(expr: Exists, renderer: ExpressionRenderer, *, strict: bool) -> Sql | None:
    """Whether an array has an item that equals a value; None for any that asks something else."""
    found = None if expr.negated else _sought(expr.block)
    if found is None:
        return None
    items, item, sought, many = found
    value = _as_item(item, sought, many, renderer)
    if value is None:
        return None
    array = column_sql(items.column)
    bare = build("({0} && {1})", array, value) if many else build("({0} @> {1})", array, value)
    return build("({0} IS TRUE)", bare) if strict else bare


def _sought(block: Block) -> tuple[Items, Column, Parameter, bool] | None:
    """The array, its item, and the value or the values that the only condition compares it with."""
    items = block.source.items
    if items is None or items.rows != ARRAY.rows or len(block.predicates) != 1:
        return None
    pair: tuple[BoundExpr, BoundExpr, bool]
    match block.predicates[0]:
        case Compare(op="eq", left=left, right=right):
            pair = (right, left, False) if isinstance(left, Parameter) else (left, right, False)
        case InArray(operand=operand, values=values):
            pair = (operand, values, True)
        case _:
            return None
    item, value, many = pair
    is_item = isinstance(item, Column) and item.source == block.source.number and not item.steps
    if not (is_item and isinstance(item, Column) and isinstance(value, Parameter)):
        return None
    return items, item, value, many


def _as_item(
    item: Column, value: Parameter, many: bool, renderer: ExpressionRenderer
) -> Sql | None:
    """An array of the value or the values, of the type that the array's items have; None where it
    cannot be made."""
    reading, slot, type_ = item.type.reading(item.pg_type), value.slot, item.type
    is_other = type_.family.has_nan or type_.family.has_finer_literals or reading.nulls is not None
    # an array of a domain is another type than one of its base type
    if is_other or item.catalog.is_domain or value.nullable or not isinstance(slot, LiteralSlot):
        return None
    mode, given = slot.mode, renderer.value(value)
    if mode in OWN_MODES or (reading.compared and reading.equal_mode is None):
        own = compared_value(given, item, many=many)
        return None if own is None else own if many else build("ARRAY[{0}]", own)
    if mode != "exact" or reading.read != "{0}":
        return None
    if item.pg_type in _RANGES and not many:
        given = fill(_IN_RANGE % _RANGES[item.pg_type], (given,))
    elif item.pg_type in _RANGES:
        return None
    array = given if many else build("ARRAY[{0}]", given)
    name = item.catalog.name or f'pg_catalog."{item.pg_type}"'
    return fill("{0}::" + name + "[]", (array,))
