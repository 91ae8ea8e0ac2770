"""Columns of properties, and what the columns of several SELECTs have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from odata_gateway.edm.model import AccountColumn, Property
from odata_gateway.plan.tree.collations import collations_of_all
from odata_gateway.plan.tree.relation import (
    Aggregate,
    BoundExpr,
    Column,
    Selection,
    Source,
    WindowCondition,
)
from odata_gateway.types.catalog_type import CatalogType
from odata_gateway.types.primitive import STRING


def column_of_property(source: int, prop: Property, *, nullable: bool = False) -> Column:
    """The column behind a property, in the table of a source."""
    found = Column(source, prop.column, prop.pg_type, prop.type, nullable, prop.catalog)
    return found if prop.function is None else replace(found, function=prop.function)


def account_column(source: Source) -> str | None:
    """The column of a source's table that names the account of each row; None where there is
    none."""
    policy = None if source.derived is not None else source.entity_type.policy
    return policy.column if isinstance(policy, AccountColumn) else None


def made_columns(source: int, selections: Sequence[Selection]) -> tuple[Column, ...]:
    """The columns c0, c1, ... of a source whose rows are those of all selections; they are null
    where one of the selections may have null."""
    found = enumerate(zip(*(s.columns for s in selections), strict=True))
    return tuple(_made_column(source, index, values) for index, values in found)


def _made_column(
    source: int, index: int, values: Sequence[BoundExpr | Aggregate | WindowCondition]
) -> Column:
    found = (v.type for v in values if v.type is not None)
    # of one name all, but decimals that are whole numbers are narrower than others
    type_ = max(found, key=lambda each: each.rank, default=STRING)
    kept, nullable = common_column(values), any(v.nullable for v in values)
    column = Column(source, f"c{index}", "", type_, nullable)
    collations = tuple(collations_of_all(values))
    if kept is not None:
        return replace(column, pg_type=kept.pg_type, catalog=kept.catalog)
    if len(collations) != 1:
        return column
    collation, is_deterministic = collations[0]
    catalog = CatalogType(collation=collation, is_deterministic=is_deterministic)
    return replace(column, catalog=catalog)


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
