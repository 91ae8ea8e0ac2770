"""What every reading of data needs: a call's statements, their arguments, and a look at the parent
of what was not found."""

from __future__ import annotations

from collections.abc import Sequence

from odata_gateway.compiler.compiled_query import ArgumentValues
from odata_gateway.config.settings import Settings
from odata_gateway.db.database import Database
from odata_gateway.db.hosts import PgRecord
from odata_gateway.handlers.chunk_reader import Keys
from odata_gateway.handlers.request import DataRequest, no_entity
from odata_gateway.protocol import links
from odata_gateway.sql.statement import StatementKind


class QueryExecutor:
    """Reads what a call's statements find."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self._settings = settings

    def values(
        self, call: DataRequest, *, limit: int = 1, keys: Keys | None = None
    ) -> ArgumentValues:
        """What fills the slots of a call's statements; `keys` are those of the row before, without
        them those of the call's link."""
        if keys is None:
            keys = (
                ()
                if call.continuation is None
                else tuple(k if isinstance(k, str) else None for k in call.continuation.keys)
            )
        options, token = call.url.target.options, call.request.token
        credential = (
            links.credential(token)
            if options and token and any(o.name == "apikey" for o in options)
            else None
        )
        return ArgumentValues(
            call.url.values,
            call.caller,
            limit,
            self.page_rows(call),
            call.request.root,
            credential,
            keys,
        )

    def page_rows(self, call: DataRequest) -> int:
        """Rows of a page: as the client prefers now, or preferred when the link was made, or as
        set."""
        asked = call.preferences.maxpagesize or (
            call.continuation.page_rows
            if call.continuation is not None
            else self._settings.page_rows
        )
        return max(1, min(asked, self._settings.max_page_rows))

    async def fetch(self, call: DataRequest, kind: StatementKind = "rows") -> Sequence[PgRecord]:
        """The records of one of a call's statements, on a connection of its own."""
        bound = call.compiled.statement(kind, call.shape).bind(self.values(call))
        async with self.database.session(
            call.caller.user_id, accounts=call.caller.accounts
        ) as session:
            return await session.fetch(bound)

    async def require_parent(self, call: DataRequest) -> None:
        """Nothing found: 404 where the path before it leads nowhere (Protocol 11.2.7)."""
        if call.query.parent is not None and not await self.fetch(call, "parent"):
            raise no_entity(call)
