"""Pages of collections: the first rows, the chunks behind them, and the link to the next page.

The first rows are read before the reply's head is given out, and whatever fails later raises from
the body's iterator.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from odata_gateway.compiler.parsed_url import ParsedUrl
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.session import Session
from odata_gateway.handlers.chunk_reader import (
    FIRST_ROWS_EXPANDED,
    FIRST_ROWS_MADE,
    FIRST_ROWS_UNKNOWN,
    SLOW_CHUNK_BYTES,
    Ask,
    Chunk,
    ChunkReader,
    Keys,
    RowSizes,
    Want,
)
from odata_gateway.handlers.execution import QueryExecutor
from odata_gateway.handlers.request import DataRequest, reply_headers
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.plan.tree.projection import expanded_in
from odata_gateway.protocol import links
from odata_gateway.protocol.message import Reply


@dataclass(frozen=True, slots=True)
class CollectionPage:
    """One page: rows `sent` before it, the size of pages, the rows it may show, and whether the
    client's $top ends with it."""

    sent: int
    page_rows: int
    rows: int
    ends: bool


class CollectionHandler:
    """Answers requests for collections."""

    def __init__(self, reader: QueryExecutor) -> None:
        self._reader = reader
        self._row_sizes = RowSizes()

    async def collection(self, call: DataRequest) -> Reply:
        """A page of entities or references, as one text where it is short and as a stream where it
        is not."""
        call = await self._completed(call)
        page = self._page(call)
        chunks = self._chunks(call, page)
        async with self._reader.database.session(
            call.caller.user_id, accounts=call.caller.accounts, snapshot=call.is_counted
        ) as session:
            count = await self._number(call, session) if call.is_counted else None
            first = await chunks.first(session)
        current_stats.get().read(first.rows)
        self._row_sizes.learn(call.compiled.key, first)
        if not first.rows or call.query.is_made:
            await self._reader.require_parent(call)
        headers = reply_headers(call, call.encoding.content_type, call.applied)
        head = call.encoding.head(call.context, count)
        if chunks.is_complete(first.rows, first) and len(first.text) < SLOW_CHUNK_BYTES:
            return Reply(200, headers, head + first.text + self._tail(call, page, first))
        return Reply(200, headers, self._streamed(call, page, head, chunks.after(first)))

    async def _completed(self, call: DataRequest) -> DataRequest:
        """The call with order values read again that its link had no room for."""
        if call.continuation is None or not call.continuation.is_short:
            return call
        rows = await self._reader.fetch(call, "order values")
        if not rows:
            raise links.moved()
        return call._replace(continuation=call.continuation.completed(tuple(rows[0])))

    def _page(self, call: DataRequest) -> CollectionPage:
        """How many rows this page may show, and whether the client's $top ends with it."""
        sent = 0 if call.continuation is None else call.continuation.sent
        page_rows = self._reader.page_rows(call)
        top = call.url.number(call.query.top)
        if top is None:
            return CollectionPage(sent, page_rows, page_rows, ends=False)
        left = max(0, top - sent)
        return CollectionPage(sent, page_rows, min(left, page_rows), ends=left <= page_rows)

    def _chunks(self, call: DataRequest, page: CollectionPage) -> ChunkReader:
        """What reads the page; how, depends on the size of its rows and on what Postgres can find
        quickly."""
        query = call.query
        projection = query.projection
        expands = projection is not None and next(expanded_in(projection), None) is not None
        unknown = (
            FIRST_ROWS_EXPANDED
            if expands
            else FIRST_ROWS_MADE
            if query.is_made
            else FIRST_ROWS_UNKNOWN
        )
        first_rows = (
            unknown if query.is_made else self._row_sizes.first_rows(call.compiled.key, unknown)
        )
        has_more = page.rows > first_rows
        return ChunkReader(
            self._reader.database,
            self._asker(call),
            rows=page.rows,
            first_rows=first_rows,
            peeks=not page.ends,
            lane=call.caller.user_id,
            accounts=call.caller.accounts,
            marks=has_more and query.is_plain,
            sorts=has_more and not query.follows_index,
        )

    def _asker(self, call: DataRequest) -> Ask:
        """The statements of a page's chunks: the first follows the page before, the others each
        other."""

        def ask(keys: Keys | None, rows: int, want: Want) -> BoundStatement:
            mask = call.shape.null_mask if keys is None else tuple(key is None for key in keys)
            shape = call.shape._replace(null_mask=mask, lookahead=want == "last rows")
            statement = call.compiled.statement("mark" if want == "mark" else "rows", shape)
            return statement.bind(self._reader.values(call, limit=rows, keys=keys))

        return ask

    async def _number(self, call: DataRequest, session: Session) -> int:
        """How many rows there are on all pages."""
        statement = call.compiled.statement("count", call.shape)
        rows = await session.fetch(statement.bind(self._reader.values(call)))
        return int(rows[0][0])

    async def _streamed(
        self, call: DataRequest, page: CollectionPage, head: bytes, chunks: AsyncGenerator[Chunk]
    ) -> AsyncIterator[bytes]:
        """A page of several chunks; what fails after the first is raised from here."""
        pending, last, stats = head, None, current_stats.get()
        separator = call.encoding.separator.encode()
        try:
            async for chunk in chunks:
                if last is not None:
                    stats.read(chunk.rows)
                last = chunk  # before it is sent: the one before is kept no longer
                if chunk.text:
                    yield pending
                    yield chunk.text  # as it is: a row may have 100 MB, and a copy of it as well
                    pending = separator
        finally:
            await chunks.aclose()
        yield self._tail(call, page, last)

    def _tail(self, call: DataRequest, page: CollectionPage, last: Chunk | None) -> bytes:
        """The end of the body, with a link to the next page where there is more."""
        if last is None or not last.more or page.ends:
            return call.encoding.tail(None)
        following = links.Continuation(page.sent + page.rows, page.page_rows, last.keys).shortened(
            call.query.key_positions
        )
        link = self.link_behind(
            call.request.root,
            call.url,
            links.skiptoken(following, call.bound()),
        )
        return call.encoding.tail(link)

    def link_behind(self, root: str, url: ParsedUrl, token: str) -> str:
        """The URL of the page that a token begins."""
        path = url.text.removeprefix("/").partition("?")[0]
        return links.next_link(
            root, path, [(_plain_name(o.name), o.raw) for o in url.target.options], token
        )


def _plain_name(name: str) -> str:
    """The name under which an option is kept once: `$skiptoken` however it is spelled."""
    return "$skiptoken" if name.lower() == "$skiptoken" else name
