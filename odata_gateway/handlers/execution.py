"""What every reading of data needs: a call's statements, their arguments, and a look at the parent
of what was not found."""

from __future__ import annotations

from collections.abc import Sequence

from odata_gateway.compiler.compiler import ArgumentValues, Compiler
from odata_gateway.config.settings import Settings
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.hosts import PgRecord
from odata_gateway.handlers.chunk_reader import Keys
from odata_gateway.handlers.request import DataRequest, no_entity
from odata_gateway.protocol import links
from odata_gateway.sql.fragment import Statement
from odata_gateway.sql.statement import StatementKind


class QueryExecutor:
    """Reads what a call's statements find."""

    def __init__(self, compiler: Compiler, database: Database, settings: Settings) -> None:
        self.compiler = compiler
        self.database = database
        self._settings = settings

    def statement(self, call: DataRequest, part: StatementKind = "rows") -> Statement:
        """One of the statements of a call's query in its shape."""
        return self.compiler.statement(call.lifted, call.query, call.shape, part)

    def arguments(
        self, call: DataRequest, statement: Statement, *, limit: int = 1, keys: Keys | None = None
    ) -> Sequence[object]:
        """A statement's arguments for a call; `keys` are those of the row before, without them
        those of the call's link."""
        if keys is None:
            keys = (
                ()
                if call.continuation is None
                else tuple(k if isinstance(k, str) else None for k in call.continuation.keys)
            )
        options, token = call.lifted.target.options, call.request.token
        credential = (
            links.credential(token)
            if options and token and any(o.name == "apikey" for o in options)
            else None
        )
        values = ArgumentValues(
            call.caller, limit, self.page_rows(call), call.request.root, credential, keys
        )
        return self.compiler.arguments(statement, call.query, call.lifted, values)

    def page_rows(self, call: DataRequest) -> int:
        """Rows of a page: as the client prefers now, or preferred when the link was made, or as
        set."""
        asked = call.preferences.maxpagesize or (
            call.continuation.page_rows
            if call.continuation is not None
            else self._settings.page_rows
        )
        return max(1, min(asked, self._settings.max_page_rows))

    async def fetch(
        self, call: DataRequest, part: StatementKind = "rows", *, anew: bool = False
    ) -> Sequence[PgRecord]:
        """The records of one of a call's statements, on a connection of its own; `anew` plans it
        for these arguments."""
        statement = self.statement(call, part)
        arguments = self.arguments(call, statement)
        async with self.database.session(
            call.caller.user_id, accounts=call.caller.accounts
        ) as session:
            return await session.fetch(
                BoundStatement(statement.text, arguments, anew and statement.has_ranges)
            )

    async def require_parent(self, call: DataRequest) -> None:
        """Nothing found: 404 where the path before it leads nowhere (Protocol 11.2.7)."""
        if call.query.parent is not None and not await self.fetch(call, "parent"):
            raise no_entity(call)
