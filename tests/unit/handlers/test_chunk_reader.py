"""Chunks of a page, read from Postgres: together they are the rows asked for, and no connection is held between them."""

from __future__ import annotations

import pytest
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.errors import DbValue, Internal
from odata_gateway.handlers.chunk import ChunkSizer
from odata_gateway.handlers.chunk_reader import ChunkReader
from odata_gateway.handlers.page_statements import OrderValues
from odata_gateway.handlers.read_ahead import ReadAhead
from odata_gateway.identity.caller import Caller

TABLE_ROWS = 25
# (text, rows, whether there are more, whether all rows have a text, last order value) of the numbers behind one.
_SQL = """SELECT convert_to(string_agg(p.n::text, ','), 'UTF8'), count(*), max(p.n) < 25, count(*) = count(nullif(p.n, $3::int4)), max(p.n)::text
          FROM (SELECT n FROM generate_series(1, 25) AS n WHERE n > $1::int4 ORDER BY n LIMIT $2::int4) AS p"""


class Numbers:
    """The statements of a page of numbers."""

    def rows(self, after: OrderValues | None, limit: int, *, lookahead: bool) -> BoundStatement:
        return BoundStatement(_SQL, (0 if after is None else int(after[0] or 0), limit, 0))

    def memory(self) -> tuple[BoundStatement, ...]:
        return ()


class WithoutAText(Numbers):
    """The row of number 13 has no text."""

    def rows(self, after: OrderValues | None, limit: int, *, lookahead: bool) -> BoundStatement:
        statement = super().rows(after, limit, lookahead=lookahead)
        return statement._replace(arguments=(*statement.arguments[:2], 13))


class FailingLater(Numbers):
    """Every chunk but the first fails."""

    def rows(self, after: OrderValues | None, limit: int, *, lookahead: bool) -> BoundStatement:
        return super().rows(after, limit, lookahead=lookahead) if after is None else BoundStatement("SELECT 1 / (1 - $1::int4)", (1,))


def page(database: Database, statements: Numbers, rows: int, first_rows: int) -> ReadAhead:
    reader = ChunkReader(statements, lookahead=True)
    return ReadAhead(database, Caller("1", (1,)), reader, ChunkSizer(rows, first_rows))


async def texts(dsn: str, statements: Numbers, rows: int, first_rows: int) -> list[str]:
    database = await Database.open(DatabaseSettings(dsn, max_connections=1))
    try:
        chunks = page(database, statements, rows, first_rows)
        async with database.session() as session:
            first = await chunks.first(session)
        return [chunk.text.decode() async for chunk in chunks.chunks(first)]
    finally:
        assert database.counts["used"] == 0
        await database.close()


@pytest.mark.parametrize("rows", [1, 2, 10, 24, 25, 26, 1000])
@pytest.mark.parametrize("first_rows", [1, 7, 25, 100])
async def test_the_chunks_together_are_the_page(reader_dsn, rows, first_rows):
    found = ",".join(await texts(reader_dsn, Numbers(), rows, first_rows))
    assert found == ",".join(str(n) for n in range(1, min(rows, TABLE_ROWS) + 1))


async def test_a_chunk_that_fails_fails_the_page(reader_dsn):
    with pytest.raises(DbValue):
        await texts(reader_dsn, FailingLater(), 25, 5)


@pytest.mark.parametrize("first_rows", [5, 25])
async def test_a_row_without_a_text_fails_the_page(reader_dsn, first_rows):
    with pytest.raises(Internal):
        await texts(reader_dsn, WithoutAText(), 25, first_rows)


async def test_leaving_early_frees_the_connection_and_reports_nothing(reader_dsn, caplog):
    database = await Database.open(DatabaseSettings(reader_dsn, max_connections=1))
    chunks = page(database, FailingLater(), 25, 5)
    async with database.session() as session:
        first = await chunks.first(session)
    following = chunks.chunks(first)
    await anext(following)
    while database.counts["used"] or not database.counts["idle"]:
        async with database.session() as session:  # in line behind the chunk that fails
            await session.fetch(BoundStatement("SELECT 1"))
    await following.aclose()
    async with database.session() as session:
        assert await session.fetch(BoundStatement("SELECT 1"))
    await database.close()
    assert not caplog.records
