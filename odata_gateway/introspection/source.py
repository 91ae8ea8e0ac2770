"""The model of a database, read from its catalog again and again (`ODATA_MODEL=auto`).

A catalog that has not changed gives the same model object, unless the key of a view was left
undecided for lack of time: then it is asked for again. A catalog that has changed is turned into a
model in a thread, so that no request waits. The log says what came, what went, and, at the start,
what is not served.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import NamedTuple

from odata_gateway.db.database import Database
from odata_gateway.db.schema.functions import FunctionFacts, read_functions
from odata_gateway.db.schema.keys import PAUSE
from odata_gateway.edm.derive import with_types
from odata_gateway.edm.json_reader import Mistake, ModelError
from odata_gateway.edm.model import LeftOut, Model, Table
from odata_gateway.errors import nearest
from odata_gateway.introspection.catalog import Catalog, read_catalog, read_schemas
from odata_gateway.introspection.document import CatalogModel
from odata_gateway.introspection.loaded import LoadedModel, loaded_model
from odata_gateway.introspection.names import odata_name
from odata_gateway.introspection.not_served import NotServed
from odata_gateway.introspection.overlay.applied import overlaid
from odata_gateway.introspection.overlay.entries import NO_OVERLAY, MissingName, Overlay
from odata_gateway.introspection.overlay.proofs import key_mistakes
from odata_gateway.introspection.view_keys import with_view_keys

_LOG = logging.getLogger("odata_gateway")
_MOST_NAMES = 20
"""In one log line."""


class CatalogContent(NamedTuple):
    """What is read of a database."""

    relations: Catalog
    functions: tuple[FunctionFacts, ...]


@dataclass(frozen=True, slots=True)
class WishedModel:
    """What the model is made by, besides the catalog.

    schemas         those that are served; None for all but Postgres's own and those of extensions
    for_all_roles   it has what any role might read, and not only what the connection's may
    accounts_claim  the claim that row policies of the overlay are compared with
    """

    schemas: Sequence[str] | None = ("public",)
    overlay: Overlay = NO_OVERLAY
    for_all_roles: bool = False
    accounts_claim: str = ""


class MadeModel(NamedTuple):
    """A model, what it was made of, what the overlay says in vain, and when it is made again even
    of the same, by time.monotonic(), because keys were left undecided."""

    catalog: CatalogContent
    loaded: LoadedModel
    left_aside: tuple[Mistake, ...]
    due: float


class CatalogSource:
    """Reads the model of a database.

    wished      what the model is made by. A wish that the catalog does not fit is a mistake; one
                that did fit once, or that names what is not there and hides nothing, is left aside
    not_served  what the model leaves out
    left_aside  what the overlay says of what the database does not have
    """

    def __init__(self, database: Database, wished: WishedModel) -> None:
        self.wished = wished
        self.not_served: tuple[NotServed, ...] = ()
        self.left_aside: tuple[Mistake, ...] = ()
        self._database = database
        self._catalog: CatalogContent | None = None
        self._model: Model | None = None
        self._due = inf

    async def read(self) -> Model:
        """The model as of now; the same object where the catalog has not changed.

        raises  ODataError when the database does not answer; ModelError for wishes that do not fit
                it, or where nothing can be served
        """
        catalog = await self._read_catalog(self.wished)
        if self._model is None or catalog != self._catalog or time.monotonic() >= self._due:
            spared = MissingName if self._model is None else Mistake
            self._use(await self._made(catalog, self.wished, spared), self.wished)
        assert self._model is not None
        return self._model

    async def take(self, overlay: Overlay) -> None:
        """Make the model by another overlay from now on.

        raises  as `read`, also for what names nothing; then all stays as it was
        """
        wished = replace(self.wished, overlay=overlay)
        catalog = await self._read_catalog(wished)
        self._use(await self._made(catalog, wished, None), wished)
        self.wished = wished

    async def found(self) -> CatalogModel:
        """The model as of now as a document.

        raises  ODataError when the database does not answer; ModelError for wishes that do not fit
        """
        catalog = await self._read_catalog(self.wished)
        made = await self._made(catalog, self.wished, MissingName)
        self.left_aside = made.left_aside
        return made.loaded.found

    def _use(self, made: MadeModel, wished: WishedModel) -> None:
        not_served = made.loaded.found.not_served
        model = _served_model(made.loaded, _schemas(wished))
        for mistake in made.left_aside:
            if mistake not in self.left_aside:
                _LOG.warning("the overlay says something that is left aside: %s", mistake)
        self._report(model, not_served)
        if self._model is None or model.version != self._model.version:
            self._model = model
        self._catalog, self._due, self.not_served = made.catalog, made.due, not_served
        self.left_aside = made.left_aside

    async def _read_catalog(self, wished: WishedModel) -> CatalogContent:
        schemas = _schemas(wished)
        async with self._database.session(snapshot=True) as session:
            found = await read_catalog(session, schemas, for_all_roles=wished.for_all_roles)
            functions = await read_functions(session, schemas)
        if wished.for_all_roles:
            functions = tuple(replace(facts, may_call=True) for facts in functions)
        return CatalogContent(found, functions)

    async def _made(
        self, catalog: CatalogContent, wished: WishedModel, spared: type[Mistake] | None
    ) -> MadeModel:
        """The model of a catalog.

        spared  the mistakes that are left aside; None: none of them
        raises  ModelError with all mistakes where there are others
        """
        claim = wished.accounts_claim
        fitted = await asyncio.to_thread(
            overlaid, catalog.relations, wished.overlay, accounts_claim=claim
        )
        if spared is not Mistake:
            mistakes = [*await self._schema_mistakes(wished), *fitted.mistakes]
            mistakes += await key_mistakes(self._database, fitted.catalog, wished.overlay)
            if any(spared is None or not isinstance(each, spared) for each in mistakes):
                raise ModelError(mistakes)
        started = time.monotonic()
        keys = await with_view_keys(
            self._database, fitted.catalog, for_all_roles=wished.for_all_roles
        )
        now = time.monotonic()
        due = inf if keys.are_settled else now + PAUSE * (now - started)
        functions = () if wished.overlay.rows else catalog.functions  # they have no row policy
        loaded = await asyncio.to_thread(loaded_model, keys.catalog, functions)
        return MadeModel(catalog, loaded, fitted.mistakes, due)

    async def _schema_mistakes(self, wished: WishedModel) -> list[Mistake]:
        """The schemas that are wanted and do not exist."""
        wanted = _schemas(wished)
        if wanted is None:
            return []
        async with self._database.session() as session:
            known = await read_schemas(session)
        place = "ODATA_SCHEMAS" if wished.overlay.schemas is None else "schemas"
        return [
            Mistake(
                place,
                f"there is no schema {name}; "
                f"{nearest(name, known) or f'the schemas are {_listed(known)}'}",
            )
            for name in wanted
            if name not in known
        ]

    def _report(self, model: Model, not_served: Sequence[NotServed]) -> None:
        """Log what is served at the start, and later what changes for those who ask."""
        if self._model is None:
            names = _listed(item.subject for item in not_served)
            rest = f"; not served: {names} (see `odata-gateway check`)" if not_served else ""
            _LOG.info(
                "the model has %d entity sets of the database%s", len(model.entity_sets), rest
            )
            return
        old, new = _names(self._model), _names(model)
        came, went = sorted(new - old), sorted(old - new)
        if came:
            _LOG.info("new in the model: %s", _listed(came))
        if went:
            _LOG.warning("no longer in the model: %s", _listed(went))


def _schemas(wished: WishedModel) -> Sequence[str] | None:
    """The schemas that are read; None for all."""
    wanted = wished.schemas if wished.overlay.schemas is None else wished.overlay.schemas
    return None if wanted is None or "*" in wanted else wanted


def _served_model(made: LoadedModel, schemas: Sequence[str] | None) -> Model:
    """The model with what it leaves out.

    raises  ModelError where there is nothing to serve
    """
    found = made.found
    if made.model is not None:
        return _with_left_out(made.model, found.not_served)
    where = "any schema" if schemas is None else ", ".join(schemas)
    reasons = "".join(f"\n{item}" for item in found.not_served)
    text = f"there is nothing to serve in {where}; name other schemas in ODATA_SCHEMAS{reasons}"
    raise ModelError([Mistake("", text)])


def _with_left_out(model: Model, not_served: Iterable[NotServed]) -> Model:
    """The model with what it leaves out, for those who ask for it."""
    tables: dict[str, LeftOut] = {}
    columns: dict[Table, dict[str, LeftOut]] = {}
    for item in not_served:
        if item.column:
            of_table = columns.setdefault(item.table, {})
            of_table.setdefault(odata_name(item.column), item.left_out)
        else:
            tables.setdefault(odata_name(item.table.name), item.left_out)
    types = {
        name: replace(t, left_out=columns.get(t.table, {}))
        for name, t in model.entity_types.items()
    }
    return with_types(replace(model, left_out=tables), types)


def _names(model: Model) -> set[str]:
    """Entity sets, and their properties and navigation properties."""
    found = {*model.entity_sets, *(f"{name}()" for name in model.functions)}
    for entity_set in model.entity_sets.values():
        entity_type = entity_set.entity_type
        members = (*entity_type.properties, *entity_type.navigation)
        found |= {f"{entity_set.name}/{member}" for member in members}
    return found


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _MOST_NAMES} more" if len(listed) > _MOST_NAMES else ""
    return ", ".join(listed[:_MOST_NAMES]) + more
