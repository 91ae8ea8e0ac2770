"""SIGHUP: files are read again, and no connection is closed.

The files are the model (ODATA_MODEL) or its overlay (ODATA_OVERLAY), those with the tokens of
callers (ODATA_TOKENS_FILE) or with the keys that sign them (ODATA_JWT_JWKS, also at a URL), and the
DSN where a file has it or its password (ODATA_DSN_FILE, the chart's POSTGRES_PASSWORD_FILE), as
after a change of the password.
All other settings are variables and flags, which cannot change while a process runs; a rolling
restart (ODATA_SHARED_PORT) applies new ones without losing a request.

Running requests keep the model they began with. A file that is wrong changes nothing and is logged.
A DSN that leads to no database may be wrong, or early: its file may have the new password before
the database has it. So it is tried again until it leads to a database, or until the DSN in use
leads to none.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from odata_gateway.config.readers import AUTO
from odata_gateway.config.settings import Settings
from odata_gateway.config.sources import dsn_of_file
from odata_gateway.db.database import Database
from odata_gateway.db.schema.changes.watcher import SchemaWatcher
from odata_gateway.edm.json_reader import ModelError
from odata_gateway.edm.model import Model
from odata_gateway.errors import ODataError
from odata_gateway.identity.directory import CallerDirectory
from odata_gateway.identity.way_in import WayInError
from odata_gateway.server.composition import model_of, overlay_of

if TYPE_CHECKING:
    from odata_gateway.introspection.source import CatalogSource

_LOG = logging.getLogger("odata_gateway")
RETRY_S = 5.0
"""Between two attempts to connect to the DSN of a file, while the DSN in use works."""


class ReloadedParts(NamedTuple):
    """What is told to use a file as it is now, besides the watcher of the model. `source` is what
    the model is read from, where no file has it; `ask` has the database looked at again soon."""

    database: Database
    callers: CallerDirectory
    source: CatalogSource | None
    ask: Callable[[], None]


class Reload:
    """Reads the files again on SIGHUP.

    _dsn           the DSN in use
    _next          the DSN of the file, until it leads to a database
    _fault         why `_next` did not lead to one when it was tried last
    _has_dsn_file  whether the DSN came from a file when the process started
    """

    def __init__(
        self, settings: Settings, model: Model, watcher: SchemaWatcher, parts: ReloadedParts
    ) -> None:
        self._settings = settings
        self._model = model
        self._watcher = watcher
        self._database, self._callers, self._source, self._ask = parts
        self._dsn = settings.dsn
        self._next: str | None = None
        self._fault: str | None = None
        self._has_dsn_file = _dsn_of_file() == settings.dsn
        self._asked = asyncio.Event()

    async def run(self) -> None:
        """Read the files on each SIGHUP until cancelled; several SIGHUPs at once count as one."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._asked.set)
        unblock_sighup()
        while True:
            if asked := await self._is_asked():
                dsn = _dsn_of_file() if self._has_dsn_file else None
                self._next, self._fault = None if dsn == self._dsn else dsn, None
            if self._next is not None:
                await self._use_dsn(self._next)
            if asked:
                self._use_callers()
                await self._use_model()

    async def _is_asked(self) -> bool:
        """Wait for a SIGHUP, or until it is time to try a DSN again; whether it was a SIGHUP."""
        with suppress(TimeoutError):
            async with asyncio.timeout(None if self._next is None else RETRY_S):
                await self._asked.wait()
        asked = self._asked.is_set()
        self._asked.clear()
        return asked

    async def _use_dsn(self, dsn: str) -> None:
        """Connect to this DSN from now on if it leads to a database, or if the one in use does
        not."""
        fault = await self._database.fault_of(dsn)
        if fault is None or not self._database.is_up:
            self._dsn, self._next = dsn, None
            self._database.use_dsn(dsn)
            _LOG.info("SIGHUP: new connections go to the database that the file names now")
        elif fault != self._fault:
            self._fault = fault
            _LOG.error(
                "SIGHUP: the DSN in use is kept until the one in the file leads to a database: %s",
                fault,
            )

    def _use_callers(self) -> None:
        """Know callers by their files as they are now."""
        for way in self._callers.ways:
            try:
                has_changed = way.read_again()
            except WayInError as error:
                mistakes = " | ".join(error.mistakes)
                _LOG.error("SIGHUP: the %s in use is kept: %s", way.name, mistakes)
                continue
            if has_changed:
                self._callers.forget()
                _LOG.info("SIGHUP: the %s is in use as it is now", way.name)

    async def _use_model(self) -> None:
        """Use the model that its file has now, after it has been compared with the database."""
        path = self._settings.model
        if self._settings.model == AUTO:
            await self._use_overlay()
            return
        if path is None:
            _LOG.info("SIGHUP: the model is the built-in one; there is no file to read again")
            return
        try:
            model = await asyncio.to_thread(model_of, self._settings)
        except (ModelError, OSError) as error:
            _log_unusable(path, error)
            return
        if model.version == self._model.version:
            _LOG.info("SIGHUP: %s has not changed", path)
            return
        self._model = model
        is_taken = await self._watcher.take(model)
        when = "is in use" if is_taken else "will be in use when the database answers"
        _LOG.info("SIGHUP: the model of %s %s", path, when)

    async def _use_overlay(self) -> None:
        """Read the model from the database again, with the overlay that its file has now."""
        path = self._settings.overlay
        try:
            if path is not None and self._source is not None:
                used = self._source.wished.overlay
                overlay = await asyncio.to_thread(overlay_of, self._settings)
                await self._source.take(overlay)
                if overlay.search_path != used.search_path:
                    _LOG.warning("SIGHUP: search_path of %s is used from the next start on", path)
        except (ModelError, ODataError) as error:
            _log_unusable(path, error)
            return
        self._ask()
        _LOG.info("SIGHUP: the model is read from the database again")


def _log_unusable(path: Path | None, error: Exception) -> None:
    mistakes = error.mistakes if isinstance(error, ModelError) else (error,)
    _LOG.error(
        "SIGHUP: the model in use is kept, because %s cannot be used: %s",
        path,
        " | ".join(map(str, mistakes)),
    )


def block_sighup() -> None:
    """Keep SIGHUP pending, in this process and in those it starts, until a handler is there.
    Without a handler it ends a process."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))


def unblock_sighup() -> None:
    """Deliver SIGHUP again, and one that is pending."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGHUP,))


def _dsn_of_file() -> str | None:
    try:
        return dsn_of_file(os.environ)
    except ValueError as error:
        _LOG.error("SIGHUP: the DSN in use is kept: %s", error)
        return None
