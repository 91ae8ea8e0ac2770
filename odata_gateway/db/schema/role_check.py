"""Findings about the roles that statements run as: what they see, and where the database's own
policies do not hold them back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.schema.catalog import DENIED
from odata_gateway.db.schema.findings import Finding
from odata_gateway.db.schema.introspect import inspect
from odata_gateway.db.schema.roles import RoleDirectory
from odata_gateway.edm.derive import served_part
from odata_gateway.edm.model import Model, Table

_OWNED = """
SELECT n.nspname::text AS schema, c.relname::text AS name
FROM unnest($1::text[], $2::text[]) AS wanted (schema, name)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.name
WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND NOT c.relforcerowsecurity
AND pg_has_role(coalesce($3::text, session_user)::name, c.relowner, 'USAGE')
ORDER BY 1, 2
"""

_OPEN_VIEWS = """
WITH RECURSIVE below (view, schema, name, oid, kind) AS (
    SELECT c.oid, n.nspname::text, c.relname::text, c.oid, c.relkind
    FROM unnest($1::text[], $2::text[]) AS wanted (schema, name)
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.name
    WHERE c.relkind = 'v' AND NOT coalesce(c.reloptions, '{}') && ARRAY[
        'security_invoker=true', 'security_invoker=on', 'security_invoker=1',
        'security_invoker=yes']
    UNION
    SELECT below.view, below.schema, below.name, c.oid, c.relkind
    FROM below
    JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = below.oid AND below.kind = 'v'
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::regclass
        AND d.objid = r.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
    JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid AND d.refobjid <> r.ev_class
)
SELECT below.schema, below.name,
       array_agg(DISTINCT n.nspname || '.' || c.relname ORDER BY n.nspname || '.' || c.relname)
           AS tables
FROM below JOIN pg_catalog.pg_class AS c ON c.oid = below.oid AND c.relrowsecurity
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
GROUP BY 1, 2 ORDER BY 1, 2
"""


async def view_findings(database: Database, model: Model) -> list[Finding]:
    """A warning for each view that shows rows which policies would hide from whoever asks.

    raises  ODataError when the database does not answer
    """
    async with database.session() as session:
        rows = await session.fetch(BoundStatement(_OPEN_VIEWS, _names(model)))
    return [
        Finding(
            "warning",
            f"{row['schema']}.{row['name']}",
            f"the policies of {', '.join(row['tables'])} hold for the view's owner, and not for "
            "whoever asks; ALTER VIEW ... SET (security_invoker = true)",
        )
        for row in rows
    ]


async def role_findings(
    database: Database, model: Model, role: str, roles: RoleDirectory
) -> list[Finding]:
    """What a role sees of a model, and what is wrong with it.

    raises  ODataError when the database does not answer
    """
    subject = f"role {role}"
    fault = await roles.fault(role)
    if fault is not None:
        return [Finding("error", subject, f"{fault}; no request can run as it")]
    seen, about = await inspect(database, model, role=role)
    names = sorted(served_part(seen).entity_sets)
    found = [
        Finding("note", subject, f"sees {', '.join(names)}")
        if names
        else Finding("error", subject, "can read no entity set"),
        *await policy_findings(database, model, role, roles),
        *_structural(about),
    ]
    return found


async def policy_findings(
    database: Database, model: Model, role: str | None, roles: RoleDirectory
) -> list[Finding]:
    """Why policies do not hold a role back; None: the connection's own."""
    facts = None if role is None else await roles.facts(role)
    subject = "role" if role is None else f"role {role}"
    found = []
    if facts is not None and facts.bypasses_policies:
        found.append(Finding("warning", subject, "has BYPASSRLS: no policy applies to it"))
    async with database.session() as session:
        rows = await session.fetch(BoundStatement(_OWNED, (*_names(model), role)))
    if rows:
        names = ", ".join(f"{row['schema']}.{row['name']}" for row in rows)
        text = (
            f"owns {names}: their policies do not apply to it; "
            "ALTER TABLE ... FORCE ROW LEVEL SECURITY"
        )
        found.append(Finding("warning", subject, text))
    return found


def _structural(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings that are no consequence of what the role may not read: that is on purpose."""
    findings = list(findings)
    denied = {f.subject.rpartition(".")[0] for f in findings if DENIED in f.text}
    for finding in findings:
        is_server = finding.subject in ("role", "server", "row-level security")
        if not (is_server or DENIED in finding.text or finding.subject in denied):
            yield finding


def _names(model: Model) -> tuple[list[str], list[str]]:
    tables: set[Table] = {entity_type.table for entity_type in model.entity_types.values()}
    wanted = sorted(tables, key=lambda table: (table.schema, table.name))
    return [table.schema for table in wanted], [table.name for table in wanted]
