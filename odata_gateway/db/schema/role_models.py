"""The model as each role may read it: what a role may not read is not there.

A role's model is made when its first request comes, by comparing the model with the database as
that role. It is made again in the background while requests come, and at once after an error that
says that tables or rights have changed. Roles that may read the same have one model.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass

from odata_gateway.db.database import Database
from odata_gateway.db.schema.introspect import compare
from odata_gateway.db.schema.keys import KeyProofs
from odata_gateway.edm.model import Model
from odata_gateway.errors import ODataError

_LOG = logging.getLogger("odata_gateway")
AGAIN_S = 2.0
"""How soon after one comparison the next one may begin."""
_KEYS_S = 5.0
"""How long the first request of a role waits for queries about keys."""
_ENTRIES, _MOST_SHARED = 10_000, 256


@dataclass(frozen=True, slots=True)
class RoleModel:
    """What a role may read of a model, and when that was found out, by time.monotonic()."""

    declared: Model
    model: Model
    at: float


class RoleModels:
    """Compares a model with the database as one role or another.

    declared  the model before any comparison, as it is now
    every_s   how old a comparison becomes before it is repeated; 0: it does not become old
    is_made   the declared model is made from the database: while another one is compared, requests
              are answered from the one before
    """

    def __init__(
        self,
        database: Database,
        declared: Callable[[], Model],
        *,
        every_s: float = 60.0,
        is_made: bool = False,
    ) -> None:
        self._database = database
        self._declared = declared
        self._every_s = every_s
        self._is_made = is_made
        self._asked_at = 0.0
        self._known: OrderedDict[str, RoleModel] = OrderedDict()
        self._keys: dict[str, KeyProofs] = {}
        self._shared: OrderedDict[str, Model] = OrderedDict()  # by version
        self._looking: dict[str, asyncio.Task[Model]] = {}

    async def model(self, role: str) -> Model:
        """What a role may read.

        raises  ODataError when the database does not answer, and did not before
        """
        known = self._known.get(role)
        is_other = known is None or known.declared is not self._declared()
        if known is None or (is_other and not self._is_made):
            return await self._look(role)
        is_old = bool(self._every_s) and time.monotonic() - known.at > self._every_s
        if is_other or is_old or known.at < self._asked_at:
            self._look(role).add_done_callback(_note_failure)
        return known.model

    def ask(self) -> None:
        """Have each role's model compared again when its next request comes."""
        self._asked_at = time.monotonic()

    async def look_again(self, role: str) -> float:
        """Compare now, unless that was done a moment ago. Returns when the last comparison began,
        by time.monotonic()."""
        known = self._known.get(role)
        is_other = known is None or known.declared is not self._declared()
        if known is None or is_other or time.monotonic() - known.at >= AGAIN_S:
            await self._look(role)
        return self._known[role].at

    def _look(self, role: str) -> asyncio.Future[Model]:
        """One comparison for all that ask for it at the same time; it continues when one of them is
        cancelled."""
        task = self._looking.get(role)
        if task is None:
            # A context of its own: its statistics belong to none of those that wait for it.
            looking = self._compared(role)
            task = asyncio.get_running_loop().create_task(looking, context=Context())
            self._looking[role] = task
            task.add_done_callback(lambda done: self._looked(role, done))
        return asyncio.shield(task)

    def _looked(self, role: str, task: asyncio.Task[Model]) -> None:
        del self._looking[role]
        if not task.cancelled():
            task.exception()  # retrieved, also where nobody waits for it any longer

    async def _compared(self, role: str) -> Model:
        """The model by one comparison, and by another one if keys are known then that were not."""
        declared = self._declared()
        keys = self._keys.setdefault(role, KeyProofs(self._database, role))
        model = await self._comparison(role, declared, keys)
        deciding = asyncio.create_task(keys.decide(declared))
        await asyncio.wait({deciding}, timeout=_KEYS_S)
        if not deciding.done():
            deciding.add_done_callback(lambda done: self._decided(role, done))
            return model
        return await self._comparison(role, declared, keys) if deciding.result() else model

    def _decided(self, role: str, task: asyncio.Task[bool]) -> None:
        if not task.cancelled() and task.exception() is None and task.result():
            self._look(role).add_done_callback(_note_failure)

    async def _comparison(self, role: str, declared: Model, keys: KeyProofs) -> Model:
        at = time.monotonic()
        model, _ = await compare(self._database, declared, keys)
        model = self._shared.setdefault(model.version, model)
        self._shared.move_to_end(model.version)
        while len(self._shared) > _MOST_SHARED:
            self._shared.popitem(last=False)
        self._known[role] = RoleModel(declared, model, at)
        self._known.move_to_end(role)
        while len(self._known) > _ENTRIES:
            self._keys.pop(self._known.popitem(last=False)[0], None)
        return model


def _note_failure(looked: asyncio.Future[Model]) -> None:
    """Log why a comparison in the background has failed; the one before stays in use."""
    if not looked.cancelled() and isinstance(error := looked.exception(), ODataError):
        _LOG.debug("the rights of a role cannot be compared now: %s", error)
