"""A bounded number of slots, given out in turn: among callers one after the other, and to each
caller's requests in the order of asking.

asyncpg's own pool lets a newcomer take a connection that someone older waits for; under load a few
requests then wait twenty times longer than the rest (measured: p99 250 ms against 14 ms). One line
for all would be unfair too: a caller with a thousand requests in it delays everyone by a thousand.
So each caller has a lane, free slots go round the lanes, and no lane has all slots, so that one
caller's slow queries leave room for others.

A line that is too long to be served in time helps nobody: clients give up, and what is then done
for them is wasted. So a request that would wait too long, judged by the pace at which slots have
become free, is refused at once. An answer that has begun is not: it would break in the middle.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from typing import TypeAlias

from odata_gateway.db.deadlines import Deadlines
from odata_gateway.errors import DbBusy

FlowKey: TypeAlias = int | None
"""Whose request it is: a user's id, or None for the gateway's own."""

_MEMORY = 8
"""About how many of the last slots that became free the pace is judged by."""
_LONGEST_RETRY_S = 60
_PATIENCE = 6
"""How many times longer an answer that has begun may wait."""


def _waited_too_long(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_exception(TimeoutError())


def share(slots: int) -> int:
    """The most slots one lane may have: a fifth is left for others, of three slots or more."""
    return slots if slots <= 2 else slots - max(1, slots // 5)


class FairQueue:
    """`slots` at once, most of them to one lane; at most `max_waiting` in line, nobody longer than
    `wait_s`."""

    def __init__(self, slots: int, *, max_waiting: int, wait_s: float) -> None:
        self._free = slots
        self._share = share(slots)
        self._max_waiting = max_waiting
        self._wait_s = wait_s
        self._waiting = 0
        self._lines: dict[
            FlowKey, deque[asyncio.Future[None]]
        ] = {}  # the lane whose turn is next comes first; none is empty
        self._used: dict[FlowKey, int] = {}  # slots a lane has; none is 0
        self._pace_s = 0.0  # from one slot that becomes free to the next, while somebody waits
        self._left_at = 0.0
        self._deadlines = Deadlines(_waited_too_long)

    @property
    def free(self) -> int:
        return self._free

    @property
    def waiting(self) -> int:
        return self._waiting

    async def enter(self, lane: FlowKey = None, *, begun: bool = False) -> None:
        """Take a slot; raises DbBusy when the line is full, or the wait too long or bound to be;
        `begun` is for the middle of an answer."""
        if self._free and self._used.get(lane, 0) < self._share:
            self._take(lane)
            return
        if not begun:
            self._check_line(lane)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            self._left_at = time.monotonic()
        self._lines.setdefault(lane, deque()).append(turn)
        self._waiting += 1
        self._deadlines.start(turn, self._wait_s * _PATIENCE if begun else self._wait_s)
        try:
            await turn
        except BaseException as error:
            self._give_up(lane, turn)
            if isinstance(error, TimeoutError):
                raise DbBusy(f"no database connection became free in {self._wait_s:g} s") from None
            raise
        finally:
            self._deadlines.stop(turn)

    def leave(self, lane: FlowKey = None) -> None:
        """Give a slot back; it goes to the first in the next lane."""
        self._free += 1
        left = self._used[lane] - 1
        if left:
            self._used[lane] = left
        else:
            del self._used[lane]
        if self._waiting:
            now = time.monotonic()
            self._pace_s += (now - self._left_at - self._pace_s) / _MEMORY
            self._left_at = now
            self._give()

    def _take(self, lane: FlowKey) -> None:
        self._free -= 1
        self._used[lane] = self._used.get(lane, 0) + 1

    def _check_line(self, lane: FlowKey) -> None:
        """Refuse what would stand in line in vain. With lanes in turn, no more are ahead than each
        lane has in the rounds until then."""
        rounds = len(self._lines.get(lane, ())) + 1
        ahead = min(self._waiting + 1, rounds * (len(self._lines) + (lane not in self._lines)))
        expected_s = ahead * self._pace_s
        if self._waiting >= self._max_waiting or expected_s > self._wait_s:
            error = DbBusy("too many requests wait for the database")
            error.retry_after_s = min(
                _LONGEST_RETRY_S, max(1, math.ceil(expected_s - self._wait_s))
            )
            raise error

    def _give(self) -> None:
        """Free slots to those who wait, one a lane; a lane that had its turn goes to the end."""
        while self._free:
            for lane in self._lines:
                if self._used.get(lane, 0) < self._share:
                    break
            else:
                return  # whoever waits has his share
            line = self._lines.pop(lane)
            turn = line.popleft()
            if line:
                self._lines[lane] = line
            self._waiting -= 1
            if not turn.done():
                turn.set_result(None)
                self._take(lane)

    def _give_up(self, lane: FlowKey, turn: asyncio.Future[None]) -> None:
        """Step out of the line; a slot that was given at the same moment goes on to the next."""
        if turn.done() and not turn.cancelled() and turn.exception() is None:
            self.leave(lane)
            return
        turn.cancel()
        line = self._lines.get(lane)
        if line is not None and turn in line:
            line.remove(turn)
            self._waiting -= 1
            if not line:
                del self._lines[lane]
