"""How the columns of a join are compared, where Postgres would not compare them as they are, or why
they cannot be.

No name is looked up outside of pg_catalog, so the operators of an extension's type are named with
their schema. Domains over one enumeration have no operator between them. Two texts whose collations
differ cannot be compared; by the database's own collation they can, and equality is the same for
all collations that are deterministic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from odata_gateway.db.schema.catalog import ColumnFacts, Tables, unreadable
from odata_gateway.edm.model import (
    EntityType,
    Join,
    JoinColumn,
    JoinConstant,
    JoinTerm,
    NavigationProperty,
    Table,
)
from odata_gateway.types.catalog_type import UNKNOWN, CatalogType
from odata_gateway.types.primitive import PRIMITIVE_TYPES, STRING

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


# --- joins that cannot work -----------------------------------------------------------------------


def join_fault(
    source: EntityType, navigation: NavigationProperty, target: EntityType, tables: Tables
) -> str | None:
    """Why a join cannot work, or None."""
    sides = join_sides(source, navigation, target)
    for term in navigation.join.terms:
        if fault := _term_fault(term, sides, tables):
            return fault
    return None


def join_sides(
    source: EntityType, navigation: NavigationProperty, target: EntityType
) -> Mapping[str, Table]:
    """The tables of a join by the names that its terms have for them."""
    links = {link.name: link.table for link in navigation.join.links}
    return {"source": source.table, "target": target.table, **links}


def _term_fault(term: JoinTerm, sides: Mapping[str, Table], tables: Tables) -> str | None:
    """Why one comparison of a join cannot work, or None."""
    kinds = []
    for side in (term.left, term.right):
        match side:
            case JoinConstant():
                kinds.append(STRING.family.name)
            case JoinColumn(side=name, column=column, lower=lower):
                table = sides[name]
                if reason := unreadable(tables, table, column):
                    return f"{table.schema}.{table.name}.{column}: {reason}"
                kind = join_kind(tables[table].columns[column].type)
                kinds.append(kind)
                if lower and kind != STRING.family.name:
                    return f"{table.schema}.{table.name}.{column}: {kind} has no lower case"
    return None if kinds[0] == kinds[1] else f"the join compares {kinds[0]} with {kinds[1]}"


def join_kind(column_type: str) -> str:
    """The family whose columns of this type can be joined with each other, or the type itself."""
    families = (type_.family for type_ in PRIMITIVE_TYPES.values())
    return next((f.name for f in families if column_type in f.compares_columns), column_type)
