"""What the tests of trust share: a server that may be killed, the program in front of it, a network that fails, and the long mode.

`ODATA_NIGHTLY=1` runs the long versions; without it each test is short enough for the suite.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from odata_gateway.demo.cluster import Cluster
from tests.support.proxy import Proxy

IS_NIGHTLY = os.environ.get("ODATA_NIGHTLY", "") not in ("", "0")


@pytest.fixture(scope="session")
def rounds() -> Callable[[int, int], int]:
    """How often, or how long: rounds(20, 200) is 20 in the suite and 200 at night."""
    return lambda suite, nightly: nightly if IS_NIGHTLY else suite


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
