"""The server as a process: its parts put together, started, kept in step with the database, and
ended.

A database that is down does not keep the gateway from starting: it listens, is not ready, answers
503, and looks again.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import mmap
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from odata_gateway.config.settings import Settings
from odata_gateway.db.connector import DatabaseSettings
from odata_gateway.db.database import Database
from odata_gateway.db.schema.watcher import SchemaWatcher
from odata_gateway.edm.csdl import load_model
from odata_gateway.edm.derive import with_secrets_exposed
from odata_gateway.edm.model import Model
from odata_gateway.handlers.service import Service
from odata_gateway.identity.live_agent import TokenDirectory
from odata_gateway.observe.metrics import Gauges, Metrics
from odata_gateway.observe.shared_counters import SharedCounters
from odata_gateway.server.reload import Reload
from odata_gateway.web.app import Gateway
from odata_gateway.web.listener import Ending, Listener, drain, start

LOG = logging.getLogger("odata_gateway")

FIRST_LOOK_S = 5.0
PUBLISH_S = 1.0


def database_settings(settings: Settings) -> DatabaseSettings:
    """What the database layer needs to know of the settings."""
    return DatabaseSettings(
        dsn=settings.dsn,
        pooler=settings.pooler,
        max_connections=settings.pool_max,
        wait_s=settings.pool_wait_s,
        statement_timeout_s=settings.statement_timeout_s,
        row_security=settings.rls,
        slow_s=settings.slow_query_ms / 1000,
    )


def model_of(settings: Settings) -> Model:
    """The model the settings name; its secret properties are secret no more where they are to be
    exposed.

    raises  ModelError for a file that is no model
    """
    model = load_model(settings.model)
    return with_secrets_exposed(model) if settings.expose_secrets else model


def run_loop(main: Coroutine[Any, Any, int]) -> int:
    """Run a coroutine to its end, on uvloop where that is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


class Worker(NamedTuple):
    """What one of several processes on the same port is told: where all leave their counts, and its
    place there."""

    board: SharedCounters
    place: int


async def serve(
    settings: Settings,
    model: Model,
    *,
    worker: Worker | None = None,
    started: Callable[[int], None] | None = None,
    reloads: bool = True,
) -> int:
    """Serve until SIGTERM or SIGINT, then drain; the exit status, 1 where a second signal cut that
    short.

    worker   one of several processes on the same port, ended by the one above it: SIGINT is for
             that one
    started  called with the port once clients can connect
    reloads  SIGHUP has files read again; without it, it ends the process, as when a terminal is
             closed
    raises   OSError when a port cannot be had
    """
    ending = _asked_by_signals(is_alone=worker is None)
    _allow_many_files()
    database = await Database.open(database_settings(settings))
    tokens = TokenDirectory(database, settings.admin_roles, ttl_s=settings.token_ttl_s)
    gateway = Gateway(settings, Service(model, database, tokens, settings), database.ping)

    def use(inspected: Model) -> None:
        gateway.service = Service(inspected, database, tokens, settings)

    watch = SchemaWatcher(database, model, use, every_s=settings.model_check_s)
    gateway.look_again = watch.look_again
    tasks = [asyncio.create_task(watch.run())]
    if reloads:
        tasks.append(asyncio.create_task(Reload(settings, model, watch, database, model_of).run()))
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(watch.looked.wait(), FIRST_LOOK_S)
        _spare_the_collector()
        doors = await start(gateway, shared=worker is not None or settings.shared_port)
        async with _observed(
            gateway,
            Metrics(
                *(worker or Worker(SharedCounters(1), 0)),
                partial(gauges, gateway, database, doors[0]),
            ),
        ):
            LOG.info("listening on %s port %d", settings.host, doors[0].port)
            if started is not None:
                started(doors[0].port)
            await ending.asked.wait()
            await drain(gateway, doors, ending)
    finally:
        await _cancel(tasks)
        await database.close()
    return int(ending.at_once.is_set())


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _asked_by_signals(*, is_alone: bool) -> Ending:
    """What ends this process: SIGTERM and, where it is alone, SIGINT; else that is for the process
    above, which sends SIGTERM."""
    ending = Ending()
    for number in (signal.SIGTERM, signal.SIGINT) if is_alone else (signal.SIGTERM,):
        asyncio.get_running_loop().add_signal_handler(number, ending.ask, number)
    if not is_alone:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return ending


@asynccontextmanager
async def _observed(gateway: Gateway, metrics: Metrics) -> AsyncIterator[None]:
    """Metrics and spans for as long as the gateway serves."""
    metrics.resume()
    if gateway.settings.admin_port:
        gateway.metrics = _reader_of(metrics)
    if gateway.settings.tracing:
        from odata_gateway.observe.tracing import Tracer

        gateway.tracer = Tracer.exporting()
    publishing = asyncio.create_task(_publish(metrics))
    try:
        yield
    finally:
        publishing.cancel()
        metrics.leave()
        if gateway.tracer is not None:
            await asyncio.to_thread(gateway.tracer.close)


def _reader_of(metrics: Metrics) -> Callable[[str], tuple[str, bytes]]:
    """What answers a scrape: the text of all processes' metrics for an Accept header."""
    from odata_gateway.observe.prometheus import metrics_text

    def read(accept: str) -> tuple[str, bytes]:
        metrics.publish()
        return metrics_text(metrics.board.pages(), accept)

    return read


async def _publish(metrics: Metrics) -> None:
    """Leave this process's counts for the others from time to time, so that they outlive it."""
    while True:
        metrics.publish()
        await asyncio.sleep(PUBLISH_S)


def gauges(gateway: Gateway, database: Database, door: Listener) -> Gauges:
    """What this process has and does now; names as in `observe.metrics`."""
    pool, clients = database.counts, door.clients
    return {
        "odata_requests_running": gateway.active,
        "odata_connections": clients.connections,
        "odata_slow_clients": clients.slow,
        "odata_buffered_bytes": clients.buffered_bytes,
        "odata_pool_size": database.settings.max_connections,
        "odata_pool_open": pool["open"],
        "odata_pool_busy": pool["used"],
        "odata_pool_waiting": pool["waiting"],
        "odata_compile_cache_entries": len(gateway.service.compiler.cache),
        "odata_database_up": int(database.is_up),
        "odata_memory_bytes": _memory_bytes(),
    }


def _memory_bytes() -> int:
    """Resident memory, where the system tells it as Linux does (proc_pid_statm(5))."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
    return 0


def _allow_many_files() -> None:
    """As many connections as the system allows this process at most, where it has such limits."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _spare_the_collector() -> None:
    """What is there now stays (grammar, model, modules), and requests leave next to no cycles: the
    collector need not look so often.

    What does leave cycles is a cancelled statement: asyncpg makes a class of its own for each, some
    fifteen objects. So memory swings by what 5,000 objects take, about a megabyte, from one look at
    the young to the next.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 50)
