"""Behind PgBouncer 1.18 in transaction mode: the same answers, read-only all the same, nothing left on server connections.

The whole of the live and conformance tests goes through it with `pytest --through=pgbouncer tests/live tests/conformance`; here is a part.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.errors import DbDenied, DbTimeout, DbValue
from tests.harness import tokens
from tests.harness.cluster import READER, SQL_FILES
from tests.harness.figures import record
from tests.harness.gateway import start_gateway
from tests.harness.pgbouncer import PgBouncer

ALL_IGNORED = (
    "default_transaction_read_only,search_path,intervalstyle,extra_float_digits,bytea_output,statement_timeout,lock_timeout,"
    "idle_in_transaction_session_timeout,jit,standard_conforming_strings,lc_monetary,row_security,gin_fuzzy_search_limit,"
    "default_transaction_isolation"
)
SETTINGS = DatabaseSettings("").server_settings()


@pytest.fixture(scope="module")
def bouncer(postgres):
    with PgBouncer(postgres, size=3) as running:
        yield running


@pytest.fixture
async def database(bouncer):
    database = await Database.open(DatabaseSettings(bouncer.dsn(), max_connections=8, statement_timeout_s=20))
    yield database
    await database.close()


async def value(database, sql, *args, **options):
    async with database.session(**options) as session:
        return (await session.fetch(BoundStatement(sql, args)))[0][0]


async def settings_of(database):
    async with database.session() as session:
        return {
            name: (await session.fetch(BoundStatement(f"SELECT current_setting('{name}')")))[0][0] for name in SETTINGS if name not in LEFT
        }


LEFT = ("application_name", "default_transaction_read_only", "default_transaction_isolation")


@pytest.mark.parametrize("ignored", ["", "extra_float_digits", ALL_IGNORED])
async def test_t14_a_pooler_is_recognised_and_every_transaction_has_its_settings(postgres, ignored):
    direct = await Database.open(DatabaseSettings(postgres.dsn(user=READER)))
    with PgBouncer(postgres, size=2, ignored=ignored) as bouncer:
        database = await Database.open(DatabaseSettings(bouncer.dsn(), max_connections=6))
        expected = await settings_of(direct)
        for found in await asyncio.gather(*(settings_of(database) for _ in range(12))):
            assert found == expected
        assert await value(database, "SELECT current_setting('transaction_read_only')") == "on"
        assert await value(database, "SELECT count(*) FROM pg_prepared_statements") == 0
        await database.close()
    await direct.close()


async def test_t14_the_search_path_of_the_settings_is_that_of_each_transaction(postgres):
    with PgBouncer(postgres, size=2) as bouncer:
        wide = await Database.open(DatabaseSettings(bouncer.dsn(), max_connections=6, search_path=("one", "Two")))
        narrow = await Database.open(DatabaseSettings(bouncer.dsn(), max_connections=6))
        asked = (value(each, "SELECT current_setting('search_path')") for each in (wide, narrow) * 6)
        assert await asyncio.gather(*asked) == ['pg_catalog, one, "Two", pg_temp', "pg_catalog, pg_temp"] * 6
        await wide.close()
        await narrow.close()


async def test_t14_sessions_leave_nothing_behind(database, bouncer):
    with pytest.raises(DbDenied):
        await value(database, "DELETE FROM public.messages RETURNING id")
    async with database.session() as session:
        with pytest.raises(DbValue):
            await session.fetch(BoundStatement("SELECT 1 / 0"))
        assert (await session.fetch(BoundStatement("SELECT 5")))[0][0] == 5
    async with database.session(snapshot=True) as session:
        assert (await session.fetch(BoundStatement("SELECT current_setting('transaction_isolation')")))[0][0] == "repeatable read"
    plain = subprocess.run(
        ["psql", bouncer.dsn(), "-XAtc", "SELECT current_setting('search_path'), current_setting('jit')"], capture_output=True, text=True
    )
    assert plain.returncode == 0 and "pg_catalog, pg_temp" not in plain.stdout


async def test_t14_many_statements_at_once_each_get_their_own_answer(database):
    async def ask(number):
        sql = f"SELECT $1::int8 * {number % 40}, pg_catalog.repeat('x', $2::int4) AS n{number % 40}, pg_catalog.pg_backend_pid()"
        async with database.session() as session:
            row = (await session.fetch(BoundStatement(sql, (number, number % 50), replan=number % 2 == 0)))[0]
            assert (row[0], row[1]) == (number * (number % 40), "x" * (number % 50))
            return row[2]

    backends = set(await asyncio.gather(*(ask(number) for number in range(1000))))
    assert 1 < len(backends) <= 3


async def test_t14_what_nobody_waits_for_is_cancelled_and_no_one_else(database):
    tasks = [asyncio.create_task(value(database, "SELECT pg_sleep(60)")) for _ in range(3)]
    await asyncio.sleep(0.5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(10):
        assert await asyncio.gather(*(value(database, "SELECT $1::int8", n) for n in range(100))) == list(range(100))


async def test_t14_the_limit_of_a_statement_holds(bouncer):
    database = await Database.open(DatabaseSettings(bouncer.dsn(), statement_timeout_s=0.3))
    with pytest.raises(DbTimeout):
        await value(database, "SELECT pg_sleep(30)")
    assert await value(database, "SELECT 1") == 1
    await database.close()


def test_t14_many_clients_at_once_get_what_they_get_without_it(postgres, gateways, bouncer):
    direct = gateways(ODATA_DSN=postgres.dsn(user=READER), ODATA_PAGE_ROWS="1000")
    through = gateways(ODATA_DSN=bouncer.dsn(), ODATA_PAGE_ROWS="1000")
    targets = [
        "Message?$top=1500&$select=id,content",
        "Message?$filter=contains(content,'a')&$count=true&$top=7",
        "Conversation?$expand=messages($top=2;$count=true),inbox&$top=20",
        "Conversation(1)/messages?$orderby=created_at desc",
        "Message(1)", "Label", "User/$count", "Inbox(1)/name/$value",
    ]  # fmt: skip
    work = [(target, token) for token in (tokens.ADMIN, tokens.OTHER_ADMIN, tokens.BOTH_ADMIN) for target in targets]

    def ask(gateway, target, token):
        reply = gateway.get(target, token=token, headers={"X-Request-Id": "one"})
        return reply.status, reply.body.replace(gateway.origin.encode(), b"")

    def same(pair):
        assert ask(through, *pair) == expected[pair]

    expected = {pair: ask(direct, *pair) for pair in work}
    with ThreadPoolExecutor(12) as threads:
        list(threads.map(same, work * 8))
    assert "a pooler stands before the database" in through.log() and "Traceback" not in through.log()


@pytest.fixture(scope="module")
def walled(postgres):
    """A database with row-level security, behind a pooler with two server connections for all callers."""
    postgres.load("walled", files=(*SQL_FILES, "rls.sql"))
    with PgBouncer(postgres, size=2) as bouncer:
        yield bouncer.dsn(database="walled")


READS = (
    "Message?$count=true&$top=5", "Message?$select=id", "Conversation/$count", "Conversation?$expand=messages($top=2;$count=true),inbox&$top=9",
    "Label", "User?$orderby=name", "Conversation(1)/messages/$count", "Message(1)",
)  # fmt: skip


@pytest.mark.parametrize("module", ["odata_gateway", "tests.harness.without_row_policy"])
def test_t14_row_level_security_shows_each_caller_his_rows(postgres, walled, module):
    """The accounts travel with the transaction they are for: callers take turns on two server connections, and none sees another's rows,
    even where the statements have no policy of their own."""
    common = {"ODATA_PUBLIC_URL": "http://service.example", "ODATA_PAGE_ROWS": "700"}
    work = [(target, token) for target in READS for token in (tokens.ADMIN, tokens.OTHER_ADMIN, tokens.BOTH_ADMIN, tokens.THIRD_ADMIN)]

    def ask(gateway, target, token):
        reply = gateway.get(target, token=token, headers={"X-Request-Id": "one"})
        return reply.status, reply.body

    with start_gateway(ODATA_DSN=postgres.dsn(user=READER), **common) as direct:
        expected = {pair: ask(direct, *pair) for pair in work}
    assert len(set(expected.values())) > len(work) / 2
    with start_gateway(module=module, ODATA_DSN=walled, ODATA_RLS="true", **common) as through, ThreadPoolExecutor(12) as threads:
        same = threads.map(lambda pair: ask(through, *pair) == expected[pair], work * 6)
        wrong = [pair for pair, is_same in zip(work * 6, same, strict=True) if not is_same]
    record("T14", "answers with row-level security that differ from those without a pooler", len(wrong), how="sum", at_most=0)
    assert not wrong, wrong[:5]
    left = "SELECT coalesce(nullif(current_setting('odata.accounts', true), ''), 'nothing'), (SELECT count(*) FROM public.labels)"
    plain = subprocess.run(["psql", walled, "-XAtc", left], capture_output=True, text=True)
    assert plain.stdout == "nothing|0\n", plain


def test_t14_a_share_of_the_live_and_conformance_tests_goes_through_it():
    """The supported features, paging, the product's examples, and generated queries beside their oracle; conftest.py records how many."""
    tests = [
        "tests/live/test_support_table.py", "tests/live/test_oracle.py", "tests/conformance/test_k_order_paging.py",
        "tests/conformance/test_product_examples.py",
    ]  # fmt: skip
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:xdist", "-p", "no:cacheprovider", "--through=pgbouncer", *tests]
    environment = os.environ | {"ODATA_TEST_QUERIES": "40"}
    done = subprocess.run(command, cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
