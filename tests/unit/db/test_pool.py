"""Sessions on a real Postgres: read-only, clean when given back, cancelled with their task, alive again after the server was away."""

from __future__ import annotations

import asyncio
import signal
import time

import asyncpg
import pytest
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.errors import DbBusy, DbDenied, DbModel, DbTimeout, DbUnavailable, DbValue, Internal, ODataError
from tests.harness.cluster import READER
from tests.harness.proxy import Proxy

NUMBERS = "SELECT n::text AS row FROM pg_catalog.generate_series(1, $1::int8) AS n"


@pytest.fixture
async def open_database(reader_dsn):
    opened = []

    async def open_(dsn=reader_dsn, **settings):
        database = await Database.open(DatabaseSettings(dsn, **settings))
        opened.append(database)
        return database

    yield open_
    for database in opened:
        await database.close()


@pytest.fixture
async def database(open_database):
    return await open_database(max_connections=2, wait_s=2)


@pytest.fixture
async def superuser(dsn):
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


async def value(database, sql, *args, flow=None):
    async with database.session(flow) as session:
        return (await session.fetch(BoundStatement(sql, args)))[0][0]


async def settled(database):
    """Wait until what is being undone in the background is undone."""
    for _ in range(500):
        if database.counts["used"] == 0:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(database.counts)


# --- Settings of a connection --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("transaction_read_only", "on"),
        ("TimeZone", "UTC"),
        ("DateStyle", "ISO, MDY"),
        ("IntervalStyle", "postgres"),
        ("extra_float_digits", "1"),
        ("client_encoding", "UTF8"),
        ("search_path", "pg_catalog, pg_temp"),
        ("jit", "off"),
        ("standard_conforming_strings", "on"),
        ("lc_monetary", "C"),
        ("row_security", "on"),
        ("statement_timeout", "1min"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("application_name", "odata-gateway"),
        ("plan_cache_mode", "auto"),
    ],
)
async def test_connections_are_set_up(database, name, expected):
    assert await value(database, f"SELECT pg_catalog.current_setting('{name}')") == expected


async def test_settings_hold_against_those_of_the_dsn_and_of_the_role(open_database, dsn, superuser):
    database = await open_database(dsn + "&default_transaction_read_only=off&TimeZone=Asia/Tokyo")
    assert await value(database, "SELECT current_setting('TimeZone')") == "UTC"
    with pytest.raises(DbDenied):
        await value(database, "DELETE FROM public.messages RETURNING id")
    assert await superuser.fetchval("SELECT count(*) FROM messages") == 8000


async def test_a_multi_host_dsn_goes_to_the_host_that_lives(open_database, cluster):
    dsn = f"postgresql://odata_reader@127.0.0.1:1,127.0.0.1:{cluster.port}/live_agent"
    assert await value(await open_database(dsn), "SELECT 1") == 1


# --- Single statements ---------------------------------------------------------------------------------------------------------


async def test_fetch_gives_records_and_maps_errors(database):
    async with database.session() as session:
        assert [row["row"] for row in await session.fetch(BoundStatement(NUMBERS, (3,)))] == ["1", "2", "3"]
        with pytest.raises(DbValue, match="division by zero"):
            await session.fetch(BoundStatement("SELECT 1 / 0"))
        with pytest.raises(DbModel):
            await session.fetch(BoundStatement("SELECT x FROM public.messages"))
        with pytest.raises(DbDenied):
            await session.fetch(BoundStatement("SELECT tokens FROM public.users"))
        assert len(await session.fetch(BoundStatement("SELECT 1"))) == 1
    assert database.counts == {"open": 1, "idle": 1, "used": 0, "waiting": 0}


async def test_one_connection_serves_many_sessions_and_is_not_reset(database):
    pids = {await value(database, "SELECT pg_backend_pid()") for _ in range(20)}
    assert len(pids) == 1


@pytest.mark.parametrize(("letters", "kept"), [(30_000, 1), (40_000, 0)])
async def test_long_statements_are_prepared_once_and_very_long_ones_are_not_kept(database, superuser, letters, kept):
    """Each costs the server many times its text."""
    sql = f"SELECT 1 AS n /* {letters * chr(120)} */"
    pid = await value(database, "SELECT pg_backend_pid()")
    for _ in range(3):
        assert await value(database, sql) == 1
    assert pid == await value(database, "SELECT pg_backend_pid()")
    assert await value(database, "SELECT count(*) FROM pg_prepared_statements WHERE length(statement) > 20000") == kept


async def test_prepared_statements_are_bounded(database):
    for n in range(200):
        await value(database, f"SELECT {n}")
    assert await value(database, "SELECT count(*) FROM pg_prepared_statements") <= 129


async def test_statement_timeout(open_database):
    database = await open_database(statement_timeout_s=0.1)
    started = time.monotonic()
    with pytest.raises(DbTimeout):
        await value(database, "SELECT pg_sleep(10)")
    assert time.monotonic() - started < 8
    assert await value(database, "SELECT 1") == 1


async def test_a_server_that_falls_silent_is_noticed_and_its_connection_replaced(open_database, cluster, monkeypatch):
    monkeypatch.setattr("odata_gateway.db.session._GRACE_S", 0.2)
    with Proxy(cluster.port) as proxy:
        dsn = cluster.dsn(user=READER, tcp=True).replace(str(cluster.port), str(proxy.port))
        database = await open_database(dsn, max_connections=1, statement_timeout_s=0.2)
        assert await value(database, "SELECT 1") == 1
        proxy.stall()
        began = time.monotonic()
        with pytest.raises(DbTimeout):
            await value(database, "SELECT 2")
        assert time.monotonic() - began >= 0.4
        proxy.flow()
        await settled(database)
        assert await value(database, "SELECT 3") == 3
    assert proxy.connections_made == 2


async def test_lock_timeout_is_busy(open_database, scratch_dsn, scratch_reader_dsn):
    database = await open_database(scratch_reader_dsn, lock_timeout_s=0.1)
    blocker = await asyncpg.connect(scratch_dsn)
    try:
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(DbBusy):
                await value(database, "SELECT count(*) FROM public.messages")
    finally:
        await blocker.close()


async def test_a_column_that_changes_its_type_is_read_anew(open_database, scratch_dsn, scratch_reader_dsn):
    database, owner = await open_database(scratch_reader_dsn), await asyncpg.connect(scratch_dsn)
    try:
        sql = "SELECT sender_id AS x FROM public.messages WHERE id = 1"
        assert await value(database, sql) == 2
        await owner.execute("ALTER TABLE messages ALTER COLUMN sender_id TYPE text")
        assert await value(database, sql) == "2"
        await owner.execute("ALTER TABLE messages DROP COLUMN sender_id")
        with pytest.raises(DbModel):
            await value(database, sql)
    finally:
        await owner.close()


# --- Cancellation --------------------------------------------------------------------------------------------------------------


async def busy_backends(superuser):
    return await superuser.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'odata-gateway' AND state <> 'idle' AND query LIKE '%pg_sleep%'"
    )


async def test_cancelling_the_task_cancels_its_sql(database, superuser):
    task = asyncio.create_task(value(database, "SELECT pg_sleep(60)"))
    while await busy_backends(superuser) == 0:
        await asyncio.sleep(0.01)
    started = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while await busy_backends(superuser):
        await asyncio.sleep(0.005)
    assert time.monotonic() - started < 10  # of the 60 seconds that it sleeps
    await settled(database)
    assert await value(database, "SELECT 1") == 1
    assert database.counts["open"] == 1


async def test_sessions_cancelled_at_any_moment_leave_a_whole_pool(open_database):
    database = await open_database(max_connections=3)

    async def read():
        async with database.session(snapshot=True) as session:
            for _ in range(10):
                await session.fetch(BoundStatement(NUMBERS, (2000,)))

    for delay_ms in range(60):
        tasks = [asyncio.create_task(read()) for _ in range(6)]
        await asyncio.sleep(delay_ms / 4000)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await settled(database)
    assert await asyncio.gather(*(value(database, "SELECT 1") for _ in range(10))) == [1] * 10
    assert database.counts["open"] <= 3


# --- Snapshots and writes -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("snapshot", [False, True])
async def test_a_session_cannot_write(open_database, dsn, snapshot):
    database = await open_database(dsn)
    with pytest.raises(DbDenied):
        async with database.session(snapshot=snapshot) as session:
            await session.fetch(BoundStatement("SELECT setval('public.messages_id_seq', 1)"))


async def test_a_session_that_ended_answers_no_more(database):
    async with database.session() as session:
        await session.fetch(BoundStatement("SELECT 1"))
    with pytest.raises(Internal):
        await session.fetch(BoundStatement("SELECT 1"))


async def test_a_snapshot_does_not_change(open_database, scratch_dsn, scratch_reader_dsn):
    database, owner = await open_database(scratch_reader_dsn), await asyncpg.connect(scratch_dsn)
    try:
        async with database.session(snapshot=True) as session:
            before = (await session.fetch(BoundStatement("SELECT count(*) FROM public.messages")))[0][0]
            await owner.execute("DELETE FROM messages WHERE id <= 100")
            assert (await session.fetch(BoundStatement("SELECT count(*) FROM public.messages")))[0][0] == before == 8000
            ids = [row[0] for row in await session.fetch(BoundStatement("SELECT id FROM public.messages ORDER BY id"))]
            assert len(ids) == 8000 and ids[0] == 1
        assert await value(database, "SELECT count(*) FROM public.messages") == 7900
    finally:
        await owner.close()


# --- Capacity ------------------------------------------------------------------------------------------------------------------


async def test_a_full_pool_is_busy_after_the_wait(open_database):
    database = await open_database(max_connections=1, wait_s=0.1)
    async with database.session():
        started = time.monotonic()
        with pytest.raises(DbBusy) as caught:
            await value(database, "SELECT 1")
        assert 0.05 < time.monotonic() - started < 10
        assert caught.value.retry_after_s
        await database.ping()  # busy is not down
    assert await value(database, "SELECT 1") == 1


async def test_never_more_connections_than_allowed(open_database, superuser):
    database = await open_database(max_connections=3, application_name="count-me")
    most = 0

    async def use(number):
        nonlocal most
        await value(database, "SELECT pg_sleep(0.01)", flow=number % 3)
        most = max(most, database.counts["open"])

    await asyncio.gather(*(use(number) for number in range(60)))
    assert most == 3
    assert await superuser.fetchval("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'count-me'") == 3


async def test_an_old_connection_is_replaced(open_database):
    database = await open_database(max_age_s=0)
    assert await value(database, "SELECT pg_backend_pid()") != await value(database, "SELECT pg_backend_pid()")


async def test_closing_ends_what_still_runs(open_database):
    database = await open_database()
    task = asyncio.create_task(value(database, "SELECT pg_sleep(60)"))
    await asyncio.sleep(0.1)
    await database.close()
    with pytest.raises(DbUnavailable):
        await task
    with pytest.raises(DbUnavailable):
        await value(database, "SELECT 1")


# --- Bad days ------------------------------------------------------------------------------------------------------------------


async def test_an_idle_connection_that_died_is_replaced_unseen(database, superuser):
    for _ in range(3):
        pid = await value(database, "SELECT pg_backend_pid()")
        await superuser.execute("SELECT pg_terminate_backend($1, 1000)", pid)
        assert await value(database, "SELECT 1") == 1
        async with database.session(snapshot=True) as session:
            pid = (await session.fetch(BoundStatement("SELECT pg_backend_pid()")))[0][0]
        await settled(database)
        await superuser.execute("SELECT pg_terminate_backend($1, 1000)", pid)
        async with database.session(snapshot=True) as session:
            assert (await session.fetch(BoundStatement("SELECT 1")))[0][0] == 1
        await settled(database)


@pytest.mark.parametrize(("snapshot", "response_started"), [(False, True), (True, False)])
async def test_a_backend_killed_in_the_middle_of_a_statement_is_an_error_with_its_cause(database, superuser, snapshot, response_started):
    """Where a part of the answer is on its way, or the snapshot is lost with what was read from it; tests/trust has the other cases."""
    with pytest.raises(DbUnavailable) as caught:
        async with database.session(snapshot=snapshot, response_started=response_started) as session:
            pid = (await session.fetch(BoundStatement("SELECT pg_backend_pid()")))[0][0]
            killer = asyncio.create_task(superuser.execute("SELECT pg_sleep(0.1), pg_terminate_backend($1, 1000)", pid))
            try:
                await session.fetch(BoundStatement("SELECT pg_sleep(60)"))
            finally:
                await killer
    assert isinstance(caught.value.__cause__, (asyncpg.PostgresError, asyncpg.InterfaceError, OSError))
    await settled(database)
    assert await value(database, "SELECT 1") == 1


async def test_a_transaction_that_begins_slowly_is_no_slow_statement(open_database, cluster, caplog):
    """What ran on the connection before has ended long ago, and is not told again."""
    with Proxy(cluster.port) as proxy:
        dsn = cluster.dsn(user=READER, tcp=True).replace(str(cluster.port), str(proxy.port))
        database = await open_database(dsn, max_connections=1, slow_s=0.2)
        assert await value(database, "SELECT 1") == 1
        caplog.clear()
        proxy.stall()
        begins = asyncio.create_task(database.session(snapshot=True).__aenter__())
        await asyncio.sleep(0.5)
        proxy.flow()
        await (await begins).__aexit__(None, None, None)
        await settled(database)
    assert "slow statement" not in caplog.text


async def test_without_a_database_opening_works_and_asking_does_not(open_database, caplog):
    database = await open_database("postgresql://odata_reader@127.0.0.1:1/live_agent")
    for _ in range(50):
        with pytest.raises(DbUnavailable) as caught:
            await value(database, "SELECT 1")
        assert caught.value.retry_after_s
    with pytest.raises(DbUnavailable):
        await database.ping()
    assert len([record for record in caplog.records if "cannot be reached" in record.message]) == 1
    assert database.counts == {"open": 0, "idle": 0, "used": 0, "waiting": 0}


@pytest.mark.parametrize("dsn", ["postgresql://nobody@{}/live_agent", "postgresql://odata_reader@{}/no_such_database"])
async def test_refusals_at_login_are_unavailable(open_database, cluster, dsn):
    database = await open_database(dsn.format(f"127.0.0.1:{cluster.port}"))
    with pytest.raises(DbUnavailable):
        await value(database, "SELECT 1")


async def test_a_host_that_does_not_answer_costs_the_connect_timeout_once(open_database):
    async def swallow(reader, writer):
        await reader.read(-1)

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    database = await open_database(f"postgresql://x@127.0.0.1:{port}/x?sslmode=disable", connect_timeout_s=0.2)
    started = time.monotonic()
    answers = await asyncio.gather(*(value(database, "SELECT 1") for _ in range(30)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {DbUnavailable}
    assert time.monotonic() - started < 4  # one after another they would wait for 6 seconds
    server.close()


async def test_the_pool_lives_again_soon_after_the_server(open_database, own_cluster, caplog):
    cluster = own_cluster()
    cluster.psql("postgres", "CREATE ROLE odata_reader LOGIN")
    database = await open_database(cluster.dsn(user="odata_reader", database="postgres"), max_connections=4)
    assert await asyncio.gather(*(value(database, "SELECT 1 FROM pg_sleep(0.05)") for _ in range(4))) == [1] * 4
    cluster.stop(signal.SIGQUIT)
    for _ in range(5):
        with pytest.raises(DbUnavailable):
            await value(database, "SELECT 1")
    await asyncio.to_thread(cluster.resume)
    started = time.monotonic()
    while True:
        try:
            assert await value(database, "SELECT 1") == 1
            break
        except DbUnavailable:
            assert time.monotonic() - started < 10
            await asyncio.sleep(0.05)
    assert [record for record in caplog.records if "reached again" in record.message]


async def test_a_statement_planned_anew_is_not_kept(database):
    async with database.session() as session:
        rows = await session.fetch(BoundStatement("SELECT $1::int8 + 1 AS planned_anew", (1,), replan=True))
        kept = await session.fetch(
            BoundStatement("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%planned_anew%' AND name <> ''")
        )
    assert rows[0][0] == 2
    assert kept[0][0] == 1  # the question itself


async def test_statements_planned_anew_follow_each_other_on_a_connection(database):
    """Each is parsed again with its arguments, also after one that failed: the server forgets one when the next comes."""
    one = "SELECT $1::int8 + 1 AS one, $2::text AS two"
    other = "SELECT 10 / $1::int8 AS other"
    async with database.session() as session:
        for number in range(1, 4):
            assert (await session.fetch(BoundStatement(one, (number, "a"), replan=True)))[0][:] == (number + 1, "a")
            assert (await session.fetch(BoundStatement("SELECT 7 AS kept")))[0][0] == 7
            assert (await session.fetch(BoundStatement(other, (number,), replan=True)))[0][0] == 10 // number
            assert (await session.fetch(BoundStatement(one, (number, "b"), replan=True)))[0][:] == (number + 1, "b")
    async with database.session() as session:
        with pytest.raises(ODataError):
            await session.fetch(BoundStatement(other, (0,), replan=True))
    async with database.session() as session:
        assert (await session.fetch(BoundStatement(other, (5,), replan=True)))[0][0] == 2
        assert (await session.fetch(BoundStatement(one, (1, "c"), replan=True)))[0][:] == (2, "c")
