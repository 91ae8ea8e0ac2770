"""$search and $filter: the conditions on the rows of a collection (URL Conventions 5.1.2, 5.1.8).

$search: an entity has a word or phrase if one of its texts has it anywhere, in any case; NOT asks
for entities none of whose texts has it. The texts are the properties that the model marks with
@Gateway.Search: those of the entity itself or, in a row of $crossjoin, of all its entities. A
column of words (@Gateway.SearchWords) has a word or phrase if Postgres finds it there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from odata_gateway.errors import Unsupported
from odata_gateway.plan.scope.navigation import entity_by_key
from odata_gateway.plan.scope.rows import Row, column_of
from odata_gateway.plan.scope.scope import Scope
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
from odata_gateway.types.canonical_functions import words_function
from odata_gateway.types.primitive import BOOLEAN, STRING
from odata_gateway.url import ast


class Words(NamedTuple):
    """A column of words, made by a text search configuration."""

    column: Column
    config: str


Searched: TypeAlias = tuple[Column | Words, ...]


def bind_narrowing(options: ast.Options, scope: Scope) -> tuple[BoundExpr, ...]:
    """The conditions that $search and $filter put on a collection's rows."""
    found: list[BoundExpr] = []
    if options.search is not None:
        with scope.binding.inside("$search"):
            found.append(bind_search(options.search, scope))
    if options.filter is not None:
        with scope.binding.inside("$filter"):
            found.append(scope.bind.condition(options.filter, scope))
    return tuple(found)


def bind_search(node: ast.Search, scope: Scope) -> BoundExpr:
    """A condition on the scope's implicit row.

    raises  Unsupported  where the model marks no property of this type for $search; what
                         `Withheld` says where the database does not show one that it marks
    """
    rows = _entities(node, scope)
    for row in rows:
        if (withheld := row.source.entity_type.unsearchable) is not None:
            raise withheld.refusal(node.at)
    if not any(row.source.entity_type.can_be_searched for row in rows):
        names = " and ".join(row.source.entity_type.name for row in rows)
        raise Unsupported(
            f"{names} has no property that $search looks at",
            at=node.at,
            hint="use contains(...) in $filter",
        )
    texts = tuple(
        column_of(row, p)
        for row in rows
        for p in row.source.entity_type.searchable
        if not p.missing
    )
    return _matches(node, scope, (*texts, *_words(rows)))


def _words(rows: tuple[Row, ...]) -> Iterator[Words]:
    """The words of rows, as they are stored."""
    for row in rows:
        words = row.source.entity_type.words
        if words is not None:
            column = Column(row.source.number, words.column, "", STRING, nullable=True)
            yield Words(column, words.config)


def _entities(node: ast.Search, scope: Scope) -> tuple[Row, ...]:
    """The entities whose texts are looked at; rows that $apply made may be some."""
    row, structure = scope.implicit, scope.structure
    if structure is None:
        return (row,) if row.crossed is None else tuple(row.crossed.values())
    if structure.identity is None or not all(kind.is_entity for kind in structure.kinds):
        raise Unsupported(
            "$search needs entities, and $apply made other rows of them",
            at=node.at,
            hint="search in $apply, before the aggregation",
        )
    reference = structure.identity
    return (entity_by_key(scope.binding, row.frame, reference.entity_type, reference.key),)


def _matches(node: ast.Search, scope: Scope, texts: Searched) -> BoundExpr:
    with scope.binding.size.level(node.at):
        if isinstance(node, ast.Term):
            return _has_term(node, scope, texts)
        operands = tuple(_matches(operand, scope, texts) for operand in node.operands)
        if node.op == "not":
            return IsNotTrue(operands[0])
        return Logic(node.op, operands, any(o.nullable for o in operands))


def _has_term(node: ast.Term, scope: Scope, texts: Searched) -> BoundExpr:
    scope.binding.size.spend(len(texts), 1, node.at)
    found = tuple(_found_in(text, node) for text in texts)
    match found:
        case ():
            return ConstantValue(False, BOOLEAN)
        case (only,):
            return only
    return Logic("or", found, any(f.nullable for f in found))


def _found_in(text: Column | Words, node: ast.Term) -> BoundExpr:
    if isinstance(text, Words):
        phrase = Parameter(LiteralSlot(node.slot, STRING, "value"), STRING)
        return Function(words_function(text.config), (text.column, phrase), BOOLEAN, nullable=True)
    pattern = Parameter(LiteralSlot(node.slot, STRING, "infix"), STRING)
    return Function("search", (text, pattern), BOOLEAN, text.nullable)
