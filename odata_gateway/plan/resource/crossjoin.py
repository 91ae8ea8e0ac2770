"""$crossjoin(Message,Conversation): each entity of one set beside each of the others (URL
Conventions 4.15).

A row is an instance of a virtual complex type with one single-valued navigation property for each
set, named as the set is. Paths begin with these names. What is not expanded is a link to the
entity. The rows are in the order of all keys, the first set's first, so that a page starts behind
the last row of the page before, as of any other collection.
"""

from __future__ import annotations

from dataclasses import replace

from odata_gateway.edm.model import EntitySet, EntityType, Join, NavigationProperty, Table, Unscoped
from odata_gateway.errors import (
    BindName,
    BindOption,
    BindSegment,
    BindType,
    LimitNodes,
    Unsupported,
    nearest,
)
from odata_gateway.plan.expression.binder import bind_narrowing
from odata_gateway.plan.expression.compute import bind_compute
from odata_gateway.plan.expression.order import bind_order, key_of, page_literal
from odata_gateway.plan.projection.select_expand import bind_projection
from odata_gateway.plan.resource.path import only_posted
from odata_gateway.plan.scope import Binding, Frame, Row, Scope
from odata_gateway.plan.tree.projection import Crossed, Field, Projection
from odata_gateway.plan.tree.query import Query, ResultForm
from odata_gateway.plan.tree.relation import Block, BoundExpr
from odata_gateway.types import primitive as types
from odata_gateway.url import ast
from odata_gateway.url.options import COLLECTION_ONLY

CONTEXT = "Collection(Edm.ComplexType)"
"""Protocol 10.20; the instances have no context URL of their own."""
Parts = dict[str, Row]


def crossjoin_form(path: tuple[ast.Segment, ...]) -> ResultForm:
    """The form of a path that begins with $crossjoin; the grammar lets only $count and $query
    follow."""
    if path[-1].name == "$query":
        raise only_posted(path[-1])
    return "collection" if len(path) == 1 else "count"


def bind_crossjoin(form: ResultForm, request: ast.SyntaxTree, binding: Binding) -> Query:
    """The rows of a cross join, or their number.

    raises  BindSegment for what is no entity set, BindName for one that is named twice, LimitNodes
            for too many
    """
    options = request.options
    if options.apply is not None:
        raise Unsupported("$apply on $crossjoin is not supported", target="$apply", at=0)
    entity_set, parts = _joined(request.path[0], binding)
    frames = tuple(part.frame for part in parts.values())
    row = Row(frames[0], frames[0].source, parts=parts)
    scope = bind_compute(options.compute, entity_set.entity_type, Scope(binding, row, row, row))
    predicates = bind_narrowing(options, scope)
    counted = _block(frames, predicates)
    order = bind_order(options.orderby, scope)
    projection = _projection(entity_set, options, scope, parts)
    top, skip = page_literal(options.top, "$top"), page_literal(options.skip, "$skip")
    if form == "count":
        return Query("count", entity_set, counted)
    return Query(
        form,
        entity_set,
        _block(frames, predicates),
        order,
        projection,
        None,
        top,
        skip,
        counted if options.count else None,
        key=key_of(row),
        context=CONTEXT,
    )


def _joined(segment: ast.Segment, binding: Binding) -> tuple[EntitySet, Parts]:
    """The virtual set of the rows, and the entities in each by the name of their set."""
    sets: dict[str, EntitySet] = {}
    for node in segment.args or ():
        assert isinstance(node, ast.Member)
        found = binding.model.entity_sets.get(node.name)
        if found is None:
            hint = (
                nearest(node.name, binding.model.entity_sets)
                or f"the entity sets are {', '.join(binding.model.entity_sets)}"
            )
            raise BindSegment(
                f"there is no entity set '{node.name}'", target="path", at=node.at, hint=hint
            )
        if node.name in sets:
            reason = f"'{node.name}' is named twice, and nothing could tell its entities apart"
            raise BindName(reason, target="path", at=node.at, hint="name each entity set once")
        sets[node.name] = found
        _count(binding, node.at)
    return _virtual_set(sets, binding), {
        name: _part(found, binding) for name, found in sets.items()
    }


def _count(binding: Binding, at: int) -> None:
    """Each set multiplies the rows; it counts as an expanded navigation property does, which it
    becomes."""
    binding.expanded += 1
    if binding.expanded > binding.limits.expands:
        reason = f"$crossjoin names more than {binding.limits.expands} entity sets"
        raise LimitNodes(reason, target="path", at=at, hint="ODATA_MAX_EXPANDS moves this limit")


def _virtual_set(sets: dict[str, EntitySet], binding: Binding) -> EntitySet:
    """It has no table: what it has are links to the sets, in the order of the URL."""
    name = f"$crossjoin({','.join(sets)})"
    navigation = {
        s.name: NavigationProperty(s.name, s.entity_type.name, False, Join(()), nullable=False)
        for s in sets.values()
    }
    entity_type = EntityType(
        name, binding.model.namespace, Table("", ""), Unscoped(), {}, navigation
    )
    return EntitySet("$crossjoin", entity_type, {s: s for s in sets})


def _part(entity_set: EntitySet, binding: Binding) -> Row:
    frame = Frame(binding.source(entity_set.entity_type))
    return Row(frame, frame.source)


def _block(frames: tuple[Frame, ...], predicates: tuple[BoundExpr, ...]) -> Block:
    """A row for each combination for which the predicates are true."""
    first, *further = (frame.block() for frame in frames)
    return replace(first, predicates=predicates, crossed=tuple(further))


# --- what a row shows -----------------------------------------------------------------------------


def _projection(
    entity_set: EntitySet, options: ast.Options, scope: Scope, parts: Parts
) -> Projection:
    names = _selected(options.select, entity_set, scope)
    expands = _expand_items(options.expand, entity_set)
    shown = [
        name for name in parts if names is None or "*" in names or name in names or name in expands
    ]
    computed = tuple(
        Field(name, found.value, found.value.type or types.STRING, dynamic=True)
        for name, found in scope.computed.items()
        if names is None or name in names or "*" in names
    )
    crossed = tuple(_crossed(name, expands.get(name), scope, parts[name]) for name in shown)
    return Projection(scope.implicit.source.number, entity_set, computed, crossed=crossed)


def _selected(
    items: tuple[ast.SelectItem, ...] | None, entity_set: EntitySet, scope: Scope
) -> frozenset[str] | None:
    if items is None:
        return None
    known = ("*", *entity_set.bindings, *scope.computed)
    for item in items:
        name = item.path[0]
        if name not in known:
            raise _no_such_set(name, known, "$select", item.at)
        if len(item.path) > 1 or item.options is not None:
            hint = (
                f"use $expand={name}($select={item.path[-1]})"
                if len(item.path) > 1
                else "use $expand"
            )
            raise BindType(
                f"$select names '{name}' as a whole", target="$select", at=item.at, hint=hint
            )
    return frozenset(item.path[0] for item in items)


def _expand_items(
    items: tuple[ast.ExpandItem, ...] | None, entity_set: EntitySet
) -> dict[str, ast.ExpandItem]:
    """The items by the name of their set; * stands for all that are not named themselves."""
    found: dict[str, ast.ExpandItem] = {}
    stars = [item for item in items or () if item.path == ("*",)]
    for item in items or ():
        name = item.path[0]
        if len(item.path) > 1:
            hint = f"nest it: {name}($expand={item.path[1]})"
            raise BindName(
                f"'{name}' cannot be part of a longer $expand path",
                target="$expand",
                at=item.at,
                hint=hint,
            )
        if name in found or (name == "*" and item is not stars[0]):
            raise BindOption(f"'{name}' is expanded twice", target="$expand", at=item.at)
        if name != "*" and name not in entity_set.bindings:
            raise _no_such_set(name, tuple(entity_set.bindings), "$expand", item.at)
        if name != "*":
            found[name] = item
    for star in stars:
        found |= {
            name: replace(star, path=(name,)) for name in entity_set.bindings if name not in found
        }
    return found


def _no_such_set(name: str, known: tuple[str, ...], target: str, at: int) -> BindName:
    hint = nearest(name, known) or "known are " + ", ".join(known)
    return BindName(f"rows of $crossjoin have no '{name}'", target=target, at=at, hint=hint)


def _crossed(name: str, item: ast.ExpandItem | None, scope: Scope, part: Row) -> Crossed:
    target_set = scope.binding.model.entity_sets[name]
    if item is None:
        return Crossed(target_set, part.source.number, "link")
    scope.binding.expand(0, item.at)
    options = item.options or ast.Options()
    _check(item, name, options)
    if item.suffix == "$ref":
        return Crossed(target_set, part.source.number, "$ref")
    aliases = scope.binding.aliases
    scope.binding.aliases = {**aliases, **dict(options.aliases)}
    try:
        inner = bind_compute(options.compute, target_set.entity_type, scope.nested(part))
        return Crossed(
            target_set, part.source.number, bind_projection(target_set, options, inner, 1)
        )
    finally:
        scope.binding.aliases = aliases


def _check(item: ast.ExpandItem, name: str, options: ast.Options) -> None:
    if item.suffix not in (None, "$ref"):
        raise BindType(
            f"'{name}' is single-valued and has no {item.suffix}", target="$expand", at=item.at
        )
    for option in options.order:
        if option in COLLECTION_ONLY or (option == "$levels" and options.levels != 1):
            raise BindOption(
                f"{option} does not apply to '{name}', which is one entity",
                target="$expand",
                at=item.at,
            )
