"""Clients by the hundred in one event loop, and statements that take their time without costing any."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from odata_gateway.demo import tokens
from tests.harness.cluster import READER, Cluster

_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Outcome:
    """What came of a request: its status, 0 for none; its headers and body as they came; and seconds until its end."""

    status: int
    took_s: float
    head: bytes = b""
    body: bytes = b""


async def ask(port: int, target: str, token: str | None = tokens.ADMIN, *, timeout_s: float = 60.0) -> Outcome:
    """One request for a path, on a connection of its own; a client that loses patience closes it."""
    started = time.perf_counter()
    lines = [
        f"GET {target} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: close",
        *([f"Authorization: Bearer {token}"] if token else []),
        "",
        "",
    ]
    received, writer = b"", None
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write("\r\n".join(lines).encode())
            received = await reader.read()
    if writer is not None:
        writer.close()
    head, _, body = received.partition(b"\r\n\r\n")
    return Outcome(int(head.split()[1]) if head else 0, time.perf_counter() - started, head, body)


def data(target: str) -> str:
    return "/v1.0/odata/" + target


def other_data(target: str) -> str:
    """The same with an option that nobody reads, another one each time: of requests that are alike and wait together only one is read."""
    return f"{data(target)}{'&' if '?' in target else '?'}number={next(_NUMBERS)}"


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def make_slow(cluster: Cluster, database: str, seconds: float, table: str = "labels") -> None:
    """Let every statement that reads a table sleep first: a view over it takes its name."""
    cluster.psql(
        database,
        f"""
        ALTER TABLE public.{table} RENAME TO {table}_kept;
        CREATE VIEW public.{table} AS SELECT * FROM public.{table}_kept WHERE (SELECT pg_sleep({seconds})) IS NOT NULL;
        GRANT SELECT ON public.{table} TO {READER};
        """,
    )


async def until(condition: Callable[[], object], limit_s: float) -> float:
    """Wait for a condition without holding up the event loop, and how long it took; AssertionError after limit_s."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < limit_s, f"not so within {limit_s:g} s"
        await asyncio.sleep(0.02)
    return time.monotonic() - started


WORKING = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{READER}' AND state <> 'idle'"
"""Connections of the gateway on which something runs, or a transaction is open."""
