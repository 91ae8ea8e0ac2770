"""Objects and collections as values: their JSON text, made of what they are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeAlias

from odata_gateway.plan.scope.places import ItemsPlace, ObjectPlace, ValuePlace
from odata_gateway.plan.scope.scope import Binding, PathTarget, Scope
from odata_gateway.plan.tree.relation import Block, BoundExpr, CaseWhen, ItemsValue, ObjectValue

MemberPaths: TypeAlias = tuple[tuple[str, ...], ...]
"""Paths into a value; an empty path is all of it."""
WHOLE: MemberPaths = ((),)


def value_of_place(place: ValuePlace, binding: Binding, paths: MemberPaths = WHOLE) -> BoundExpr:
    """What a row shows of a value: all of it, or the members that paths lead to."""
    match place:
        case ObjectPlace() if place.condition is not None:
            whole = value_of_place(replace(place, condition=None), binding, paths)
            return CaseWhen(((place.condition, whole),), place.column.type)
        case ObjectPlace(column=column, type=type_):
            members = tuple(
                (name, value_of_place(place.member(prop), binding, below))
                for name, prop in type_.properties.items()
                if (below := paths_below(paths, name))
            )
            return ObjectValue(column, type_.form.is_null, members, column.type)
        case ItemsPlace(column=column):
            source, item = place.rows(binding.numbers)
            return ItemsValue(Block(source), value_of_place(item, binding, paths), column.type)
        case expr:
            return expr


def paths_below(paths: Iterable[tuple[str, ...]], name: str) -> MemberPaths:
    """What paths lead to within a member; nothing where none leads to it."""
    found = tuple(path[1:] for path in paths if path[:1] in ((), (name,)))
    return WHOLE if () in found else found


def items_block(
    place: ItemsPlace, scope: Scope, conditions: Iterable[BoundExpr] = ()
) -> tuple[Block, PathTarget]:
    """The rows of a collection of values for which all conditions and its $filter segments are
    true, and the item of such a row."""
    source, item = place.rows(scope.binding.numbers)
    inner = scope.of_item(item)
    narrowing = tuple(inner.bind.condition(node, inner) for node in place.filters)
    if place.condition is not None:
        narrowing = (place.condition, *narrowing)
    return Block(source, predicates=(*narrowing, *conditions)), item
