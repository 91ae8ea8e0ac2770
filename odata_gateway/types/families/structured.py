"""Values that are made of values: objects, such as composites and ranges, and collections.

They are not primitive, and one rule holds for them everywhere.

- As a place, a structured value is where a path goes on. A member of an object is a column like any
  other, read from the object; an item of a collection is the only column of a row of its own. So
  what can be asked of a primitive value is asked of members and items, and of nothing else.
- As a value, it is its JSON text. A row shows it, `eq null` asks whether it is there, and nothing
  else is computed with it: its type has no order, no equality, no functions and no literals.

Rows, paths, lambdas and $metadata follow from this: they walk the members until they are at
primitive values, whose family knows the rest.

This module has both: the types of the texts, and how Postgres gives members and items.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import LiteralString

from odata_gateway.types.family import (
    ArgumentType,
    JsonForm,
    LiteralForm,
    PrimitiveType,
    TypeFamily,
    refuse,
)


def _family(name: str, label: str, noun: str) -> TypeFamily:
    return TypeFamily(
        name=name,
        label=label,
        noun=noun,
        literal=LiteralForm(read=refuse, from_text=lambda text, type_: refuse(text)),
        argument=lambda value, mode: refuse(value),
        argument_type=ArgumentType("text"),
        text="{0}",
        json=JsonForm(whole="coalesce({0}, 'null')"),
        is_ordered=False,
        is_comparable=False,
        can_be_key=False,
        casts_to_string=False,
    )


OBJECTS = _family("object", "object", "an object")
COLLECTIONS = _family("collection", "collection", "a collection")
STRUCTURED = frozenset({OBJECTS, COLLECTIONS})
"""The families of values that are made of values."""


@cache
def object_type(name: str) -> PrimitiveType:
    """The type that objects of a complex type, given by its qualified name, have as values."""
    return PrimitiveType(name, OBJECTS, "text", (), aggregates={})


@cache
def collection_type(item: str) -> PrimitiveType:
    """The type that collections of items of a type have as values."""
    return PrimitiveType(f"Collection({item})", COLLECTIONS, "text", (), aggregates={})


@dataclass(frozen=True, slots=True)
class ObjectForm:
    """How Postgres keeps objects of one kind. {0} is the object.

    member   a member; {1} is its name as an identifier, {2} as a text
    members  members that are read in their own way
    is_null  whether there is no object; never NULL. A composite whose fields are all null is one
    as_text  members are texts, and become their type by a cast that makes null of what it cannot
             convert
    """

    member: LiteralString
    is_null: LiteralString
    members: Mapping[str, LiteralString] = field(default_factory=dict)
    as_text: bool = False

    def template(self, name: str) -> str:
        return self.members.get(name, self.member)


@dataclass(frozen=True, slots=True)
class ItemsForm:
    """How Postgres keeps collections of one kind. {0} is the collection.

    rows      a row for each item, as the only item of a SELECT list. There an item that is a
              composite stays one, and null stays null, which is not so in FROM
    is_array  it is an array, so that an index on it can find its items
    is_typed  items have their own types; else they are texts in JSON
    """

    rows: LiteralString
    is_array: bool = False
    is_typed: bool = True


COMPOSITE = ObjectForm("({0}).{1}", "({0} IS NOT DISTINCT FROM NULL)")
# An empty range has no bounds, and would look like one that is open at both ends.
RANGE = ObjectForm(
    "NULL",
    "({0} IS NULL)",
    {
        "lower": "lower({0})",
        "upper": "upper({0})",
        "lowerInclusive": "(CASE WHEN NOT isempty({0}) THEN lower_inc({0}) END)",
        "upperInclusive": "(CASE WHEN NOT isempty({0}) THEN upper_inc({0}) END)",
    },
)
JSON_OBJECT = ObjectForm(
    "({0} -> {2})", "(jsonb_typeof({0}) IS DISTINCT FROM 'object')", as_text=True
)
ARRAY = ItemsForm("unnest({0})", is_array=True)
MULTIRANGE = ItemsForm("unnest({0})")
JSON_ARRAY = ItemsForm(
    "jsonb_array_elements(CASE WHEN jsonb_typeof({0}) = 'array' THEN {0} ELSE '[]' END)",
    is_typed=False,
)
VECTOR = ItemsForm("unnest({0}::float4[])")
OBJECT_FORMS: Mapping[str, ObjectForm] = {
    "composite": COMPOSITE,
    "range": RANGE,
    "json": JSON_OBJECT,
}
ITEMS_FORMS: Mapping[str, ItemsForm] = {
    "array": ARRAY,
    "multirange": MULTIRANGE,
    "json": JSON_ARRAY,
    "vector": VECTOR,
}
"""The forms by what a model calls them."""
