"""Functions of collections as SQL: collections are arrays in Postgres.

Within arrays null equals null in Postgres, as in OData. NaN equals itself in Postgres and nothing
in OData, so a collection with a NaN in it is part of no other one. Arrays and their slices begin at
1, and a slice beyond an array's ends is empty.
"""

from __future__ import annotations

from typing import assert_never

from odata_gateway.plan.tree.relation import (
    BoundExpr,
    Collection,
    CollectionCall,
    CollectionConcat,
    CollectionItems,
    CollectionRows,
    CollectionSlice,
    Parameter,
)
from odata_gateway.sql.collation import of_database
from odata_gateway.sql.fragment import Sql, build, fill, join
from odata_gateway.sql.functions import promoted
from odata_gateway.sql.renderer import ExpressionRenderer
from odata_gateway.types.primitive import PrimitiveType

# Both arrays are computed once, although templates name them several times: OFFSET 0 keeps Postgres
# from replacing the names a and b by what they stand for.
_BOTH = "(SELECT {2} FROM (SELECT {0} AS a, {1} AS b OFFSET 0) AS s)"
_INDEX = (
    "coalesce((SELECT min(i) FROM generate_series(0, cardinality(s.a) - cardinality(s.b)) AS g (i) "
    "WHERE s.a[i + 1:i + cardinality(s.b)] = s.b), -1)"
)
# Each item as one character; an item that occurs in b has a character of its own. Then b with
# anything between its characters is a LIKE pattern for a.
_CHARACTERS = (
    "(SELECT coalesce(string_agg("
    "chr(65536 + coalesce(array_position(s.b, x), 0)), '' ORDER BY n), '') "
    "FROM unnest(s.a) WITH ORDINALITY AS u (x, n))"
)
_PATTERN = (
    "(SELECT '%' || coalesce(string_agg("
    "chr(65536 + array_position(s.b, x)) || '%', '' ORDER BY n), '') "
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
    "hassubsequence": f"({_CHARACTERS} LIKE {_PATTERN})",
}
_HAS_NAN = "'NaN' = ANY(s.b)"


def collection_call_sql(call: CollectionCall, renderer: ExpressionRenderer) -> Sql:
    """A function of one collection or two; `renderer` renders their items."""
    arrays = tuple(_array(each, call.element, renderer) for each in call.args)
    if call.id == "length":
        return build("cardinality({0})", *arrays)
    found = TEMPLATES[call.id]
    if call.element.family.has_nan:
        with_nan = "-1" if call.id == "indexof" else "false"
        found = f"CASE WHEN {_HAS_NAN} THEN {with_nan} ELSE {found} END"
    return fill(_BOTH, (*arrays, Sql((found,))))


def _array(collection: Collection, element: PrimitiveType, renderer: ExpressionRenderer) -> Sql:
    """A collection as an array of the type of its elements; whole numbers as int8, as parameters
    of them are."""
    pg_type = element.pg_type if element.low is None else element.family.argument_type.type
    match collection:
        case CollectionItems(items=items):
            values = join(", ", (_item(item, element, renderer) for item in items))
            return fill("ARRAY[{0}]::" + pg_type + "[]", (values,))
        case Parameter():
            return fill("{0}::" + pg_type + "[]", (renderer.value(collection),))
        case CollectionRows(block=block, item=item):
            array = renderer.array(item, block)
            return fill("{0}::" + pg_type + "[]", (array,))
        case CollectionConcat(left=left, right=right):
            arrays = (_array(each, element, renderer) for each in (left, right))
            return build("({0} || {1})", *arrays)
        case CollectionSlice(whole=whole, start=start, length=length):
            array, first = _array(whole, element, renderer), renderer.value(start)
            if length is None:
                return fill(_SLICE, (array, first))
            return fill(_SLICE_OF_LENGTH, (array, first, renderer.value(length)))
        case _:
            assert_never(collection)


def _item(item: BoundExpr, element: PrimitiveType, renderer: ExpressionRenderer) -> Sql:
    """An item, promoted to the type of all."""
    value = of_database(item, renderer.value(item))
    return promoted(value, item, element) if element.family.has_nan else value


# Array indexes are int4, so numbers are clamped to a range that no array is as long as. A negative
# start counts from the end, but not beyond the beginning. substr raises for a negative length, as
# the standard asks (5.1.1.5.7).
_START = "greatest(least({1}, 1000000000), -1000000000)::int4"
_FIRST = (
    f"(CASE WHEN {{1}} < 0 THEN greatest(cardinality({{0}}) + {_START}, 0) ELSE {_START} END + 1)"
)
_LENGTH = "greatest(least({2}, 1000000000), -1000000000)::int4"
_SLICE = f"({{0}})[{_FIRST}:]"
_SLICE_OF_LENGTH = f"({{0}})[{_FIRST}:{_FIRST} + {_LENGTH} - 1 + length(substr('', 1, {_LENGTH}))]"
