"""Requests that wait for what one of them, the first of their group, reads for all.

The first waits a turn of the event loop or two, in which all that have arrived are compiled;
further ones may join until it has a connection. So each request sees the snapshot that it would
have by itself, or a later one: the statement begins after all of them have arrived.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from copy import copy
from dataclasses import dataclass, field
from time import perf_counter
from typing import Generic, TypeVar

from odata_gateway.db.session import Session
from odata_gateway.observe.request_stats import RequestStats, current_stats

_Asked = TypeVar("_Asked")
_T = TypeVar("_T")


@dataclass(slots=True, eq=False)
class WaitingRequest(Generic[_Asked, _T]):
    """A request that waits for another one's statement.

    asked  what it asks beside what the group shares
    found  for it; None: it has to ask again; an ODataError for all of the group
    """

    asked: _Asked
    stats: RequestStats
    asked_at: float
    found: asyncio.Future[_T | None]


@dataclass(slots=True, eq=False)
class WaitingGroup(Generic[_Asked, _T]):
    """The requests that wait for the first of their group.

    opened_at  when the first one began to wait
    waits      whether it still does
    """

    opened_at: float = field(default_factory=perf_counter)
    waiting: list[WaitingRequest[_Asked, _T]] = field(default_factory=list)
    waits: bool = True

    def join(self, asked: _Asked) -> asyncio.Future[_T | None]:
        """What is found for one more request; None: it has to ask again."""
        found: asyncio.Future[_T | None] = asyncio.get_running_loop().create_future()
        joined = WaitingRequest(asked, current_stats.get(), perf_counter(), found)
        found.add_done_callback(lambda _: self._leave_if_cancelled(joined))
        self.waiting.append(joined)
        return found

    def begin(self, session: Session) -> None:
        """There is a connection now, whose statements are for all of them."""
        self._end_wait()
        session.serves([each.stats for each in self.waiting])

    def answer(self, found: Sequence[_T]) -> None:
        """Give each what was found for it."""
        for each, own in zip(self.waiting, found, strict=True):
            if not each.found.done():
                each.found.set_result(own)

    def refuse(self, error: BaseException | None) -> None:
        """Give each an error of its own with the same meaning; None: have each ask again."""
        if self.waits:
            self._end_wait()
        for each in self.waiting:
            if each.found.done():
                continue
            if error is None:
                each.found.set_result(None)
            else:
                each.found.set_exception(_copied(error))

    def _end_wait(self) -> None:
        self.waits = False
        for each in self.waiting:
            each.stats.add_wait_time(each.asked_at)

    def _leave_if_cancelled(self, joined: WaitingRequest[_Asked, _T]) -> None:
        """Nobody waits for the request any longer."""
        if self.waits and joined.found.cancelled():
            joined.stats.add_wait_time(joined.asked_at)
            self.waiting.remove(joined)


class OpenGroups(Generic[_Asked, _T]):
    """The groups that further requests may join, by what those of a group have in common.

    wait_s  how long a request may wait for a connection. Who joins a group is refused when its
            first one is, so none may join after a quarter of it
    """

    def __init__(self, wait_s: float) -> None:
        self._groups: dict[Hashable, WaitingGroup[_Asked, _T]] = {}
        self._open_s = wait_s / 4

    def get(self, key: Hashable) -> WaitingGroup[_Asked, _T] | None:
        group = self._groups.get(key)
        if group is None or perf_counter() - group.opened_at > self._open_s:
            return None
        return group

    def open(self, key: Hashable) -> WaitingGroup[_Asked, _T]:
        group = self._groups[key] = WaitingGroup()
        return group

    def close(self, key: Hashable, group: WaitingGroup[_Asked, _T]) -> None:
        """Let nobody join any longer."""
        if self._groups.get(key) is group:
            del self._groups[key]


def _copied(error: BaseException) -> BaseException:
    """Each request raises an error of its own, since raising adds to it."""
    found = copy(error)
    found.__cause__ = error.__cause__
    return found
