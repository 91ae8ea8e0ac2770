"""Which order values can be put in order without Postgres, from the texts that it writes of them.

Collations, and the types of extensions, are known to Postgres alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from odata_gateway.plan.tree.relation import Column, OrderKey
from odata_gateway.sql.pg_types import is_own

ValueOrder = Literal["number", "time", "instant", "text"]
"""How values are ordered:

number   as the whole numbers that their texts are
time     as their texts are, character by character, if all are of the years 1 to 9999
instant  as times, if all texts are of UTC, as they are unless a server has another time zone
text     as their texts are, character by character

No text of these has a comma, and none is empty.
"""

_ORDERS: dict[str, ValueOrder] = {
    **dict.fromkeys(("int2", "int4", "int8"), "number"),
    **dict.fromkeys(("date", "timestamp"), "time"),
    "timestamptz": "instant",
    **dict.fromkeys(("bool", "uuid"), "text"),
}


def value_orders(order: Sequence[OrderKey]) -> tuple[ValueOrder | None, ...]:
    """How each value of an order is ordered; None: as only Postgres knows."""
    return tuple(_ORDERS.get(_type(key)) for key in order)


def _type(key: OrderKey) -> str:
    """The Postgres type that a value is ordered as; empty where it has no name here."""
    expr = key.expr
    if isinstance(expr, Column):
        if expr.catalog.row_key:
            return ""
        if is_own(expr):
            return expr.pg_type
    return "" if expr.type is None else expr.type.pg_type
