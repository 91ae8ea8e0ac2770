"""Statements of a caller with a role: they see what it sees, and nothing of it stays on the connection, wherever a request ends."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import asyncpg
import pytest
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.schema.roles import RoleDirectory
from odata_gateway.db.session import SessionState, opening
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.errors import AuthForbidden, DbDenied, DbUnavailable, DbValue, Internal
from odata_gateway.observe.request_stats import RequestStats, current_stats
from tests.harness import supabase
from tests.harness.supabase import ADA, BOB, EVE, ODD_ROLE, claims

WHO = "SELECT current_user::text, session_user::text, current_setting('request.jwt.claims', true), current_setting('application_name')"
TODOS = "SELECT DISTINCT user_id::text FROM public.todos"


@pytest.fixture
def dsn(supabase_cluster):
    """tests/trust/test_t14_roles.py has one that leads through PgBouncer."""
    return supabase.dsn(supabase_cluster)


@pytest.fixture
async def database(dsn):
    database = await Database.open(DatabaseSettings(dsn, max_connections=1, wait_s=10))
    yield database
    await database.close()


async def rows(database, sql, **options):
    async with database.session(**options) as session:
        return [tuple(row) for row in await session.fetch(BoundStatement(sql))]


async def test_statements_run_as_the_role_with_its_claims(database):
    text = claims(ADA, quotes='it\'s "so" \\ $$ --', ä="日本\n\t\u0000")
    found = await rows(database, WHO, role="authenticated", claims=text, flow="ada")
    assert found[0][:3] == ("authenticated", "authenticator", text)
    assert await rows(database, TODOS, role="authenticated", claims=claims(ADA)) == [(ADA,)]
    assert await rows(database, TODOS, role="authenticated", claims=claims(EVE)) == [(EVE,)]
    assert await rows(database, TODOS, role="reporting", claims='{"tenant":9}') == [(EVE,)]
    assert len(await rows(database, TODOS, role="service_role")) == 3
    with pytest.raises(DbDenied):
        await rows(database, TODOS, role="anon", claims=claims(ADA))
    with pytest.raises(DbDenied):
        await rows(database, TODOS)  # authenticator itself may read nothing


async def test_one_session_after_the_other_on_one_connection_each_sees_its_own(database):
    for user in (ADA, EVE, BOB, EVE, ADA) * 4:
        assert await rows(database, TODOS, role="authenticated", claims=claims(user)) == [(user,)]
        assert await rows(database, "SELECT current_user::text") == [("authenticator",)]


async def test_after_a_failure_the_role_and_the_claims_are_back(database):
    async with database.session(role="authenticated", claims=claims(ADA)) as session:
        with pytest.raises(DbValue):
            await session.fetch(BoundStatement("SELECT 1 / 0"))
        assert [tuple(row) for row in await session.fetch(BoundStatement(TODOS))] == [(ADA,)]


@pytest.mark.parametrize(
    "text", ['{"sub":"\\\\"}', "'", "''", "\\'; RESET ROLE; --", "E'", "$$", "\\", "\\\\'", "{}", '{"a":"' + "x" * 16000 + '"}']
)
@pytest.mark.parametrize("setting", ["on", "off"])
async def test_claims_are_a_constant_whatever_strings_conform_to(supabase_cluster, setting, text):
    """ALTER ROLE may change standard_conforming_strings for every session of the gateway's user."""
    connection = await asyncpg.connect(supabase.dsn(supabase_cluster), server_settings={"standard_conforming_strings": setting})
    await connection.execute(opening(False, None, "authenticated", text))
    assert tuple(await connection.fetchrow(WHO))[:3] == ("authenticated", "authenticator", text)
    await connection.execute("ROLLBACK")
    await connection.close()


async def test_any_role_name_is_a_name(database):
    assert await rows(database, "SELECT current_user::text", role=ODD_ROLE) == [(ODD_ROLE,)]


@pytest.mark.parametrize("role", ["none", "", "a\0b"])
def test_set_role_none_is_never_sent(role):
    with pytest.raises(AuthForbidden):
        opening(False, None, role, None)


def test_a_setting_cannot_have_a_nul():
    with pytest.raises(Internal):
        opening(False, None, "anon", "\0")


@pytest.mark.parametrize("role", ["stranger", "no such role", "authenticated; RESET ROLE", "x" * 64])
async def test_a_role_that_postgres_refuses_is_forbidden_and_leaves_no_transaction(database, role):
    for _ in range(2):
        with pytest.raises(AuthForbidden):
            await rows(database, "SELECT 1", role=role, claims="{}")
    assert (await rows(database, "SELECT current_user::text, pg_catalog.pg_current_xact_id_if_assigned() IS NULL")) == [
        ("authenticator", True)
    ]
    assert database.counts["open"] == 1


# --- Nothing is left, wherever a request ends -------------------------------------------------------------------------------------


async def settled(database):
    while database.counts["used"]:
        await asyncio.sleep(0.001)


STATES = [state for state in SessionState if state is not SessionState.READING]  # a session with a role has a transaction


async def request(session):
    """Every state that a session with a role has, at rest for a turn of the event loop each."""
    await asyncio.sleep(0)
    async with session:
        await asyncio.sleep(0)
        await session.fetch(BoundStatement("SELECT count(*) FROM public.todos, pg_catalog.pg_sleep(0.001)"))
        await asyncio.sleep(0)
        with suppress(DbValue):
            await session.fetch(BoundStatement("SELECT 1 / 0"))
        await asyncio.sleep(0)
        await session.fetch(BoundStatement(TODOS))


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
async def test_a_request_that_ends_at_any_step_leaves_nothing(database, state, turns):
    """A request is cancelled some turns of the event loop after its session has reached a state; the one connection then tells the next
    session, and one with another caller, nothing of it. BEGIN is waited for behind a pooler only: elsewhere a request with a state of that
    wait runs to its end."""
    for _ in range(2):  # the first one opens the connection as well
        session = database.session(role="authenticated", claims=claims(ADA), flow="ada")
        task = asyncio.create_task(request(session))
        while session._state is not state and not task.done():
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await settled(database)
        found = await rows(database, "SELECT current_user::text, nullif(current_setting('request.jwt.claims', true), '')")
        assert found == [("authenticator", None)]
        assert await rows(database, TODOS, role="authenticated", claims=claims(EVE)) == [(EVE,)]


@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_a_server_process_that_is_stopped_leaves_nothing(supabase_cluster, how):
    database = await Database.open(DatabaseSettings(supabase.dsn(supabase_cluster), max_connections=1, wait_s=10))
    killer = await asyncpg.connect(supabase.dsn(supabase_cluster, user="postgres"))
    try:
        for moment in range(20):
            async with asyncio.TaskGroup() as group:
                group.create_task(asked(database, ADA))
                await asyncio.sleep(0.0005 * moment)
                await killer.execute(f"SELECT {how}(pid) FROM pg_stat_activity WHERE usename = 'authenticator'")
            await settled(database)
            assert await available(database, "SELECT current_user::text") == [("authenticator",)]
            assert await rows(database, TODOS, role="authenticated", claims=claims(EVE)) == [(EVE,)]
    finally:
        await killer.close()
        await database.close()


async def available(database, sql):
    """As `rows`, once the pause is over that follows an attempt to connect that was stopped too."""
    while True:
        try:
            return await rows(database, sql)
        except DbUnavailable:
            await asyncio.sleep(0.01)


async def asked(database, user):
    """A request that may fail because the server was stopped, and must otherwise see its own."""
    with suppress(Exception):
        async with database.session(role="authenticated", claims=claims(user)) as session:
            await session.fetch(BoundStatement("SELECT pg_catalog.pg_sleep(0.004)"))
            assert [tuple(row) for row in await session.fetch(BoundStatement(TODOS))] == [(user,)]


async def test_many_callers_at_once_each_see_their_own(dsn):
    database = await Database.open(DatabaseSettings(dsn, max_connections=4, wait_s=30))

    async def ask(number):
        user = (ADA, BOB, EVE)[number % 3]
        task = asyncio.create_task(rows(database, TODOS, role="authenticated", claims=claims(user), flow=user))
        if number % 7 == 0:
            await asyncio.sleep(0.0003 * (number % 10))
            task.cancel()
        with suppress(asyncio.CancelledError):
            assert await task == [(user,)]

    await asyncio.gather(*(ask(number) for number in range(400)))
    await database.close()


# --- Names for pg_stat_activity -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "shown"), [("ada", "ada"), (ADA, ADA[:32]), ("o'neil\\\n日;", "o?neil????"), ("auth0|5f7c", "auth0|5f7c")]
)
async def test_the_subject_is_in_the_name_of_the_session(database, subject, shown):
    current_stats.set(RequestStats("0123456789abcdef", 0.0))
    found = await rows(database, WHO, role="anon", flow=subject)
    assert found[0][3] == f"odata-gateway/0123456789abcdef/{shown}"[:63]


# --- Which roles may be used ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "fault"),
    [
        ("anon", None),
        ("authenticated", None),
        ("service_role", None),
        (ODD_ROLE, None),
        ("authenticator", None),
        ("root", "is a superuser"),
        ("stranger", "is not granted"),
        ("nobody here", "does not exist"),
        ("none", "does not exist"),
        ("", "does not exist"),
        ("ANON", "does not exist"),
        ("anon\0", "does not exist"),
        ("\ud800", "does not exist"),
        ("anon" + "x" * 100, "does not exist"),
        ("x" * 63 + "y", "does not exist"),
    ],
)
async def test_a_role_must_exist_be_granted_and_be_no_superuser(database, role, fault):
    roles = RoleDirectory(database)
    for _ in range(2):
        found = await roles.fault(role)
        assert found is None if fault is None else found is not None and found.startswith(fault)


async def test_the_first_role_that_may_be_used(database):
    roles = RoleDirectory(database)
    assert await roles.first_usable(["root", "stranger", "authenticated", "anon"]) == "authenticated"
    assert await roles.first_usable(["root"]) is await roles.first_usable([]) is None


async def test_roles_are_asked_for_once_and_forgotten(database, supabase_cluster):
    roles = RoleDirectory(database)
    assert await roles.fault("latecomer") == "does not exist in the database"
    supabase_cluster.psql(supabase.DATABASE, "CREATE ROLE latecomer NOLOGIN; GRANT latecomer TO authenticator")
    try:
        assert await roles.fault("latecomer") == "does not exist in the database"
        roles.forget()
        assert await roles.fault("latecomer") is None
    finally:
        supabase_cluster.psql(supabase.DATABASE, "DROP ROLE latecomer")


async def test_a_superuser_may_become_every_role_but_a_superuser(supabase_cluster):
    database = await Database.open(DatabaseSettings(supabase.dsn(supabase_cluster, user="postgres")))
    roles = RoleDirectory(database)
    assert await roles.fault("stranger") is None
    assert await roles.fault("root") == await roles.fault("postgres") == "is a superuser, and no request runs as one"
    await database.close()


def test_claims_are_json():
    assert json.loads(claims(ADA))["app_metadata"] == {"tenant": 7}
