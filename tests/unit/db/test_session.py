"""A session's states: each one and each event, as a table, and the ways that lead through it on a real Postgres."""

from __future__ import annotations

import asyncio
from itertools import product

import asyncpg
import pytest
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.session import TRANSITIONS, SessionEvent, SessionState, opening
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.errors import DbUnavailable, DbValue, Internal

READY, BEGINNING, READING = SessionState.READY, SessionState.BEGINNING, SessionState.READING
BEGUN, READ, ABORTED = SessionState.BEGUN, SessionState.READ, SessionState.ABORTED
READING_IN_TRANSACTION = SessionState.READING_IN_TRANSACTION
WHERE = "SELECT pg_catalog.pg_backend_pid()"


# --- The table -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "event"), list(product(SessionState, SessionEvent)))
def test_only_a_session_in_flight_is_answered_and_only_one_that_is_not_begins(state, event):
    lawful = (state, event) in TRANSITIONS
    match event:
        case SessionEvent.ANSWERED | SessionEvent.REFUSED:
            assert lawful is state.in_flight
        case SessionEvent.BEGIN_SENT | SessionEvent.BOTH_SENT:
            assert lawful is (state is READY)
        case SessionEvent.RESTARTED:
            assert lawful is (state not in (BEGUN, READ))  # nothing has failed there
        case SessionEvent.STATEMENT_SENT:
            assert lawful is (state not in (BEGINNING, READING))  # those start over first


@pytest.mark.parametrize(("state", "event"), TRANSITIONS)
def test_a_transition_keeps_what_the_event_says_nothing_of(state, event):
    after = TRANSITIONS[state, event]
    match event:
        case SessionEvent.BEGIN_SENT | SessionEvent.STATEMENT_SENT:
            assert after.in_flight and after.in_transaction is state.in_transaction
        case SessionEvent.BOTH_SENT:
            assert state is READY and after.in_flight and after.in_transaction
        case SessionEvent.ANSWERED:
            assert not after.in_flight
            assert after.in_transaction is (state.in_transaction or state is BEGINNING)
        case SessionEvent.REFUSED:
            # BEGIN itself is not refused: what stands behind it in its message may be, in an open transaction.
            assert not after.in_flight and after.in_transaction is (state.in_transaction or state is BEGINNING)
        case SessionEvent.RESTARTED:
            assert after is READY


def test_every_state_is_reached_and_has_a_way_back():
    reached, frontier = {READY}, [READY]
    while frontier:
        here = frontier.pop()
        for (state, _), after in TRANSITIONS.items():
            if state is here and after not in reached:
                reached.add(after)
                frontier.append(after)
    assert reached == set(SessionState)
    for state in set(SessionState) - {READY, BEGUN, READ}:
        assert any(after is READY for (before, _), after in TRANSITIONS.items() if before is state)


# --- Ways through it -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def database(reader_dsn):
    database = await Database.open(DatabaseSettings(reader_dsn, max_connections=1, wait_s=5, row_security=True))
    yield database
    await database.close()


async def released(database):
    while database.counts["used"]:
        await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("options", "states"),
    [
        ({}, [READY, READY, READY]),
        ({"accounts": (1,)}, [READY, READ, ABORTED]),
        ({"snapshot": True}, [READY, READ, ABORTED]),
    ],
    ids=["single", "accounts", "snapshot"],
)
async def test_the_states_of_a_session(database, options, states):
    async with database.session(**options) as session:
        assert session._state is states[0]
        await session.fetch(BoundStatement("SELECT 1"))
        assert session._state is states[1]
        with pytest.raises(DbValue):
            await session.fetch(BoundStatement("SELECT 1 / 0"))
        assert session._state is states[2]
    await released(database)
    assert database.counts == {"open": 1, "idle": 1, "used": 0, "waiting": 0}


async def test_after_a_failure_a_transaction_starts_over_with_its_accounts(database):
    async with database.session(accounts=(1, 2)) as session:
        with pytest.raises(DbValue):
            await session.fetch(BoundStatement("SELECT 1 / 0"))
        row = (await session.fetch(BoundStatement("SELECT current_setting('odata.accounts')")))[0]
        assert row[0] == "{1,2}"
        assert session._state is READ
    await released(database)


async def test_a_snapshot_in_which_a_statement_failed_cannot_go_on(database):
    async with database.session(snapshot=True) as session:
        with pytest.raises(DbValue):
            await session.fetch(BoundStatement("SELECT 1 / 0"))
        with pytest.raises(Internal):
            await session.fetch(BoundStatement("SELECT 1"))
    await released(database)


@pytest.mark.parametrize("options", [{}, {"accounts": (1,)}], ids=["single", "accounts"])
async def test_after_a_cancelled_statement_the_next_one_is_answered(database, options):
    async with database.session(**options) as session:
        task = asyncio.create_task(session.fetch(BoundStatement("SELECT pg_catalog.pg_sleep(60)")))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert session._state.in_flight
        assert (await session.fetch(BoundStatement("SELECT 1")))[0][0] == 1
    await released(database)


COUNTING = BoundStatement(
    "SELECT set_config('own.' || $1::text, (coalesce(nullif(current_setting('own.' || $1::text, true), ''), '0')::int4 + 1)::text, false)",
    ("a",),
)
RAN = BoundStatement("SELECT current_setting('own.a', true), current_setting('own.b', true)")


async def test_what_prepares_a_server_process_runs_once_on_each_connection(database, dsn):
    for _ in range(2):
        for _ in range(3):
            async with database.session() as session:
                await session.once(COUNTING)
                await session.once(COUNTING._replace(arguments=("b",)))
                await session.once(BoundStatement("SELECT $1::int4[]", ([1, 2],)))
                assert tuple((await session.fetch(RAN))[0]) == ("1", "1")
                pid = (await session.fetch(BoundStatement(WHERE)))[0][0]
        await kill(dsn, pid)
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("options", [{}, {"accounts": (1,)}], ids=["single", "accounts"])
async def test_what_fails_to_prepare_a_server_process_is_no_fault_of_what_follows(database, options):
    async with database.session(**options) as session:
        await session.once(BoundStatement("SELECT 1 / 0"))
        assert (await session.fetch(BoundStatement("SELECT 1")))[0][0] == 1


async def test_behind_a_pooler_nothing_is_prepared(reader_dsn):
    database = await Database.open(DatabaseSettings(reader_dsn, max_connections=1, pooler="transaction"))
    async with database.session() as session:
        await session.once(COUNTING)
        assert (await session.fetch(RAN))[0][0] in (None, "")
    await database.close()


async def kill(dsn, pid):
    killer = await asyncpg.connect(dsn)
    await killer.execute("SELECT pg_catalog.pg_terminate_backend($1, 1000)", pid)
    await killer.close()


async def test_a_snapshot_from_which_nothing_was_read_moves_to_another_connection(database, dsn):
    async with database.session(snapshot=True) as session:
        await kill(dsn, session._pooled.backend)
        assert (await session.fetch(BoundStatement("SELECT 1")))[0][0] == 1
    await released(database)


@pytest.mark.parametrize(
    ("options", "is_repeated"),
    [({}, True), ({"accounts": (1,)}, True), ({"response_started": True}, False), ({"snapshot": True}, False)],
    ids=["single", "accounts", "response started", "snapshot"],
)
async def test_a_statement_on_a_lost_connection_is_sent_again_where_nothing_is_lost_by_it(database, dsn, options, is_repeated):
    async with database.session(**options) as session:
        before = (await session.fetch(BoundStatement(WHERE)))[0][0]
        await kill(dsn, before)
        if is_repeated:
            assert (await session.fetch(BoundStatement(WHERE)))[0][0] != before
        else:
            with pytest.raises(DbUnavailable):
                await session.fetch(BoundStatement(WHERE))
    await released(database)


@pytest.mark.parametrize(
    ("snapshot", "accounts", "text"),
    [
        (False, None, None),
        (True, None, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
        (False, (7, 9), "BEGIN READ ONLY; SET LOCAL odata.accounts = '{7,9}'"),
        (True, (7,), "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL odata.accounts = '{7}'"),
    ],
)
def test_the_text_that_begins_a_transaction(snapshot, accounts, text):
    assert opening(snapshot, accounts) == text
