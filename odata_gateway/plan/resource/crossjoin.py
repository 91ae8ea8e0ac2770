"""$crossjoin(Message,Conversation): each entity of one set beside each entity of the others (URL
Conventions 4.15).

A row is an instance of a virtual complex type with one single-valued navigation property for each
set, named as the set is. Paths begin with these names. What is not expanded is a link to the
entity. The rows are in the order of all keys, the first set's first, so that a page starts behind
the last row of the page before, as in any other collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from odata_gateway.edm.model import (
    EntitySet,
    EntityType,
    Join,
    Model,
    NavigationProperty,
    Table,
    Unscoped,
)
from odata_gateway.errors import (
    BindName,
    BindOption,
    BindType,
    Unsupported,
    nearest,
)
from odata_gateway.plan.expression.compute import bind_compute_option
from odata_gateway.plan.expression.order import bind_options_order, bind_window, key_of
from odata_gateway.plan.expression.search import bind_narrowing
from odata_gateway.plan.projection.items import computed_fields, items_by_name, with_star
from odata_gateway.plan.resource.path import only_posted
from odata_gateway.plan.scope.navigation import no_such_set
from odata_gateway.plan.scope.rows import Row
from odata_gateway.plan.scope.scope import Binding, Scope, ShownRows
from odata_gateway.plan.tree.projection import CrossedEntity, CrossjoinProjection
from odata_gateway.plan.tree.query import Query, ResultForm
from odata_gateway.plan.tree.relation import Block, BoundExpr
from odata_gateway.url import ast
from odata_gateway.url.options import COLLECTION_ONLY

CONTEXT = "Collection(Edm.ComplexType)"
"""Protocol 10.20; the instances have no context URL of their own."""
CrossedRows = Mapping[str, Row]


def crossjoin_form(path: tuple[ast.Segment, ...]) -> ResultForm:
    """The form of a path that begins with $crossjoin; the grammar lets only $count and $query
    follow."""
    if path[-1].name == "$query":
        raise only_posted(path[-1])
    return "collection" if len(path) == 1 else "count"


def bind_crossjoin(form: ResultForm, request: ast.SyntaxTree, binding: Binding) -> Query:
    """The rows of a cross join, or their number.

    raises  BindSegment for what is not an entity set, BindName for one that is named twice,
            LimitNodes for too many
    """
    options = request.options
    if options.apply is not None:
        raise Unsupported("$apply on $crossjoin is not supported", target="$apply", at=0)
    with binding.inside("path"):
        entity_set, crossed = _crossed_rows(request.path[0], binding)
    first = next(iter(crossed.values()))
    row = Row(first.frame, first.source, crossed=crossed)
    scope = bind_compute_option(options, entity_set.entity_type, Scope.of(binding, row))
    predicates = bind_narrowing(options, scope)
    counted = _block(crossed, predicates)
    order = bind_options_order(options, (), scope)
    projection = _projection(entity_set, options, scope, crossed)
    top, skip = bind_window(options)
    if form == "count":
        return Query("count", entity_set, counted)
    return Query(
        form,
        entity_set,
        _block(crossed, predicates),
        order,
        projection,
        top=top,
        skip=skip,
        counted=counted if options.count else None,
        key=key_of(row),
        context=CONTEXT,
    )


def _crossed_rows(segment: ast.Segment, binding: Binding) -> tuple[EntitySet, CrossedRows]:
    """The virtual set of the rows, and the entities in each by the name of their set."""
    known = binding.model.entity_sets
    sets: dict[str, EntitySet] = {}
    for node in segment.args or ():
        assert isinstance(node, ast.Member)
        if node.name not in known:
            raise no_such_set(binding.model, node.name, at=node.at)
        if node.name in sets:
            raise BindName(
                f"'{node.name}' is named twice, and nothing could tell its entities apart",
                at=node.at,
                hint="name each entity set once",
            )
        sets[node.name] = known[node.name]
        binding.size.cross(node.at)
    rows = {name: binding.row_of(found.entity_type) for name, found in sets.items()}
    return _virtual_set(sets, binding), rows


def _virtual_set(sets: dict[str, EntitySet], binding: Binding) -> EntitySet:
    """A set without a table, whose navigation properties are the sets in the order of the URL."""
    name = f"$crossjoin({','.join(sets)})"
    navigation = {
        s.name: NavigationProperty(s.name, s.entity_type.name, False, Join(()), nullable=False)
        for s in sets.values()
    }
    entity_type = EntityType(
        name, binding.model.namespace, Table("", ""), Unscoped(), {}, navigation
    )
    return EntitySet("$crossjoin", entity_type, {s: s for s in sets})


def _block(crossed: CrossedRows, predicates: tuple[BoundExpr, ...]) -> Block:
    """A row for each combination for which the predicates are true."""
    first, *further = (row.frame.block() for row in crossed.values())
    return replace(first, predicates=predicates, crossed=tuple(further))


# --- what a row shows -----------------------------------------------------------------------------


def _projection(
    entity_set: EntitySet, options: ast.Options, scope: Scope, crossed: CrossedRows
) -> CrossjoinProjection:
    with scope.binding.inside("$select"):
        names = _selected(options.select, entity_set, scope)
    with scope.binding.inside("$expand"):
        items = _expand_items(options.expand, entity_set, scope.model)
        found = tuple(
            _crossed(name, items.get(name), scope, row)
            for name, row in crossed.items()
            if names is None or "*" in names or name in names or name in items
        )
    return CrossjoinProjection(found, computed_fields(scope, names))


def _selected(
    items: tuple[ast.SelectItem, ...] | None, entity_set: EntitySet, scope: Scope
) -> frozenset[str] | None:
    if items is None:
        return None
    known = ("*", *entity_set.bindings, *scope.computed)
    for item in items:
        name = item.path[0]
        if name not in known:
            raise _no_such_set(name, known, item.at)
        if len(item.path) > 1 or item.options is not None:
            hint = (
                f"use $expand={name}($select={item.path[-1]})"
                if len(item.path) > 1
                else "use $expand"
            )
            raise BindType(f"$select names '{name}' as a whole", at=item.at, hint=hint)
    return frozenset(item.path[0] for item in items)


def _expand_items(
    items: tuple[ast.ExpandItem, ...] | None, entity_set: EntitySet, model: Model
) -> Mapping[str, ast.ExpandItem]:
    """The items by the name of their set; * stands for all sets that are not named themselves."""
    targets = {name: model.entity_sets[name].entity_type for name in entity_set.bindings}
    found = items_by_name(items or (), None, targets)
    for name, item in found.items():
        if name != "*" and name not in entity_set.bindings:
            raise _no_such_set(name, tuple(entity_set.bindings), item.at)
        if len(item.path) > 1:
            raise Unsupported(f"a cast to '{item.path[1]}' is not supported here", at=item.at)
    return with_star(found, entity_set.bindings)


def _no_such_set(name: str, known: tuple[str, ...], at: int) -> BindName:
    hint = nearest(name, known) or "use one of " + ", ".join(known)
    return BindName(f"rows of $crossjoin have no '{name}'", at=at, hint=hint)


def _crossed(name: str, item: ast.ExpandItem | None, scope: Scope, row: Row) -> CrossedEntity:
    """One of the entities: what an item of $expand asks of it, or a link to it."""
    target_set, number = scope.model.entity_sets[name], row.source.number
    if item is None:
        return CrossedEntity(target_set, number, "link")
    binding, options = scope.binding, item.options or ast.Options()
    binding.size.expand(0, item.at)
    _check_item(item, name, options)
    if item.suffix == "$ref":
        return CrossedEntity(target_set, number, "$ref")
    with binding.assigning(options):
        inner = bind_compute_option(options, target_set.entity_type, scope.of_related(row))
        content = scope.bind.projection(ShownRows(target_set, inner, 1), options)
        return CrossedEntity(target_set, number, content)


def _check_item(item: ast.ExpandItem, name: str, options: ast.Options) -> None:
    if item.suffix not in (None, "$ref"):
        raise BindType(f"'{name}' is single-valued and has no {item.suffix}", at=item.at)
    for option in options.order:
        if option in COLLECTION_ONLY or (option == "$levels" and options.levels != 1):
            raise BindOption(
                f"{option} does not apply to '{name}', which is one entity",
                at=options.place(option, item.at),
            )
