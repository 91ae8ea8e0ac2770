"""New connections, and what happens while the database is away.

A failed attempt is remembered for a moment that doubles up to a second: until then everyone is
refused at once, then one tries. So a database that is down costs nobody a wait, sees about one
attempt a second from each process, and is found again within a second. An attempt that hangs does
not keep the next one from being made.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

import asyncpg

from odata_gateway.db.backoff import Backoff
from odata_gateway.db.dialer import Dialer, NewConnection
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.errors import DbUnavailable

_LOG = logging.getLogger("odata_gateway.db")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0
_PROBE_WAIT_S = 0.5
"""How long a request waits for an attempt that is made while the database is away."""
_MOST_HANDSHAKES = 4


@dataclass(frozen=True, slots=True)
class Outage:
    """Why the last attempt to connect failed, since when all have, by time.monotonic(), and whether
    it was because the server takes no more connections."""

    cause: str
    since: float
    is_full: bool


class Connector:
    """Opens connections, and knows whether the database was there when last asked."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._dialer = Dialer(settings)
        self._backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        self._outage: Outage | None = None
        self._handshakes = asyncio.Semaphore(_MOST_HANDSHAKES)
        self._late: set[asyncio.Task[NewConnection]] = set()

    @property
    def is_down(self) -> bool:
        """Whether the last attempt failed."""
        return self._outage is not None

    @property
    def is_full(self) -> bool:
        """Whether it failed because the server takes no more connections."""
        return self._outage is not None and self._outage.is_full

    def use_dsn(self, dsn: str) -> None:
        """Connect to this from now on, without the pause after a failure of the one before."""
        self._settings = replace(self._settings, dsn=dsn)
        self._dialer = Dialer(self._settings)
        self._backoff.reset()

    async def fault_of(self, dsn: str) -> str | None:
        """Why this DSN leads to no database now; None where it does, or to one that has no
        connection left."""
        settings = replace(self._settings, dsn=dsn)
        try:
            made = await Dialer(settings).open()
        except asyncpg.TooManyConnectionsError:
            return None
        except Exception as error:
            return _cause(error, settings)
        made.connection.terminate()
        return None

    async def connect(self) -> NewConnection:
        """A new connection.

        raises  DbUnavailable, at once or nearly so while a recent failure is remembered
        """
        if self._outage is None:
            async with self._handshakes:
                if self._outage is not None:  # it failed for those before
                    raise _away()
                return await self._attempt()
        if self._backoff.left_s:
            raise _away()
        self._backoff.pause()  # the first who comes after a pause tries, and nobody beside it
        return await self._probe()

    async def _probe(self) -> NewConnection:
        """What an attempt gives within a moment; it goes on where it takes longer."""
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
            made = await self._dialer.open()
        except Exception as error:
            self._note_failure(error)
            raise _away() from None  # logged by now, once for all who meet it
        self._note_success()
        return made

    def _forget(self, probe: asyncio.Task[NewConnection]) -> None:
        """Close the connection of an attempt that nobody waits for: it has shown that the database
        can be reached."""
        self._late.discard(probe)
        if not probe.cancelled() and probe.exception() is None:
            probe.result().connection.terminate()

    def _note_failure(self, error: Exception) -> None:
        """Log the change, and later each new cause, but not each attempt."""
        before, cause = self._outage, _cause(error, self._settings)
        if before is None:
            self._backoff.pause()
        if before is None or cause != before.cause:
            _LOG.error("the database cannot be reached: %s", cause)
        since = before.since if before is not None else time.monotonic()
        is_full = isinstance(error, asyncpg.TooManyConnectionsError)
        self._outage = Outage(cause, since, is_full)

    def _note_success(self) -> None:
        if self._outage is not None:
            lasted_s = time.monotonic() - self._outage.since
            _LOG.warning("the database can be reached again, after %.1f s", lasted_s)
        self._outage = None
        self._backoff.reset()


def _away() -> DbUnavailable:
    return DbUnavailable("the database cannot be reached")


def _cause(error: Exception, settings: DatabaseSettings) -> str:
    """What an operator needs to know, in one line and without the password."""
    match error:
        case TimeoutError():
            return f"no answer within {settings.connect_timeout_s:g} s"
        case asyncpg.PostgresError():
            text = f"{error} (SQLSTATE {error.sqlstate})"
        case OSError() if error.strerror:
            text = error.strerror
        case _:
            text = f"{type(error).__name__}: {error}"
    return " ".join(_without_password(text, settings.dsn).split())


def _without_password(text: str, dsn: str) -> str:
    login = urlsplit(dsn).netloc.rpartition("@")[0]
    password = login.partition(":")[2]
    for secret in (password, unquote(password)):
        text = text.replace(secret, "***") if secret else text
    return text
