"""cast() between primitive types (URL Conventions 5.1.1.10.1): what cannot be cast is null."""

from __future__ import annotations

from odata_gateway.types.families.string import STRING
from odata_gateway.types.family import PrimitiveType


def castable(source: PrimitiveType, target: PrimitiveType) -> bool:
    """Whether a cast has a meaning. A value of any type has a text, which is what Edm.String makes
    of it."""
    if target is STRING:
        return source.family.casts_to_string
    return _kind(source) in target.casts


def cast_template(source: PrimitiveType | None, target: PrimitiveType) -> str:
    """The template of a cast, its operand as {0}; of null, where `source` is None."""
    if source is None:
        return "NULL::" + target.pg_type
    if target is STRING:
        return f"({source.family.text})"
    return target.casts.get(_kind(source), "{0}::" + target.pg_type)


def _kind(source: PrimitiveType) -> str:
    """The family that a value is cast as one of: members of an enumeration over whole numbers are
    these numbers."""
    if source.family.is_enumeration and source.pg_type == "int8":
        return "integer"
    return "decimal" if source.pg_type == "numeric" else source.family.name


def promotion_template(source: PrimitiveType, target: PrimitiveType) -> str:
    """The template of a number as another number type that is wider (5.1.1.18): where a cast is
    null, because the number is too large, it is INF."""
    if source.pg_type == "numeric" and target.of_numeric is not None:
        return target.of_numeric
    return "{0}::" + target.pg_type
