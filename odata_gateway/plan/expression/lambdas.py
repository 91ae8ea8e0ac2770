"""any, all and $count of a collection of entities or of values (URL Conventions 5.1.1.13, 4.8)."""

from __future__ import annotations

from dataclasses import replace

from odata_gateway.errors import BindType, Unsupported
from odata_gateway.plan.expression.collections import bind_collection_call, is_written
from odata_gateway.plan.expression.paths import collection_block
from odata_gateway.plan.expression.search import bind_narrowing
from odata_gateway.plan.scope.places import ItemsPlace
from odata_gateway.plan.scope.scope import EntitySetRef, PathTarget, RelatedCollection, Scope
from odata_gateway.plan.scope.structures import items_block
from odata_gateway.plan.tree.relation import Block, BoundExpr, CountOf, Exists, IsNotTrue
from odata_gateway.url import ast


def bind_lambda(node: ast.Lambda, scope: Scope) -> BoundExpr:
    """`any`: whether an item has the property. `all`: whether no item lacks it."""
    with scope.binding.size.within_collection(node.at):
        place = _collection(node.base, scope, node.quantifier, node.at)
        negated = node.quantifier == "all"
        if isinstance(place, ItemsPlace):
            block, item = items_block(place, scope)
            body = _body(node, scope, item)
            return Exists(_narrowed(block, _lambda_predicates(body, negated)), negated)
        row = scope.binding.row_of(place.type_in(scope.model))
        body = _body(node, scope, row)
        predicates = _lambda_predicates(body, negated)
        return Exists(collection_block(place, row, predicates, scope), negated)


def _lambda_predicates(body: BoundExpr | None, negated: bool) -> tuple[BoundExpr, ...]:
    if body is None:
        return ()
    return (IsNotTrue(body) if negated else body,)


def _narrowed(block: Block, predicates: tuple[BoundExpr, ...]) -> Block:
    return replace(block, predicates=(*block.predicates, *predicates))


def _body(node: ast.Lambda, scope: Scope, row: PathTarget) -> BoundExpr | None:
    if node.body is not None and node.variable is not None:
        return scope.bind.condition(node.body, scope.with_variable(node.variable, row))
    if node.quantifier == "all":
        raise BindType(
            "all needs a range variable and a condition, as in all(m:m/private)", at=node.at
        )
    return None


def bind_count(node: ast.Count, scope: Scope) -> BoundExpr:
    """`$count` of a collection, with its $filter and, of entities, $search; or of a collection that
    the request has, which is its length."""
    with scope.binding.size.within_collection(node.at):
        if node.options is None and is_written(node.base, scope):
            return bind_collection_call(ast.Call(None, "length", (node.base,), node.at), scope)
        place = _collection(node.base, scope, "$count", node.at)
        options = node.options or ast.Options()
        if isinstance(place, ItemsPlace):
            return CountOf(counted_items(place, options, scope))
        row = scope.binding.row_of(place.type_in(scope.model))
        predicates = bind_narrowing(options, scope.of_related(row))
        return CountOf(collection_block(place, row, predicates, scope))


def counted_items(
    place: ItemsPlace, options: ast.Options, scope: Scope, *, of_resource: bool = False
) -> Block:
    """The items of a collection of values that a $filter keeps."""
    block, item = items_block(place, scope)
    if options.search is not None:
        raise Unsupported("$search of a collection of values is not supported", target="$search")
    if options.filter is None:
        return block
    inner = scope.of_item(item, of_resource=of_resource)
    with scope.binding.inside("$filter"):
        return _narrowed(block, (inner.bind.condition(options.filter, inner),))


def _collection(
    base: ast.Expr | None, scope: Scope, what: str, at: int
) -> RelatedCollection | EntitySetRef | ItemsPlace:
    if base is not None and is_written(base, scope):
        raise Unsupported(f"{what} of a collection of values is not supported", at=at)
    place = scope.bind.path(base, scope) if base is not None else None
    if isinstance(place, RelatedCollection | EntitySetRef | ItemsPlace):
        return place
    raise BindType(
        f"{what} needs a collection before it",
        at=at,
        hint="name a to-many navigation property",
    )
