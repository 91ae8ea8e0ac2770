"""The rows of a page, chunk by chunk.

A chunk is one plain statement that starts behind the last row of the chunk before, and Postgres
joins its rows to one text. So a page of any size needs no transaction and no cursor, a connection
is held only while Postgres works and never while a client reads, a reader that stops costs three
chunks of memory, and Python's work is per chunk, not per row (measured on 300,000 messages: 0.4 us
a row against 3.0 with a record a row, in the time of `psql -c COPY`). The next chunk is on its way
while the one before is sent.

A chunk is sized by bytes, from what rows turned out to have; a page's first chunk from what they
had when the same was asked before. An order without an index costs Postgres a sort for each chunk:
where a chunk took long for it, the next is a larger one, and is read when the client has taken the
one before.

Where many connections are free, two chunks are read at once, when the client has taken the first.
The second must start where the first will end, so Postgres is asked for a mark before: the order
values of the last row the first will have, found in the index. Rows may come or go in between. So
the second chunk counts only if the first did end at the mark; otherwise it is thrown away and read
again behind the row where the first really ended. No row is lost or doubled that way: what lies up
to the mark is in the first, and the rest behind it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.fair_queue import FlowKey
from odata_gateway.db.session import Session
from odata_gateway.errors import Internal, LimitNodes, ODataError

CHUNK_BYTES = 256 * 1024
"""Postgres joins texts a tenth faster when they fit its processor's cache (measured: 3.6 us a row,
4.0 with twice as much)."""
SLOW_S = 0.1
SLOW_CHUNK_BYTES = 4 * 1024 * 1024
FIRST_ROWS, FIRST_BYTES = 500, 512 * 1024
"""Few, so that the second reader can begin soon. A page of up to twice as many is read at once."""
FIRST_ROWS_UNKNOWN, FIRST_ROWS_EXPANDED, FIRST_ROWS_MADE = 100, 50, 1000
"""Of rows whose size is not known; one with expanded collections may be as large as a page. Rows
that $apply made are short, and each chunk of them costs the whole aggregation."""
_KEPT_SIZES = 1024
AT_ONCE = 2

Keys = tuple[str | None, ...]
Want = Literal["rows", "last rows", "mark"]
Ask = Callable[[Keys | None, int, Want], BoundStatement]
"""The statement for that many rows behind the row with these order values (None: from
the start of the page): the rows as one record; the same telling if there are more, which costs a
tenth (measured) and only a page's last chunk needs; or the order values of the last of that many
rows, and no record where there are fewer."""
Mark = asyncio.Future[Keys | None]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows in order: their texts with commas between, their number, whether there are or may
    be `more`, and then the last one's order values."""

    text: bytes
    rows: int
    more: bool
    keys: Keys
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class _PendingChunk:
    """A chunk on its way.

    behind  order values of the row it starts behind, None if they cannot be told: a guess where the
            chunk before is still on its way
    rows    how many are asked for
    mark    order values of the row it will end with, where they were asked for
    chunk   None where `behind` is
    """

    behind: Mark
    rows: int
    mark: Mark | None
    chunk: asyncio.Task[Chunk | None]


class RowSizes:
    """How many bytes a row had in the last answer to each query, for as many queries as it
    keeps."""

    def __init__(self) -> None:
        self._bytes: dict[int, int] = {}

    def first_rows(self, query: Hashable, unknown: int) -> int:
        """How many rows the first chunk of a query should have; `unknown` before its first
        answer."""
        size = self._bytes.get(hash(query))
        return unknown if size is None else max(1, min(FIRST_ROWS, FIRST_BYTES // size))

    def learn(self, query: Hashable, chunk: Chunk) -> None:
        if chunk.rows:
            number = hash(query)  # a query's text may be long
            self._bytes.pop(number, None)
            self._bytes[number] = 1 + len(chunk.text) // chunk.rows
            if len(self._bytes) > _KEPT_SIZES:
                del self._bytes[next(iter(self._bytes))]


class ChunkReader:
    """The first `rows` rows that `ask` can get, for the caller in `lane`.

    peeks  the last chunk tells whether there are more
    marks  the rows are cheap to count through, so that two chunks may be read at once
    sorts  no index is known to give the order, so that each chunk may cost a sort
    """

    def __init__(
        self,
        database: Database,
        ask: Ask,
        *,
        rows: int,
        first_rows: int,
        peeks: bool,
        lane: FlowKey = None,
        accounts: Sequence[int] = (),
        marks: bool = False,
        sorts: bool = False,
    ) -> None:
        self._database = database
        self._lane = lane
        self._accounts = accounts
        self._ask = ask
        self._marks = marks
        self._sorts = sorts
        self._rows = rows
        self._peeks = peeks
        self._first_rows = rows if rows <= 2 * first_rows else first_rows

    async def first(self, session: Session) -> Chunk:
        """The first chunk, in a session that may be that of a snapshot."""
        return await self._read(session, None, self._first_rows, self._rows)

    def is_complete(self, read: int, chunk: Chunk) -> bool:
        """Whether a chunk that brings the rows read to `read` is the last of the page."""
        return not chunk.more or read >= self._rows

    async def after(self, chunk: Chunk) -> AsyncGenerator[Chunk]:
        """The chunk itself and those behind it; the next one is being read while one is used, and
        two once the first has been taken."""
        read, steps, at_once = chunk.rows, deque[_PendingChunk](), 1
        try:
            while not self.is_complete(read, chunk):
                if not self._is_costly(chunk):
                    self._start(steps, chunk, self._rows - read, at_once)
                    await asyncio.sleep(
                        0
                    )  # so that Postgres has its work before the chunk is written
                yield chunk
                at_once = AT_ONCE
                self._start(steps, chunk, self._rows - read, at_once)
                chunk = await self._take(steps, chunk, self._rows - read)
                read += chunk.rows
            yield chunk
        finally:
            _cancel(steps)

    def _is_costly(self, chunk: Chunk) -> bool:
        """Whether many small chunks would cost much more than a large one; a machine that is merely
        slow is no reason."""
        return self._sorts and chunk.elapsed_s > SLOW_S

    def _start(self, steps: deque[_PendingChunk], chunk: Chunk, left: int, at_once: int) -> None:
        """Begin to read what follows a chunk that leaves `left` rows of the page, up to `at_once`
        chunks."""
        is_costly = self._is_costly(chunk)
        wanted_bytes = SLOW_CHUNK_BYTES if is_costly else CHUNK_BYTES
        rows = max(1, wanted_bytes * chunk.rows // max(1, len(chunk.text)))
        marks = not is_costly and self._marks and self._database.spare >= AT_ONCE - len(steps)
        left -= sum(step.rows for step in steps)
        if not steps:
            steps.append(self._step(_known(chunk.keys), min(rows, left), left, marks))
            left -= steps[-1].rows
        while marks and left and len(steps) < at_once and steps[-1].mark is not None:
            steps.append(self._step(steps[-1].mark, min(rows, left), left, marks))
            left -= steps[-1].rows

    def _step(self, behind: Mark, rows: int, left: int, marks: bool) -> _PendingChunk:
        mark = asyncio.get_running_loop().create_future() if marks and rows < left else None
        task = asyncio.create_task(self._next(behind, rows, left, mark))
        task.add_done_callback(_seen)
        return _PendingChunk(behind, rows, mark, task)

    async def _take(self, steps: deque[_PendingChunk], chunk: Chunk, left: int) -> Chunk:
        """The chunk behind another; read anew where the one on its way starts somewhere else."""
        step = steps.popleft()
        if step.behind.result() == chunk.keys:  # which is known: the mark came before the chunk
            try:
                found = await step.chunk
            finally:
                step.chunk.cancel()
            if found is not None:
                return found
        step.chunk.cancel()
        _cancel(steps)
        steps.append(self._step(_known(chunk.keys), min(step.rows, left), left, marks=False))
        return await self._take(steps, chunk, left)

    async def _next(self, behind: Mark, rows: int, left: int, mark: Mark | None) -> Chunk | None:
        """A chunk of a page, and before that its mark; none without a place to start, or if
        meanwhile others need the connection."""
        waits = not behind.done()
        try:
            keys = await asyncio.shield(behind)
            if keys is None or (waits and not self._database.spare):
                return None
            async with self._database.session(
                self._lane, accounts=self._accounts, begun=True
            ) as session:
                if mark is not None:
                    mark.set_result(await self._marked(session, keys, rows))
                return await self._read(session, keys, rows, left)
        finally:
            if mark is not None and not mark.done():
                mark.set_result(None)

    async def _marked(self, session: Session, keys: Keys, rows: int) -> Keys | None:
        """A mark; None where there is none, or where the question fails: what is wrong then shows
        when the rows are read."""
        try:
            found = await session.fetch(self._ask(keys, rows, "mark"))
        except ODataError:
            return None
        return tuple(found[0]) if found else None

    async def _read(self, session: Session, keys: Keys | None, rows: int, left: int) -> Chunk:
        """One chunk of a page with `left` rows to show; with fewer rows where so many make a text
        beyond what Postgres can hold (1 GB)."""
        started = time.perf_counter()
        while True:
            want: Want = "last rows" if self._peeks and rows == left else "rows"
            try:
                record = (await session.fetch(self._ask(keys, rows, want)))[0]
            except LimitNodes:
                if rows <= 1 or session.in_snapshot:
                    raise
                rows = max(1, rows // 10)
                continue
            if not record[3]:
                raise Internal(
                    "a row has no text"
                )  # joining texts passes over NULL: never a short page that looks whole
            return Chunk(
                record[0] or b"",
                record[1],
                record[2],
                tuple(record[4:]),
                time.perf_counter() - started,
            )


def _known(keys: Keys) -> Mark:
    known: Mark = asyncio.get_running_loop().create_future()
    known.set_result(keys)
    return known


def _cancel(steps: deque[_PendingChunk]) -> None:
    for step in steps:
        step.chunk.cancel()
    steps.clear()


def _seen(task: asyncio.Task[Chunk | None]) -> None:
    """A chunk that failed when nobody waited for it any more is no fault to log: whoever waits gets
    the error all the same."""
    if not task.cancelled():
        task.exception()
