"""$search: which texts of an entity a word is looked for in, and what AND, OR and NOT make of that
(URL Conventions 5.1.8).

An entity has a word or phrase if one of its texts has it anywhere, in any case; NOT asks for
entities none of whose texts has it. The texts are the properties that the model marks with
@Gateway.Search, those of the entity itself alone; in a row of $crossjoin, of all its entities.
"""

from __future__ import annotations

from odata_gateway.errors import Unsupported
from odata_gateway.plan.scope import Row, Scope, column_of, pick
from odata_gateway.plan.tree.relation import (
    BoundExpr,
    Column,
    ConstantValue,
    Function,
    IsNotTrue,
    Logic,
    Parameter,
)
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types.primitive import BOOLEAN, STRING
from odata_gateway.url import ast


def bind_search(node: ast.Search, scope: Scope) -> BoundExpr:
    """A condition on the scope's implicit row.

    raises  Unsupported where the model names no text of this type
    """
    scope.binding.target = "$search"
    rows = _entities(node, scope)
    if not any(row.source.entity_type.searchable for row in rows):
        hint, names = (
            "use contains(...) in $filter",
            " and ".join(row.source.entity_type.name for row in rows),
        )
        raise Unsupported(
            f"{names} has no texts that $search looks at", target="$search", at=node.at, hint=hint
        )
    return _search(
        node,
        scope,
        tuple(
            column_of(row, p)
            for row in rows
            for p in row.source.entity_type.searchable
            if not p.missing
        ),
    )


def _entities(node: ast.Search, scope: Scope) -> tuple[Row, ...]:
    """The entities whose texts are looked at; rows that $apply made may be some."""
    row, structure = scope.implicit, scope.implicit.structure
    if structure is None:
        return (row,) if row.parts is None else tuple(row.parts.values())
    if structure.itself is None or not all(shape.is_entity for shape in structure.shapes):
        hint = "search in $apply, before the aggregation"
        raise Unsupported(
            "$search looks at entities, and $apply made other rows of them",
            target="$search",
            at=node.at,
            hint=hint,
        )
    return (pick(scope.binding, row.frame, structure.itself.entity_type, structure.itself.key),)


def _search(node: ast.Search, scope: Scope, texts: tuple[Column, ...]) -> BoundExpr:
    scope.binding.enter()
    try:
        if isinstance(node, ast.Term):
            return _term(node, scope, texts)
        operands = tuple(_search(operand, scope, texts) for operand in node.operands)
        return (
            IsNotTrue(operands[0])
            if node.op == "not"
            else Logic(node.op, operands, any(o.nullable for o in operands))
        )
    finally:
        scope.binding.leave()


def _term(node: ast.Term, scope: Scope, texts: tuple[Column, ...]) -> BoundExpr:
    scope.binding.spend(len(texts), 1)
    pattern = Parameter(LiteralSlot(node.slot, STRING, "infix"), STRING)
    found = tuple(
        Function("search", (column, pattern), BOOLEAN, column.nullable) for column in texts
    )
    match found:
        case ():
            return ConstantValue(False, BOOLEAN)
        case (only,):
            return only
    return Logic("or", found, any(f.nullable for f in found))
