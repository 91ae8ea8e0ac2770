"""$orderby, $top and $skip: a total order, so that pages follow each other (Protocol 11.2.6.2 to 11.2.6.4, 11.2.6.7)."""

from __future__ import annotations

from odata_gateway.edm.types import INT64
from odata_gateway.errors import BindType, BindValue
from odata_gateway.plan.bind_expr import bind_expr
from odata_gateway.plan.expr import Column, Constant, Expr, LiteralSlot
from odata_gateway.plan.relation import OrderKey
from odata_gateway.plan.scope import Scope, column_of
from odata_gateway.url import ast


def bind_order(items: tuple[ast.OrderItem, ...] | None, scope: Scope) -> tuple[OrderKey, ...]:
    """The client's items and then the key, which makes the order total; whatever follows a complete key cannot matter and is dropped."""
    scope.binding.target = "$orderby"
    wanted: list[OrderKey] = []
    for item in items or ():
        expr = bind_expr(item.expr, scope)
        if expr.type is not None and expr.type.family == "binary":
            raise BindType("Edm.Binary values have no order", target="$orderby", at=item.at)
        wanted.append(OrderKey(expr, item.descending))
    key = [column_of(scope.implicit, p) for p in scope.implicit.source.entity_type.key]
    return _until_unique([*wanted, *(OrderKey(column, False) for column in key)], key)


def _until_unique(wanted: list[OrderKey], key: list[Column]) -> tuple[OrderKey, ...]:
    missing, seen, order = set(key), set[Expr](), []
    for item in wanted:
        if not missing:
            break
        if isinstance(item.expr, Constant) or item.expr in seen:
            continue
        seen.add(item.expr)
        order.append(item)
        if isinstance(item.expr, Column):
            missing.discard(item.expr)
    return tuple(order)


def page_literal(node: ast.Literal | None, option: str) -> LiteralSlot | None:
    """The slot of $top or $skip."""
    if node is None:
        return None
    if node.kind not in ("int32", "int64"):
        raise BindValue("the number is too large", target=option, at=node.at)
    return LiteralSlot(node.slot, INT64)
