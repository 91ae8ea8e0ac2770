"""Deadlines of many waits with one timer.

A timer for each wait costs a small request more than the wait itself (measured: asyncio.timeout 6
us under load, asyncpg's own 2 us), and next to none of them ever ends. Here a wait is an entry in a
table, looked at when the first of those that were there could be overdue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)
_SLACK_S = 0.02
"""Looks at the table are at least so far apart, and a wait ends at most so late."""


class Deadlines(Generic[T]):
    """Calls `expire` with each item that is not stopped in time. For one event loop."""

    def __init__(self, expire: Callable[[T], None]) -> None:
        self._expire = expire
        self._until: dict[T, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self, item: T, seconds: float) -> None:
        """Give an item so much time from now on."""
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
