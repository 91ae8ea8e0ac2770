"""Whether the keys that the service makes can be made of the rows of this database, and what they
cost."""

from __future__ import annotations

from collections.abc import Iterator

from odata_gateway.db.schema.catalog import TableFacts
from odata_gateway.db.schema.findings import Finding
from odata_gateway.edm.model import EntityType


def row_key_faults(entity_type: EntityType, facts: TableFacts) -> Iterator[str]:
    """Why the key of places cannot be made."""
    row_key = entity_type.row_key
    if row_key is not None and row_key.form == "place" and not facts.has_places:
        yield (
            "its rows have no place: they are not all in tables of Postgres's own kind, or are "
            'spread by Citus; declare @Gateway.RowKey "Digest"'
        )


def row_key_findings(entity_type: EntityType, subject: str) -> Iterator[Finding]:
    """What a key of digests costs, and what would end that."""
    if entity_type.row_key is not None and entity_type.row_key.form == "digest":
        text = (
            f"it has no key, so each page of {entity_type.name} reads and sorts all rows; to end "
            "that, name columns that are unique and never null as its key in the model"
        )
        yield Finding("note", subject, text)
