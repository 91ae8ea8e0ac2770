"""Structural properties, and what their values are made of.

`edm.model` has the names of this module as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from odata_gateway.edm.tables import Join, LeftOut, Table, Withheld
from odata_gateway.types.catalog_type import UNKNOWN, CatalogType
from odata_gateway.types.facets import Facets
from odata_gateway.types.families.structured import ItemsForm, ObjectForm
from odata_gateway.types.primitive import PrimitiveType

AnnotationData = bool | int | float | str | tuple[str, ...]
Annotations = tuple[tuple[str, AnnotationData], ...]
"""Annotations by term, with the alias of its vocabulary, that $metadata repeats."""


@dataclass(frozen=True, slots=True, eq=False)
class Property:
    """A structural property and the column it reads.

    pg_type     the column's type by Postgres's short name (`int4`, `text`, `timestamp`), from the
                model or, once introspected, the database; `enum` for all enumerations
    catalog     what the database says besides about the type
    secret      it always reads as null, and no clause may compute with it
    missing     the database lacks the column: it reads as null everywhere
    searched    $search looks at it
    not_null    the database declares the column NOT NULL. What $metadata promises, `nullable`, is
                weaker, since versions of the schema differ
    srid        the coordinate system of all values of a geography or geometry, or `variable`
    media_type  of the octets of a binary value
    on_select   rows have it only where $select names it
    structure   what the value is made of, if it is made of values
    definition  the type definition that the model names in place of the type
    annotations those that $metadata repeats, besides the description
    function    that computes it of a row, in place of a column; it is shown where it is selected
    null_key    of a key that may be null in a row: what the error of such a row names, "People.id";
                None: it cannot be
    """

    name: str
    type: PrimitiveType
    nullable: bool
    column: str
    pg_type: str
    is_key: bool = False
    secret: bool = False
    missing: bool = False
    not_null: bool = False
    searched: bool = False
    precision: int | None = None
    scale: int | str | None = None
    max_length: int | None = None
    srid: int | str | None = None
    description: str | None = None
    media_type: str | None = None
    null_key: str | None = None
    catalog: CatalogType = UNKNOWN
    structure: ComplexType | ItemType | None = None
    definition: TypeDefinition | None = None
    annotations: Annotations = ()
    on_select: bool = False
    function: Table | None = None

    @property
    def facets(self) -> Facets:
        return Facets(self.precision, self.scale, self.max_length, self.srid)

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def type_name(self) -> str:
        """The name of the type as the model declares it."""
        if isinstance(self.structure, ItemType):
            return f"Collection({self.structure.item.type_name})"
        return self.type.name if self.definition is None else self.definition.qualified_name


@dataclass(frozen=True, slots=True, eq=False)
class ComplexType:
    """A type of objects. The `column` of a member is its name in the database.

    form  how Postgres keeps objects of the type
    """

    name: str
    namespace: str
    properties: Mapping[str, Property]
    form: ObjectForm
    description: str | None = None

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def navigation(self) -> Mapping[str, NavigationProperty]:
        """None: objects lead to no entities."""
        return {}

    @property
    def withheld(self) -> Mapping[str, Withheld]:
        """None: a type is served with all members."""
        return {}

    @property
    def left_out(self) -> Mapping[str, LeftOut]:
        """None that is told."""
        return {}

    @property
    def qualified_name(self) -> str:
        return f"{self.namespace}.{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class EnumType:
    """A type whose values are members, or several of them if it has flags.

    type        what values of it are to all that computes with them
    underlying  the name of the integer type
    """

    name: str
    namespace: str
    members: Mapping[str, int]
    type: PrimitiveType
    is_flags: bool = False
    underlying: str = "Edm.Int32"
    description: str | None = None

    @property
    def qualified_name(self) -> str:
        return f"{self.namespace}.{self.name}"


@dataclass(frozen=True, slots=True)
class TypeDefinition:
    """A name for a primitive type with facets."""

    name: str
    namespace: str
    type: PrimitiveType
    facets: Facets = Facets()
    description: str | None = None

    @property
    def qualified_name(self) -> str:
        return f"{self.namespace}.{self.name}"


@dataclass(frozen=True, slots=True)
class ItemType:
    """What collections are made of: items that are all as one property is, in a form of
    Postgres."""

    item: Property
    form: ItemsForm


@dataclass(frozen=True, slots=True, eq=False)
class NavigationProperty:
    """A navigation property to the entity type `target` (its unqualified name).

    nullable    a single-valued one may be null
    constraint  $ReferentialConstraint for $metadata: (dependent property, principal property)
    """

    name: str
    target: str
    collection: bool
    join: Join
    nullable: bool = True
    partner: str | None = None
    constraint: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"<{self.name}>"


def parts_of(prop: Property) -> Iterator[Property]:
    """A property, with the items and members that its value is made of."""
    yield prop
    match prop.structure:
        case ItemType(item=item):
            yield from parts_of(item)
        case ComplexType(properties=properties):
            for member in properties.values():
                yield from parts_of(member)
