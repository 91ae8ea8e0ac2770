"""The expressions that a collection is made of."""

from __future__ import annotations

from collections.abc import Iterator

from odata_gateway.plan.tree.relation import (
    BoundExpr,
    Collection,
    CollectionConcat,
    CollectionItems,
    CollectionRows,
    CollectionSlice,
    Parameter,
)


def items_of(collection: Collection) -> Iterator[BoundExpr]:
    """Its items; an array parameter stands for all of its own."""
    match collection:
        case CollectionItems(items=items):
            yield from items
        case CollectionConcat(left=left, right=right):
            yield from items_of(left)
            yield from items_of(right)
        case CollectionSlice(whole=whole):
            yield from items_of(whole)
        case CollectionRows(item=item):
            yield item
        case Parameter():
            yield collection


def values_of(collection: Collection) -> Iterator[BoundExpr]:
    """Its items, and the bounds of the substrings in it."""
    match collection:
        case CollectionItems(items=items):
            yield from items
        case CollectionConcat(left=left, right=right):
            yield from values_of(left)
            yield from values_of(right)
        case CollectionSlice(whole=whole, start=start, length=length):
            yield from values_of(whole)
            yield start
            if length is not None:
                yield length
        case CollectionRows():
            return  # they are values of other rows
        case Parameter():
            yield collection
