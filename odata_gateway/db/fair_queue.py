"""A bounded number of slots, given out in turn: among callers one after the other, and to each
caller's requests in the order of asking.

asyncpg's own pool lets a newcomer take a connection that an older request waits for; under load a
few requests then wait twenty times longer than the rest (measured: p99 250 ms against 14 ms). One
line for all would be unfair too: a caller with a thousand requests in it delays everyone by a
thousand. So each caller is a flow with a line of its own. Free slots go round the flows, and no
flow gets all slots, so that one caller's slow queries leave room for others.

A line that is too long to be served in time is of no use: clients give up, and what is then done
for them is wasted. So a request that would wait too long, judged by the pace at which slots have
become free, is refused at once. A response that has started is not: it would break in the middle.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from typing import TypeAlias

from odata_gateway.db.deadlines import Deadlines
from odata_gateway.errors import DbBusy

FlowKey: TypeAlias = str | None
"""Whose request it is: the subject of a caller, or None for the gateway's own."""

_PACE_SLOTS = 8
"""About how many of the last slots that became free the pace is judged by."""
_LONGEST_RETRY_S = 60
_STARTED_WAITS = 6
"""How many times longer a response that has started may wait."""


def share(slots: int) -> int:
    """The most slots one flow may have: a fifth is left for others, of three slots or more."""
    return slots if slots <= 2 else slots - max(1, slots // 5)


class FairQueue:
    """`slots` at once, most of them to one flow; at most `max_waiting` in line, none longer than
    `wait_s`."""

    def __init__(self, slots: int, *, max_waiting: int, wait_s: float) -> None:
        self._free = slots
        self._share = share(slots)
        self._max_waiting = max_waiting
        self._wait_s = wait_s
        self._waiting = 0
        # The flow whose turn is next comes first; no line is empty.
        self._lines: dict[FlowKey, deque[asyncio.Future[None]]] = {}
        self._used: dict[FlowKey, int] = {}  # slots a flow has; none is 0
        self._pace_s = 0.0  # from one slot that becomes free to the next, while somebody waits
        self._left_at = 0.0
        self._deadlines = Deadlines(_expire)

    @property
    def free(self) -> int:
        """Slots that nobody has."""
        return self._free

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return self._waiting

    async def enter(self, flow: FlowKey = None, *, response_started: bool = False) -> None:
        """Take a slot.

        raises  DbBusy when the line is full, or the wait is too long or bound to be
        """
        if self._free and self._used.get(flow, 0) < self._share:
            self._take(flow)
            return
        if not response_started:
            self._check_line(flow)
        turn = self._line_up(flow)
        wait_s = self._wait_s * _STARTED_WAITS if response_started else self._wait_s
        self._deadlines.start(turn, wait_s)
        try:
            await turn
        except BaseException as error:
            self._step_out(flow, turn)
            if isinstance(error, TimeoutError):
                raise DbBusy(f"no database connection became free in {self._wait_s:g} s") from None
            raise
        finally:
            self._deadlines.stop(turn)

    def leave(self, flow: FlowKey = None) -> None:
        """Give a slot back; it goes to the first in line of the next flow."""
        self._free += 1
        left = self._used[flow] - 1
        if left:
            self._used[flow] = left
        else:
            del self._used[flow]
        if self._waiting:
            now = time.monotonic()
            self._pace_s += (now - self._left_at - self._pace_s) / _PACE_SLOTS
            self._left_at = now
            self._give()

    def _take(self, flow: FlowKey) -> None:
        self._free -= 1
        self._used[flow] = self._used.get(flow, 0) + 1

    def _check_line(self, flow: FlowKey) -> None:
        """Refuse a request that would wait in vain. As flows take turns, there are no more ahead of
        it than each flow has in the rounds until then."""
        rounds = len(self._lines.get(flow, ())) + 1
        ahead = min(self._waiting + 1, rounds * (len(self._lines) + (flow not in self._lines)))
        expected_s = ahead * self._pace_s
        if self._waiting >= self._max_waiting or expected_s > self._wait_s:
            error = DbBusy("too many requests wait for the database")
            late_s = math.ceil(expected_s - self._wait_s)
            error.retry_after_s = min(_LONGEST_RETRY_S, max(1, late_s))
            raise error

    def _line_up(self, flow: FlowKey) -> asyncio.Future[None]:
        """A place at the end of the flow's line, done when it has a slot."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            self._left_at = time.monotonic()
        self._lines.setdefault(flow, deque()).append(turn)
        self._waiting += 1
        return turn

    def _give(self) -> None:
        """Give free slots to those who wait, one a flow; a flow that had its turn goes to the
        end."""
        while self._free:
            for flow in self._lines:
                if self._used.get(flow, 0) < self._share:
                    break
            else:
                return  # every flow that waits has its share
            line = self._lines.pop(flow)
            turn = line.popleft()
            if line:
                self._lines[flow] = line
            self._waiting -= 1
            if not turn.done():
                turn.set_result(None)
                self._take(flow)

    def _step_out(self, flow: FlowKey, turn: asyncio.Future[None]) -> None:
        """Leave the line; a slot that was given at the same moment goes to the next."""
        if turn.done() and not turn.cancelled() and turn.exception() is None:
            self.leave(flow)
            return
        turn.cancel()
        line = self._lines.get(flow)
        if line is not None and turn in line:
            line.remove(turn)
            self._waiting -= 1
            if not line:
                del self._lines[flow]


def _expire(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_exception(TimeoutError())
