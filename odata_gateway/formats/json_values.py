"""Values and entity-ids as JSON text (JSON Format 4.01, sections 4.5.8 and 7)."""

from __future__ import annotations

from odata_gateway.edm.model import EntitySet
from odata_gateway.edm.types import BOOLEAN, DOUBLE, STRING
from odata_gateway.formats.json_text import Pieces
from odata_gateway.plan.tree.projection import Field
from odata_gateway.plan.tree.relation import Column
from odata_gateway.sql.fragment import Sql, build, column_sql, quoted
from odata_gateway.sql.pg_types import (
    JSON_COLUMNS,
    checked,
    json_column_text,
    json_text,
    plain_text,
)
from odata_gateway.sql.renderer import ExpressionRenderer

EVIDENT_TYPES = (STRING, BOOLEAN, DOUBLE)
"""Types that a reader of JSON knows without being told (JSON Format 4.5.3)."""

# Characters of a string key that would end or change a URL, in the order in which they must be
# replaced. Others stay as IRIs allow them, control characters as JSON writes them.
_URL_ESCAPES = (
    ("%", "%25"),
    ("'", "''"),
    ("/", "%2F"),
    ("?", "%3F"),
    ("#", "%23"),
    ("&", "%26"),
    ("+", "%2B"),
    (" ", "%20"),
    ('"', "%22"),
    ("\\", "%5C"),
)


def json_value(field: Field, expressions: ExpressionRenderer, *, ieee754: bool) -> Sql:
    """The JSON text of a property, `null` included.

    ieee754  Int64 and Decimal are strings
    """
    value = field.value
    if value is None:
        return quoted("null")
    if not isinstance(value, Column):
        shown = expressions.range_checked(value)
    elif value.pg_type in JSON_COLUMNS and field.type is STRING:
        return json_column_text(column_sql(value), value.pg_type, field.type)
    else:
        shown = _of_model_type(value)
    return json_text(shown, field.type, nullable=value.nullable, as_string=ieee754)


def entity_id(entity_set: EntitySet, source: int) -> Pieces:
    """The id of the entity whose row is that of a source, relative to the service root:
    `Message(1)`."""
    key = entity_set.entity_type.key
    columns = [Column(source, p.column, p.pg_type, p.type, nullable=False) for p in key]
    return entity_id_of(entity_set, columns)


def entity_id_of(entity_set: EntitySet, key: list[Column]) -> Pieces:
    """The id of the entity with these columns as its key."""
    pieces: Pieces = [f"{entity_set.name}("]
    for i, (prop, column) in enumerate(zip(entity_set.entity_type.key, key, strict=True)):
        pieces.append(("," if i else "") + (f"{prop.name}=" if len(key) > 1 else ""))
        pieces.append(_key_literal(column))
    return [*pieces, ")"]


def _key_literal(column: Column) -> Sql:
    value = _of_model_type(column)
    if column.type is not STRING:
        return plain_text(value, column.type)
    for plain, code in _URL_ESCAPES:
        value = build("replace({0}, {1}, {2})", value, quoted(plain), quoted(code))
    return build("btrim(to_json('''' || {0} || '''')::text, '\"')", value)


def _of_model_type(column: Column) -> Sql:
    """A column as the type that the model says, even if the table has changed since."""
    return checked(column_sql(column), column.pg_type, column.type)
