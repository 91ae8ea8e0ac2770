"""What names mean at a place: rows, range variables, computed names, and the to-one joins that
paths ask for.

A `Frame` is a SELECT under construction: paths over single-valued navigation properties add one
LEFT JOIN for each distinct path, to the frame that owns the row they start from, however deep in
lambdas they stand. Frames are the only mutable thing in `plan`, and none leaves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from odata_gateway.edm.model import EntitySet, EntityType, Model, NavigationProperty, Property
from odata_gateway.errors import BindName, BindSecret, LimitDepth, LimitNodes, nearest
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
from odata_gateway.url import ast

PRESENT = "@present"
"""A member that a client cannot name: null where rows that were joined have none."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a request may ask for; each names the setting that moves it in its error."""

    depth: int = 100
    nodes: int = 5_000
    expand_depth: int = 8
    lambda_depth: int = 5
    expands: int = 100
    list_items: int = 10_000


def check_list(items: int, limits: Limits, target: str, at: int) -> None:
    """Refuse a list of more items than one may have."""
    if items > limits.list_items:
        raise LimitNodes(
            f"a list of {items} items; the limit is {limits.list_items}",
            target=target,
            at=at,
            hint="ODATA_MAX_LIST_ITEMS moves this limit",
        )


@dataclass(slots=True)
class Binding:
    """What one request's binding shares: the model, parameter aliases, limits, and the counters
    that make names unique."""

    model: Model
    aliases: Mapping[str, ast.Expr]
    limits: Limits = field(default_factory=Limits)
    numbers: Iterator[int] = field(default_factory=count)
    expands: Iterator[int] = field(default_factory=count)
    expanded: int = 0
    nodes: int = 0
    depth: int = 0
    deepest: int = 0
    collections: int = 0
    selects: int = 0  # that $apply makes
    target: str = "$filter"
    root_set: EntitySet | None = None  # of the resource, whose entities $it can be

    def source(self, entity_type: EntityType) -> Source:
        return Source(next(self.numbers), entity_type)

    def link(self, parent: Source, navigation: NavigationProperty) -> Link:
        return Link(
            parent, navigation.join, tuple(next(self.numbers) for _ in navigation.join.links)
        )

    def enter(self) -> None:
        """Count one more node one level deeper; aliases are counted once for each use."""
        self.depth += 1
        self.spend(1, 0)

    def spend(self, nodes: int, levels: int) -> None:
        """Count nodes that reach some levels below this one."""
        self.nodes += nodes
        self.deepest = max(self.deepest, self.depth + levels)
        if self.nodes > self.limits.nodes:
            raise LimitNodes(
                f"the request has more than {self.limits.nodes} expressions, aliases and computed names counted for each use",
                target=self.target,
                hint="ODATA_MAX_NODES moves this limit",
            )
        if self.depth + levels > self.limits.depth:
            raise LimitDepth(
                f"expressions are nested deeper than {self.limits.depth} levels",
                target=self.target,
                hint="ODATA_MAX_DEPTH moves this limit",
            )

    def leave(self) -> None:
        self.depth -= 1

    @contextmanager
    def within_collection(self, at: int) -> Iterator[None]:
        """Around the condition of an any, all or $count: each level multiplies the rows that are
        looked at."""
        if self.collections >= self.limits.lambda_depth:
            raise LimitDepth(
                f"any, all and $count are nested deeper than {self.limits.lambda_depth} levels",
                target=self.target,
                at=at,
                hint="ODATA_MAX_LAMBDA_DEPTH moves this limit",
            )
        self.collections += 1
        try:
            yield
        finally:
            self.collections -= 1

    def expand(self, depth: int, at: int) -> None:
        """Count one more expanded navigation property, `depth` levels below the resource; `*`
        counts for all it stands for."""
        self.expanded += 1
        if depth >= self.limits.expand_depth:
            raise LimitDepth(
                f"$expand is nested deeper than {self.limits.expand_depth} levels",
                target="$expand",
                at=at,
                hint="ODATA_MAX_EXPAND_DEPTH moves this limit",
            )
        if self.expanded > self.limits.expands:
            raise LimitNodes(
                f"the request expands more than {self.limits.expands} navigation properties",
                target="$expand",
                at=at,
                hint="ODATA_MAX_EXPANDS moves this limit",
            )


@dataclass(slots=True, eq=False)
class Frame:
    """A SELECT under construction around `source`."""

    source: Source
    joins: list[LeftJoin] = field(default_factory=list)
    reached: dict[tuple[int, str], Source] = field(default_factory=dict)
    roots: dict[tuple[str, tuple[BoundExpr, ...]], Source] = field(default_factory=dict)

    def block(self, link: Link | None = None, predicates: tuple[BoundExpr, ...] = ()) -> Block:
        return Block(self.source, link, None, tuple(self.joins), predicates)


@dataclass(frozen=True, slots=True)
class RowStructure:
    """What a row made by $apply has, as an instance of `entity_type`: columns by name, and further
    structures behind single-valued navigation properties. Whatever else the type declares was
    aggregated away, and reads as null (Data Aggregation 3.1.1).

    key     expressions that tell any two rows apart
    order   the order of the rows, the key included; else that of the key
    itself  the entity that a row is, if it is one; `entity` is it where it was looked up
    shapes  what rows have, by the number that is their `shape`; empty where all have all members
    """

    entity_type: EntityType
    members: Mapping[str, Column | Reference | RowStructure]
    key: tuple[BoundExpr, ...] = ()
    order: tuple[OrderKey, ...] = ()
    itself: Reference | None = None
    shapes: tuple[RowKind, ...] = ()
    shape: BoundExpr | None = None
    entity: Row | None = None

    def has(self, shape: RowKind, path: tuple[str, ...]) -> bool:
        """Whether rows of a shape have what a path leads to: among their members, as entities, or
        of an entity they are related to."""
        if path in shape.paths or any(p[: len(path)] == path for p in shape.paths):
            return True
        if shape.is_entity and (
            path[0] in self.entity_type.properties or path[0] in self.entity_type.navigation
        ):
            return True
        place: Column | Reference | RowStructure | None = self
        for i, name in enumerate(path):
            place = place.members.get(name) if isinstance(place, RowStructure) else place
            if isinstance(place, Reference):
                return any(p[: i + 1] == path[: i + 1] for p in shape.paths)
        return False


@dataclass(frozen=True, slots=True)
class RowKind:
    """What one kind of rows has: members by path and, where they are entities, all properties."""

    paths: frozenset[tuple[str, ...]]
    is_entity: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """An entity that rows made by $apply are related to, or none where its `key`, which columns of
    these rows have, is null."""

    entity_type: EntityType
    key: tuple[Column, ...]

    def found_as(self, source: Source) -> tuple[BoundExpr, ...]:
        """The conditions under which a row of a source of this type is the entity."""
        return _has_key(source, zip(self.entity_type.key, self.key, strict=True))


@dataclass(frozen=True, slots=True)
class Row:
    """One entity a name can stand for: a source, and the frame that owns it. `optional` after a
    to-one join, which may find none; `structure` says what it has where it is no row of the type's
    table, and `parts` which entities, by the name of their set, where it is a row of $crossjoin,
    which has nothing else."""

    frame: Frame
    source: Source
    optional: bool = False
    structure: RowStructure | None = None
    parts: Mapping[str, Row] | None = None


@dataclass(frozen=True, slots=True)
class RelatedCollection:
    """A collection a path ends in: rows of `navigation` hanging on `parent`, narrowed by $filter
    segments."""

    parent: Row
    navigation: NavigationProperty
    filters: tuple[ast.Expr, ...] = ()

    @property
    def name(self) -> str:
        return self.navigation.name

    def type_in(self, model: Model) -> EntityType:
        return model.target_type(self.navigation)


@dataclass(frozen=True, slots=True)
class ServiceRoot:
    """$root: the service root."""


@dataclass(frozen=True, slots=True)
class EntitySetRef:
    """All entities of a set that the caller may see, as $root/Inbox has them, narrowed by $filter
    segments."""

    entity_set: EntitySet
    filters: tuple[ast.Expr, ...] = ()

    @property
    def name(self) -> str:
        return f"$root/{self.entity_set.name}"

    def type_in(self, model: Model) -> EntityType:
        return self.entity_set.entity_type


@dataclass(frozen=True, slots=True)
class Computed:
    """The value of a computed name, and what it is made of: each use of the name repeats it in the
    statement."""

    value: BoundExpr
    nodes: int
    levels: int


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean in an expression.

    implicit   the row of bare names
    it, this   $it and $this
    variables  range variables of the lambdas around, innermost last; they hide properties
    computed   names of $compute on the implicit row
    """

    binding: Binding
    implicit: Row
    it: Row
    this: Row
    variables: Mapping[str, Row] = field(default_factory=dict)
    computed: Mapping[str, Computed] = field(default_factory=dict)

    @classmethod
    def of(cls, binding: Binding, frame: Frame, structure: RowStructure | None = None) -> Scope:
        row = Row(frame, frame.source, structure=structure)
        return cls(binding, row, row, row)

    def anew(self, row: Row) -> Scope:
        """The scope of rows that were made of these; in an expanded collection, $it stays the outer
        resource."""
        return Scope(self.binding, row, row if self.it is self.implicit else self.it, row)

    def nested(self, row: Row) -> Scope:
        """The scope of an expanded collection's options: bare names are its own, $it stays the
        outer resource."""
        return Scope(self.binding, row, self.it, row)

    def with_variable(self, name: str, row: Row) -> Scope:
        return Scope(
            self.binding, self.implicit, self.it, row, {**self.variables, name: row}, self.computed
        )

    def with_computed(self, computed: Mapping[str, Computed]) -> Scope:
        return Scope(self.binding, self.implicit, self.it, self.this, self.variables, computed)


def follow(binding: Binding, row: Row, navigation: NavigationProperty) -> Row:
    """The row behind a single-valued navigation property; the same path always gives the same
    join."""
    known = row.frame.reached.get((row.source.number, navigation.name))
    if known is None:
        known = binding.source(binding.model.target_type(navigation))
        row.frame.reached[row.source.number, navigation.name] = known
        row.frame.joins.append(LeftJoin(known, binding.link(row.source, navigation)))
    return Row(row.frame, known, optional=True)


def pick(
    binding: Binding, frame: Frame, entity_type: EntityType, values: tuple[BoundExpr, ...]
) -> Row:
    """The entity of a type that has these key values, or none; the same key always gives the same
    join."""
    wanted = (entity_type.name, values)
    known = frame.roots.get(wanted)
    if known is None:
        known = binding.source(entity_type)
        frame.roots[wanted] = known
        frame.joins.append(
            LeftJoin(known, None, _has_key(known, zip(entity_type.key, values, strict=True)))
        )
    return Row(frame, known, optional=True)


def _has_key(source: Source, values: Iterable[tuple[Property, BoundExpr]]) -> tuple[BoundExpr, ...]:
    return tuple(
        Compare("eq", Column(source.number, p.column, p.pg_type, p.type, False), value)
        for p, value in values
    )


def column_of(row: Row, prop: Property) -> Column:
    """The column behind a property, secret or not: for output only. A JSON column that is never
    NULL may still hold JSON's null."""
    nullable = (
        row.optional or prop.pg_type in ("json", "jsonb") or not (prop.is_key or prop.not_null)
    )
    return Column(row.source.number, prop.column, prop.pg_type, prop.type, nullable)


def read_property(row: Row, prop: Property, *, target: str, at: int) -> BoundExpr:
    """A property in a clause that computes; secrets are refused, missing columns are null."""
    if prop.secret:
        raise BindSecret(
            f"property '{prop.name}' is secret: it reads as null, and no clause may compute with it",
            target=target,
            at=at,
            hint="leave it out of this option",
        )
    if prop.missing:
        return ConstantValue(None, prop.type)
    return column_of(row, prop)


def no_such_name(
    entity_type: EntityType,
    name: str,
    *,
    target: str,
    at: int,
    what: str = "property",
    extra: tuple[str, ...] = (),
) -> BindName:
    known = [*entity_type.properties, *entity_type.navigation, *extra]
    hint = nearest(name, known) or f"$metadata lists the properties of {entity_type.name}"
    return BindName(f"{entity_type.name} has no {what} '{name}'", target=target, at=at, hint=hint)
