"""Answers requests for collections: a page of rows, and the link to the next page.

The first rows are read before the reply's head is given out. Whatever fails later is raised from
the body's iterator.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import NamedTuple

from odata_gateway.db.database import Database
from odata_gateway.db.session import Session
from odata_gateway.errors import LimitNodes
from odata_gateway.handlers.accounts.account_merge import MOST_SKIPPED, MergedPage
from odata_gateway.handlers.accounts.account_rows import AccountRows
from odata_gateway.handlers.accounts.account_statements import (
    alone,
    callers_alone,
    read_each,
    readings,
)
from odata_gateway.handlers.chunk import Chunk, ChunkSizer, PageChunks, RowSizes, SlowQueries
from odata_gateway.handlers.chunk_reader import ChunkReader
from odata_gateway.handlers.execution import QueryExecutor, caller_session
from odata_gateway.handlers.page_statements import PageStatements
from odata_gateway.handlers.read_ahead import ReadAhead
from odata_gateway.handlers.request import DataRequest, page_link, reply_headers
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.plan.tree.query import Query
from odata_gateway.protocol import links
from odata_gateway.protocol.message import Reply

FIRST_ROWS_UNKNOWN, FIRST_ROWS_EXPANDED, FIRST_ROWS_MADE = 100, 50, 1000
FIRST_ROWS_NUMBERED = 5000
"""Rows of a first chunk if the size of rows is not known. A row with expanded collections may be as
large as a page. Rows that $apply made are short, and each chunk of them costs the whole
aggregation. Rows whose key is a digest are all read and sorted for each chunk."""
_WHOLE_BYTES = 4 * 1024 * 1024
"""A page of fewer bytes is one piece with a Content-Length, which copies its rows between head and
tail. A larger one is a stream, which copies nothing: a single row may have 100 MB."""


@dataclass(frozen=True, slots=True)
class PageExtent:
    """How far a page goes.

    sent  rows on the pages before
    rows  that this page may show
    ends  the client's $top ends with this page
    """

    sent: int
    rows: int
    ends: bool


def page_extent(top: int | None, sent: int, page_rows: int) -> PageExtent:
    """The extent of the page behind the first `sent` rows.

    top  the number of rows that the client asked for on all pages together
    """
    if top is None:
        return PageExtent(sent, page_rows, ends=False)
    left = max(0, top - sent)
    return PageExtent(sent, min(left, page_rows), ends=left <= page_rows)


class BegunPage(NamedTuple):
    """A page of which the first chunk has been read.

    total  the number of rows on all pages; None where it was not asked for
    """

    page: PageChunks
    total: int | None
    first: Chunk


class CollectionReader:
    """Reads collections: their number of rows, and their pages.

    at_once  how many chunks of a page may be read at once
    """

    def __init__(self, database: Database, *, at_once: int) -> None:
        self._database = database
        self._at_once = at_once
        self._row_sizes = RowSizes()
        self._slow = SlowQueries()

    async def count(self, request: DataRequest, session: Session) -> int:
        """How many rows there are on all pages."""
        reads = readings(request.compiled, request.variant, "count", request.values())
        if reads:
            beside = _beside(self._database, request)
            found = await read_each(self._database, session, beside, reads)
            return sum(int(rows[0][0]) for rows in found)
        rows = await session.fetch(_statements(request).count())
        return int(rows[0][0])

    def page(self, request: DataRequest, extent: PageExtent) -> PageChunks:
        """The chunks of a page. How they are read depends on the size of the rows and on what
        Postgres can find quickly."""
        query = request.compiled.query
        first_rows = _unknown_rows(query)
        if not (query.is_made or query.is_numbered):
            first_rows = self._row_sizes.first_rows(request.compiled.key, first_rows)
        merge = self._merge(request, extent, first_rows)
        if merge is not None:
            return merge
        sorts, at_once = False, 1
        if extent.rows > first_rows:
            facts = request.compiled.order_facts()
            sorts, at_once = not facts.follows_index, self._at_once if facts.is_plain else 1
        on_cluster = request.variant.shard_accounts > 0
        return ReadAhead(
            self._database,
            request.caller,
            ChunkReader(
                _statements(request, keeps_plans=not self._slow.has(request.compiled.key)),
                lookahead=not extent.ends,
            ),
            ChunkSizer(extent.rows, first_rows, sorts=sorts, on_cluster=on_cluster),
            at_once=at_once,
        )

    def _merge(
        self, request: DataRequest, extent: PageExtent, first_rows: int
    ) -> MergedPage | None:
        """The chunks of a page that puts together what each account has; None where one statement
        reads all of them, or the caller has one account."""
        if request.variant.shard_accounts < 2:
            return None
        compiled, order = request.compiled, request.compiled.order_statement()
        skip = compiled.url.number(compiled.query.skip) or 0
        if request.variant.null_mask is not None:
            skip = 0
        variant = alone(compiled, request.variant, "rows")
        if order is None or variant is None or skip > MOST_SKIPPED:
            return None
        values = request.values()
        accounts = [
            AccountRows(PageStatements(compiled, variant, values._replace(caller=caller)), order)
            for caller in callers_alone(request.caller)
        ]
        return MergedPage(
            self._database,
            request.caller,
            accounts,
            order=order,
            sizer=ChunkSizer(extent.rows, first_rows),
            skip=skip,
            separator=request.encoding.separator.encode(),
            ends=extent.ends,
        )

    async def begin(
        self, executor: QueryExecutor, request: DataRequest, extent: PageExtent
    ) -> BegunPage:
        """A page, its count where that is asked for, and its first chunk, which is part of the
        request's statistics.

        raises  BindNoEntity where the path before the collection leads to nothing
        """
        try:
            return await self._begin(executor, request, extent)
        except LimitNodes:
            if not request.is_counted:
                raise
            # rows that are too large together have ended the snapshot, which cannot go on
            self._row_sizes.learn_giant(request.compiled.key)
            return await self._begin(executor, request, extent)

    async def _begin(
        self, executor: QueryExecutor, request: DataRequest, extent: PageExtent
    ) -> BegunPage:
        page = self.page(request, extent)

        async def read(session: Session) -> tuple[int | None, Chunk]:
            total = await self.count(request, session) if request.is_counted else None
            started_s = time.perf_counter()
            try:
                return total, await page.first(session)
            finally:
                self._slow.learn(request.compiled.key, time.perf_counter() - started_s)

        if isinstance(page, MergedPage):  # which goes on from what it has read
            async with executor.session(request, snapshot=request.is_counted) as session:
                total, first = await read(session)
        else:
            total, first = await executor.read(request, extent, read, snapshot=request.is_counted)
        current_stats.get().add_rows(first.rows)
        self._row_sizes.learn(request.compiled.key, first)
        if not first.rows or request.compiled.query.is_made:
            await executor.require_parent(request)
        return BegunPage(page, total, first)

    async def has_row(self, request: DataRequest, number: int, session: Session) -> bool:
        """Whether there are as many rows."""
        return bool(await session.fetch(_statements(request).last_of(number)))


def _beside(database: Database, request: DataRequest) -> Callable[[], Session]:
    return lambda: caller_session(database, request.caller)


def _statements(request: DataRequest, *, keeps_plans: bool = True) -> PageStatements:
    return PageStatements(
        request.compiled, request.variant, request.values(), keeps_plans=keeps_plans
    )


def _unknown_rows(query: Query) -> int:
    """Rows of the first chunk of a query that was not asked before."""
    if query.expands:
        return FIRST_ROWS_EXPANDED
    if query.is_numbered:
        return FIRST_ROWS_NUMBERED
    return FIRST_ROWS_MADE if query.is_made else FIRST_ROWS_UNKNOWN


class CollectionHandler:
    """Answers requests for entities or references of one query, and for their number."""

    def __init__(self, executor: QueryExecutor, reader: CollectionReader) -> None:
        self._executor = executor
        self._reader = reader

    async def collection(self, request: DataRequest) -> Reply:
        """A page: whole if it is short, else as a stream."""
        request = await completed(self._executor, request)
        sent = 0 if request.continuation is None else request.continuation.sent
        extent = page_extent(
            request.compiled.url.number(request.compiled.query.top), sent, request.page_rows
        )
        page, count, first = await self._reader.begin(self._executor, request, extent)
        headers = reply_headers(request, request.encoding.content_type, request.applied)
        head = request.encoding.head(request.context, count)
        if page.is_whole(first) and len(first.text) < _WHOLE_BYTES:
            tail = _tail(request, extent, first)
            return Reply(200, headers, b"".join((head, first.text, tail)))  # `+` would copy twice
        return Reply(200, headers, _streamed(request, extent, head, page.chunks(first)))

    async def count(self, request: DataRequest) -> Reply:
        """The number of rows, as text."""
        number = sum(row[0] for row in await self._executor.fetch(request))
        current_stats.get().add_rows(1)
        if number == 0 or request.compiled.query.is_made:
            await self._executor.require_parent(request)
        return Reply(
            200, reply_headers(request, "text/plain", request.applied), str(number).encode()
        )


async def completed(executor: QueryExecutor, request: DataRequest) -> DataRequest:
    """The request with the order values that its link had no room for, read again.

    raises  UrlSkiptoken where the row is gone, or has other values by now
    """
    continuation = request.continuation
    if continuation is None or not continuation.is_short:
        return request
    rows = await executor.fetch(request, "order values")
    if not rows:
        raise links.moved()
    return request._replace(continuation=continuation.completed(tuple(rows[0])))


async def _streamed(
    request: DataRequest, extent: PageExtent, head: bytes, chunks: AsyncGenerator[Chunk]
) -> AsyncGenerator[bytes]:
    """A page of several chunks; what fails after the first one is raised from here."""
    pending, last, stats = head, None, current_stats.get()
    separator = request.encoding.separator.encode()
    async with aclosing(chunks):
        async for chunk in chunks:
            if last is not None:  # the first chunk has been counted
                stats.add_rows(chunk.rows)
            last = chunk  # before it is sent, so that the one before is no longer in memory
            if chunk.text:
                yield pending
                for piece in chunk.pieces():  # not joined to anything: a row may have 100 MB
                    yield piece
                pending = separator
            last = chunk = chunk.without_giant
    yield _tail(request, extent, last)


def _tail(request: DataRequest, extent: PageExtent, last: Chunk | None) -> bytes:
    """The end of the body, with a link to the next page if there is one."""
    if last is None or not last.more or extent.ends:
        return request.encoding.tail(None)
    return request.encoding.tail(next_page(request, extent.sent + extent.rows, last))


def next_page(request: DataRequest, sent: int, last: Chunk) -> str:
    """The link to the page behind a chunk, before which and with which `sent` rows were shown."""
    following = links.Continuation(sent, request.page_rows, last.keys)
    short = following.shortened(request.compiled.query.key_positions)
    token = links.skiptoken(short, request.token_scope)
    return page_link(request.root, request.compiled.url, token, request.zone)
