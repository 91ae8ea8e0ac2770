"""What rows that $apply made show: $select and $expand on a type of their own (Data Aggregation
4.0, sections 3.1.1 and 3.2.3.1).

An entity that rows were grouped by is expanded by default, where the request has no $expand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from odata_gateway.edm.model import EntitySet
from odata_gateway.errors import BindName, BindOption, BindType
from odata_gateway.plan.scope import PRESENT, Reference, RowStructure, Scope, no_such_name
from odata_gateway.plan.tree.projection import ExpandOne, Field, Nested, Projection
from odata_gateway.plan.tree.relation import Column
from odata_gateway.types import primitive as types
from odata_gateway.url import ast
from odata_gateway.url.options import ALLOWED

Names = tuple[str, ...]
ExpandReference = Callable[[ast.ExpandItem, EntitySet, Scope, Reference, int], ExpandOne]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a row's members.

    paths     those of $select, () for the whole; None for all members
    expands   the items of $expand by name; None where the request has none, so that the default
              holds
    """

    paths: tuple[Names, ...] | None
    expands: Mapping[str, ast.ExpandItem] | None

    def below(self, name: str) -> tuple[Names, ...] | None:
        """The paths behind a member; None for all of it, and no path where it was not selected."""
        if self.paths is None or ("*",) in self.paths or (name,) in self.paths:
            return None
        return tuple(p[1:] for p in self.paths if p[0] == name)

    def item(self, name: str) -> ast.ExpandItem | None:
        return None if self.expands is None else self.expands.get(name) or self.expands.get("*")


class ApplyRowBinder:
    """Binds the members of made rows; `expand` binds an entity that is found by its key."""

    def __init__(self, scope: Scope, expand: ExpandReference, depth: int) -> None:
        self._scope = scope
        self._expand = expand
        self._depth = depth

    def members(
        self, entity_set: EntitySet, structure: RowStructure, wanted: Wanted
    ) -> tuple[Field | Nested | ExpandOne, ...]:
        found: list[Field | Nested | ExpandOne] = []
        for name, member in structure.members.items():
            below, item = wanted.below(name), wanted.item(name)
            if (below == () and item is None) or name == PRESENT:
                continue
            if isinstance(member, Column):
                found.append(
                    Field(
                        name,
                        member,
                        member.type,
                        dynamic=name not in structure.entity_type.properties,
                    )
                )
            elif isinstance(member, RowStructure):
                target_set = self._scope.binding.model.entity_sets[entity_set.bindings[name]]
                inner = self._inside(member, below, item, wanted)
                members = self.members(target_set, member, inner)
                present = member.members.get(PRESENT)
                mark = present if isinstance(present, Column) else None
                found += (
                    [Nested(name, target_set, members, is_identified(target_set, members), mark)]
                    if members
                    else []
                )
            elif item is not None or wanted.expands is None:
                found.append(self._entity(name, item, below, entity_set, member))
        return tuple(found)

    def _inside(
        self,
        structure: RowStructure,
        below: tuple[Names, ...] | None,
        item: ast.ExpandItem | None,
        wanted: Wanted,
    ) -> Wanted:
        """What is asked of a member that has members: by paths, or by the options of its item."""
        if item is None:
            return Wanted(below, None if wanted.expands is None else {})
        options = item.options or ast.Options()
        if item.suffix is not None or any(
            name not in ALLOWED["expand made"] for name in options.order
        ):
            hint = "they were read in $apply, and are no entities: $select and $expand choose among what they have"
            raise BindOption(
                f"'{item.path[0]}' holds values that $apply made",
                target="$expand",
                at=item.at,
                hint=hint,
            )
        expands = expand_items(options.expand, structure)
        if options.select is None:
            return Wanted(below or None, expands)
        return Wanted(
            tuple(selected(s, structure, self._scope.computed) for s in options.select), expands
        )

    def _entity(
        self,
        name: str,
        item: ast.ExpandItem | None,
        below: tuple[Names, ...] | None,
        entity_set: EntitySet,
        reference: Reference,
    ) -> ExpandOne:
        """An entity as its item has it, or with what $select names of it, or whole."""
        found = ast.ExpandItem((name,)) if item is None else replace(item, path=(name,))
        if below and (found.options is None or found.options.select is None):
            options = found.options or ast.Options()
            found = replace(
                found, options=replace(options, select=tuple(ast.SelectItem(p) for p in below))
            )
        return self._expand(found, entity_set, self._scope, reference, self._depth)


def bind_result(
    entity_set: EntitySet,
    options: ast.Options,
    scope: Scope,
    structure: RowStructure,
    expand: ExpandReference,
    depth: int,
) -> Projection:
    """The members of one row, or those of them that $select and $expand name."""
    paths = (
        None
        if options.select is None
        else tuple(selected(item, structure, scope.computed) for item in options.select)
    )
    wanted = Wanted(paths, expand_items(options.expand, structure))
    members = ApplyRowBinder(scope, expand, depth).members(entity_set, structure, wanted)
    computed = tuple(
        Field(name, found.value, found.value.type or types.STRING, dynamic=True)
        for name, found in scope.computed.items()
        if paths is None or (name,) in paths or ("*",) in paths
    )
    identified = is_identified(entity_set, members)
    return Projection(
        scope.implicit.source.number,
        entity_set,
        (),
        result=(*members, *computed),
        identified=identified,
    )


def is_identified(entity_set: EntitySet, members: tuple[Field | Nested | ExpandOne, ...]) -> bool:
    names = {m.name for m in members if isinstance(m, Field)}
    return all(p.name in names for p in entity_set.entity_type.key)


def expand_items(
    items: tuple[ast.ExpandItem, ...] | None, structure: RowStructure
) -> Mapping[str, ast.ExpandItem] | None:
    """The items by name; only what rows were grouped by can be expanded."""
    if items is None:
        return None
    found: dict[str, ast.ExpandItem] = {}
    for item in items:
        name = item.path[0]
        if len(item.path) > 1:
            hint = f"nest it: {name}($expand={item.path[1]})"
            raise BindName(
                f"'{name}' cannot be part of a longer $expand path",
                target="$expand",
                at=item.at,
                hint=hint,
            )
        if name in found:
            raise BindOption(f"'{name}' is expanded twice", target="$expand", at=item.at)
        if name != "*" and not isinstance(structure.members.get(name), Reference | RowStructure):
            raise _not_there(name, structure, item.at)
        if name == "*" and item.options is not None:
            raise BindOption(
                "* takes no options for rows that $apply made",
                target="$expand",
                at=item.at,
                hint="name what you expand",
            )
        found[name] = item
    return found


def _not_there(name: str, structure: RowStructure, at: int) -> BindName:
    if name in structure.members or name in structure.entity_type.properties:
        return BindName(
            f"'{name}' is no navigation property",
            target="$expand",
            at=at,
            hint=f"use $select={name}",
        )
    if (found := structure.entity_type.navigation.get(name)) is not None:
        hint = (
            f"join it first, as in join({name} as ...)"
            if found.collection
            else f"name it in groupby, as in groupby(({name}))"
        )
        return BindName(
            f"'{name}' was aggregated away by $apply", target="$expand", at=at, hint=hint
        )
    return no_such_name(
        structure.entity_type,
        name,
        target="$expand",
        at=at,
        what="navigation property",
        extra=tuple(structure.members),
    )


def selected(item: ast.SelectItem, structure: RowStructure, computed: Iterable[str]) -> Names:
    """A path of $select to a member of a row, or to a property of an entity that it leads to."""
    place: RowStructure | Reference | Column = structure
    if item.path == ("*",) or (len(item.path) == 1 and item.path[0] in computed):
        return item.path
    for i, name in enumerate(item.path):
        if isinstance(place, Column):
            raise BindName(
                f"a primitive value has no property '{name}'", target="$select", at=item.at
            )
        if isinstance(place, Reference):
            return _of_entity(item, i)
        found = place.members.get(name)
        if found is None:
            known = [*place.members, *computed]
            if name in place.entity_type.properties or name in place.entity_type.navigation:
                hint = "the rows have " + ", ".join(known)
                raise BindName(
                    f"'{name}' was aggregated away by $apply",
                    target="$select",
                    at=item.at,
                    hint=hint,
                )
            raise no_such_name(
                place.entity_type, name, target="$select", at=item.at, extra=tuple(known)
            )
        place = found
    if item.options is not None:
        raise BindType(
            f"'{'/'.join(item.path)}' takes no nested options here", target="$select", at=item.at
        )
    return item.path


def _of_entity(item: ast.SelectItem, index: int) -> Names:
    if item.options is not None or len(item.path) > index + 1:
        hint = f"use $expand={'/'.join(item.path[:index])}"
        raise BindType(
            f"'{'/'.join(item.path)}' names more than a property",
            target="$select",
            at=item.at,
            hint=hint,
        )
    return item.path
