"""Answers requests whose answer is a file: all rows of a collection, in chunks as they are read.

The file has all rows, unless the client asks for a page of it: `Prefer: maxpagesize`. A page is
held until its last row has been read, because its next link is a header; so a page also ends where
it becomes large, and its link leads on from there.

What fails after the first byte is raised from the body's iterator: a file is whole, or its answer
breaks off.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NamedTuple

from odata_gateway.errors import LimitRows
from odata_gateway.formats.encoding import BodyPieces, ExportedRows, ExportEncoding, FileBody
from odata_gateway.handlers.chunk import Chunk, pieces
from odata_gateway.handlers.collection import (
    CollectionReader,
    PageExtent,
    completed,
    next_page,
    page_extent,
)
from odata_gateway.handlers.entity.handler import EntityHandler
from odata_gateway.handlers.execution import QueryExecutor
from odata_gateway.handlers.request import DataRequest, reply_headers
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.protocol.headers.disposition import attachment
from odata_gateway.protocol.message import HeaderPairs, Reply

ALL_ROWS = 2**62
PAGE_BYTES = 16 * 1024 * 1024
"""A page ends where its rows have more bytes than this. What a client asks for with maxpagesize is
a limit, so a page may have fewer rows."""


class OpenFile(NamedTuple):
    """A file that is being written.

    chunks   its rows as they are read
    extent   how far they go
    refuses  more rows than that are refused, not cut
    """

    body: FileBody
    chunks: AsyncGenerator[Chunk]
    extent: PageExtent
    refuses: bool


class ExportHandler:
    """Answers requests in formats that are files.

    most_rows  of one answer; 0: any number
    """

    def __init__(
        self,
        executor: QueryExecutor,
        reader: CollectionReader,
        entities: EntityHandler,
        *,
        most_rows: int,
    ) -> None:
        self._executor = executor
        self._reader = reader
        self._entities = entities
        self._most_rows = most_rows

    async def answer(self, request: DataRequest, encoding: ExportEncoding) -> Reply:
        """The file of a collection, or of the one row that is asked for."""
        if request.compiled.query.form in ("collection", "references"):
            return await self._collection(request, encoding)
        return await self._single(request, encoding)

    async def _single(self, request: DataRequest, encoding: ExportEncoding) -> Reply:
        """The file of an entity, a reference or a property; 204 for null."""
        reply = await self._entities.entity(request)
        if reply.status != 200:
            return reply
        assert isinstance(reply.body, bytes)
        body = encoding.file(_exported(request, None))
        head, row = await _head(body), await _rows(body, reply.body, 1)
        whole = b"".join((head, *row, await _tail(body, more=False)))
        return Reply(200, _headers(request, encoding, None), whole)

    async def _collection(self, request: DataRequest, encoding: ExportEncoding) -> Reply:
        request = await completed(self._executor, request)
        extent = self._extent(request, encoding)
        page, count, first = await self._reader.begin(self._executor, request, extent)
        headers = _headers(request, encoding, count)
        refuses = extent.rows == self._most_rows and not extent.ends
        body = encoding.file(_exported(request, count))
        is_whole = page.is_whole(first) and not first.is_giant
        file = OpenFile(body, page.chunks(first), extent, refuses)
        del first
        if _is_page(request, encoding):
            return await _page(request, headers, file._replace(refuses=False))
        if is_whole:
            return Reply(200, headers, b"".join([piece async for piece in _pieces(file)]))
        if refuses:
            await self._require_few(request)
        return Reply(200, headers, _pieces(file))

    def _extent(self, request: DataRequest, encoding: ExportEncoding) -> PageExtent:
        """How far the file goes: over one page, or over all rows that it has room for."""
        sent = 0 if request.continuation is None else request.continuation.sent
        top = request.compiled.url.number(request.compiled.query.top)
        if _is_page(request, encoding):
            return page_extent(top, sent, request.page_rows)
        limits = (encoding.most_rows or ALL_ROWS, self._most_rows or ALL_ROWS)
        return page_extent(top, sent, min(limits))

    async def _require_few(self, request: DataRequest) -> None:
        """Refuse what has more rows than an answer may have, before anything is sent."""
        async with self._executor.session(request) as session:
            if await self._reader.has_row(request, self._most_rows + 1, session):
                raise too_many_rows(self._most_rows)


def too_many_rows(most_rows: int) -> LimitRows:
    """The error for a file with more rows than the setting allows."""
    return LimitRows(
        f"the answer has more than {most_rows:,} rows",
        target="$format",
        hint="narrow it with $filter or ask for pages with 'Prefer: maxpagesize'; "
        "raise ODATA_MAX_EXPORT_ROWS to allow more",
    )


def _is_page(request: DataRequest, encoding: ExportEncoding) -> bool:
    """Whether the answer has a page of the rows."""
    prefers_pages = request.preferences.maxpagesize is not None
    return prefers_pages or encoding.is_paged or request.continuation is not None


def _exported(request: DataRequest, count: int | None) -> ExportedRows:
    query = request.compiled.query
    return ExportedRows(query.entity_set.name, query, count, request.zone or "UTC")


async def _page(request: DataRequest, headers: HeaderPairs, file: OpenFile) -> Reply:
    """A page, with the link to the next one in a header (RFC 8288)."""
    found: list[bytes | memoryview] = [await _head(file.body)]
    rows, size, last = 0, 0, None
    async with aclosing(file.chunks) as chunks:
        async for chunk in chunks:
            if rows:
                current_stats.get().add_rows(chunk.rows)
            rows, size = rows + chunk.rows, size + chunk.size
            if chunk.rows:
                found += await _rows(file.body, chunk.text, chunk.rows)
            last = chunk = chunk.without_giant
            if size > PAGE_BYTES:
                break
    assert last is not None
    more = last.more and (rows < file.extent.rows or not file.extent.ends)
    found.append(await _tail(file.body, more=more))
    if more:
        link = next_page(request, file.extent.sent + rows, last)
        headers = (*headers, ("Link", f'<{link}>; rel="next"'))
    return Reply(200, headers, _parts(found) if size > PAGE_BYTES else b"".join(found))


async def _parts(found: list[bytes | memoryview]) -> AsyncGenerator[bytes]:
    """The pieces of a page with a giant row, each of which goes when it has been sent."""
    found.reverse()
    while found:
        for part in pieces(found.pop()):
            yield part


async def _pieces(file: OpenFile) -> AsyncGenerator[bytes]:
    """The whole file. What fails after the first chunk is raised from here."""
    stats, last = current_stats.get(), None
    pending = await _head(file.body)
    async with aclosing(file.chunks) as chunks:
        async for chunk in chunks:
            if last is not None:  # the first chunk has been counted
                stats.add_rows(chunk.rows)
            last = chunk
            if chunk.rows:
                found = await _rows(file.body, chunk.text, chunk.rows)
                last = chunk = chunk.without_giant
                yield pending  # so that rows which a file cannot have are refused before its head
                pending = b""
                for piece in found:
                    for part in pieces(piece):
                        yield part
                del found, piece
    more = last is not None and last.more and not file.extent.ends
    if more and file.refuses:
        raise too_many_rows(file.extent.rows)
    tail = await _tail(file.body, more=more)
    yield pending
    yield tail


async def _head(body: FileBody) -> bytes:
    return await asyncio.to_thread(body.head) if body.is_costly else body.head()


async def _rows(body: FileBody, text: bytes, number: int) -> BodyPieces:
    if body.is_costly:
        return await asyncio.to_thread(body.rows, text, number)
    return body.rows(text, number)


async def _tail(body: FileBody, *, more: bool) -> bytes:
    if body.is_costly:
        return await asyncio.to_thread(body.tail, more=more)
    return body.tail(more=more)


def _headers(request: DataRequest, encoding: ExportEncoding, count: int | None) -> HeaderPairs:
    """The headers of a file. The number of rows has no place in most files."""
    headers = reply_headers(request, encoding.content_type, request.applied)
    name = f"{request.compiled.query.entity_set.name.lstrip('$')}.{encoding.extension}"
    if encoding.extension:
        headers = (*headers, ("Content-Disposition", attachment(name)))
    if count is not None:
        headers = (*headers, ("OData-Count", str(count)))
    return (*headers, *encoding.notes)
