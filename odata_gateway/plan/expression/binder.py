"""From syntax to typed expressions (URL Conventions 5.1.1).

A literal takes its type from its neighbour. So operands are bound in two steps: first everything
that knows its own type, then the literals. Types must match by OData's rules, strictly.
"""

from __future__ import annotations

from odata_gateway.errors import BindType, Unsupported
from odata_gateway.plan.expression.arithmetic import bind_arithmetic, bind_negation
from odata_gateway.plan.expression.collections import NOT_A_VALUE
from odata_gateway.plan.expression.comparisons import (
    COMPARISONS,
    bind_comparison,
    bind_has,
    bind_in,
)
from odata_gateway.plan.expression.functions import bind_call
from odata_gateway.plan.expression.lambdas import bind_count, bind_lambda
from odata_gateway.plan.expression.literals import literal, own_type, resolve_alias
from odata_gateway.plan.expression.paths import bind_path
from odata_gateway.plan.scope.places import ItemsPlace, ObjectPlace
from odata_gateway.plan.scope.rows import Row
from odata_gateway.plan.scope.scope import EntitySetRef, RelatedCollection, Scope, ServiceRoot
from odata_gateway.plan.scope.structures import value_of_place
from odata_gateway.plan.tree.relation import BoundExpr, CaseWhen, ConstantValue, Logic, Not
from odata_gateway.types import primitive as types
from odata_gateway.url import ast


def bind_condition(node: ast.Expr, scope: Scope) -> BoundExpr:
    """A Boolean expression."""
    expr = bind_expr(node, scope)
    if expr.type is not None and expr.type is not types.BOOLEAN:
        raise BindType(
            f"a condition must be Edm.Boolean, this is {expr.type.name}",
            at=resolve_alias(node, scope).at,
            hint="compare it with something, for example with eq",
        )
    return expr


def bind_expr(node: ast.Expr, scope: Scope) -> BoundExpr:
    """An expression with a primitive value; a literal gets its natural type."""
    with scope.binding.size.level(node.at):
        return _bind(node, scope)


def _bind(node: ast.Expr, scope: Scope) -> BoundExpr:
    match node:
        case ast.Member():  # most of all; the last case takes other paths
            return _path_value(node, scope)
        case ast.Literal(many=True):
            raise BindType("a list can only stand on the right of 'in'", at=node.at)
        case ast.Literal():
            return literal(node, own_type(node), "value")
        case ast.Constant(value=value):
            return ConstantValue(value, None if value is None else types.BOOLEAN)
        case ast.Alias(name=name):
            found = scope.binding.aliases.get(name)
            return ConstantValue(None, None) if found is None else bind_expr(found, scope)
        case ast.Unary(op="not"):
            operand = bind_condition(node.operand, scope)
            return Not(operand, operand.nullable)
        case ast.Unary():
            return bind_negation(node, scope)
        case ast.Binary(op="and" | "or"):
            return _logic(node, scope)
        case ast.Binary(op="in"):
            return bind_in(node, scope)
        case ast.Binary(op="has"):
            return bind_has(node, scope)
        case ast.Binary(op=op) if op in COMPARISONS:
            return bind_comparison(node, scope)
        case ast.Binary():
            return bind_arithmetic(node, scope)
        case ast.Call(base=None):
            return bind_call(node, scope)
        case ast.Lambda():
            return bind_lambda(node, scope)
        case ast.Count():
            return bind_count(node, scope)
        case ast.Case():
            return _case(node, scope)
        case ast.ListExpr() | ast.ObjectExpr():
            raise Unsupported(NOT_A_VALUE, at=node.at)
        case _:
            return _path_value(node, scope)


def _logic(node: ast.Binary, scope: Scope) -> BoundExpr:
    """One flat `and` or `or`: BI tools write chains of hundreds, which must not cost a level
    each."""
    operands: list[ast.Expr] = []
    stack: list[ast.Expr] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, ast.Binary) and current.op == node.op:
            stack += (current.right, current.left)
        else:
            operands.append(current)
    bound = tuple(bind_condition(o, scope) for o in operands)
    return Logic("and" if node.op == "and" else "or", bound, any(o.nullable for o in bound))


def _case(node: ast.Case, scope: Scope) -> BoundExpr:
    branches = tuple(
        (bind_condition(condition, scope), bind_expr(value, scope))
        for condition, value in node.branches
    )
    results = [value.type for _, value in branches if value.type is not None]
    if not results:
        return ConstantValue(None, None)
    result = results[0]
    for other in results[1:]:
        if result.is_numeric and other.is_numeric:
            result = types.promote(result, other)
        elif other is not result:
            raise BindType(
                f"the results of case() have different types, {result.name} and {other.name}",
                at=node.at,
            )
    return CaseWhen(branches, result)


def _path_value(node: ast.Expr, scope: Scope) -> BoundExpr:
    place = bind_path(node, scope)
    match place:
        case ObjectPlace():
            return value_of_place(place, scope.binding)
        case ItemsPlace():
            raise BindType(
                "a collection cannot be used as a value here",
                at=node.at,
                hint=f"write {place.name}/any(x:...) or {place.name}/$count",
            )
        case Row():
            raise BindType(
                "an entity cannot be used as a value here",
                at=node.at,
                hint="name one of its properties, or compare it with null",
            )
        case ServiceRoot():
            raise BindType(
                "$root cannot be used as a value",
                at=node.at,
                hint="name an entity, as in $root/User(1)/name",
            )
        case RelatedCollection() | EntitySetRef():
            raise BindType(
                "a collection cannot be used as a value",
                at=node.at,
                hint=f"write {place.name}/any(...) or {place.name}/$count",
            )
        case _:
            return place
