"""Entities in comparisons: whether a path leads to one, whether two are the same, and whether one
is in a collection (URL Conventions 5.1.1.1). Entities are the same if their keys are, and nothing
is the same as nothing only."""

from __future__ import annotations

from collections.abc import Callable

from odata_gateway.errors import BindName, BindType, Unsupported
from odata_gateway.plan.expression.paths import PathTarget, bind_path, collection_block
from odata_gateway.plan.scope import EntitySetRef, Frame, RelatedCollection, Row, Scope, check_list
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

BindFilter = Callable[[ast.Expr, Scope], BoundExpr]


def compare_entities(
    op: ComparisonOp, left: ast.Expr, right: ast.Expr, scope: Scope, at: int
) -> BoundExpr | None:
    """`assignee eq null`, `assignee eq $root/User(1)`; None where no side names an entity."""
    for path, other in ((left, right), (right, left)):
        if (
            is_path(path)
            and isinstance(other, ast.Constant)
            and other.value is None
            and op in ("eq", "ne")
        ):
            place = bind_path(path, scope)
            if isinstance(place, Row):
                _check_table(place, scope, at)
                key = _key(place)[0]
                return Compare(op, key, ConstantValue(None, key.type))
    if not (is_path(left) and is_path(right)):
        return None
    own, other_place = bind_path(left, scope), bind_path(right, scope)
    if isinstance(own, RelatedCollection | EntitySetRef) and isinstance(
        other_place, RelatedCollection | EntitySetRef
    ):
        reason = "comparing collections of entities is not supported"
        raise Unsupported(
            reason,
            target=scope.binding.target,
            at=at,
            hint="compare with any and all, or by $count",
        )
    if not isinstance(own, Row) or not isinstance(other_place, Row):
        return None
    if op not in ("eq", "ne"):
        raise BindType("entities have no order", target=scope.binding.target, at=at)
    same = _same(own, other_place, scope, at)
    return Not(same, same.nullable) if op == "ne" else same


def entity_among(
    left: ast.Expr, right: ast.Expr, scope: Scope, at: int, bind: BindFilter
) -> BoundExpr | None:
    """`assignee in inbox/members`; None where the left side names no entity."""
    own = bind_path(left, scope) if is_path(left) else None
    if not isinstance(own, Row):
        return None
    if isinstance(right, ast.ListExpr):
        check_list(len(right.items), scope.binding.limits, scope.binding.target, right.at)
        tests = tuple(bind(ast.Binary("eq", left, item, at), scope) for item in right.items)
        return Logic("or", tests, False) if tests else ConstantValue(False, types.BOOLEAN)
    found: PathTarget | None = (
        bind_path(right, scope) if is_path(right) or isinstance(right, ast.FilterSegment) else None
    )
    if not isinstance(found, RelatedCollection | EntitySetRef):
        raise BindType(
            "an entity can be in a collection of entities only", target=scope.binding.target, at=at
        )
    with scope.binding.within_collection(at):
        frame = Frame(scope.binding.source(found.type_in(scope.binding.model)))
        same = _same(own, Row(frame, frame.source), scope, at)
        return Exists(collection_block(found, frame, (same,), scope, bind), False)


def entity_is_of(name: str, node: ast.Expr | None, scope: Scope, at: int) -> BoundExpr:
    """isof(path,Type), isof(Type): whether an entity is there and of a type; no type has derived
    ones."""
    if all(each.qualified_name != name for each in scope.binding.model.entity_types.values()):
        raise BindName(f"there is no entity type '{name}'", target=scope.binding.target, at=at)
    place: PathTarget = scope.implicit if node is None else bind_path(node, scope)
    if not isinstance(place, Row):
        return ConstantValue(False, types.BOOLEAN)
    if place.parts is not None or place.source.entity_type.qualified_name != name:
        return ConstantValue(False, types.BOOLEAN)
    _check_table(place, scope, at)
    key = _key(place)[0]
    return (
        Compare("ne", key, ConstantValue(None, key.type))
        if place.optional
        else ConstantValue(True, types.BOOLEAN)
    )


def count_of(node: ast.Expr, scope: Scope) -> ast.Count | None:
    """What length() of a collection of entities is (5.1.1.5.5); None for others."""
    found = bind_path(node, scope) if is_path(node) or isinstance(node, ast.FilterSegment) else None
    return (
        ast.Count(node, None, node.at)
        if isinstance(found, RelatedCollection | EntitySetRef)
        else None
    )


def is_path(node: ast.Expr) -> bool:
    """Whether a node can name an entity."""
    return isinstance(node, ast.Member | ast.Variable) or (
        isinstance(node, ast.Call) and node.base is not None
    )


def _same(left: Row, right: Row, scope: Scope, at: int) -> BoundExpr:
    _check_table(left, scope, at)
    _check_table(right, scope, at)
    if left.source.entity_type is not right.source.entity_type:
        names = f"{left.source.entity_type.name} and {right.source.entity_type.name}"
        raise BindType(
            f"entities of different types, {names}, are never the same",
            target=scope.binding.target,
            at=at,
        )
    tests = tuple(
        Compare("eq", own, other) for own, other in zip(_key(left), _key(right), strict=True)
    )
    return tests[0] if len(tests) == 1 else Logic("and", tests, False, types.BOOLEAN)


def _key(row: Row) -> tuple[Column, ...]:
    return tuple(
        Column(row.source.number, p.column, p.pg_type, p.type, row.optional)
        for p in row.source.entity_type.key
    )


def _check_table(row: Row, scope: Scope, at: int) -> None:
    if row.structure is not None:
        reason = (
            "whether a navigation property leads anywhere cannot be asked of rows that $apply made"
        )
        raise Unsupported(
            reason,
            target=scope.binding.target,
            at=at,
            hint="ask it in $apply, before the aggregation",
        )
    if row.parts is not None:
        raise BindType(
            "a row of $crossjoin is no entity",
            target=scope.binding.target,
            at=at,
            hint="name one of its entities",
        )
