"""A model that stays in step with its database.

The two are compared until that succeeds, then at times, and after errors that say that the schema
has changed. A comparison that fails keeps the model in use: the database may be away. If a
collection can no longer be served, because its table or its key is gone, it stays in the model as
it was, and all other changes are taken over. A table may be missing for as long as a migration
takes, or for good; in either case its requests are answered with an error that says so, and not as
if there had never been such a table.

A model that is read from the catalog is read again before each comparison: a table that is gone is
gone from it as well. It is read once more where the comparison finds what the one before did not: a
change between the two would otherwise look like a column that cannot be served.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf
from typing import Protocol

from odata_gateway.db.database import Database
from odata_gateway.db.schema.findings import Finding
from odata_gateway.db.schema.introspect import compare
from odata_gateway.db.schema.keys import KeyProofs
from odata_gateway.edm.derive import keeping_lost_types
from odata_gateway.edm.json_reader import ModelError
from odata_gateway.edm.model import Model
from odata_gateway.errors import ODataError
from odata_gateway.observe.counters import COUNTERS

_LOG = logging.getLogger("odata_gateway")
_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "note": logging.INFO}

_MOST_READINGS = 3
"""How often a catalog that keeps changing is read for one comparison."""
AGAIN_S = 2.0
"""How soon a first comparison that failed is repeated, and how soon after any comparison the next
one may begin."""


class ModelSource(Protocol):
    """What a model is read from, again before each comparison, where no file has it."""

    async def read(self) -> Model:
        """The model as of now; the same object where nothing has changed.

        raises  ODataError when the database does not answer; ModelError where there is no model
        """
        ...


class SchemaWatcher:
    """Compares `model` with the database and gives the outcome to `use` whenever it differs from
    the one before.

    every_s       from one comparison to the next when nothing else asks for one; 0: never
    reports       findings are logged: requests run as the connection's own role
    source        what `model` is read from; None: it stays as it is, until `take`
    looked        set after the first attempt, whatever came of it
    compared      the model in use that was compared with the database last; None: none was yet
    """

    def __init__(
        self,
        database: Database,
        model: Model,
        use: Callable[[Model], None],
        *,
        every_s: float,
        reports: bool = True,
        source: ModelSource | None = None,
    ) -> None:
        self.model = model
        self._source = source
        self._fault = ""  # why the source gave no model when it was read last
        self.looked = asyncio.Event()
        self.compared: Model | None = None
        self._database = database
        self._use = use
        self._every_s = every_s
        self._keys = KeyProofs(database)
        self._reports = reports
        self._asked = asyncio.Event()
        self._one_looks = asyncio.Lock()
        self._last: Model | None = None  # the one in use; None while it has not been compared
        self._reported: frozenset[Finding] = frozenset()
        self._lost: list[str] = []  # entity types kept although they can no longer be served
        self._at = 0.0  # end of the last comparison, by time.monotonic()
        self._compared_at = 0.0  # begin of the last one that succeeded

    async def run(self) -> None:
        """Compare again and again, until cancelled."""
        while True:
            await self._look_at_all()
            self.looked.set()
            pause_s = self._every_s if self._last is not None else AGAIN_S
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s or None):
                    await self._asked.wait()
            await asyncio.sleep(max(0.0, self._at + AGAIN_S - time.monotonic()))
            self._asked.clear()

    async def _look_at_all(self) -> None:
        """Compare, and look at the keys that take a query. Only the comparisons keep others
        waiting."""
        async with self._one_looks:
            await self._look()
        if self._last is not None and await self._keys.decide(self.model):
            async with self._one_looks:
                await self._look()

    def ask(self) -> None:
        """Have them compared soon."""
        self._asked.set()

    async def look_again(self) -> float:
        """Compare now and return when that is done. A moment after another comparison, return at
        once and have it done soon. Returns when the last one that succeeded began, by
        time.monotonic(); where the model in use is known to have what is gone, infinity."""
        asked_at = time.monotonic()
        async with self._one_looks:
            if self._compared_at < asked_at:  # no other one's comparison, while this one waited
                if time.monotonic() - self._at >= AGAIN_S:
                    await self._look()
                else:
                    self.ask()
            return inf if self._lost else self._compared_at

    async def take(self, model: Model) -> bool:
        """Compare another model with the database and use it; where that fails, as soon as it
        succeeds. Returns whether it is in use."""
        with suppress(ODataError):  # told by the comparison
            await compare(self._database, model, self._keys)
            await self._keys.decide(model)
        async with self._one_looks:
            self.model, self._last = model, None
            await self._look()
        if self._last is None:
            self.ask()
            return False
        COUNTERS.reloads += 1
        return True

    async def _look(self) -> None:
        begun = time.monotonic()
        try:
            inspected, findings = await self._compared()
        except ODataError as error:
            if not self.looked.is_set():
                _LOG.warning("the database cannot be examined yet: %s", error)
        except ModelError as error:
            if self._fault != str(error):
                _LOG.error("%s", error)
            self._fault = str(error)
        else:
            self._report(findings)
            self._judge(inspected)
            self._compared_at = begun
        finally:
            self._at = time.monotonic()

    async def _compared(self) -> tuple[Model, list[Finding]]:
        """What `compare` finds of the model as of now.

        raises  as `compare` and `ModelSource.read`
        """
        if self._source is None:
            return await compare(self._database, self.model, self._keys)
        model, self._fault = await self._source.read(), ""
        for _ in range(_MOST_READINGS):
            self.model = model
            found = await compare(self._database, model, self._keys)
            if self._last is not None and found[0].version == self._last.version:
                return found
            model = await self._source.read()
            if model is self.model:
                return found
        self.ask()
        return found

    def _report(self, findings: Sequence[Finding]) -> None:
        """Log the findings that the last comparison did not have."""
        for finding in findings:
            if self._reports and finding not in self._reported:
                _LOG.log(_LEVELS[finding.level], "%s", finding)
        self._reported = frozenset(findings)

    def _judge(self, inspected: Model) -> None:
        """Use the model that was found, with what was served before and no longer can be."""
        last, model = self._last, inspected
        if last is not None:
            if self._source is None:
                model = keeping_lost_types(self.model, inspected, last)
                self._report_lost(inspected, model)
            if model.version == last.version:
                return
            _LOG.warning("the database has changed, and the model with it")
            COUNTERS.reloads += 1
        self._last = self.compared = model
        self._use(model)

    def _report_lost(self, inspected: Model, model: Model) -> None:
        """Log the entity types that are kept although they can no longer be served, when they
        change."""
        types = inspected.entity_types.items()
        names = sorted(n for n, t in types if t.missing and not model.entity_types[n].missing)
        if names and names != self._lost:
            _LOG.error(
                "kept in the model as before, and refused until the table is back or a restart "
                "leaves it out: %s",
                ", ".join(names),
            )
        self._lost = names
