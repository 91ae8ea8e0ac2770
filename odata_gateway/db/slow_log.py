"""Statements that take long, reported in the log while they run.

A line has the process id of the server process, so that pg_stat_activity can be asked about it, the
id of the request, and the SQL text, in which every value is a parameter. A timer for each statement
would cost every request for the few that are slow; here all that run are looked at now and then.
One that ends between two looks is reported when it ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from time import perf_counter

from odata_gateway.db.pooled_connection import IDLE, PooledConnection
from odata_gateway.observe.counters import COUNTERS
from odata_gateway.observe.statement_id import statement_id

_LOG = logging.getLogger("odata_gateway.db")
_LEAST_LOOK_S, _MOST_LOOK_S = 0.05, 1.0


class SlowLog:
    """Reports statements that run longer than slow_s; none where that is 0."""

    def __init__(self, slow_s: float) -> None:
        self._slow_s = slow_s or float("inf")
        self._task: asyncio.Task[None] | None = None

    def begin(self, running: Iterable[PooledConnection]) -> None:
        """Look at the connections that run statements, until `end`."""
        if self._slow_s != float("inf"):
            self._task = asyncio.get_running_loop().create_task(self._watch(running))

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def ended(self, pooled: PooledConnection, took_s: float) -> None:
        """Note the end of the statement that ran on a connection."""
        if took_s > self._slow_s:
            self._report(pooled, took_s, "ended")
        pooled.running = IDLE

    async def _watch(self, running: Iterable[PooledConnection]) -> None:
        while True:
            await asyncio.sleep(min(_MOST_LOOK_S, max(_LEAST_LOOK_S, self._slow_s / 4)))
            now = perf_counter()
            for pooled in running:
                took_s = now - pooled.running.started
                if took_s > self._slow_s:
                    self._report(pooled, took_s, "runs")

    def _report(self, pooled: PooledConnection, took_s: float, state: str) -> None:
        """Log the statement, once."""
        sql, stats, _, reported = pooled.running
        if reported:
            return
        pooled.running = pooled.running._replace(reported=True)
        COUNTERS.slow += 1
        fields = {
            "id": stats.id,
            "statement": statement_id(sql),
            "backend": pooled.backend,
            "state": state,
            "ms": round(took_s * 1000),
            "url": stats.template,
            "sql": sql.replace("\n", " "),
        }
        _LOG.warning("slow statement", extra={"fields": fields})
