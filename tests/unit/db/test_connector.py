"""New connections: what is remembered of a failure, what is logged of it, and that none is left open that nobody uses."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import pytest
from odata_gateway.db.connector import Connector
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.errors import DbUnavailable
from tests.harness.cluster import READER
from tests.harness.proxy import Proxy

AWAY = "postgresql://someone:s3cr%40t@127.0.0.1:1/db"


@pytest.fixture
async def superuser(dsn):
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


def connector(dsn, **settings):
    return Connector(DatabaseSettings(dsn, **settings))


async def test_a_connection_is_set_up(reader_dsn):
    made = await connector(reader_dsn).connect()
    assert (made.behind_pooler, made.preferred) == (False, True)
    assert await made.connection.fetchval("SHOW client_connection_check_interval") == "1s"
    made.connection.terminate()


async def test_after_a_failure_one_tries_and_the_others_are_refused_at_once(caplog):
    away = connector(AWAY)
    assert not away.is_down
    for _ in range(20):
        with pytest.raises(DbUnavailable):
            await away.connect()
    assert away.is_down and not away.is_full
    assert caplog.text.count("the database cannot be reached") == 1
    started = time.perf_counter()
    for _ in range(1000):
        with pytest.raises(DbUnavailable):
            await away.connect()
    assert time.perf_counter() - started < 1


async def test_a_new_dsn_is_tried_without_the_pause_of_the_old_one(reader_dsn, caplog):
    database = connector(AWAY)
    for _ in range(10):
        with pytest.raises(DbUnavailable):
            await database.connect()
    database.use_dsn(reader_dsn)
    made = await database.connect()
    assert not database.is_down and "can be reached again" in caplog.text
    made.connection.terminate()


@pytest.mark.parametrize(
    ("dsn", "cause"),
    [(AWAY, "Connect call failed"), ("postgresql://h/db?target_session_attrs=fastest", "target_session_attrs must be one of")],
)
async def test_a_dsn_that_leads_nowhere_has_a_cause_without_the_password(reader_dsn, dsn, cause):
    fault = await connector(reader_dsn).fault_of(dsn)
    assert cause in fault and "\n" not in fault and "s3cr" not in fault


async def test_a_dsn_that_leads_to_a_database_has_none_and_leaves_nothing_open(reader_dsn, superuser):
    assert await connector(AWAY, application_name="fault-of").fault_of(reader_dsn) is None
    await none_is_open(superuser, "fault-of")


async def test_a_server_that_takes_no_more_connections_is_full_and_not_wrong(own_cluster):
    cluster = own_cluster()
    cluster.psql("postgres", "CREATE ROLE one LOGIN CONNECTION LIMIT 1")
    dsn = cluster.dsn(user="one", database="postgres")
    database = connector(dsn)
    made = await database.connect()
    with pytest.raises(DbUnavailable):
        await database.connect()
    assert database.is_down and database.is_full
    assert await connector(AWAY).fault_of(dsn) is None
    made.connection.terminate()


async def none_is_open(superuser, name):
    """Wait until no connection of that name is open."""
    for _ in range(200):
        count = await superuser.fetchval("SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", name)
        if count == 0:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(count)


async def test_a_connection_of_the_wrong_kind_does_not_stay_open(reader_dsn, superuser):
    wants_standby = connector(reader_dsn + "&target_session_attrs=standby", application_name="wrong-kind")
    with pytest.raises(DbUnavailable):
        await wants_standby.connect()
    await none_is_open(superuser, "wrong-kind")


async def test_an_attempt_that_is_cancelled_leaves_no_connection_open(cluster, superuser):
    """Wherever it stands: in its login, or in what is asked and set after that."""
    outcomes = []  # with their tracebacks, so that nothing they refer to is closed by the collector
    with Proxy(cluster.port) as proxy:
        dsn = cluster.dsn(user=READER, tcp=True).replace(str(cluster.port), str(proxy.port))
        for answered in range(20, 900, 40):
            proxy.limit(answered, "stall")
            attempt = asyncio.create_task(connector(dsn, application_name="stalled").connect())
            await asyncio.sleep(0.05)
            attempt.cancel()
            outcomes += await asyncio.gather(attempt, return_exceptions=True)
        proxy.flow()
        for made in outcomes:
            if not isinstance(made, BaseException):
                made.connection.terminate()
        await none_is_open(superuser, "stalled")
    assert any(isinstance(made, asyncio.CancelledError) for made in outcomes)
