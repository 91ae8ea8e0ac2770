"""Values and entity-ids as JSON text (JSON Format 4.01, sections 4.5.8 and 7)."""

from __future__ import annotations

from odata_gateway.edm.model import EntitySet, NavigationProperty
from odata_gateway.formats.json_text import Pieces
from odata_gateway.plan.tree.columns import column_of_property
from odata_gateway.plan.tree.projection import Field
from odata_gateway.plan.tree.relation import Column
from odata_gateway.sql.fragment import Sql, quoted
from odata_gateway.sql.pg_types import link_literal
from odata_gateway.sql.renderer import ExpressionRenderer
from odata_gateway.sql.structured.json_values import of_model_type, value_json


def json_value(field: Field, expressions: ExpressionRenderer, *, ieee754: bool) -> Sql:
    """The JSON text of a property, `null` included.

    ieee754  Int64 and Decimal are strings
    """
    if field.value is None:
        return quoted("null")
    return value_json(field.value, field.type, expressions, as_string=ieee754)


def entity_id(entity_set: EntitySet, source: int) -> Pieces:
    """The id of the entity whose row is that of a source, relative to the service root:
    `Message(1)`."""
    key = entity_set.entity_type.key
    columns = [column_of_property(source, p) for p in key]
    return entity_id_of(entity_set, columns)


def navigation_path(entity_set: EntitySet, navigation: NavigationProperty) -> str:
    """What leads from an entity to a navigation property; a derived type is named before it."""
    cast = f"/{entity_set.entity_type.qualified_name}" if entity_set.is_cast else ""
    return f"{cast}/{navigation.name}"


def entity_id_of(entity_set: EntitySet, key: list[Column]) -> Pieces:
    """The id of the entity with these columns as its key; a singleton has its name."""
    if entity_set.singleton is not None:
        return [entity_set.name]
    pieces: Pieces = [f"{entity_set.name}("]
    for i, (prop, column) in enumerate(zip(entity_set.entity_type.key, key, strict=True)):
        pieces.append(("," if i else "") + (f"{prop.name}=" if len(key) > 1 else ""))
        pieces.append(_key_literal(column))
    return [*pieces, ")"]


def _key_literal(column: Column) -> Sql:
    return link_literal(of_model_type(column), column.type)
