"""Which metrics there are, and where a process leaves its own. docs/operate.md shows the table."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from odata_gateway.observe.counters import COUNTERS, Snapshot
from odata_gateway.observe.shared_counters import SharedCounters

Gauges = dict[str, float]


class MetricFamily(NamedTuple):
    """One metric: its name as Prometheus shows it, its kind, the names of its labels, and what it
    says."""

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
        "answers with data: how long each stage took, or took from the request's begin",
    ),
    MetricFamily("odata_rows_total", "counter", (), "rows sent"),
    MetricFamily("odata_sent_bytes_total", "counter", (), "bytes sent, as they went over the wire"),
    MetricFamily(
        "odata_broken_answers_total",
        "counter",
        ("outcome",),
        "answers that did not reach their client whole",
    ),
    MetricFamily("odata_batch_parts_total", "counter", ("status",), "parts of batches answered"),
    MetricFamily("odata_requests_running", "gauge", (), "requests under way"),
    MetricFamily("odata_connections", "gauge", (), "open connections of clients"),
    MetricFamily(
        "odata_slow_clients",
        "gauge",
        (),
        "answers that wait until their client reads on; they hold no database connection",
    ),
    MetricFamily(
        "odata_buffered_bytes", "gauge", (), "bytes of answers that clients have not taken yet"
    ),
    MetricFamily(
        "odata_pool_size", "gauge", (), "most database connections, of all server processes"
    ),
    MetricFamily("odata_pool_open", "gauge", (), "open database connections"),
    MetricFamily("odata_pool_busy", "gauge", (), "database connections in use"),
    MetricFamily("odata_pool_waiting", "gauge", (), "requests that wait for a database connection"),
    MetricFamily(
        "odata_queries_cancelled_total",
        "counter",
        (),
        "statements that were cancelled because nobody waits for them any more",
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
        "looks into the cache of compiled requests that found something",
    ),
    MetricFamily(
        "odata_compile_cache_misses_total",
        "counter",
        (),
        "looks that found nothing, so that something was compiled",
    ),
    MetricFamily(
        "odata_compile_cache_evictions_total",
        "counter",
        (),
        "compiled requests that were dropped for others",
    ),
    MetricFamily("odata_compile_cache_entries", "gauge", (), "compiled requests that are kept"),
    MetricFamily(
        "odata_schema_reloads_total",
        "counter",
        (),
        "times the model was exchanged, since the tables or its file had changed",
    ),
    MetricFamily(
        "odata_database_up",
        "gauge",
        (),
        "1 while every server process reaches the database, else 0",
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


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of a gateway whose processes share a board; `gauges` tells those of this one,
    which has `place` on it."""

    board: SharedCounters
    place: int
    gauges: Callable[[], Gauges]

    def publish(self) -> None:
        """Leave this process's counts and gauges for the others."""
        self.board.write(self.place, {"counts": _counts(), "gauges": self.gauges()})

    def leave(self) -> None:
        """Leave the last counts, when this process ends."""
        self.board.write(self.place, {"counts": _counts(), "gauges": {}})

    def resume(self) -> None:
        """Go on counting where the process before in this place has ended."""
        page = self.board.read(self.place)
        if page is not None:
            COUNTERS.add(page["counts"])


def _counts() -> Snapshot:
    return COUNTERS.snapshot() | {"cpu_s": COUNTERS.cpu_s + time.process_time()}
