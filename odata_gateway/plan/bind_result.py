"""What rows that $apply made show: $select on a type of their own (Data Aggregation 4.0, section 3.1.1)."""

from __future__ import annotations

from odata_gateway.edm import types
from odata_gateway.edm.model import EntitySet
from odata_gateway.errors import BindName, BindType, Unsupported
from odata_gateway.plan.expr import Column
from odata_gateway.plan.projection import Field, Nested, Projection
from odata_gateway.plan.scope import Scope, Structure, no_such_name
from odata_gateway.url import ast

Names = tuple[str, ...]


def bind_result(entity_set: EntitySet, options: ast.Options, scope: Scope, structure: Structure) -> Projection:
    """The members of one row, or those of them that $select names."""
    if options.expand:
        hint = "use groupby with paths"
        raise Unsupported("$expand of rows that $apply made is not supported", target="$expand", at=options.expand[0].at, hint=hint)
    paths = None if options.select is None else _selected(options.select, scope, structure)
    members = _members(entity_set, structure, paths, scope)
    computed = tuple(
        Field(name, found.value, found.value.type or types.STRING, dynamic=True)
        for name, found in scope.computed.items()
        if paths is None or (name,) in paths or ("*",) in paths
    )
    return Projection(
        scope.implicit.source.number, entity_set, (), result=(*members, *computed), identified=_is_identified(entity_set, members)
    )  # fmt: skip


def _members(entity_set: EntitySet, structure: Structure, paths: tuple[Names, ...] | None, scope: Scope) -> tuple[Field | Nested, ...]:
    found: list[Field | Nested] = []
    for name, member in structure.members.items():
        below = None if paths is None else tuple(p[1:] for p in paths if p[0] == name)
        if below == () and ("*",) not in (paths or ()):
            continue
        if isinstance(member, Column):
            found.append(Field(name, member, member.type, dynamic=name not in structure.entity_type.properties))
            continue
        target_set = scope.binding.model.entity_sets[entity_set.bindings[name]]
        whole = below is None or () in below or below == ()
        members = _members(target_set, member, None if whole else below, scope)
        found.append(Nested(name, target_set, members, _is_identified(target_set, members)))
    return tuple(found)


def _is_identified(entity_set: EntitySet, members: tuple[Field | Nested, ...]) -> bool:
    names = {m.name for m in members if isinstance(m, Field)}
    return all(p.name in names for p in entity_set.entity_type.key)


def _selected(items: tuple[ast.SelectItem, ...], scope: Scope, structure: Structure) -> tuple[Names, ...]:
    return tuple(_path(item, scope, structure) for item in items)


def _path(item: ast.SelectItem, scope: Scope, structure: Structure) -> Names:
    place: Structure | Column = structure
    if item.path == ("*",) or (len(item.path) == 1 and item.path[0] in scope.computed):
        return item.path
    for name in item.path:
        if not isinstance(place, Structure):
            raise BindName(f"a primitive value has no property '{name}'", target="$select", at=item.at)
        found = place.members.get(name)
        if found is None:
            if name in place.entity_type.properties or name in place.entity_type.navigation:
                hint = "the rows have " + ", ".join([*place.members, *scope.computed])
                raise BindName(f"'{name}' was aggregated away by $apply", target="$select", at=item.at, hint=hint)
            raise no_such_name(place.entity_type, name, target="$select", at=item.at, extra=(*place.members, *scope.computed))
        place = found
    if item.options is not None:
        raise BindType(f"'{'/'.join(item.path)}' takes no nested options here", target="$select", at=item.at)
    return item.path
