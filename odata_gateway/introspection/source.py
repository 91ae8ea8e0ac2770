"""The model of a database, read from its catalog again and again (`ODATA_MODEL=auto`).

A catalog that has not changed gives the same model object. One that has changed is turned into a
model in a thread, so that no request waits. The log says what came, what went, and, at the start,
what is not served.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from odata_gateway.db.database import Database
from odata_gateway.edm.csdl import parse_model
from odata_gateway.edm.derive import with_types
from odata_gateway.edm.json_reader import Mistake, ModelError
from odata_gateway.edm.model import LeftOut, Model, Table
from odata_gateway.introspection.catalog import Catalog, read_catalog
from odata_gateway.introspection.document import CatalogModel, model_of_catalog
from odata_gateway.introspection.names import odata_name
from odata_gateway.introspection.not_served import NotServed
from odata_gateway.introspection.view_keys import with_view_keys

_LOG = logging.getLogger("odata_gateway")
_MOST_NAMES = 20
"""In one log line."""


class CatalogSource:
    """Reads the model of some schemas; None for all but Postgres's own and those of extensions.

    for_all_roles  the model has what any role might read, and not only what the connection's may
    not_served     what the model leaves out
    """

    def __init__(
        self, database: Database, schemas: Sequence[str] | None, *, for_all_roles: bool = False
    ) -> None:
        self.not_served: tuple[NotServed, ...] = ()
        self._database = database
        self._schemas = schemas
        self._for_all_roles = for_all_roles
        self._catalog: Catalog | None = None
        self._model: Model | None = None

    async def read(self) -> Model:
        """The model as of now; the same object where the catalog has not changed.

        raises  ODataError when the database does not answer; ModelError where nothing can be served
        """
        catalog = await self._read_catalog()
        if self._model is None or catalog != self._catalog:
            with_keys = await self._with_view_keys(catalog)
            found = await asyncio.to_thread(model_of_catalog, with_keys)
            model = await asyncio.to_thread(_model_of, found, self._schemas)
            self._report(model, found.not_served)
            self._catalog, self._model, self.not_served = catalog, model, found.not_served
        return self._model

    async def found(self) -> CatalogModel:
        """The document of the model as of now.

        raises  ODataError when the database does not answer
        """
        return model_of_catalog(await self._with_view_keys(await self._read_catalog()))

    async def _read_catalog(self) -> Catalog:
        async with self._database.session(snapshot=True) as session:
            return await read_catalog(session, self._schemas, for_all_roles=self._for_all_roles)

    async def _with_view_keys(self, catalog: Catalog) -> Catalog:
        return await with_view_keys(self._database, catalog, for_all_roles=self._for_all_roles)

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


def _model_of(found: CatalogModel, schemas: Sequence[str] | None) -> Model:
    if found.type_count:
        return _with_left_out(parse_model(found.document), found.not_served)
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
    found = set(model.entity_sets)
    for entity_set in model.entity_sets.values():
        entity_type = entity_set.entity_type
        members = (*entity_type.properties, *entity_type.navigation)
        found |= {f"{entity_set.name}/{member}" for member in members}
    return found


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _MOST_NAMES} more" if len(listed) > _MOST_NAMES else ""
    return ", ".join(listed[:_MOST_NAMES]) + more
