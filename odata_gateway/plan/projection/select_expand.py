"""$select and $expand: what each row shows (URL Conventions 5.1.3, 5.1.4)."""

from __future__ import annotations

from dataclasses import replace

from odata_gateway.edm.model import EntitySet, EntityType, NavigationProperty, Property
from odata_gateway.errors import BindName, BindOption, BindType, Unsupported, nearest
from odata_gateway.plan.apply.pipeline import bind_steps
from odata_gateway.plan.apply.rowset import InputSet
from odata_gateway.plan.expression.binder import bind_narrowing
from odata_gateway.plan.expression.compute import bind_compute
from odata_gateway.plan.expression.literals import literal
from odata_gateway.plan.expression.order import bind_order, page_literal
from odata_gateway.plan.projection.apply_rows import bind_result
from odata_gateway.plan.projection.levels import own_options, repeats, star_options
from odata_gateway.plan.projection.row_kinds import bind_mixed
from odata_gateway.plan.scope import Frame, Reference, Row, Scope, column_of, no_such_name
from odata_gateway.plan.tree.projection import (
    Content,
    Expand,
    ExpandMany,
    ExpandOne,
    Field,
    Projection,
)
from odata_gateway.plan.tree.relation import BoundExpr
from odata_gateway.types import primitive as types
from odata_gateway.url import ast
from odata_gateway.url.options import COLLECTION_ONLY
from odata_gateway.url.unparse import ANCHOR, anchored, unparse_options


def bind_projection(
    entity_set: EntitySet, options: ast.Options, scope: Scope, depth: int = 0
) -> Projection:
    """The members of one row of the scope's implicit row."""
    if scope.implicit.structure is not None and scope.implicit.structure.shapes:
        return bind_mixed(entity_set, options, scope, depth, bind_projection, _expand_reference)
    if scope.implicit.structure is not None:
        return bind_result(
            entity_set, options, scope, scope.implicit.structure, _expand_reference, depth
        )
    entity_type, row = entity_set.entity_type, scope.implicit
    names = _selected(options.select, entity_type, scope)
    expands = tuple(
        _expand(item, entity_set, scope, depth)
        for item in _expand_items(options.expand, entity_type, scope, depth)
    )
    fields = tuple(
        field_of(row, p)
        for p in entity_type.properties.values()
        if names is None or p.name in names or "*" in names
    )
    computed = tuple(
        Field(name, found.value, found.value.type or types.STRING, dynamic=True)
        for name, found in scope.computed.items()
        if names is None or name in names or "*" in names
    )
    expanded = {e.navigation.name for e in expands}
    links = tuple(
        n
        for n in entity_type.navigation.values()
        if names is not None and n.name in names and n.name not in expanded
    )
    shown = {f.name for f in fields}
    return Projection(
        row.source.number,
        entity_set,
        (*fields, *computed),
        links,
        expands,
        shows_id=any(p.name not in shown for p in entity_type.key),
        selected=names,
        computed=tuple(scope.computed),
    )


def field_of(row: Row, prop: Property) -> Field:
    """A property as a row shows it: secret and missing ones always as null."""
    return Field(
        prop.name, None if prop.secret or prop.missing else column_of(row, prop), prop.type
    )


def _selected(
    items: tuple[ast.SelectItem, ...] | None, entity_type: EntityType, scope: Scope
) -> tuple[str, ...] | None:
    if items is None:
        return None
    names: dict[str, None] = {}
    for item in items:
        path = (
            item.path[1:]
            if len(item.path) > 1 and item.path[0] == entity_type.qualified_name
            else item.path
        )
        if len(path) > 1:
            raise BindName(
                f"'{path[0]}' is no complex property, so no path can go through it",
                target="$select",
                at=item.at,
            )
        name = path[0]
        known = (
            name == "*"
            or name in entity_type.properties
            or name in entity_type.navigation
            or name in scope.computed
        )
        if name.startswith("@") or name.endswith(".*"):
            raise Unsupported(
                "annotations and operations cannot be selected", target="$select", at=item.at
            )
        if not known:
            raise no_such_name(
                entity_type, name, target="$select", at=item.at, extra=tuple(scope.computed)
            )
        if item.options is not None:
            raise BindType(
                f"'{name}' is primitive and takes no nested options",
                target="$select",
                at=item.at,
                hint="options of a navigation property belong into $expand",
            )
        names[name] = None
    return tuple(names)


# --- $expand --------------------------------------------------------------------------------------


def _expand_items(
    items: tuple[ast.ExpandItem, ...] | None, entity_type: EntityType, scope: Scope, depth: int
) -> list[ast.ExpandItem]:
    """The items with * replaced by all navigation properties that are not named themselves; a name
    may come once."""
    named: dict[str, ast.ExpandItem] = {}
    stars: list[ast.ExpandItem] = []
    for item in items or ():
        path = (
            item.path[1:]
            if len(item.path) > 1 and item.path[0] == entity_type.qualified_name
            else item.path
        )
        if len(path) > 1:
            raise BindName(
                f"'{path[0]}' cannot be part of a longer $expand path",
                target="$expand",
                at=item.at,
                hint=f"nest it: {path[0]}($expand={path[1]})",
            )
        if path[0] == "*" and not stars:
            stars.append(item)
        elif path[0] == "*" or path[0] in named:
            raise BindOption(f"'{path[0]}' is expanded twice", target="$expand", at=item.at)
        else:
            named[path[0]] = item
    for star in stars:
        options = star_options(star, entity_type, scope.binding, depth)
        for name in entity_type.navigation:
            named.setdefault(name, ast.ExpandItem((name,), star.suffix, options, star.at))
    return list(named.values())


def _expand_reference(
    item: ast.ExpandItem, entity_set: EntitySet, scope: Scope, reference: Reference, depth: int
) -> ExpandOne:
    """An entity that rows made by $apply are related to."""
    found = _expand(item, entity_set, scope, depth, reference)
    assert isinstance(found, ExpandOne)
    return found


def _expand(
    item: ast.ExpandItem,
    entity_set: EntitySet,
    scope: Scope,
    depth: int,
    reference: Reference | None = None,
) -> Expand:
    """One item of $expand; parameter aliases assigned in its parentheses hold there only (Protocol
    11.2.6.1.3)."""
    binding, aliases = scope.binding, scope.binding.aliases
    if item.options is not None and item.options.aliases:
        binding.aliases = {**aliases, **dict(item.options.aliases)}
    try:
        return _expand_navigation(item, entity_set, scope, depth, reference)
    finally:
        binding.aliases = aliases


def _expand_navigation(
    item: ast.ExpandItem,
    entity_set: EntitySet,
    scope: Scope,
    depth: int,
    reference: Reference | None,
) -> Expand:
    name, entity_type = item.path[-1], entity_set.entity_type
    scope.binding.expand(depth, item.at)
    if name not in entity_type.navigation:
        if name in entity_type.properties:
            raise BindName(
                f"'{name}' is no navigation property",
                target="$expand",
                at=item.at,
                hint=f"use $select={name}",
            )
        hint = (
            nearest(name, entity_type.navigation)
            or f"navigation properties of {entity_type.name}: {', '.join(entity_type.navigation)}"
        )
        raise BindName(
            f"{entity_type.name} has no navigation property '{name}'",
            target="$expand",
            at=item.at,
            hint=hint,
        )
    navigation = entity_type.navigation[name]
    _check_options(item, navigation, item.options or ast.Options())
    options = own_options(item, navigation, entity_type, scope.binding, depth)
    target_set = scope.binding.model.entity_sets[entity_set.bindings[name]]
    frame = Frame(scope.binding.source(target_set.entity_type))
    inner = scope.nested(Row(frame, frame.source))
    if navigation.collection:
        rows = InputSet(
            target_set, inner, link=scope.binding.link(scope.implicit.source, navigation)
        )
        return _expand_many(item, navigation, entity_set, options, scope, rows, depth)
    inner = bind_compute(options.compute, target_set.entity_type, inner)
    content = _content(item, target_set, options, inner, depth)
    if content == "$count":
        raise BindType(f"'{name}' is single-valued and has no $count", target="$expand", at=item.at)
    if reference is None:
        block = frame.block(scope.binding.link(scope.implicit.source, navigation))
    else:
        block = frame.block(predicates=reference.found_as(frame.source))
    dynamic = (
        reference is not None
        and name not in scope.binding.model.entity_sets[entity_set.name].entity_type.navigation
    )
    return ExpandOne(
        navigation, target_set, block, content, repeats(item, navigation, entity_type), dynamic
    )


def _content(
    item: ast.ExpandItem, target_set: EntitySet, options: ast.Options, inner: Scope, depth: int
) -> Content:
    match item.suffix:
        case "$ref":
            return "$ref"
        case "$count":
            return "$count"
        case None:
            return bind_projection(target_set, options, inner, depth + 1)
    raise Unsupported(f"{item.suffix} cannot be expanded", target="$expand", at=item.at)


def _expand_many(
    item: ast.ExpandItem,
    navigation: NavigationProperty,
    entity_set: EntitySet,
    options: ast.Options,
    outer: Scope,
    rows: InputSet,
    depth: int,
) -> ExpandMany:
    number, target_set = next(outer.binding.expands), rows.entity_set
    if options.apply is not None:
        rows = bind_steps(options.apply, rows)
    inner = bind_compute(
        options.compute, target_set.entity_type, rows.scope, kept=rows.scope.computed
    )
    predicates = bind_narrowing(options, inner)
    order = bind_order((*(options.orderby or ()), *rows.order), inner)
    content = _content(item, rows.entity_set, options, inner, depth)
    said, anchor = _anchored(options, item, outer)
    structure = inner.implicit.structure
    return ExpandMany(
        number,
        navigation,
        entity_set,
        target_set,
        replace(rows.block, predicates=(*rows.predicates, *predicates)),
        order,
        page_literal(options.top, "$top"),
        page_literal(options.skip, "$skip"),
        options.count is True,
        content,
        unparse_options(said, outer.binding.aliases),
        anchor,
        repeats(item, navigation, entity_set.entity_type),
        () if structure is None else structure.key,
    )


def _anchored(
    options: ast.Options, item: ast.ExpandItem, scope: Scope
) -> tuple[ast.Options, tuple[str, BoundExpr] | None]:
    """The options as the next link has to say them, which is read without the resource around it,
    and the key of the entity it names for $it: that of the row of the resource, or the one an
    earlier link brought along."""
    binding, given = scope.binding, scope.binding.aliases.get(ANCHOR)
    if scope.it.parts is not None and anchored(options, "") is not options:
        raise Unsupported(
            "$it inside collections that $crossjoin expands is not supported",
            target="$expand",
            at=item.at,
        )
    said = options if binding.root_set is None else anchored(options, binding.root_set.name)
    if given is not None and (
        said is not options
        or not isinstance(given, ast.Literal)
        or given.kind not in ("int32", "int64")
    ):
        raise Unsupported(
            f"the name {ANCHOR} is kept for next links",
            target="$expand",
            at=item.at,
            hint="give the alias another name",
        )
    if given is not None:
        return said, (ANCHOR, literal(given, types.INT64, scope))
    if said is options:
        return said, None
    key = scope.it.source.entity_type.key
    if len(key) != 1 or not key[0].type.is_integer or scope.it.structure is not None:
        raise Unsupported(
            "$it inside $expand needs an entity with a key of one number",
            target="$expand",
            at=item.at,
        )
    return said, (ANCHOR, column_of(scope.it, key[0]))


def _check_options(
    item: ast.ExpandItem, navigation: NavigationProperty, options: ast.Options
) -> None:
    if navigation.collection:
        return
    for name in options.order:
        if name in COLLECTION_ONLY:
            raise BindOption(
                f"{name} does not apply to '{navigation.name}', which is single-valued",
                target="$expand",
                at=item.at,
            )
