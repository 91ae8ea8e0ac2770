"""What rows that $apply made show: $select and $expand on a type of their own (Data Aggregation
4.0, sections 3.1.1 and 3.2.3.1).

An entity that rows were grouped by is expanded by default, where the request has no $expand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from odata_gateway.edm.model import ComplexType, EntitySet, EntityType
from odata_gateway.errors import BindName, BindOption, BindType, ODataError
from odata_gateway.plan.projection.items import (
    check_selected,
    computed_fields,
    items_by_name,
    not_a_navigation,
)
from odata_gateway.plan.scope.navigation import no_such_name
from odata_gateway.plan.scope.rows import PRESENT, MemberPath, Reference, RowStructure
from odata_gateway.plan.scope.scope import ShownRows
from odata_gateway.plan.tree.projection import (
    ApplyProjection,
    ExpandOne,
    Field,
    Nested,
    RowMembers,
)
from odata_gateway.plan.tree.relation import Column
from odata_gateway.url import ast
from odata_gateway.url.options import ALLOWED


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks of a row's members.

    paths     those of $select, () for the whole; None for all members
    expands   the items of $expand by name; None where the request has no $expand, so that the
              default holds
    """

    paths: tuple[MemberPath, ...] | None
    expands: Mapping[str, ast.ExpandItem] | None

    def below(self, name: str) -> tuple[MemberPath, ...] | None:
        """The paths behind a member; None for all of it, and no path where it was not selected."""
        if self.paths is None or ("*",) in self.paths or (name,) in self.paths:
            return None
        return tuple(p[1:] for p in self.paths if p[0] == name)

    def item(self, name: str) -> ast.ExpandItem | None:
        return None if self.expands is None else self.expands.get(name) or self.expands.get("*")


def bind_result(rows: ShownRows, options: ast.Options, structure: RowStructure) -> ApplyProjection:
    """The members of one row, or those of them that $select and $expand name."""
    scope, binding = rows.scope, rows.scope.binding
    with binding.inside("$select"):
        paths = selected_paths(options.select, structure, scope.computed)
    with binding.inside("$expand"):
        wanted = Wanted(paths, expandable(options.expand, structure))
    with binding.inside("$apply" if options.expand is None else "$expand"):
        members = bind_members(rows, structure, wanted)
    names = None if paths is None else {path[0] for path in paths if len(path) == 1}
    return ApplyProjection(
        rows.entity_set,
        (*members, *computed_fields(scope, names)),
        is_identified(rows.entity_set, members),
    )


def bind_members(rows: ShownRows, structure: RowStructure, wanted: Wanted) -> RowMembers:
    """The members that are wanted of a structure, as those of an entity of the rows' set."""
    found: list[Field | Nested | ExpandOne] = []
    for name, member in structure.members.items():
        item = wanted.item(name)
        if (wanted.below(name) == () and item is None) or name == PRESENT:
            continue
        if isinstance(member, Column):
            dynamic = name not in structure.entity_type.properties
            found.append(Field(name, member, member.type, dynamic))
        elif isinstance(member, RowStructure):
            found += _nested(name, member, wanted, rows)
        elif item is not None or wanted.expands is None:
            found.append(_entity(name, member, wanted, rows))
    return tuple(found)


def _nested(
    name: str, structure: RowStructure, wanted: Wanted, rows: ShownRows
) -> tuple[Nested, ...]:
    """Members behind a navigation property; nothing where none of them is wanted."""
    inner = _wanted_behind(name, structure, wanted, rows)
    if isinstance(structure.entity_type, ComplexType):
        members = bind_members(rows, structure, inner)
        return (Nested(name, None, members, False),) if members else ()
    target_set = rows.scope.model.entity_sets[rows.entity_set.bindings[name]]
    members = bind_members(replace(rows, entity_set=target_set), structure, inner)
    if not members:
        return ()
    present = structure.members.get(PRESENT)
    mark = present if isinstance(present, Column) else None
    return (Nested(name, target_set, members, is_identified(target_set, members), mark),)


def _wanted_behind(name: str, structure: RowStructure, wanted: Wanted, rows: ShownRows) -> Wanted:
    """What is asked of a member that has members: by paths of $select, or by the options of its
    item."""
    below, item = wanted.below(name), wanted.item(name)
    if item is None:
        return Wanted(below, None if wanted.expands is None else {})
    options, binding = item.options or ast.Options(), rows.scope.binding
    if item.suffix is not None or any(name not in ALLOWED["expand made"] for name in options.order):
        raise BindOption(
            f"'{item.path[0]}' holds values that $apply made, not entities",
            at=item.at,
            hint="use only $select and $expand here",
        )
    with binding.inside("$expand"):
        expands = expandable(options.expand, structure)
    with binding.inside("$select"):
        paths = selected_paths(options.select, structure, rows.scope.computed)
    return Wanted(below or None if paths is None else paths, expands)


def _entity(name: str, reference: Reference, wanted: Wanted, rows: ShownRows) -> ExpandOne:
    """An entity as its item has it, or with what $select names of it, or whole."""
    below, item = wanted.below(name), wanted.item(name)
    found = ast.ExpandItem((name,)) if item is None else replace(item, path=(name, *item.path[1:]))
    options = found.options or ast.Options()
    if below and options.select is None:
        select = tuple(ast.SelectItem(path) for path in below)
        found = replace(found, options=replace(options, select=select))
    return rows.scope.bind.reference(found, rows, reference)


def is_identified(entity_set: EntitySet, members: RowMembers) -> bool:
    """Whether the key is among the members."""
    names = {m.name for m in members if isinstance(m, Field)}
    return all(p.name in names for p in entity_set.entity_type.key)


# --- names ----------------------------------------------------------------------------------------


def expandable(
    items: tuple[ast.ExpandItem, ...] | None, structure: RowStructure
) -> Mapping[str, ast.ExpandItem] | None:
    """The items of $expand by name; None without $expand.

    raises  BindName  for a member that is not what rows were grouped by or joined with
    """
    if items is None:
        return None
    members = structure.members.items()
    targets = {
        name: member.entity_type
        for name, member in members
        if isinstance(member, Reference | RowStructure)
    }
    found = items_by_name(items, structure.entity_type, targets)
    for name, item in found.items():
        if name == "*" and item.options is not None:
            raise BindOption(
                "* takes no options for rows that $apply made",
                at=item.at,
                hint="name what you expand",
            )
        if name != "*" and not is_expandable(structure, name):
            raise _not_expandable(name, structure, item.at)
    return found


def is_expandable(structure: RowStructure, name: str) -> bool:
    """Whether a member of a row is what a navigation property leads to."""
    member = structure.members.get(name)
    if isinstance(member, RowStructure):
        return isinstance(member.entity_type, EntityType)
    return isinstance(member, Reference)


def _not_expandable(name: str, structure: RowStructure, at: int) -> ODataError:
    entity_type = structure.entity_type
    if name in structure.members or name in entity_type.properties:
        return not_a_navigation(name, at)
    if (navigation := entity_type.navigation.get(name)) is not None:
        hint = (
            f"join it first, as in join({name} as ...)"
            if navigation.collection
            else f"name it in groupby, as in groupby(({name}))"
        )
        return BindName(f"'{name}' was aggregated away by $apply", at=at, hint=hint)
    return no_such_name(
        entity_type, name, at=at, what="navigation property", extra=tuple(structure.members)
    )


def selected_paths(
    items: tuple[ast.SelectItem, ...] | None, structure: RowStructure, computed: Iterable[str]
) -> tuple[MemberPath, ...] | None:
    """The paths of $select, which lead to members of a row, or to properties of entities behind
    them; None without $select."""
    if items is None:
        return None
    return tuple(selected_path(item, structure, computed) for item in items)


def selected_path(
    item: ast.SelectItem, structure: RowStructure, computed: Iterable[str]
) -> MemberPath:
    """The path of one item of $select.

    raises  BindName  where it leads to nothing that a row has
    """
    place: RowStructure | Reference | Column = structure
    if item.path == ("*",) or (len(item.path) == 1 and item.path[0] in computed):
        return item.path
    for i, name in enumerate(item.path):
        if isinstance(place, Column):
            raise BindName(f"a primitive value has no property '{name}'", at=item.at)
        if isinstance(place, Reference):
            _check_property(item, i, place)
            return item.path
        found = place.members.get(name)
        if found is None:
            raise _not_selectable(name, place, computed, item.at)
        place = found
    if item.options is not None:
        raise BindType(f"'{'/'.join(item.path)}' takes no nested options here", at=item.at)
    return item.path


def _not_selectable(
    name: str, structure: RowStructure, computed: Iterable[str], at: int
) -> ODataError:
    known = (*structure.members, *computed)
    if structure.declares(name):
        return BindName(
            f"'{name}' was aggregated away by $apply",
            at=at,
            hint=f"select what the rows have: {', '.join(known)}",
        )
    return no_such_name(structure.entity_type, name, at=at, extra=known)


def _check_property(item: ast.SelectItem, index: int, reference: Reference) -> None:
    """Refuse a path behind an entity that is not the name of one of its properties."""
    if item.options is not None or len(item.path) > index + 1:
        raise BindType(
            f"'{'/'.join(item.path)}' names more than a property",
            at=item.at,
            hint=f"use $expand={'/'.join(item.path[:index])}",
        )
    check_selected(item.path[index], reference.entity_type, (), at=item.at)
