"""Opening connections: how each is set up, what stands between, and what happens while the database
is away.

A failed attempt is remembered for a moment that doubles up to a second: until then everyone is
refused at once, then one tries. So a database that is down costs nobody a wait, sees about one
attempt a second from each process, and is found again within a second. An attempt that hangs does
not keep the next one from being made.

A pooler such as PgBouncer in transaction mode gives each transaction another server connection:
neither session settings nor prepared statements last. It is recognised by what it does: it refuses
settings in the first message, or the server process that answers is not the one whose number came
with the login. Then `Held.pooled` says so, and every session begins a transaction that brings the
settings along.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import asyncpg

from odata_gateway.db.hosts import Hosts, PgConnection, PgRecord
from odata_gateway.db.keepalive import notice_silence
from odata_gateway.errors import DbUnavailable

__all__ = ["Connector", "DatabaseSettings", "PgConnection", "PgRecord"]


_LOG = logging.getLogger("odata_gateway.db")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0
_PROBE_WAIT_S = 0.5
"""How long a request waits for an attempt that is made while the database is away."""

_MOST_HANDSHAKES = 4
_MOST_HOST_S = 2.0
"""For one of several hosts, so that the next one gets its turn."""

_NOTICE_CUT = "SET client_connection_check_interval = 1000"
"""A statement ends with its connection. Servers from 14 on can (ms); older ones would refuse the
setting at login, so it comes after. A cancellation can miss its statement (it comes when one has
ended and the next has not begun), and a gateway that is killed sends none."""
_CACHED_STATEMENTS, _MOST_PREPARED = 128, 32 * 1024
"""Prepared statements of a connection, and the most characters of one. Each costs the server
process memory for its trees and its plan, 36 times its text (measured: 5 MB for 140 KB), so both
are bounded: 150 MB for a caller who sets out for it. A page with three expanded collections is a
statement of 20 KB; longer ones than these are parsed each time, which costs a half more."""


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """How to reach the database and how much of it to use.

    dsn             as asyncpg reads it, with several hosts and target_session_attrs as in `hosts`
    pooler          whether one in transaction mode stands before Postgres; auto: found out with
                    each connection
    wait_s          longest wait for a free connection; at most `max_waiting` requests wait
    row_security    Postgres's policies need the caller's accounts (sql/live_agent/rls.sql)
    slow_s          statements that take longer are told in the log; 0: none
    max_age_s       a connection is replaced after that long, so that its backend's memory does not
                    grow for ever
    """

    dsn: str
    max_connections: int = 10
    wait_s: float = 10.0
    max_waiting: int = 10_000
    statement_timeout_s: float = 60.0
    lock_timeout_s: float = 5.0
    idle_in_transaction_s: float = 60.0
    connect_timeout_s: float = 5.0
    max_age_s: float = 3600.0
    row_security: bool = False
    pooler: str = "auto"
    slow_s: float = 0.0
    application_name: str = "odata-gateway"

    def server_settings(self) -> dict[str, str]:
        """The session's settings, sent with the connection's first message: no round trip, and no
        SQL can come before them.

        jit              off: it compiles the hundred small expressions of a row's text anew for
                         each statement; on a page of 10,000 that costs more than it gains
        random_page_cost  as for a fast disk or a warm cache: with the server's own 4, for disks
                          that turn, rows of a path or a key are
                         looked for in key order among all others instead of by their index
        search_path      nothing a user of the database creates can take the place of an operator or
                         function; our tables are qualified
        plan_cache_mode  is left alone: Postgres changes to a generic plan only where that looks as
                         cheap
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
            "random_page_cost": "1.1",
        }

    @property
    def local_settings(self) -> str:
        """The same as SQL for the length of a transaction."""
        return "".join(
            f"; SET LOCAL {name} = {_quoted(name, text)}"
            for name, text in self.server_settings().items()
            if name not in _KEPT
        )


_KEPT = ("application_name", "default_transaction_read_only")
"""What a transaction need not set: the pooler passes the name on, and the transaction says itself
that it is read-only."""


def _quoted(name: str, text: str) -> str:
    return text if name == "search_path" else f"'{text}'"


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))


class NewConnection(NamedTuple):
    """A new connection: behind a pooler or not, and for how long to use it."""

    connection: PgConnection
    pooled: bool
    use_s: float


class Connector:
    """Opens connections, and knows whether the database was there when last asked."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._hosts: Hosts | None = None
        self._pooled = settings.pooler == "transaction"
        self._handshakes = asyncio.Semaphore(_MOST_HANDSHAKES)
        self._late: set[asyncio.Task[NewConnection]] = set()
        self._pause_s = 0.0
        self._not_before = 0.0
        self._down: str | None = None  # why the last attempt failed; None when it did not
        self.is_full = False  # whether that was because the server takes no more connections
        self._down_since = 0.0

    def use_dsn(self, dsn: str) -> None:
        """Connect to this from now on, without waiting for what a failure of the one before made
        everyone wait for."""
        self._settings, self._hosts, self._not_before = replace(self._settings, dsn=dsn), None, 0.0

    async def fault_of(self, dsn: str) -> str | None:
        """Why this leads to no database now; None where it does, or to one that has no connection
        left."""
        other = Connector(replace(self._settings, dsn=dsn))
        try:
            made = await other._make()
        except asyncpg.TooManyConnectionsError:
            return None
        except Exception as error:
            return other._cause(error)
        made.connection.terminate()
        return None

    async def connect(self) -> NewConnection:
        """A new connection; raises DbUnavailable, at once or nearly so while a recent failure is
        remembered."""
        if self._down is None:
            async with self._handshakes:
                if self._down is not None:  # it failed for those before
                    raise _away()
                return await self._attempt()
        self._wait_turn()
        probe = asyncio.create_task(self._attempt())
        try:
            await asyncio.wait({probe}, timeout=_PROBE_WAIT_S)
        finally:
            if not probe.done():
                self._late.add(probe)
                probe.add_done_callback(self._forget)
        if not probe.done():
            raise _away()
        return probe.result()

    async def _attempt(self) -> NewConnection:
        try:
            made = await self._make()
        except Exception as error:
            self._failed(error)
            raise _away() from None  # logged by now, once for all who meet it
        self._succeeded()
        return made

    def _forget(self, probe: asyncio.Task[NewConnection]) -> None:
        """Nobody waited for its end: that the database can be reached is what it was for."""
        self._late.discard(probe)
        if not probe.cancelled() and probe.exception() is None:
            probe.result().connection.terminate()

    def _wait_turn(self) -> None:
        """Refuse all but the first who comes after each pause."""
        now = time.monotonic()
        if now < self._not_before:
            raise _away()
        self._pause_s = min(_LONGEST_PAUSE_S, self._pause_s * 2)
        self._not_before = now + self._pause_s

    async def _make(self) -> NewConnection:
        if self._hosts is None:
            self._hosts = Hosts(self._settings.dsn)
        opened = await self._hosts.open(self._open)
        return NewConnection(
            opened.connection,
            self._pooled,
            self._settings.max_age_s if opened.preferred else _MAKESHIFT_S,
        )

    async def _open(self, dsn: str) -> PgConnection:
        if not self._pooled:
            try:
                connection = await self._dial(dsn, self._settings.server_settings())
                if self._settings.pooler == "none" or await _is_server_itself(connection):
                    return connection
                connection.terminate()
            except asyncpg.ProtocolViolationError:
                if self._settings.pooler == "none":
                    raise
            _LOG.info(
                "a pooler stands before the database: transactions bring their settings along, and no statement stays prepared"
            )
            self._pooled = True
        return await self._dial(dsn, {"application_name": self._settings.application_name})

    async def _dial(self, dsn: str, server_settings: dict[str, str]) -> PgConnection:
        several = self._hosts is not None and len(self._hosts.dsns) > 1
        connection: PgConnection = await asyncpg.connect(
            dsn,
            timeout=min(_MOST_HOST_S, self._settings.connect_timeout_s)
            if several
            else self._settings.connect_timeout_s,
            statement_cache_size=0 if self._pooled else _CACHED_STATEMENTS,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=_MOST_PREPARED,
            server_settings=server_settings,
            target_session_attrs="any",
        )
        if self._hosts is not None:
            notice_silence(connection._transport.get_extra_info("socket"), self._hosts.silence)
        if not self._pooled and connection.get_server_version() >= (14,):
            await connection.execute(_NOTICE_CUT)
        return connection

    @property
    def is_down(self) -> bool:
        """Whether the last attempt failed."""
        return self._down is not None

    def _failed(self, error: Exception) -> None:
        """Log the change, and later each new kind of cause, but not each attempt."""
        cause, now = self._cause(error), time.monotonic()
        if self._down is None:
            self._down_since, self._pause_s = now, _FIRST_PAUSE_S
            self._not_before = now + self._pause_s
        if cause != self._down:
            _LOG.error("the database cannot be reached: %s", cause)
        self._down = cause
        self.is_full = isinstance(error, asyncpg.TooManyConnectionsError)

    def _succeeded(self) -> None:
        if self._down is not None:
            _LOG.warning(
                "the database can be reached again, after %.1f s",
                time.monotonic() - self._down_since,
            )
        self._down, self.is_full = None, False

    def _cause(self, error: Exception) -> str:
        """What an operator needs to know, in one line and without the password."""
        match error:
            case TimeoutError():
                return f"no answer within {self._settings.connect_timeout_s:g} s"
            case asyncpg.PostgresError():
                text = f"{error} (SQLSTATE {error.sqlstate})"
            case OSError() if error.strerror:
                text = error.strerror
            case _:
                text = f"{type(error).__name__}: {error}"
        return " ".join(_without_password(text, self._settings.dsn).split())


_MAKESHIFT_S = 20.0
"""How long to use a connection to a host that is not of the preferred kind."""


def _away() -> DbUnavailable:
    return DbUnavailable("the database cannot be reached")


async def _is_server_itself(connection: PgConnection) -> bool:
    """Whether the process that answers is the one whose number came with the login; asked in one
    simple message, which leaves nothing."""
    found = await connection.execute(
        f"SELECT WHERE pg_catalog.pg_backend_pid() = {connection.get_server_pid()}"
    )
    return str(found) == "SELECT 1"


def _without_password(text: str, dsn: str) -> str:
    login = urlsplit(dsn).netloc.rpartition("@")[0]
    password = login.partition(":")[2]
    for secret in (password, unquote(password)):
        text = text.replace(secret, "***") if secret else text
    return text
