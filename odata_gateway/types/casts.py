"""cast() between primitive types (URL Conventions 5.1.1.10.1): what cannot be cast is null."""

from __future__ import annotations

from odata_gateway.types.families.string import STRING
from odata_gateway.types.family import PrimitiveType


def castable(source: PrimitiveType, target: PrimitiveType) -> bool:
    """Whether a cast has a meaning. A value of any type has a text, which is what Edm.String makes
    of it."""
    if target is STRING:
        return source.family.casts_to_string
    return source.family.name in target.casts


def cast_template(source: PrimitiveType | None, target: PrimitiveType) -> str:
    """The template of a cast, its operand as {0}; of null, where `source` is None."""
    if source is None:
        return "NULL::" + target.pg_type
    if target is STRING:
        return f"({source.family.text})"
    return target.casts.get(source.family.name, "{0}::" + target.pg_type)
