"""Runs the statements of a request for the request's caller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Any, TypeVar

from odata_gateway.db.database import Database
from odata_gateway.db.hosts import PgRecord
from odata_gateway.db.session import Session
from odata_gateway.handlers.accounts.account_statements import Reading, read_each, readings
from odata_gateway.handlers.request import DataRequest, no_entity
from odata_gateway.handlers.together.shared_reads import SharedReads
from odata_gateway.identity.caller import Caller
from odata_gateway.sql.statement import StatementKind

_T = TypeVar("_T")


def caller_session(
    database: Database,
    caller: Caller,
    *,
    snapshot: bool = False,
    response_started: bool = False,
) -> Session:
    """A connection in the caller's turn, on which statements see what the caller may see."""
    return database.session(
        caller.subject,
        accounts=caller.accounts,
        role=caller.role,
        claims=caller.claims,
        snapshot=snapshot,
        response_started=response_started,
    )


class QueryExecutor:
    """Reads what the statements of requests find."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._shared: SharedReads[Any] = SharedReads(database.settings.wait_s)

    def session(self, request: DataRequest, *, snapshot: bool = False) -> Session:
        """A connection in the caller's turn, which sees the caller's accounts.

        snapshot  all statements see the database as of the first one
        """
        return caller_session(self._database, request.caller, snapshot=snapshot)

    async def fetch(self, request: DataRequest, kind: StatementKind = "rows") -> list[PgRecord]:
        """The records of one of a request's statements, on a connection of its own; of several
        accounts that are read apart, those of all. Numbers of rows are to be summed up.

        raises  ODataError by SQLSTATE, BindValue, BindType
        """
        if request.variant.shard_accounts > 1:
            reads = readings(request.compiled, request.variant, kind, request.values())
            if reads:
                return await self._fetch_each(request, reads)
        statement = request.statement(kind)
        return await self.read(request, kind, lambda session: session.fetch(statement))

    async def read(
        self,
        request: DataRequest,
        what: Hashable,
        work: Callable[[Session], Awaitable[_T]],
        *,
        snapshot: bool = False,
    ) -> _T:
        """What `work` finds on a session of the request; requests that are alike and wait together
        share it.

        what      says of requests that are alike what `work` reads for them
        snapshot  all statements see the database as of the first one
        raises    as `work`
        """
        session = partial(self.session, request, snapshot=snapshot)
        found: _T = await self._shared.read((what, request.alike), session, work)
        return found

    async def _fetch_each(
        self, request: DataRequest, reads: Sequence[Reading[list[PgRecord]]]
    ) -> list[PgRecord]:
        async with self.session(request) as session:
            found = await read_each(self._database, session, lambda: self.session(request), reads)
        return [record for records in found for record in records]

    async def require_parent(self, request: DataRequest) -> None:
        """Raise BindNoEntity where the path before the last segment leads to nothing (Protocol
        11.2.7)."""
        if request.compiled.query.parent is not None and not await self.fetch(request, "parent"):
            raise no_entity()
