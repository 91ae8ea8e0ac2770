"""The database: a fair, bounded set of connections, each for one session at a time.

Connections are held here and not by asyncpg's pool, for order (see `queue`) and because that pool
sends a reset query after each use, which costs a small request as much as its own query. None is
needed: every statement is the gateway's own SELECT, so no session state, lock, listener or
temporary table can be left behind; and what a session leaves unfinished is undone in the background
before its slot is free.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from asyncpg.prepared_stmt import PreparedStatement

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.connector import Connector, DatabaseSettings, PgConnection, PgRecord
from odata_gateway.db.deadlines import Deadlines
from odata_gateway.db.fair_queue import FairQueue, FlowKey
from odata_gateway.db.session import Session, opening
from odata_gateway.db.slow_log import IDLE, RunningStatement, SlowLog
from odata_gateway.errors import DbBusy, DbUnavailable

_LOG = logging.getLogger("odata_gateway.db")
_CLEAN_UP_S = 2.0
_PING_S = 3.0
_UNPREPARED = 256
"""Statements of a connection behind a pooler whose types are known."""


@dataclass(slots=True, eq=False)
class PooledConnection:
    """A connection and until when to use it, whether a pooler stands behind it, its server process
    (0 where that may be any), whose it is now, whether it was cut because an answer was overdue,
    and the statement that runs on it."""

    connection: PgConnection
    use_until: float
    pooled: bool = False
    backend: int = 0
    lane: FlowKey = None
    overdue: bool = False
    running: RunningStatement = IDLE
    unprepared: OrderedDict[str, PreparedStatement[PgRecord]] = field(default_factory=OrderedDict)

    async def fetch_unprepared(self, sql: str, args: Sequence[Any]) -> list[PgRecord]:
        """All rows of a statement that leaves nothing on the server: after the first time, which
        asks for the types of its parameters and columns (our statements name them all), it is
        parsed and run in one message."""
        statement = self.unprepared.get(sql)
        if statement is None:
            statement = self.unprepared[sql] = await self.connection.prepare(sql, name="")
            if len(self.unprepared) > _UNPREPARED:
                self.unprepared.popitem(last=False)
        else:
            self.unprepared.move_to_end(sql)
        rows: list[PgRecord] = await statement.fetch(*args)
        return rows


def _cut(held: PooledConnection) -> None:
    """The server's own limit is long past, so the connection is dead."""
    held.overdue = True
    held.connection.terminate()


class Database:
    """Made by `open`, which connects to nothing: the first session does, and a database that is
    down is that session's DbUnavailable."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.settings = settings
        self._connector = Connector(settings)
        self._queue = FairQueue(
            settings.max_connections, max_waiting=settings.max_waiting, wait_s=settings.wait_s
        )
        self.deadlines = Deadlines(_cut)
        self.slow = SlowLog(settings.slow_s)
        self._idle: list[
            PooledConnection
        ] = []  # the last one used is the next one taken: its caches are warm, the others may grow old
        self._held: set[PgConnection] = set()
        self._wanting: deque[asyncio.Future[PooledConnection | None]] = (
            deque()
        )  # sessions that have a slot and no connection
        self._cleaning: set[asyncio.Task[None]] = set()
        self._closed = False

    @classmethod
    async def open(cls, settings: DatabaseSettings) -> Database:
        database = cls(settings)
        database.slow.begin(lambda: database.deadlines)
        return database

    def session(
        self,
        lane: FlowKey = None,
        *,
        accounts: Sequence[int] = (),
        snapshot: bool = False,
        begun: bool = False,
    ) -> Session:
        """One connection for the length of an `async with`; raises DbBusy after the longest wait,
        DbUnavailable when there is no database.

        lane      whose turn it takes, and whose share of the connections (see `queue`)
        accounts  what row-level security shall show where it is in use
        snapshot  all statements see the database as of the first one (REPEATABLE READ READ ONLY);
                  otherwise each sees its own moment
        begun     the answer is on its way already: better late than broken
        """
        return Session(
            self,
            lane,
            opening(snapshot, accounts if self.settings.row_security and accounts else None),
            begun,
        )

    async def ping(self) -> None:
        """Return when the database answers, or is merely busy; raises DbUnavailable within a few
        seconds otherwise."""
        if not self._queue.free:
            return
        try:
            async with asyncio.timeout(_PING_S):
                async with self.session() as session:
                    await session.fetch(BoundStatement("SELECT 1"))
        except DbBusy:
            return
        except TimeoutError:
            if not self._queue.free:
                return
            raise DbUnavailable("the database does not answer") from None

    async def close(self) -> None:
        """Close idle connections, wait a moment for what is being undone, and cut the rest."""
        self._closed = True
        self.slow.end()
        if self._cleaning:
            await asyncio.wait(set(self._cleaning), timeout=_CLEAN_UP_S)
        idle, self._idle = self._idle, []
        await asyncio.gather(
            *(held.connection.close(timeout=_CLEAN_UP_S) for held in idle), return_exceptions=True
        )
        for connection in tuple(self._held):
            connection.terminate()
        self._held.clear()

    async def fault_of(self, dsn: str) -> str | None:
        """Why this leads to no database now; None where it does."""
        return await self._connector.fault_of(dsn)

    def use_dsn(self, dsn: str) -> None:
        """Connect to this from now on. Idle connections serve once more, those in use as long as
        they would have."""
        self._connector.use_dsn(dsn)
        for held in self._idle:
            held.use_until = 0.0

    @property
    def counts(self) -> dict[str, int]:
        """Open, idle and used connections, and sessions that wait for one."""
        return {
            "open": len(self._held),
            "idle": len(self._idle),
            "used": self.settings.max_connections - self._queue.free,
            "waiting": self._queue.waiting,
        }

    @property
    def is_up(self) -> bool:
        """Whether the last attempt to connect succeeded, or none was made yet."""
        return not self._connector.is_down

    @property
    def spare(self) -> int:
        """Connections an answer may use that does not need them: half of all stay free for others,
        and none is spare while one waits."""
        return (
            0
            if self._queue.waiting
            else max(0, self._queue.free - self.settings.max_connections // 2)
        )

    # --- For Session ------------------------------------------------------------------------------

    async def acquire(self, lane: FlowKey, begun: bool) -> PooledConnection:
        """A connection, when its lane has its turn."""
        if self._closed:
            raise DbUnavailable("the gateway is shutting down")
        await self._queue.enter(lane, begun=begun)
        try:
            held = self._take_idle() or await self._connect_or_wait()
        except BaseException:
            self._queue.leave(lane)
            raise
        held.lane = lane
        return held

    async def renew(self, held: PooledConnection) -> None:
        """Another connection in the place of one that turned out to be lost; the slot stays
        taken."""
        self._drop(held)
        fresh = await self._connect_or_wait()
        held.connection, held.use_until, held.pooled, held.backend = (
            fresh.connection,
            fresh.use_until,
            fresh.pooled,
            fresh.backend,
        )
        held.unprepared = fresh.unprepared

    def release(self, held: PooledConnection) -> None:
        """Take back a connection with no transaction and nothing in flight."""
        lane = held.lane
        usable = not (
            held.connection.is_closed() or self._closed or time.monotonic() > held.use_until
        )
        if not usable:
            self._drop(held)
        if self._wanting:
            self._hand_over(held if usable else None)
        elif usable:
            self._idle.append(held)
        self._queue.leave(lane)

    def clean_up(self, held: PooledConnection, *, in_transaction: bool) -> None:
        """Take back any other connection: its slot is free once the server has acknowledged the
        cancellation and the rollback."""
        task = asyncio.get_running_loop().create_task(self._clean(held, in_transaction))
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)

    # -----------------------------------------------------------------------------------------------------------------------------

    async def _clean(self, held: PooledConnection, in_transaction: bool) -> None:
        connection, clean = held.connection, False
        try:
            async with asyncio.timeout(_CLEAN_UP_S):
                if in_transaction:
                    await connection.execute("ROLLBACK")
                elif not connection.is_closed():
                    await connection.execute("SELECT 1")
            clean = connection.is_closed() or not connection.is_in_transaction()
        except Exception as error:
            _LOG.debug("a connection could not be cleaned and is cut: %s", type(error).__name__)
        finally:
            if not clean:
                connection.terminate()
            self.release(held)

    def _take_idle(self) -> PooledConnection | None:
        while self._idle:
            held = self._idle.pop()
            if not held.connection.is_closed():
                return held
            self._drop(held)
        return None

    async def _connect_or_wait(self) -> PooledConnection:
        """A new connection; where the server takes no more than we have, the next of ours that is
        free.

        raises  DbUnavailable, DbBusy after the longest wait
        """
        while True:
            try:
                return await self._connect()
            except DbUnavailable:
                if self._closed or not self._connector.is_full or not self._held:
                    raise
            held = self._take_idle() or await self._handed_over()
            if held is not None:
                return held

    async def _handed_over(self) -> PooledConnection | None:
        """What the next session leaves behind: its connection, or None where that is of no use."""
        turn: asyncio.Future[PooledConnection | None] = asyncio.get_running_loop().create_future()
        self._wanting.append(turn)
        try:
            async with asyncio.timeout(self.settings.wait_s):
                return await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._hand_over(turn.result())
            turn.cancel()
            if isinstance(error, TimeoutError):
                raise DbBusy(
                    f"no database connection became free in {self.settings.wait_s:g} s"
                ) from None
            raise

    def _hand_over(self, held: PooledConnection | None) -> None:
        """To the first who waits for it, or to those who are idle."""
        while self._wanting:
            turn = self._wanting.popleft()
            if not turn.done():
                turn.set_result(held)
                return
        if held is not None:
            self._idle.append(held)

    async def _connect(self) -> PooledConnection:
        made = await self._connector.connect()
        if self._closed:
            made.connection.terminate()
            raise DbUnavailable("the gateway is shutting down")
        self._held.add(made.connection)
        backend = 0 if made.pooled else made.connection.get_server_pid()
        return PooledConnection(
            made.connection, time.monotonic() + made.use_s, made.pooled, backend
        )

    def _drop(self, held: PooledConnection) -> None:
        self._held.discard(held.connection)
        if not held.connection.is_closed():
            held.connection.terminate()
