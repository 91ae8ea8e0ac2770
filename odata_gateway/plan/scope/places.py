"""Where a path is in a value that is made of values: at an object, or at a collection.

A member of an object is a column with one more step, and an item of a collection is the only column
of a row of its own (`types.families.structured`). So a path goes on through both until it is at a
primitive value, which is an expression like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TypeAlias

from odata_gateway.edm.model import ComplexType, EntityType, ItemType, Property, Table, Unscoped
from odata_gateway.plan.tree.relation import BoundExpr, CaseWhen, Column, Function, Items, Source
from odata_gateway.types.family import PrimitiveType
from odata_gateway.types.primitive import STRING
from odata_gateway.url import ast

NO_TABLE = EntityType("item", "", Table("", ""), Unscoped(), {}, {})
"""Stands for the type of rows that are items; they are no entities."""
ITEM = "value"
"""The column of rows that are items."""


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """An object: `column` has it as a whole.

    condition  under which it is there: its row is cast to a derived type
    """

    column: Column
    type: ComplexType
    condition: BoundExpr | None = None

    @property
    def name(self) -> str:
        return self.type.name

    def member(self, prop: Property) -> ValuePlace:
        """One of its members."""
        form = self.type.form
        step = form.template(prop.column), prop.column
        column = replace(self.column, steps=(*self.column.steps, step))
        found = _value(column, prop, as_text=form.as_text)
        return found if self.condition is None else only_where(self.condition, found)


@dataclass(frozen=True, slots=True)
class ItemsPlace:
    """A collection of values: `column` has it as a whole; narrowed by $filter segments.

    condition  under which it has items: its row is cast to a derived type
    """

    column: Column
    of: ItemType
    name: str
    filters: tuple[ast.Expr, ...] = ()
    condition: BoundExpr | None = None

    def rows(self, numbers: count[int]) -> tuple[Source, ValuePlace]:
        """A source with a row for each item, and the item of such a row."""
        source = Source(next(numbers), NO_TABLE, items=Items(self.column, self.of.form.rows))
        whole = replace(self.column, source=source.number, name=ITEM, steps=())
        return source, _value(whole, self.of.item, as_text=not self.of.form.is_typed)


ValuePlace: TypeAlias = BoundExpr | ObjectPlace | ItemsPlace
"""What a property is in a row."""


def place_of(column: Column, prop: Property) -> ValuePlace:
    """What the column of a property is."""
    match prop.structure:
        case ComplexType() as found:
            return ObjectPlace(column, found)
        case ItemType() as found:
            return ItemsPlace(column, found, prop.name)
        case None:
            return column


def only_where(condition: BoundExpr, place: ValuePlace) -> ValuePlace:
    """A value that is null, or a collection that is empty, where a condition is not true."""
    if isinstance(place, ObjectPlace | ItemsPlace):
        return replace(place, condition=condition)
    return CaseWhen(((condition, place),), place.type or STRING)


def _value(column: Column, prop: Property, *, as_text: bool) -> ValuePlace:
    """A part of a value, which may always be null, because the whole may be."""
    found = replace(
        column, pg_type=prop.pg_type, type=prop.type, nullable=True, catalog=prop.catalog
    )
    if prop.structure is not None or not as_text:
        return place_of(found, prop)
    text = replace(found, type=STRING, pg_type="jsonb")
    return text if prop.type is STRING else _cast(text, prop.type)


def _cast(text: Column, type_: PrimitiveType) -> BoundExpr:
    """A text as a type, null where it cannot be converted."""
    return Function("cast", (text,), type_, nullable=True)


def structure_of(prop: Property | None) -> ComplexType | None:
    """The type of the objects that a property is, or is a collection of; None for others."""
    match None if prop is None else prop.structure:
        case ComplexType() as found:
            return found
        case ItemType(item=item):
            return structure_of(item)
        case None:
            return None
