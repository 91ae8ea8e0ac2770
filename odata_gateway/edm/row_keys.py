"""The keys that the service makes for the rows of relations without one.

Which columns of the relation a statement may read is known when all types are: those of properties,
of the row policy, and of joins from both sides. Rows that agree in all of them cannot be told apart
by any answer.

What tells apart the rows that a function returns is here too: nothing in them must. Rows that are
equal in all values are interchangeable. So a row of a complex type is found by a digest of its text
and its number among those with the same text; an entity by its key and its number among those with
the same key, because a function may return an entity twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from odata_gateway.edm.model import (
    AccountColumn,
    ComplexType,
    EntityType,
    JoinColumn,
    Membership,
    NavigationProperty,
    Property,
    RowKey,
    Table,
    Unscoped,
)
from odata_gateway.types.primitive import INT64, STRING


def with_row_keys(types: Mapping[str, EntityType]) -> dict[str, EntityType]:
    """The types, in which those without a key in the database know how theirs is made."""
    return {name: _with_row_key(t, types) for name, t in types.items()}


def _with_row_key(entity_type: EntityType, types: Mapping[str, EntityType]) -> EntityType:
    for prop in entity_type.key:
        if prop.catalog.row_key is not None:
            shown = [p for p in _shown(entity_type) if p is not prop]
            others = {*_condition_columns(entity_type), *_joined_columns(entity_type, types)}
            others.discard(prop.column)
            columns = dict.fromkeys((*(p.column for p in shown), *sorted(others)))
            sortable = tuple(dict.fromkeys(p.column for p in shown if _can_be_sorted(p)))
            form = prop.catalog.row_key
            row_key = RowKey(form, prop.column, tuple(columns), sortable)
            return replace(entity_type, row_key=row_key)
    return entity_type


def _shown(entity_type: EntityType) -> Iterator[Property]:
    """The properties that are read from columns."""
    of_columns = (p for p in entity_type.properties.values() if p.function is None)
    return (p for p in of_columns if not (p.secret or p.missing))


def _can_be_sorted(prop: Property) -> bool:
    """Whether Postgres has an order for the type of a column."""
    family = prop.type.family
    is_known = prop.pg_type in family.columns and not prop.type.reading(prop.pg_type).reads_null
    return is_known and family.is_ordered


def _condition_columns(entity_type: EntityType) -> Iterator[str]:
    """The columns of the row policy, of the kind of a row, and of what $search looks at."""
    if entity_type.words is not None:
        yield entity_type.words.column
    if entity_type.discriminator is not None:
        yield entity_type.discriminator.column
    match entity_type.policy:
        case AccountColumn(column=column) | Membership(column=column):
            yield column


def _joined_columns(entity_type: EntityType, types: Mapping[str, EntityType]) -> Iterator[str]:
    """The columns of the type's table that joins read."""
    yield from _columns_of_side("source", entity_type.navigation.values())
    for other in types.values():
        to_it = (n for n in other.navigation.values() if n.target == entity_type.name)
        yield from _columns_of_side("target", to_it)


def _columns_of_side(side: str, navigation: Iterable[NavigationProperty]) -> Iterator[str]:
    for each in navigation:
        for term in each.join.terms:
            for column in (term.left, term.right):
                if isinstance(column, JoinColumn) and column.side == side:
                    yield column.column


# --- rows that functions return -------------------------------------------------------------------

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
