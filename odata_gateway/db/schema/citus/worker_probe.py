"""Whether one of the servers of a cluster answers, for readiness: while a part of the accounts can
be served, the gateway is ready.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import LiteralString

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.schema.citus.distribution import account_tables
from odata_gateway.edm.model import AccountColumn, Model, Table
from odata_gateway.errors import DbDenied, DbTimeout, DbUnavailable, ODataError

_ONE_S = 0.8
"""How long to wait for one server: a readiness check has two seconds for all."""

_ACCOUNTS: LiteralString = """
WITH v AS MATERIALIZED (
    SELECT a.account, get_shard_id_for_distribution_column($1::text::regclass, a.account) AS shardid
    FROM (SELECT CASE 'TYPE' WHEN 'uuid' THEN md5(n::text) ELSE n::text END::TYPE AS account
          FROM generate_series(1, 1000) AS n) AS a
)
SELECT DISTINCT ON (p.groupid) v.account
FROM v JOIN pg_catalog.pg_dist_placement AS p USING (shardid)
ORDER BY p.groupid
"""
"""Materialized: a join would ask for the shard of each account once for each placement."""

_SOME_ACCOUNTS: LiteralString = """
SELECT CASE 'TYPE' WHEN 'uuid' THEN md5(n::text) ELSE n::text END::TYPE AS account
FROM generate_series(1, 16) AS n
"""
"""Where Citus does not tell the role which shard is where, as 12.1: in all likelihood some of each
server."""


class WorkerProbe:
    """Asks one server after the other, first the one that answered last."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last = 0

    async def check(self, model: Model) -> None:
        """Return when a server with shards answers, or nothing can be said of them.

        raises  DbUnavailable where none of them does
        """
        tables = account_tables(model.entity_types.values())
        if not model.is_sharded or not tables:
            return
        table, policy = next(iter(tables.items()))
        accounts = await self._accounts(table, policy)
        for turn in range(len(accounts)):
            number = (self._last + turn) % len(accounts)
            if await self._answers(table, policy, accounts[number]):
                self._last = number
                return
        if accounts:
            raise DbUnavailable("none of the servers of the cluster can be read")

    async def _accounts(self, table: Table, policy: AccountColumn) -> Sequence[object]:
        """Accounts, there or not, of which each is on another server."""
        kind = policy.type.pg_type
        async with self._database.session() as session:
            try:
                statement = BoundStatement(_ACCOUNTS.replace("TYPE", kind), (_name(table),))
                rows = await session.fetch(statement)
            except DbDenied:
                rows = await session.fetch(BoundStatement(_SOME_ACCOUNTS.replace("TYPE", kind)))
        return [row[0] for row in rows]

    async def _answers(self, table: Table, policy: AccountColumn, account: object) -> bool:
        column, kind = _quoted(policy.column), policy.type.pg_type
        text = f"SELECT 1 FROM {_name(table)} WHERE {column} = $1::{kind} LIMIT 0"
        try:
            async with asyncio.timeout(_ONE_S), self._database.session() as session:
                await session.fetch(BoundStatement(text, (account,)))
        except (DbUnavailable, DbTimeout, TimeoutError):
            return False
        except DbDenied as error:
            return error.server is None
        except ODataError:  # busy, or the role may not ask for itself
            return True
        return True


def _name(table: Table) -> str:
    return f"{_quoted(table.schema)}.{_quoted(table.name)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
