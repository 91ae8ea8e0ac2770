"""SIGHUP: what comes from files is read again, and no connection is closed for it.

These are the model (ODATA_MODEL) and the DSN where a file has it or its password (ODATA_DSN_FILE, the chart's POSTGRES_PASSWORD_FILE), as
after a change of the password. All other settings are variables and flags, which cannot change while a process runs: a rolling restart
(ODATA_SHARED_PORT) takes new ones without losing a request.

Requests that are under way keep the model they began with. A file that is wrong changes nothing but the log.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable

from odata_gateway.db.pool import Database
from odata_gateway.db.watch import Watch
from odata_gateway.edm.mistakes import ModelError
from odata_gateway.edm.model import Model
from odata_gateway.settings import Settings, dsn_of_file

_LOG = logging.getLogger("odata_gateway")


class Reload:
    """Reads the files again when asked; `read` makes a model of the settings."""

    def __init__(self, settings: Settings, model: Model, watch: Watch, database: Database, read: Callable[[Settings], Model]) -> None:
        self._settings = settings
        self._model = model
        self._watch = watch
        self._database = database
        self._read = read
        self._dsn = settings.dsn
        self._has_dsn_file = _dsn_of_file() == settings.dsn  # else the DSN is from somewhere else
        self._asked = asyncio.Event()

    async def run(self) -> None:
        """Read them on each SIGHUP, once for those that come meanwhile, until cancelled."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._asked.set)
        hold_back(False)
        while True:
            await self._asked.wait()
            self._asked.clear()
            self._take_dsn()
            await self._take_model()

    def _take_dsn(self) -> None:
        """Connect to what the file says now."""
        dsn = _dsn_of_file() if self._has_dsn_file else None
        if dsn is not None and dsn != self._dsn:
            self._dsn = dsn
            self._database.use_dsn(dsn)
            _LOG.info("SIGHUP: new connections go to the database that the file names now")

    async def _take_model(self) -> None:
        """Use what the model's file says now, once it has been compared with the database."""
        path = self._settings.model
        if path is None:
            _LOG.info("SIGHUP: the model is the built-in one; there is no file to read again")
            return
        try:
            model = await asyncio.to_thread(self._read, self._settings)
        except (ModelError, OSError) as error:
            mistakes = " | ".join(map(str, error.mistakes)) if isinstance(error, ModelError) else str(error)
            _LOG.error("SIGHUP: the model in use is kept, because %s cannot be used: %s", path, mistakes)
            return
        if model.version == self._model.version:
            _LOG.info("SIGHUP: %s has not changed", path)
            return
        self._model = model
        taken = await self._watch.take(model)
        _LOG.info("SIGHUP: the model of %s %s", path, "is in use" if taken else "will be in use when the database answers")


def hold_back(held: bool) -> None:
    """Let SIGHUP wait, in this process and those it starts, until there is someone to take it: left to itself, it ends a process."""
    signal.pthread_sigmask(signal.SIG_BLOCK if held else signal.SIG_UNBLOCK, (signal.SIGHUP,))


def _dsn_of_file() -> str | None:
    try:
        return dsn_of_file(os.environ)
    except ValueError as error:
        _LOG.error("SIGHUP: the DSN in use is kept: %s", error)
        return None
