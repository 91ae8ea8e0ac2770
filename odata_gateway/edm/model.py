"""The model: what the service offers, with the tables and joins behind it.

`edm.csdl` reads it from one CSDL JSON file, and it is frozen. OData's names (entity type, property)
and Postgres's names (table, column) meet here and nowhere else.

Objects are compared by identity: there is one object per element of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from odata_gateway.edm.functions import FunctionImport, FunctionParameter, ModelFunction
from odata_gateway.edm.properties import AnnotationData as AnnotationData
from odata_gateway.edm.properties import Annotations as Annotations
from odata_gateway.edm.properties import ComplexType as ComplexType
from odata_gateway.edm.properties import EnumType as EnumType
from odata_gateway.edm.properties import ItemType as ItemType
from odata_gateway.edm.properties import NavigationProperty as NavigationProperty
from odata_gateway.edm.properties import Property as Property
from odata_gateway.edm.properties import TypeDefinition as TypeDefinition
from odata_gateway.edm.properties import parts_of as parts_of
from odata_gateway.edm.tables import AccountColumn as AccountColumn
from odata_gateway.edm.tables import Discriminator as Discriminator
from odata_gateway.edm.tables import Join as Join
from odata_gateway.edm.tables import JoinColumn as JoinColumn
from odata_gateway.edm.tables import JoinConstant as JoinConstant
from odata_gateway.edm.tables import JoinTerm as JoinTerm
from odata_gateway.edm.tables import LeftOut as LeftOut
from odata_gateway.edm.tables import LinkTable as LinkTable
from odata_gateway.edm.tables import Membership as Membership
from odata_gateway.edm.tables import Policy as Policy
from odata_gateway.edm.tables import SearchedWords as SearchedWords
from odata_gateway.edm.tables import Table as Table
from odata_gateway.edm.tables import TokenTables as TokenTables
from odata_gateway.edm.tables import Unscoped as Unscoped
from odata_gateway.edm.tables import Withheld as Withheld
from odata_gateway.types.catalog_type import RowKeyForm

NULL_KEY = "odata-gateway: a key is null: "
"""What begins the text that a statement cannot convert to a number where it meets a null in a key;
what is null stands behind it."""

REWRITTEN = "odata-gateway: a table was rewritten: "
"""The same where the rows of a table are in other places than those that a page starts behind."""


@dataclass(frozen=True, slots=True)
class RowKey:
    """The key that the service makes for the rows of a relation without one. It is the only
    property of the key, and stands beside the relation's columns in every statement.

    column   its name there
    columns  those of the relation that statements may read; a digest is made of their values
    sorted   those of them that can be sorted by
    """

    form: RowKeyForm
    column: str
    columns: tuple[str, ...] = ()
    sorted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class EntityType:
    """An entity type, the table behind it, and the row policy of every use of that table.

    missing   the database lacks the table
    indexes   the columns of each index of the table that can give an order, once introspected; they
              change statements, and never answers
    media     the octets of a media entity; None: it is none
    words     a column of words that $search looks at
    vouched   the model says that no two rows have the same key, and none has null in it
    computes  reading a row runs expressions of the database, which may raise errors
    null_keys key properties that may be null in a row
    refused   why no row can be served, though the table is there
    withheld  properties and navigation properties of the model that the database cannot show
    left_out  columns that are on purpose not in the model, by the name of OData
    row_key   how its key is made, where the relation has none
    returned_key  of rows that a function returns: what tells them apart besides the key
    is_complex  it is a complex type, whose instances are rows of functions and have no key
    base      the name of the type that it is derived from, whose properties it has too
    derived   the names of all types that are derived from it
    alternate_keys  the names of properties that find an entity too; ids have the key
    """

    name: str
    namespace: str
    table: Table
    policy: Policy
    properties: Mapping[str, Property]
    navigation: Mapping[str, NavigationProperty]
    missing: bool = False
    indexes: frozenset[tuple[str, ...]] = frozenset()
    description: str | None = None
    annotations: Annotations = ()
    vouched: bool = False
    computes: bool = False
    null_keys: tuple[Property, ...] = ()
    media: Property | None = None
    words: SearchedWords | None = None
    refused: Withheld | None = None
    withheld: Mapping[str, Withheld] = field(default_factory=dict)
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)
    row_key: RowKey | None = None
    returned_key: tuple[Property, ...] = ()
    is_complex: bool = False
    base: str | None = None
    abstract: bool = False
    derived: tuple[str, ...] = ()
    discriminator: Discriminator | None = None
    alternate_keys: tuple[tuple[str, ...], ...] = ()

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def qualified_name(self) -> str:
        return f"{self.namespace}.{self.name}"

    @property
    def key(self) -> tuple[Property, ...]:
        return tuple(p for p in self.properties.values() if p.is_key)

    @property
    def identity(self) -> tuple[Property, ...]:
        """What tells any two rows apart."""
        return (*self.key, *self.returned_key)

    @property
    def searchable(self) -> tuple[Property, ...]:
        """The properties that $search looks at."""
        return tuple(p for p in self.properties.values() if p.searched)

    @property
    def can_be_searched(self) -> bool:
        """Whether $search has something to look at."""
        return self.words is not None or bool(self.searchable)

    @property
    def unsearchable(self) -> Withheld | None:
        """A property that $search would look at, but the database does not show."""
        return next((w for w in self.withheld.values() if w.searched), None)


StructuredType = EntityType | ComplexType


@dataclass(frozen=True, slots=True, eq=False)
class EntitySet:
    """An entity set; `bindings` has the name of the target entity set for each navigation property
    of its type.

    returned  what a function returns, as a set: all rows of it, whatever $apply makes of them
    singleton  it is a singleton: the values of the key of its entity; without any the only row.
               None: it is an entity set
    optional  of a singleton: it may be null
    is_cast   its entities are those of the set that are of a derived type
    """

    name: str
    entity_type: EntityType
    bindings: Mapping[str, str]
    returned: EntitySet | None = None
    singleton: Mapping[str, str | int | bool] | None = None
    optional: bool = False
    is_cast: bool = False

    @property
    def shown_name(self) -> str:
        """Its name in context URLs."""
        return f"{self.name}/{self.entity_type.qualified_name}" if self.is_cast else self.name

    def __repr__(self) -> str:
        return f"<{self.name}>"


@dataclass(frozen=True, eq=False)
class Model:
    """What the service offers.

    version      changes with every part of the model; compiled statements are cached under it
    set_of_type  the set that links name, by the name of the entity type
    withheld     entity sets of the model that cannot be served
    left_out     relations that are on purpose not in the model, by the name of OData
    has_items    some property is a collection of values
    is_sharded   the database has distributed the tables over servers by account
    enum_types   those that are declared, by their qualified names
    tokens       where access tokens are looked up; None: not in the database
    row_types    complex types as the types of rows that functions return, by qualified name
    functions    those of each name, by their qualified names
    imports      functions that are called at the service root
    singletons   by name
    """

    namespace: str
    container: str
    version: str
    entity_types: Mapping[str, EntityType]
    entity_sets: Mapping[str, EntitySet]
    set_of_type: Mapping[str, EntitySet] = field(default_factory=dict)
    withheld: Mapping[str, Withheld] = field(default_factory=dict)
    tokens: TokenTables | None = None
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)
    has_items: bool = False
    is_sharded: bool = False
    enum_types: Mapping[str, EnumType] = field(default_factory=dict)
    row_types: Mapping[str, EntityType] = field(default_factory=dict)
    functions: Mapping[str, tuple[ModelFunction, ...]] = field(default_factory=dict)
    imports: Mapping[str, FunctionImport] = field(default_factory=dict)
    singletons: Mapping[str, EntitySet] = field(default_factory=dict)

    def row_type(self, qualified_name: str) -> EntityType:
        """The entity type or complex type of a qualified name."""
        if qualified_name in self.row_types:
            return self.row_types[qualified_name]
        types = self.entity_types.values()
        return next(t for t in types if t.qualified_name == qualified_name)

    def declared_set(self, entity_set: EntitySet) -> EntitySet:
        """A set as the model or a function has it, whatever $apply made of it."""
        if entity_set.returned is not None:
            return entity_set.returned
        known = self.singletons if entity_set.singleton is not None else self.entity_sets
        found = known[entity_set.name]
        if entity_set.is_cast:
            return self.cast_set(found, self.entity_types[entity_set.entity_type.name])
        return found

    def cast_set(self, entity_set: EntitySet, entity_type: EntityType) -> EntitySet:
        """The entities of a set that are of a type derived from its own."""
        bindings = dict(entity_set.bindings)
        for path, target in entity_set.bindings.items():
            bindings.setdefault(path.rpartition("/")[2], target)
        return replace(entity_set, entity_type=entity_type, bindings=bindings, is_cast=True)

    def target_set(self, entity_set: EntitySet, navigation: NavigationProperty) -> EntitySet:
        """The set that a navigation property of the entities of a set leads to."""
        found = self.entity_sets[entity_set.bindings[navigation.name]]
        if found.entity_type.name == navigation.target:
            return found
        return self.cast_set(found, self.entity_types[navigation.target])

    def bases(self, entity_type: EntityType) -> Iterator[EntityType]:
        """A type, and those that it is derived from."""
        found: EntityType | None = entity_type
        while found is not None:
            yield found
            found = self.entity_types.get(found.base or "")

    def derived_type(self, name: str, entity_type: StructuredType) -> EntityType | None:
        """The type of a qualified name that is derived from a type; None for another name."""
        if not isinstance(entity_type, EntityType):
            return None
        types = self.derived(entity_type)
        return next((each for each in types if each.qualified_name == name), None)

    def derived(self, entity_type: EntityType) -> Iterator[EntityType]:
        """The types that are derived from a type."""
        names = entity_type.derived
        return (self.entity_types[each] for each in names if each in self.entity_types)

    def target_type(self, navigation: NavigationProperty) -> EntityType:
        return self.entity_types[navigation.target]

    @cached_property
    def complex_types(self) -> tuple[ComplexType | EntityType, ...]:
        """Those of served properties and of the rows of functions, each behind those of its
        members."""
        found = [p.structure for p in self._parameters if p.structure is not None]
        found += [p.structure for p in self.parts if isinstance(p.structure, ComplexType)]
        types = {t.qualified_name: t for t in reversed(found)}
        rows = (t for t in self._returned if t.qualified_name not in types)
        return (*types.values(), *rows)

    @property
    def used_enum_types(self) -> tuple[EnumType, ...]:
        """Those of served properties, and of the parameters and results of functions."""
        names = {part.type.name for part in self.parts}
        names |= {p.type.name for p in self._parameters}
        names |= {str(f.result.type) for each in self.functions.values() for f in each}
        return tuple(t for name, t in self.enum_types.items() if name in names)

    @cached_property
    def structured_names(self) -> frozenset[str]:
        """The qualified names of entity types and complex types."""
        known = (*self.entity_types.values(), *self.complex_types)
        return frozenset(each.qualified_name for each in known)

    @cached_property
    def definitions(self) -> Mapping[str, TypeDefinition]:
        """The type definitions by their qualified names."""
        return {each.qualified_name: each for each in self.type_definitions}

    @cached_property
    def type_definitions(self) -> tuple[TypeDefinition, ...]:
        """Those of served properties, and of the parameters and results of functions."""
        results = (f.result.declared for each in self.functions.values() for f in each)
        found = (
            *(part.definition for part in self.parts),
            *(parameter.declared for parameter in self._parameters),
            *results,
        )
        return tuple(dict.fromkeys(d for d in found if d is not None))

    @cached_property
    def parts(self) -> tuple[Property, ...]:
        """All properties, their items and members, and those of objects that functions take."""
        given = (p.structure for p in self._parameters if p.structure is not None)
        types: tuple[StructuredType, ...] = (*self.entity_types.values(), *self._returned, *given)
        properties = (p for t in types for p in t.properties.values())
        return tuple(part for p in properties for part in parts_of(p))

    @property
    def _parameters(self) -> tuple[FunctionParameter, ...]:
        return tuple(p for each in self.functions.values() for f in each for p in f.parameters)

    @property
    def _returned(self) -> tuple[EntityType, ...]:
        """Complex types of the rows that functions return."""
        names = dict.fromkeys(str(f.result.type) for each in self.functions.values() for f in each)
        return tuple(self.row_types[name] for name in names if name in self.row_types)


UNREAD = Model("Database", "Service", "unread", {}, {})
"""Stands for the model of a database until it has been read from the catalog."""
