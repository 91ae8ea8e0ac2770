"""Metrics and spans of one server process, for as long as it serves."""

from __future__ import annotations

import asyncio
import mmap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from odata_gateway.observe.metrics import Gauges, Metrics
from odata_gateway.server.composition import GatewayParts
from odata_gateway.web.app import Gateway
from odata_gateway.web.listener import Listener


@asynccontextmanager
async def monitored(gateway: Gateway, metrics: Metrics) -> AsyncIterator[None]:
    """Let the gateway answer with `metrics` and make spans, where its settings ask for them."""
    if gateway.settings.admin_port:
        gateway.metrics = _scrape_answer(metrics)
    if gateway.settings.tracing:
        from odata_gateway.observe.tracing import Tracer

        gateway.tracer = Tracer.exporting()
    try:
        async with metrics.published():
            yield
    finally:
        if gateway.tracer is not None:
            await asyncio.to_thread(gateway.tracer.close)


def _scrape_answer(metrics: Metrics) -> Callable[[str], tuple[str, bytes]]:
    """A function from an Accept header to the media type and text of all processes' metrics."""
    from odata_gateway.observe.prometheus import metrics_text

    def answer(accept: str) -> tuple[str, bytes]:
        return metrics_text(metrics.pages(), accept)

    return answer


def gauges(parts: GatewayParts, listener: Listener) -> Gauges:
    """What this process has and does now; names as in `observe.metrics`."""
    database, service, gateway, keys = parts.database, parts.service, parts.gateway, parts.keys
    pool, clients = database.counts, listener.clients
    return {
        "odata_requests_running": gateway.active,
        "odata_connections": clients.connections,
        "odata_slow_clients": clients.slow,
        "odata_buffered_bytes": clients.buffered_bytes,
        "odata_pool_size": database.settings.max_connections,
        "odata_pool_open": pool["open"],
        "odata_pool_busy": pool["used"],
        "odata_pool_waiting": pool["waiting"],
        "odata_compile_cache_entries": len(service.compiler.cache),
        "odata_key_set_age_seconds": 0.0 if keys is None else keys.age_s,
        "odata_not_served": 0 if parts.source is None else len(parts.source.not_served),
        "odata_database_up": int(database.is_up),
        "odata_memory_bytes": _memory_bytes(),
    }


def _memory_bytes() -> int:
    """Resident memory as Linux reports it (proc_pid_statm(5)), 0 on other systems."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
    return 0
