"""SIGHUP: what comes from files is read again, and no connection is closed for it.

These are the model (ODATA_MODEL) and the DSN where a file has it or its password (ODATA_DSN_FILE,
the chart's POSTGRES_PASSWORD_FILE), as after a change of the password. All other settings are
variables and flags, which cannot change while a process runs: a rolling restart (ODATA_SHARED_PORT)
takes new ones without losing a request.

Requests that are under way keep the model they began with. A file that is wrong changes nothing but
the log. A DSN that leads nowhere is wrong too, or early: the new password may be in its file before
the database has it. So it is tried until it leads to a database, or until the one in use leads to
none.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress

from odata_gateway.config.settings import Settings, dsn_of_file
from odata_gateway.db.database import Database
from odata_gateway.db.schema.watcher import SchemaWatcher
from odata_gateway.edm.json_reader import ModelError
from odata_gateway.edm.model import Model

_LOG = logging.getLogger("odata_gateway")
_AGAIN_S = 5.0
"""Between two attempts to connect to what a file names, while what is in use serves."""


class Reload:
    """Reads the files again when asked; `read` makes a model of the settings."""

    def __init__(
        self,
        settings: Settings,
        model: Model,
        watch: SchemaWatcher,
        database: Database,
        read: Callable[[Settings], Model],
    ) -> None:
        self._settings = settings
        self._model = model
        self._watch = watch
        self._database = database
        self._read = read
        self._dsn = settings.dsn
        self._next: str | None = None  # what the file names, until it leads to a database
        self._fault: str | None = None  # why it did not when it was tried last
        self._has_dsn_file = _dsn_of_file() == settings.dsn  # else the DSN is from somewhere else
        self._asked = asyncio.Event()

    async def run(self) -> None:
        """Read them on each SIGHUP, once for those that come meanwhile, until cancelled."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._asked.set)
        hold_back(False)
        while True:
            if asked := await self._is_asked():
                dsn = _dsn_of_file() if self._has_dsn_file else None
                self._next, self._fault = None if dsn == self._dsn else dsn, None
            if self._next is not None:
                await self._take_dsn(self._next)
            if asked:
                await self._take_model()

    async def _is_asked(self) -> bool:
        """Wait for a SIGHUP, or for the time to try a DSN again; whether it was a SIGHUP."""
        with suppress(TimeoutError):
            async with asyncio.timeout(None if self._next is None else _AGAIN_S):
                await self._asked.wait()
        asked = self._asked.is_set()
        self._asked.clear()
        return asked

    async def _take_dsn(self, dsn: str) -> None:
        """Connect to this from now on if it leads to a database, or there is nothing to lose."""
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

    async def _take_model(self) -> None:
        """Use what the model's file says now, once it has been compared with the database."""
        path = self._settings.model
        if path is None:
            _LOG.info("SIGHUP: the model is the built-in one; there is no file to read again")
            return
        try:
            model = await asyncio.to_thread(self._read, self._settings)
        except (ModelError, OSError) as error:
            mistakes = (
                " | ".join(map(str, error.mistakes))
                if isinstance(error, ModelError)
                else str(error)
            )
            _LOG.error(
                "SIGHUP: the model in use is kept, because %s cannot be used: %s", path, mistakes
            )
            return
        if model.version == self._model.version:
            _LOG.info("SIGHUP: %s has not changed", path)
            return
        self._model = model
        taken = await self._watch.take(model)
        _LOG.info(
            "SIGHUP: the model of %s %s",
            path,
            "is in use" if taken else "will be in use when the database answers",
        )


def hold_back(held: bool) -> None:
    """Let SIGHUP wait, in this process and those it starts, until there is someone to take it: left
    to itself, it ends a process."""
    signal.pthread_sigmask(signal.SIG_BLOCK if held else signal.SIG_UNBLOCK, (signal.SIGHUP,))


def _dsn_of_file() -> str | None:
    try:
        return dsn_of_file(os.environ)
    except ValueError as error:
        _LOG.error("SIGHUP: the DSN in use is kept: %s", error)
        return None
