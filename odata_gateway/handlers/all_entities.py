"""Pages of $all: the entities of all sets, one set after the other.

Each set is read as a request for it alone would be, with its own statements and its own row policy;
its entities say which set they are of. A page may end in the middle of a set or go over several,
and the link to the next one names the set and the key it starts behind.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass

from odata_gateway.compiler.entity_sets import AllEntities
from odata_gateway.db.session import Session
from odata_gateway.handlers.chunk_reader import FIRST_BYTES, Chunk, ChunkReader
from odata_gateway.handlers.collection import CollectionHandler, CollectionPage
from odata_gateway.handlers.request import DataRequest, reply_headers
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.plan.resource.all_entities import CONTEXT
from odata_gateway.protocol import links
from odata_gateway.protocol.context import ResponseContext
from odata_gateway.protocol.message import Reply


@dataclass(frozen=True, slots=True)
class AllEntitiesRequest:
    """A request for all entities.

    call_of       the call for the entities of a set, by its name, but for so many first ones
    continuation  where the page starts: its first key is the name of a set
    """

    whole: AllEntities
    call_of: Callable[[str, int], DataRequest]
    continuation: links.Continuation | None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(s.name for s in self.whole.query.sets)


@dataclass(slots=True)
class ReadPosition:
    """How far a page has been read: the set, the rows it may still show, and the order values of
    its last row."""

    at: int
    left: int
    last: tuple[str | None, ...] = ()
    more: bool = False


class AllEntitiesHandler(CollectionHandler):
    """Answers requests for the entities of several sets."""

    async def page(self, asked: AllEntitiesRequest) -> Reply:
        """A page, as one text where it is short and as a stream where it is not."""
        at, call = _begin(asked)
        page = self._sized(asked, call)
        place = ReadPosition(at, page.rows)
        async with self._reader.database.session(
            call.caller.user_id, accounts=call.caller.accounts, snapshot=call.is_counted
        ) as session:
            count = await self._total(asked, session) if call.is_counted else None
            if asked.continuation is None:
                call = await self._behind_skipped(asked, place, session) or call
            chunks, first = await self._first(asked, place, call, session)
        headers = reply_headers(call, call.encoding.content_type, call.applied)
        context = ResponseContext(
            f"{call.request.root}$metadata{CONTEXT}", call.metadata, call.encoding.version
        )
        head = call.encoding.head(context, count)
        texts = self._texts(
            asked, page, call, self._chunks_of_all(asked, place, chunks, first), place
        )
        return await _short_or_streamed(headers, head, texts)

    def _sized(self, asked: AllEntitiesRequest, call: DataRequest) -> CollectionPage:
        sent = 0 if asked.continuation is None else asked.continuation.sent
        page_rows, top = self._reader.page_rows(call), asked.whole.url.number(asked.whole.query.top)
        left = page_rows if top is None else max(0, top - sent)
        return CollectionPage(
            sent, page_rows, min(left, page_rows), ends=top is not None and left <= page_rows
        )

    async def _total(self, asked: AllEntitiesRequest, session: Session) -> int:
        return sum([await self._number(asked.call_of(name, 0), session) for name in asked.names])

    async def _behind_skipped(
        self, asked: AllEntitiesRequest, place: ReadPosition, session: Session
    ) -> DataRequest | None:
        """The call that begins behind what $skip leaves out; whole sets of it are counted."""
        skip = asked.whole.url.number(asked.whole.query.skip)
        while skip and place.left:
            number = await self._number(asked.call_of(asked.names[place.at], 0), session)
            if number > skip or place.at + 1 == len(asked.names):
                return asked.call_of(asked.names[place.at], skip)
            skip, place.at = skip - number, place.at + 1
        return asked.call_of(asked.names[place.at], 0)

    async def _first(
        self, asked: AllEntitiesRequest, place: ReadPosition, call: DataRequest, session: Session
    ) -> tuple[ChunkReader, Chunk]:
        """The first rows, of the first set that has some; what can fail at once fails here."""
        while True:
            chunks = self._chunks(call, CollectionPage(0, place.left, place.left, ends=False))
            first = await chunks.first(session)
            if first.rows or not place.left or place.at + 1 == len(asked.names):
                return chunks, first
            place.at += 1
            call = asked.call_of(asked.names[place.at], 0)

    async def _chunks_of_all(
        self, asked: AllEntitiesRequest, place: ReadPosition, chunks: ChunkReader, first: Chunk
    ) -> AsyncGenerator[Chunk]:
        """The chunks of the page, set after set."""
        while True:
            found = chunks.after(first)
            try:
                async for chunk in found:
                    current_stats.get().read(chunk.rows)
                    place.left, place.more = place.left - chunk.rows, chunk.more
                    place.last = chunk.keys if chunk.rows else place.last
                    yield chunk
            finally:
                await found.aclose()
            if place.left <= 0 or place.at + 1 == len(asked.names):
                return
            place.at += 1
            call = asked.call_of(asked.names[place.at], 0)
            chunks = self._chunks(call, CollectionPage(0, place.left, place.left, ends=False))
            async with self._reader.database.session(
                call.caller.user_id, accounts=call.caller.accounts
            ) as session:
                first = await chunks.first(session)

    async def _texts(
        self,
        asked: AllEntitiesRequest,
        page: CollectionPage,
        call: DataRequest,
        chunks: AsyncGenerator[Chunk],
        place: ReadPosition,
    ) -> AsyncGenerator[bytes]:
        """The rows as text with separators between, and the end of the body with a link to the next
        page where there is more."""
        separator = b""
        try:
            async for chunk in chunks:
                if chunk.text:
                    yield separator
                    yield chunk.text
                    separator = call.encoding.separator.encode()
        finally:
            await chunks.aclose()
        has_more = (
            not page.ends
            and place.left <= 0
            and (place.more or await self._has_rows(asked, place.at + 1))
        )
        yield call.encoding.tail(self._next_link(asked, page, call, place) if has_more else None)

    async def _has_rows(self, asked: AllEntitiesRequest, start: int) -> bool:
        """Whether one of the sets from `start` on has a row."""
        for name in asked.names[start:]:
            call = asked.call_of(name, 0)
            async with self._reader.database.session(
                call.caller.user_id, accounts=call.caller.accounts
            ) as session:
                if (
                    await self._chunks(call, CollectionPage(0, 1, 1, ends=True)).first(session)
                ).rows:
                    return True
        return False

    def _next_link(
        self,
        asked: AllEntitiesRequest,
        page: CollectionPage,
        call: DataRequest,
        place: ReadPosition,
    ) -> str:
        following = links.Continuation(
            page.sent + page.rows, page.page_rows, (asked.names[place.at], *place.last)
        )
        token = links.skiptoken(following, links.TokenScope(asked.whole.url.query_digest(), ""))
        return self.link_behind(call.request.root, asked.whole.url, token)


def _begin(asked: AllEntitiesRequest) -> tuple[int, DataRequest]:
    """The number of the set that a page begins in, and the call behind the row its link names."""
    if asked.continuation is None:
        return 0, asked.call_of(asked.names[0], 0)
    name, *keys = asked.continuation.keys
    call = asked.call_of(name, 0) if isinstance(name, str) and name in asked.names else None
    if (
        call is None
        or len(keys) != len(call.query.order)
        or not all(isinstance(key, str) for key in keys)
    ):
        raise links.unusable_token()
    continuation = links.Continuation(
        asked.continuation.sent, asked.continuation.page_rows, tuple(keys)
    )
    shape = call.shape._replace(null_mask=continuation.null_mask)
    return asked.names.index(call.query.entity_set.name), call._replace(
        continuation=continuation, shape=shape
    )


async def _short_or_streamed(
    headers: tuple[tuple[str, str], ...], head: bytes, texts: AsyncGenerator[bytes]
) -> Reply:
    """A body of known length where it is soon at its end: then whatever fails has a status of its
    own."""
    pieces, size = [head], 0
    async for text in texts:
        pieces.append(text)
        size += len(text)
        if size > FIRST_BYTES:
            return Reply(200, headers, _Rest(pieces, texts))
    return Reply(200, headers, b"".join(pieces))


class _Rest:
    """A body of which some is there already. Closing it closes what reads on, also where nobody has
    asked for a piece."""

    def __init__(self, pieces: list[bytes], texts: AsyncGenerator[bytes]) -> None:
        self._pieces = deque(pieces)
        self._texts = texts

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        return self._pieces.popleft() if self._pieces else await anext(self._texts)

    async def aclose(self) -> None:
        await self._texts.aclose()
