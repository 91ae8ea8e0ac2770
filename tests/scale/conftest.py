"""A real Citus of three nodes, whose programs ODATA_TEST_CITUS names: the prefix of a Postgres with the extension. Without it, nothing here is
collected. Each file says what it proves; tests/README.md has the versions that were run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.harness.citus import PREFIX, CitusCluster, citus_cluster
from tests.harness.gateway import Gateway, start_gateway

collect_ignore_glob = [] if PREFIX else ["test_*.py"]
PAGES = {"ODATA_PAGE_ROWS": "60", "ODATA_MODEL_CHECK_S": "0"}


@pytest.fixture(scope="session")
def citus() -> Iterator[CitusCluster]:
    with citus_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def over_citus(citus: CitusCluster) -> Iterator[Gateway]:
    """A gateway that finds out by itself that the tables are distributed."""
    with start_gateway(ODATA_DSN=citus.dsn(), **PAGES) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def over_plain(reader_dsn: str) -> Iterator[Gateway]:
    """A gateway over the same rows in one Postgres."""
    with start_gateway(ODATA_DSN=reader_dsn, **PAGES) as gateway:
        yield gateway
