"""What is known about one request: what it asked for, without its values, and how long each stage
took.

The statistics of the current request are in the context variable `current_stats`, also in tasks
that were started for it. Background work, such as a comparison of the model with the database,
writes to an instance that nobody reads. The fields are plain attributes, which the class has until
a request sets them, since a small request is over in 60 us.
"""

from __future__ import annotations

from contextvars import ContextVar
from time import perf_counter
from typing import NamedTuple

MOST_TIMINGS = 200
"""An export of a hundred chunks has more; its first ones are enough."""


class StageTiming(NamedTuple):
    """A stage with its begin and end, by time.perf_counter()."""

    stage: str
    started: float
    ended: float


class RequestStats:
    """One request. Times are by time.perf_counter(), and 0 for what did not happen; those that end
    in _s are sums of seconds.

    entity_set    the entity set asked for, or `$metadata`, `$batch`, `service`, `health`; `other`
                  where the path was not understood
    subject       who asks, as logs name it; empty while that is not known
    options       the costliest kind of query option (see url.redact)
    template      the URL with the kinds of its literals in place of their values; empty where it
                  was not understood
    first_row_at  when the first rows had been read, and last_row_at the last ones
    slowest       the text of the statement that took longest, `slowest_s` how long, and `backend`
                  the process id of the server process that ran it
    trace         the trace id that came with the request, or was given to it
    timings       the stages one by one, where they are to become spans; None: they are not kept
    """

    entity_set = "other"
    options = "none"
    template = ""
    subject = ""
    accounts = 0
    parse_s = 0.0
    bind_s = 0.0
    wait_s = 0.0
    query_s = 0.0
    first_row_at = 0.0
    last_row_at = 0.0
    rows = 0
    slowest = ""
    slowest_s = 0.0
    backend = 0
    trace = ""
    timings: list[StageTiming] | None = None

    def __init__(self, request_id: str, started: float) -> None:
        self.id = request_id
        self.started = started

    def keep_timings(self) -> None:
        """Keep each stage, for spans."""
        self.timings = []

    def note_resource(self, entity_set: str, options: str = "none", template: str = "") -> None:
        """Note what the request asks for. The first call counts: a batch stays a batch, whatever
        its requests ask for."""
        if self.entity_set == "other":
            self.entity_set, self.options, self.template = entity_set, options, template

    def add_parse_time(self, started: float) -> None:
        """Count the time from `started` until now for the URL's syntax."""
        ended = perf_counter()
        self.parse_s += ended - started
        if self.timings is not None:
            _keep(self.timings, StageTiming("parse", started, ended))

    def add_bind_time(self, started: float) -> None:
        """Count the time from `started` until now for names and SQL."""
        ended = perf_counter()
        self.bind_s += ended - started
        if self.timings is not None:
            _keep(self.timings, StageTiming("bind", started, ended))

    def add_wait_time(self, started: float) -> None:
        """Count the time from `started` until now for getting a database connection."""
        ended = perf_counter()
        self.wait_s += ended - started
        if self.timings is not None:
            _keep(self.timings, StageTiming("wait", started, ended))

    def add_query_time(self, sql: str, started: float, backend: int = 0) -> float:
        """Count a statement that began at `started` and has ended, well or not. Returns the seconds
        it took.

        backend  the process id of its server process
        """
        ended = perf_counter()
        took_s = ended - started
        self.query_s += took_s
        if took_s > self.slowest_s:
            self.slowest, self.slowest_s, self.backend = sql, took_s, backend
        if self.timings is not None:
            _keep(self.timings, StageTiming("query", started, ended))
        return took_s

    def add_rows(self, rows: int) -> None:
        """Count rows of the answer that have arrived from the database."""
        self.rows += rows
        self.last_row_at = perf_counter()
        if not self.first_row_at:
            self.first_row_at = self.last_row_at


def _keep(timings: list[StageTiming], timing: StageTiming) -> None:
    if len(timings) < MOST_TIMINGS:
        timings.append(timing)


DISCARDED_STATS = RequestStats("-", 0.0)
"""Background work writes here, and nobody reads it."""
current_stats: ContextVar[RequestStats] = ContextVar("current_stats", default=DISCARDED_STATS)
