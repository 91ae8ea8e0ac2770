"""What tells apart the rows that a function returns: nothing in them must.

Rows that are equal in all values are interchangeable. So a row of a complex type is found by a
digest of its text and its number among those with the same text; an entity by its key and its
number among those with the same key, because a function may return an entity twice.
"""

from __future__ import annotations

from collections.abc import Mapping

from odata_gateway.edm.model import ComplexType, EntityType, Property, Table, Unscoped
from odata_gateway.types.primitive import INT64, STRING

DIGEST = "odata digest"
TWIN = "odata twin"
ROW = "odata row"
"""Columns beside those of a function's rows; ROW is the whole row."""

_TWIN = Property("", INT64, False, TWIN, "int8", not_null=True)
ENTITY_ROW_KEY = (_TWIN,)
COMPLEX_ROW_KEY = (Property("", STRING, False, DIGEST, "text", not_null=True), _TWIN)


def complex_rows(
    name: str, namespace: str, properties: Mapping[str, Property], description: str | None = None
) -> EntityType:
    """A complex type as the type of rows."""
    return EntityType(
        name,
        namespace,
        Table("", ""),
        Unscoped(),
        properties,
        {},
        description=description,
        is_complex=True,
        returned_key=COMPLEX_ROW_KEY,
    )


def rows_of_type(complex_type: ComplexType) -> EntityType:
    """A complex type of the model as the type of rows."""
    return complex_rows(
        complex_type.name,
        complex_type.namespace,
        complex_type.properties,
        complex_type.description,
    )
