"""Faults of the database that pass: each has its answer, what may well succeed is sent again once before the first byte, and never after it."""

from __future__ import annotations

import asyncio
import http.client
import random
import threading
import time

import asyncpg
import pytest
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.errors import DbTimeout, DbUnavailable
from tests.harness.figures import record

FAILS = """
CREATE FUNCTION public.fails(id int8, code text, after int4) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    IF id > after THEN RAISE EXCEPTION USING ERRCODE = code, MESSAGE = 'made to fail in ' || current_database(); END IF;
    RETURN true;
END $$;
ALTER TABLE {table} RENAME TO hidden;
CREATE VIEW {table} AS SELECT hidden.* FROM hidden WHERE public.fails(hidden.id, '{code}', {after});
GRANT SELECT ON {table} TO odata_reader;
"""
SLOW = """
ALTER TABLE {table} RENAME TO hidden;
CREATE VIEW {table} AS SELECT hidden.* FROM hidden WHERE EXISTS (SELECT FROM pg_sleep({seconds}));
GRANT SELECT ON {table} TO odata_reader;
"""
# Returns when they have ended, so that none ends during a later request.
END = "SELECT count(pg_terminate_backend(pid, 30000)) FROM pg_stat_activity WHERE datname = '{name}' AND usename = 'odata_reader'"


def tries(cluster, scratch):
    return cluster.log().count(f"made to fail in {scratch}\n")


@pytest.mark.parametrize(
    ("code", "status", "name", "expected"),
    [
        ("40001", 503, "Db.Unavailable", 2),  # serialization failure, and a conflict with a standby's recovery
        ("40P01", 503, "Db.Unavailable", 2),  # deadlock
        ("55P03", 503, "Db.Busy", 1),  # a lock that was waited for
        ("57014", 503, "Db.Unavailable", 1),  # a statement that was cancelled long before its limit
        ("53200", 503, "Db.Unavailable", 1),
        ("25P03", 504, "Db.Timeout", 1),
    ],
)
def test_t13_each_fault_has_its_answer_and_is_sent_again_only_if_it_may_pass(gateways, cluster, scratch, scratch_reader_dsn, code, status, name, expected):  # fmt: skip
    cluster.psql(scratch, FAILS.format(table="labels", code=code, after=0))
    gateway = gateways(ODATA_DSN=scratch_reader_dsn)
    reply = gateway.get("Label")
    assert (reply.status, reply.json()["error"]["code"]) == (status, name)
    assert ("retry-after" in reply.headers) is (status > 500)
    assert tries(cluster, scratch) == expected
    assert gateway.get("Inbox").status == 200
    assert "Traceback" not in gateway.log() and gateway.log().count(name) == (status > 500)
    record("T13", "faults with the answer and the number of tries they should have", 1, how="sum", at_least=7)


def test_t13_an_error_of_a_view_is_its_own_fault(gateways, cluster, scratch, scratch_reader_dsn):
    """It is not sent again, but the view is read once more to see whose fault it is."""
    cluster.psql(scratch, FAILS.format(table="labels", code="22012", after=0))
    gateway = gateways(ODATA_DSN=scratch_reader_dsn)
    reply = gateway.get("Label")
    assert (reply.status, reply.json()["error"]["code"]) == (500, "Db.Table")
    assert tries(cluster, scratch) == 2 and "retry-after" not in reply.headers
    assert gateway.get("Inbox").status == 200
    record("T13", "faults with the answer and the number of tries they should have", 1, how="sum", at_least=7)


def test_t13_after_the_first_byte_nothing_is_sent_again(gateways, cluster, scratch, scratch_reader_dsn):
    cluster.psql(scratch, FAILS.format(table="messages", code="40001", after=5000))
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_POOL_MAX="1")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        gateway.get("Message")
    assert tries(cluster, scratch) == 1


def test_t13_a_statement_has_its_limit_of_time(gateways, cluster, scratch, scratch_reader_dsn):
    cluster.psql(scratch, SLOW.format(table="labels", seconds=30))
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_STATEMENT_TIMEOUT_S="0.5")
    started = time.monotonic()
    reply = gateway.get("Label")
    took_s = time.monotonic() - started
    record("T13", "504 for a statement that may run for 0.5 s, after", took_s, "s", at_most=2)
    assert (reply.status, reply.json()["error"]["code"]) == (504, "Db.Timeout") and took_s < 15
    assert gateway.get("Inbox").status == 200


async def test_t13_a_statement_that_an_operator_cancels_did_not_run_too_long(gateways, cluster, scratch, scratch_dsn, scratch_reader_dsn):
    cluster.psql(scratch, SLOW.format(table="labels", seconds=30))
    gateway, operator = gateways(ODATA_DSN=scratch_reader_dsn), await asyncpg.connect(scratch_dsn)
    asking = asyncio.create_task(asyncio.to_thread(gateway.get, "Label"))
    cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND wait_event = 'PgSleep'"
    async with asyncio.timeout(20):
        while not await operator.fetchval(cancel, scratch):
            await asyncio.sleep(0.05)
    await operator.close()
    error = (await asking).json()["error"]
    assert (error["code"], error["message"]) == ("Db.Unavailable", "the query was cancelled in the database")


async def test_t13_a_lock_that_does_not_become_free(gateways, scratch_dsn, scratch_reader_dsn):
    gateway = gateways(ODATA_DSN=scratch_reader_dsn)
    locker = await asyncpg.connect(scratch_dsn)
    async with locker.transaction():
        await locker.execute("LOCK TABLE labels IN ACCESS EXCLUSIVE MODE")
        reply = await asyncio.to_thread(gateway.get, "Label")
    assert (reply.status, reply.json()["error"]["code"]) == (503, "Db.Busy")
    await locker.close()
    assert gateway.get("Label").status == 200


def test_t13_connections_that_are_ended_at_any_moment(gateways, cluster, scratch, scratch_reader_dsn):
    """One end a request, before, while or after its statement runs; a request that asks for nothing but rows never sees it."""
    cluster.psql(scratch, SLOW.format(table="labels", seconds=0.15))
    gateway = gateways(ODATA_DSN=scratch_reader_dsn)
    assert gateway.get("Label").status == 200
    moments, counted = random.Random(13), []
    for number in range(12):
        ending = threading.Timer(moments.uniform(0, 0.3), cluster.psql, ("postgres", END.format(name=scratch)))
        ending.start()
        reply = gateway.get("Label?$count=true" if number % 3 == 0 else "Label")
        ending.join()
        assert gateway.ask("GET", "/health/liveness").status == 200  # it has seen by now which connections are lost: one end a request
        if number % 3 == 0:
            counted.append(reply.status)
        else:
            assert reply.status == 200 and len(reply.rows) > 0, gateway.log()[-3000:]
            record("T13", "requests whose connection was ended and that did not see it", 1, how="sum", at_least=8)
    assert set(counted) <= {200, 503}
    assert "Traceback" not in gateway.log()


async def test_t13_a_snapshot_that_lay_idle_too_long_is_told(reader_dsn):
    database = await Database.open(DatabaseSettings(reader_dsn, idle_in_transaction_s=0.1))
    async with database.session(snapshot=True) as session:
        with pytest.raises((DbTimeout, DbUnavailable)):
            await session.fetch(BoundStatement("SELECT 1"))  # on a loaded machine it may be too late for this one already
            await asyncio.sleep(1)
            await session.fetch(BoundStatement("SELECT 1"))
    async with database.session() as session:
        assert (await session.fetch(BoundStatement("SELECT 2")))[0][0] == 2
    await database.close()
