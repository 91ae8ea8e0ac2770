"""A database that is away, at the start or later: the program stays, says so once, asks again without a storm, and is back at once."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.settings import DatabaseSettings
from tests.harness.cluster import READER
from tests.harness.faults import wait_until
from tests.harness.figures import record

BACK_S, LIMIT_S = 2.0, 15.0
"""The promise, and what a machine that is busy may take."""

PASSWORD = "hunter2hunter2"


def is_away(gateway):
    """Alive, not ready, and every request told to come again."""
    assert gateway.ask("GET", "/health/liveness").status == 200
    assert gateway.ask("GET", "/health/readiness").status == 503
    reply = gateway.get("Label")
    assert (reply.status, reply.json()["error"]["code"]) == (503, "Db.Unavailable")
    assert 1 <= int(reply.headers["retry-after"]) <= 10
    assert gateway.get("$metadata", token=None).status == 200


def comes_back(gateway):
    """How long it takes after the database can be reached again."""
    back_s = wait_until(lambda: gateway.get("Label").status == 200, LIMIT_S)
    record("T6", "service back after the database", back_s, "s", at_most=BACK_S)
    return back_s


def lines(gateway, text):
    return [line for line in gateway.log().splitlines() if text in line]


def has_told_once(gateway, cause):
    assert len(lines(gateway, "the database cannot be reached:")) == 1, gateway.log()
    assert cause in lines(gateway, "the database cannot be reached:")[0]
    assert "Traceback" not in gateway.log() and PASSWORD not in gateway.log()
    record("T6", "log lines for a state", len(lines(gateway, cause or "the database cannot be reached:")), at_most=1)


def under_load(gateway, seconds, width=10):
    """The statuses of about 50 requests a second, and how long the slowest took."""
    until = time.monotonic() + seconds

    def ask(_):
        found = []
        while time.monotonic() < until:
            started = time.monotonic()
            found.append((gateway.get("Label").status, time.monotonic() - started))
            time.sleep(width / 50)
        return found

    with ThreadPoolExecutor(width) as threads:
        found = [pair for part in threads.map(ask, range(width)) for pair in part]
    return {status for status, _ in found}, max(took for _, took in found), len(found)


def tells(attempts, slowest_s):
    record("T6", "attempts to connect in 5 s of load while it is away", attempts, at_most=20)
    record("T6", "slowest 503 while it is away", slowest_s, "s", at_most=1)


def test_t06_no_storm_while_connections_are_refused(postgres, gateways, proxies):
    proxy = proxies(postgres.port)
    gateway = gateways(ODATA_DSN=f"postgresql://{READER}:{PASSWORD}@127.0.0.1:{proxy.port}/live_agent")
    assert gateway.get("Label").status == 200
    proxy.refuse()
    proxy.reset()
    before = proxy.connections_made
    statuses, slowest_s, asked = under_load(gateway, 5)
    assert statuses == {503} and asked > 30
    tells(proxy.connections_made - before, slowest_s)
    assert proxy.connections_made - before <= 20  # a few at once, then one for each pause, which grows to a second
    is_away(gateway)
    proxy.accept()
    comes_back(gateway)
    has_told_once(gateway, "")
    assert len(lines(gateway, "the database can be reached again, after")) == 1


def test_t06_a_database_that_takes_connections_and_says_nothing(gateways):
    """Nobody waits for longer than one attempt, and only the first ones do."""
    accepted = []
    with socket.create_server(("127.0.0.1", 0)) as silent:

        def accept():
            while True:
                try:
                    accepted.append(silent.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        dsn = f"postgresql://{READER}@127.0.0.1:{silent.getsockname()[1]}/live_agent?sslmode=disable"
        gateway = gateways(ODATA_DSN=dsn, wait_for="/health/liveness")
        wait_until(lambda: lines(gateway, "no answer within"), 15)
        before = len(accepted)
        statuses, slowest_s, asked = under_load(gateway, 5)
        assert statuses == {503} and asked > 30
        tells(len(accepted) - before, slowest_s)
        assert len(accepted) - before <= 12
        has_told_once(gateway, "no answer within 5 s")
        silent.shutdown(socket.SHUT_RDWR)
    for connection in accepted:
        connection.close()


@pytest.fixture
def demanding(postgres):
    """The server asks the reader for its password on TCP."""
    rules = postgres.folder / "server" / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"host all {READER} 127.0.0.1/32 scram-sha-256\n{before}")
    postgres.psql("postgres", "SELECT pg_reload_conf()")
    yield postgres
    rules.write_text(before)
    postgres.psql("postgres", "SELECT pg_reload_conf()")


AWAY = {
    "too many connections": (f"ALTER ROLE {READER} CONNECTION LIMIT 0", f"ALTER ROLE {READER} CONNECTION LIMIT -1", "53300"),
    "may not log in": (f"ALTER ROLE {READER} NOLOGIN", f"ALTER ROLE {READER} LOGIN", "28000"),
    "no such database": ("ALTER DATABASE live_agent RENAME TO elsewhere", "ALTER DATABASE elsewhere RENAME TO live_agent", "3D000"),
    "takes no connections": ("ALTER DATABASE live_agent ALLOW_CONNECTIONS false", "ALTER DATABASE live_agent ALLOW_CONNECTIONS true", "55000"),
}  # fmt: skip
END = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = 'live_agent' AND pid <> pg_backend_pid()"


@pytest.mark.parametrize("state", AWAY)
def test_t06_away_at_the_start_and_later(postgres, gateways, state):
    away, back, sqlstate = AWAY[state]
    for later in (False, True):
        if later:
            gateway = gateways(ODATA_DSN=postgres.dsn(user=READER))
            assert gateway.get("Label").status == 200
        postgres.psql("postgres", END)
        postgres.psql("postgres", away)
        try:
            postgres.psql("postgres", END)
            if not later:
                gateway = gateways(ODATA_DSN=postgres.dsn(user=READER), wait_for="/health/liveness")
            is_away(gateway)
        finally:
            postgres.psql("postgres", back)
        comes_back(gateway)
        has_told_once(gateway, sqlstate)
        gateway.stop()


async def test_t06_where_the_server_takes_no_more_connections_those_there_are_serve_all(postgres):
    """Not as many as the gateway may have: nobody is refused for that."""
    postgres.psql("postgres", f"ALTER ROLE {READER} CONNECTION LIMIT 2")
    database = await Database.open(DatabaseSettings(postgres.dsn(user=READER), max_connections=6, wait_s=30))

    async def ask(number):
        async with database.session() as session:
            return (await session.fetch(BoundStatement("SELECT $1::int8, pg_sleep(0.05)", (number,))))[0][0]

    try:
        assert await ask(0) == 0
        assert await asyncio.gather(*(ask(number) for number in range(40))) == list(range(40))
        leaving = [asyncio.create_task(ask(number)) for number in range(10)]
        await asyncio.sleep(0.07)
        for task in leaving[::2]:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        assert await asyncio.gather(*(ask(number) for number in range(12))) == list(range(12))
    finally:
        postgres.psql("postgres", f"ALTER ROLE {READER} CONNECTION LIMIT -1")
        await database.close()
    assert database.counts["used"] == 0


def test_t06_a_wrong_password(demanding, gateways):
    dsn = f"postgresql://{READER}:{PASSWORD}@127.0.0.1:{demanding.port}/live_agent"
    gateway = gateways(ODATA_DSN=dsn, wait_for="/health/liveness")
    is_away(gateway)
    demanding.psql("postgres", f"ALTER ROLE {READER} PASSWORD '{PASSWORD}'")
    comes_back(gateway)
    has_told_once(gateway, "28P01")


def test_t06_a_server_that_ends_and_starts(own_cluster, gateways):
    cluster = own_cluster()
    cluster.load()
    gateway = gateways(ODATA_DSN=cluster.dsn(user=READER))
    assert gateway.get("Label").status == 200
    cluster.stop(signal.SIGQUIT)
    is_away(gateway)
    cluster.resume()
    comes_back(gateway)
    record("T6", "ready after service is back", wait_until(lambda: gateway.ask("GET", "/health/readiness").status == 200, LIMIT_S), "s")
    assert len(lines(gateway, "the database cannot be reached:")) <= 2 and "Traceback" not in gateway.log()
