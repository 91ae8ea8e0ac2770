"""Which metrics there are, and where a process leaves its own. README has the rows of the table."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from odata_gateway.observe.board import Board
from odata_gateway.observe.meters import METERS, Snapshot

Gauges = dict[str, float]


class Family(NamedTuple):
    """One metric: its name as Prometheus shows it, its kind, the names of its labels, and what it says."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    doc: str


FAMILIES = (
    Family("odata_requests_total", "counter", ("entity_set", "options", "status"), "requests answered, by their costliest query option"),
    Family("odata_stage_seconds", "histogram", ("stage",), "answers with data: how long each stage took, or took from the request's begin"),
    Family("odata_rows_total", "counter", (), "rows sent"),
    Family("odata_sent_bytes_total", "counter", (), "bytes sent, as they went over the wire"),
    Family("odata_broken_answers_total", "counter", ("outcome",), "answers that did not reach their client whole"),
    Family("odata_batch_parts_total", "counter", ("status",), "parts of batches answered"),
    Family("odata_requests_running", "gauge", (), "requests under way"),
    Family("odata_connections", "gauge", (), "open connections of clients"),
    Family("odata_slow_clients", "gauge", (), "answers that wait until their client reads on; they hold no database connection"),
    Family("odata_buffered_bytes", "gauge", (), "bytes of answers that clients have not taken yet"),
    Family("odata_pool_size", "gauge", (), "most database connections, of all server processes"),
    Family("odata_pool_open", "gauge", (), "open database connections"),
    Family("odata_pool_busy", "gauge", (), "database connections in use"),
    Family("odata_pool_waiting", "gauge", (), "requests that wait for a database connection"),
    Family("odata_queries_cancelled_total", "counter", (), "statements that were cancelled because nobody waits for them any more"),
    Family("odata_slow_queries_total", "counter", (), "statements that took longer than `ODATA_SLOW_QUERY_MS`"),
    Family("odata_compile_cache_hits_total", "counter", (), "looks into the cache of compiled requests that found something"),
    Family("odata_compile_cache_misses_total", "counter", (), "looks that found nothing, so that something was compiled"),
    Family("odata_compile_cache_evictions_total", "counter", (), "compiled requests that were dropped for others"),
    Family("odata_compile_cache_entries", "gauge", (), "compiled requests that are kept"),
    Family("odata_schema_reloads_total", "counter", (), "times the model was exchanged, since the tables or its file had changed"),
    Family("odata_database_up", "gauge", (), "1 while every server process reaches the database, else 0"),
    Family("odata_workers", "gauge", (), "server processes"),
    Family("odata_memory_bytes", "gauge", (), "memory of all server processes"),
    Family("odata_cpu_seconds_total", "counter", (), "processor time of the server processes"),
    Family("odata_build_info", "gauge", ("version", "python"), "1, with the versions as labels"),
)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of a gateway whose processes share a board; `gauges` tells those of this one, which has `place` on it."""

    board: Board
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
            METERS.add(page["counts"])


def _counts() -> Snapshot:
    return METERS.snapshot() | {"cpu_s": METERS.cpu_s + time.process_time()}
