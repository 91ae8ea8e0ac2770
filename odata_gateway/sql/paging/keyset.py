"""Order and continuation: ORDER BY, and the condition for the rows behind the last row of a page.

Which order values of that row are null is known when the statement is rendered (the null mask), so
the condition has no branch for cases that cannot occur. Where all directions agree and no null can
follow, the condition is a row comparison, which an index follows to its end. In the general form
the bound of the first column stands first, so that an index still starts at the right place.

Values stand in scalar subqueries. Postgres runs each once and does not know its result when it
plans. If it knew how few rows are left near the end of a table, it would choose another index
there, read the rest of the whole table and sort it (measured: three times the rows).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import LiteralString, NamedTuple

from odata_gateway.plan.tree.relation import BoundExpr, Column, OrderKey
from odata_gateway.plan.tree.slots import KeysetSlot
from odata_gateway.sql.fragment import Sql, build, fill, join, param, raw
from odata_gateway.sql.pg_types import compared_column, is_own, operator, own, own_schema, restored
from odata_gateway.sql.renderer import ExpressionRenderer
from odata_gateway.sql.row_keys.key_conditions import (
    is_found,
    is_not_rewritten,
    key_of_text,
    order_text,
)
from odata_gateway.types.primitive import STRING

NullMask = tuple[bool, ...]
"""For each order value of a row, whether it is null."""


def order_by(order: tuple[OrderKey, ...], renderer: ExpressionRenderer) -> Sql:
    """` ORDER BY ...`, with nulls as OData orders them."""
    items = (order_item(key, ordered(key.expr, renderer)) for key in order)
    return build(" ORDER BY {0}", join(", ", items))


def order_item(key: OrderKey, value: Sql) -> Sql:
    """An item of ORDER BY, of the key's value. NULLS FIRST or LAST is written only where there can
    be nulls: an index in the column's default order serves only an ORDER BY without it."""
    direction = " DESC" if key.descending else ""
    nulls = (" NULLS LAST" if key.descending else " NULLS FIRST") if key.expr.nullable else ""
    return fill("{0}" + direction + nulls, (value,))


def ordered(expr: BoundExpr, renderer: ExpressionRenderer) -> Sql:
    """An expression as rows are ordered by it."""
    return own(expr) if isinstance(expr, Column) else renderer.value(expr)


def key_texts(order: tuple[OrderKey, ...], renderer: ExpressionRenderer) -> list[Sql]:
    """The order values as text, in the form that `after` takes them back; NULL for null, also
    where a column that should have none orders as it is stored."""
    return [_order_text(key.expr, renderer) for key in order]


def key_values(order: tuple[OrderKey, ...], renderer: ExpressionRenderer) -> list[Sql]:
    """The order values in a form that `array_agg` collects and that becomes, by a cast to text, the
    one of `key_texts`. Only the last row of a chunk needs its text, and making one of a time takes
    a fifth of the time that its row takes (measured). What is a text for OData, and is not ordered
    as a type of its own, is one already: it may be an array for Postgres, and arrays of two lengths
    cannot be collected."""
    return [_order_value(key.expr, renderer) for key in order]


def _order_value(expr: BoundExpr, renderer: ExpressionRenderer) -> Sql:
    is_text = (expr.type or STRING).pg_type == "text"
    if is_text and not (isinstance(expr, Column) and is_own(expr)):
        return _order_text(expr, renderer)
    return ordered(_filled(expr), renderer)


def _order_text(expr: BoundExpr, renderer: ExpressionRenderer) -> Sql:
    text = build("{0}::text", ordered(_filled(expr), renderer))
    return order_text(expr, text) if isinstance(expr, Column) else text


def _filled(expr: BoundExpr) -> BoundExpr:
    if not isinstance(expr, Column) or expr.nullable:
        return expr
    return replace(expr, nullable=True)


class _Position(NamedTuple):
    """A position of an order: its key, the keyset slot that has its value, and whether that is
    null."""

    key: OrderKey
    slot: int
    is_null: bool

    @property
    def bound(self) -> Sql:
        """The order value as a subquery, so that Postgres plans a late page as it plans the
        first."""
        return build("(SELECT {0})", _value(self.slot, self.key))


def after(
    order: Sequence[OrderKey],
    mask: NullMask,
    renderer: ExpressionRenderer,
    slots: Sequence[int] | None = None,
) -> Sql:
    """The rows behind the one whose order values are in the keyset slots, and null where `mask`
    says so.

    slots  the keyset slot of each order value; None: the first has the first, and so on
    """
    positions = _positions(order, mask, slots)
    if not _is_row_comparison(positions):
        return _behind(positions, renderer)
    if (found := _found_behind(positions[0])) is not None:
        return found
    columns = join(", ", (_compared(p.key.expr, renderer) for p in positions))
    values = join(", ", (p.bound for p in positions))
    symbol = "<" if positions[0].key.descending else ">"
    return fill("(({0}) " + symbol + " ({1}))", (columns, values))


def bounded_after(
    order: Sequence[OrderKey],
    mask: NullMask,
    renderer: ExpressionRenderer,
    slots: Sequence[int] | None = None,
) -> Sql:
    """The same rows by a condition that bounds each column on its own."""
    return _behind(_positions(order, mask, slots), renderer)


def _positions(
    order: Sequence[OrderKey], mask: NullMask, slots: Sequence[int] | None
) -> list[_Position]:
    numbers = range(len(order)) if slots is None else slots
    return [_Position(*found) for found in zip(order, numbers, mask, strict=True)]


def _found_behind(first: _Position) -> Sql | None:
    """The rows behind in the order of a key that the service makes, with what finds them; None for
    another order."""
    expr = first.key.expr
    if not isinstance(expr, Column) or first.key.descending:
        return None
    found = is_found(expr, ">=", first.bound)
    return None if found is None else build("({0} > {1} AND {2})", own(expr), first.bound, found)


def _is_row_comparison(positions: Sequence[_Position]) -> bool:
    """Whether a row comparison finds all rows that follow a row: one without nulls. Ascending, rows
    with nulls come first and do not follow; descending they do, and a row comparison would lose
    them."""
    if any(p.is_null for p in positions):
        return False
    keys = [p.key for p in positions]
    if any(isinstance(k.expr, Column) and own_schema(k.expr) for k in keys):
        return False  # the schema of the operator would be that for all columns
    if keys[0].descending:
        return all(k.descending and not k.expr.nullable for k in keys)
    return not any(k.descending for k in keys)


def _behind(positions: Sequence[_Position], renderer: ExpressionRenderer) -> Sql:
    """The rows behind, of those that agree before the first position."""
    (key, _, is_null), *others = positions
    column = _compared(key.expr, renderer)
    rest = _behind(others, renderer) if others else raw("false")
    if is_null and key.descending:
        return build("({0} IS NULL AND {1})", column, rest)
    if is_null:
        return build("({0} IS NOT NULL OR {1})", column, rest)
    value, symbol = positions[0].bound, _operator("<" if key.descending else ">", key)
    or_same = _operator("<=" if key.descending else ">=", key)
    if others:
        template: LiteralString = "({0} {3} {1} AND ({0} {4} {1} OR {2}))"
        bound = build(template, column, value, rest, or_same, symbol)
    else:
        bound = build("({0} {1} {2})", column, symbol, value)
    if key.descending and key.expr.nullable:
        return build("({0} OR {1} IS NULL)", bound, column)
    return bound


def equals(index: int, key: OrderKey, renderer: ExpressionRenderer, *, is_null: bool) -> Sql:
    """Whether order value number `index` of a row is that of the keyset, which may be null."""
    if is_null:
        return build("{0} IS NULL", ordered(key.expr, renderer))
    value = _value(index, key)
    same = build("{0} {1} {2}", _compared(key.expr, renderer), _operator("=", key), value)
    found = is_found(key.expr, "=", value) if isinstance(key.expr, Column) else None
    return same if found is None else build("{0} AND {1}", same, found)


def are_not_rewritten(order: Sequence[OrderKey], slots: Sequence[int]) -> list[Sql]:
    """Conditions that are true, and fail where the places of rows have changed since the keyset's
    row was read."""
    return [
        is_not_rewritten(key.expr, _text(slot))
        for slot, key in zip(slots, order, strict=True)
        if isinstance(key.expr, Column) and key.expr.catalog.row_key == "place"
    ]


def keyset_key(slot: int, column: Column) -> Sql:
    """The key that the service made for the keyset's row."""
    return key_of_text(column, _text(slot))


def _compared(expr: BoundExpr, renderer: ExpressionRenderer) -> Sql:
    """An expression as it is compared with an order value."""
    if isinstance(expr, Column) and is_own(expr):
        return compared_column(expr)
    return ordered(expr, renderer)


def _value(slot: int, key: OrderKey) -> Sql:
    return value_of_text(key, _text(slot))


def value_of_text(key: OrderKey, text: Sql) -> Sql:
    """An order value from its text."""
    if isinstance(key.expr, Column):
        return restored(key_of_text(key.expr, text), key.expr)
    return fill("{0}::" + (key.expr.type or STRING).pg_type, (text,))


def _text(slot: int) -> Sql:
    return param(KeysetSlot(slot), "text")


def _operator(symbol: str, key: OrderKey) -> Sql:
    return operator(symbol, key.expr) if isinstance(key.expr, Column) else Sql((symbol,))
