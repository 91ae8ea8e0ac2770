"""Columns of properties."""

from __future__ import annotations

from odata_gateway.edm.model import Property
from odata_gateway.plan.tree.relation import Column


def column_of_property(source: int, prop: Property, *, nullable: bool = False) -> Column:
    """The column behind a property, in the table of a source."""
    return Column(source, prop.column, prop.pg_type, prop.type, nullable, prop.catalog)
