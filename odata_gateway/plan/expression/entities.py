"""Entities in comparisons: whether a path leads to one, whether two are the same, and whether one
is in a collection (URL Conventions 5.1.1.1).

Entities are the same if their keys are equal. The absence of an entity equals only the absence of
an entity.
"""

from __future__ import annotations

from odata_gateway.errors import BindName, BindType, Unsupported
from odata_gateway.plan.expression.paths import collection_block
from odata_gateway.plan.scope.limits import check_list
from odata_gateway.plan.scope.rows import Row, is_of_type
from odata_gateway.plan.scope.scope import EntitySetRef, PathTarget, RelatedCollection, Scope
from odata_gateway.plan.tree.columns import column_of_property
from odata_gateway.plan.tree.conditions import any_of
from odata_gateway.plan.tree.relation import (
    BoundExpr,
    Column,
    Compare,
    ComparisonOp,
    ConstantValue,
    Exists,
    Logic,
    Not,
)
from odata_gateway.types import primitive as types
from odata_gateway.url import ast


def compare_entities(node: ast.Binary, scope: Scope) -> BoundExpr | None:
    """`assignee eq null`, `assignee eq $root/User(1)`; None where no side names an entity.

    node  a comparison whose sides are not aliases
    """
    left, right = node.left, node.right
    if (found := _compared_with_null(node, scope)) is not None:
        return found
    if not (is_path(left) and is_path(right)):
        return None
    own, other = scope.bind.path(left, scope), scope.bind.path(right, scope)
    if isinstance(own, RelatedCollection | EntitySetRef) and isinstance(
        other, RelatedCollection | EntitySetRef
    ):
        raise Unsupported(
            "comparing collections of entities is not supported",
            at=node.at,
            hint="compare with any and all, or by $count",
        )
    if not isinstance(own, Row) or not isinstance(other, Row):
        return None
    if node.op not in ("eq", "ne"):
        raise BindType("entities have no order", at=node.at)
    same = _same(own, other, node.at)
    return Not(same, same.nullable) if node.op == "ne" else same


def _compared_with_null(node: ast.Binary, scope: Scope) -> BoundExpr | None:
    if node.op not in ("eq", "ne"):
        return None
    for path, other in ((node.left, node.right), (node.right, node.left)):
        if is_path(path) and isinstance(other, ast.Constant) and other.value is None:
            place = scope.bind.path(path, scope)
            if isinstance(place, Row):
                return _compared_key("eq" if node.op == "eq" else "ne", place, node.at)
    return None


def _compared_key(op: ComparisonOp, row: Row, at: int) -> BoundExpr:
    """Whether an entity is absent (`eq`) or there (`ne`)."""
    _check_has_key(row, at)
    if row.condition is not None:
        return Not(row.condition, False) if op == "eq" else row.condition
    key = _key(row)[0]
    return Compare(op, key, ConstantValue(None, key.type))


def entity_in(node: ast.Binary, scope: Scope) -> BoundExpr | None:
    """`assignee in inbox/members`; None where the left side names no entity.

    node  an `in` whose sides are not aliases
    """
    left, right = node.left, node.right
    own = scope.bind.path(left, scope) if is_path(left) else None
    if not isinstance(own, Row):
        return None
    if isinstance(right, ast.ListExpr):
        check_list(len(right.items), scope.binding.limits, at=right.at)
        comparisons = (ast.Binary("eq", left, item, node.at) for item in right.items)
        return any_of(tuple(scope.bind.condition(each, scope) for each in comparisons))
    found: PathTarget | None = (
        scope.bind.path(right, scope)
        if is_path(right) or isinstance(right, ast.FilterSegment)
        else None
    )
    if not isinstance(found, RelatedCollection | EntitySetRef):
        raise BindType("an entity can only be in a collection of entities", at=right.at)
    with scope.binding.size.within_collection(node.at):
        row = scope.binding.row_of(found.type_in(scope.model))
        same = _same(own, row, node.at)
        return Exists(collection_block(found, row, (same,), scope), False)


def entity_is_of(name: str, node: ast.Expr | None, scope: Scope, *, at: int) -> BoundExpr:
    """isof(path,Type), isof(Type): whether an entity is there and is of a type."""
    if all(each.qualified_name != name for each in scope.model.entity_types.values()):
        raise BindName(f"there is no entity type '{name}'", at=at)
    place: PathTarget = scope.implicit if node is None else scope.bind.path(node, scope)
    if not isinstance(place, Row) or place.crossed is not None:
        return ConstantValue(False, types.BOOLEAN)
    entity_type = place.source.entity_type
    derived = scope.model.derived_type(name, entity_type)
    if derived is not None:
        _check_has_key(place, at)
        found = is_of_type(place, derived)
        if place.condition is not None:
            return Logic("and", (place.condition, found), False)
        return found
    if all(each.qualified_name != name for each in scope.model.bases(entity_type)):
        return ConstantValue(False, types.BOOLEAN)
    if place.condition is not None:
        return place.condition
    if place.optional:
        return _compared_key("ne", place, at)
    _check_has_key(place, at)
    return ConstantValue(True, types.BOOLEAN)


def count_of(node: ast.Expr, scope: Scope) -> ast.Count | None:
    """The $count that length() of a collection of entities is (5.1.1.5.5); None for others."""
    found = (
        scope.bind.path(node, scope)
        if is_path(node) or isinstance(node, ast.FilterSegment)
        else None
    )
    if isinstance(found, RelatedCollection | EntitySetRef):
        return ast.Count(node, None, node.at)
    return None


def is_path(node: ast.Expr) -> bool:
    """Whether a node can name an entity."""
    return isinstance(node, ast.Member | ast.Variable) or (
        isinstance(node, ast.Call) and (node.base is not None or node.name.lower() == "cast")
    )


def _same(left: Row, right: Row, at: int) -> BoundExpr:
    _check_has_key(left, at)
    _check_has_key(right, at)
    if left.source.entity_type is not right.source.entity_type:
        names = f"{left.source.entity_type.name} and {right.source.entity_type.name}"
        raise BindType(f"entities of different types, {names}, are never the same", at=at)
    equal = tuple(
        Compare("eq", own, other) for own, other in zip(_key(left), _key(right), strict=True)
    )
    return equal[0] if len(equal) == 1 else Logic("and", equal, False, types.BOOLEAN)


def _key(row: Row) -> tuple[Column, ...]:
    return tuple(
        column_of_property(row.source.number, p, nullable=row.optional)
        for p in row.source.entity_type.identity
    )


def _check_has_key(row: Row, at: int) -> None:
    """Refuse rows that are not rows of an entity type's table."""
    if row.structure is not None:
        raise Unsupported(
            "rows that $apply made cannot be asked whether a navigation property leads anywhere",
            at=at,
            hint="ask it in $apply, before the aggregation",
        )
    if row.crossed is not None:
        raise BindType(
            "a row of $crossjoin is not an entity", at=at, hint="name one of its entities"
        )
