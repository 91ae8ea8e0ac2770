"""Reads that are alike and wait together are done once.

A dashboard that many people open, or a program that asks again before it has an answer, sends the
same request of the same caller several times at once. While connections are free, each is read by
itself, unless they arrive in one turn. Those that wait for one differ in nothing that the database
is told, so one statement answers all of them, and the others need neither a connection nor the
database.

Each request has its own answer, its own status and its own place in the log. The read begins after
all of its requests have arrived. One that arrives later does not join it: what was written before a
request is sent is in its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from odata_gateway.db.session import Session
from odata_gateway.errors import ODataError
from odata_gateway.handlers.together.waiting_group import OpenGroups
from odata_gateway.observe.counters import COUNTERS

_T = TypeVar("_T")


class SharedReads(Generic[_T]):
    """Reads of one kind, each with a key that says all about what it finds.

    wait_s  how long a request may wait for a connection
    """

    def __init__(self, wait_s: float) -> None:
        self._running = 0
        self._open: OpenGroups[None, _T] = OpenGroups(wait_s)

    async def read(
        self,
        key: Hashable,
        session: Callable[[], Session],
        work: Callable[[Session], Awaitable[_T]],
    ) -> _T:
        """What `work` finds on a session, or what it finds for a request with the same key that
        waits at the same time. A request that comes alone does not wait for others.

        raises  what `work` and the session raise
        """
        while (group := self._open.get(key)) is not None:
            found = await group.join(None)
            if found is not None:
                return found
            # Whoever read for this request has gone away.
        group, others_run = self._open.open(key), self._running > 0
        self._running += 1
        try:
            if others_run:
                await asyncio.sleep(0)
            async with session() as own:
                self._open.close(key, group)
                group.begin(own)
                found = await work(own)
        except BaseException as error:
            group.refuse(error if isinstance(error, ODataError) else None)
            raise
        finally:
            self._open.close(key, group)
            self._running -= 1
        if group.waiting:
            COUNTERS.shared += 1 + len(group.waiting)
            group.answer([found] * len(group.waiting))
        return found
