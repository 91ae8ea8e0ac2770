"""How Citus has distributed the tables of a model, from its catalog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.session import Session
from odata_gateway.edm.model import AccountColumn, EntityType, Table

_HAS_CATALOG = "SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL"
_VERSION = "SELECT extversion::text FROM pg_catalog.pg_extension WHERE extname = 'citus'"
_DISTRIBUTED = """
SELECT n.nspname::text AS schema, c.relname::text AS relation, p.colocationid AS colocation,
       CASE WHEN p.partmethod IN ('h', 'a', 'r')
            THEN column_to_column_name(p.logicalrelid, p.partkey) END AS distributed_by,
       p.partmethod = 'n' AND p.repmodel = 't' AS is_reference
FROM pg_catalog.pg_dist_partition AS p
JOIN pg_catalog.pg_class AS c ON c.oid = p.logicalrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
"""


@dataclass(frozen=True, slots=True)
class Distribution:
    """How a table is distributed.

    column        whose value says on which shard a row is; None: it has no such column
    is_reference  each server has a copy of all rows
    colocation    tables with the same number have the rows of a value on the same server
    """

    column: str | None
    is_reference: bool
    colocation: int


Distributions = Mapping[Table, Distribution]
"""The tables that Citus manages."""


async def read_distributions(session: Session) -> Distributions:
    """How Citus has distributed the tables of the database; nothing without Citus."""
    if not (await session.fetch(BoundStatement(_HAS_CATALOG)))[0][0]:
        return {}
    return {
        Table(row["schema"], row["relation"]): Distribution(
            row["distributed_by"], row["is_reference"], row["colocation"]
        )
        for row in await session.fetch(BoundStatement(_DISTRIBUTED))
    }


async def read_version(session: Session) -> tuple[int, ...]:
    """The version of Citus, such as (13, 1); empty without Citus."""
    rows = await session.fetch(BoundStatement(_VERSION))
    numbers = rows[0][0].partition("-")[0].split(".") if rows else []
    return tuple(int(number) for number in numbers if number.isdecimal())


def account_tables(entity_types: Iterable[EntityType]) -> dict[Table, AccountColumn]:
    """The tables with a column that names the account of each row."""
    return {
        t.table: t.policy
        for t in entity_types
        if isinstance(t.policy, AccountColumn) and not t.missing
    }


def is_by_account(entity_types: Iterable[EntityType], found: Distributions) -> bool:
    """Whether tables are distributed by the account of their rows."""
    return any(
        table in found and found[table].column == policy.column
        for table, policy in account_tables(entity_types).items()
    )
