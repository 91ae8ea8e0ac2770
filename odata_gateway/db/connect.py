"""Opening connections: how each is set up, and what happens while the database is away.

A failed attempt is remembered for a moment that doubles up to a second: until then everyone is refused at once, then one tries. So a
database that is down costs nobody a wait, sees about one attempt a second from each process, and is found again within a second.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from odata_gateway.errors import DbUnavailable

Record: TypeAlias = asyncpg.Record
Connection: TypeAlias = "asyncpg.Connection[Record]"

_LOG = logging.getLogger("odata_gateway.db")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0
_CACHED_STATEMENTS = 256
"""Prepared statements of a connection. Each costs the server memory for its plan, so the number is bounded, not the time or the size."""


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """How to reach the database and how much of it to use.

    dsn             as asyncpg reads it: several hosts, target_session_attrs, sslmode and service files included
    wait_s          longest wait for a free connection; at most `max_waiting` requests wait
    max_age_s       a connection is replaced after that long, so that its backend's memory does not grow for ever
    """

    dsn: str
    max_connections: int = 10
    wait_s: float = 10.0
    max_waiting: int = 10_000
    statement_timeout_s: float = 300.0
    lock_timeout_s: float = 5.0
    idle_in_transaction_s: float = 60.0
    connect_timeout_s: float = 5.0
    max_age_s: float = 3600.0
    application_name: str = "odata-gateway"

    def server_settings(self) -> dict[str, str]:
        """The session's settings, sent with the connection's first message: no round trip, and no SQL can come before them.

        jit              off: it compiles the hundred small expressions of a row's text anew for each statement; on a page of 10,000 that
                         costs more than it gains
        search_path      nothing a user of the database creates can take the place of an operator or function; our tables are qualified
        plan_cache_mode  is left alone: Postgres changes to a generic plan only where that looks as cheap
        """
        return {
            "application_name": self.application_name,
            "default_transaction_read_only": "on",
            "search_path": "pg_catalog, pg_temp",
            "DateStyle": "ISO, MDY",
            "TimeZone": "UTC",
            "IntervalStyle": "postgres",
            "extra_float_digits": "1",
            "bytea_output": "hex",
            "statement_timeout": _milliseconds(self.statement_timeout_s),
            "lock_timeout": _milliseconds(self.lock_timeout_s),
            "idle_in_transaction_session_timeout": _milliseconds(self.idle_in_transaction_s),
            "jit": "off",
        }


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))


class Connector:
    """Opens connections, and knows whether the database was there when last asked."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._one_tries = asyncio.Lock()
        self._pause_s = 0.0
        self._not_before = 0.0
        self._reason: str | None = None  # why the last attempt failed; None when it did not

    async def connect(self) -> Connection:
        """A new connection; raises DbUnavailable, at once while a recent failure is remembered."""
        if self._reason is None:
            return await self._attempt()
        async with self._one_tries:
            return await self._attempt()

    async def _attempt(self) -> Connection:
        if self._reason is not None and time.monotonic() < self._not_before:
            raise DbUnavailable("the database cannot be reached")
        try:
            connection = await self._open()
        except Exception as error:
            self._failed(f"{type(error).__name__}: {error}")
            raise DbUnavailable("the database cannot be reached") from error
        self._succeeded()
        return connection

    async def _open(self) -> Connection:
        settings = self._settings
        connection: Connection = await asyncpg.connect(
            settings.dsn,
            timeout=settings.connect_timeout_s,
            statement_cache_size=_CACHED_STATEMENTS,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=0,
            server_settings=settings.server_settings(),
        )
        return connection

    def _failed(self, reason: str) -> None:
        """Log once for each new reason, not for each attempt."""
        if reason != self._reason:
            _LOG.error("the database cannot be reached: %s", reason)
        self._reason = reason
        self._pause_s = min(_LONGEST_PAUSE_S, max(_FIRST_PAUSE_S, self._pause_s * 2))
        self._not_before = time.monotonic() + self._pause_s

    def _succeeded(self) -> None:
        if self._reason is not None:
            _LOG.warning("the database can be reached again")
        self._reason, self._pause_s = None, 0.0
