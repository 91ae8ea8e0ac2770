"""The overlay that fixes the names of a model: with it, what is added to the database renames
nothing that was there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from odata_gateway.edm.model import Table
from odata_gateway.introspection.links import CatalogLink
from odata_gateway.introspection.overlay.entries import (
    ColumnEntry,
    ConstraintEntry,
    Overlay,
    TableEntry,
)

Names = Mapping[Table, str]
"""Of entity sets, by table."""


def pinned(
    overlay: Overlay,
    sets: Names,
    properties: Mapping[Table, Mapping[str, str]],
    links: Mapping[Table, Mapping[str, CatalogLink]],
) -> Overlay:
    """An overlay with all that this one says, and with the names of entity sets, of properties
    that are not called like their columns, and of links."""
    entries = {entry.table: entry for entry in overlay.tables}
    for table, name in sets.items():
        text = f"{table.schema}.{table.name}"
        entry = entries.get(text) or entries.pop(table.name, TableEntry("", text))
        columns = dict(entry.columns)
        for column, shown in properties[table].items():
            if column != shown:
                columns[column] = replace(columns.get(column, ColumnEntry("")), name=shown)
        entries[text] = replace(entry, table=text, name=name, columns=tuple(columns.items()))
    return replace(
        overlay, tables=tuple(entries.values()), constraints=tuple(_constraints(overlay, links))
    )


def _constraints(
    overlay: Overlay, links: Mapping[Table, Mapping[str, CatalogLink]]
) -> Iterable[ConstraintEntry]:
    """The names of the links of foreign keys. Links that the overlay declares have theirs."""
    known = {entry.constraint: entry for entry in overlay.constraints}
    declared = {link.name for table in overlay.tables for link in table.links}
    for table, of_table in links.items():
        for name, link in of_table.items():
            owner = _owner(table, link)
            if link.key.link in declared and link.key.name == f"link {link.key.link}":
                continue
            text = f"{owner.schema}.{owner.name}.{link.key.name}"
            short = f"{owner.name}.{link.key.name}"
            entry = known.get(text) or known.pop(short, ConstraintEntry("", text))
            match link.leads:
                case "to":
                    entry = replace(entry, name=name)
                case "back":
                    entry = replace(entry, back=name)
                case "through":
                    entry = replace(entry, through=name)
            known[text] = replace(entry, constraint=text)
    return known.values()


def _owner(table: Table, link: CatalogLink) -> Table:
    """The table that has the foreign key of a link."""
    match link.leads:
        case "to":
            return table
        case "back":
            return link.target
        case "through":
            assert link.through is not None
            return link.through[0]
