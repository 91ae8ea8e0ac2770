"""Findings about the server and the role: privileges, encoding, row-level security, and whether
access tokens can be looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.schema.catalog import (
    ServerFacts,
    Tables,
    can_call,
    read_row_security,
    read_server,
    unreadable,
)
from odata_gateway.db.schema.findings import Finding
from odata_gateway.db.search_path import NAMESAKES, told
from odata_gateway.db.session import Session
from odata_gateway.edm.model import Model, Table, TokenTables

LOOKUP = "no access token can be looked up"
TOKEN_FUNCTION = "public.odata_caller(text, int4[])"
"""What `identity.live_agent` calls behind row-level security."""


async def search_path_findings(database: Database, session: Session) -> list[Finding]:
    """What keeps the search path of the settings from being used."""
    schemas = database.settings.schemas
    if not schemas:
        return []
    statement = NAMESAKES.format(schemas="$1::text[]")
    rows = await session.fetch(BoundStatement(statement, (list(schemas),)))
    database.note_namesakes(tuple(row[0] for row in rows))
    return [Finding("error", "search path", told(row[0])) for row in rows]


async def server_findings(
    session: Session, tables: Tables, tokens: TokenTables | None, *, row_security: bool
) -> list[Finding]:
    """What is wrong with the server and the role.

    tokens        where access tokens are looked up
    row_security  whether policies are expected to apply to the role
    """
    server = await read_server(session)
    active = await read_row_security(session, tables)
    findings = [*_role_findings(server, tables, tokens), *_text_findings(server)]
    if row_security:
        findings += _open_tables(set(tables) - active)
        if not await can_call(session, TOKEN_FUNCTION):
            text = f"the role may not call it; {LOOKUP}"
            findings.append(Finding("error", TOKEN_FUNCTION, text))
    elif active and tokens is not None:
        text = (
            f"policies narrow what the role sees of {_names(active)}; with those of "
            "sql/live_agent/rls.sql, ODATA_RLS must be true"
        )
        findings.append(Finding("warning", "row-level security", text))
    if tokens is not None:
        findings += _token_findings(tables, tokens, by_function=row_security)
    return findings


def other_database_findings(model: Model, tables: Tables) -> Iterator[Finding]:
    """Whether the model is one of another database."""
    if model.entity_types and not any(t.table in tables for t in model.entity_types.values()):
        text = (
            "none of its tables is in this database; ODATA_MODEL=auto serves the tables that are, "
            "without a model"
        )
        yield Finding("error", "model", text)


def _role_findings(
    server: ServerFacts, tables: Tables, tokens: TokenTables | None
) -> Iterator[Finding]:
    script = "sql/live_agent/roles.sql makes one that can read what is needed and nothing else"
    cure = "use one that may SELECT and nothing else" if tokens is None else script
    writable = [table for table, facts in tables.items() if facts.writable]
    if server.superuser:
        yield Finding("warning", "role", f"is a superuser; {cure}")
    elif writable:
        yield Finding("warning", "role", f"could write {_names(writable)}; {cure}")


def _text_findings(server: ServerFacts) -> Iterator[Finding]:
    if server.encoding != "UTF8":
        text = (
            f"the database's encoding is {server.encoding}, not UTF8: some texts cannot be "
            "compared or shown"
        )
        yield Finding("error", "server", text)
    if not server.lower_is_unicode:
        text = (
            "the database lower-cases ASCII only: tolower and toupper leave other letters as "
            "they are"
        )
        yield Finding("note", "server", text)


def _open_tables(tables: Iterable[Table]) -> Iterator[Finding]:
    text = "has no row-level security for this role; sql/live_agent/rls.sql makes it"
    for name in sorted(f"{table.schema}.{table.name}" for table in tables):
        yield Finding("error", name, text)


def _token_findings(tables: Tables, tokens: TokenTables, *, by_function: bool) -> Iterator[Finding]:
    for table, columns in tokens.columns().items():
        if by_function and table == tokens.tokens:
            continue
        for column in columns:
            if reason := unreadable(tables, table, column):
                subject = f"{table.schema}.{table.name}.{column}"
                yield Finding("error", subject, f"{reason}; {LOOKUP}")


def _names(tables: Iterable[Table]) -> str:
    return ", ".join(sorted(f"{table.schema}.{table.name}" for table in tables))
