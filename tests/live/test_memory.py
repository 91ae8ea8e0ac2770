"""Memory of the running program while it sends far more than it may hold."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from resource import getpagesize

import pytest
from tests.bench.client import Http, export
from tests.bench.meter import Meter, memory_mb
from tests.bench.servers import ADMIN_OF_ALL, GIANT, Running
from tests.harness.cluster import READER, SQL_FOLDER, Cluster
from tests.harness.gateway import start_gateway

MESSAGES = 200_000
BODY_MB = 80  # of all messages, at least
GIANT_ROW_MB = 100
EXPORTS = 50
PAGE_SIZE = getpagesize()


@pytest.fixture(scope="module")
def running(cluster: Cluster) -> Iterator[Running]:
    """A warm gateway over the benchmark's data, a fifth of them."""
    name = "memory"
    cluster.load(name, ("schema.sql",))
    cluster.psql(
        name, f"\\set messages {MESSAGES}\n\\i {SQL_FOLDER / 'bench.sql'}\n\\i {SQL_FOLDER / 'indexes.sql'}\n\\i {SQL_FOLDER / 'roles.sql'}"
    )
    with start_gateway(ODATA_DSN=cluster.dsn(user=READER, database=name)) as gateway:
        warm = Running("gateway", gateway.process, gateway.port, "/v1.0/odata/", ADMIN_OF_ALL, 0.0, 0.0)
        export(Http(warm), "Message", most_pages=2)
        idle_mb = memory_mb(gateway.process.pid, "VmRSS")
        yield Running("gateway", gateway.process, gateway.port, "/v1.0/odata/", ADMIN_OF_ALL, 0.0, idle_mb)
    cluster.psql("postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_page_of_everything_is_never_held(running, packed):
    with Meter(running.pid, None) as used:
        page = Http(running, gzip=packed).get("Message", headers="Prefer: maxpagesize=100000\r\n")
    assert page.status == 200
    assert packed or page.size > BODY_MB * 1e6 / 2
    assert used.peak_mb <= running.idle_mb + 48


def test_an_export_needs_a_few_chunks(running):
    with Meter(running.pid, None) as used:
        found = export(Http(running), "Message")
    assert len(found.pages) == MESSAGES / 10_000
    assert found.size > BODY_MB * 1e6
    assert used.peak_mb <= running.idle_mb + 48


def test_fifty_exports_at_once_stay_below_256_megabytes(running):
    with Meter(running.pid, None) as used, ThreadPoolExecutor(EXPORTS) as pool:
        exports = list(pool.map(lambda _: export(Http(running), "Message", most_pages=2), range(EXPORTS)))
    assert sum(each.size for each in exports) > BODY_MB * 1e6 * EXPORTS / 10
    assert used.peak_mb <= 256


PAGES = 100
PAGE_BYTES = 400_000  # of a page of 1,000 rows, at least


def test_the_memory_of_a_chunk_serves_the_next_one(running):
    """Memory that is asked for again comes page by page, each with a fault."""
    connection = Http(running)
    sizes = [connection.get("Message?$top=1000").size for _ in range(20)]
    before = minor_faults(running.pid)
    sizes += [connection.get("Message?$top=1000").size for _ in range(PAGES)]
    faults = minor_faults(running.pid) - before
    assert min(sizes) > PAGE_BYTES
    assert faults < PAGES * PAGE_BYTES / PAGE_SIZE / 4


def minor_faults(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[7])


def test_a_row_of_100_megabytes_costs_a_few_copies_of_it(running):
    with Meter(running.pid, None) as used:
        page = Http(running, token=GIANT).get("Message")
    assert page.status == 200
    assert page.size > GIANT_ROW_MB * 1e6
    assert used.peak_mb <= running.idle_mb + 6 * GIANT_ROW_MB
