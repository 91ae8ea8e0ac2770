"""One connection, used by one request for one or more statements.

A single statement runs without BEGIN and COMMIT: the connection is read-only by its settings, and two round trips are more than a small
query itself. A snapshot needs a transaction, and so do row-level security's account ids, which must not outlive the request, and which a
pooler would leave behind on another server connection: they travel with BEGIN. Everything is read-only, so COMMIT and ROLLBACK are the
same; ROLLBACK works after errors too and is sent in the background, when the caller has its answer already. asyncpg's
`async with transaction` is not used: on a lost connection it tries to roll back, fails, and its failure hides the cause.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import asyncpg

from odata_gateway.db.connect import Connection, Record
from odata_gateway.db.sqlstate import to_odata_error
from odata_gateway.errors import Internal

if TYPE_CHECKING:
    from odata_gateway.db.pool import Database, Held
    from odata_gateway.db.queue import Lane

T = TypeVar("T")
_GRACE_S = 5.0
"""How much longer than the server's own limit to wait for it, before the connection counts as dead."""


class Session:
    """Made by `Database.session`; a connection is held from `async with` to its end. Not for two tasks at once."""

    def __init__(self, database: Database, lane: Lane, opening: str | None, begun: bool) -> None:
        self._database = database
        self._lane = lane
        self._opening = opening  # what begins the transaction; None: there is none
        self._begun = begun
        self._held: Held | None = None
        self._in_transaction = False
        self._timeout_s = database.settings.statement_timeout_s + _GRACE_S
        self._untouched = True  # no statement has run yet
        self._in_flight = False  # a statement's answer has not been read to its end

    async def __aenter__(self) -> Self:
        self._held = await self._database.acquire(self._lane, self._begun)
        if self._opening is not None:
            try:
                await self._begin(self._opening)
            except BaseException:
                self._give_back()
                raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._give_back()

    def _give_back(self) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        if self._in_transaction or self._in_flight:
            self._database.clean_up(held, in_transaction=self._in_transaction)
        else:
            self._database.release(held)

    @property
    def in_transaction(self) -> bool:
        """Whether a statement that fails ends what the session can do."""
        return self._opening is not None

    async def fetch(self, sql: str, args: Sequence[Any] = (), *, anew: bool = False) -> list[Record]:
        """All rows of one statement, prepared and cached. Raises ODataError by SQLSTATE.

        anew  plan for these arguments: a kept statement gets, after five executions, a plan for any arguments, and a range has no typical
              width. It costs a round trip and the planning.

        A connection that was lost while it lay idle is replaced and the statement sent again, once.
        """
        if anew:
            return await self._run(lambda connection: self._fetch_anew(connection, sql, args))
        return await self._run(lambda connection: connection.fetch(sql, *args))

    async def _fetch_anew(self, connection: Connection, sql: str, args: Sequence[Any]) -> list[Record]:
        statement = await connection.prepare(sql, name="")
        rows: list[Record] = await statement.fetch(*args)
        return rows

    async def _begin(self, opening: str) -> None:
        await self._run(lambda connection: connection.execute(opening))
        self._in_transaction = True

    async def _run(self, statement: Callable[[Connection], Awaitable[T]]) -> T:
        held, untouched = self._live(), self._untouched
        self._untouched, self._in_flight = False, True
        deadlines = self._database.deadlines
        deadlines.start(held, self._timeout_s)
        try:
            try:
                result = await statement(held.connection)
            except Exception:
                if not (untouched and held.reused and held.connection.is_closed()) or held.overdue:
                    raise
                await self._database.renew(held)
                result = await statement(held.connection)
        except Exception as error:
            self._in_flight = not isinstance(error, asyncpg.PostgresError)  # the server has answered, and awaits the next statement
            raise to_odata_error(TimeoutError() if held.overdue else error) from error
        finally:
            deadlines.stop(held)
        self._in_flight = False
        return result

    def _live(self) -> Held:
        if self._held is None:
            raise Internal("the session has ended")
        return self._held


def opening(snapshot: bool, accounts: Sequence[int] | None) -> str | None:
    """The text that begins a session's transaction, in one round trip; None where it needs none.

    accounts  what row-level security shall show, for the length of the transaction; None: nothing is said of them
    """
    if not snapshot and accounts is None:
        return None
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if snapshot else "BEGIN READ ONLY"
    if accounts is None:
        return begin
    return f"{begin}; SET LOCAL odata.accounts = '{{{','.join(str(int(account)) for account in accounts)}}}'"
