"""Collections as arrays of Postgres, and what is asked of them, as templates.

Postgres has null equal to null within arrays, as OData has it; a NaN, which it has equal to itself,
equals nothing in OData, so that no collection has one with a NaN in it. Parts of an array beyond
its ends are empty, and both begin at 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import assert_never

from odata_gateway.plan.tree.relation import (
    BoundExpr,
    Collection,
    CollectionCall,
    CollectionConcat,
    CollectionItems,
    CollectionSlice,
    Parameter,
)
from odata_gateway.sql.fragment import Sql, build, fill, join
from odata_gateway.types.primitive import PrimitiveType

Value = Callable[[BoundExpr], Sql]
OfParameter = Callable[[Parameter], Sql]

# Arrays are computed once, whatever asks for them several times: OFFSET 0 keeps Postgres from
# putting them where their names stand.
_BOTH = "(SELECT {2} FROM (SELECT {0} AS a, {1} AS b OFFSET 0) AS s)"
_INDEX = (
    "coalesce((SELECT min(i) FROM generate_series(0, cardinality(s.a) - cardinality(s.b)) AS g (i) "
    "WHERE s.a[i + 1:i + cardinality(s.b)] = s.b), -1)"
)
# Each item as one letter, of which those that occur in b have their own: then b, with anything
# between its letters, is a pattern for a.
_LETTERS = (
    "(SELECT coalesce(string_agg(chr(65536 + coalesce(array_position(s.b, x), 0)), '' ORDER BY n), '') "
    "FROM unnest(s.a) WITH ORDINALITY AS u (x, n))"
)
_PATTERN = (
    "(SELECT '%' || coalesce(string_agg(chr(65536 + array_position(s.b, x)) || '%', '' ORDER BY n), '') "
    "FROM unnest(s.b) WITH ORDINALITY AS u (x, n))"
)

TEMPLATES: dict[str, str] = {
    "eq": "(s.a = s.b)",
    "contains": f"({_INDEX} >= 0)",
    "startswith": "(s.a[1:cardinality(s.b)] = s.b)",
    "endswith": "(s.a[cardinality(s.a) - cardinality(s.b) + 1:] = s.b)",
    "indexof": _INDEX,
    "hassubset": "(NOT EXISTS (SELECT FROM unnest(s.b) AS u (x) "
    "WHERE cardinality(array_positions(s.b, u.x)) > cardinality(array_positions(s.a, u.x))))",
    "hassubsequence": f"({_LETTERS} LIKE {_PATTERN})",
}
_NAN = "'NaN' = ANY(s.b)"


def of_collections_sql(expr: CollectionCall, value: Value, of_parameter: OfParameter) -> Sql:
    """What is asked of one collection, or of two; `value` renders their items."""
    arrays = tuple(_array(each, expr.element, value, of_parameter) for each in expr.args)
    if expr.id == "length":
        return build("cardinality({0})", *arrays)
    asked = TEMPLATES[expr.id]
    if expr.element.family.has_nan:
        asked = (
            f"CASE WHEN {_NAN} THEN {'-1' if expr.id == 'indexof' else 'false'} ELSE {asked} END"
        )
    return fill(_BOTH, (*arrays, Sql((asked,))))


def _array(
    collection: Collection, element: PrimitiveType, value: Value, of_parameter: OfParameter
) -> Sql:
    """A collection as an array of the type that parameters of its elements have: whole numbers as
    int8, doubles as float8."""
    pg_type = element.family.wire.type
    match collection:
        case CollectionItems(items=items):
            return fill("ARRAY[{0}]::" + pg_type + "[]", (join(", ", map(value, items)),))
        case Parameter():
            return fill("{0}::" + pg_type + "[]", (of_parameter(collection),))
        case CollectionConcat(left=left, right=right):
            return build(
                "({0} || {1})",
                _array(left, element, value, of_parameter),
                _array(right, element, value, of_parameter),
            )
        case CollectionSlice(whole=whole, start=start, length=length):
            array = _array(whole, element, value, of_parameter)
            bounds = (value(start),) if length is None else (value(start), value(length))
            return fill(_PART if length is None else _PART_OF_LENGTH, (array, *bounds))
        case _:
            assert_never(collection)


# Indexes are int4, and an array is shorter than any of them. A negative start counts from the end,
# no further than to the beginning; substr refuses a negative length, as the standard asks
# (5.1.1.5.7).
_CLAMPED = "greatest(least({1}, 1000000000), -1000000000)::int4"
_FIRST = f"(CASE WHEN {{1}} < 0 THEN greatest(cardinality({{0}}) + {_CLAMPED}, 0) ELSE {_CLAMPED} END + 1)"
_SIZE = "greatest(least({2}, 1000000000), -1000000000)::int4"
_PART = f"({{0}})[{_FIRST}:]"
_PART_OF_LENGTH = f"({{0}})[{_FIRST}:{_FIRST} + {_SIZE} - 1 + length(substr('', 1, {_SIZE}))]"


def values_of(collection: Collection) -> Iterator[BoundExpr]:
    """The expressions a collection is made of."""
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
        case Parameter():
            yield collection
