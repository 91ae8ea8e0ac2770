"""Relations of a catalog in a few words, for tests."""

from __future__ import annotations

from odata_gateway.edm.model import Table
from odata_gateway.introspection.catalog import CatalogColumn, CatalogRelation, ForeignKey, UniqueIndex


def column(name, type_="int4", *, not_null=False, modifier=-1, readable=True, number=0, comment=None, is_computed=False):
    return CatalogColumn(number, name, type_, "b", modifier, not_null, is_computed, readable, comment)


def table(name, *columns, key=("id",), keys=(), unique=(), kind="r", schema="public", comment=None, is_open=True, has_places=False):
    """A relation. A column is a name (int4; NOT NULL where it is in the key) or a CatalogColumn; a foreign key is
    `(columns, target)` or `(columns, target, referenced)`; a unique index is a tuple of columns."""
    made = tuple(c if isinstance(c, CatalogColumn) else column(c, not_null=c in key) for c in columns)
    indexes = ([UniqueIndex(tuple(key), is_primary=True, is_identity=False)] if key else []) + [
        UniqueIndex(tuple(columns), is_primary=False, is_identity=False) for columns in unique
    ]
    foreign = tuple(
        ForeignKey(f"{name}_{'_'.join(columns)}_fkey", tuple(columns), Table(schema, target), tuple(*referenced) or ("id",))
        for columns, target, *referenced in keys
    )
    return CatalogRelation(Table(schema, name), kind, comment, is_open, made, tuple(indexes), foreign, has_places=has_places)
