"""The key of each relation, by which its rows are found and pages follow.

It is the first of: the primary key, the index that REPLICA IDENTITY names, the smallest unique
index over columns that are NOT NULL; for a view or a materialized view a key that was proven
(`view_keys`). Types that CSDL forbids in keys (floats, binary data) exclude an index. Whether an
index is proof is decided again when the model is compared with the database.
"""

from __future__ import annotations

from collections.abc import Iterable

from odata_gateway.introspection.catalog import CatalogColumn, CatalogRelation, UniqueIndex
from odata_gateway.introspection.columns import primitive_of

VIEW_KINDS = ("m", "v")
"""Relations of these kinds have no NOT NULL; their keys are proven by their rows."""


def relation_key(relation: CatalogRelation) -> tuple[str, ...] | None:
    """The columns of the key in their order; None where the relation has none."""
    columns = {column.name: column for column in relation.columns}
    for index in sorted(relation.unique, key=_rank):
        if all(_can_be_key(relation, columns[name]) for name in index.columns):
            return index.columns
    return None


def key_fault(relation: CatalogRelation) -> str:
    """Why a relation has no key."""
    if not relation.unique:
        return "it has no primary key and no unique index"
    columns = {column.name: column for column in relation.columns}
    named = (columns[name] for index in relation.unique for name in index.columns)
    return f"its keys cannot be used: {', '.join(sorted(set(_faults(relation, named))))}"


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
    return not list(_faults(relation, [column]))


def _faults(relation: CatalogRelation, columns: Iterable[CatalogColumn]) -> Iterable[str]:
    for column in columns:
        if not primitive_of(column).family.can_be_key:
            yield f"{column.name} is {column.type}"
        elif not (column.not_null or relation.kind in VIEW_KINDS):
            yield f"{column.name} may be null"
        elif not column.readable:
            yield f"the role may not read {column.name}"
