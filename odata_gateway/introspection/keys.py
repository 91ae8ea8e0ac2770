"""The key of each relation, by which its rows are found and pages follow.

It is the first of: the primary key, the index that REPLICA IDENTITY names, the smallest unique
index over columns that are NOT NULL; for a view or a materialized view a key that was proven
(`view_keys`). Types that CSDL forbids in keys (floats, binary data) exclude an index. Whether an
index is proof is decided again when the model is compared with the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from odata_gateway.introspection.catalog import CatalogColumn, CatalogRelation, UniqueIndex
from odata_gateway.introspection.columns import is_fit_for_key

VIEW_KINDS = ("m", "v")
"""Relations of these kinds have no NOT NULL; their keys are proven by their rows."""


def relation_key(relation: CatalogRelation) -> tuple[str, ...] | None:
    """The columns of the key in their order; None where the relation has none."""
    if relation.key:
        return relation.key
    columns = {column.name: column for column in relation.columns}
    for index in sorted(relation.unique, key=_rank):
        if all(_can_be_key(relation, columns[name]) for name in index.columns):
            return index.columns
    return None


def alternate_keys(
    relation: CatalogRelation, names: Mapping[str, str], key: tuple[str, ...]
) -> dict[str, Any]:
    """The annotation with further unique indexes over NOT NULL columns; `names` has the property of
    each column that is served and whose value is one."""
    columns = {column.name: column for column in relation.columns}
    found = {
        index.columns: None
        for index in relation.unique
        if set(index.columns) != set(key)
        and all(name in names and columns[name].not_null for name in index.columns)
        and all(_can_be_key(relation, columns[name]) for name in index.columns)
    }
    listed = [
        {"Key": [{"Name": names[name], "Alias": names[name]} for name in index]} for index in found
    ]
    return {"@Core.AlternateKeys": listed} if listed else {}


def row_key_property(relation: CatalogRelation) -> dict[str, Any]:
    """The property of a key that the service makes, for a relation that has none."""
    if relation.has_places:
        form, text = "Place", "Where the row is stored. It changes when the row is updated."
    else:
        form, text = "Digest", "A digest of the row and its number among equal rows."
    return {"@Gateway.RowKey": form, "@Core.Computed": True, "@Core.Description": text}


def _rank(index: UniqueIndex) -> tuple[bool, bool, int]:
    return not index.is_primary, not index.is_identity, len(index.columns)


def usable_candidates(relation: CatalogRelation) -> list[tuple[str, ...]]:
    """The candidates that CSDL allows as a key, the smallest first."""
    columns = {column.name: column for column in relation.columns}
    return [
        names
        for names in sorted(relation.candidates, key=len)
        if all(_can_be_key(relation, columns[name]) for name in names)
    ]


def _can_be_key(relation: CatalogRelation, column: CatalogColumn) -> bool:
    is_filled = column.not_null or relation.kind in VIEW_KINDS
    return is_filled and column.readable and is_fit_for_key(column)
