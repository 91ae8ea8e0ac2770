"""Several chunks read at once: together they are still the rows of the page, whatever comes and goes between a boundary and the rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.handlers import chunk
from odata_gateway.handlers.chunk import CHUNK_BYTES, SLOW_CHUNK_BYTES, Chunk, ChunkSizer, RowSizes
from odata_gateway.handlers.chunk_reader import ChunkReader
from odata_gateway.handlers.page_statements import OrderValues
from odata_gateway.handlers.read_ahead import ReadAhead
from odata_gateway.identity.caller import Caller

ROWS_OF_A_CHUNK = 5
FIRST_ROWS = 5
# (text, rows, whether there may be more, whether all rows have a text, last order value) of the numbers behind one.
_ROWS = f"""SELECT convert_to(string_agg(lpad(p.n::text, {CHUNK_BYTES // ROWS_OF_A_CHUNK - 1}), ','), 'UTF8'),
                   count(*), count(*) = $2::int4 AND $3::int4[] && array(SELECT generate_series(max(p.n) + 1, 1000)), true, max(p.n)::text
            FROM (SELECT n FROM unnest($3::int4[]) AS n WHERE n > $1::int4 ORDER BY n LIMIT $2::int4) AS p"""
_BOUNDARY = "SELECT n::text AS boundary FROM unnest($3::int4[]) AS n WHERE n > $1::int4 ORDER BY n LIMIT 1 OFFSET $2::int4 - 1"


class Table:
    """The statements of a page of numbers that change between a boundary and the rows up to it. Remembers what was asked.

    rows_take_s  how long the statements of rows take
    """

    def __init__(self, numbers: Sequence[int], change: Callable[[set[int], int], None] | None = None, *, rows_take_s: float = 0.0) -> None:
        self._rows = _ROWS + (f", (SELECT pg_sleep({rows_take_s})) AS waited" if rows_take_s else "")
        self.numbers = set(numbers)
        self.asked: list[tuple[int, str]] = []
        self._change = change

    def rows(self, after: OrderValues | None, limit: int, *, lookahead: bool) -> BoundStatement:
        return self._bound(self._rows, after, limit, "last rows" if lookahead else "rows")

    def memory(self) -> tuple[BoundStatement, ...]:
        return ()

    def boundary(self, after: OrderValues, limit: int) -> BoundStatement:
        statement = self._bound(_BOUNDARY, after, limit, "boundary")
        if self._change is not None:
            self._change(self.numbers, statement.arguments[0])
        return statement

    def _bound(self, sql: str, after: OrderValues | None, limit: int, what: str) -> BoundStatement:
        behind = 0 if after is None else int(after[0] or 0)
        self.asked.append((behind, what))
        return BoundStatement(sql, (behind, limit, sorted(self.numbers)))

    def count(self, what: str) -> int:
        return sum(each == what for _, each in self.asked)


def page_of(database: Database, table: Table, rows: int, *, sorts: bool = False, at_once: int = 2) -> ReadAhead:
    sizer = ChunkSizer(rows, FIRST_ROWS, sorts=sorts)
    return ReadAhead(database, Caller("1", (1,)), ChunkReader(table, lookahead=True), sizer, at_once=at_once)


async def read(dsn: str, table: Table, rows: int, *, connections: int = 4, at_once: int = 2) -> tuple[list[int], int]:
    """The numbers of a page, and how many connections it took."""
    database = await Database.open(DatabaseSettings(dsn, max_connections=connections))
    try:
        page = page_of(database, table, rows, at_once=at_once)
        async with database.session() as session:
            first = await page.first(session)
        texts = [chunk.text.decode() async for chunk in page.chunks(first) if chunk.text]
        return [int(n) for text in texts for n in text.split(",")], database.counts["open"]
    finally:
        await database.close()


@pytest.mark.parametrize("at_once", [1, 2, 3])
async def test_a_reader_that_stands_still_has_few_chunks(reader_dsn, at_once):
    """The one it was given and the next; several once it has taken one."""
    table = Table(range(1, 101))
    database = await Database.open(DatabaseSettings(reader_dsn, max_connections=6))
    page = page_of(database, table, 90, at_once=at_once)
    async with database.session() as session:
        following = page.chunks(await page.first(session))
    for taken in (1, 2, 3):
        await anext(following)
        while database.counts["used"]:
            await asyncio.sleep(0.01)
        assert table.count("rows") <= taken + (1 if taken == 1 else at_once)
    await following.aclose()
    await database.close()


@pytest.mark.parametrize("sorts", [False, True])
async def test_only_where_each_chunk_may_cost_a_sort_a_slow_one_makes_the_next_larger(reader_dsn, monkeypatch, sorts):
    monkeypatch.setattr(chunk, "SLOW_S", 0.0)
    table = Table(range(1, 101))
    database = await Database.open(DatabaseSettings(reader_dsn, max_connections=4))
    page = page_of(database, table, 90, sorts=sorts)
    async with database.session() as session:
        first = await page.first(session)
    sizes = [len(chunk.text) async for chunk in page.chunks(first)]
    assert max(sizes) <= (SLOW_CHUNK_BYTES if sorts else CHUNK_BYTES)
    assert (max(sizes) > 10 * CHUNK_BYTES) is sorts
    await database.close()


def test_a_first_chunk_has_as_many_rows_as_their_size_allows():
    sizes = RowSizes()
    assert sizes.first_rows(1, 100) == 100
    for size, rows in ((100, 500), (8192, 63), (10_000_000, 1)):
        sizes.learn(1, Chunk(b"x" * size * 2, 2, True, (), 0.0))
        assert (sizes.first_rows(1, 100), sizes.first_rows(2, 100)) == (rows, 100)
    sizes.learn(1, Chunk(b"", 0, False, (), 0.0))
    assert sizes.first_rows(1, 100) == 1
    for query in range(2000):
        sizes.learn(query + 10, Chunk(b"x", 1, True, (), 0.0))
    assert sizes.first_rows(1, 100) == 100


@pytest.mark.parametrize(("at_once", "most"), [(1, 10), (2, 4), (4, 10), (4, 4)])
async def test_chunks_are_read_at_once_and_each_row_once(reader_dsn, at_once, most):
    """However many may be read at once, half of the connections stay free."""
    table = Table(range(1, 101), rows_take_s=0.05)  # else one may end before the next begins
    found, connections = await read(reader_dsn, table, 90, connections=most, at_once=at_once)
    assert found == list(range(1, 91))
    assert connections == min(at_once, most // 2)
    assert table.count("rows") + table.count("last rows") == 90 / ROWS_OF_A_CHUNK  # none was read in vain
    assert table.count("last rows") == 1


@pytest.mark.parametrize("connections", [1, 2])
async def test_the_last_free_connections_are_left_alone(reader_dsn, connections):
    table = Table(range(1, 101))
    found, used = await read(reader_dsn, table, 90, connections=connections)
    assert (found, used, table.count("boundary")) == (list(range(1, 91)), 1, 0)


def _row_goes(numbers: set[int], behind: int) -> None:
    numbers.discard(behind + 2)


def _row_at_the_boundary_goes(numbers: set[int], behind: int) -> None:
    numbers.discard(behind + ROWS_OF_A_CHUNK)


def _row_comes(numbers: set[int], behind: int) -> None:
    numbers.update(n + 1 for n in tuple(numbers) if behind < n <= behind + 4)


def _all_go(numbers: set[int], behind: int) -> None:
    numbers.difference_update(range(behind + 1, 1000))


def _rows_behind_the_boundary_go(numbers: set[int], behind: int) -> None:
    numbers.difference_update(range(behind + ROWS_OF_A_CHUNK + 1, behind + 2 * ROWS_OF_A_CHUNK))


@pytest.mark.parametrize("at_once", [2, 4])
@pytest.mark.parametrize("rows", [12, 37, 60, 1000])
@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("change", [_row_goes, _row_at_the_boundary_goes, _row_comes, _all_go, _rows_behind_the_boundary_go])
async def test_what_comes_and_goes_loses_and_doubles_no_row(reader_dsn, at_once, rows, step, change):
    before = range(step, 100 * step, step)
    table = Table(before, change)
    found, _ = await read(reader_dsn, table, rows, connections=10, at_once=at_once)
    assert found == sorted(set(found))
    assert len(found) <= rows
    stayed = table.numbers & set(before)
    reach = found[-1] if len(found) == rows else 1000
    assert {n for n in stayed if n <= reach} <= set(found)
    assert table.count("boundary") > 0
