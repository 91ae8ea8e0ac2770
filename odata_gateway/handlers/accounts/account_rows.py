"""The rows of one of a caller's accounts, read chunk by chunk."""

from __future__ import annotations

from collections import deque

from odata_gateway.db.session import Session
from odata_gateway.errors import Internal
from odata_gateway.handlers.chunk_reader import FittingRows
from odata_gateway.handlers.page_statements import OrderValues, PageStatements


class AccountRows:
    """Rows that were read and not yet taken, each with its order values.

    goes_on  there may be rows behind those that were read
    taken    how many were taken
    """

    def __init__(self, statements: PageStatements) -> None:
        self._last: OrderValues | None = None
        self._row_bytes = 0
        self._fitting = FittingRows(statements)
        self._read = 0
        self.waiting: deque[tuple[bytes, OrderValues]] = deque()
        self.goes_on = True
        self.taken = 0

    @property
    def is_empty(self) -> bool:
        """Whether it must be read before anything can be said about the next row."""
        return self.goes_on and not self.waiting

    @property
    def is_low(self) -> bool:
        """Whether it goes on, and less than half of what was read last still waits."""
        return self.goes_on and 2 * len(self.waiting) <= self._read

    @property
    def may_read_ahead(self) -> bool:
        """Whether it goes on, and little more waits than was read last."""
        return self.goes_on and 2 * len(self.waiting) <= 3 * self._read

    def rows_within(self, size: int) -> int | None:
        """How many rows have about this many bytes; None before any was read."""
        return max(1, size // self._row_bytes) if self._row_bytes else None

    def take(self) -> tuple[bytes, OrderValues]:
        """The next row."""
        self.taken += 1
        return self.waiting.popleft()

    async def read(self, session: Session, rows: int) -> None:
        """Read the next rows, at most so many.

        raises  ODataError by SQLSTATE, Internal for a row without a text
        """
        texts, number, self.goes_on, is_whole, *values = await self._fitting.fetch(
            session, self._last, rows
        )
        self._read = number
        if not is_whole:
            raise Internal("a row has no text")
        if number:
            keys = zip(*values, strict=True)
            self.waiting.extend(zip(texts, keys, strict=True))
            self._last = self.waiting[-1][1]
            self._row_bytes = 1 + sum(map(len, texts)) // number
