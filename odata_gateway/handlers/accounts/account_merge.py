"""The rows of several accounts as the chunks of one page.

Each account is read from its shard, in the order of the query. What was read of all of them is put
in order from the order values alone: here, where their order is known here, else by Postgres in a
statement that names no table, so that it goes to no shard. Rows are given out as far as they are
in order whatever follows: up to the end of what was read of an account that goes on.

Further rows are read while those at hand are put in order. A page costs the memory of three chunks,
each with some rows of every account.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from itertools import chain
from math import ceil, sqrt
from typing import TypeVar

from odata_gateway.compiler.row_order import OrderStatement
from odata_gateway.db.database import Database
from odata_gateway.db.session import Session
from odata_gateway.handlers.accounts.account_rows import AccountRows
from odata_gateway.handlers.accounts.account_statements import Reading, read_each
from odata_gateway.handlers.chunk import Chunk, ChunkSizer
from odata_gateway.handlers.execution import caller_session
from odata_gateway.handlers.page_statements import OrderValues
from odata_gateway.identity.caller import Caller

_T = TypeVar("_T")

_FEW_ROWS = 50
_DEVIATIONS = 3
_LEAST_BYTES = 64 * 1024
_ROUND_BYTES = 3 * 1024 * 1024
"""What is read of one account at least, and of all at once (see `CLUSTER_CHUNK_BYTES`)."""
_SENT_AFTER = 4
"""Rounds of the event loop after which statements are on their way."""
MOST_SKIPPED = 2000
"""Rows to leave out that are read all the same, with their texts."""


class MergedPage:
    """The chunks of one page, in order; used as a `ReadAhead` is.

    skip       rows of all accounts together that are left out before the page
    separator  between the texts of two rows
    ends       nothing is asked about rows behind the page
    """

    def __init__(
        self,
        database: Database,
        caller: Caller,
        accounts: Sequence[AccountRows],
        *,
        order: OrderStatement,
        sizer: ChunkSizer,
        skip: int,
        separator: bytes,
        ends: bool,
    ) -> None:
        self._database = database
        self._caller = caller
        self._accounts = accounts
        self._order = order
        self._sizer = sizer
        self._skip = skip
        self._separator = separator
        self._ends = ends
        self._started = False
        self._ahead: asyncio.Task[None] | None = None

    async def first(self, session: Session) -> Chunk:
        """The first chunk, in a session that may be that of a snapshot."""
        return await self._chunk(session, self._sizer.first_rows, self._sizer.rows)

    def is_whole(self, first: Chunk) -> bool:
        """Whether the first chunk is the whole page."""
        return not first.more or first.rows >= self._sizer.rows

    async def chunks(self, first: Chunk) -> AsyncGenerator[Chunk]:
        """The first chunk and those behind it; the next one is being read while one is used."""
        self._started = True
        chunk, left = first, self._sizer.rows - first.rows
        del first
        try:
            while chunk.more and left > 0:
                if chunk.is_giant:
                    yield chunk
                    chunk = chunk.without_giant
                task = asyncio.create_task(self._further(left))
                try:
                    if not chunk.is_giant:
                        yield chunk
                    chunk = await task
                finally:
                    await _end(task)
                left -= chunk.rows
            yield chunk
        finally:
            await _end(self._ahead)

    async def _further(self, left: int) -> Chunk:
        """As many rows as are in order now: what stays behind would be put in order again."""
        await self._settle()
        async with self._session() as session:
            return await self._chunk(session, 1, left)

    def _session(self) -> Session:
        return caller_session(self._database, self._caller, response_started=self._started)

    async def _chunk(self, session: Session, rows: int, left: int) -> Chunk:
        """The next rows of a page that may show `left` more: at least `rows`, if there are some."""
        started, texts, last = time.perf_counter(), list[bytes](), OrderValues()
        while len(texts) < rows:
            await self._fill(session, (left if self._started else rows) - len(texts) + self._skip)
            if self._started:
                await self._begin_ahead(left - len(texts))
            found, keys = await self._in_order(session, left - len(texts) + self._skip)
            if not found:
                break
            skipped = min(self._skip, len(found))
            self._skip -= skipped
            texts += found[skipped:]
            last = keys
        more = await self._goes_on(session, is_full=len(texts) == left)
        text, took_s = self._separator.join(texts), time.perf_counter() - started
        return Chunk(text, len(texts), more, last, took_s)

    async def _goes_on(self, session: Session, *, is_full: bool) -> bool:
        """Whether there are more rows or, before the page is full, there may be."""
        is_certain = any(each.waiting for each in self._accounts)
        may_be = any(each.goes_on for each in self._accounts)
        if is_certain or not may_be or not is_full or self._ends:
            return is_certain or may_be
        await self._fill(session, 1)
        return any(each.waiting for each in self._accounts)

    async def _fill(self, session: Session, rows: int) -> None:
        """Read some rows where none waits of an account that goes on, and of those that will soon
        be without, where `rows` are wanted of all."""
        if any(each.is_empty for each in self._accounts):
            await self._settle()
        if any(each.is_empty for each in self._accounts):
            reads = [self._reading(each, rows) for each in self._accounts if each.is_low]
            await read_each(self._database, session, self._session, reads)

    async def _begin_ahead(self, left: int) -> None:
        """Have further rows read while those at hand are put in order, if a page that may show
        `left` more needs them."""
        wanted = left - sum(each.waiting for each in self._accounts)
        accounts = [each for each in self._accounts if each.may_read_ahead]
        if wanted <= 0 or not accounts or self._ahead is not None:
            return
        self._ahead = asyncio.create_task(
            self._read_ahead([self._reading(each, wanted) for each in accounts])
        )
        for _ in range(_SENT_AFTER):
            await asyncio.sleep(0)

    async def _settle(self) -> None:
        """Have at hand what is read ahead."""
        if self._ahead is not None:
            await self._ahead
            self._ahead = None

    async def _read_ahead(self, reads: Sequence[Reading[None]]) -> None:
        async with self._session() as session:
            await read_each(self._database, session, self._session, reads)

    def _reading(self, account: AccountRows, rows: int) -> Reading[None]:
        """Of each account its share of what is wanted is read, and as much more as suffices where
        accounts follow each other by chance. The shares are those of the rows taken so far."""
        taken, number = sum(each.taken for each in self._accounts), len(self._accounts)
        share = account.taken / taken if taken >= _FEW_ROWS else 1 / number
        wanted = min(rows, max(_FEW_ROWS, ceil(share * rows + _DEVIATIONS * sqrt(share * rows))))
        within = account.rows_within(max(_LEAST_BYTES, _ROUND_BYTES // number))
        if within is not None:
            wanted = min(wanted, within)
        return lambda session: account.read(session, wanted)

    async def _in_order(self, session: Session, rows: int) -> tuple[list[bytes], OrderValues]:
        """The next rows, at most so many, as far as nothing can come between them, and the order
        values of the last of them. Each account's own order is kept, whatever the merge says."""
        accounts = [each for each in self._accounts if each.waiting]
        if not accounts:
            return [], ()
        open_ones = [index for index, each in enumerate(accounts) if each.goes_on]
        owners = await self._owners(session, accounts)
        ends = (owners.rindex(index) + 1 for index in open_ones)
        owners = owners[: min(rows, len(owners), *ends)]
        taken = {index: accounts[index].take(owners.count(index)) for index in set(owners)}
        following = {index: iter(texts) for index, (texts, _) in taken.items()}
        return [next(following[index]) for index in owners], taken[owners[-1]][1]

    async def _owners(self, session: Session, accounts: Sequence[AccountRows]) -> bytes:
        """For each of the rows that wait now, in order, the index of its account."""
        owners = b"".join(bytes((index,)) * each.waiting for index, each in enumerate(accounts))
        if len(accounts) == 1:
            return owners
        ranks = [each.ranks for each in accounts if each.ranks is not None]
        if len(ranks) == len(accounts):
            columns = [[*chain(*each)] for each in zip(*ranks, strict=True)]
            return bytes(map(owners.__getitem__, self._order.in_order(columns)))
        texts = zip(*(each.columns for each in accounts), strict=True)
        statement = self._order.bind([[*chain(*each)] for each in texts])
        ((numbers,),) = await session.fetch(statement)
        return bytes(owners[number - 1] for number in numbers)


async def _end(task: asyncio.Task[_T] | None) -> None:
    """Cancel a task, and wait until it has ended."""
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
