"""Columns of properties, and what the columns of several SELECTs have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from odata_gateway.edm.model import Property
from odata_gateway.plan.tree.relation import Column


def column_of_property(source: int, prop: Property, *, nullable: bool = False) -> Column:
    """The column behind a property, in the table of a source."""
    found = Column(source, prop.column, prop.pg_type, prop.type, nullable, prop.catalog)
    return found if prop.function is None else replace(found, function=prop.function)


def common_column(values: Iterable[object]) -> Column | None:
    """One of the columns where all values are columns of one Postgres type that derived rows keep,
    because values of it are compared and grouped as that type; None for others."""
    first: Column | None = None
    for value in values:
        if not isinstance(value, Column):
            return None
        first = first or value
        if (value.pg_type, value.type, value.catalog) != (first.pg_type, first.type, first.catalog):
            return None
    if first is None or not first.type.reading(first.pg_type).is_own:
        return None
    return first
