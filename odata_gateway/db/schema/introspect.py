"""The model that a database can serve, and how it differs from the one given.

A difference never becomes a wrong answer:
- A column that is missing, unreadable or of a type that cannot hold the declared values reads as
  null.
- A wider integer widens the declared type, since clients check values against $metadata.
- An entity type without its table, key or row policy is missing as a whole.
- A navigation property whose join cannot work is left out.
- Nullability that $metadata promises may only become weaker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import assert_never

from odata_gateway.db.database import Database
from odata_gateway.db.schema.catalog import ColumnFacts, Tables, read_tables, unreadable
from odata_gateway.db.schema.findings import Finding
from odata_gateway.db.schema.server_check import TOKEN_COLUMNS, server_findings
from odata_gateway.edm.derive import with_partners, with_types
from odata_gateway.edm.model import (
    AccountColumn,
    EntityType,
    JoinColumn,
    JoinConstant,
    JoinTerm,
    Membership,
    Model,
    NavigationProperty,
    Property,
    Table,
    Unscoped,
)
from odata_gateway.types.primitive import INT64, PRIMITIVE_TYPES, STRING, PrimitiveType


async def inspect(database: Database, model: Model) -> tuple[Model, list[Finding]]:
    """The model as this database can serve it, and where it differs from the one given.

    raises  ODataError when the database does not answer
    """
    row_security = database.settings.row_security
    async with database.session(snapshot=True) as session:
        tables = await read_tables(session, _tables(model))
        findings = await server_findings(session, tables, row_security=row_security)
    fitted = {
        name: _fit(entity_type, tables, findings)
        for name, entity_type in model.entity_types.items()
    }
    joined = {
        name: _with_joins(entity_type, fitted, tables, findings)
        for name, entity_type in fitted.items()
    }
    partnered = {name: with_partners(entity_type, joined) for name, entity_type in joined.items()}
    return with_types(model, partnered), findings


def _tables(model: Model) -> Iterator[Table]:
    yield from TOKEN_COLUMNS
    for entity_type in model.entity_types.values():
        yield entity_type.table
        if isinstance(entity_type.policy, Membership):
            yield entity_type.policy.table
        for navigation in entity_type.navigation.values():
            yield from (link.table for link in navigation.join.links)


# --- Entity types and their properties ------------------------------------------------------------


def _fit(entity_type: EntityType, tables: Tables, findings: list[Finding]) -> EntityType:
    """The entity type as its table can serve it; adds to the findings."""
    name, subject = entity_type.name, f"{entity_type.table.schema}.{entity_type.table.name}"
    facts = tables.get(entity_type.table)
    if facts is None:
        text = f"the table does not exist; {name} cannot be served"
        findings.append(Finding("error", subject, text))
        return replace(entity_type, missing=True)
    properties = {
        key: _fit_property(prop, facts.columns.get(prop.column), subject, findings)
        for key, prop in entity_type.properties.items()
    }
    keys = [prop for prop in properties.values() if prop.is_key]
    reasons = [f"key {prop.name} is missing" for prop in keys if prop.missing]
    reasons += _policy_faults(entity_type, tables)
    for reason in reasons:
        findings.append(Finding("error", subject, f"{reason}; {name} cannot be served"))
    return replace(entity_type, properties=properties, missing=bool(reasons), indexes=facts.indexes)


def _fit_property(
    prop: Property, facts: ColumnFacts | None, table: str, findings: list[Finding]
) -> Property:
    """The property as its column can serve it; adds to the findings."""
    if prop.secret:  # reads as null whatever the column is, and is not granted
        return prop if facts is not None else replace(prop, missing=True)
    subject = f"{table}.{prop.column}"
    served = None if facts is None else _served_type(prop, facts.type)
    if facts is None or not facts.readable or served is None:
        text = f"{_column_fault(prop, facts)}; {prop.name} reads as null"
        findings.append(Finding("warning", subject, text))
        return replace(prop, missing=True, nullable=True)
    findings += _property_findings(prop, facts, served, subject)
    reading = served.reading(facts.type)
    can_be_null = not facts.not_null or (reading.can_be_null and not prop.is_key)
    return replace(
        prop,
        type=served,
        pg_type=facts.type,
        not_null=facts.not_null and not reading.reads_null,
        nullable=prop.nullable or can_be_null,
    )


def _column_fault(prop: Property, facts: ColumnFacts | None) -> str:
    """Why a column cannot be served as its property."""
    if facts is None:
        return "the column does not exist"
    if not facts.readable:
        return "the role may not read the column"
    return f"type {facts.type} cannot be served as {prop.type}"


def _property_findings(
    prop: Property, facts: ColumnFacts, served: PrimitiveType, subject: str
) -> Iterator[Finding]:
    """How the column of a property differs from what the model says of it."""
    if served is not prop.type:
        text = f"type {facts.type} is wider than {prop.type}; {prop.name} is served as {served}"
        yield Finding("warning", subject, text)
    elif facts.type not in (*prop.type.lossless, prop.pg_type):
        yield Finding("note", subject, f"type {facts.type} is served as text")
    if not (prop.nullable or facts.not_null):
        text = f"the column may be null; {prop.name} is served as nullable"
        yield Finding("warning", subject, text)


def _served_type(prop: Property, column_type: str) -> PrimitiveType | None:
    """The Edm type a column is served as, or None where it cannot be."""
    if column_type == prop.pg_type or column_type in prop.type.lossless or prop.type is STRING:
        return prop.type
    return wider_type(prop.type, column_type)


def wider_type(type_: PrimitiveType, column_type: str) -> PrimitiveType | None:
    """The narrowest number of the same family that can say every value of a column, or None."""
    found = [
        other
        for other in PRIMITIVE_TYPES.values()
        if other.family is type_.family and other.is_numeric and column_type in other.lossless
    ]
    return min(found, key=lambda other: other.rank, default=None)


def _policy_faults(entity_type: EntityType, tables: Tables) -> Iterator[str]:
    """Why the row policy cannot be applied."""
    match entity_type.policy:
        case AccountColumn(column=column):
            needed = [(entity_type.table, column)]
        case Membership(table=table, member=member, column=column, account=account):
            needed = [(entity_type.table, column), (table, member), (table, account)]
        case Unscoped():
            needed = []
        case _:
            assert_never(entity_type.policy)
    for table, name in needed:
        reason = unreadable(tables, table, name)
        if reason is None and tables[table].columns[name].type not in INT64.lossless:
            reason = f"its type is {tables[table].columns[name].type}, not an integer"
        if reason:
            yield f"row policy: {table.schema}.{table.name}.{name}: {reason}"


# --- Navigation properties ------------------------------------------------------------------------


def _with_joins(
    entity_type: EntityType,
    types: Mapping[str, EntityType],
    tables: Tables,
    findings: list[Finding],
) -> EntityType:
    """The entity type with the navigation properties whose joins work; adds to the findings."""
    if entity_type.missing:
        return entity_type
    kept = {}
    for name, navigation in entity_type.navigation.items():
        target = types[navigation.target]
        fault = None if target.missing else _join_fault(entity_type, navigation, target, tables)
        if fault is None:
            kept[name] = navigation
        else:
            text = f"{fault}; the navigation property is left out"
            findings.append(Finding("warning", f"{entity_type.name}.{name}", text))
    return replace(entity_type, navigation=kept)


def _join_fault(
    source: EntityType, navigation: NavigationProperty, target: EntityType, tables: Tables
) -> str | None:
    """Why a join cannot work, or None."""
    sides = {"source": source.table, "target": target.table} | {
        link.name: link.table for link in navigation.join.links
    }
    for term in navigation.join.terms:
        if fault := _term_fault(term, sides, tables):
            return fault
    return None


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
                kind = _kind(tables[table].columns[column].type)
                kinds.append(kind)
                if lower and kind != STRING.family.name:
                    return f"{table.schema}.{table.name}.{column}: {kind} has no lower case"
    return None if kinds[0] == kinds[1] else f"the join compares {kinds[0]} with {kinds[1]}"


def _kind(column_type: str) -> str:
    """The family whose columns of this type can be joined with each other, or the type itself."""
    families = (type_.family for type_ in PRIMITIVE_TYPES.values())
    return next((f.name for f in families if column_type in f.compares_columns), column_type)
