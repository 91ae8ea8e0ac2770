"""A syntax tree and a model become a query: which rows, in which order, showing what.

Options are bound in the order in which the standard evaluates them, whatever their order in the
text: $apply, $compute, $search and $filter, $orderby, then $select and $expand (Protocol 11.2.1).
"""

from __future__ import annotations

from dataclasses import replace

from odata_gateway.edm.model import Model
from odata_gateway.errors import BindOption, BindSegment, Unsupported
from odata_gateway.plan.apply.pipeline import bind_apply
from odata_gateway.plan.apply.rowset import InputSet
from odata_gateway.plan.expression.binder import bind_condition, bind_expr
from odata_gateway.plan.expression.compute import bind_compute_option
from odata_gateway.plan.expression.lambdas import counted_items
from odata_gateway.plan.expression.order import bind_options_order, bind_window, key_of
from odata_gateway.plan.expression.paths import bind_path
from odata_gateway.plan.expression.search import bind_narrowing
from odata_gateway.plan.projection.select_expand import bind_projection, bind_reference
from odata_gateway.plan.resource.crossjoin import bind_crossjoin, crossjoin_form
from odata_gateway.plan.resource.path import Resource, bind_resource, is_stream
from odata_gateway.plan.resource.resolved_path import ResolvedPath
from odata_gateway.plan.scope.limits import Limits, RequestSize
from odata_gateway.plan.scope.places import ItemsPlace, ObjectPlace, structure_of
from odata_gateway.plan.scope.scope import Binding, Scope, ShownRows
from odata_gateway.plan.scope.structures import value_of_place
from odata_gateway.plan.tree.projection import Field
from odata_gateway.plan.tree.query import Query, ResultForm
from odata_gateway.url import ast
from odata_gateway.url.options import ALLOWED, COLLECTION_ONLY, UNSUPPORTED


class RequestBinder:
    """Binds the parts of a request, each with the function of its module."""

    expr = staticmethod(bind_expr)
    condition = staticmethod(bind_condition)
    path = staticmethod(bind_path)
    projection = staticmethod(bind_projection)
    reference = staticmethod(bind_reference)


def bind(request: ast.SyntaxTree, model: Model, limits: Limits, *, strict: bool = False) -> Query:
    """The query of a request for data. Names and types are checked here, and each source gets the
    row policy of its type.

    strict  whether only the spellings of the standard are read
    """
    options = request.options
    binding = Binding(model, RequestBinder(), RequestSize(limits), strict=strict)
    with binding.assigning(options):
        if request.path[0].name == "$crossjoin":
            with binding.inside("path"):
                form = crossjoin_form(request.path)
            _check_options(form, options)
            return bind_crossjoin(form, request, binding)
        with binding.inside("path"):
            resource = bind_resource(request.path, binding)
        if resource.place.entity_set.returned is None:
            binding.root_set = resource.place.entity_set
        _check_options_of_value(resource, options)
        _check_options(resource.form, options)
        query = _bind_form(resource, options, Scope.of(binding, resource.place.row))
        return replace(query, parameters=binding.parameters) if binding.calls else query


def _check_options(form: ResultForm, options: ast.Options) -> None:
    """Refuse options that do not apply. Those that cannot change a $count are allowed there: they
    are bound, so that mistakes show, and then have no effect (Protocol 11.2.10)."""
    for name in options.order:
        if name.startswith("@"):
            continue
        if name in UNSUPPORTED[form]:
            raise Unsupported(f"{name} is not supported", target=name, at=0)
        if name not in ALLOWED[form]:
            what = {"entity": "a single entity", "references": "references"}.get(form, f"a {form}")
            raise BindOption(
                f"{name} does not apply to {what}", target=name, at=0, hint="leave it out"
            )


def _check_options_of_value(resource: Resource, options: ast.Options) -> None:
    """Refuse options that the standard has for an object or a collection of values, and this
    service has not."""
    match resource.place.value if resource.form == "property" else None:
        case ItemsPlace() if structure_of(resource.place.prop) is not None:
            refused, what = COLLECTION_ONLY | {"$select", "$compute"}, "a collection of objects"
        case ItemsPlace():
            refused, what = COLLECTION_ONLY, "a collection of values"
        case ObjectPlace():
            refused, what = frozenset({"$select", "$compute"}), "an object"
        case _:
            return
    for name in options.order:
        if name in refused:
            hint = "read the entity with $select, or leave it out"
            text = f"{name} of {what} is not supported"
            raise Unsupported(text, target=name, at=0, hint=hint)


def _bind_form(resource: Resource, options: ast.Options, scope: Scope) -> Query:
    match resource.form:
        case "count" if isinstance(resource.place.value, ItemsPlace):
            return _bind_items_count(resource, resource.place.value, options, scope)
        case "collection" | "count" | "references":
            return _bind_collection(resource, options, scope)
        case "entity":
            return _bind_entity(resource.place, options, scope)
        case "reference":
            return _query(resource)
        case "property" if is_stream(resource.place):
            value = replace(resource, form="value")
            return _query(value, _field(resource.place, scope.binding))
        case "property" | "value":
            return _query(resource, _field(resource.place, scope.binding))


def _bind_collection(resource: Resource, options: ast.Options, scope: Scope) -> Query:
    place = resource.place
    if place.row.as_value is not None:
        _check_value_options(options)
    rows = InputSet(place.entity_set, scope, place.within, place.predicates)
    if options.apply is not None:
        rows = bind_apply(options.apply, rows)
    entity_set = rows.entity_set
    scope = bind_compute_option(options, entity_set.entity_type, rows.scope)
    predicates = (*rows.predicates, *bind_narrowing(options, scope))
    # The block of the count, without the joins that $orderby and $select are about to add.
    is_counted = options.count or resource.form == "count"
    counted = replace(rows.block, predicates=predicates) if is_counted else None
    order = bind_options_order(options, rows.order, scope)
    projection = (
        None
        if resource.form == "references"
        else bind_projection(ShownRows(entity_set, scope), options)
    )
    top, skip = bind_window(options)
    parent = place.parent
    if counted is not None and resource.form == "count":
        return Query("count", entity_set, counted, parent=parent)
    row = scope.implicit
    is_plain = row.structure is None and not row.source.entity_type.returned_key
    return Query(
        resource.form,
        entity_set,
        replace(rows.block, predicates=predicates),
        order,
        projection,
        top=top,
        skip=skip,
        counted=counted,
        parent=parent,
        path=place.pieces,
        key=() if is_plain else key_of(row),
        context=place.context,
    )


def _check_value_options(options: ast.Options) -> None:
    """Refuse options that need properties."""
    for name in options.order:
        if not name.startswith("@") and name not in ALLOWED["references"]:
            raise BindOption(
                f"{name} does not apply to a collection of values",
                target=name,
                at=0,
                hint="use $it in $filter and $orderby",
            )


def _bind_entity(place: ResolvedPath, options: ast.Options, scope: Scope) -> Query:
    entity_set = place.entity_set
    scope = bind_compute_option(options, entity_set.entity_type, scope)
    projection = bind_projection(ShownRows(entity_set, scope), options)
    return Query(
        "entity",
        entity_set,
        place.block,
        projection=projection,
        parent=place.parent,
        optional=place.optional,
        path=place.pieces,
        context=place.context,
    )


def _field(place: ResolvedPath, binding: Binding) -> Field:
    """The property that a path ends in, or the member of one."""
    prop = place.prop
    if prop is None:
        raise BindSegment("the path does not end in a property", target="path")
    value = None if place.value is None else value_of_place(place.value, binding)
    return Field(prop.name, value, prop.type, media_type=prop.media_type, facets=prop.facets)


def _bind_items_count(
    resource: Resource, items: ItemsPlace, options: ast.Options, scope: Scope
) -> Query:
    """The number of items of a property; of those that $filter keeps."""
    for name in options.order:
        if name in COLLECTION_ONLY and name != "$filter":
            raise Unsupported(f"{name} of a collection of values is not supported", target=name)
    place, block = resource.place, counted_items(items, options, scope, of_resource=True)
    counted = replace(place.block, crossed=(block,))
    return Query("count", place.entity_set, counted, parent=place.block, path=place.pieces)


def _query(resource: Resource, field: Field | None = None) -> Query:
    """The query of a single property, or of a reference to an entity."""
    place = resource.place
    return Query(
        resource.form,
        place.entity_set,
        place.block,
        field=field,
        parent=place.parent,
        optional=resource.form == "reference" and place.optional,
        path=place.pieces,
        context=place.context,
    )
