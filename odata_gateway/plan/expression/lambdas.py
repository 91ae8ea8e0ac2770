"""any, all and $count of a collection of entities (URL Conventions 5.1.1.13, 4.8)."""

from __future__ import annotations

from odata_gateway.errors import BindType, Unsupported
from odata_gateway.plan.expression.collections import bind_collection_call, is_collection
from odata_gateway.plan.expression.paths import collection_block
from odata_gateway.plan.expression.search import bind_narrowing
from odata_gateway.plan.scope.rows import Row
from odata_gateway.plan.scope.scope import EntitySetRef, RelatedCollection, Scope
from odata_gateway.plan.tree.relation import BoundExpr, CountOf, Exists, IsNotTrue
from odata_gateway.url import ast


def bind_lambda(node: ast.Lambda, scope: Scope) -> BoundExpr:
    """`any`: whether a row has the property. `all`: whether no row lacks it."""
    with scope.binding.size.within_collection(node.at):
        related = _related(node.base, scope, node.quantifier, node.at)
        row = scope.binding.row_of(related.type_in(scope.model))
        body = _body(node, scope, row)
        negated = node.quantifier == "all"
        predicates = () if body is None else (IsNotTrue(body) if negated else body,)
        return Exists(collection_block(related, row, predicates, scope), negated)


def _body(node: ast.Lambda, scope: Scope, row: Row) -> BoundExpr | None:
    if node.body is not None and node.variable is not None:
        return scope.bind.condition(node.body, scope.with_variable(node.variable, row))
    if node.quantifier == "all":
        raise BindType(
            "all needs a range variable and a condition, as in all(m:m/private)", at=node.at
        )
    return None


def bind_count(node: ast.Count, scope: Scope) -> BoundExpr:
    """`$count` of a collection of entities, with its $filter and $search; or of a collection of
    values, which is its length."""
    with scope.binding.size.within_collection(node.at):
        if node.options is None and is_collection(node.base, scope):
            return bind_collection_call(ast.Call(None, "length", (node.base,), node.at), scope)
        related = _related(node.base, scope, "$count", node.at)
        row = scope.binding.row_of(related.type_in(scope.model))
        options = node.options or ast.Options()
        predicates = bind_narrowing(options, scope.of_related(row))
        return CountOf(collection_block(related, row, predicates, scope))


def _related(
    base: ast.Expr | None, scope: Scope, what: str, at: int
) -> RelatedCollection | EntitySetRef:
    if base is not None and is_collection(base, scope):
        raise Unsupported(f"{what} of a collection of values is not supported", at=at)
    place = scope.bind.path(base, scope) if base is not None else None
    if isinstance(place, RelatedCollection | EntitySetRef):
        return place
    raise BindType(
        f"{what} needs a collection before it",
        at=at,
        hint="name a to-many navigation property",
    )
