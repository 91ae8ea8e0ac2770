"""Statements that take long are reported once: while they run, or when they end between two looks."""

from __future__ import annotations

import asyncio
from time import perf_counter

import pytest
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.db.slow_log import SlowLog
from odata_gateway.observe.request_stats import RequestStats, current_stats

SLEEP = "SELECT pg_catalog.pg_sleep($1::float8)"


@pytest.fixture
async def sleep(reader_dsn):
    """Runs a statement that sleeps so long, reported after 0.2 s, for the request `slow-one`."""
    database = await Database.open(DatabaseSettings(reader_dsn, slow_s=0.2))
    stats = RequestStats("slow-one", perf_counter())
    stats.note_resource("Message", "filter", "Message?$filter=name eq {string}")
    outer = current_stats.set(stats)

    async def run(seconds):
        async with database.session() as session:
            await session.fetch(BoundStatement(SLEEP, (seconds,)))

    yield run
    current_stats.reset(outer)
    await database.close()


def reported(caplog):
    return [record.fields for record in caplog.records if record.getMessage() == "slow statement"]


async def test_a_statement_is_reported_while_it_runs_and_once(sleep, caplog):
    running = asyncio.create_task(sleep(1))
    while not reported(caplog):
        await asyncio.sleep(0.01)
    assert not running.done()
    await running
    [fields] = reported(caplog)
    assert fields["state"] == "runs" and 200 <= fields["ms"] < 900 and fields["id"] == "slow-one" and fields["backend"] > 0
    assert fields["url"] == "Message?$filter=name eq {string}" and fields["sql"] == SLEEP


async def test_one_that_ends_between_two_looks_is_reported_at_its_end(reader_dsn, caplog):
    log = SlowLog(0.05)
    database = await Database.open(DatabaseSettings(reader_dsn))
    async with database.session() as session:
        await session.fetch(BoundStatement("SELECT 1"))
        log.ended(session._pooled, 0.04)
        assert reported(caplog) == []
        log.ended(session._pooled, 0.06)
    await database.close()
    assert [(fields["state"], fields["ms"]) for fields in reported(caplog)] == [("ended", 60)]


async def test_fast_statements_and_those_without_a_limit_are_not_reported(sleep, reader_dsn, caplog):
    await sleep(0)
    database = await Database.open(DatabaseSettings(reader_dsn))
    async with database.session() as session:
        await session.fetch(BoundStatement(SLEEP, (0.5,)))
    await database.close()
    assert reported(caplog) == []
