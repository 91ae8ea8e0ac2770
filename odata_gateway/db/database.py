"""A database to read from: sessions on its connections, and whether it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Self

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.dialer import NewConnection
from odata_gateway.db.fair_queue import FlowKey
from odata_gateway.db.pool import ConnectionPool
from odata_gateway.db.session import Session, opening
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.errors import DbBusy, DbUnavailable

_PING_S = 3.0


class Database:
    """Made by `open`, which connects to nothing: the first session does, and a database that is
    down is that session's DbUnavailable."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.settings = settings
        self._pool = ConnectionPool(settings)
        self._namesakes: tuple[str, ...] = ()

    @classmethod
    async def open(cls, settings: DatabaseSettings) -> Self:
        """A database with its slow log running; needs an event loop."""
        database = cls(settings)
        pool = database._pool
        pool.slow_log.begin(pool.running)
        return database

    def session(
        self,
        flow: FlowKey = None,
        *,
        accounts: Sequence[object] = (),
        role: str | None = None,
        claims: str | None = None,
        snapshot: bool = False,
        response_started: bool = False,
    ) -> Session:
        """One connection for the length of an `async with`.

        flow              whose turn it takes, and whose share of the connections (see
                          `fair_queue`)
        accounts          what row-level security shall show where it is in use
        role, claims      as which role statements run, and `request.jwt.claims` for its policies;
                          None: the connection's own, and no claims
        snapshot          all statements see the database as of the first one (REPEATABLE READ
                          READ ONLY); otherwise each sees its own moment
        response_started  a part of the response has been sent, so waiting is better than failing
        raises            DbBusy after the longest wait; DbUnavailable when there is no database
        """
        shown = accounts if self.settings.row_security and accounts else None
        return Session(self._pool, flow, opening(snapshot, shown, role, claims), response_started)

    async def dial(self) -> NewConnection:
        """A connection that is none of the pool's; its owner ends it.

        raises  DbUnavailable
        """
        return await self._pool.connector.connect()

    async def ping(self) -> None:
        """Return when the database answers, or is merely busy.

        raises  DbUnavailable within a few seconds otherwise
        """
        if not self._pool.has_free_slot:
            return
        try:
            async with asyncio.timeout(_PING_S), self.session() as session:
                await session.fetch(BoundStatement("SELECT 1"))
        except DbBusy:
            return
        except TimeoutError:
            if not self._pool.has_free_slot:
                return
            raise DbUnavailable("the database does not answer") from None

    async def close(self) -> None:
        """Close idle connections, wait a moment for what is being undone, and cut the rest."""
        await self._pool.close()

    async def fault_of(self, dsn: str) -> str | None:
        """Why this DSN leads to no database now; None where it does."""
        return await self._pool.connector.fault_of(dsn)

    def use_dsn(self, dsn: str) -> None:
        """Connect to this from now on. Idle connections serve once more, those in use as long as
        they would have."""
        self._pool.connector.use_dsn(dsn)
        self._pool.expire_idle()

    def note_namesakes(self, found: tuple[str, ...]) -> None:
        """Set up each connection anew where others than before keep the search path from being
        used: a connection looks for them only when it is made."""
        if found != self._namesakes:
            self._namesakes = found
            self._pool.renew_all()

    @property
    def counts(self) -> dict[str, int]:
        """Open, idle and used connections, and sessions that wait for one."""
        return self._pool.counts

    @property
    def is_up(self) -> bool:
        """Whether the last attempt to connect succeeded, or none was made yet."""
        return not self._pool.connector.is_down

    @property
    def spare(self) -> int:
        """How many connections an answer may use beyond the one it needs."""
        return self._pool.spare
