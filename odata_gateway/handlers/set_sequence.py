"""The rows of several entity sets as one sequence of chunks, for a page of `$all`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from odata_gateway.compiler.compiler import Compiler
from odata_gateway.compiler.entity_sets import AllEntities
from odata_gateway.db.session import Session
from odata_gateway.handlers.chunk import Chunk, PageChunks
from odata_gateway.handlers.collection import CollectionReader, PageExtent
from odata_gateway.handlers.execution import QueryExecutor
from odata_gateway.handlers.page_statements import OrderValues
from odata_gateway.handlers.request import DataRequest
from odata_gateway.observe.request_stats import current_stats


class SetSequence:
    """Reads the sets from one of them on, as far as a page goes.

    left  rows that the page may still show
    last  order values of the last row read, in the set called `name`
    """

    def __init__(
        self,
        compiler: Compiler,
        whole: AllEntities,
        begin: DataRequest,
        *,
        rows: int,
        reader: CollectionReader,
        executor: QueryExecutor,
    ) -> None:
        self._compiler = compiler
        self._whole = whole
        self._request = begin
        self._reader = reader
        self._executor = executor
        self._at = whole.names.index(begin.compiled.query.entity_set.name)
        self._page: PageChunks | None = None
        self._set_goes_on = False
        self.left = rows
        self.last: OrderValues = ()

    @property
    def name(self) -> str:
        """The name of the set that is being read."""
        return self._whole.names[self._at]

    async def count(self, session: Session) -> int:
        """How many rows all sets have together."""
        requests = [self._request_of(number) for number in range(len(self._whole.names))]
        return sum([await self._reader.count(request, session) for request in requests])

    async def skip(self, rows: int, session: Session) -> None:
        """Begin behind that many rows. Sets that are left out as a whole are counted."""
        while rows and self.left:
            found = await self._reader.count(self._request_of(self._at), session)
            if found > rows or self._is_last_set:
                break
            rows, self._at = rows - found, self._at + 1
        self._request = self._request_of(self._at, rows if self.left else 0)

    async def first(self, session: Session) -> Chunk:
        """The first rows, of the first set that has some. What can fail at once fails here."""
        while True:
            first = await self._first_of_set(session)
            if first.rows or not self.left or self._is_last_set:
                return first
            self._next_set()

    async def chunks(self, first: Chunk) -> AsyncGenerator[Chunk]:
        """The chunks of the page, set after set, from the first one on."""
        while self._page is not None:
            async with aclosing(self._page.chunks(first)) as found:
                async for chunk in found:
                    current_stats.get().add_rows(chunk.rows)
                    self.left, self._set_goes_on = self.left - chunk.rows, chunk.more
                    self.last = chunk.keys if chunk.rows else self.last
                    yield chunk
                    chunk = chunk.without_giant
            if self.left <= 0 or self._is_last_set:
                return
            self._next_set()
            async with self._executor.session(self._request) as session:
                first = await self._first_of_set(session)

    async def has_more(self) -> bool:
        """Whether a set has rows behind those of the page, which is full."""
        if self._set_goes_on:
            return True
        for number in range(self._at + 1, len(self._whole.names)):
            request = self._request_of(number)
            page = self._reader.page(request, PageExtent(0, 1, ends=True))
            async with self._executor.session(request) as session:
                if (await page.first(session)).rows:
                    return True
        return False

    @property
    def _is_last_set(self) -> bool:
        return self._at + 1 == len(self._whole.names)

    def _next_set(self) -> None:
        self._at += 1
        self._request = self._request_of(self._at)

    async def _first_of_set(self, session: Session) -> Chunk:
        self._page = self._reader.page(self._request, PageExtent(0, self.left, ends=False))
        return await self._page.first(session)

    def _request_of(self, number: int, skip: int = 0) -> DataRequest:
        """The request for one of the sets, from its first row on or without `skip` rows."""
        request, name = self._request, self._whole.names[number]
        return request._replace(
            compiled=self._compiler.compile_set(self._whole, name, skip),
            continuation=None,
            variant=request.variant._replace(null_mask=None),
        )
