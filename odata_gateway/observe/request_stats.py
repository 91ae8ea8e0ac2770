"""What one request leaves behind on its way: what was asked, without a value of it, and how long
each stage took.

Whoever works for a request finds its stats in TRAIL, in tasks that were started for it too. What
works for nobody in particular, such as a look at the schema, writes on a stats that nobody reads.
The marks are plain attributes, since a small request is over in 110 us.
"""

from __future__ import annotations

from contextvars import ContextVar
from time import perf_counter
from typing import NamedTuple

MOST_STEPS = 200
"""An export of a hundred chunks has more; its first ones tell enough."""


class StageTiming(NamedTuple):
    """A stage with its begin and end, by time.perf_counter()."""

    stage: str
    started: float
    ended: float


class RequestStats:
    """One request. Times are by time.perf_counter(), 0 where it did not come to that; those that
    end in _s are sums of seconds.

    entity_set    the entity set asked for, or `$metadata`, `$batch`, `service`, `health`; `other`
                  where the path was not understood
    options       the costliest kind of query option (see url.shown)
    template      the URL with the kinds of its literals in the place of their values; empty where
                  it was not understood
    first_row_at  when the first rows had been read, and last_row_at the last ones
    slowest       the text of the statement that took longest, `slowest_s` how long, and `backend`
                  the server process that ran it
    trace         the trace id that came with the request, or was given to it
    steps         the stages one by one, where they are to become spans; None: nobody wants them
    """

    __slots__ = (
        "accounts",
        "backend",
        "bind_s",
        "entity_set",
        "first_row_at",
        "id",
        "last_row_at",
        "options",
        "parse_s",
        "query_s",
        "rows",
        "slowest",
        "slowest_s",
        "started",
        "steps",
        "template",
        "trace",
        "wait_s",
    )

    def __init__(self, request_id: str, started: float) -> None:
        self.id = request_id
        self.started = started
        self.entity_set = "other"
        self.options = "none"
        self.template = ""
        self.accounts = 0
        self.parse_s = 0.0
        self.bind_s = 0.0
        self.wait_s = 0.0
        self.query_s = 0.0
        self.first_row_at = 0.0
        self.last_row_at = 0.0
        self.rows = 0
        self.slowest = ""
        self.slowest_s = 0.0
        self.backend = 0
        self.trace = ""
        self.steps: list[StageTiming] | None = None

    def asked(self, entity_set: str, options: str = "none", template: str = "") -> None:
        """What the request is for; the first to know tells, so a batch stays one whatever its parts
        are."""
        if self.entity_set == "other":
            self.entity_set, self.options, self.template = entity_set, options, template

    def parsed(self, started: float) -> None:
        """The time from `started` until now was for the URL's syntax."""
        ended = perf_counter()
        self.parse_s += ended - started
        if self.steps is not None:
            self._step("parse", started, ended)

    def bound(self, started: float) -> None:
        """The time from `started` until now was for names and SQL."""
        ended = perf_counter()
        self.bind_s += ended - started
        if self.steps is not None:
            self._step("bind", started, ended)

    def waited(self, started: float) -> None:
        """The time from `started` until now was for a database connection."""
        ended = perf_counter()
        self.wait_s += ended - started
        if self.steps is not None:
            self._step("wait", started, ended)

    def ran(self, sql: str, started: float) -> float:
        """A statement has ended, well or not, that began at `started`; the seconds it took."""
        ended = perf_counter()
        took_s = ended - started
        self.query_s += took_s
        if took_s > self.slowest_s:
            self.slowest, self.slowest_s = sql, took_s
        if self.steps is not None:
            self._step("query", started, ended)
        return took_s

    def _step(self, stage: str, started: float, ended: float) -> None:
        if self.steps is not None and len(self.steps) < MOST_STEPS:
            self.steps.append(StageTiming(stage, started, ended))

    def read(self, rows: int) -> None:
        """Rows of the answer are there."""
        self.rows += rows
        self.last_row_at = perf_counter()
        if not self.first_row_at:
            self.first_row_at = self.last_row_at


DISCARDED_STATS = RequestStats("-", 0.0)
current_stats: ContextVar[RequestStats] = ContextVar("TRAIL", default=DISCARDED_STATS)
