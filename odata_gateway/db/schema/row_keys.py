"""The keys that the service makes, as they can be made of the rows of this database, and what they
cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from odata_gateway.db.schema.catalog import TableFacts
from odata_gateway.db.schema.findings import Finding
from odata_gateway.edm.model import EntityType


def with_possible_key(entity_type: EntityType, facts: TableFacts) -> EntityType:
    """The entity type with a key of digests, where rows have no place that this role may read."""
    if not _has_declared("place", entity_type) or facts.has_places:
        return entity_type
    [key] = entity_type.key
    changed = replace(key, catalog=replace(key.catalog, row_key="digest"))
    return replace(entity_type, properties={**entity_type.properties, key.name: changed})


def row_key_faults(entity_type: EntityType, facts: TableFacts) -> list[str]:
    """Why no key can be made of the rows: the role may read no column of them."""
    is_made = any(prop.catalog.row_key is not None for prop in entity_type.key)
    is_closed = not any(column.readable for column in facts.columns.values())
    return ["the role may not read it"] if is_made and is_closed else []


def row_key_findings(entity_type: EntityType, facts: TableFacts, subject: str) -> Iterator[Finding]:
    """What a key of digests costs, and what would end that."""
    name = entity_type.name
    if _has_declared("place", entity_type) and not facts.has_places:
        text = (
            f"the place of a row cannot be read, so each page of {name} reads and sorts all rows: "
            "rows are not all in tables of Postgres's own kind, are spread by Citus, or the role "
            "may read single columns only"
        )
        yield Finding("warning", subject, text)
    if _has_declared("digest", entity_type):
        text = (
            f"it has no key, so each page of {name} reads and sorts all rows; to end that, name "
            "columns that are unique and never null as its key in the model"
        )
        yield Finding("note", subject, text)


def _has_declared(form: str, entity_type: EntityType) -> bool:
    return any(prop.catalog.row_key == form for prop in entity_type.key)
