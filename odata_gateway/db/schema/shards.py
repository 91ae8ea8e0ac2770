"""Whether the setting for sharded databases is what the database needs: with Citus, a statement of
the other form may be refused."""

from __future__ import annotations

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.schema.introspect import Finding

_HAS_CITUS = "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus')"


async def shard_findings(database: Database, *, sharded: bool) -> list[Finding]:
    """What is wrong with the setting; raises ODataError when the database does not answer."""
    async with database.session() as session:
        has_citus = bool((await session.fetch(BoundStatement(_HAS_CITUS)))[0][0])
    if has_citus and not sharded:
        return [
            Finding(
                "warning",
                "server",
                "has Citus; where it distributes the tables by account, ODATA_SHARDED must be true",
            )
        ]
    if sharded and not has_citus:
        return [
            Finding(
                "note",
                "server",
                "has no Citus; ODATA_SHARDED costs callers of several accounts time, and some of their requests",
            )
        ]
    return []
