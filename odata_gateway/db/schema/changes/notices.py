"""Hears when somebody says that the schema has changed: `NOTIFY odata_gateway`, and what users of
PostgREST say to theirs, `NOTIFY pgrst, 'reload schema'`.

It takes a connection of its own, beside those of the pool. Behind a pooler in transaction mode no
notification arrives, and a standby lets nobody listen: then changes are found by the checks alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import asyncpg

from odata_gateway.db.backoff import Backoff
from odata_gateway.db.database import Database
from odata_gateway.db.hosts import PgConnection
from odata_gateway.errors import DbUnavailable

_LOG = logging.getLogger("odata_gateway.db")
CHANNELS = {"odata_gateway": None, "pgrst": ("", "reload schema")}
"""The payloads that mean a change, by channel; None: any."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0


class SchemaNotices:
    """Calls `heard` for each notification that the schema has changed, and after a time without
    a connection, when one may have been missed."""

    def __init__(self, database: Database, heard: Callable[[], None]) -> None:
        self._database = database
        self._heard = heard

    async def run(self) -> None:
        """Listen, until cancelled or as long as that is possible."""
        pauses = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        while True:
            try:
                made = await self._database.dial()
            except DbUnavailable:
                await asyncio.sleep(pauses.pause())
                continue
            try:
                if made.behind_pooler:
                    _LOG.info("notifications of changes cannot be heard through a pooler")
                    return
                await self._listen(made.connection, pauses)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                _LOG.info("notifications of changes cannot be heard now: %s", error)
            finally:
                made.connection.terminate()
            await asyncio.sleep(pauses.pause())

    async def _listen(self, connection: PgConnection, pauses: Backoff) -> None:
        """Listen until the connection ends."""
        is_over = asyncio.Event()
        connection.add_termination_listener(lambda _: is_over.set())
        for channel in CHANNELS:
            await connection.add_listener(channel, self._notified)
        if pauses.count:
            self._heard()
        pauses.reset()
        await is_over.wait()

    def _notified(self, _: object, __: int, channel: str, payload: str) -> None:
        meant = CHANNELS[channel]
        if meant is None or payload in meant:
            _LOG.info("a notification says that the schema has changed")
            self._heard()
