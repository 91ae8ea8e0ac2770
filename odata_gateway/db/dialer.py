"""One attempt to connect: which host, whether a pooler stands before it, and how the connection is
set up.

A pooler such as PgBouncer in transaction mode gives each transaction another server connection:
neither session settings nor prepared statements last. It is recognised by what it does: it refuses
settings in the first message, or the server process that answers is not the one whose number came
with the login. Then `NewConnection.behind_pooler` is true, and every session begins a transaction
that brings the settings along.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import NamedTuple, TypeVar

import asyncpg

from odata_gateway.db.hosts import Hosts, PgConnection
from odata_gateway.db.keepalive import set_keepalive
from odata_gateway.db.search_path import look_for_namesakes, namesake_in, told, widened_path
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.db.wire.type_lookup import without_pg_class
from odata_gateway.errors import DbUnavailable

_T = TypeVar("_T")
_LOG = logging.getLogger("odata_gateway.db")

_MOST_HOST_S = 2.0
"""For one of several hosts, so that the next one gets its turn."""
_MAKESHIFT_S = 20.0
"""How long to use a connection to a host that is not of the preferred kind."""

_NOTICE_CUT = "SET client_connection_check_interval = 1000"
"""A statement ends with its connection. Servers from 14 on can (ms); older ones would refuse the
setting at login, so it comes after. A cancellation can miss its statement (it comes when one has
ended and the next has not begun), and a gateway that is killed sends none."""
_CACHED_STATEMENTS, _MOST_PREPARED = 128, 32 * 1024
"""Prepared statements of a connection, and the most characters of one. Each costs the server
process memory for its trees and its plan, 36 times its text (measured: 5 MB for 140 KB), so both
are bounded: 150 MB for a caller who sets out for it. A page with three expanded collections is a
statement of 20 KB; longer ones than these are parsed each time, which costs a half more."""


class NewConnection(NamedTuple):
    """A new connection, whether a pooler stands before it, and whether it leads to a host of the
    wanted kind: not so for `prefer-standby` without a standby.

    search_path  what each transaction sets behind a pooler, where it is not the narrow one
    """

    connection: PgConnection
    behind_pooler: bool
    preferred: bool
    search_path: str | None = None

    def use_s(self, max_age_s: float) -> float:
        """How long to use it."""
        return max_age_s if self.preferred else _MAKESHIFT_S


class PoolerDetector:
    """Whether a pooler in transaction mode stands before Postgres.

    setting  `transaction`, `none`, or `auto` to find out
    found    whether the setting says so, or one has been noticed
    """

    def __init__(self, setting: str) -> None:
        self._setting = setting
        self.found = setting == "transaction"

    @property
    def is_excluded(self) -> bool:
        """Whether the setting says that there is none."""
        return self._setting == "none"

    async def is_noticed(self, connection: PgConnection) -> bool:
        """Whether another server process answers than the one whose number came with the login;
        asked in one simple message, which leaves nothing behind."""
        if self.is_excluded:
            return False
        pid = connection.get_server_pid()
        status = await connection.execute(f"SELECT WHERE pg_catalog.pg_backend_pid() = {pid}")
        return str(status) != "SELECT 1"

    def note(self) -> None:
        """Expect one from now on."""
        self.found = True
        _LOG.info(
            "a pooler stands before the database: transactions bring their settings along, and "
            "no statement stays prepared"
        )


class Dialer:
    """Connects to the hosts of one DSN; knows no pause between attempts."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._hosts: Hosts | None = None  # once the DSN has been read
        self._pooler = PoolerDetector(settings.pooler)
        self._namesake: str | None = None  # why the search path was not set when last looked at

    async def open(self) -> NewConnection:
        """A connection to the first host that answers and is of the wanted kind.

        raises  what the first host that failed raised; DbUnavailable where all that answer are of
                the other kind; ValueError for a DSN that cannot be used
        """
        hosts = self._hosts = self._hosts or Hosts(self._settings.dsn)
        faults: list[Exception] = []
        spare: NewConnection | None = None
        try:
            for dsn in hosts.in_order():
                if spare is not None and hosts.failed_lately(dsn):
                    break
                made = await self._try(hosts, dsn, faults)
                if made is None:
                    continue
                if made.preferred:
                    return made
                if hosts.prefers and spare is None:
                    spare = made
                else:
                    made.connection.terminate()
            if spare is not None:
                made, spare = spare, None
                return made
        finally:
            if spare is not None:
                spare.connection.terminate()
        if faults:
            raise faults[0]
        raise DbUnavailable(f"none of the database's hosts is a {hosts.kind}")

    async def _try(self, hosts: Hosts, dsn: str, faults: list[Exception]) -> NewConnection | None:
        """A connection to this host, or None and one more fault."""
        try:
            connection = await self._dial(hosts, dsn)
            preferred = await _or_cut(connection, hosts.is_wanted(connection))
            path = await _or_cut(connection, self._widen(connection))
        except Exception as error:
            faults.append(error)
            hosts.note_failure(dsn)
            return None
        hosts.note_answer(dsn)
        return NewConnection(connection, self._pooler.found, preferred, path)

    async def _widen(self, connection: PgConnection) -> str | None:
        """Set the search path of the settings, if it is safe; behind a pooler, return it instead,
        since a server connection is another client's in a moment."""
        if not self._settings.schemas:
            return None
        try:
            await connection.execute(look_for_namesakes(self._settings.schemas))
        except asyncpg.InvalidTextRepresentationError as error:
            await connection.execute("ROLLBACK")
            if (namesake := namesake_in(str(error))) is None:
                raise
            if namesake != self._namesake:
                _LOG.error("%s", told(namesake))
            self._namesake = namesake
            return None
        self._namesake = None
        path = widened_path(self._settings.schemas)
        if self._pooler.found:
            return path
        await connection.execute(f"SET search_path = {path}")
        return None

    async def _dial(self, hosts: Hosts, dsn: str) -> PgConnection:
        """A connection that is set up, through a pooler where there is one."""
        if not self._pooler.found:
            connection = await self._dial_server(hosts, dsn)
            if connection is not None:
                return connection
            self._pooler.note()
        names = {"application_name": self._settings.application_name}
        return await self._connect(hosts, dsn, names, cached=0)

    async def _dial_server(self, hosts: Hosts, dsn: str) -> PgConnection | None:
        """A connection to Postgres itself, set up; None where a pooler answers."""
        settings = self._settings.server_settings()
        try:
            connection = await self._connect(hosts, dsn, settings, cached=_CACHED_STATEMENTS)
        except asyncpg.ProtocolViolationError:
            if self._pooler.is_excluded:
                raise
            return None  # it refuses settings in the first message
        if await _or_cut(connection, self._pooler.is_noticed(connection)):
            connection.terminate()
            return None
        if connection.get_server_version() >= (14,):
            await _or_cut(connection, connection.execute(_NOTICE_CUT))
        return connection

    async def _connect(
        self, hosts: Hosts, dsn: str, server_settings: dict[str, str], *, cached: int
    ) -> PgConnection:
        timeout_s = self._settings.connect_timeout_s
        connection: PgConnection = await asyncpg.connect(
            dsn,
            timeout=min(_MOST_HOST_S, timeout_s) if len(hosts.dsns) > 1 else timeout_s,
            statement_cache_size=cached,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=_MOST_PREPARED,
            server_settings=server_settings,
            target_session_attrs="any",
        )
        try:
            set_keepalive(connection._transport.get_extra_info("socket"), hosts.keepalive)
            connection._intro_query = without_pg_class(connection._intro_query)
        except BaseException:
            connection.terminate()
            raise
        return connection


async def _or_cut(connection: PgConnection, answer: Awaitable[_T]) -> _T:
    """The answer; a connection that gives none does not stay open."""
    try:
        return await answer
    except BaseException:
        connection.terminate()
        raise
