"""What the tests of trust share: a server that may be killed, and a network that fails. See tests/support/{faults,proxy,raw}.py, and
figures.py for amounts and measurements.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from odata_gateway.demo.cluster import Cluster
from tests.live.conftest import CALLERS
from tests.live.oracle import View, World
from tests.support.proxy import Proxy


@pytest.fixture(scope="module")
def postgres() -> Iterator[Cluster]:
    """A server with the sample data that the tests of a module may stop, kill and start again; on its socket and on TCP."""
    with Cluster.start(tcp=True) as server:
        server.load()
        yield server


@pytest.fixture
def proxies() -> Iterator[Callable[[int], Proxy]]:
    """Proxies in front of a port of this machine: proxies(gateway.port) or proxies(postgres.port); ended with the test."""
    with ExitStack() as stack:
        yield lambda target: stack.enter_context(Proxy(target))


@pytest.fixture(scope="session")
def world(dsn: str) -> World:
    """All rows of all accounts of the sample data."""
    return asyncio.run(World.load(dsn))


@pytest.fixture(scope="session")
def views(world: World) -> dict[str, View]:
    """What each caller sees, by token."""
    return {token: world.view(*accounts) for token, accounts in CALLERS.items()}
