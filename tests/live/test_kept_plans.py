"""Pages of few rows: Postgres keeps the plan of a statement whose only argument is their number, and that plan reads no more than one for the number.

The statements are those that the gateway sends, by its own answer with plans, and they are prepared and run here as its connections do it. What a page
reads is counted in blocks, with a plan that is kept beside one for the very number of rows.
"""

from __future__ import annotations

import json
import re
from typing import Any

import asyncpg
import pytest
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.handlers import chunk
from odata_gateway.sql.paging.row_bound import BOUNDS
from tests.harness.inside import Inside, inside

ROWS = 30_000
LARGE = 1000
"""Rows of a page that is planned for their number."""
SQL = f"""
CREATE TABLE things (id int PRIMARY KEY, kind text, made timestamp NOT NULL, same int NOT NULL, body text);
INSERT INTO things SELECT i, CASE WHEN i % 3 > 0 THEN 'kind ' || i % 5000 END, timestamp '2021-01-01' + hashint4(i) % 1000000 * interval '1 second',
    i % 4, repeat('x', 200) FROM generate_series(1, {ROWS}) AS i;
CREATE INDEX ON things (made, id);
CREATE INDEX ON things (kind, id);
CREATE TABLE loose (number int, body text);
INSERT INTO loose SELECT i % 100, repeat('y', 200) FROM generate_series(1, {ROWS}) AS i;
CREATE TABLE parts (id int PRIMARY KEY, thing_id int NOT NULL REFERENCES things, kind text);
INSERT INTO parts SELECT i, 1 + i % {ROWS}, 'part' FROM generate_series(1, {ROWS}) AS i;
CREATE INDEX ON parts (thing_id);
CREATE TABLE few (id int PRIMARY KEY, made timestamp NOT NULL);
INSERT INTO few SELECT i, timestamp '2021-01-01' + i * interval '1 second' FROM generate_series(1, 20) AS i;
CREATE VIEW seen AS SELECT id, kind FROM things WHERE same < 3;
"""
TARGETS = (
    "things?",
    "things?$orderby=id desc&",
    "things?$orderby=made&",
    "things?$orderby=made desc&",
    "things?$orderby=made desc,id desc&",
    "things?$orderby=kind&",
    "things?$orderby=kind desc&",
    "things?$orderby=same&",
    "things?$orderby=body,kind&$select=id,kind&",
    "things?$filter=kind eq null&",
    "things/$ref?",
    "parts?$orderby=thing/made&",
    "things?$apply=groupby((same),aggregate($count as n))&",
    "loose?",
)
TOPS = (*BOUNDS, 6, 11, 31, 60, 99)
OTHERS = (  # a value in a condition, more rows, rows that are skipped, a page behind a row: these are planned as they were
    "things?$filter=same eq 3&$top=5",
    "things?$filter=id in (1,2,3)&$top=5",
    "things?$skip=5&$top=5",
    "things(1)/parts?$top=5",
    f"things?$top={BOUNDS[-1] + 1}",
    "things?$apply=filter(same eq 3)&$top=5",
)
BOUNDED = re.compile(r"LIMIT (\d+)\) AS b LIMIT \$1::int4( \+ 1)?\) AS p$")


@pytest.fixture(scope="module")
def dsn(cluster):
    """The DSN of a database without accounts."""
    cluster.psql("postgres", "CREATE DATABASE kept_plans")
    cluster.psql("kept_plans", SQL)
    cluster.psql("kept_plans", "VACUUM (ANALYZE)")
    yield cluster.dsn(database="kept_plans")
    cluster.psql("postgres", "DROP DATABASE kept_plans WITH (FORCE)")


@pytest.fixture
async def served(dsn):
    async with inside(dsn, ODATA_MODEL="auto", ODATA_HOST="127.0.0.1", ODATA_PLAN_CALLERS="anonymous") as gateway:
        yield gateway


@pytest.fixture
async def connection(dsn):
    found = await asyncpg.connect(dsn)
    yield found
    await found.close()


async def statement(gateway: Inside, target: str) -> str:
    """The statement that reads the rows of a target."""
    answer = await gateway.ask(f"{target}&$format=application/vnd.odata-gateway.plan%2Bjson".replace(" ", "%20"), token=None)
    assert answer.status == 200, answer.body
    return next(found["sql"] for found in answer.json()["statements"] if found["kind"] == "rows")


async def run(connection: asyncpg.Connection, sql: str, rows: int, plan: str) -> tuple[int, Any]:
    """The blocks that a statement reads with a plan of this kind, and its record."""
    await connection.execute(f"SET plan_cache_mode = force_{plan}_plan; PREPARE page AS {sql}")
    try:
        for _ in range(2):  # the first also reads the catalog
            ((found,),) = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE page({rows})")
        root = json.loads(found)[0]["Plan"]
        return root["Shared Hit Blocks"] + root["Shared Read Blocks"], await connection.fetchrow(f"EXECUTE page({rows})")
    finally:
        await connection.execute("DEALLOCATE page; RESET plan_cache_mode")


@pytest.mark.parametrize("target", TARGETS)
async def test_the_plan_of_a_first_page_of_few_rows_is_kept(served, connection, target):
    for top in (1, 10, 11, 100):
        sql = await statement(served, f"{target}$top={top}")
        for _ in range(8):
            await connection.fetch(sql, top)
        found = await connection.fetchrow("SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1", sql)
        assert tuple(found) == (3, 5), (top, sql)


@pytest.mark.parametrize("target", TARGETS)
async def test_a_kept_plan_reads_the_same_rows_from_no_more_blocks(served, dsn, target):
    large = await statement(served, f"{target}$top={LARGE}")
    assert not BOUNDED.search(large)
    connection = await asyncpg.connect(dsn, statement_cache_size=0)
    try:
        for top in TOPS:
            sql = await statement(served, f"{target}$top={top}")
            bound = int(BOUNDED.search(sql)[1])
            assert bound in BOUNDS and bound >= top
            kept, rows = await run(connection, sql, top, "generic")
            planned, same_rows = await run(connection, large, top, "custom")
            most, _ = await run(connection, large, bound, "custom")
            assert rows == same_rows and rows[1] <= top
            assert kept <= max(planned, most), (top, bound, kept, planned, most)
    finally:
        await connection.close()


@pytest.mark.parametrize("target", OTHERS)
async def test_what_a_plan_may_depend_on_is_planned_as_before(served, target):
    assert not BOUNDED.search(await statement(served, target))


async def test_only_the_first_page_is_bounded(served):
    answer = await served.ask("things?$top=9", token=None, headers={"Prefer": "maxpagesize=3"})
    link = answer.json()["@odata.nextLink"].partition("/odata/")[2]
    assert not BOUNDED.search(await statement(served, link)) and "ROW(" not in await statement(served, "things?$top=3")


@pytest.mark.parametrize("target", TARGETS)
async def test_pages_of_few_rows_are_those_of_one_page(served, target):
    """Also where a page looks ahead, and reads one row more than it shows."""
    options = target.replace(" ", "%20")
    (whole,) = await served.pages(f"{options}$top=60", token=None)
    for size in (1, 4, 7, 25, 60):
        pages = await served.pages(f"{options}$top=60", token=None, headers={"Prefer": f"maxpagesize={size}"})
        assert [row for page in pages for row in page] == whole
        first = await served.ask(options, token=None, headers={"Prefer": f"maxpagesize={size}"})
        assert first.json()["value"] == whole[:size]
        assert ("@odata.nextLink" in first.json()) is ((size < 60 and len(whole) > size) or len(whole) == 60)


async def test_a_table_of_fewer_rows_than_a_page_ends_there(served):
    answer = await served.ask("things?$apply=groupby((same))", token=None, headers={"Prefer": "maxpagesize=4"})
    assert len(answer.json()["value"]) == 4 and "@odata.nextLink" not in answer.json()


@pytest.mark.parametrize("fails", [False, True])
async def test_a_query_that_took_long_is_planned_anew_for_a_while(dsn, monkeypatch, fails):
    """What a kept plan was made for may be no longer so: a table of few rows may have a million before Postgres counts them."""
    target = "few?$orderby=made%20desc&$top=3"
    monkeypatch.setattr(chunk, "SLOW_S", 60.0)
    async with inside(dsn, ODATA_MODEL="auto", ODATA_POOL_MAX="1", ODATA_STATEMENT_TIMEOUT_S="1", ODATA_HOST="127.0.0.1") as gateway:
        for _ in range(8):
            await gateway.ask(target, token=None)
        assert await prepared(gateway) == {True}
        if fails:
            monkeypatch.setattr(chunk, "SLOW_S", 0.5)
            await lock_for_a_while(dsn, gateway, target)
        else:
            monkeypatch.setattr(chunk, "SLOW_S", 0.0)
            await gateway.ask(target, token=None)
        answer = await gateway.ask(target, token=None)
        assert [row["id"] for row in answer.json()["value"]] == [20, 19, 18]
        assert await prepared(gateway) == {True, False}


async def prepared(gateway: Inside) -> set[bool]:
    """Whether the statements about the table that the gateway's connection has prepared are bounded."""
    asking = BoundStatement(
        "SELECT statement FROM pg_prepared_statements WHERE statement LIKE '/* odata % AS p' AND statement LIKE '%\"few\"%'"
    )
    async with gateway.database.session() as session:
        return {BOUNDED.search(row[0]) is not None for row in await session.fetch(asking)}


async def lock_for_a_while(dsn: str, gateway: Inside, target: str) -> None:
    """Ask for a target whose table is locked until the statement has ended without an answer."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE few")
            answer = await gateway.ask(target, token=None)
            assert answer.status == 504, answer.body
    finally:
        await connection.close()
