"""A syntax tree and a model become a query: which rows, in which order, showing what.

Text order is not evaluation order: options are bound in the order the standard evaluates them
(Protocol 11.2.1), $compute before $filter before $orderby before $select and $expand.
"""

from __future__ import annotations

from dataclasses import replace

from odata_gateway.edm.model import Model
from odata_gateway.errors import BindOption, BindSegment, Unsupported
from odata_gateway.plan.apply.pipeline import bind_apply
from odata_gateway.plan.apply.rowset import InputSet
from odata_gateway.plan.expression.binder import bind_narrowing
from odata_gateway.plan.expression.compute import bind_compute
from odata_gateway.plan.expression.order import bind_order, page_literal
from odata_gateway.plan.projection.select_expand import bind_projection, field_of
from odata_gateway.plan.resource.crossjoin import bind_crossjoin, crossjoin_form
from odata_gateway.plan.resource.path import Resource, bind_resource
from odata_gateway.plan.scope import Binding, Limits, Row, Scope
from odata_gateway.plan.tree.projection import Field
from odata_gateway.plan.tree.query import Query, ResultForm
from odata_gateway.plan.tree.relation import Block, BoundExpr
from odata_gateway.url import ast
from odata_gateway.url.options import ALLOWED, UNSUPPORTED


def bind(request: ast.SyntaxTree, model: Model, limits: Limits) -> Query:
    """The query of a request for data; names and types are checked here, and row policies are
    attached to every source."""
    options = request.options
    binding = Binding(model, dict(options.aliases), limits)
    if request.path[0].name == "$crossjoin":
        form = crossjoin_form(request.path)
        _check_options(form, options)
        return bind_crossjoin(form, request, binding)
    resource = bind_resource(request.path, binding)
    binding.root_set = resource.place.entity_set
    _check_options(resource.form, options)
    scope = Scope.of(binding, resource.frame)
    match resource.form:
        case "collection" | "count" | "references":
            return _bind_collection(resource, options, scope)
        case "entity":
            return _bind_entity(resource, options, scope)
        case "reference":
            return _query(resource, None)
        case "property" | "value":
            return _query(resource, _field(resource))


def _check_options(form: ResultForm, options: ast.Options) -> None:
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


def _bind_collection(resource: Resource, options: ast.Options, scope: Scope) -> Query:
    entity_set, parent, path = resource.place.entity_set, resource.parent, resource.place.pieces
    orderby = options.orderby or ()
    if options.apply is not None:
        rows = bind_apply(options.apply, resource, scope)
        entity_set = rows.entity_set
        resource, scope, orderby = _applied(resource, rows), rows.scope, (*orderby, *rows.order)
    scope = bind_compute(options.compute, entity_set.entity_type, scope, kept=scope.computed)
    predicates = bind_narrowing(options, scope)
    counted = _narrowed(resource, predicates)
    order = bind_order(orderby, scope)
    projection = (
        None if resource.form == "references" else bind_projection(entity_set, options, scope)
    )
    top, skip = page_literal(options.top, "$top"), page_literal(options.skip, "$skip")
    if resource.form == "count":
        return Query("count", entity_set, counted, parent=parent)
    structure = scope.implicit.structure
    return Query(
        resource.form,
        entity_set,
        _narrowed(resource, predicates),
        order,
        projection,
        None,
        top,
        skip,
        counted if options.count else None,
        parent,
        path=path,
        key=() if structure is None else structure.key,
    )


def _applied(resource: Resource, rows: InputSet) -> Resource:
    """The resource with the rows that $apply made of it."""
    place = replace(
        resource.place,
        frame=rows.scope.implicit.frame,
        predicates=rows.predicates,
        within=rows.within,
    )
    return replace(resource, place=place)


def _bind_entity(resource: Resource, options: ast.Options, scope: Scope) -> Query:
    entity_set = resource.place.entity_set
    scope = bind_compute(options.compute, entity_set.entity_type, scope)
    projection = bind_projection(entity_set, options, scope)
    return Query(
        "entity",
        entity_set,
        resource.block,
        (),
        projection,
        parent=resource.parent,
        optional=resource.place.optional,
        path=resource.place.pieces,
    )


def _narrowed(resource: Resource, predicates: tuple[BoundExpr, ...]) -> Block:
    block = resource.block
    return Block(block.source, None, block.within, block.joins, (*block.predicates, *predicates))


def _field(resource: Resource) -> Field:
    prop = resource.place.prop
    if prop is None:
        raise BindSegment("the path ends in no property", target="path")
    return field_of(Row(resource.frame, resource.place.source), prop)


def _query(resource: Resource, field: Field | None) -> Query:
    return Query(
        resource.form,
        resource.place.entity_set,
        resource.block,
        field=field,
        parent=resource.parent,
        optional=resource.form == "reference" and resource.place.optional,
        path=resource.place.pieces,
    )
