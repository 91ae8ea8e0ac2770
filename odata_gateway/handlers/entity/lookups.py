"""Reads single rows. Requests that wait together go together: those of one caller with the same
statement, which differ in their literals only, become one statement.

Of a request for one entity, the driver and Postgres took two thirds of the time, most of it for the
message and not for the row. A statement that finds fifty rows takes little more than one that finds
a single row. So a request that comes while others are running waits for two turns of the event
loop, in which all requests that have arrived are compiled; further ones may join until there is a
connection. A request that comes alone is read at once, as if there were no others.

    first of a group     waits two turns, takes a connection, runs the statement for all
    others of the group  wait for their rows

Each request has the row policies and the limits that it would have by itself: the statement is of
one caller, and finds each row by the same plan. Where it fails, each request is repeated alone, so
that the value of one is not the error of another; only what would fail for each of them, such as a
lack of connections, is not repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.session import Session
from odata_gateway.errors import AuthForbidden, DbBusy, DbTimeout, DbUnavailable, ODataError
from odata_gateway.handlers.execution import caller_session
from odata_gateway.handlers.request import DataRequest
from odata_gateway.handlers.together.waiting_group import OpenGroups, WaitingGroup
from odata_gateway.identity.caller import Caller
from odata_gateway.observe.counters import COUNTERS

MOST_TOGETHER: Final = 64
"""Requests in one statement. More of them save nothing, and their rows are in memory together."""
_TURNS = 2
"""Of the event loop. With the second one more requests go together: 4 percent less CPU of the
gateway for each, with 64 clients; with a third one it is no less."""
_OF_ALL = (AuthForbidden, DbBusy, DbTimeout, DbUnavailable)
"""What a statement for one of them would meet as well."""

GroupKey = tuple[str, Caller]
"""What requests that are read together share: the text of their statement, and who asks."""

Values = Sequence[bytes | None]
"""What is shown of each row that a request finds."""
LookupGroup = WaitingGroup[Sequence[object], Values]
"""Requests that go together with the one that runs their statement, by its arguments."""


class Lookups:
    """Reads what statements for single rows find."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._running = 0
        self._open: OpenGroups[Sequence[object], Values] = OpenGroups(database.settings.wait_s)

    async def lookup(self, request: DataRequest, bound: BoundStatement) -> Values:
        """What is shown of each row that a statement finds that is a lookup: one, none, or two
        where its key is not unique.

        request  any with this statement, of the same caller
        bound    the statement with its arguments, which may be others than the request's own
        raises   ODataError by SQLSTATE
        """
        if not self._running:
            return await self._alone(request, bound)
        key = bound.text, request.caller
        group = self._open.get(key)
        if group is None:
            return await self._first(request, key, bound)
        found = group.join(bound.arguments)
        if len(group.waiting) + 1 >= MOST_TOGETHER:
            self._open.close(key, group)
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
        group = self._open.open(key)
        self._running += 1
        try:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            async with caller_session(self._database, request.caller) as session:
                self._open.close(key, group)
                if not group.waiting:
                    return await _values(session, bound)
                return await self._together(request, session, group, bound)
        except BaseException as error:
            group.refuse(error if isinstance(error, _OF_ALL) else None)
            if not group.waiting or not isinstance(error, ODataError) or isinstance(error, _OF_ALL):
                raise
        finally:
            self._open.close(key, group)
            self._running -= 1
        return await self._alone(request, bound)

    async def _together(
        self, request: DataRequest, session: Session, group: LookupGroup, bound: BoundStatement
    ) -> Values:
        """The values of the first of a group; those of the others are given to them."""
        group.begin(session)
        arguments = [bound.arguments, *(each.asked for each in group.waiting)]
        together = request.compiled.lookups(request.variant).bind(arguments)
        first, *others = await _values(session, together)
        COUNTERS.together += 1 + len(others)
        group.answer(others)
        values: Values = first
        return values


async def _values(session: Session, statement: BoundStatement) -> list[Any]:
    """The only column of a statement's rows."""
    return [row[0] for row in await session.fetch(statement)]
