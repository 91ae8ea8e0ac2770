"""One server process, from its start to its end.

A database that is down does not prevent the start: the gateway listens, is not ready, answers 503,
and tries again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, NamedTuple

from odata_gateway.config.settings import Settings
from odata_gateway.db.schema.changes.notices import SchemaNotices
from odata_gateway.edm.model import Model
from odata_gateway.observe.metrics import Gauges, Metrics, SharedMetrics
from odata_gateway.observe.shared_counters import SharedCounters
from odata_gateway.server.composition import GatewayParts, compose
from odata_gateway.server.drain import drain, ending_signals
from odata_gateway.server.monitoring import gauges, monitored
from odata_gateway.server.reload import Reload, ReloadedParts
from odata_gateway.server.runtime import allow_many_files, keep_freed_memory, tune_gc
from odata_gateway.web.listener import listen

LOG = logging.getLogger("odata_gateway")

FIRST_LOOK_S = 5.0
"""How long a process waits for the comparison of its model with the database, and for the keys that
sign tokens, before it listens."""


class WorkerPlace(NamedTuple):
    """One of several processes on the same port: the memory that all share for their counts, and
    this one's place in it."""

    counters: SharedCounters
    place: int


async def serve(
    settings: Settings,
    model: Model,
    *,
    worker: WorkerPlace | None = None,
    started: Callable[[int], None] | None = None,
    reloads: bool = True,
) -> int:
    """Serve until SIGTERM or SIGINT, then drain. Returns the exit status: 1 where a second signal
    ended that early.

    worker   this process is one of several, below a supervisor
    started  called with the port once clients can connect
    reloads  read files again on SIGHUP; without it SIGHUP ends the process, as when a terminal is
             closed
    raises   OSError when a port is taken
    """
    ending = ending_signals(is_alone=worker is None)
    allow_many_files()
    keep_freed_memory()
    parts = await compose(settings, model)
    gateway = parts.gateway
    tasks = list(_background(parts))
    if reloads:
        files = ReloadedParts(parts.database, parts.callers, parts.source, parts.ask)
        tasks.append(Reload(settings, model, parts.watcher, files).run())
    try:
        async with running(tasks):
            await first_look(parts)
            tune_gc()
            main, admin = await listen(gateway, shared=worker is not None or settings.shared_port)
            async with monitored(gateway, _metrics(worker, partial(gauges, parts, main))):
                LOG.info("listening on %s port %d", settings.host, main.port)
                if started is not None:
                    started(main.port)
                await ending.asked.wait()
                await drain(gateway, main, admin, ending)
    finally:
        await parts.database.close()
    return int(ending.at_once.is_set())


def _background(parts: GatewayParts) -> Iterator[Coroutine[Any, Any, None]]:
    """What runs as long as the process serves."""
    yield parts.watcher.run()
    yield parts.service.recompilation.run()
    if parts.keys is not None:
        yield parts.keys.run()
    if parts.source is not None:
        yield SchemaNotices(parts.database, parts.ask).run()


def _metrics(worker: WorkerPlace | None, now: Callable[[], Gauges]) -> Metrics:
    return Metrics(now) if worker is None else SharedMetrics(*worker, now)


async def first_look(parts: GatewayParts) -> None:
    """Wait for the first comparison with the database and the first reading of the keys, for a
    limited time: both go on."""
    with suppress(TimeoutError):
        async with asyncio.timeout(FIRST_LOOK_S):
            await parts.watcher.looked.wait()
            if parts.keys is not None:
                await parts.keys.looked.wait()


@asynccontextmanager
async def running(coroutines: list[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run coroutines in the background and cancel them at the end."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
