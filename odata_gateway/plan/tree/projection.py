"""What a row shows: its members in order, and what the context URL says of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Union

from odata_gateway.edm.model import EntitySet, NavigationProperty
from odata_gateway.plan.tree.relation import Block, BoundExpr, Column, OrderKey
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types.primitive import PrimitiveType


@dataclass(frozen=True, slots=True)
class Field:
    """A structural property or computed value. `value` is None where it always reads as null
    (secret, or missing in the database)."""

    name: str
    value: BoundExpr | None
    type: PrimitiveType
    dynamic: bool = False


@dataclass(frozen=True, slots=True)
class Nested:
    """Members behind a single-valued navigation property, in a row that $apply made.

    identified  the key is among them
    present     null where the property leads to nothing
    """

    name: str
    entity_set: EntitySet
    members: tuple[Field | Nested | ExpandOne, ...]
    identified: bool
    present: Column | None = None


Content = Union["Projection", Literal["$ref", "$count"]]


@dataclass(frozen=True, slots=True)
class Crossed:
    """One of the entities in a row of $crossjoin: its members, a reference to it, or a link."""

    target_set: EntitySet
    source: int
    content: Projection | Literal["$ref", "link"]


@dataclass(frozen=True, slots=True)
class ExpandOne:
    """An expanded single-valued navigation property: the content of its entity, or null.

    repeats  $levels nests it in itself
    dynamic  the model does not have it, so that the entity says itself where it is from
    """

    navigation: NavigationProperty
    target_set: EntitySet
    block: Block
    content: Content
    repeats: bool = False
    dynamic: bool = False


@dataclass(frozen=True, slots=True)
class ExpandMany:
    """An expanded collection: a page of it in order, its count where asked for, and a next link
    when there is more.

    number      counts the expanded collections of a request; their LinkSlots carry it
    query       the options its next link repeats: name, and text in pieces, constant text or the
                slot of a literal
    anchor      where the options name $it: an alias, and the key of the entity that $it is, which
                the next link gives it
    repeats     $levels nests it in itself
    key         what tells rows apart that $apply made; empty where they are entities
    """

    number: int
    navigation: NavigationProperty
    parent_set: EntitySet
    target_set: EntitySet
    block: Block
    order: tuple[OrderKey, ...]
    top: LiteralSlot | None
    skip: LiteralSlot | None
    count: bool
    content: Content
    query: tuple[tuple[str, tuple[str | int, ...]], ...]
    anchor: tuple[str, BoundExpr] | None = None
    repeats: bool = False
    key: tuple[BoundExpr, ...] = ()


Expand = ExpandOne | ExpandMany


@dataclass(frozen=True, slots=True)
class Projection:
    """The members of one entity.

    fields     structural and computed properties in order
    links      navigation properties that were selected by name and not expanded: they show as links
    expands    expanded navigation properties
    shows_id   the key is not among the fields, so the entity carries its id (JSON Format 4.5.8)
    selected   the names of $select for the context URL; None without $select
    computed   the names of $compute
    result     the members of a row that $apply made, which has nothing else
    identified  the key of the entity is among the members, so it has an id
    crossed    the entities in a row of $crossjoin, which has nothing else but computed values; None
               for others
    related    what join added to an entity, where it is expanded
    kinds      the members of rows of several kinds, by the number that is the row's `kind`; such
               rows have nothing else
    """

    source: int
    entity_set: EntitySet
    fields: tuple[Field, ...]
    links: tuple[NavigationProperty, ...] = ()
    expands: tuple[Expand, ...] = ()
    shows_id: bool = False
    selected: tuple[str, ...] | None = None
    computed: tuple[str, ...] = ()
    result: tuple[Field | Nested | ExpandOne, ...] | None = None
    identified: bool = False
    crossed: tuple[Crossed, ...] | None = None
    related: tuple[Field | Nested | ExpandOne, ...] = ()
    kinds: tuple[Projection, ...] = ()
    kind: BoundExpr | None = None

    @property
    def expanded(self) -> tuple[Expand, ...]:
        """All that is expanded in one entity or row."""
        return (
            *self.expands,
            *_expanded((*(self.result or ()), *self.related)),
            *(e for kind in self.kinds for e in kind.expanded),
        )


def _expanded(members: tuple[Field | Nested | ExpandOne, ...]) -> Iterator[ExpandOne]:
    for member in members:
        match member:
            case Nested(members=inner):
                yield from _expanded(inner)
            case ExpandOne():
                yield member
