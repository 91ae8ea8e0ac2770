"""Statements that take long, told in the log while they run: with the number of the server process,
so that pg_stat_activity can be asked about them, the id of the request, and the SQL text, in which
every value is a parameter.

A timer for each statement would cost every request for the few that are slow; here all that run are
looked at now and then. One that ends between two looks is told when it ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from odata_gateway.observe.counters import COUNTERS
from odata_gateway.observe.request_stats import DISCARDED_STATS, RequestStats
from odata_gateway.observe.statement_id import statement_id

if TYPE_CHECKING:
    from odata_gateway.db.pool import PooledConnection

_LOG = logging.getLogger("odata_gateway.db")
_LEAST_LOOK_S, _MOST_LOOK_S = 0.05, 1.0


class RunningStatement(NamedTuple):
    """A statement on a connection: its text, whom it is for, when it began, and whether it was told
    to take long."""

    sql: str
    stats: RequestStats
    started: float
    told: bool = False


IDLE = RunningStatement("", DISCARDED_STATS, float("inf"))
"""On a connection without a statement; a transaction may begin or end there."""


class SlowLog:
    """Tells of statements that run longer than slow_s; of none where that is 0."""

    def __init__(self, slow_s: float) -> None:
        self._slow_s = slow_s or float("inf")
        self._task: asyncio.Task[None] | None = None

    def begin(self, running: Callable[[], Iterable[PooledConnection]]) -> None:
        """Look at what runs, until `end`."""
        if self._slow_s != float("inf"):
            self._task = asyncio.get_running_loop().create_task(self._watch(running))

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def ended(self, held: PooledConnection, took_s: float) -> None:
        """Note the end of what ran on a connection."""
        if took_s > self._slow_s:
            self._tell(held, took_s, "ended")
        held.running = IDLE

    async def _watch(self, running: Callable[[], Iterable[PooledConnection]]) -> None:
        while True:
            await asyncio.sleep(min(_MOST_LOOK_S, max(_LEAST_LOOK_S, self._slow_s / 4)))
            now = perf_counter()
            for held in running():
                took_s = now - held.running.started
                if took_s > self._slow_s:
                    self._tell(held, took_s, "runs")

    def _tell(self, held: PooledConnection, took_s: float, state: str) -> None:
        """One line a statement."""
        sql, stats, started, told = held.running
        if told:
            return
        held.running = RunningStatement(sql, stats, started, told=True)
        COUNTERS.slow += 1
        fields = {
            "id": stats.id,
            "statement": statement_id(sql),
            "backend": held.backend,
            "state": state,
            "ms": round(took_s * 1000),
            "url": stats.template,
            "sql": sql.replace("\n", " "),
        }
        _LOG.warning("slow statement", extra={"fields": fields})
