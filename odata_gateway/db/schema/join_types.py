"""How the columns of a join are compared, where Postgres would not compare them as they are.

No name is looked up outside of pg_catalog, so the operators of an extension's type are named with
their schema. Domains over one enumeration have no operator between them. Two texts whose collations
differ cannot be compared; by the database's own collation they can, and equality is the same for
all collations that are deterministic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from odata_gateway.db.schema.catalog import ColumnFacts, Tables
from odata_gateway.edm.model import Join, JoinColumn, JoinConstant, JoinTerm, Table
from odata_gateway.types.catalog_type import UNKNOWN, CatalogType

DATABASE_COLLATION = 'pg_catalog."default"'


def typed_join(join: Join, sides: Mapping[str, Table], tables: Tables) -> Join:
    """The join with what each of its terms is compared as; all its columns must exist.

    sides  the tables by the names that terms have for them
    """
    terms = tuple(replace(t, compared_as=_compared_as(t, sides, tables)) for t in join.terms)
    return replace(join, terms=terms)


def _compared_as(term: JoinTerm, sides: Mapping[str, Table], tables: Tables) -> CatalogType:
    def facts(column: JoinColumn) -> ColumnFacts:
        return tables[sides[column.side]].columns[column.column]

    left = facts(term.left)
    if isinstance(term.right, JoinConstant):
        return UNKNOWN if term.left.lower else _own_type(left)
    right = facts(term.right)
    collations = {left.catalog.collation, right.catalog.collation} - {""}
    found = UNKNOWN
    if left.type == right.type and not (term.left.lower or term.right.lower):
        found = _own_type(left)
    return replace(found, collation=DATABASE_COLLATION) if len(collations) > 1 else found


def _own_type(facts: ColumnFacts) -> CatalogType:
    """The type itself, where it must be named."""
    catalog = facts.catalog
    if facts.pg_type == "citext":
        return CatalogType(catalog.name, catalog.operators)
    return CatalogType(catalog.name) if facts.pg_type == "enum" else UNKNOWN
