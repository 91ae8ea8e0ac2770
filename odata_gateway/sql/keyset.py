"""Order and continuation: ORDER BY, and the rows after the last one of a page.

The mask of the last row's nulls is known when the statement is rendered, so the condition has no
branch for what cannot be. Where all directions agree and no null is left ahead it is a row
comparison, which an index follows to its end; in the general form the leading bound comes first, so
that an index still starts at the right place.

The values stand in subqueries, which Postgres runs once and whose outcome it does not know when it
plans. If it knew how few rows are left near the end, it would take another index there, read what
is left of the whole table and sort it (measured: three times the rows).
"""

from __future__ import annotations

from odata_gateway.plan.tree.relation import OrderKey
from odata_gateway.plan.tree.slots import KeysetSlot
from odata_gateway.sql.expr import Expressions
from odata_gateway.sql.fragment import Sql, build, fill, join, param, raw
from odata_gateway.types.primitive import STRING

NullMask = tuple[bool, ...]


def order_by(order: tuple[OrderKey, ...], expressions: Expressions) -> Sql:
    return build(" ORDER BY {0}", join(", ", (_item(k, expressions) for k in order)))


def _item(key: OrderKey, expressions: Expressions) -> Sql:
    """NULLS is written only where there can be nulls, so that an index of the column's default
    order serves."""
    direction = " DESC" if key.descending else ""
    nulls = (" NULLS LAST" if key.descending else " NULLS FIRST") if key.expr.nullable else ""
    return fill("{0}" + direction + nulls, (expressions.value(key.expr),))


def key_texts(order: tuple[OrderKey, ...], expressions: Expressions) -> list[Sql]:
    """The order values as text, the way a continuation hands them back."""
    return [build("{0}::text", expressions.value(k.expr)) for k in order]


def after(
    order: tuple[OrderKey, ...], mask: NullMask, expressions: Expressions, start: int = 0
) -> Sql:
    """The rows behind the one whose order values are null where `mask` says so and else in the
    keyset slots; of rows with the same values before `start`."""
    if not any(mask[start:]) and _one_direction(order[start:]):
        columns = join(", ", (expressions.value(k.expr) for k in order[start:]))
        values = join(", ", (_bound(i, k) for i, k in enumerate(order) if i >= start))
        return fill(
            "(({0}) " + ("<" if order[start].descending else ">") + " ({1}))", (columns, values)
        )
    return _after(start, order, mask, expressions)


def bounded_after(order: tuple[OrderKey, ...], mask: NullMask, expressions: Expressions) -> Sql:
    """The same with a bound of its own for each order value."""
    return _after(0, order, mask, expressions)


def _one_direction(order: tuple[OrderKey, ...]) -> bool:
    """Ascending, nulls come first and lie behind; descending they lie ahead, where a row comparison
    would lose them."""
    if order[0].descending:
        return all(k.descending and not k.expr.nullable for k in order)
    return not any(k.descending for k in order)


def _after(
    index: int, order: tuple[OrderKey, ...], mask: NullMask, expressions: Expressions
) -> Sql:
    key, last = order[index], index == len(order) - 1
    column = expressions.value(key.expr)
    rest = raw("false") if last else _after(index + 1, order, mask, expressions)
    if mask[index]:
        if key.descending:
            return build("({0} IS NULL AND {1})", column, rest)
        return build("({0} IS NOT NULL OR {1})", column, rest)
    value = _bound(index, key)
    symbol = "<" if key.descending else ">"
    bound = fill(
        "({0} " + symbol + "= {1} AND ({0} " + symbol + " {1} OR {2}))", (column, value, rest)
    )
    if last:
        bound = fill("({0} " + symbol + " {1})", (column, value))
    return (
        build("({0} OR {1} IS NULL)", bound, column)
        if key.descending and key.expr.nullable
        else bound
    )


def equals(index: int, key: OrderKey, expressions: Expressions, mask: NullMask = ()) -> Sql:
    """Whether an order value is that of the keyset, which is null where its `mask` says so."""
    if any(mask):
        return build("{0} IS NULL", expressions.value(key.expr))
    return build("{0} = {1}", expressions.value(key.expr), _value(index, key))


def _bound(index: int, key: OrderKey) -> Sql:
    """An order value to start behind, as a subquery: so Postgres plans without knowing the value,
    and a late page as it plans the first."""
    return build("(SELECT {0})", _value(index, key))


def _value(index: int, key: OrderKey) -> Sql:
    type_ = key.expr.type
    return fill(
        "{0}::" + (type_ or STRING).pg_type,
        (param(KeysetSlot(index), "text"),),
    )
