"""Reads the chunks of a page ahead of the client: the next one while one is sent.

If connections are free, several chunks are read at once, once the client has taken the first. Each
must start where the one before will end. So Postgres is asked for the boundary of that one before:
the order values of its last row, found in the index. Rows may come or go in between: a chunk counts
only if the one before did end at its boundary. Otherwise it is read again behind the row where that
one really ended. So no row is lost and none is doubled: what lies up to a boundary is in one chunk,
and the rest is behind it.

A client that stops reading costs the memory of one chunk more than are read at once. Behind a giant
row nothing is read before it has been sent.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from odata_gateway.db.database import Database
from odata_gateway.db.session import Session
from odata_gateway.handlers.chunk import Chunk, ChunkSizer
from odata_gateway.handlers.chunk_reader import ChunkReader
from odata_gateway.handlers.execution import caller_session
from odata_gateway.handlers.page_statements import OrderValues
from odata_gateway.identity.caller import Caller

PendingOrderValues = asyncio.Future[OrderValues | None]
"""The order values of a chunk's last row, once they are known; None where they cannot be."""


@dataclass(frozen=True, slots=True)
class PendingChunk:
    """A chunk on its way.

    after     the row it starts behind; a guess while the chunk before is on its way
    rows      how many it is to have
    boundary  the row it will end with, where that was asked for
    task      gives None where `after` does
    """

    after: PendingOrderValues
    rows: int
    boundary: PendingOrderValues | None
    task: asyncio.Task[Chunk | None]


class ReadAhead:
    """The chunks of one page, in order.

    at_once  how many chunks may be read at once; 1 where the rows are not cheap to count through
    """

    def __init__(
        self,
        database: Database,
        caller: Caller,
        reader: ChunkReader,
        sizer: ChunkSizer,
        *,
        at_once: int = 1,
    ) -> None:
        self._database = database
        self._caller = caller
        self._reader = reader
        self._sizer = sizer
        self._at_once = at_once

    async def first(self, session: Session) -> Chunk:
        """The first chunk, in a session that may be that of a snapshot."""
        sizer = self._sizer
        return await self._reader.read(session, None, sizer.first_rows, sizer.rows)

    def is_whole(self, first: Chunk) -> bool:
        """Whether the first chunk is the whole page."""
        return not first.more or first.rows >= self._sizer.rows

    async def chunks(self, first: Chunk) -> AsyncGenerator[Chunk]:
        """The first chunk and those behind it. The next one is being read while one is used, and
        several once the first has been taken."""
        chunk, left = first, self._sizer.rows - first.rows
        del first
        pending, at_once = deque[PendingChunk](), 1
        try:
            while chunk.more and left > 0:
                if not (self._sizer.is_costly(chunk) or chunk.is_giant):
                    self._start(pending, chunk, left, at_once)
                    await asyncio.sleep(0)  # so that Postgres has work before the chunk is written
                yield chunk
                at_once = 1 if chunk.is_giant else self._at_once
                chunk = chunk.without_giant
                self._start(pending, chunk, left, at_once)
                chunk = await self._take(pending, chunk, left)
                left -= chunk.rows
            yield chunk
        finally:
            _cancel(pending)

    def _start(self, pending: deque[PendingChunk], chunk: Chunk, left: int, at_once: int) -> None:
        """Begin to read what follows a chunk that leaves `left` rows of the page, up to `at_once`
        chunks."""
        rows = self._sizer.rows_after(chunk)
        most = min(self._at_once, self._database.spare + len(pending))
        boundaries = most > 1 and not self._sizer.is_costly(chunk)
        left -= sum(each.rows for each in pending)
        if not pending:
            pending.append(self._start_chunk(_known(chunk.keys), rows, left, boundaries))
            left -= pending[-1].rows
        while boundaries and left and len(pending) < min(at_once, most):
            after = pending[-1].boundary
            if after is None:
                return
            pending.append(self._start_chunk(after, rows, left, boundaries))
            left -= pending[-1].rows

    def _start_chunk(
        self, after: PendingOrderValues, rows: int, left: int, boundaries: bool
    ) -> PendingChunk:
        """A chunk that is now being read, of at most `left` rows."""
        rows = min(rows, left)
        boundary: PendingOrderValues | None = None
        if boundaries and rows < left:
            boundary = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._read(after, rows, left, boundary))
        task.add_done_callback(_retrieve_error)
        return PendingChunk(after, rows, boundary, task)

    async def _take(self, pending: deque[PendingChunk], chunk: Chunk, left: int) -> Chunk:
        """The chunk behind another one; it is read again where the one on its way starts somewhere
        else."""
        following = pending.popleft()
        if following.after.result() == chunk.keys:  # known: a boundary comes before its chunk
            try:
                found = await following.task
            finally:
                following.task.cancel()
            if found is not None:
                return found
        following.task.cancel()
        _cancel(pending)
        pending.append(
            self._start_chunk(_known(chunk.keys), following.rows, left, boundaries=False)
        )
        return await self._take(pending, chunk, left)

    async def _read(
        self, after: PendingOrderValues, rows: int, left: int, boundary: PendingOrderValues | None
    ) -> Chunk | None:
        """A chunk, and before it its boundary. None without a row to start behind, or if meanwhile
        others need the connection."""
        waits = not after.done()
        try:
            keys = await asyncio.shield(after)
            if keys is None or (waits and not self._database.spare):
                return None
            async with caller_session(
                self._database, self._caller, response_started=True
            ) as session:
                if boundary is not None:
                    boundary.set_result(await self._reader.boundary(session, keys, rows))
                return await self._reader.read(session, keys, rows, left)
        finally:
            if boundary is not None and not boundary.done():
                boundary.set_result(None)


def _known(keys: OrderValues) -> PendingOrderValues:
    known: PendingOrderValues = asyncio.get_running_loop().create_future()
    known.set_result(keys)
    return known


def _cancel(pending: deque[PendingChunk]) -> None:
    for each in pending:
        each.task.cancel()
    pending.clear()


def _retrieve_error(task: asyncio.Task[Chunk | None]) -> None:
    """asyncio logs an error that nobody retrieves. Whoever waits for the chunk gets it all the
    same."""
    if not task.cancelled():
        task.exception()
