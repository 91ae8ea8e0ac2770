"""One connection, used by one request for one or more statements.

A single statement runs without BEGIN and COMMIT: the connection is read-only by its settings, and
two round trips are more than a small query itself. A snapshot needs a transaction, and so do
row-level security's account ids, which must not outlive the request, and which a pooler would leave
behind on another server connection: they travel with BEGIN. Everything is read-only, so COMMIT and
ROLLBACK are the same; ROLLBACK works after errors too and is sent in the background, when the
caller has its answer already. asyncpg's `async with transaction` is not used: on a lost connection
it tries to roll back, fails, and its failure hides the cause.

Behind a pooler in transaction mode every session is a transaction, which brings the session's
settings along, and statements are parsed anew each time. A statement that fails for a passing
reason is repeated once, unless a part of the answer is on its way or the session's snapshot, and
what was read from it, would be lost.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import asyncpg

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.connector import PgConnection, PgRecord
from odata_gateway.db.slow_log import RunningStatement
from odata_gateway.db.sqlstate import cancelled, is_passing, to_odata_error
from odata_gateway.errors import Internal, ODataError
from odata_gateway.observe.counters import COUNTERS
from odata_gateway.observe.request_stats import current_stats

if TYPE_CHECKING:
    from odata_gateway.db.fair_queue import FlowKey
    from odata_gateway.db.pool import Database, PooledConnection

T = TypeVar("T")
_ID = re.compile(r"[A-Za-z0-9._-]{2,64}")
_NAME_BYTES = 63
"""What Postgres keeps of an application's name."""
BEGIN, SNAPSHOT = "BEGIN READ ONLY", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_GRACE_S, _ROUNDING_S = 5.0, 0.02
"""How much longer than the server's own limit to wait for it, before the connection counts as dead;
and by how much clocks may differ."""


class Session:
    """Made by `Database.session`; a connection is held from `async with` to its end. Not for two
    tasks at once."""

    def __init__(self, database: Database, lane: FlowKey, opening: str | None, begun: bool) -> None:
        self._database = database
        self._lane = lane
        self._opening = opening  # what begins the transaction; None: there is none
        self._begun = begun
        self._trail = current_stats.get()
        self._held: PooledConnection | None = None
        self._in_transaction = False
        self._aborted = False  # a statement failed, and the transaction takes no other
        self._timeout_s = database.settings.statement_timeout_s + _GRACE_S
        self._untouched = True  # no statement has run yet
        self._in_flight = False  # a statement's answer has not been read to its end

    async def __aenter__(self) -> Self:
        started = perf_counter()
        try:
            held = self._held = await self._database.acquire(self._lane, self._begun)
        finally:
            self._trail.waited(started)
        if self._opening is not None or held.pooled:
            try:
                await self._run(self._begin, opens=True)
            except BaseException:
                self._give_back()
                raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._give_back()

    def _give_back(self) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        COUNTERS.cancelled += self._in_flight
        if self._in_transaction or self._in_flight:
            self._database.clean_up(held, in_transaction=self._in_transaction)
        else:
            self._database.release(held)

    @property
    def in_snapshot(self) -> bool:
        """Whether the statements belong together, as in a snapshot, so that one that fails ends
        what the session can do."""
        return self._opening is not None and self._opening.startswith(SNAPSHOT)

    async def fetch(self, statement: BoundStatement) -> list[PgRecord]:
        """All rows of one statement; raises ODataError by SQLSTATE.

        The statement is prepared and kept on the connection, unless it must be planned anew. One
        that fails for a passing reason, such as a lost connection, is sent again once.
        """
        held, started = self._live(), perf_counter()
        text, arguments, replan = statement
        held.running = RunningStatement(text, self._trail, started)
        try:
            if held.pooled:
                return await self._run(lambda _: held.fetch_unprepared(text, arguments))
            if replan:
                return await self._run(lambda c: self._fetch_replanned(c, text, arguments))
            return await self._run(lambda connection: connection.fetch(text, *arguments))
        finally:
            self._ended(held, text, started)

    def _ended(self, held: PooledConnection, sql: str, started: float) -> None:
        took_s = self._trail.ran(sql, started)
        if took_s == self._trail.slowest_s:
            self._trail.backend = held.backend
        self._database.slow.ended(held, took_s)

    async def _fetch_replanned(
        self, connection: PgConnection, sql: str, args: Sequence[Any]
    ) -> list[PgRecord]:
        statement = await connection.prepare(sql, name="")
        rows: list[PgRecord] = await statement.fetch(*args)
        return rows

    async def _begin(self, connection: PgConnection) -> None:
        text = self._opening
        if self._live().pooled:
            text = (text or BEGIN) + self._database.settings.local_settings
        if text is not None:
            await connection.execute(text + self._named())
            self._in_transaction = True

    def _named(self) -> str:
        """The request's id for pg_stat_activity: it costs nothing where a message goes ahead of the
        statement anyway."""
        if not _ID.fullmatch(self._trail.id):
            return ""
        name = f"{self._database.settings.application_name}/{self._trail.id}"[:_NAME_BYTES]
        return f"; SET LOCAL application_name = '{name}'"

    async def _run(
        self, statement: Callable[[PgConnection], Awaitable[T]], *, opens: bool = False
    ) -> T:
        held = self._live()
        can_repeat = not self._begun and (self._untouched or not self.in_snapshot)
        self._untouched, self._in_flight = self._untouched and opens, True
        deadlines = self._database.deadlines
        deadlines.start(held, self._timeout_s)
        try:
            try:
                if self._aborted and not self.in_snapshot:
                    await self._start_over(held, opens)
                result = await statement(held.connection)
            except Exception as error:
                if (
                    not can_repeat
                    or held.overdue
                    or not (held.connection.is_closed() or is_passing(error))
                ):
                    raise
                await self._start_over(held, opens)
                result = await statement(held.connection)
        except Exception as error:
            self._in_flight = not isinstance(
                error, asyncpg.PostgresError
            )  # the server has answered, and awaits the next statement
            self._aborted = self._in_transaction
            raise self._meaning(held, error) from error
        finally:
            deadlines.stop(held)
        self._in_flight = False
        return result

    def _meaning(self, held: PooledConnection, error: Exception) -> ODataError:
        """The answer to an error. A statement that was cancelled although it had time left was
        cancelled by somebody, not by its limit: the server's words would tell the two apart, but
        are in the server's language."""
        if held.overdue:
            return to_odata_error(TimeoutError())
        if (
            isinstance(error, asyncpg.QueryCanceledError)
            and self._database.deadlines.left(held) > _GRACE_S + _ROUNDING_S
        ):
            return cancelled()
        return to_odata_error(error)

    async def _start_over(self, held: PooledConnection, opens: bool) -> None:
        """A connection, and a transaction where there was one, in which nothing has failed."""
        if held.connection.is_closed():
            await self._database.renew(held)
        elif self._in_transaction:
            await held.connection.execute("ROLLBACK")
        self._in_transaction = self._aborted = False
        if not opens:
            await self._begin(held.connection)

    def _live(self) -> PooledConnection:
        if self._held is None:
            raise Internal("the session has ended")
        return self._held


def opening(snapshot: bool, accounts: Sequence[int] | None) -> str | None:
    """The text that begins a session's transaction, in one round trip; None where it needs none.

    accounts  what row-level security shall show, for the length of the transaction; None: nothing
              is said of them
    """
    if not snapshot and accounts is None:
        return None
    begin = SNAPSHOT if snapshot else BEGIN
    if accounts is None:
        return begin
    return f"{begin}; SET LOCAL odata.accounts = '{{{','.join(str(int(account)) for account in accounts)}}}'"
