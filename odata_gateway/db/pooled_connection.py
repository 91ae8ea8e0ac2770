"""A connection of the pool, and the statement that runs on it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import NamedTuple

from asyncpg.prepared_stmt import PreparedStatement

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.fair_queue import FlowKey
from odata_gateway.db.hosts import PgConnection, PgRecord
from odata_gateway.db.wire.fast_messages import UnawaitedMessages
from odata_gateway.observe.request_stats import DISCARDED_STATS, RequestStats

_MOST_UNPREPARED = 256
"""Statements that are not kept on the server whose parameter and column types are remembered."""

_MOST_ONCE = 256


class RunningStatement(NamedTuple):
    """A statement on a connection: its text, the request it belongs to, when it began by
    time.perf_counter(), and whether the log has reported it as slow."""

    sql: str
    stats: RequestStats
    started: float
    reported: bool = False


IDLE = RunningStatement("", DISCARDED_STATS, float("inf"))
"""On a connection that runs no statement; a BEGIN or ROLLBACK may be under way."""


@dataclass(slots=True, eq=False)
class PooledConnection:
    """A connection, until when to use it by time.monotonic(), and what happens on it.

    behind_pooler  whether a pooler in transaction mode stands between
    search_path    what each transaction sets, where it is not the narrow one
    backend        process id of the server process; 0 behind a pooler, where it changes
    flow           the flow whose slot in the queue the connection has now
    overdue        whether it was cut because a statement ran past its deadline
    messages       those of transactions, once there was one; not behind a pooler
    unprepared     statements whose types are known, the most recently used last
    once           statements that need not run again on it, with their arguments
    """

    connection: PgConnection
    use_until: float
    behind_pooler: bool = False
    backend: int = 0
    flow: FlowKey = None
    overdue: bool = False
    running: RunningStatement = IDLE
    search_path: str | None = None
    messages: UnawaitedMessages | None = None
    unprepared: OrderedDict[str, PreparedStatement[PgRecord]] = field(default_factory=OrderedDict)
    once: set[str] = field(default_factory=set)

    def unawaited(self) -> UnawaitedMessages:
        """The messages of this connection that nobody waits for."""
        if self.messages is None:
            self.messages = UnawaitedMessages(self.connection._transport)
        return self.messages

    def fetch(self, statement: BoundStatement) -> Awaitable[list[PgRecord]]:
        """All rows of a statement, which is prepared and kept on the connection, unless a pooler
        stands between or it must be planned for its arguments."""
        if self.behind_pooler or statement.replan:
            return self._fetch_not_kept(statement)
        rows: Awaitable[list[PgRecord]]
        rows = self.connection.fetch(statement.text, *statement.arguments)
        return rows

    def is_first(self, statement: BoundStatement) -> bool:
        """Whether this is asked for the first time about a statement with its arguments."""
        key = f"{statement.text} {statement.arguments!r}"  # arguments may be lists
        if key in self.once:
            return False
        if len(self.once) >= _MOST_ONCE:
            self.once.clear()
        self.once.add(key)
        return True

    async def forget_statements(self) -> None:
        """Have each statement prepared anew, by which the server plans it anew."""
        self.unprepared.clear()
        await self.connection.reload_schema_state()

    async def _fetch_not_kept(self, statement: BoundStatement) -> list[PgRecord]:
        """The same for a statement that leaves nothing on the server.

        The first time asks the server for the types of its parameters and columns; our statements
        name them all, so they stay the same. After that it is parsed and run in one message. So
        asyncpg must know that the server has it no longer, which it notes by itself only where it
        keeps no statements at all.
        """
        prepared = self.unprepared.get(statement.text)
        if prepared is None:
            prepared = await self.connection.prepare(statement.text, name="")
            self.unprepared[statement.text] = prepared
            if len(self.unprepared) > _MOST_UNPREPARED:
                self.unprepared.popitem(last=False)
        else:
            self.unprepared.move_to_end(statement.text)
        try:
            rows: list[PgRecord] = await prepared.fetch(*statement.arguments)
        finally:
            prepared._state.mark_unprepared()
        return rows
