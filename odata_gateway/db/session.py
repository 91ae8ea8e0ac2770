"""One connection, used by one request for one or more statements.

A single statement runs without BEGIN and COMMIT: the connection is read-only by its settings, and
two round trips cost more than a small query itself. A snapshot needs a transaction. So do
row-level security's account ids, and the role and claims of a caller: they must not outlive the
request, and a pooler would leave them behind on another server connection, so they travel with
BEGIN. BEGIN goes with the first statement, in one round trip. Everything is read-only, so COMMIT
and ROLLBACK are the same; ROLLBACK works after errors too. It is sent when the caller has its
answer already, and nobody waits for it (`wire.fast_messages`). asyncpg's `async with transaction`
is not used: on a lost connection it tries to roll back, fails, and its failure hides the cause.

Behind a pooler in transaction mode every session is a transaction, which brings the session's
settings along; BEGIN and ROLLBACK are waited for, and statements are parsed each time. A statement
that fails for a passing reason is repeated once, unless a part of the response has been sent, or
the session's snapshot, and what was read from it, would be lost.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from enum import Enum
from time import perf_counter
from types import TracebackType
from typing import Self, TypeVar

import asyncpg

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.fair_queue import FlowKey
from odata_gateway.db.hosts import PgRecord
from odata_gateway.db.pool import ConnectionPool
from odata_gateway.db.pooled_connection import PooledConnection, RunningStatement
from odata_gateway.db.sqlstate import cancelled, is_outdated, is_passing, to_odata_error
from odata_gateway.errors import AuthForbidden, Internal, ODataError
from odata_gateway.observe.counters import COUNTERS
from odata_gateway.observe.request_stats import RequestStats, current_stats

_T = TypeVar("_T")
_ID = re.compile(r"[A-Za-z0-9._-]{2,64}")
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9 ._:@|+~-]")
_NAME_BYTES = 63
"""What Postgres keeps of an application's name."""
_BEGIN, _BEGIN_SNAPSHOT = "BEGIN READ ONLY", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_LIMIT = "SELECT set_config('statement_timeout', $1::text, true)"
_NOT_BECOME = (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidParameterValueError)
"""What SET ROLE answers for a role that has not been granted, and for one that is gone."""
_GRACE_S, _ROUNDING_S = 5.0, 0.02
"""How much longer than the server's own limit to wait for it, before the connection counts as dead;
and by how much clocks may differ."""


class SessionState(Enum):
    """What a session's connection does: its meaning, whether a transaction is open on it, and
    whether the answer to a statement is outstanding (in flight).

    The session stays in flight if the answer to a statement does not arrive completely, as when the
    task is cancelled or the connection is lost.
    """

    READY = "no transaction is open", False, False
    BEGINNING = "BEGIN is in flight", False, True
    READING = "a statement outside a transaction is in flight", False, True
    BEGUN = "a transaction is open, and nothing has been read in it", True, False
    READING_IN_TRANSACTION = "a statement in a transaction is in flight", True, True
    READ = "a transaction is open, and something has been read in it", True, False
    ABORTED = "a statement failed in the transaction, which takes no other", True, False

    def __init__(self, _meaning: str, in_transaction: bool, in_flight: bool) -> None:
        self.in_transaction = in_transaction
        self.in_flight = in_flight

    __hash__ = object.__hash__  # by identity; Enum's own is a Python function


class SessionEvent(Enum):
    """What moves a session from one state to the next."""

    BEGIN_SENT = "BEGIN was sent"
    STATEMENT_SENT = "a statement was sent"
    BOTH_SENT = "BEGIN was sent, and a statement behind it"
    ANSWERED = "the server has done what it was asked"
    REFUSED = "the server has answered with an error"
    RESTARTED = "the connection has no transaction, or is a new one"

    __hash__ = object.__hash__


TRANSITIONS = {
    (SessionState.READY, SessionEvent.BEGIN_SENT): SessionState.BEGINNING,
    (SessionState.READY, SessionEvent.STATEMENT_SENT): SessionState.READING,
    (SessionState.READY, SessionEvent.BOTH_SENT): SessionState.READING_IN_TRANSACTION,
    (SessionState.READY, SessionEvent.RESTARTED): SessionState.READY,
    (SessionState.BEGINNING, SessionEvent.ANSWERED): SessionState.BEGUN,
    # What stands behind BEGIN in its message may be refused: the transaction is open then.
    (SessionState.BEGINNING, SessionEvent.REFUSED): SessionState.ABORTED,
    (SessionState.BEGINNING, SessionEvent.RESTARTED): SessionState.READY,
    (SessionState.READING, SessionEvent.ANSWERED): SessionState.READY,
    (SessionState.READING, SessionEvent.REFUSED): SessionState.READY,
    (SessionState.READING, SessionEvent.RESTARTED): SessionState.READY,
    (SessionState.BEGUN, SessionEvent.STATEMENT_SENT): SessionState.READING_IN_TRANSACTION,
    (SessionState.READING_IN_TRANSACTION, SessionEvent.ANSWERED): SessionState.READ,
    (SessionState.READING_IN_TRANSACTION, SessionEvent.REFUSED): SessionState.ABORTED,
    (SessionState.READING_IN_TRANSACTION, SessionEvent.RESTARTED): SessionState.READY,
    (SessionState.READ, SessionEvent.STATEMENT_SENT): SessionState.READING_IN_TRANSACTION,
    (SessionState.ABORTED, SessionEvent.RESTARTED): SessionState.READY,
    # In a snapshot, which cannot start over: Postgres refuses the statement, or it goes on where
    # only its arguments were wrong.
    (SessionState.ABORTED, SessionEvent.STATEMENT_SENT): SessionState.READING_IN_TRANSACTION,
    (SessionState.READING_IN_TRANSACTION, SessionEvent.STATEMENT_SENT): (
        SessionState.READING_IN_TRANSACTION
    ),
}


class Session:
    """Made by `Database.session`; it has a connection from `async with` to its end. Not for two
    tasks at once.

    in_snapshot  whether all statements see the same moment, so that one that fails ends what the
                 session can do
    """

    def __init__(
        self, pool: ConnectionPool, flow: FlowKey, opening: str | None, response_started: bool
    ) -> None:
        self._pool = pool
        self._flow = flow
        self._opening = opening  # what begins the transaction; None: there is none
        self.in_snapshot = opening is not None and opening.startswith(_BEGIN_SNAPSHOT)
        self._response_started = response_started
        self._stats = current_stats.get()
        self._others: Sequence[RequestStats] = ()
        self._pooled: PooledConnection | None = None
        self._state = SessionState.READY
        self._is_begun = True
        self._timeout_s = pool.settings.statement_timeout_s + _GRACE_S

    async def __aenter__(self) -> Self:
        started = perf_counter()
        try:
            pooled = self._pooled = await self._pool.acquire(self._flow, self._response_started)
        finally:
            self._stats.add_wait_time(started)
        if pooled.behind_pooler:
            try:
                await self._run(pooled, self._begin)
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
        pooled, self._pooled, state = self._pooled, None, self._state
        if pooled is None:
            return
        COUNTERS.cancelled += state.in_flight
        ends_now = not (pooled.behind_pooler or state.in_flight or pooled.connection.is_closed())
        if state.in_transaction and ends_now:
            pooled.unawaited().send("ROLLBACK")
            self._pool.release(pooled)
        elif state.in_transaction or state.in_flight:
            self._pool.clean_up(pooled, in_transaction=state.in_transaction)
        else:
            self._pool.release(pooled)

    @property
    def backend(self) -> int:
        """Process id of the server process; 0 behind a pooler, where it changes."""
        return self._live().backend

    def serves(self, others: Sequence[RequestStats]) -> None:
        """Count the further statements for other requests, too."""
        self._others = others

    async def limit_statements(self, seconds: float) -> None:
        """Have the further statements of this transaction end after a time of their own."""
        milliseconds = str(max(1, round(seconds * 1000)))
        await self.fetch(BoundStatement(_LIMIT, (milliseconds,)))
        self._timeout_s = seconds + _GRACE_S

    async def fetch(self, statement: BoundStatement) -> list[PgRecord]:
        """All rows of one statement.

        raises  ODataError by SQLSTATE; what fails for a passing reason, such as a lost connection,
                is sent again once
        """
        pooled, started = self._live(), perf_counter()
        pooled.running = RunningStatement(statement.text, self._stats, started)
        try:
            return await self._run(pooled, lambda: self._send(pooled, statement))
        finally:
            took_s = self._stats.add_query_time(statement.text, started, pooled.backend)
            self._pool.slow_log.ended(pooled, took_s)
            for stats in self._others:
                stats.add_query_time(statement.text, started, pooled.backend)

    async def once(self, statement: BoundStatement) -> None:
        """Run a statement that prepares the server process for others, unless it has run on this
        connection; not in a snapshot. Where it fails, what follows meets the reason, or has none.
        """
        pooled = self._live()
        if not pooled.behind_pooler and pooled.is_first(statement):
            with suppress(ODataError):
                await self.fetch(statement)

    # --- Sending, once or twice -------------------------------------------------------------------

    async def _run(self, pooled: PooledConnection, send: Callable[[], Awaitable[_T]]) -> _T:
        """The result of `send`, at the first or the second try.

        raises  the ODataError of what fails, also of a passed deadline
        """
        before = self._state
        deadlines = self._pool.deadlines
        deadlines.start(pooled, self._timeout_s)
        try:
            if self._must_start_over():
                await self._start_over(pooled)
            return await send()
        except Exception as error:
            if is_outdated(error):
                await pooled.forget_statements()
            if not self._may_repeat(pooled, before, error):
                raise self._meaning(pooled, error) from error
            return await self._run_again(pooled, send)
        finally:
            deadlines.stop(pooled)

    async def _run_again(self, pooled: PooledConnection, send: Callable[[], Awaitable[_T]]) -> _T:
        """The result of `send` at the second try."""
        try:
            await self._start_over(pooled)
            return await send()
        except Exception as error:
            raise self._meaning(pooled, error) from error

    def _may_repeat(self, pooled: PooledConnection, before: SessionState, error: Exception) -> bool:
        """Whether a statement that failed is sent again: it failed for a passing reason, the client
        has received nothing yet, and no snapshot is lost from which something was read.

        before  the state in which it was sent
        """
        is_passing_fault = pooled.connection.is_closed() or is_passing(error)
        if pooled.overdue or self._response_started or not is_passing_fault:
            return False
        return not self.in_snapshot or before in (SessionState.READY, SessionState.BEGUN)

    def _must_start_over(self) -> bool:
        """Whether the statement before has failed in such a way that the next one would as well.
        A snapshot cannot start over, once something may have been read from it."""
        state = self._state
        if state is SessionState.ABORTED or state is SessionState.READING_IN_TRANSACTION:
            return not self.in_snapshot
        return state.in_flight

    async def _start_over(self, pooled: PooledConnection) -> None:
        """Have a connection without a transaction, on which nothing has failed."""
        if pooled.connection.is_closed():
            await self._pool.renew(pooled)
        elif self._state.in_transaction:
            await pooled.connection.execute("ROLLBACK")
        self._state = TRANSITIONS[self._state, SessionEvent.RESTARTED]

    def _send(
        self, pooled: PooledConnection, statement: BoundStatement
    ) -> Awaitable[list[PgRecord]]:
        if self._state is SessionState.READY and pooled.behind_pooler:
            return self._begin_and_send(pooled, statement)
        if self._state is SessionState.READY and self._opening is not None:
            return self._send_with_begin(pooled, statement)
        return self._answer(SessionEvent.STATEMENT_SENT, pooled.fetch(statement))

    async def _begin_and_send(
        self, pooled: PooledConnection, statement: BoundStatement
    ) -> list[PgRecord]:
        """As `_send`, after a restart has ended the transaction."""
        await self._begin()
        return await self._answer(SessionEvent.STATEMENT_SENT, pooled.fetch(statement))

    async def _send_with_begin(
        self, pooled: PooledConnection, statement: BoundStatement
    ) -> list[PgRecord]:
        """BEGIN and a statement in one round trip."""
        messages = pooled.unawaited()
        messages.send(f"{self._opening}{self._named()}", notes_fault=True)
        self._is_begun = False
        try:
            rows = await self._answer(SessionEvent.BOTH_SENT, pooled.fetch(statement))
        except asyncpg.PostgresError:
            if messages.fault is not None:
                raise messages.fault from None
            self._is_begun = True
            raise
        self._is_begun = True
        return rows

    async def _begin(self) -> None:
        """Begin a transaction with the settings that a pooler does not keep."""
        pooled = self._live()
        text = (self._opening or _BEGIN) + self._pool.settings.local_settings
        if pooled.search_path is not None:
            text += f"; SET LOCAL search_path = {pooled.search_path}"
        self._is_begun = False
        sent = pooled.connection.execute(text + self._named())
        await self._answer(SessionEvent.BEGIN_SENT, sent)
        self._is_begun = True

    async def _answer(self, sent: SessionEvent, answer: Awaitable[_T]) -> _T:
        """What comes back for what is sent now."""
        self._state = TRANSITIONS[self._state, sent]
        try:
            result = await answer
        except asyncpg.PostgresError:
            self._state = TRANSITIONS[self._state, SessionEvent.REFUSED]
            raise
        self._state = TRANSITIONS[self._state, SessionEvent.ANSWERED]
        return result

    def _named(self) -> str:
        """The request's id and its subject for pg_stat_activity: they cost nothing in a message
        that is sent anyway."""
        if not _ID.fullmatch(self._stats.id):
            return ""
        name = f"{self._pool.settings.application_name}/{self._stats.id}"
        if self._flow is not None:
            name += "/" + _NOT_IN_NAME.sub("?", self._flow)
        return f"; SET LOCAL application_name = '{name[:_NAME_BYTES]}'"

    def _meaning(self, pooled: PooledConnection, error: Exception) -> ODataError:
        """The ODataError of an error.

        A statement that was cancelled although it had time left was cancelled by an operator, not
        by its limit. The server's message would tell the two apart, but is in the server's
        language.
        """
        if pooled.overdue:
            return to_odata_error(TimeoutError())
        if not self._is_begun and isinstance(error, _NOT_BECOME):
            return AuthForbidden("the database does not let the gateway use this caller's role")
        has_time_left = self._pool.deadlines.left(pooled) > _GRACE_S + _ROUNDING_S
        if isinstance(error, asyncpg.QueryCanceledError) and has_time_left:
            return cancelled()
        return to_odata_error(error)

    def _live(self) -> PooledConnection:
        if self._pooled is None:
            raise Internal("the session has ended")
        return self._pooled


def opening(
    snapshot: bool,
    accounts: Sequence[object] | None = None,
    role: str | None = None,
    claims: str | None = None,
) -> str | None:
    """The text that begins a session's transaction, in one round trip; None where it needs none.
    What it sets is for the length of the transaction.

    accounts  what sql/live_agent/rls.sql shall show: whole numbers; None: the setting is left alone
    role      the role that statements run as; None: the connection's own
    claims    JSON for `request.jwt.claims`; None: the setting is left alone
    """
    settings = ""
    if accounts is not None:
        ids = ",".join(str(account) for account in accounts if isinstance(account, int))
        settings += f"; SET LOCAL odata.accounts = '{{{ids}}}'"
    if claims is not None:
        settings += f"; SET LOCAL request.jwt.claims = {_constant(claims)}"
    if role is not None:
        settings += f"; SET LOCAL ROLE {_role_name(role)}"
    if not snapshot and not settings:
        return None
    return (_BEGIN_SNAPSHOT if snapshot else _BEGIN) + settings


def _constant(text: str) -> str:
    """A text as SQL that means the same with standard_conforming_strings on and off."""
    if "\0" in text:
        raise Internal("a setting of the transaction has a NUL character")
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _role_name(role: str) -> str:
    """A role's name as SQL. SET ROLE takes "none" for the role that has logged in, and Postgres
    allows no role of that name."""
    if role in ("", "none") or "\0" in role:
        raise AuthForbidden(f"there can be no role '{role[:63]}'")
    return '"' + role.replace('"', '""') + '"'
