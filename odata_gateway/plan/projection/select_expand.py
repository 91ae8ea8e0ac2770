"""$select and $expand: what each row shows (URL Conventions 5.1.3, 5.1.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from odata_gateway.edm.model import (
    ComplexType,
    EntitySet,
    EntityType,
    ItemType,
    Model,
    NavigationProperty,
    Property,
)
from odata_gateway.errors import BindName, BindOption, BindType, Unsupported, nearest
from odata_gateway.plan.apply.pipeline import bind_apply
from odata_gateway.plan.apply.rowset import InputSet
from odata_gateway.plan.expression.compute import bind_compute_option
from odata_gateway.plan.expression.order import bind_options_order, bind_window
from odata_gateway.plan.expression.search import bind_narrowing
from odata_gateway.plan.projection.anchor import bind_anchor
from odata_gateway.plan.projection.apply_rows import bind_result
from odata_gateway.plan.projection.derived_types import named, of_several_types, types_of_rows
from odata_gateway.plan.projection.items import (
    check_selected,
    computed_fields,
    items_by_name,
    not_a_navigation,
    with_nested_selection,
    with_star,
    without_cast,
)
from odata_gateway.plan.projection.levels import own_options, repeats, star_options
from odata_gateway.plan.projection.row_kinds import bind_mixed
from odata_gateway.plan.scope.navigation import no_such_type
from odata_gateway.plan.scope.places import place_of, structure_of
from odata_gateway.plan.scope.rows import VALUE, Reference, Row, column_of
from odata_gateway.plan.scope.scope import Binding, Scope, ShownRows
from odata_gateway.plan.scope.structures import WHOLE, MemberPaths, paths_below, value_of_place
from odata_gateway.plan.tree.projection import (
    Content,
    EntityProjection,
    Expand,
    ExpandMany,
    ExpandOne,
    Field,
    MixedProjection,
    Projection,
    ValueProjection,
)
from odata_gateway.url import ast
from odata_gateway.url.options import COLLECTION_ONLY
from odata_gateway.url.unparse import unparse_options


def bind_projection(rows: ShownRows, options: ast.Options) -> Projection:
    """The members of each row."""
    structure = rows.scope.structure
    if structure is None and rows.scope.implicit.as_value is not None:
        value = rows.entity_set.entity_type.properties[VALUE]
        return ValueProjection(field_of(rows.scope.implicit, value, rows.scope.binding))
    if structure is None:
        return _of_types(rows, options)
    if structure.kinds:
        return bind_mixed(rows, options, structure)
    return bind_result(rows, options, structure)


def _of_types(rows: ShownRows, options: ast.Options) -> EntityProjection | MixedProjection:
    """The members of entities that may be of types derived from that of their set."""
    if (found := types_of_rows(rows, options)) is None:
        return _of_entities(rows, options)
    projections = tuple(_of_entities(each.rows, each.options) for each in found.types)
    return of_several_types(found, projections, options)


def _of_entities(rows: ShownRows, options: ast.Options) -> EntityProjection:
    entity_type, scope, row = rows.entity_set.entity_type, rows.scope, rows.scope.implicit
    if not scope.binding.strict:
        options = with_nested_selection(options, entity_type, scope.binding.places)
    with scope.binding.inside("$select"):
        selected = _selected(options.select, entity_type, scope)
    names = None if selected is None else tuple(dict.fromkeys(path[0] for path in selected))
    with scope.binding.inside("$expand"):
        expands = tuple(_expand(item, rows) for item in _expand_items(options.expand, rows))
    paths_of = _paths_of_members(selected)
    fields = tuple(
        field_of(row, p, scope.binding, paths)
        for p in entity_type.properties.values()
        if (paths := paths_of(p))
    )
    expanded = {e.navigation.name for e in expands}
    links = tuple(
        n
        for n in entity_type.navigation.values()
        if names is not None and n.name in names and n.name not in expanded
    )
    shown = {f.name for f in fields}
    return EntityProjection(
        row.source.number,
        rows.entity_set,
        (*fields, *computed_fields(scope, names)),
        links,
        expands,
        shows_id=any(p.name not in shown for p in entity_type.key),
        selected=None if selected is None else tuple(map("/".join, selected)),
        computed=tuple(scope.computed),
    )


def field_of(row: Row, prop: Property, binding: Binding, paths: MemberPaths = WHOLE) -> Field:
    """A property as a row shows it, or the members of it that paths lead to: secret and missing
    ones always as null."""
    if prop.secret or prop.missing:
        value = None
    else:
        place = place_of(column_of(row, prop), prop)
        value = value_of_place(place, binding, paths)
    return Field(prop.name, value, prop.type, media_type=prop.media_type, facets=prop.facets)


def _paths_of_members(selected: MemberPaths | None) -> Callable[[Property], MemberPaths]:
    """What $select shows of a property; nothing where it is not selected."""
    if selected is None:
        return lambda prop: () if prop.on_select else WHOLE
    if ("*",) in selected:
        return lambda prop: WHOLE
    below = {name: paths_below(selected, name) for name in {path[0] for path in selected}}
    return lambda prop: below.get(prop.name, ())


def _selected(
    items: tuple[ast.SelectItem, ...] | None, entity_type: EntityType, scope: Scope
) -> MemberPaths | None:
    """The paths of $select, each once; None without $select."""
    if items is None:
        return None
    found: dict[tuple[str, ...], None] = {}
    for item in items:
        path = without_cast(item.path, entity_type)
        check_selected(path[0], entity_type, scope.computed, at=item.at)
        prop = entity_type.properties.get(path[0])
        found |= dict.fromkeys(_member_paths(path, prop, item, entity_type))
    return tuple(found)


def _member_paths(
    path: tuple[str, ...], prop: Property | None, item: ast.SelectItem, entity_type: EntityType
) -> Iterator[tuple[str, ...]]:
    """The paths that an item of $select names, with those of its own $select."""
    members = structure_of(prop)
    for i, name in enumerate(path[1:], 1):
        if members is not None and name == members.qualified_name:
            continue  # a cast to the type itself
        if members is None or name not in members.properties:
            raise _no_path(path[:i], name, members or entity_type, item.at)
        members = structure_of(members.properties[name])
    path = tuple(name for name in path if "." not in name)
    options = item.options
    if options is None:
        yield path
        return
    is_items = prop is not None and isinstance(prop.structure, ItemType)
    if is_items and (members is None or any(name != "$select" for name in options.order)):
        raise Unsupported("options of a collection in $select are not supported", at=item.at)
    if members is not None and "$compute" in options.order:
        raise Unsupported("$compute of an object in $select is not supported", at=item.at)
    if members is None or any(name != "$select" for name in options.order):
        only = "only $select as nested option" if members else "no nested options"
        raise BindType(
            f"'{'/'.join(path)}' takes {only}",
            at=item.at,
            hint="write options of a navigation property in $expand",
        )
    for inner in options.select or ():
        if inner.path == ("*",):
            yield path
            continue
        if inner.path[0] not in members.properties:
            raise _no_path(path, inner.path[0], members, inner.at)
        below = members.properties[inner.path[0]]
        yield from ((*path, *rest) for rest in _member_paths(inner.path, below, inner, entity_type))


def _no_path(
    path: tuple[str, ...], inner: str, owner: EntityType | ComplexType, at: int
) -> BindName:
    name = path[-1]
    if isinstance(owner, ComplexType):
        hint = nearest(inner, owner.properties)
        return BindName(f"{owner.name} has no property '{inner}'", at=at, hint=hint)
    if "." in name:
        return no_such_type(name, owner, at=at)
    if name in owner.navigation:
        return BindName(
            f"'{name}' leads to other entities, whose properties $expand selects",
            at=at,
            hint=f"write $expand={name}($select={inner})",
        )
    return BindName(f"'{name}' is not a complex property, so no path can go through it", at=at)


# --- $expand --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExpandedProperty:
    """An item of $expand, bound to the navigation property that it names.

    rows        the rows that have the property
    target_set  the set that it leads to
    options     those in parentheses, $levels written as nested $expand
    inner       the scope of the expanded entities
    """

    item: ast.ExpandItem
    rows: ShownRows
    navigation: NavigationProperty
    target_set: EntitySet
    options: ast.Options
    inner: Scope

    @property
    def repeats(self) -> bool:
        return repeats(self.item, self.navigation, self.rows)


def _expand_items(
    items: tuple[ast.ExpandItem, ...] | None, rows: ShownRows
) -> tuple[ast.ExpandItem, ...]:
    """The items, with `*` replaced by all navigation properties that are not named themselves."""
    entity_type = rows.entity_set.entity_type
    targets = {
        name: rows.scope.model.target_type(navigation)
        for name, navigation in entity_type.navigation.items()
        if items
    }
    named = items_by_name(items or (), entity_type, targets)
    if (star := named.get("*")) is not None:
        named["*"] = replace(star, options=star_options(star, rows))
    return tuple(with_star(named, entity_type.navigation).values())


def bind_reference(item: ast.ExpandItem, rows: ShownRows, reference: Reference) -> ExpandOne:
    """An entity that rows made by $apply are related to."""
    options = item.options or ast.Options()
    with rows.scope.binding.assigning(options):
        expanded = _resolved(item, rows)
        assert not expanded.navigation.collection
        return _expand_one(expanded, reference)


def _expand(item: ast.ExpandItem, rows: ShownRows) -> Expand:
    """One item of $expand; parameter aliases that are assigned in its parentheses hold there."""
    with rows.scope.binding.assigning(item.options or ast.Options()):
        expanded = _resolved(item, rows)
        return _expand_many(expanded) if expanded.navigation.collection else _expand_one(expanded)


def _resolved(item: ast.ExpandItem, rows: ShownRows) -> ExpandedProperty:
    scope, binding = rows.scope, rows.scope.binding
    binding.size.expand(rows.depth, item.at)
    navigation = _navigation(item, rows.entity_set.entity_type)
    _check_options(item, navigation, item.options or ast.Options())
    with binding.inside("$levels"):
        options = own_options(item, navigation, rows)
    target_set = scope.model.target_set(rows.entity_set, navigation)
    if len(item.path) > 1:
        target_set = _cast_target(target_set, item, scope.model)
    inner = scope.of_related(binding.row_of(target_set.entity_type))
    return ExpandedProperty(item, rows, navigation, target_set, options, inner)


def _cast_target(target_set: EntitySet, item: ast.ExpandItem, model: Model) -> EntitySet:
    """The related entities that are of a derived type: the others are not shown."""
    derived = model.derived_type(item.path[1], target_set.entity_type)
    if derived is None:
        raise no_such_type(item.path[1], target_set.entity_type, at=item.at)
    return model.cast_set(target_set, derived)


def _navigation(item: ast.ExpandItem, entity_type: EntityType) -> NavigationProperty:
    name = item.path[0]
    if name in entity_type.navigation:
        return entity_type.navigation[name]
    if name in entity_type.properties:
        raise not_a_navigation(name, item.at, entity_type.properties[name])
    if name in entity_type.withheld:
        raise entity_type.withheld[name].refusal(item.at)
    known = ", ".join(entity_type.navigation)
    raise BindName(
        f"{entity_type.name} has no navigation property '{name}'",
        at=item.at,
        hint=nearest(name, entity_type.navigation)
        or f"use one of the navigation properties of {entity_type.name}: {known}",
    )


def _expand_one(expanded: ExpandedProperty, reference: Reference | None = None) -> ExpandOne:
    """The single entity behind a navigation property of the model or, by its key in `reference`, of
    rows that $apply made."""
    navigation, scope = expanded.navigation, expanded.rows.scope
    inner = bind_compute_option(expanded.options, expanded.target_set.entity_type, expanded.inner)
    content = _content(expanded, ShownRows(expanded.target_set, inner, expanded.rows.depth + 1))
    if content == "$count":
        raise BindType(
            f"'{navigation.name}' is single-valued and has no $count", at=expanded.item.at
        )
    frame = inner.implicit.frame
    if reference is None:
        block = frame.block(scope.binding.link(scope.implicit.source, navigation))
    else:
        block = frame.block(predicates=reference.found_as(frame.source))
    model_set = scope.model.declared_set(expanded.rows.entity_set)
    dynamic = reference is not None and navigation.name not in model_set.entity_type.navigation
    return ExpandOne(navigation, expanded.target_set, block, content, expanded.repeats, dynamic)


def _expand_many(expanded: ExpandedProperty) -> ExpandMany:
    """A page of the collection behind a navigation property."""
    outer, options, target_set = expanded.rows.scope, expanded.options, expanded.target_set
    link = outer.binding.link(outer.implicit.source, expanded.navigation)
    number = next(outer.binding.expands)
    found = InputSet(target_set, expanded.inner, link=link)
    if options.apply is not None:
        found = bind_apply(options.apply, found)
    inner = bind_compute_option(options, target_set.entity_type, found.scope)
    predicates = (*found.predicates, *bind_narrowing(options, inner))
    order = bind_options_order(options, found.order, inner)
    content = _content(expanded, ShownRows(found.entity_set, inner, expanded.rows.depth + 1))
    link_options, anchor = bind_anchor(options, expanded.item, outer)
    top, skip = bind_window(options)
    structure = inner.structure
    return ExpandMany(
        number,
        expanded.navigation,
        expanded.rows.entity_set,
        target_set,
        replace(found.block, predicates=predicates),
        order,
        top,
        skip,
        options.count is True,
        content,
        unparse_options(link_options, outer.binding.aliases),
        anchor,
        expanded.repeats,
        () if structure is None else structure.key,
    )


def _content(expanded: ExpandedProperty, rows: ShownRows) -> Content:
    match expanded.item.suffix:
        case "$ref":
            return "$ref"
        case "$count":
            return "$count"
        case None if len(expanded.item.path) > 1:
            return named(bind_projection(rows, expanded.options))
        case None:
            return bind_projection(rows, expanded.options)
    raise Unsupported(f"{expanded.item.suffix} cannot be expanded", at=expanded.item.at)


def _check_options(
    item: ast.ExpandItem, navigation: NavigationProperty, options: ast.Options
) -> None:
    """Refuse options that apply to collections only."""
    for name in () if navigation.collection else options.order:
        if name in COLLECTION_ONLY:
            raise BindOption(
                f"{name} does not apply to '{navigation.name}', which is single-valued",
                at=options.place(name, item.at),
            )
