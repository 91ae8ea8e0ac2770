"""What rows of several kinds show, as concat and rollup make them: each kind has a projection of
its own (Data Aggregation 4.0, section 3.1.1).

$select and $expand name what any of the kinds has; a row leaves out what its kind does not have.
"""

from __future__ import annotations

from dataclasses import replace

from odata_gateway.edm.model import EntitySet
from odata_gateway.errors import Unsupported
from odata_gateway.plan.projection.apply_rows import (
    Wanted,
    bind_members,
    bind_result,
    expandable,
    is_expandable,
    selected_path,
)
from odata_gateway.plan.scope.navigation import entity_by_key
from odata_gateway.plan.scope.rows import MemberPath, Reference, Row, RowKind, RowStructure
from odata_gateway.plan.scope.scope import Computed, Scope, ShownRows
from odata_gateway.plan.tree.projection import (
    ApplyProjection,
    EntityProjection,
    MixedProjection,
    Projection,
    RowMembers,
)
from odata_gateway.plan.tree.relation import Column
from odata_gateway.url import ast


def bind_mixed(rows: ShownRows, options: ast.Options, structure: RowStructure) -> Projection:
    """The members of a row by its kind."""
    _check(options, structure, rows.scope)
    kinds = tuple(
        _of_entities(kind, rows, options, structure)
        if kind.is_entity
        else _of_made_rows(kind, rows, options, structure)
        for kind in structure.kinds
    )
    if structure.kind is None:
        return kinds[0]
    return MixedProjection(structure.kind, kinds)


def _check(options: ast.Options, structure: RowStructure, scope: Scope) -> None:
    """Refuse names that no kind of row has."""

    def entities_have(name: str, *, properties: bool) -> bool:
        entity_type = structure.entity_type
        return any(kind.is_entity for kind in structure.kinds) and (
            "." in name
            or name in entity_type.navigation
            or (properties and name in entity_type.properties)
        )

    with scope.binding.inside("$select"):
        for item in options.select or ():
            if not entities_have(item.path[0], properties=True):
                selected_path(item, structure, scope.computed)
    with scope.binding.inside("$expand"):
        for expanded in options.expand or ():
            if not entities_have(expanded.path[0], properties=False):
                expandable((expanded,), structure)


# --- rows that $apply made ------------------------------------------------------------------------


def _of_made_rows(
    kind: RowKind, rows: ShownRows, options: ast.Options, structure: RowStructure
) -> ApplyProjection:
    scope = rows.scope
    narrowed = replace(_narrowed(structure, kind, ()), key=structure.key, order=structure.order)
    row = replace(scope.implicit, structure=narrowed)
    of_kind = replace(rows, scope=scope.of_derived(row).with_computed(scope.computed))
    return bind_result(of_kind, _own_options(options, of_kind.scope), narrowed)


def _narrowed(structure: RowStructure, kind: RowKind, prefix: MemberPath) -> RowStructure:
    """The members that rows of a kind have."""
    found: dict[str, Column | Reference | RowStructure] = {}
    for name, member in structure.members.items():
        path = (*prefix, name)
        if any(p[: len(path)] == path for p in kind.paths):
            found[name] = (
                _narrowed(member, kind, path) if isinstance(member, RowStructure) else member
            )
    return RowStructure(structure.entity_type, found)


# --- entities -------------------------------------------------------------------------------------


def _of_entities(
    kind: RowKind, rows: ShownRows, options: ast.Options, structure: RowStructure
) -> EntityProjection:
    """The properties of the entity that a row is, and what join added to it."""
    model_set = rows.scope.model.declared_set(rows.entity_set)
    of_kind = ShownRows(model_set, _entity_scope(structure, kind, rows.scope), rows.depth)
    added = _joined(rows.entity_set, model_set, _narrowed(structure, kind, ()), options)
    projection = rows.scope.bind.projection(of_kind, _own_options(options, of_kind.scope))
    if not isinstance(projection, EntityProjection):
        raise Unsupported(
            f"this $apply is not supported for {model_set.name}, whose type has derived types",
            target="$apply",
            at=0,
        )
    return replace(projection, related=_related(added, rows, options) if added else ())


def _entity_scope(structure: RowStructure, kind: RowKind, scope: Scope) -> Scope:
    """The scope of the entities; other members of the rows are computed names there."""
    reference = structure.identity
    assert reference is not None
    found = entity_by_key(scope.binding, scope.implicit.frame, reference.entity_type, reference.key)
    computed = {
        name: Computed(member, 1, 0)
        for name, member in structure.members.items()
        if (name,) in kind.paths and isinstance(member, Column)
    }
    row = replace(found, optional=False)
    return scope.of_derived(row).with_computed({**computed, **scope.computed})


def _joined(
    entity_set: EntitySet, model_set: EntitySet, structure: RowStructure, options: ast.Options
) -> RowStructure | None:
    """The members that join added and that are expanded, if any."""
    items = {item.path[0] for item in options.expand or ()}
    added = {
        name: member
        for name, member in structure.members.items()
        if name in entity_set.bindings
        and name not in model_set.bindings
        and (name in items or "*" in items)
    }
    return RowStructure(entity_set.entity_type, added) if added else None


def _related(added: RowStructure, rows: ShownRows, options: ast.Options) -> RowMembers:
    items = {item.path[0]: item for item in options.expand or ()}
    with rows.scope.binding.inside("$expand"):
        return bind_members(rows, added, Wanted(None, items))


# --- options --------------------------------------------------------------------------------------


def _own_options(options: ast.Options, scope: Scope) -> ast.Options:
    """The options without the names that rows of one kind do not have."""
    select, expand = options.select, options.expand
    if select is not None:
        select = tuple(item for item in select if _can_select(item, scope))
    if expand is not None:
        expand = tuple(item for item in expand if _can_expand(item, scope.implicit))
    return replace(options, select=select, expand=expand)


def _can_select(item: ast.SelectItem, scope: Scope) -> bool:
    structure, name = scope.structure, item.path[0]
    if name == "*" or name in scope.computed:
        return True
    if structure is None:
        entity_type = scope.implicit.source.entity_type
        return name in entity_type.properties or name in entity_type.navigation or "." in name
    place: Column | Reference | RowStructure | None = structure
    for name in item.path:
        place = place.members.get(name) if isinstance(place, RowStructure) else place
    return place is not None


def _can_expand(item: ast.ExpandItem, row: Row) -> bool:
    name = item.path[0]
    if row.structure is None:
        return name == "*" or name in row.source.entity_type.navigation or "." in name
    return name == "*" or is_expandable(row.structure, name)
