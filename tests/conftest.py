"""What every test may ask for: a real Postgres with the sample data, and the real program in front of it.

One Postgres a test process (under pytest-xdist: one a worker), started by the first test that needs it; about a second. The sample data is
shared: a test that writes asks for `scratch_dsn`, a copy of its own.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import hypothesis
import pytest
from tests.harness import supabase
from tests.harness.cluster import DATABASE, READER, Cluster
from tests.harness.figures import record
from tests.harness.gateway import Gateway, start_gateway
from tests.harness.pgbouncer import PgBouncer
from tests.harness.sample import ACCOUNTS, TEMPLATE, DatabaseDsns, copied
from tests.oracle.evaluator import View, World


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--through", choices=["pgbouncer"], help="what stands between the gateway and Postgres")


def pytest_configure() -> None:
    """Prepare the environment of this process and of the programs that tests start.

    They take SIGINT, also where the tests run in the background of a shell, which lets its programs ignore it. They keep
    bytecode, also where the machine says that Python keeps none: else each of the programs would compile the whole package again.
    Generated tests have no limit of time for an example: how long one takes is the machine's affair.
    """
    too_slow = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile("any machine", deadline=None, suppress_health_check=too_slow)
    hypothesis.settings.load_profile("any machine")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def pytest_collection_finish() -> None:
    """Freeze what was collected: the garbage collector need not walk through thousands of tests again and again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Keep how many tests passed through PgBouncer, and how many did not."""
    if config.getoption("--through") is not None:
        passed, failed = (sum(len(terminalreporter.stats.get(name, ())) for name in names) for names in (("passed",), ("failed", "error")))
        record("T14", "live and conformance tests that pass through PgBouncer", passed, how="max")
        record("T14", "live and conformance tests that fail through PgBouncer", failed, how="sum", at_most=0)


@pytest.fixture(scope="session")
def reader_url(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Callable[[str], str]]:
    """The DSN of a database as the gateway sees it: the role of sql/live_agent/roles.sql, and through what --through says."""
    if request.config.getoption("--through") is None:
        yield lambda database: cluster.dsn(user=READER, database=database)
        return
    with PgBouncer(cluster) as bouncer:
        yield lambda database: bouncer.dsn(database=database)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running server with the sample data in database live_agent; on its socket and on TCP."""
    with Cluster.start(tcp=True) as server:
        server.load(TEMPLATE)
        server.psql("postgres", f"CREATE DATABASE {DATABASE} TEMPLATE {TEMPLATE}")
        yield server


@pytest.fixture(scope="session")
def dsn(cluster: Cluster) -> str:
    """The sample data as the superuser; for looking, not for writing."""
    return cluster.dsn()


@pytest.fixture(scope="session")
def reader_dsn(reader_url: Callable[[str], str]) -> str:
    """The sample data as the gateway sees it: the role of sql/live_agent/roles.sql."""
    return reader_url(DATABASE)


@pytest.fixture(scope="session")
def world(dsn: str) -> World:
    """All rows of all accounts of the sample data, for tests that know the right answer."""
    return asyncio.run(World.load(dsn))


@pytest.fixture(scope="session")
def views(world: World) -> dict[str, View]:
    """What each caller sees, by token."""
    return {token: world.view(*accounts) for token, accounts in ACCOUNTS.items()}


@pytest.fixture
def scratch(cluster: Cluster) -> Iterator[str]:
    """The name of a database of the test's own, with the sample data; dropped afterwards."""
    with copied(cluster, f"scratch_{next(_numbers)}") as name:
        yield name


@pytest.fixture
def scratch_dsn(cluster: Cluster, scratch: str) -> str:
    """The scratch database as the superuser."""
    return cluster.dsn(database=scratch)


@pytest.fixture
def scratch_reader_dsn(reader_url: Callable[[str], str], scratch: str) -> str:
    """The scratch database as the role of sql/live_agent/roles.sql."""
    return reader_url(scratch)


@pytest.fixture(scope="module")
def database(request: pytest.FixtureRequest, cluster: Cluster, reader_url: Callable[[str], str]) -> Iterator[DatabaseDsns]:
    """A database with the sample data for the tests of one module, which names it in DATABASE; dropped afterwards."""
    with copied(cluster, request.module.DATABASE) as name:
        yield DatabaseDsns(reader_url(name), cluster.dsn(database=name))


@pytest.fixture(scope="session")
def own_cluster() -> Iterator[Callable[..., Cluster]]:
    """Start further servers, for tests that stop or kill theirs; closed at the end of the run. Keywords as Cluster.start."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Cluster.start(**options))


@pytest.fixture(scope="session")
def supabase_cluster() -> Iterator[Cluster]:
    """A running server with the database of tests/data/supabase.sql, whose roles a server has once; on its socket and on TCP."""
    with Cluster.start(tcp=True) as server:
        supabase.load(server)
        yield server


@pytest.fixture(scope="session")
def gateway(reader_dsn: str) -> Iterator[Gateway]:
    """The program over the sample data, with pages small enough that Message pages (ODATA_PAGE_ROWS=1000)."""
    with start_gateway(ODATA_DSN=reader_dsn, ODATA_PAGE_ROWS="1000") as running:
        yield running


@pytest.fixture
def gateways() -> Iterator[Callable[..., Gateway]]:
    """Start the program with settings of the test's own: gateways(ODATA_DSN=..., ODATA_PAGE_ROWS="7"); ended with the test."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(start_gateway(**settings))


def _count() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


_numbers = _count()
