"""The model kept in step with the database: looked at until that succeeds, then at times, and after
errors that say the schema moved.

A look that fails keeps the model that is in use: the database may be away. A look that finds that a
collection can no longer be served, because its table or its key is gone, keeps that collection as
it was and takes over all other changes: a table may be missing for as long as a migration takes, or
for good, and in either case its requests are answered with an error that says so, and not as if
there had never been such a table.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from odata_gateway.db.database import Database
from odata_gateway.db.schema.introspect import Finding, inspect
from odata_gateway.edm.derive import keeping_lost_types
from odata_gateway.edm.model import Model
from odata_gateway.errors import ODataError
from odata_gateway.observe.counters import COUNTERS

_LOG = logging.getLogger("odata_gateway")
_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "note": logging.INFO}

AGAIN_S = 2.0
"""How soon a first look that failed is repeated, and how soon after any look the next one may
be."""


class SchemaWatcher:
    """Compares `model` with the database and gives the outcome to `use` whenever it differs from
    the one before.

    every_s  from one look to the next when nothing else asks for one; 0: never
    looked   set after the first attempt, whatever came of it
    """

    def __init__(
        self, database: Database, model: Model, use: Callable[[Model], None], *, every_s: float
    ) -> None:
        self.model = model
        self.looked = asyncio.Event()
        self._database = database
        self._use = use
        self._every_s = every_s
        self._asked = asyncio.Event()
        self._one_looks = asyncio.Lock()
        self._last: Model | None = None  # the one in use; None while it has not been compared
        self._told: frozenset[Finding] = frozenset()
        self._kept: list[str] = []
        self._at = 0.0

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            async with self._one_looks:
                await self._look()
            self.looked.set()
            pause_s = self._every_s if self._last is not None else AGAIN_S
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s or None):
                    await self._asked.wait()
            await asyncio.sleep(max(0.0, self._at + AGAIN_S - time.monotonic()))
            self._asked.clear()

    def ask(self) -> None:
        """Have a look made soon."""
        self._asked.set()

    async def look_again(self) -> None:
        """Look now and return when that is done; or, a moment after another look, return at once
        and have it made soon."""
        asked_at = time.monotonic()
        async with self._one_looks:
            if self._at >= asked_at:
                return  # somebody else's look has ended while this one waited
            if time.monotonic() - self._at >= AGAIN_S:
                await self._look()
            else:
                self.ask()

    async def take(self, model: Model) -> bool:
        """Compare another model with the database and use it; where that fails, as soon as it
        succeeds. Whether it is in use."""
        async with self._one_looks:
            self.model, self._last = model, None
            await self._look()
        if self._last is None:
            self.ask()
            return False
        COUNTERS.reloads += 1
        return True

    async def _look(self) -> None:
        try:
            inspected, findings = await inspect(self._database, self.model)
        except ODataError as error:
            if not self.looked.is_set():
                _LOG.warning("the database cannot be examined yet: %s", error)
        else:
            self._judge(inspected, findings)
        finally:
            self._at = time.monotonic()

    def _judge(self, inspected: Model, findings: Sequence[Finding]) -> None:
        """Use what was found, with what was served before and no longer can be."""
        for finding in findings:
            if finding not in self._told:
                _LOG.log(_LEVELS[finding.level], "%s", finding)
        self._told = frozenset(findings)
        last, model = self._last, inspected
        if last is not None:
            model = keeping_lost_types(self.model, inspected, last)
            self._tell_kept(
                sorted(
                    name
                    for name, t in inspected.entity_types.items()
                    if t.missing and not model.entity_types[name].missing
                )
            )
            if model.version == last.version:
                return
            _LOG.warning("the database has changed, and the model with it")
            COUNTERS.reloads += 1
        self._last = model
        self._use(model)

    def _tell_kept(self, names: list[str]) -> None:
        if names and names != self._kept:
            _LOG.error(
                "kept in the model as before, and refused until the table is back or a restart leaves it out: %s",
                ", ".join(names),
            )
        self._kept = names
