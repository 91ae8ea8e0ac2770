"""A small TCP proxy that misbehaves on demand: between the gateway and Postgres, or between a client and the gateway.

It runs in a thread with an event loop of its own, so that tests stay plain functions. What it can do to bytes and connections:

    stall(), flow()            hold every byte in both directions, until told otherwise; nothing is read either, so buffers fill up
    cut(), reset()             end all connections now: with FIN, as a clean end looks, or with RST
    limit(n, how)              let n bytes of each later connection's answers through, then "fin", "reset" or "stall"
    refuse(), accept()         reset every new connection at once, until told otherwise
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Self, TypeVar

T = TypeVar("T")
How = Literal["fin", "reset", "stall"]
_PIECE = 65536


@dataclass(eq=False)
class _Pair:
    """One client and its connection to the target; `left` bytes of answers may still pass (None: all)."""

    client: asyncio.StreamWriter
    target: asyncio.StreamWriter
    left: int | None
    how: How
    flows: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, how: How) -> None:
        for writer in (self.client, self.target):
            if how == "reset":
                _linger_zero(writer)
                writer.transport.abort()
            else:
                writer.close()


class Proxy:
    """Listens on `port` of 127.0.0.1 while in its `with` block. `target` is a port of 127.0.0.1."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.connections_made = 0
        self._pairs: set[_Pair] = set()
        self._stalled = self._refusing = False
        self._limit: tuple[int | None, How] = (None, "fin")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._pairs)

    def stall(self) -> None:
        self._call(lambda: self._set_stalled(True))

    def flow(self) -> None:
        self._call(lambda: self._set_stalled(False))

    def cut(self) -> None:
        self._call(lambda: self._end_all("fin"))

    def reset(self) -> None:
        self._call(lambda: self._end_all("reset"))

    def limit(self, count: int | None, how: How = "fin") -> None:
        """For connections made from now on; None lifts it."""
        self._limit = (count, how)

    def refuse(self) -> None:
        self._refusing = True

    def accept(self) -> None:
        self._refusing = False

    # --- in the thread ----------------------------------------------------------------------------------------------------------

    def _call(self, what: Callable[[], T]) -> T:
        async def run() -> T:
            return what()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_PIECE)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        self._end_all("reset")
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _set_stalled(self, stalled: bool) -> None:
        self._stalled = stalled
        for pair in self._pairs:
            if stalled:
                pair.flows.clear()
            else:
                pair.flows.set()

    def _end_all(self, how: How) -> None:
        for pair in tuple(self._pairs):
            pair.end(how)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.connections_made += 1
        try:
            if self._refusing:
                raise ConnectionRefusedError
            answers, target = await asyncio.open_connection("127.0.0.1", self.target, limit=_PIECE)
        except OSError:
            _linger_zero(client)
            client.transport.abort()
            return
        pair = _Pair(client, target, *self._limit)
        if not self._stalled:
            pair.flows.set()
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._pump(reader, target, pair, None), self._pump(answers, client, pair, pair.left))
        finally:
            self._pairs.discard(pair)
            pair.end("fin")

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: _Pair, left: int | None) -> None:
        """Carry bytes until one side ends; an end is passed on as it came, FIN as FIN and anything else as RST."""
        try:
            while True:
                await pair.flows.wait()
                piece = await reader.read(_PIECE)
                await pair.flows.wait()
                if not piece:
                    if writer.can_write_eof():
                        writer.write_eof()
                    return
                writer.write(piece if left is None else piece[:left])
                await writer.drain()
                if left is not None:
                    left -= len(piece)
                    if left <= 0:
                        await self._reached(pair)
                        return
        except OSError:
            pair.end("reset")

    async def _reached(self, pair: _Pair) -> None:
        if pair.how == "stall":
            pair.flows.clear()
            await pair.flows.wait()
        else:
            pair.end(pair.how)


def _linger_zero(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
