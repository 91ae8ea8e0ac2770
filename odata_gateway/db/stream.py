"""Rows in batches, the next batch on its way while the last one is used."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from odata_gateway.db.connect import Connection, Record
from odata_gateway.db.sqlstate import to_odata_error

if TYPE_CHECKING:
    from asyncpg.cursor import Cursor


class Stream:
    """The rows of one statement of a read-only transaction; made by `Session.stream`.

    yields  lists of 1 to batch_rows records; nothing for an empty result; at most two lists are in memory
    ends    by itself at the last row; by `aclose`, or the session's end, before it: the query is then cancelled
    raises  ODataError by SQLSTATE, from the iteration that would have given the rows
    """

    def __init__(
        self, connect: Callable[[], Awaitable[Connection]], sql: str, args: Sequence[Any], *, batch_rows: int, timeout_s: float
    ) -> None:
        self._connect = connect
        self._sql = sql
        self._args = args
        self._batch_rows = batch_rows
        self._timeout_s = timeout_s
        self._cursor: Cursor[Record] | None = None
        self._pending: asyncio.Task[list[Record]] | None = None
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Record]:
        if self._ended:
            raise StopAsyncIteration
        self._ended = True  # unless a full batch says that there may be more
        try:
            batch = await (self._pending or self._first())
        except Exception as error:
            raise to_odata_error(error) from error
        self._pending = None
        if len(batch) == self._batch_rows:
            self._pending = asyncio.get_running_loop().create_task(self._fetch())
            self._ended = False
        if not batch:
            raise StopAsyncIteration
        return batch

    async def _first(self) -> list[Record]:
        connection = await self._connect()
        self._cursor = await connection.cursor(self._sql, *self._args, timeout=self._timeout_s)
        return await self._fetch()

    async def _fetch(self) -> list[Record]:
        if self._cursor is None:
            return []
        rows: list[Record] = await self._cursor.fetch(self._batch_rows, timeout=self._timeout_s)
        return rows

    async def aclose(self) -> None:
        """End early; returns when the cancellation is on its way to the server. The session can only end after that."""
        pending = self.abandon()
        if pending is not None:
            await asyncio.wait((pending,))

    def abandon(self) -> asyncio.Task[list[Record]] | None:
        """End without waiting; the fetch that was under way, or None."""
        self._ended = True
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.cancel()
            pending.add_done_callback(_forget)
        return pending


def _forget(task: asyncio.Task[list[Record]]) -> None:
    """Take note of a failure nobody waits for any more, so that asyncio does not report it."""
    if not task.cancelled():
        task.exception()
