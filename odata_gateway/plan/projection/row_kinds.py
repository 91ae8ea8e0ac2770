"""What rows of several kinds show, as concat and rollup make them: each kind has a projection of
its own (Data Aggregation 4.0, 3.1.1).

$select and $expand name what any of the kinds has; a row leaves out what its kind does not have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from odata_gateway.edm.model import EntitySet
from odata_gateway.plan.projection.apply_rows import (
    ApplyRowBinder,
    ExpandReference,
    Wanted,
    expand_items,
    selected,
)
from odata_gateway.plan.scope import Computed, Reference, Row, RowKind, RowStructure, Scope, pick
from odata_gateway.plan.tree.projection import Projection
from odata_gateway.plan.tree.relation import Column
from odata_gateway.url import ast

Path = tuple[str, ...]
Bind = Callable[[EntitySet, ast.Options, Scope, int], Projection]


def bind_mixed(
    entity_set: EntitySet,
    options: ast.Options,
    scope: Scope,
    depth: int,
    bind: Bind,
    expand: ExpandReference,
) -> Projection:
    """The members of a row by its kind; `bind` binds those of one kind, and `expand` an entity that
    it is related to."""
    structure = scope.implicit.structure
    assert structure is not None
    _check(options, structure, scope)
    kinds = []
    for shape in structure.shapes:
        if not shape.is_entity:
            of_kind = _as_row(structure, shape, scope)
            kinds.append(bind(entity_set, _own(options, of_kind), of_kind, depth))
            continue
        of_kind = _as_entity(structure, shape, scope)
        model_set = scope.binding.model.entity_sets[entity_set.name]
        related = _related(entity_set, model_set, _narrowed(structure, shape, ()), options)
        kinds.append(
            replace(
                bind(model_set, _own(options, of_kind), of_kind, depth),
                related=()
                if related is None
                else ApplyRowBinder(scope, expand, depth).members(entity_set, *related),
            )
        )
    if structure.shape is None:
        return kinds[0]
    return Projection(
        scope.implicit.source.number, entity_set, (), kinds=tuple(kinds), kind=structure.shape
    )


def _related(
    entity_set: EntitySet, model_set: EntitySet, structure: RowStructure, options: ast.Options
) -> tuple[RowStructure, Wanted] | None:
    """What join added to an entity, as far as it is expanded."""
    items = {item.path[0]: item for item in options.expand or ()}
    added = {
        name: member
        for name, member in structure.members.items()
        if name in entity_set.bindings
        and name not in model_set.bindings
        and (name in items or "*" in items)
    }
    return (RowStructure(entity_set.entity_type, added), Wanted(None, items)) if added else None


def _as_entity(structure: RowStructure, shape: RowKind, scope: Scope) -> Scope:
    assert structure.itself is not None
    row = replace(
        pick(
            scope.binding, scope.implicit.frame, structure.itself.entity_type, structure.itself.key
        ),
        optional=False,
    )
    members = {
        name: member
        for name, member in structure.members.items()
        if (name,) in shape.paths and isinstance(member, Column)
    }
    computed = {name: Computed(column, 1, 0) for name, column in members.items()}
    return scope.anew(row).with_computed({**computed, **scope.computed})


def _as_row(structure: RowStructure, shape: RowKind, scope: Scope) -> Scope:
    narrowed = replace(_narrowed(structure, shape, ()), key=structure.key, order=structure.order)
    row = replace(scope.implicit, structure=narrowed)
    return scope.anew(row).with_computed(scope.computed)


def _narrowed(structure: RowStructure, shape: RowKind, prefix: Path) -> RowStructure:
    """The members that rows of a shape have."""
    found: dict[str, Column | Reference | RowStructure] = {}
    for name, member in structure.members.items():
        path = (*prefix, name)
        if not any(p[: len(path)] == path for p in shape.paths):
            continue
        found[name] = _narrowed(member, shape, path) if isinstance(member, RowStructure) else member
    return RowStructure(structure.entity_type, found)


def _own(options: ast.Options, scope: Scope) -> ast.Options:
    """The options as far as they name something that rows of one kind have."""
    select = (
        None
        if options.select is None
        else tuple(item for item in options.select if _selects(item, scope))
    )
    expand = (
        None
        if options.expand is None
        else tuple(item for item in options.expand if _expands(item, scope.implicit))
    )
    return replace(options, select=select, expand=expand)


def _selects(item: ast.SelectItem, scope: Scope) -> bool:
    structure, name = scope.implicit.structure, item.path[0]
    if name == "*" or name in scope.computed:
        return True
    if structure is None:
        entity_type = scope.implicit.source.entity_type
        return name in entity_type.properties or name in entity_type.navigation or "." in name
    place: Column | Reference | RowStructure | None = structure
    for name in item.path:
        place = place.members.get(name) if isinstance(place, RowStructure) else place
    return place is not None


def _expands(item: ast.ExpandItem, row: Row) -> bool:
    name = item.path[0]
    if row.structure is None:
        return name == "*" or name in row.source.entity_type.navigation or "." in name
    return name == "*" or isinstance(row.structure.members.get(name), Reference | RowStructure)


def _check(options: ast.Options, structure: RowStructure, scope: Scope) -> None:
    """Refuse what no kind of row has."""
    entity = any(shape.is_entity for shape in structure.shapes)
    entity_type = structure.entity_type
    for item in options.select or ():
        if not (
            entity
            and (
                item.path[0] in entity_type.properties
                or item.path[0] in entity_type.navigation
                or "." in item.path[0]
            )
        ):
            selected(item, structure, scope.computed)
    for expanded in options.expand or ():
        if not (entity and (expanded.path[0] in entity_type.navigation or "." in expanded.path[0])):
            expand_items((expanded,), structure)
