"""$orderby, $top and $skip: a total order, so that pages follow each other (Protocol 11.2.6.2 to
11.2.6.4, 11.2.6.7)."""

from __future__ import annotations

from odata_gateway.errors import BindType, BindValue
from odata_gateway.plan.expression.binder import bind_expr
from odata_gateway.plan.scope import Row, Scope, column_of
from odata_gateway.plan.tree.relation import BoundExpr, ConstantValue, OrderKey
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types.primitive import INT64
from odata_gateway.url import ast


def bind_order(
    items: tuple[ast.OrderItem, ...] | None, scope: Scope, target: str = "$orderby"
) -> tuple[OrderKey, ...]:
    """The client's items and then the rows' own order or the key, which makes the order total; what
    follows a complete key is dropped."""
    scope.binding.target = target
    wanted: list[OrderKey] = []
    for item in items or ():
        expr = bind_expr(item.expr, scope)
        if expr.type is not None and not expr.type.family.is_ordered:
            raise BindType("Edm.Binary values have no order", target=target, at=item.at)
        wanted.append(OrderKey(expr, item.descending))
    key, structure = key_of(scope.implicit), scope.implicit.structure
    own = () if structure is None else structure.order
    return _until_unique([*wanted, *(own or (OrderKey(part, False) for part in key))], key)


def key_of(row: Row) -> tuple[BoundExpr, ...]:
    """What tells a row from all others."""
    if row.structure is not None:
        return row.structure.key
    if row.parts is not None:
        return tuple(key for part in row.parts.values() for key in key_of(part))
    return tuple(column_of(row, p) for p in row.source.entity_type.key)


def _until_unique(wanted: list[OrderKey], key: tuple[BoundExpr, ...]) -> tuple[OrderKey, ...]:
    missing, seen, order = set(key), set[BoundExpr](), []
    for item in wanted:
        if not missing:
            break
        if isinstance(item.expr, ConstantValue) or item.expr in seen:
            continue
        seen.add(item.expr)
        order.append(item)
        missing.discard(item.expr)
    return tuple(order)


def page_literal(node: ast.Literal | None, option: str) -> LiteralSlot | None:
    """The slot of $top or $skip."""
    if node is None:
        return None
    if node.kind not in ("int32", "int64"):
        raise BindValue("the number is too large", target=option, at=node.at)
    return LiteralSlot(node.slot, INT64)
