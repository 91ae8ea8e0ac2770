"""Which statements a connection keeps prepared: those of usual length, since each costs the server many times its text."""

from __future__ import annotations

from odata_gateway.db.connect import DatabaseSettings
from odata_gateway.db.pool import Database


async def test_a_very_long_statement_is_not_kept_on_the_server(reader_dsn):
    usual, long = "SELECT 'usual'", f"SELECT '{'x' * 40_000}'"
    database = await Database.open(DatabaseSettings(reader_dsn, max_connections=1, pooler="none"))
    async with database.session() as session:
        for sql in (usual, usual, long, long):
            assert len((await session.fetch(sql))[0][0]) == len(sql) - 9
        kept = await session.fetch("SELECT left(statement, 20) FROM pg_prepared_statements WHERE length(statement) > 0")
    await database.close()
    assert [row[0] for row in kept if row[0].startswith(("SELECT 'usual", "SELECT 'xxx"))] == [usual]
