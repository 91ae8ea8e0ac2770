"""What an overlay says of the objects in a column of JSON: their members and the types of these."""

from __future__ import annotations

from dataclasses import dataclass

from odata_gateway.types.primitive import PRIMITIVE_TYPES

_ALIASES = {
    "int": "int4",
    "integer": "int4",
    "smallint": "int2",
    "bigint": "int8",
    "boolean": "bool",
    "decimal": "numeric",
    "real": "float4",
    "double precision": "float8",
    "string": "text",
}


@dataclass(frozen=True, slots=True)
class JsonValue:
    """A member that is a value of a type of Postgres, by its short name, or an array of such."""

    type: str
    is_collection: bool


@dataclass(frozen=True, slots=True)
class JsonObject:
    """Objects of JSON: the complex type is called `name` in the namespace of a schema."""

    schema: str
    name: str
    members: tuple[tuple[str, JsonValue | JsonObject], ...]


def member_type(text: str) -> JsonValue | None:
    """The member of a type such as `int4` or `text[]`; None for a type that no property reads."""
    name = text.removesuffix("[]").strip()
    name = _ALIASES.get(name, name)
    is_known = any(name in type_.lossless for type_ in PRIMITIVE_TYPES.values())
    return JsonValue(name, text.endswith("[]")) if is_known else None
