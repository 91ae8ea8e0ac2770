"""Comparisons and `in` (URL Conventions 5.1.1.1).

A literal takes its type from what it is compared with, so the other side is bound first. Types must
be comparable by OData's rules, with one addition of this service: a quoted time is compared with a
DateTimeOffset, in UTC where it has no offset.
"""

from __future__ import annotations

from odata_gateway.errors import BindType
from odata_gateway.plan.expression.collections import (
    compare_structured,
    is_structured,
    structured_in,
)
from odata_gateway.plan.expression.comparable import check_comparable
from odata_gateway.plan.expression.entities import compare_entities, entity_in, is_path
from odata_gateway.plan.expression.literals import literal, resolve_alias
from odata_gateway.plan.scope.limits import check_list
from odata_gateway.plan.scope.scope import Scope
from odata_gateway.plan.tree.conditions import any_of
from odata_gateway.plan.tree.relation import (
    BoundExpr,
    Column,
    Compare,
    ComparisonOp,
    ConstantValue,
    Function,
    InArray,
)
from odata_gateway.types import primitive as types
from odata_gateway.types.family import DecodeMode
from odata_gateway.url import ast

COMPARISONS: dict[str, ComparisonOp] = {
    "eq": "eq",
    "ne": "ne",
    "lt": "lt",
    "le": "le",
    "gt": "gt",
    "ge": "ge",
}
MIRRORED: dict[ComparisonOp, ComparisonOp] = {
    "eq": "eq",
    "ne": "ne",
    "lt": "gt",
    "le": "ge",
    "gt": "lt",
    "ge": "le",
}
ORDER_MODES: dict[ComparisonOp, DecodeMode] = {
    "lt": "ceil",
    "ge": "ceil",
    "gt": "floor",
    "le": "floor",
    "eq": "exact",
    "ne": "exact",
}


def bind_comparison(node: ast.Binary, scope: Scope) -> BoundExpr:
    """A comparison of values, of entities, or of collections and objects."""
    node = _without_aliases(node, scope)
    op, left, right = COMPARISONS[node.op], node.left, node.right
    if is_structured(left, scope) or is_structured(right, scope):
        return compare_structured(node, scope)
    entity = compare_entities(node, scope)
    if entity is not None:
        return entity
    if isinstance(right, ast.Literal):
        return _with_literal(op, scope.bind.expr(left, scope), right, scope)
    if isinstance(left, ast.Literal):
        return _with_literal(MIRRORED[op], scope.bind.expr(right, scope), left, scope)
    bound_left, bound_right = scope.bind.expr(left, scope), scope.bind.expr(right, scope)
    check_comparable(op, bound_left.type, bound_right.type, at=node.at)
    return Compare(op, bound_left, bound_right)


def _without_aliases(node: ast.Binary, scope: Scope) -> ast.Binary:
    """The same with the values of parameter aliases as its sides."""
    left, right = resolve_alias(node.left, scope), resolve_alias(node.right, scope)
    if left is node.left and right is node.right:
        return node
    return ast.Binary(node.op, left, right, node.at)


def _with_literal(op: ComparisonOp, expr: BoundExpr, node: ast.Literal, scope: Scope) -> BoundExpr:
    if node.many or expr.type is None:
        return Compare(op, expr, scope.bind.expr(node, scope))
    mode = equal_mode(expr) if op in ("eq", "ne") else _range_mode(op, expr)
    value = literal(node, expr.type, mode, strict=scope.binding.strict)
    check_comparable(op, expr.type, value.type, at=node.at)
    return Compare(op, expr, value)


def equal_mode(expr: BoundExpr) -> DecodeMode:
    """How a literal is decoded that is compared for equality with an expression."""
    if not isinstance(expr, Column):
        return "exact"
    return expr.type.reading(expr.pg_type).equal_mode or "exact"


def _range_mode(op: ComparisonOp, expr: BoundExpr) -> DecodeMode:
    """The same for a comparison that asks for an order."""
    found = expr.type.reading(expr.pg_type).range_mode if isinstance(expr, Column) else None
    return found or ORDER_MODES[op]


def bind_has(node: ast.Binary, scope: Scope) -> BoundExpr:
    """`has`: whether a value has all flags of another; without flags, whether it is the other
    (5.1.1.1.9)."""
    node = _without_aliases(node, scope)
    value, right = scope.bind.expr(node.left, scope), node.right
    if value.type is None or not value.type.family.is_enumeration:
        raise BindType("has needs an enumeration on its left", at=node.at)
    if isinstance(right, ast.Literal) and not right.many:
        strict = scope.binding.strict
        flags: BoundExpr = literal(right, value.type, equal_mode(value), strict=strict)
    else:
        flags = scope.bind.expr(right, scope)
    if flags.type is None:
        return ConstantValue(None, types.BOOLEAN)
    if flags.type.family is not value.type.family:
        raise BindType(f"{value.type.name} cannot have {flags.type.name}", at=right.at)
    if not value.type.family.has_flags:
        return Compare("eq", value, flags)
    return Function("has", (value, flags), types.BOOLEAN, value.nullable or flags.nullable)


# --- in -------------------------------------------------------------------------------------------


def bind_in(node: ast.Binary, scope: Scope) -> BoundExpr:
    """`in`: a value, an entity, or a collection or object among others."""
    node = _without_aliases(node, scope)
    found = structured_in(node, scope) or entity_in(node, scope)
    if found is not None:
        return found
    operand, right = scope.bind.expr(node.left, scope), node.right
    match right:
        case ast.Literal(many=True):
            if operand.type is None:
                return ConstantValue(False, types.BOOLEAN)
            check_comparable("eq", operand.type, operand.type, at=right.at)
            mode, strict = equal_mode(operand), scope.binding.strict
            return InArray(operand, literal(right, operand.type, mode, strict=strict))
        case ast.ListExpr(items=items):
            check_list(len(items), scope.binding.limits, at=right.at)
            return any_of(tuple(_equals_item(operand, item, scope) for item in items))
        case _:
            raise _no_list(right, scope)


def _no_list(right: ast.Expr, scope: Scope) -> BindType:
    """The error for a right side of `in` that is one value, one entity, entities, or null.

    raises  what binding it raises
    """
    if is_path(right):
        scope.bind.path(right, scope)
    elif not isinstance(right, ast.ObjectExpr):
        scope.bind.expr(right, scope)
    return BindType(
        "the right side of 'in' must be a list of values",
        at=right.at,
        hint="write a list, as in (1,2) or, as the value of an alias, [1,2]",
    )


def _equals_item(operand: BoundExpr, item: ast.Expr, scope: Scope) -> BoundExpr:
    item = resolve_alias(item, scope)
    if is_structured(item, scope):
        raise BindType("a single value cannot equal a collection or an object", at=item.at)
    if isinstance(item, ast.Literal):
        return _with_literal("eq", operand, item, scope)
    value = scope.bind.expr(item, scope)
    check_comparable("eq", operand.type, value.type, at=item.at)
    return Compare("eq", operand, value)
