"""Whether the keys that an overlay names are keys: unique and never null in the rows of today."""

from __future__ import annotations

from collections.abc import Iterable

from odata_gateway.db.database import Database
from odata_gateway.db.schema.keys import KeyColumns, KeyProofs
from odata_gateway.edm.json_reader import Mistake
from odata_gateway.introspection.catalog import Catalog
from odata_gateway.introspection.overlay.entries import Overlay
from odata_gateway.introspection.overlay.toml import toml_place

_FAULTS = {
    "null": "is null in a row",
    "twins": "is the same in two rows",
}


async def key_mistakes(database: Database, catalog: Catalog, overlay: Overlay) -> list[Mistake]:
    """The keys of an overlay that the rows disprove. What the role may not read, or what takes
    longer than ODATA_KEY_CHECK_S, is decided when the model is compared with the database.

    raises  ODataError when the database does not answer
    """
    proofs = KeyProofs(database)
    found = []
    for relation in catalog:
        if not relation.key or relation.kept_out is not None:
            continue
        outcome = await proofs.outcome(KeyColumns(relation.table, relation.key))
        if outcome in _FAULTS:
            names = (f"{relation.table.schema}.{relation.table.name}", relation.table.name)
            place = _place(names, overlay)
            found.append(Mistake(place, f"{', '.join(relation.key)} {_FAULTS[outcome]}"))
    return found


def _place(names: Iterable[str], overlay: Overlay) -> str:
    known = {entry.table: entry.place for entry in overlay.tables}
    return next((toml_place("key", within=known[name]) for name in names if name in known), "table")
