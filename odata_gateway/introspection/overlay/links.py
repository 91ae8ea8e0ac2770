"""The links that an overlay declares, and the names that it gives to those of foreign keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from odata_gateway.db.schema.join_types import join_kind
from odata_gateway.edm.json_reader import Mistake
from odata_gateway.edm.model import Table
from odata_gateway.errors import nearest
from odata_gateway.introspection.catalog import CatalogRelation, ForeignKey
from odata_gateway.introspection.links import given_names
from odata_gateway.introspection.overlay.entries import (
    ConstraintEntry,
    LinkEntry,
    MissingName,
    Overlay,
)

RelationsByName = Mapping[str, CatalogRelation]
"""By their names with the schema."""


def with_links(
    relations: RelationsByName, overlay: Overlay, mistakes: list[Mistake]
) -> dict[str, CatalogRelation]:
    """The relations with the links of an overlay; adds to the mistakes."""
    found = dict(relations)
    for entry in overlay.constraints:
        for name, number in _constraint(entry, found, mistakes):
            found[name] = _named(found[name], number, entry)
    for table in overlay.tables:
        for link in table.links:
            source = _relation(table.table, found)
            if source is None:
                continue  # told where the table's other entries are read
            key = _foreign_key(source, link, found, mistakes)
            if key is not None:
                name = f"{source.table.schema}.{source.table.name}"
                found[name] = replace(source, foreign_keys=(*source.foreign_keys, key))
    mistakes += _collisions(found, overlay)
    return found


def _constraint(
    entry: ConstraintEntry, relations: RelationsByName, mistakes: list[Mistake]
) -> list[tuple[str, int]]:
    """The table and the number of the foreign key that an entry names; nothing is a mistake."""
    known = [
        (name, number, relation.table, key.name)
        for name, relation in relations.items()
        for number, key in enumerate(relation.foreign_keys)
    ]
    wanted = entry.constraint
    for with_schema in (True, False):
        texts = [
            (f"{table.schema}.{table.name}.{key}" if with_schema else f"{table.name}.{key}")
            for _, _, table, key in known
        ]
        found = [
            (name, n) for (name, n, *_), text in zip(known, texts, strict=True) if text == wanted
        ]
        if len(found) == 1:
            return found
        if found:
            names = ", ".join(name for name, _ in found)
            mistakes.append(Mistake(entry.place, f"several tables have it: {names}"))
            return []
    hint = nearest(wanted, texts) or "write table.constraint"
    mistakes.append(MissingName(entry.place, f"there is no foreign key {wanted}; {hint}"))
    return []


def _named(relation: CatalogRelation, number: int, entry: ConstraintEntry) -> CatalogRelation:
    keys = list(relation.foreign_keys)
    keys[number] = replace(keys[number], link=entry.name, back=entry.back, through=entry.through)
    return replace(relation, foreign_keys=tuple(keys))


def _relation(text: str, relations: RelationsByName) -> CatalogRelation | None:
    if text in relations:
        return relations[text]
    found = [each for each in relations.values() if each.table.name == text]
    return found[0] if len(found) == 1 else None


def _foreign_key(
    source: CatalogRelation, link: LinkEntry, relations: RelationsByName, mistakes: list[Mistake]
) -> ForeignKey | None:
    """The link as if it were a foreign key; None where it is wrong."""
    target = _relation(link.to, relations)
    if target is None:
        hint = nearest(link.to, relations) or "write schema.table"
        mistakes.append(MissingName(f"{link.place}.to", f"there is no table {link.to}; {hint}"))
        return None
    faults = [*_pair_faults(source, target, link)]
    referenced = tuple(other for _, other in link.on)
    if not faults and not _is_unique(target, referenced):
        names = ", ".join(referenced)
        text = f"{_text(target.table)} may have several rows with the same {names}: link it back"
        text = f"{text}, from there to {_text(source.table)}"
        faults = [Mistake(f"{link.place}.on", text)]
    mistakes += faults
    if faults:
        return None
    own = tuple(column for column, _ in link.on)
    return ForeignKey(f"link {link.name}", own, target.table, referenced, link.name, link.back)


def _pair_faults(
    source: CatalogRelation, target: CatalogRelation, link: LinkEntry
) -> Iterator[Mistake]:
    """Why the columns of a link cannot be compared."""
    place = f"{link.place}.on"
    near = {column.name: column.type for column in source.columns}
    far = {column.name: column.type for column in target.columns}
    for own, other in link.on:
        for name, columns, table in ((own, near, source.table), (other, far, target.table)):
            if name not in columns:
                hint = nearest(name, columns) or f"the columns are {', '.join(columns)}"
                yield MissingName(place, f"{_text(table)} has no column {name}; {hint}")
        if own in near and other in far and join_kind(near[own]) != join_kind(far[other]):
            text = f"{own} is {near[own]} and {other} is {far[other]}, which cannot be compared"
            yield Mistake(place, text)


def _is_unique(relation: CatalogRelation, columns: tuple[str, ...]) -> bool:
    """Whether no two rows have the same values in these columns."""
    known = [*(index.columns for index in relation.unique), *filter(None, [relation.key])]
    return any(set(columns) >= set(key) for key in known)


def _collisions(relations: RelationsByName, overlay: Overlay) -> Iterator[Mistake]:
    """Names that an overlay gives to two links of one table, or to a link and a column."""
    by_table = {relation.table: relation for relation in relations.values()}
    for table, names in given_names(by_table).items():
        columns = {column.wanted for column in by_table[table].columns if column.wanted}
        seen = set[str]()
        for name in names:
            if name in seen or name in columns:
                what = "two links" if name in seen else "a link and a column"
                text = f"{what} of {_text(table)} are called {name}"
                yield Mistake(_place_of_name(name, overlay), text)
            seen.add(name)


def _place_of_name(name: str, overlay: Overlay) -> str:
    """Where an overlay gives a name to a link, the last time."""
    places = [
        entry.place
        for entry in overlay.constraints
        if name in (entry.name, entry.back, entry.through)
    ]
    places += [
        link.place
        for table in overlay.tables
        for link in table.links
        if name in (link.name, link.back)
    ]
    return places[-1]


def _text(table: Table) -> str:
    return f"{table.schema}.{table.name}"
