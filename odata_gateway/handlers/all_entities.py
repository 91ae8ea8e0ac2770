"""Answers requests for `$all`: the entities of all sets, one set after the other.

Each set is read as a request for it alone is, with its own statements and its own row policy; its
entities say which set they are of. A page may end in the middle of a set or go over several. The
link to the next page names the set and the key that it starts behind.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from odata_gateway.compiler.compiler import Compiler
from odata_gateway.compiler.entity_sets import AllEntities
from odata_gateway.handlers.chunk import FIRST_BYTES, Chunk
from odata_gateway.handlers.collection import CollectionReader, PageExtent, page_extent
from odata_gateway.handlers.execution import QueryExecutor
from odata_gateway.handlers.negotiation import Negotiation
from odata_gateway.handlers.request import DataRequest, page_link, reply_headers
from odata_gateway.handlers.set_sequence import SetSequence
from odata_gateway.identity.caller import Caller
from odata_gateway.plan.resource.all_entities import CONTEXT
from odata_gateway.protocol import links
from odata_gateway.protocol.context import ResponseContext
from odata_gateway.protocol.message import HeaderPairs, Reply, Request


class AllEntitiesHandler:
    """Answers requests for the entities of several sets."""

    def __init__(
        self,
        compiler: Compiler,
        negotiation: Negotiation,
        executor: QueryExecutor,
        reader: CollectionReader,
    ) -> None:
        self._compiler = compiler
        self._negotiation = negotiation
        self._executor = executor
        self._reader = reader

    async def answer(self, request: Request, caller: Caller, whole: AllEntities) -> Reply:
        """A page: whole if it is short, else as a stream."""
        begin = self._begin(request, caller, whole)
        sent = 0 if begin.continuation is None else begin.continuation.sent
        extent = page_extent(whole.url.number(whole.query.top), sent, begin.page_rows)
        sets = self._sequence(whole, begin, extent.rows)
        async with self._executor.session(begin, snapshot=begin.is_counted) as session:
            count = await sets.count(session) if begin.is_counted else None
            if begin.continuation is None:
                await sets.skip(whole.url.number(whole.query.skip) or 0, session)
            first = await sets.first(session)
        headers = reply_headers(begin, begin.encoding.content_type, begin.applied)
        url = f"{begin.root}$metadata{CONTEXT}"
        context = ResponseContext(url, begin.metadata, begin.encoding.version)
        texts = _texts(whole, begin, extent, sets=sets, first=first)
        return await _short_or_streamed(headers, begin.encoding.head(context, count), texts)

    def _sequence(self, whole: AllEntities, begin: DataRequest, rows: int) -> SetSequence:
        return SetSequence(
            self._compiler,
            whole,
            begin,
            rows=rows,
            reader=self._reader,
            executor=self._executor,
        )

    def _begin(self, request: Request, caller: Caller, whole: AllEntities) -> DataRequest:
        """The request for the set that the page begins in, behind the row that its link names.

        raises  UrlSkiptoken for a token of another query, or one that names no row
        """
        token = whole.url.template.transport.skiptoken
        if token is None:
            return self._of_set(request, caller, whole, whole.names[0])
        scope = links.TokenScope(whole.url.query_digest(), "")
        continuation = links.read_skiptoken(token, scope, keys=None)
        name, *keys = continuation.keys
        if not isinstance(name, str) or name not in whole.names:
            raise links.unusable_token()
        found = self._of_set(request, caller, whole, name)
        if len(keys) != len(found.compiled.query.order) or not all(
            isinstance(key, str) for key in keys
        ):
            raise links.unusable_token()
        behind = links.Continuation(continuation.sent, continuation.page_rows, tuple(keys))
        return self._negotiation.continued(found, behind)

    def _of_set(
        self, request: Request, caller: Caller, whole: AllEntities, name: str
    ) -> DataRequest:
        """The request for one of the sets, whose rows say which set they are of."""
        compiled = self._compiler.compile_set(whole, name)
        found = self._negotiation.first_page(request, caller, compiled)
        encoding = found.encoding.of_several_sets()
        variant = found.variant._replace(encoding=encoding)
        return found._replace(encoding=encoding, variant=variant)


async def _texts(
    whole: AllEntities,
    begin: DataRequest,
    extent: PageExtent,
    *,
    sets: SetSequence,
    first: Chunk,
) -> AsyncGenerator[bytes]:
    """The rows as text, and the end of the body with a link to the next page if there is one."""
    pending, separator = b"", begin.encoding.separator.encode()
    async with aclosing(sets.chunks(first)) as chunks:
        async for chunk in chunks:
            if chunk.text:
                yield pending
                for piece in chunk.pieces():
                    yield piece
                pending = separator
            chunk = chunk.without_giant
    has_more = not extent.ends and sets.left <= 0 and await sets.has_more()
    yield begin.encoding.tail(_next_link(whole, begin, extent, sets) if has_more else None)


def _next_link(
    whole: AllEntities, begin: DataRequest, extent: PageExtent, sets: SetSequence
) -> str:
    keys = (sets.name, *sets.last)
    following = links.Continuation(extent.sent + extent.rows, begin.page_rows, keys)
    token = links.skiptoken(following, links.TokenScope(whole.url.query_digest(), ""))
    return page_link(begin.root, whole.url, token, begin.zone)


async def _short_or_streamed(
    headers: HeaderPairs, head: bytes, texts: AsyncGenerator[bytes]
) -> Reply:
    """A body of known length if it ends soon: whatever fails until then has a status of its own."""
    pieces, size = [head], 0
    async for text in texts:
        pieces.append(text)
        size += len(text)
        if size > FIRST_BYTES:
            return Reply(200, headers, PartlyReadBody(pieces, texts))
    return Reply(200, headers, b"".join(pieces))


class PartlyReadBody:
    """A body of which some pieces are there already.

    Closing it closes what reads on, also if nobody has asked for a piece.
    """

    def __init__(self, pieces: list[bytes], texts: AsyncGenerator[bytes]) -> None:
        self._pieces = deque(pieces)
        self._texts = texts

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        return self._pieces.popleft() if self._pieces else await anext(self._texts)

    async def aclose(self) -> None:
        await self._texts.aclose()
