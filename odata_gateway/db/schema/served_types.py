"""As which type a column is served, and the parts of a column that is made of values."""

from __future__ import annotations

from dataclasses import replace

from odata_gateway.db.schema.catalog import ColumnFacts, TableFacts
from odata_gateway.db.schema.type_facts import TypeFacts
from odata_gateway.edm.model import ComplexType, EntityType, ItemType, Property, SearchedWords
from odata_gateway.types.catalog_type import CatalogType
from odata_gateway.types.families.structured import (
    ARRAY,
    COMPOSITE,
    JSON_OBJECT,
    MULTIRANGE,
    RANGE,
    VECTOR,
    ItemsForm,
    ObjectForm,
)
from odata_gateway.types.family import TypeFamily
from odata_gateway.types.primitive import PRIMITIVE_TYPES, STRING, PrimitiveType

_BOUNDS = ("lower", "upper")


def served_type(prop: Property, facts: TypeFacts | ColumnFacts) -> PrimitiveType | None:
    """The Edm type that a column of a primitive property is served as, or None where it cannot be.
    A whole number has the range of its type."""
    if prop.type.family.of_column is not None:
        return located(prop.type, facts)
    is_declared = prop.pg_type in (facts.type, facts.pg_type) and not prop.type.is_integer
    if is_declared or facts.type in prop.type.lossless or prop.type is STRING:
        return prop.type
    return wider_type(prop.type, facts.type)


def located(type_: PrimitiveType, facts: TypeFacts | ColumnFacts) -> PrimitiveType | None:
    """A type of an extension as the database has it; None where it has another one."""
    of_column = type_.family.of_column
    schema = facts.catalog.operators
    return None if of_column is None else of_column(type_, facts.type, facts.modifier, schema)


def unknown_labels(prop: Property, facts: TypeFacts | None) -> tuple[str, ...]:
    """Labels of an enum of Postgres that the property's enumeration does not have as members."""
    family = prop.type.family
    if facts is None or not family.is_enumeration:
        return ()
    return tuple(label for label in facts.labels if not _takes(family, label))


def _takes(family: TypeFamily, label: str) -> bool:
    try:
        return family.argument(label, "label") == label
    except ValueError:
        return False


def wider_type(type_: PrimitiveType, column_type: str) -> PrimitiveType | None:
    """The narrowest number of the same kind that can say every value of a column, or None."""
    kind = type_.is_integer, type_.family.has_nan
    found = [
        other
        for other in PRIMITIVE_TYPES.values()
        if other.is_numeric
        and (other.is_integer, other.family.has_nan) == kind
        and column_type in other.lossless
    ]
    return min(found, key=lambda other: other.rank, default=None)


# --- values that are made of values ---------------------------------------------------------------


def fitted_structure(
    structure: ComplexType | ItemType, facts: TypeFacts
) -> ComplexType | ItemType | None:
    """What a value is made of, as its column is; None where the column is of another kind."""
    if isinstance(structure, ComplexType):
        return _fitted_object(structure, facts)
    if not _has_items(structure.form, facts):
        return None
    item = structure.item if facts.item is None else fitted_part(structure.item, facts.item)
    return None if item is None else replace(structure, item=item)


def fitted_part(prop: Property, facts: TypeFacts) -> Property | None:
    """A member or an item as the database has it; None where it is of another type."""
    if prop.structure is not None:
        structure = fitted_structure(prop.structure, facts)
        if structure is None:
            return None
        return replace(prop, structure=structure, catalog=facts.catalog)
    served = served_type(prop, facts)
    if served is None or unknown_labels(prop, facts):
        return None
    return fitted_value(prop, served, facts)


def fitted_value(prop: Property, served: PrimitiveType, facts: TypeFacts | ColumnFacts) -> Property:
    """A primitive property as the type that its column is served as, with the facets that the
    column's values obey."""
    facets = served.family.column_facets(prop.facets, facts.type, facts.modifier)
    return replace(
        prop,
        type=served,
        pg_type=facts.pg_type,
        catalog=facts.catalog,
        precision=facets.precision,
        scale=facets.scale,
        max_length=facets.max_length,
        srid=facets.srid,
    )


def _has_items(form: ItemsForm, facts: TypeFacts) -> bool:
    if form is ARRAY:
        return facts.kind == "array"
    if form is MULTIRANGE:
        return facts.kind == "multirange"
    return facts.type == ("vector" if form is VECTOR else "jsonb")


def _fitted_object(complex_type: ComplexType, facts: TypeFacts) -> ComplexType | None:
    if complex_type.form is JSON_OBJECT:
        return complex_type if facts.type == "jsonb" else None
    parts = _parts(complex_type.form, facts)
    found = {
        name: fitted_part(prop, parts[prop.column]) if prop.column in parts else None
        for name, prop in complex_type.properties.items()
    }
    properties = {name: prop for name, prop in found.items() if prop is not None}
    if len(properties) < len(found):
        return None
    return replace(complex_type, properties=properties)


def _parts(form: ObjectForm, facts: TypeFacts) -> dict[str, TypeFacts]:
    """The members that the database has, by name."""
    if form is COMPOSITE and facts.kind == "composite":
        return dict(facts.members)
    if form is RANGE and facts.kind == "range" and facts.item is not None:
        bounds = dict.fromkeys(_BOUNDS, facts.item)
        return bounds | {f"{bound}Inclusive": _BOOLEAN for bound in _BOUNDS}
    return {}


_BOOLEAN = TypeFacts("simple", "pg_catalog", "bool", "bool", "bool", CatalogType())


def fitted_words(entity_type: EntityType, facts: TableFacts) -> SearchedWords | None:
    """The words that $search looks at, if their column can be read and has words."""
    words = entity_type.words
    column = None if words is None else facts.columns.get(words.column)
    has_words = column is not None and column.readable and column.type == "tsvector"
    return words if has_words else None
