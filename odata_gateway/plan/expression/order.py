"""$orderby, $top and $skip: a total order, so that pages follow each other (Protocol 11.2.6.2 to
11.2.6.4, 11.2.6.7)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from odata_gateway.errors import BindType, BindValue
from odata_gateway.plan.scope.rows import Row, column_of
from odata_gateway.plan.scope.scope import Scope
from odata_gateway.plan.tree.relation import BoundExpr, ConstantValue, OrderKey
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types.primitive import INT64
from odata_gateway.url import ast


def bind_options_order(
    options: ast.Options, applied: tuple[ast.OrderItem, ...], scope: Scope
) -> tuple[OrderKey, ...]:
    """The total order of rows with the items of $orderby, and then those of $apply."""
    wanted: list[OrderKey] = []
    if options.orderby:
        with scope.binding.inside("$orderby"):
            wanted += order_keys(options.orderby, scope)
    if applied:
        with scope.binding.inside("$apply"):
            wanted += order_keys(applied, scope)
    return total_order(wanted, scope.implicit)


def bind_order(items: Iterable[ast.OrderItem], scope: Scope) -> tuple[OrderKey, ...]:
    """The total order of rows by the items of one option."""
    return total_order(order_keys(items, scope), scope.implicit)


def order_keys(items: Iterable[ast.OrderItem], scope: Scope) -> list[OrderKey]:
    """The items as the client wrote them."""
    found: list[OrderKey] = []
    for item in items:
        expr = scope.bind.expr(item.expr, scope)
        if expr.type is not None and not expr.type.family.is_ordered:
            raise BindType(f"{expr.type.name} values have no order", at=item.at)
        found.append(OrderKey(expr, item.descending))
    return found


def total_order(wanted: list[OrderKey], row: Row) -> tuple[OrderKey, ...]:
    """The wanted keys and then the rows' own order or key, which makes the order total; what
    follows a complete key, and what cannot matter, is dropped."""
    key = key_of(row)
    own = _order_without_key(row) if row.structure is None else row.structure.order
    missing, seen, order = set(key), set[BoundExpr](), []
    for item in (*wanted, *(own or (OrderKey(part, False) for part in key))):
        if not missing:
            break
        if isinstance(item.expr, ConstantValue) or item.expr in seen:
            continue
        seen.add(item.expr)
        order.append(item)
        missing.discard(item.expr)
    return tuple(order)


def _order_without_key(row: Row) -> tuple[OrderKey, ...]:
    """The own order of rows of a complex type, which begins with a value that people can read;
    empty where the key gives the order."""
    source = row.source.entity_type
    if not source.is_complex:
        return ()
    shown = (p for p in source.properties.values() if not p.missing)
    readable = (column_of(row, p) for p in shown if p.type.family.is_ordered)
    first = tuple(islice(readable, 1))
    return tuple(OrderKey(part, False) for part in (*first, *key_of(row)))


def key_of(row: Row) -> tuple[BoundExpr, ...]:
    """The values that tell a row from all others."""
    if row.structure is not None:
        return row.structure.key
    if row.crossed is not None:
        return tuple(key for entity in row.crossed.values() for key in key_of(entity))
    return tuple(column_of(row, p) for p in row.source.entity_type.identity)


def bind_window(options: ast.Options) -> tuple[LiteralSlot | None, LiteralSlot | None]:
    """The slots of $top and $skip, which are Edm.Int64.

    raises  BindValue for another number, such as NaN
    """
    return _number_of_rows(options.top), _number_of_rows(options.skip)


def _number_of_rows(node: ast.Literal | None) -> LiteralSlot | None:
    if node is None:
        return None
    if node.kind not in ("int32", "int64"):  # NaN and INF are number literals too
        raise BindValue("the number of rows must be a whole number", at=node.at)
    return LiteralSlot(node.slot, INT64, "rows")
