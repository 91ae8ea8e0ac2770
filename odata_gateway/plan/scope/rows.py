"""Rows that a name can stand for: entities of a table, rows that $apply made, rows of $crossjoin.

A `Frame` is a SELECT under construction. A path over single-valued navigation properties adds one
LEFT JOIN for each distinct path, to the frame that owns the row the path starts from, however deep
in lambdas the path stands. Frames are the only mutable values of `plan`, and none leaves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from odata_gateway.edm.model import (
    Discriminator,
    EntitySet,
    EntityType,
    Property,
    StructuredType,
)
from odata_gateway.edm.row_keys import ROW
from odata_gateway.plan.tree.columns import column_of_property
from odata_gateway.plan.tree.conditions import any_of
from odata_gateway.plan.tree.relation import (
    Block,
    BoundExpr,
    Column,
    Compare,
    ConstantValue,
    LeftJoin,
    Link,
    OrderKey,
    Source,
)
from odata_gateway.types.primitive import STRING

MemberPath = tuple[str, ...]

VALUE = "$it"
"""The only property of rows that are values, which a function returns."""
PRESENT = "@present"
"""A member that a client cannot name: null where rows that were joined have none."""


PickedEntity = tuple[str, tuple[Property, ...], tuple[BoundExpr, ...]]
"""An entity that was asked for: its type's name, the properties of the key, and their values."""


@dataclass(slots=True, eq=False)
class Frame:
    """A SELECT under construction around `source`.

    reached  the sources behind navigation properties, by the number of the source they hang on and
             the property's name
    picked   the sources of entities that were asked for by key, by the name of the type and the key
    """

    source: Source
    joins: list[LeftJoin] = field(default_factory=list)
    reached: dict[tuple[int, str], Source] = field(default_factory=dict)
    picked: dict[PickedEntity, Source] = field(default_factory=dict)

    def block(self, link: Link | None = None, predicates: tuple[BoundExpr, ...] = ()) -> Block:
        return Block(self.source, link, None, tuple(self.joins), predicates)

    def copy(self) -> Frame:
        """The same SELECT, to which joins can be added on their own."""
        return Frame(self.source, [*self.joins], {**self.reached}, {**self.picked})


@dataclass(frozen=True, slots=True)
class RowKind:
    """What one kind of rows has: members by path and, where the rows are entities, all
    properties."""

    paths: frozenset[MemberPath]
    is_entity: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """An entity that rows made by $apply are related to: the columns of these rows that have its
    key, null where there is none."""

    entity_type: EntityType
    key: tuple[Column, ...]

    def found_as(self, source: Source) -> tuple[BoundExpr, ...]:
        """The conditions under which a row of a source of this type is the entity."""
        return has_key(source, zip(self.entity_type.identity, self.key, strict=True))


@dataclass(frozen=True, slots=True)
class RowStructure:
    """What a row made by $apply has, as an instance of `entity_type`: columns by name, and further
    structures behind single-valued navigation properties and properties that are objects. Whatever
    else the type declares was aggregated away, and reads as null (Data Aggregation 3.1.1).

    key       expressions that tell any two rows apart
    order     the order of the rows, the key included; empty where it is that of the key
    identity  the entity that a row is, if it is one
    kinds     what rows have, by the number that is their `kind`; empty where all rows have all
              members
    entity    behind a navigation property: the entity that was found there, if there is one
    """

    entity_type: StructuredType
    members: Mapping[str, Column | Reference | RowStructure]
    key: tuple[BoundExpr, ...] = ()
    order: tuple[OrderKey, ...] = ()
    identity: Reference | None = None
    kinds: tuple[RowKind, ...] = ()
    kind: BoundExpr | None = None
    entity: Row | None = None

    def has(self, kind: RowKind, path: MemberPath) -> bool:
        """Whether rows of a kind have what a path leads to: as a member, as a property of the
        entity that they are, or of an entity that they are related to."""
        if any(known[: len(path)] == path for known in kind.paths):
            return True
        if kind.is_entity and self.declares(path[0]):
            return True
        place: Column | Reference | RowStructure | None = self
        for i, name in enumerate(path):
            place = place.members.get(name) if isinstance(place, RowStructure) else place
            if isinstance(place, Reference):
                return any(known[: i + 1] == path[: i + 1] for known in kind.paths)
        return False

    def declares(self, name: str) -> bool:
        """Whether the type has a property or navigation property of this name."""
        return name in self.entity_type.properties or name in self.entity_type.navigation


@dataclass(frozen=True, slots=True)
class Row:
    """One row that a name can stand for: a source, and the frame that owns it.

    optional   it is behind a LEFT JOIN, which may find nothing
    structure  what it has, where $apply made it
    crossed    its entities by the name of their set, where it is a row of $crossjoin, which has
               nothing else
    condition  under which it is there: a path casts it to a derived type
    """

    frame: Frame
    source: Source
    optional: bool = False
    structure: RowStructure | None = None
    crossed: Mapping[str, Row] | None = None
    condition: BoundExpr | None = None

    @property
    def as_value(self) -> Column | None:
        """The value that the row is; None for a row of a type with properties."""
        value = self.source.entity_type.properties.get(VALUE)
        return None if value is None else column_of(self, value)


def has_key(source: Source, values: Iterable[tuple[Property, BoundExpr]]) -> tuple[BoundExpr, ...]:
    """The conditions under which a row of a source has the values of a key."""
    return tuple(Compare("eq", column_of_property(source.number, p), value) for p, value in values)


def as_type(row: Row, entity_type: EntityType) -> Row:
    """A row as one of a type derived from its own."""
    return replace(row, source=replace(row.source, entity_type=entity_type))


def is_of_type(row: Row, entity_type: EntityType) -> BoundExpr:
    """Whether a row is of a type derived from its own, by the value of the discriminator."""
    found = entity_type.discriminator
    assert found is not None
    kind = discriminator_of(row, found)
    values = found.values or ()
    return any_of(tuple(Compare("eq", kind, ConstantValue(v, STRING)) for v in values))


def discriminator_of(row: Row, discriminator: Discriminator) -> Column:
    """The value that says of which type a row is, as a text."""
    return Column(row.source.number, discriminator.column, "unknown", STRING, True)


def singleton_key(singleton: EntitySet) -> Iterator[tuple[Property, BoundExpr]]:
    """The values of the key of a singleton; nothing where it is the only row of a table."""
    values = singleton.singleton or {}
    for prop in singleton.entity_type.key:
        if prop.name in values:
            yield prop, ConstantValue(values[prop.name], prop.type)


def column_of(row: Row, prop: Property) -> Column:
    """The column behind a property, secret or not: for output only. One that is never NULL may hold
    other values that are null; a row with such a key is refused."""
    reading = prop.type.reading(prop.pg_type)
    is_proven_key = prop.is_key and (prop.null_key is None or prop.not_null)
    is_filled = is_proven_key or (prop.not_null and reading.nulls is None)
    nullable = row.optional or reading.reads_null or not is_filled
    found = column_of_property(row.source.number, prop, nullable=nullable)
    if prop.function is not None and row.source.call is not None:
        return replace(found, name=ROW)
    return found
