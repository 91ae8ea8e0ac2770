"""The columns of rows, with what can be asked of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from odata_gateway.edm.functions import FunctionParameter
from odata_gateway.edm.model import EntitySet, ItemType, Property
from odata_gateway.errors import BindValue
from odata_gateway.plan.tree.projection import (
    ApplyProjection,
    EntityProjection,
    ExpandOne,
    Field,
    Nested,
    RowMembers,
)
from odata_gateway.plan.tree.query import Query
from odata_gateway.types.faults import shorten
from odata_gateway.types.primitive import PrimitiveType
from odata_gateway.types.registry import FUNCTIONS

TEXT_OPERATORS = ("contains", "startswith", "endswith")
ORDER_OPERATORS = ("gt", "ge", "lt", "le")
NULL_OPERATORS = ("eq null", "ne null")
OPERATOR_TITLES = (
    ("eq", "is"),
    ("ne", "is not"),
    ("contains", "contains"),
    ("startswith", "begins with"),
    ("endswith", "ends with"),
    ("gt", "is greater than"),
    ("ge", "is at least"),
    ("lt", "is less than"),
    ("le", "is at most"),
    ("eq null", "is null"),
    ("ne null", "is not null"),
)


class RowColumn(NamedTuple):
    """One column.

    path      where its value is in the JSON of a row
    type      None for entities and for what has no type of one value
    declared  what the model says about it; None for computed values
    is_read   it has one value that can stand in conditions and orders: it is neither secret nor
              missing
    is_made   $apply or $compute made it
    link      the single-valued navigation property whose key it is
    """

    path: tuple[str, ...]
    type: PrimitiveType | None = None
    declared: Property | None = None
    is_read: bool = False
    is_made: bool = False
    link: str = ""

    @property
    def name(self) -> str:
        """As query options name it."""
        return "/".join(self.path)

    @property
    def type_name(self) -> str:
        """For people; empty for entities."""
        if self.declared is not None:
            return shown_type(self.declared)
        return "" if self.type is None else self.type.name.removeprefix("Edm.")

    @property
    def is_numeric(self) -> bool:
        return self.is_read and self.type is not None and self.type.is_numeric

    @property
    def is_ordered(self) -> bool:
        return self.is_read and self.type is not None and self.type.family.is_ordered

    @property
    def is_groupable(self) -> bool:
        return self.is_read and self.type is not None and self.type.family.can_be_key

    def takes(self, function: str) -> bool:
        """Whether a function of OData has its value as the first argument."""
        overloads = FUNCTIONS[function] if self.is_read and self.type is not None else ()
        return any(overload.arguments[0].fits(self.type) for overload in overloads)

    @property
    def operators(self) -> tuple[str, ...]:
        """What conditions can compare it with."""
        if not self.is_read or self.type is None:
            return ()
        if not self.type.family.is_comparable:
            return NULL_OPERATORS
        texts = TEXT_OPERATORS if self.type.family.literal.prefix == "" else ()
        orders = ORDER_OPERATORS if self.type.family.is_ordered else ()
        return ("eq", "ne", *texts, *orders, *NULL_OPERATORS)

    @property
    def choices(self) -> tuple[str, ...]:
        """All values that it can have, where the model lists them as texts."""
        if self.is_read and self.type is not None and self.type.name == "Edm.Boolean":
            return ("true", "false")
        return () if self.declared is None else listed_values(self.declared)

    def value(self, row: Any) -> Any:
        """Its value in the JSON of a row."""
        for name in self.path:
            row = row.get(name) if isinstance(row, dict) else None
        return row

    def literal(self, value: object) -> str:
        """A value of the JSON as a literal; raises ValueError for what is not a value."""
        if value is None:
            return "null"
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if self.type is None:
            raise ValueError(text)
        form = self.type.family.literal
        return form.literal_of(form.from_text(text, self.type))


def typed_literal(column: RowColumn, text: str) -> str:
    """What a person wrote as a literal of the column's type; raises BindValue."""
    try:
        return column.literal(text)
    except ValueError:
        type_name = "" if column.type is None else column.type.name
        message = f"'{shorten(text)}' is not a value of the type {type_name} of {column.name}"
        raise BindValue(message, hint="go back and write another value") from None


def listed_values(declared: Property) -> tuple[str, ...]:
    """The texts that a property can have, where the model lists them."""
    values = dict(declared.annotations).get("Validation.AllowedValues")
    return values if isinstance(values, tuple) else ()


def shown_type(declared: Property) -> str:
    """The type of a property as people read it, such as `Collection(String)`."""
    structure = declared.structure
    if isinstance(structure, ItemType):
        return f"Collection({shown_type(structure.item)})"
    name = declared.type.name.removeprefix("Edm.") if structure is None else structure.name
    return name if declared.max_length is None else f"{name}({declared.max_length})"


def argument_type(parameter: FunctionParameter) -> str:
    """The type of a parameter as people read it."""
    name = parameter.type_name.removeprefix("Edm.")
    name = name if parameter.structure is None else parameter.structure.name
    return f"Collection({name})" if parameter.collection else name


def row_columns(query: Query, rows: list[Any]) -> list[RowColumn]:
    """The columns of the rows of a query, in order; of rows of several kinds, what the rows
    have."""
    match query.projection:
        case EntityProjection(entity_set=entity_set, fields=fields, expands=expands):
            found = [_of_field(field, entity_set) for field in fields]
            return found + [RowColumn((expand.navigation.name,)) for expand in expands]
        case ApplyProjection(members=members):
            return list(_of_members(members, ()))
        case _:
            names = dict.fromkeys(name for row in rows for name in row if "@" not in name)
            return [RowColumn((name,)) for name in names]


def _of_field(field: Field, entity_set: EntitySet) -> RowColumn:
    entity_type = entity_set.entity_type
    link = next(
        (
            navigation.name
            for navigation in entity_type.navigation.values()
            if not navigation.collection
            and [pair[0] for pair in navigation.constraint] == [field.name]
        ),
        "",
    )
    declared = None if field.dynamic else entity_type.properties.get(field.name)
    is_one = declared is None or declared.structure is None
    is_read = field.value is not None and is_one
    return RowColumn((field.name,), field.type, declared, is_read, field.dynamic, link)


def _of_members(members: RowMembers, before: tuple[str, ...]) -> Iterator[RowColumn]:
    for member in members:
        match member:
            case Field(name=name, type=type_, value=value, dynamic=is_made):
                yield RowColumn((*before, name), type_, None, value is not None, is_made)
            case Nested(name=name, members=inner):
                yield from _of_members(inner, (*before, name))
            case ExpandOne(navigation=navigation):
                yield RowColumn((*before, navigation.name))
