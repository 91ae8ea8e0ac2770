"""The model against the database: what really is there, and a model that says so.

Rules, so that a difference never becomes a wrong answer: a column that is missing, unreadable or of
a type that cannot hold the declared values reads as null; a wider integer widens the declared type,
since clients check values against $metadata; an entity type without its table, key or row policy is
missing as a whole; a navigation property whose join cannot work is left out. Nullability that
$metadata promises may only weaken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from odata_gateway.db.database import Database
from odata_gateway.db.schema.catalog import (
    ColumnFacts,
    ServerFacts,
    TableFacts,
    can_call,
    read_row_security,
    read_server,
    read_tables,
)
from odata_gateway.db.session import Session
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

Severity = Literal["error", "warning", "note"]
Tables = Mapping[Table, TableFacts]

TOKEN_COLUMNS: dict[Table, tuple[str, ...]] = {
    Table("public", "access_tokens"): ("owner_type", "owner_id", "token"),
    Table("public", "account_users"): ("account_id", "user_id", "role"),
    Table("public", "users"): ("id",),
}
"""What db.tokens reads."""
TOKEN_FUNCTION = "public.odata_caller(text, int4[])"
"""What it calls instead behind row-level security."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. error: something will not be served; warning: served otherwise than declared,
    or unsafe; note: could be better."""

    level: Severity
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.level}: {self.subject}: {self.text}"


async def inspect(database: Database, model: Model) -> tuple[Model, list[Finding]]:
    """The model as this database can serve it, and where it differs from the one given.

    raises  ODataError when the database does not answer
    """
    async with database.session(snapshot=True) as session:
        tables = await read_tables(session, _tables(model))
        server = await read_server(session)
        walls = await _wall_findings(session, tables, database.settings.row_security)
    findings = [
        *_server_findings(server, tables),
        *walls,
        *_token_findings(tables, by_function=database.settings.row_security),
    ]
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


async def server_facts(database: Database) -> ServerFacts:
    """The server's version and abilities."""
    async with database.session() as session:
        return await read_server(session)


def _tables(model: Model) -> Iterator[Table]:
    yield from TOKEN_COLUMNS
    for entity_type in model.entity_types.values():
        yield entity_type.table
        if isinstance(entity_type.policy, Membership):
            yield entity_type.policy.table
        for navigation in entity_type.navigation.values():
            yield from (link.table for link in navigation.join.links)


# --- The server and the role ----------------------------------------------------------------------


def _server_findings(server: ServerFacts, tables: Tables) -> Iterator[Finding]:
    if server.superuser:
        yield Finding(
            "warning",
            "role",
            "is a superuser; sql/live_agent/roles.sql makes one that can read what is needed and nothing else",
        )
    elif writable := sorted(
        f"{table.schema}.{table.name}" for table, facts in tables.items() if facts.writable
    ):
        yield Finding(
            "warning",
            "role",
            f"could write {', '.join(writable)}; sql/live_agent/roles.sql makes one that cannot",
        )
    if server.encoding != "UTF8":
        yield Finding(
            "error",
            "server",
            f"the database's encoding is {server.encoding}, not UTF8: some texts cannot be compared or shown",
        )
    if not server.lower_is_unicode:
        yield Finding(
            "note",
            "server",
            "the database lower-cases ASCII only: tolower and toupper leave other letters as they are",
        )


async def _wall_findings(session: Session, tables: Tables, expected: bool) -> list[Finding]:
    """Whether row-level security is what the setting says; where it is not, answers would be empty,
    or the second wall is not there."""
    active = await read_row_security(session, tables)
    if not expected:
        names = ", ".join(sorted(f"{table.schema}.{table.name}" for table in active))
        text = f"policies narrow what the role sees of {names}; with those of sql/live_agent/rls.sql, ODATA_RLS must be true"
        return [Finding("warning", "row-level security", text)] if active else []
    open_tables = sorted(f"{table.schema}.{table.name}" for table in set(tables) - active)
    found = [
        Finding(
            "error",
            name,
            "has no row-level security for this role; sql/live_agent/rls.sql makes it",
        )
        for name in open_tables
    ]
    if not await can_call(session, TOKEN_FUNCTION):
        found.append(
            Finding(
                "error",
                TOKEN_FUNCTION,
                "the role may not call it; no access token can be looked up",
            )
        )
    return found


def _token_findings(tables: Tables, *, by_function: bool) -> Iterator[Finding]:
    for table, columns in TOKEN_COLUMNS.items():
        if by_function and table.name == "access_tokens":
            continue
        for column in columns:
            if reason := _unreadable(tables, table, column):
                yield Finding(
                    "error",
                    f"{table.schema}.{table.name}.{column}",
                    f"{reason}; no access token can be looked up",
                )


def _unreadable(tables: Tables, table: Table, column: str) -> str | None:
    """Why a column cannot be read, or None where it can."""
    facts = tables.get(table)
    if facts is None:
        return "the table does not exist"
    if column not in facts.columns:
        return "the column does not exist"
    return None if facts.columns[column].readable else "the role may not read the column"


# --- Entity types and their properties ------------------------------------------------------------


def _fit(entity_type: EntityType, tables: Tables, findings: list[Finding]) -> EntityType:
    subject = f"{entity_type.table.schema}.{entity_type.table.name}"
    facts = tables.get(entity_type.table)
    if facts is None:
        findings.append(
            Finding(
                "error", subject, f"the table does not exist; {entity_type.name} cannot be served"
            )
        )
        return replace(entity_type, missing=True)
    properties = {
        name: _fit_property(
            prop, facts.columns.get(prop.column), f"{subject}.{prop.column}", findings
        )
        for name, prop in entity_type.properties.items()
    }
    reasons = [
        f"key {prop.name} is missing"
        for prop in properties.values()
        if prop.is_key and prop.missing
    ]
    reasons += _policy_faults(entity_type, tables)
    findings += [
        Finding("error", subject, f"{reason}; {entity_type.name} cannot be served")
        for reason in reasons
    ]
    return replace(entity_type, properties=properties, missing=bool(reasons), indexes=facts.indexes)


def _fit_property(
    prop: Property, facts: ColumnFacts | None, subject: str, findings: list[Finding]
) -> Property:
    if prop.secret:  # reads as null whatever the column is, and is not granted
        return prop if facts is not None else replace(prop, missing=True)
    if facts is None or not facts.readable:
        reason = (
            "the column does not exist" if facts is None else "the role may not read the column"
        )
        findings.append(Finding("warning", subject, f"{reason}; {prop.name} reads as null"))
        return replace(prop, missing=True, nullable=True)
    served = _served_type(prop, facts.type)
    if served is None:
        findings.append(
            Finding(
                "warning",
                subject,
                f"type {facts.type} cannot be served as {prop.type}; {prop.name} reads as null",
            )
        )
        return replace(prop, missing=True, nullable=True)
    if served is not prop.type:
        findings.append(
            Finding(
                "warning",
                subject,
                f"type {facts.type} is wider than {prop.type}; {prop.name} is served as {served}",
            )
        )
    elif facts.type not in (*prop.type.lossless, prop.pg_type):
        findings.append(Finding("note", subject, f"type {facts.type} is served as text"))
    reading = served.family.columns.get(facts.type)
    not_null = facts.not_null and not (reading and reading.reads_null)
    if not (prop.nullable or facts.not_null):
        findings.append(
            Finding(
                "warning", subject, f"the column may be null; {prop.name} is served as nullable"
            )
        )
    return replace(
        prop,
        type=served,
        pg_type=facts.type,
        not_null=not_null,
        nullable=prop.nullable or not facts.not_null,
    )


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
    for table, name in needed:
        reason = _unreadable(tables, table, name)
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
    if entity_type.missing:
        return entity_type
    kept = {}
    for name, navigation in entity_type.navigation.items():
        target = types[navigation.target]
        fault = None if target.missing else _join_fault(entity_type, navigation, target, tables)
        if fault is None:
            kept[name] = navigation
        else:
            findings.append(
                Finding(
                    "warning",
                    f"{entity_type.name}.{name}",
                    f"{fault}; the navigation property is left out",
                )
            )
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
    kinds = []
    for side in (term.left, term.right):
        match side:
            case JoinConstant():
                kinds.append(STRING.family.name)
            case JoinColumn(side=name, column=column, lower=lower):
                table = sides[name]
                if reason := _unreadable(tables, table, column):
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
