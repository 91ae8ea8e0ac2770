"""A server of the test's own for one handler, and the bytes that come out of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def serving(handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> AsyncIterator[int]:
    """The port of an aiohttp server that answers with a handler."""
    runner = web.ServerRunner(web.Server(handler, handler_cancellation=True, lingering_time=0.1), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def received(port: int, text: bytes) -> bytes:
    """Everything that the other side sends for some bytes until it closes the connection.

    raises  ConnectionResetError where it cuts it
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(text)
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()
