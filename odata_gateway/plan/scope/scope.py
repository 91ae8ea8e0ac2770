"""What names mean: the model of one request's binding, the rows that names stand for, range
variables and computed names.

An expression holds paths, a path holds $filter segments, and a segment holds an expression; an
expanded entity has a projection, which expands further entities. `Binder` has one method for each
of these parts. Each scope has the binder, so a module can bind the parts of its own nodes without
importing the modules of these parts, which would make a ring of imports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Protocol

from odata_gateway.edm.model import EntitySet, EntityType, Model, NavigationProperty
from odata_gateway.plan.scope.error_places import ErrorPlaces
from odata_gateway.plan.scope.limits import Limits, RequestSize
from odata_gateway.plan.scope.places import ItemsPlace, ObjectPlace
from odata_gateway.plan.scope.rows import Frame, Reference, Row, RowStructure
from odata_gateway.plan.tree.projection import ExpandOne, Projection
from odata_gateway.plan.tree.relation import BoundExpr, Link, Source
from odata_gateway.url import ast


class Binder(Protocol):
    """Binds the parts of a request."""

    def expr(self, node: ast.Expr, scope: Scope) -> BoundExpr:
        """An expression with a primitive value."""

    def condition(self, node: ast.Expr, scope: Scope) -> BoundExpr:
        """A Boolean expression."""

    def path(self, node: ast.Expr, scope: Scope) -> PathTarget:
        """What a path leads to."""

    def projection(self, rows: ShownRows, options: ast.Options) -> Projection:
        """What each of the rows shows."""

    def reference(self, item: ast.ExpandItem, rows: ShownRows, reference: Reference) -> ExpandOne:
        """An expanded entity that rows made by $apply are related to."""


@dataclass(slots=True)
class Binding:
    """What the binding of one request shares.

    strict    whether only the spellings of the standard are read
    aliases   values of the parameter aliases that can be used
    root_set  the set of the resource, whose entities $it can be
    calls     sources of the rows of functions, by their types, which are of one call each
    numbers   of the sources, unique in the statement
    expands   numbers of the expanded collections
    """

    model: Model
    binder: Binder
    size: RequestSize
    strict: bool = False
    places: ErrorPlaces = field(default_factory=ErrorPlaces)
    aliases: Mapping[str, ast.Expr] = field(default_factory=dict)
    root_set: EntitySet | None = None
    calls: dict[EntityType, Source] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=count)
    expands: Iterator[int] = field(default_factory=count)

    @property
    def parameters(self) -> frozenset[str]:
        """The names of the parameters of all functions that are called."""
        calls = (source.call for source in self.calls.values())
        return frozenset(p.name for call in calls if call for p in call.function.parameters)

    @property
    def limits(self) -> Limits:
        return self.size.limits

    def source(self, entity_type: EntityType) -> Source:
        """A new use of a type's table, or of a function's rows."""
        called = self.calls.get(entity_type)
        if called is not None:
            return replace(called, number=next(self.numbers))
        return Source(next(self.numbers), entity_type)

    def row_of(self, entity_type: EntityType) -> Row:
        """A row of a new SELECT of a type's table."""
        source = self.source(entity_type)
        return Row(Frame(source), source)

    def link(self, parent: Source, navigation: NavigationProperty) -> Link:
        """How the rows behind a navigation property hang on its parent."""
        return Link(
            parent, navigation.join, tuple(next(self.numbers) for _ in navigation.join.links)
        )

    def inside(self, option: str) -> AbstractContextManager[None]:
        """Around the binding of an option, or of `path`: errors get it as their place."""
        return self.places.inside(option)

    def assigning(self, options: ast.Options) -> AbstractContextManager[None]:
        """Around the binding of options that may assign parameter aliases, which hold there only
        (Protocol 11.2.6.1.3)."""
        return self._with_aliases(options.aliases) if options.aliases else nullcontext()

    @contextmanager
    def _with_aliases(self, aliases: tuple[tuple[str, ast.Expr], ...]) -> Iterator[None]:
        before = self.aliases
        own = {name: self.places.in_own_text(name, value) for name, value in aliases}
        self.aliases = {**before, **own}
        try:
            yield
        finally:
            self.aliases = before


@dataclass(frozen=True, slots=True)
class RelatedCollection:
    """A collection that a path ends in: rows of `navigation` that hang on `parent`, narrowed by
    $filter segments."""

    parent: Row
    navigation: NavigationProperty
    filters: tuple[ast.Expr, ...] = ()
    cast: EntityType | None = None

    @property
    def name(self) -> str:
        return self.navigation.name

    def type_in(self, model: Model) -> EntityType:
        return self.cast or model.target_type(self.navigation)


@dataclass(frozen=True, slots=True)
class ServiceRoot:
    """$root: the service root."""


@dataclass(frozen=True, slots=True)
class EntitySetRef:
    """All entities of a set that the caller may see, as in $root/Inbox, narrowed by $filter
    segments."""

    entity_set: EntitySet
    filters: tuple[ast.Expr, ...] = ()
    cast: EntityType | None = None

    @property
    def name(self) -> str:
        return f"$root/{self.entity_set.name}"

    def type_in(self, model: Model) -> EntityType:
        return self.cast or self.entity_set.entity_type


PathTarget = (
    BoundExpr | Row | RelatedCollection | ServiceRoot | EntitySetRef | ObjectPlace | ItemsPlace
)


@dataclass(frozen=True, slots=True)
class Computed:
    """The value of a computed name, and its nodes and levels below the root: each use of the name
    repeats the value in the statement."""

    value: BoundExpr
    nodes: int
    levels: int


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean in an expression.

    implicit   the row of bare names
    it, this   $it and $this, which may be an item that is a value
    variables  range variables of the lambdas around, innermost last; they hide properties
    computed   names of $compute on the implicit row
    item       the object that has bare names in place of the implicit row, if there is one
    it_item    what $it is in place of the row: an item of the resource
    """

    binding: Binding
    implicit: Row
    it: Row
    this: PathTarget
    variables: Mapping[str, PathTarget] = field(default_factory=dict)
    computed: Mapping[str, Computed] = field(default_factory=dict)
    item: ObjectPlace | None = None
    it_item: PathTarget | None = None

    @classmethod
    def of(cls, binding: Binding, row: Row) -> Scope:
        """The scope of the rows of a resource."""
        return cls(binding, row, row, row)

    @property
    def bind(self) -> Binder:
        """What binds the parts of a request, as in `scope.bind.expr(node, scope)`."""
        return self.binding.binder

    @property
    def model(self) -> Model:
        return self.binding.model

    @property
    def structure(self) -> RowStructure | None:
        """What the implicit row has, where $apply made it."""
        return self.implicit.structure

    def of_derived(self, row: Row) -> Scope:
        """The scope of rows that were made of these. In an expanded collection, $it stays the outer
        resource."""
        return Scope(self.binding, row, row if self.it is self.implicit else self.it, row)

    def of_related(self, row: Row) -> Scope:
        """The scope of the options of an expanded or counted collection: bare names are its own,
        and $it stays the outer resource."""
        return Scope(self.binding, row, self.it, row)

    def with_variable(self, name: str, row: PathTarget) -> Scope:
        return replace(self, this=row, variables={**self.variables, name: row})

    def of_item(self, item: PathTarget, *, of_resource: bool = False) -> Scope:
        """The scope of a condition on an item of a collection of values, which is $this. Bare names
        are members of an item that is an object.

        of_resource  the collection is the resource, so that $it is the item too
        """
        found = item if isinstance(item, ObjectPlace) else None
        inner = replace(self, this=item, item=found)
        return replace(inner, it_item=item) if of_resource else inner

    def with_computed(self, computed: Mapping[str, Computed]) -> Scope:
        return replace(self, computed=computed)


@dataclass(frozen=True, slots=True)
class ShownRows:
    """Rows that an answer shows: entities of a set or rows that were made of them, the implicit
    rows of a scope, `depth` levels of $expand below the resource."""

    entity_set: EntitySet
    scope: Scope
    depth: int = 0
