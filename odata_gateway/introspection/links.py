"""The navigation properties of foreign keys, and their names.

A link to one row is called after its column without `_id`, `Id`, `_uuid` or `_fk`; after the target
where the key has several columns. Where a column has that name, it gets `to_` before it; where that
is taken too, it is called after the constraint. The way back is called after the table it comes
from; where several foreign keys lead from there to the same table, `<table>_by_<link>`. A table
whose primary key is exactly two foreign keys also links the two tables that it connects: after
the far table, or `<far>_via_<junction>` where that is taken.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from odata_gateway.edm.model import Table
from odata_gateway.introspection.catalog import CatalogRelation, ForeignKey
from odata_gateway.introspection.names import MAX_LENGTH, odata_name, unused

_REFERENCE_ENDINGS = re.compile(r"(?:_id|Id|ID|_uuid|_fk)$")


@dataclass(frozen=True, slots=True)
class CatalogLink:
    """A navigation property of a table.

    leads    to one row by a foreign key, back, or through a junction
    key      the foreign key behind it; of a many-to-many link, the one that leads back
    through  of a many-to-many link: the junction, and its foreign key that leads on
    """

    name: str
    target: Table
    key: ForeignKey
    is_collection: bool
    leads: Literal["to", "back", "through"]
    partner: str | None = None
    through: tuple[Table, ForeignKey] | None = None


@dataclass(slots=True)
class LinkNames:
    """The names of a table that are taken: of properties and those that an overlay gives to links
    first, then of links."""

    properties: frozenset[str]
    given: frozenset[str]
    links: dict[str, CatalogLink] = field(default_factory=dict)

    def first_free(self, *names: str) -> str:
        """The first of these names that nothing has, and that is no longer than a name may be; a
        number where all are taken."""
        taken = self.properties | self.given | self.links.keys()
        free = (name for name in names if name not in taken and len(name) <= MAX_LENGTH)
        return next(free, "") or unused(names[-1][:MAX_LENGTH], taken)


def links_of(
    relations: Mapping[Table, CatalogRelation],
    type_names: Mapping[Table, str],
    property_names: Mapping[Table, Mapping[str, str]],
) -> dict[Table, dict[str, CatalogLink]]:
    """The links of each table by their names, of foreign keys between these relations."""
    given = given_names(relations)
    names = {
        table: LinkNames(frozenset(property_names[table].values()), frozenset(given[table]))
        for table in relations
    }
    to_one = {
        (table, key.name): _name_to_one(names[table], key, type_names)
        for table, relation in relations.items()
        for key in _served(relation, relations)
    }
    for table, relation in relations.items():
        for key in _served(relation, relations):
            link_name, source = to_one[table, key.name], type_names[table]
            _add_pair(names, relation, key, to_one=link_name, source=source)
    for relation in relations.values():
        _add_many_to_many(names, relation, relations, type_names)
    return {table: taken.links for table, taken in names.items()}


def given_names(relations: Mapping[Table, CatalogRelation]) -> dict[Table, list[str]]:
    """The names that an overlay gives to links of these relations."""
    found: dict[Table, list[str]] = {table: [] for table in relations}
    for table, relation in relations.items():
        for key in _served(relation, relations):
            found[table] += filter(None, [key.link])
            found[key.target] += filter(None, [key.back, key.through])
    return found


def _served(
    relation: CatalogRelation, relations: Mapping[Table, CatalogRelation]
) -> Iterator[ForeignKey]:
    """The foreign keys that lead to one of these relations."""
    return (key for key in relation.foreign_keys if key.target in relations)


def _name_to_one(names: LinkNames, key: ForeignKey, type_names: Mapping[Table, str]) -> str:
    """The name of a link to one row; takes it."""
    target = type_names[key.target]
    wanted = target if len(key.columns) > 1 else _without_ending(key.columns[0])
    wanted = odata_name(wanted)
    name = key.link or names.first_free(wanted, f"to_{wanted}", odata_name(key.name))
    names.links[name] = CatalogLink(name, key.target, key, is_collection=False, leads="to")
    return name


def _without_ending(column: str) -> str:
    return _REFERENCE_ENDINGS.sub("", column) or column


def _add_pair(
    names: Mapping[Table, LinkNames],
    relation: CatalogRelation,
    key: ForeignKey,
    *,
    to_one: str,
    source: str,
) -> None:
    """Add the way back of a link to one row, and make the two partners."""
    twins = Counter(other.target for other in relation.foreign_keys if not other.back)[key.target]
    by_link = f"{source}_by_{to_one}"
    far = names[key.target]
    rules = (*((by_link,) if twins > 1 else (source, by_link)), odata_name(key.name))
    back = key.back or far.first_free(*rules)
    is_unique = any(set(index.columns) <= set(key.columns) for index in relation.unique)
    far.links[back] = CatalogLink(back, relation.table, key, not is_unique, "back", to_one)
    near = names[relation.table].links
    near[to_one] = replace(near[to_one], partner=back)


def _add_many_to_many(
    names: Mapping[Table, LinkNames],
    junction: CatalogRelation,
    relations: Mapping[Table, CatalogRelation],
    type_names: Mapping[Table, str],
) -> None:
    """Add the links over a table whose primary key is exactly two foreign keys."""
    primary = next((set(i.columns) for i in junction.unique if i.is_primary), set())
    keys = [key for key in _served(junction, relations) if primary.issuperset(key.columns)]
    named = [key for key in keys if key.through]
    keys = named if len(named) == 2 else keys
    if len(keys) != 2 or sorted((*keys[0].columns, *keys[1].columns)) != sorted(primary):
        return
    for near, far in (keys, keys[::-1]):
        target = type_names[far.target]
        via = f"{target}_via_{type_names[junction.table]}"
        rules = target, via, odata_name(f"{via}_{_without_ending(far.columns[0])}")
        name = near.through or names[near.target].first_free(*rules)
        names[near.target].links[name] = _many(name, junction, near, far)


def _many(name: str, junction: CatalogRelation, near: ForeignKey, far: ForeignKey) -> CatalogLink:
    through = (junction.table, far)
    return CatalogLink(name, far.target, near, True, "through", through=through)
