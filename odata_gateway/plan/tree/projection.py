"""What a row shows: its members in order, and what the context URL says about them.

There are four kinds of rows, each with a projection of its own: entities, rows that $apply made,
rows of $crossjoin, and rows of several kinds, as concat and rollup make them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Union, assert_never

from odata_gateway.edm.model import EntitySet, NavigationProperty
from odata_gateway.plan.tree.relation import Block, BoundExpr, Column, OrderKey
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types.facets import Facets
from odata_gateway.types.primitive import PrimitiveType

# --- members --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Field:
    """A structural property or a computed value.

    value       None where it always reads as null: it is secret, or missing in the database
    dynamic     the model does not have it
    media_type  of its octets, where the model says one
    facets      that its values obey
    """

    name: str
    value: BoundExpr | None
    type: PrimitiveType
    dynamic: bool = False
    media_type: str | None = None
    facets: Facets = Facets()


@dataclass(frozen=True, slots=True)
class Nested:
    """Members behind a single-valued navigation property, in a row that $apply made; or of a
    property that is an object, without an entity set.

    identified  the key is among them
    present     null where the property leads to nothing
    """

    name: str
    entity_set: EntitySet | None
    members: RowMembers
    identified: bool
    present: Column | None = None


Content = Union["Projection", Literal["$ref", "$count"]]
"""What an expanded property shows of its entities: members, references, or only their number."""


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

    @property
    def cast(self) -> str:
        return _cast(self.navigation, self.target_set)


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

    @property
    def cast(self) -> str:
        return _cast(self.navigation, self.target_set)


def _cast(navigation: NavigationProperty, target_set: EntitySet) -> str:
    """What stands behind the name of an expanded property in a path: the derived type that only
    those of the related entities are of which are shown."""
    found = target_set.entity_type
    return "" if found.name == navigation.target else f"/{found.qualified_name}"


Expand = ExpandOne | ExpandMany
RowMembers = tuple[Field | Nested | ExpandOne, ...]

# --- rows -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EntityProjection:
    """The members of an entity.

    source    the number of the source that has its row
    fields    structural and computed properties in order
    links     navigation properties that were selected and not expanded: they show as links
    expands   expanded navigation properties
    shows_id  the key is not among the fields, so the entity shows its id (JSON Format 4.5.8)
    selected  the names of $select for the context URL; None without $select
    computed  the names of $compute
    related   what join added to the entity and is expanded
    type_name  the qualified name of its type, where that is derived from the one that is declared
    """

    source: int
    entity_set: EntitySet
    fields: tuple[Field, ...]
    links: tuple[NavigationProperty, ...] = ()
    expands: tuple[Expand, ...] = ()
    shows_id: bool = False
    selected: tuple[str, ...] | None = None
    computed: tuple[str, ...] = ()
    related: RowMembers = ()
    type_name: str | None = None


@dataclass(frozen=True, slots=True)
class ApplyProjection:
    """The members of a row that $apply made.

    identified  the key of the entity set is among them, so the row has an id
    """

    entity_set: EntitySet
    members: RowMembers
    identified: bool


@dataclass(frozen=True, slots=True)
class CrossedEntity:
    """One of the entities in a row of $crossjoin: its members, a reference to it, or a link."""

    target_set: EntitySet
    source: int
    content: Projection | Literal["$ref", "link"]


@dataclass(frozen=True, slots=True)
class CrossjoinProjection:
    """The entities in a row of $crossjoin, and the values that were computed of them."""

    entities: tuple[CrossedEntity, ...]
    computed: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class MixedProjection:
    """The members of rows of several kinds.

    kind      the number of a row's kind
    kinds     the members by that number
    declared  of entities of a type and of types derived from it: the members of the type, by which
              a context URL names them
    """

    kind: BoundExpr
    kinds: tuple[EntityProjection | ApplyProjection, ...]
    declared: EntityProjection | None = None


@dataclass(frozen=True, slots=True)
class ValueProjection:
    """The value that a row is."""

    field: Field


Projection = (
    EntityProjection | ApplyProjection | CrossjoinProjection | MixedProjection | ValueProjection
)


# --- what is expanded -----------------------------------------------------------------------------


def expanded_in(projection: Projection) -> Iterator[Expand]:
    """What is expanded in a row itself; in rows of $crossjoin, nothing: their entities have it."""
    match projection:
        case EntityProjection(expands=expands, related=related):
            yield from expands
            yield from _expanded(related)
        case ApplyProjection(members=members):
            yield from _expanded(members)
        case MixedProjection(kinds=kinds):
            for kind in kinds:
                yield from expanded_in(kind)
        case CrossjoinProjection() | ValueProjection():
            return
        case _:
            assert_never(projection)


def expanded_below(projection: Projection) -> Iterator[Expand]:
    """What is expanded in a row at any depth."""
    if isinstance(projection, CrossjoinProjection):
        for entity in projection.entities:
            if not isinstance(entity.content, str):
                yield from expanded_below(entity.content)
    for expand in expanded_in(projection):
        yield expand
        if not isinstance(expand.content, str):
            yield from expanded_below(expand.content)


def _expanded(members: RowMembers) -> Iterator[ExpandOne]:
    for member in members:
        match member:
            case Nested(members=inner):
                yield from _expanded(inner)
            case ExpandOne():
                yield member
