"""Conditions beside one on a key that the service makes.

The key of a row is an expression that no index has. So a comparison of it with a value has a second
condition beside it, which is true for the same rows and which Postgres finds them by: where the row
is (a TID scan), or the digest of its text without the number.
"""

from __future__ import annotations

from typing import LiteralString

from odata_gateway.edm.model import REWRITTEN
from odata_gateway.plan.tree.relation import Column
from odata_gateway.sql.fragment import Sql, build, fill, qualified, quoted
from odata_gateway.sql.row_keys.relation_with_key import DIGEST, FILES, PLACE
from odata_gateway.types.catalog_type import RowKeyForm

_BLOCK = "('x' || left({0}, 8))::bit(32)::int8"
BLOCK_OF: LiteralString = "(CASE WHEN {0} ~ '^[0-9a-f]{{20}}' THEN " + _BLOCK + " ELSE 0 END)"
"""The block of a key; 0 for a text that is none."""
_PLACE_OF: LiteralString = (
    "(CASE WHEN {0} ~ '^[0-9a-f]{{20}}' THEN ('(' || " + _BLOCK + " || ',' || "
    "('x' || substr({0}, 9, 4))::bit(16)::int4 || ')')::tid END)"
)
_FOUND_BY: dict[RowKeyForm, tuple[str, LiteralString]] = {
    "place": (PLACE, _PLACE_OF),
    "digest": (DIGEST, "left({0}, 32)"),
}
"""The column beside the key, and what it has in the row with a key ({0})."""


def is_found(column: Column, symbol: LiteralString, value: Sql) -> Sql | None:
    """What is true for all rows whose key is a value, or behind it (`>=`); None for another
    column."""
    if column.catalog.row_key is None:
        return None
    name, of_key = _FOUND_BY[column.catalog.row_key]
    return fill("{0} " + symbol + " {1}", (qualified(column.source, name), fill(of_key, (value,))))


def is_one_of(column: Column, values: Sql) -> Sql | None:
    """What is true for all rows whose key is one of an array; None for another column."""
    if column.catalog.row_key is None:
        return None
    name, of_key = _FOUND_BY[column.catalog.row_key]
    return build(
        "{0} = ANY(ARRAY(SELECT {1} FROM unnest({2}) AS u (k)))",
        qualified(column.source, name),
        fill(of_key, (Sql(("u.k",)),)),
        values,
    )


def order_text(column: Column, text: Sql) -> Sql:
    """The text of a key as an order value: that of a place has the files of its table behind it."""
    if column.catalog.row_key != "place":
        return text
    return build("{0} || '.' || {1}", text, qualified(column.source, FILES))


def key_of_text(column: Column, text: Sql) -> Sql:
    """The key in such a text."""
    return build("split_part({0}, '.', 1)", text) if column.catalog.row_key == "place" else text


def is_not_rewritten(column: Column, text: Sql) -> Sql:
    """A condition that is true, and fails where the files of the table are not those of the order
    value of a place: its rows may be in other places by now."""
    return build(
        "(CASE WHEN {0} <> split_part({1}, '.', 2) THEN concat({2}, {0})::int4 = 0 ELSE true END)",
        qualified(column.source, FILES),
        text,
        quoted(REWRITTEN),
    )
