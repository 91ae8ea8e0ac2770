"""Deadlines of many waits with one timer.

A timer for each wait costs more than the bookkeeping of a small request: asyncio.timeout takes 3 to
5 us, call_later and its cancellation 2 to 3 us, an entry here 0.2 us (measured, uvloop and asyncio;
a request under load has two waits, for a connection and for its statement, so it saves 6 to 10 us
of about 120). Hardly any wait reaches its deadline. So a wait is an entry in a table, which is
looked at when the first deadline among those that were there has come. The pool also finds in it
what runs now, for the slow log, and how much time a cancelled statement had left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)
_SLACK_S = 0.02
"""The least time between two looks at the table, so a wait may end that much too late."""


class Deadlines(Generic[T]):
    """Calls `expire` with each item that is not stopped in time. For one event loop."""

    def __init__(self, expire: Callable[[T], None]) -> None:
        self._expire = expire
        self._until: dict[T, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self, item: T, seconds: float) -> None:
        """Set the deadline of an item, from now on."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        until = self._until[item] = loop.time() + seconds
        if self._timer is None or until < self._timer.when():
            self._look_at(loop, until)

    def left(self, item: T) -> float:
        """Seconds an item has left; 0 for one that is not there."""
        until = self._until.get(item)
        return 0.0 if until is None or self._loop is None else max(0.0, until - self._loop.time())

    def __iter__(self) -> Iterator[T]:
        """The items that have time left."""
        return iter(tuple(self._until))

    def stop(self, item: T) -> None:
        """Forget an item, if it is there."""
        self._until.pop(item, None)

    def _look_at(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(when, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for item in [item for item, until in self._until.items() if until <= now]:
            del self._until[item]
            self._expire(item)
        if self._until:
            self._look_at(loop, max(min(self._until.values()), now + _SLACK_S))
