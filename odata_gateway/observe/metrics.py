"""The table of metrics, and the pages of counts and gauges that they are made of.

docs/operate.md has the rows of the table.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Literal, NamedTuple

from odata_gateway.observe.counters import COUNTERS
from odata_gateway.observe.shared_counters import CounterPage, SharedCounters

Gauges = dict[str, float]
_PUBLISH_S = 1.0
"""How often a process writes its page for the others, so that its counts outlive it."""


class MetricFamily(NamedTuple):
    """One metric: its name as Prometheus shows it, its kind, the names of its labels, and what it
    means."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    doc: str


FAMILIES = (
    MetricFamily(
        "odata_requests_total",
        "counter",
        ("entity_set", "options", "status"),
        "requests answered, by their costliest query option",
    ),
    MetricFamily(
        "odata_stage_seconds",
        "histogram",
        ("stage",),
        "requests for data: how long each stage took, or took from the beginning of the request",
    ),
    MetricFamily("odata_rows_total", "counter", (), "rows sent"),
    MetricFamily("odata_sent_bytes_total", "counter", (), "bytes sent, as they went over the wire"),
    MetricFamily(
        "odata_broken_answers_total",
        "counter",
        ("outcome",),
        "responses that did not reach their client whole",
    ),
    MetricFamily("odata_batch_parts_total", "counter", ("status",), "requests of batches answered"),
    MetricFamily("odata_requests_running", "gauge", (), "requests that are being answered"),
    MetricFamily("odata_connections", "gauge", (), "open connections of clients"),
    MetricFamily(
        "odata_slow_clients",
        "gauge",
        (),
        "responses that wait until their client reads on; they hold no database connection",
    ),
    MetricFamily(
        "odata_buffered_bytes", "gauge", (), "bytes of responses that clients have not read yet"
    ),
    MetricFamily(
        "odata_pool_size", "gauge", (), "most database connections of all server processes"
    ),
    MetricFamily("odata_pool_open", "gauge", (), "open database connections"),
    MetricFamily("odata_pool_busy", "gauge", (), "database connections in use"),
    MetricFamily(
        "odata_pool_waiting",
        "gauge",
        (),
        "requests that wait for a database connection; those that are read together count as one",
    ),
    MetricFamily(
        "odata_queries_cancelled_total",
        "counter",
        (),
        "statements that were cancelled because nobody waited for them any longer",
    ),
    MetricFamily(
        "odata_lookups_together_total",
        "counter",
        (),
        "requests for single rows that were read in one statement with others",
    ),
    MetricFamily(
        "odata_reads_shared_total",
        "counter",
        (),
        "requests that waited with others of the same URL and caller, and were read once for all",
    ),
    MetricFamily(
        "odata_worker_faults_total",
        "counter",
        (),
        "errors of servers of a Citus cluster that could not be reached",
    ),
    MetricFamily(
        "odata_slow_queries_total",
        "counter",
        (),
        "statements that took longer than `ODATA_SLOW_QUERY_MS`",
    ),
    MetricFamily(
        "odata_compile_cache_hits_total",
        "counter",
        (),
        "lookups in the cache of compiled requests that found something",
    ),
    MetricFamily(
        "odata_compile_cache_misses_total",
        "counter",
        (),
        "lookups that found nothing, so that something was compiled",
    ),
    MetricFamily(
        "odata_compile_cache_evictions_total",
        "counter",
        (),
        "compiled requests that were removed to make room for others",
    ),
    MetricFamily("odata_compile_cache_entries", "gauge", (), "compiled requests in the cache"),
    MetricFamily(
        "odata_schema_reloads_total",
        "counter",
        (),
        "how often the model was exchanged because the tables or its file had changed",
    ),
    MetricFamily(
        "odata_key_set_reads_total",
        "counter",
        (),
        "how often the keys that sign access tokens were read from their file or URL",
    ),
    MetricFamily(
        "odata_key_set_faults_total",
        "counter",
        (),
        "how often they could not be read; the last good ones stay in use",
    ),
    MetricFamily(
        "odata_key_set_age_seconds",
        "gauge",
        (),
        "how old the keys in use are, or how long there have been none; 0 without such keys",
    ),
    MetricFamily(
        "odata_database_up",
        "gauge",
        (),
        "1 while every server process reaches the database, else 0",
    ),
    MetricFamily(
        "odata_not_served",
        "gauge",
        (),
        "tables and columns that `ODATA_MODEL=auto` leaves out; `odata-gateway check` says why",
    ),
    MetricFamily("odata_workers", "gauge", (), "server processes"),
    MetricFamily("odata_memory_bytes", "gauge", (), "memory of all server processes"),
    MetricFamily(
        "odata_cpu_seconds_total", "counter", (), "processor time of the server processes"
    ),
    MetricFamily(
        "odata_build_info", "gauge", ("version", "python"), "1, with the versions as labels"
    ),
)


class Metrics:
    """The metrics of a gateway of one server process.

    gauges  called for what the process has and does now; names as in FAMILIES
    """

    def __init__(self, gauges: Callable[[], Gauges]) -> None:
        self._gauges = gauges

    def pages(self) -> Iterable[CounterPage]:
        """The counts and gauges of each server process, up to now."""
        return (self._page(),)

    @asynccontextmanager
    async def published(self) -> AsyncIterator[None]:
        """Keep other processes informed, of which there are none."""
        yield

    def _page(self) -> CounterPage:
        cpu_s = COUNTERS.cpu_s + time.process_time()
        return {"counts": COUNTERS.snapshot() | {"cpu_s": cpu_s}, "gauges": self._gauges()}


class SharedMetrics(Metrics):
    """The metrics of a gateway of several processes, of which this one has `place` in `shared`."""

    def __init__(self, shared: SharedCounters, place: int, gauges: Callable[[], Gauges]) -> None:
        super().__init__(gauges)
        self._shared = shared
        self._place = place

    def pages(self) -> Iterable[CounterPage]:
        self._shared.write(self._place, self._page())
        return self._shared.pages()

    @asynccontextmanager
    async def published(self) -> AsyncIterator[None]:
        """Go on with the counts of the process that had this place before, and write the page from
        time to time."""
        before = self._shared.read(self._place)
        if before is not None:
            COUNTERS.add(before["counts"])
        publishing = asyncio.create_task(self._publish())
        try:
            yield
        finally:
            publishing.cancel()
            self._shared.write(self._place, self._page() | {"gauges": {}})

    async def _publish(self) -> None:
        while True:
            self._shared.write(self._place, self._page())
            await asyncio.sleep(_PUBLISH_S)
