"""The rows of one of a caller's accounts, read chunk by chunk."""

from __future__ import annotations

from itertools import accumulate, pairwise

from odata_gateway.compiler.row_order import OrderStatement, Ranks
from odata_gateway.db.session import Session
from odata_gateway.errors import Internal
from odata_gateway.handlers.chunk_reader import FittingRows
from odata_gateway.handlers.page_statements import OrderValues, PageStatements


class AccountRows:
    """Rows that were read and not yet taken, in order.

    goes_on  there may be rows behind those that were read
    taken    how many were taken
    columns  for each order value, its texts
    ranks    what their order here follows from; None where only Postgres can tell
    """

    def __init__(self, statements: PageStatements, order: OrderStatement) -> None:
        self._order = order
        self._last: OrderValues | None = None
        self._row_bytes = 0
        self._fitting = FittingRows(statements)
        self._read = 0
        self._texts: list[bytes] = []
        self.columns: list[list[str | None]] = []
        self.ranks: list[Ranks] | None = []
        self.goes_on = True
        self.taken = 0

    @property
    def waiting(self) -> int:
        """How many rows wait."""
        return len(self._texts)

    @property
    def is_empty(self) -> bool:
        """Whether it must be read before anything can be said about the next row."""
        return self.goes_on and not self._texts

    @property
    def is_low(self) -> bool:
        """Whether it goes on, and less than half of what was read last still waits."""
        return self.goes_on and 2 * len(self._texts) <= self._read

    @property
    def may_read_ahead(self) -> bool:
        """Whether it goes on, and little more waits than was read last."""
        return self.goes_on and 2 * len(self._texts) <= 3 * self._read

    def rows_within(self, size: int) -> int | None:
        """How many rows have about this many bytes; None before any was read."""
        return max(1, size // self._row_bytes) if self._row_bytes else None

    def take(self, rows: int) -> tuple[list[bytes], OrderValues]:
        """The texts of the next rows, at least one, and the order values of the last of them."""
        texts, last = self._texts[:rows], tuple(column[rows - 1] for column in self.columns)
        for waiting in (self._texts, *self.columns, *(self.ranks or ())):
            del waiting[:rows]
        self.taken += rows
        return texts, last

    async def read(self, session: Session, rows: int) -> None:
        """Read the next rows, at most so many.

        raises  ODataError by SQLSTATE, Internal for a row without a text
        """
        text, number, self.goes_on, is_whole, lengths, *values = await self._fitting.fetch(
            session, self._last, rows
        )
        self._read = number
        if not is_whole:
            raise Internal("a row has no text")
        if number:
            columns = [_texts_of(each) for each in values]
            self._last = tuple(column[-1] for column in columns)
            self._row_bytes = 1 + len(text) // number
            self._keep(text, lengths, columns)

    def _keep(self, text: bytes, lengths: str, columns: list[list[str | None]]) -> None:
        ends = accumulate(map(int, lengths.split(",")), initial=0)
        texts = [text[start:end] for start, end in pairwise(ends)]
        ranks = self._order.ranks(columns)
        if not self._texts:
            self._texts, self.columns, self.ranks = texts, columns, ranks
            return
        self._texts += texts
        for waiting, column in zip(self.columns, columns, strict=True):
            waiting += column
        if ranks is None or self.ranks is None:
            self.ranks = self._order.ranks(self.columns)
            return
        for known, further in zip(self.ranks, ranks, strict=True):
            known += further


def _texts_of(joined: str | list[str | None]) -> list[str | None]:
    """The texts of an order value of several rows (`ChunkRecord.apart`)."""
    return [text or None for text in joined.split(",")] if isinstance(joined, str) else joined
