"""Findings about a cluster of Citus: how tables are distributed, and whether all shards can be
read.

A row of each shard of each table is read, as the role of the connection. So a shard that lacks the
role's rights is found, and a server that cannot be reached or does not let the role in.
"""

from __future__ import annotations

from collections.abc import Iterator

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.schema.citus.distribution import (
    Distributions,
    account_tables,
    is_by_account,
    read_distributions,
    read_version,
)
from odata_gateway.db.schema.findings import Finding
from odata_gateway.db.session import Session
from odata_gateway.edm.model import Membership, Model, Table
from odata_gateway.errors import DbDenied, ODataError

KEEPS_RIGHTS = (13, 1)
"""Since this version of Citus, a shard that is moved or split has the rights on columns."""

_READABLE = """
SELECT n.nspname || '.' || c.relname AS name, format('%I.%I', n.nspname, c.relname) AS relation,
       p.partmethod <> 'n' AS has_shards, p.colocationid AS colocation,
       string_agg(format('t.%I', a.attname), ', ' ORDER BY a.attnum) AS columns
FROM pg_catalog.pg_dist_partition AS p
JOIN pg_catalog.pg_class AS c ON c.oid = p.logicalrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND has_column_privilege(c.oid, a.attnum, 'SELECT')
WHERE (p.partmethod <> 'n' OR p.repmodel = 't') AND has_schema_privilege(n.oid, 'USAGE')
GROUP BY n.nspname, c.relname, p.partmethod, p.colocationid
ORDER BY has_shards DESC, name
"""


async def citus_findings(database: Database, model: Model, sharded: str) -> list[Finding]:
    """What is wrong with the cluster that the database is, and whether ODATA_SHARDED fits it.

    sharded  the setting: auto, true or false
    raises   ODataError when the database does not answer
    """
    async with database.session() as session:
        version = await read_version(session)
        found = await read_distributions(session)
        findings = list(_setting_findings(model, found, sharded))
        if not is_by_account(model.entity_types.values(), found):
            return findings
        findings += _distribution_findings(model, found)
        findings += await _shard_findings(session)
    if version < KEEPS_RIGHTS:
        number = ".".join(map(str, version))
        text = (
            f"Citus {number} takes the role's rights on columns away where a shard is moved or "
            "split: run sql/live_agent/citus.sql again each time, or use 13.1 or newer"
        )
        findings.append(Finding("note", "server", text))
    return findings


def _setting_findings(model: Model, found: Distributions, sharded: str) -> Iterator[Finding]:
    by_account = is_by_account(model.entity_types.values(), found)
    if by_account and sharded == "false":
        text = "Citus distributes the tables by account; ODATA_SHARDED must not be false"
        yield Finding("warning", "server", text)
    if sharded == "true" and not by_account:
        text = (
            "no table is distributed by account; ODATA_SHARDED=true costs callers of several "
            "accounts time, and some of their requests"
        )
        yield Finding("note", "server", text)


def _distribution_findings(model: Model, found: Distributions) -> Iterator[Finding]:
    """What does not lie together with what it is joined to."""
    types = model.entity_types.values()
    by_account = account_tables(types)
    places = {found[t].colocation for t in by_account if t in found and found[t].column}
    for table, policy in by_account.items():
        place = found.get(table)
        column = None if place is None else place.column
        if column is None:
            text = "is not distributed, and tables that are cannot be joined to it"
        elif column != policy.column:
            text = f"is distributed by {column}: a statement for one account asks all servers"
        elif len(places) > 1:
            text = "lies apart from other tables of its accounts, and cannot be joined to them"
        else:
            continue
        yield Finding("warning", f"{table.schema}.{table.name}", text)
    for table in sorted(_shared_tables(model) - set(by_account), key=str):
        if table not in found or not found[table].is_reference:
            text = "is not a reference table, and distributed tables may not be joined to it"
            yield Finding("warning", f"{table.schema}.{table.name}", text)


def _shared_tables(model: Model) -> set[Table]:
    """The tables whose rows have no account: each server should have a copy."""
    found: set[Table] = set()
    for entity_type in model.entity_types.values():
        found.add(entity_type.table)
        if isinstance(entity_type.policy, Membership):
            found.add(entity_type.policy.table)
        for navigation in entity_type.navigation.values():
            found |= {link.table for link in navigation.join.links}
    return found


async def _shard_findings(session: Session) -> list[Finding]:
    """The tables that cannot be read on every server, and why."""
    findings: list[Finding] = []
    readable = await session.fetch(BoundStatement(_READABLE))
    beside = next((row["relation"] for row in readable if row["has_shards"]), None)
    for row in readable:
        tables = f"{row['relation']} AS t"
        if not row["has_shards"]:  # read beside shards, so that each server reads its own copy
            if beside is None:
                continue
            tables = f"{beside} AS s LEFT JOIN {tables} ON true"
        # The limit is for each shard; one of 0 would ask none.
        text = f"SELECT num_nulls({row['columns']}) FROM {tables} LIMIT 1"
        try:
            await session.fetch(BoundStatement(text))
        except ODataError as error:
            findings.append(Finding("error", row["name"], _reason(error)))
    return findings


def _reason(error: ODataError) -> str:
    where = "" if error.server is None else f" ({error.server})"
    if isinstance(error, DbDenied):
        return (
            f"the role may not read it on every server{where}; run sql/live_agent/citus.sql again"
        )
    return f"cannot be read on every server{where}: {error.message}"
