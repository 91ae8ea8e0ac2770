"""Chunks of a page: some rows in order, and how many rows the next chunk should have.

A chunk is sized by bytes: a page's first chunk by what rows had when the same was asked before, a
later one by what the rows before it had. If no index gives the order, Postgres may sort for each
chunk: where a chunk took long, the next is a larger one.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from odata_gateway.db.session import Session
from odata_gateway.handlers.page_statements import OrderValues
from odata_gateway.sql.chunk_record import MOST_BYTES

CHUNK_BYTES = 256 * 1024
"""Postgres joins texts a tenth faster when they fit its processor's cache (measured: 3.6 us a row,
4.0 with twice as much)."""
CLUSTER_CHUNK_BYTES = 1024 * 1024
"""Citus plans each statement anew, at the coordinator and at the server with the rows: a
millisecond each, for which 200 rows are read (measured)."""
SLOW_S = 0.1
SLOW_LATELY_S = 60.0
SLOW_CHUNK_BYTES = 4 * 1024 * 1024
FIRST_ROWS, FIRST_BYTES = 500, 512 * 1024
"""Few, so that the second chunk is soon on its way. A page of up to twice as many rows is one
chunk."""
_MAX_QUERIES = 1024
_PIECE_BYTES = 1024 * 1024
"""Of a text with a giant row, so that whoever passes it on holds no more than this of it."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows in order.

    text       their texts, with separators between
    more       there are more rows, or there may be
    keys       order values of the last row
    elapsed_s  how long reading took
    dropped    bytes of a text that is no longer in memory
    """

    text: bytes
    rows: int
    more: bool
    keys: OrderValues
    elapsed_s: float
    dropped: int = 0

    @property
    def size(self) -> int:
        """Bytes of its text."""
        return self.dropped or len(self.text)

    @property
    def is_giant(self) -> bool:
        """Whether it is a row that is too large to be held beside another one."""
        return self.size > MOST_BYTES

    @property
    def without_giant(self) -> Chunk:
        """The chunk without the text of a giant row, which must go before the next one comes."""
        return replace(self, text=b"", dropped=self.size) if self.is_giant else self

    def pieces(self) -> Iterator[bytes]:
        """Its text, a giant one in pieces."""
        return pieces(self.text)


def pieces(text: bytes | memoryview) -> Iterator[bytes]:
    """A text as it is, or one with a giant row in pieces."""
    if isinstance(text, bytes) and len(text) <= MOST_BYTES:
        yield text
        return
    view = memoryview(text)
    for start in range(0, len(view), _PIECE_BYTES):
        yield bytes(view[start : start + _PIECE_BYTES])


class PageChunks(Protocol):
    """The chunks of one page, in order."""

    async def first(self, session: Session) -> Chunk:
        """The first chunk, in a session that may be that of a snapshot."""
        ...

    def is_whole(self, first: Chunk) -> bool:
        """Whether the first chunk is the whole page."""
        ...

    def chunks(self, first: Chunk) -> AsyncGenerator[Chunk]:
        """The first chunk and those behind it."""
        ...


class RowSizes:
    """How many bytes a row had in the last answer to each query, for a bounded number of
    queries."""

    def __init__(self) -> None:
        self._bytes: dict[int, int] = {}

    def first_rows(self, query: Hashable, unknown: int) -> int:
        """How many rows the first chunk of a query should have; `unknown` before its first
        answer."""
        size = self._bytes.get(hash(query))
        return unknown if size is None else max(1, min(FIRST_ROWS, FIRST_BYTES // size))

    def learn(self, query: Hashable, chunk: Chunk) -> None:
        """Note the size of a query's rows."""
        if chunk.rows:
            self._note(query, 1 + chunk.size // chunk.rows)

    def learn_giant(self, query: Hashable) -> None:
        """Note that a query's rows are too large to be read together."""
        self._note(query, FIRST_BYTES)

    def _note(self, query: Hashable, size: int) -> None:
        number = hash(query)  # the text of a query may be long
        self._bytes.pop(number, None)
        self._bytes[number] = size
        if len(self._bytes) > _MAX_QUERIES:
            del self._bytes[next(iter(self._bytes))]


class SlowQueries:
    """Queries whose first chunk took long lately, for a bounded number of them.

    A plan that Postgres keeps is one for the table as it was: of a table of few rows it reads and
    sorts all, and does so with a million that came since, until they are counted (autovacuum does
    within minutes). Planning takes less than a millisecond, so a slow query is planned anew.
    """

    def __init__(self) -> None:
        self._until_s: dict[int, float] = {}

    def learn(self, query: Hashable, elapsed_s: float) -> None:
        """Note how long a query's first chunk took, also if it failed."""
        if elapsed_s <= SLOW_S:
            return
        self._until_s[hash(query)] = time.monotonic() + SLOW_LATELY_S
        if len(self._until_s) > _MAX_QUERIES:
            del self._until_s[next(iter(self._until_s))]

    def has(self, query: Hashable) -> bool:
        """Whether a query was slow lately."""
        if not self._until_s:
            return False
        return self._until_s.get(hash(query), 0.0) > time.monotonic()


class ChunkSizer:
    """How many rows the chunks of a page have.

    rows        rows of the page
    first_rows  of its first chunk, if it has more than one
    sorts       no index is known to give the order, so that each chunk may cost a sort
    on_cluster  the database is sharded by account
    """

    def __init__(
        self, rows: int, first_rows: int, *, sorts: bool = False, on_cluster: bool = False
    ) -> None:
        self.rows = rows
        self.first_rows = rows if rows <= 2 * first_rows else first_rows
        self._sorts = sorts
        self._bytes = CLUSTER_CHUNK_BYTES if on_cluster else CHUNK_BYTES

    def is_costly(self, chunk: Chunk) -> bool:
        """Whether chunks of the usual size would cost much more than a large one. A machine that is
        merely slow is not a reason."""
        return self._sorts and chunk.elapsed_s > SLOW_S

    def rows_after(self, chunk: Chunk) -> int:
        """How many rows the chunk behind another one should have."""
        wanted_bytes = SLOW_CHUNK_BYTES if self.is_costly(chunk) else self._bytes
        return max(1, wanted_bytes * chunk.rows // max(1, chunk.size))
