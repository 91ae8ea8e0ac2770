"""Reads single rows. Requests that wait together go together: those of one caller with the same
statement, which differ in their literals only, become one statement.

Of a request for one entity, the driver and Postgres took two thirds of the time, most of it for the
message and not for the row. A statement that finds fifty rows takes little more than one that finds
a single row. So a request that comes while others are running waits for the end of the event loop's
turn, in which all requests that have arrived are compiled; further ones may join until there is a
connection. A request that comes alone is read at once, as if there were no others.

    first of a group     waits a turn, takes a connection, runs the statement for all
    others of the group  wait for their rows

Each request has the snapshot, the row policies and the limits that it would have by itself: the
statement begins after all of them have arrived, is of one caller, and finds each row by the same
plan. Where it fails, each request is repeated alone, so that the value of one is not the error of
another; only what would fail for each of them, such as a lack of connections, is not repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.session import Session
from odata_gateway.errors import AuthForbidden, DbBusy, DbTimeout, DbUnavailable, ODataError
from odata_gateway.handlers.execution import caller_session
from odata_gateway.handlers.request import DataRequest
from odata_gateway.identity.caller import Caller
from odata_gateway.observe.counters import COUNTERS
from odata_gateway.observe.request_stats import RequestStats, current_stats

MOST_TOGETHER: Final = 64
"""Requests in one statement. More of them save nothing, and their rows are in memory together."""
_OF_ALL = (AuthForbidden, DbBusy, DbTimeout, DbUnavailable)
"""What a statement for one of them would meet as well."""

GroupKey = tuple[str, Caller]
"""What requests that are read together share: the text of their statement, and who asks."""

Values = Sequence[bytes | None]
"""What is shown of each row that a request finds."""


@dataclass(slots=True, eq=False)
class WaitingLookup:
    """A request that waits for another one's statement.

    found  its rows; None: it has to ask again; an ODataError for all of the group
    """

    arguments: Sequence[object]
    stats: RequestStats
    asked_at: float
    found: asyncio.Future[Values | None]


@dataclass(slots=True, eq=False)
class LookupGroup:
    """Requests that go together with the one that runs their statement."""

    waiting: list[WaitingLookup] = field(default_factory=list)

    def join(self, arguments: Sequence[object]) -> asyncio.Future[Values | None]:
        found: asyncio.Future[Values | None] = asyncio.get_running_loop().create_future()
        stats = current_stats.get()
        self.waiting.append(WaitingLookup(arguments, stats, perf_counter(), found))
        return found

    def note_wait(self) -> None:
        """There is a connection now."""
        for each in self.waiting:
            each.stats.add_wait_time(each.asked_at)

    def note_query(self, sql: str, started: float, backend: int) -> None:
        """A statement for all of them that began at `started` has ended, well or not."""
        for each in self.waiting:
            each.stats.add_query_time(sql, started, backend)

    def answer(self, found: Sequence[Values]) -> None:
        for each, values in zip(self.waiting, found, strict=True):
            if not each.found.done():
                each.found.set_result(values)

    def refuse(self, error: BaseException) -> None:
        """Have each ask again, by itself, unless the error is one of all."""
        for each in self.waiting:
            if each.found.done():
                continue
            if isinstance(error, _OF_ALL):
                each.found.set_exception(copy(error))
            else:
                each.found.set_result(None)


class Lookups:
    """Reads what statements for single rows find."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._running = 0
        self._open: dict[GroupKey, LookupGroup] = {}

    async def values(self, request: DataRequest) -> Values:
        """What is shown of each row that the request finds: one, none, or two where its key is not
        unique.

        raises  ODataError by SQLSTATE, BindValue, BindType
        """
        statement = request.compiled.statement("rows", request.variant)
        bound = statement.bind(request.values())
        if statement.is_lookup:
            return await self.lookup(request, bound)
        return await self._alone(request, bound)

    async def lookup(self, request: DataRequest, bound: BoundStatement) -> Values:
        """The same, by a statement that is a lookup, with the arguments that it has here.

        request  any with this statement, of the same caller
        """
        if not self._running:
            return await self._alone(request, bound)
        key = bound.text, request.caller
        group = self._open.get(key)
        if group is None:
            return await self._first(request, key, bound)
        found = group.join(bound.arguments)
        if len(group.waiting) + 1 >= MOST_TOGETHER:
            self._close(key, group)
        values = await found
        return await self._alone(request, bound) if values is None else values

    async def _alone(self, request: DataRequest, bound: BoundStatement) -> Values:
        self._running += 1
        try:
            async with caller_session(self._database, request.caller) as session:
                return await _values(session, bound)
        finally:
            self._running -= 1

    async def _first(self, request: DataRequest, key: GroupKey, bound: BoundStatement) -> Values:
        """The values of a request, and those of all that join it until there is a connection."""
        group = self._open[key] = LookupGroup()
        self._running += 1
        try:
            await asyncio.sleep(0)
            async with caller_session(self._database, request.caller) as session:
                self._close(key, group)
                if not group.waiting:
                    return await _values(session, bound)
                return await self._together(request, session, group, bound)
        except BaseException as error:
            group.refuse(error)
            if not group.waiting or not isinstance(error, ODataError) or isinstance(error, _OF_ALL):
                raise
        finally:
            self._close(key, group)
            self._running -= 1
        return await self._alone(request, bound)

    async def _together(
        self, request: DataRequest, session: Session, group: LookupGroup, bound: BoundStatement
    ) -> Values:
        """The values of the first of a group; those of the others are given to them."""
        group.note_wait()
        arguments = [bound.arguments, *(each.arguments for each in group.waiting)]
        together = request.compiled.lookups(request.variant).bind(arguments)
        started = perf_counter()
        try:
            first, *others = await _values(session, together)
        finally:
            group.note_query(together.text, started, session.backend)
        COUNTERS.together += 1 + len(others)
        group.answer(others)
        values: Values = first
        return values

    def _close(self, key: GroupKey, group: LookupGroup) -> None:
        """Let nobody join any longer."""
        if self._open.get(key) is group:
            del self._open[key]


async def _values(session: Session, statement: BoundStatement) -> list[Any]:
    """The only column of a statement's rows."""
    return [row[0] for row in await session.fetch(statement)]
