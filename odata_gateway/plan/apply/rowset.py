"""The rows between two transformations of $apply: entities, or rows that were made of rows.

Derived rows are a source whose columns are those of a SELECT, with a `RowStructure` that says what
the columns are called. Whatever follows takes them as it takes a table. Within groups (the second
parameter of groupby) no transformation removes a row, because its group must stay: what would be a
predicate in WHERE becomes a condition that the rows carry along, until an aggregate or the end of
the groups applies it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import cast

from odata_gateway.edm.model import EntitySet, EntityType, Model, StructuredType, Table, Unscoped
from odata_gateway.plan.expression.compute import bind_compute
from odata_gateway.plan.expression.order import key_of
from odata_gateway.plan.scope.places import structure_of
from odata_gateway.plan.scope.rows import (
    Frame,
    MemberPath,
    Reference,
    Row,
    RowKind,
    RowStructure,
)
from odata_gateway.plan.scope.scope import Binding, Scope
from odata_gateway.plan.tree.columns import made_columns
from odata_gateway.plan.tree.relation import (
    Block,
    BoundExpr,
    Column,
    Derived,
    Function,
    InSubquery,
    Link,
    OrderKey,
    ParentPath,
    Selection,
    Source,
    WindowCondition,
)
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types.primitive import STRING
from odata_gateway.url import ast

Members = tuple[tuple[MemberPath, BoundExpr], ...]
NewColumns = Mapping[BoundExpr | WindowCondition, Column]


@dataclass(frozen=True, slots=True)
class DerivedColumns:
    """What derived rows have.

    members   their values by path
    order     a total order, which they come in; the values of `key` tell any two rows apart
    entities  paths whose members are the key of an entity, by which the rest of it is found
    identity  the key of the entity that a row is, null in rows that are none; empty where no row is
              an entity
    kinds     what rows have, by the number that is their `kind`; empty where all rows have all
              members
    """

    members: Members
    order: tuple[OrderKey, ...]
    key: tuple[BoundExpr, ...]
    entities: frozenset[MemberPath] = frozenset()
    identity: tuple[Column, ...] = ()
    kinds: tuple[RowKind, ...] = ()
    kind: BoundExpr | None = None

    @property
    def values(self) -> tuple[BoundExpr, ...]:
        kind = () if self.kind is None else (self.kind,)
        return (
            *(value for _, value in self.members),
            *(k.expr for k in self.order),
            *self.key,
            *self.identity,
            *kind,
        )

    def renamed(self, new: NewColumns) -> DerivedColumns:
        """The same with other columns in place of its values."""
        return replace(
            self,
            members=tuple((path, new[value]) for path, value in self.members),
            order=tuple(OrderKey(new[k.expr], k.descending) for k in self.order),
            key=tuple(new[value] for value in self.key),
            identity=tuple(new[value] for value in self.identity),
            kind=None if self.kind is None else new[self.kind],
        )


@dataclass(frozen=True, slots=True)
class InputSet:
    """The input of a transformation (Data Aggregation 3.1).

    scope       what names mean in a row
    within      the path that the entities lie in
    predicates  the conditions for which rows are in the set
    order       the items of orderby, the latest first
    computes    the items of compute, which are bound again where the rows are read anew
    derived     what derived rows have; None for entities
    groups      within groups: the values that are the same in all rows of a group; else None
    kept        within groups: the conditions that are true of the rows that are left
    selects     the SELECTs that make the rows
    link        how the entities of an expanded collection hang on their parent
    """

    entity_set: EntitySet
    scope: Scope
    within: ParentPath | None = None
    predicates: tuple[BoundExpr, ...] = ()
    order: tuple[ast.OrderItem, ...] = ()
    computes: tuple[ast.ComputeItem, ...] = ()
    derived: DerivedColumns | None = None
    groups: tuple[BoundExpr, ...] | None = None
    kept: tuple[BoundExpr, ...] = ()
    selects: int = 0
    link: Link | None = None

    @property
    def row(self) -> Row:
        return self.scope.implicit

    @property
    def block(self) -> Block:
        frame = self.row.frame
        return Block(frame.source, self.link, self.within, tuple(frame.joins), self.predicates)

    @property
    def are_entities(self) -> bool:
        """Whether derived rows are entities, each once."""
        return self.derived is not None and self.derived.key == self.derived.identity != ()

    def where(self, condition: BoundExpr) -> InputSet:
        """The rows for which the condition is true."""
        if self.groups is None:
            return replace(self, predicates=(*self.predicates, condition))
        return replace(self, kept=(*self.kept, condition))


def columns_of(rows: InputSet) -> DerivedColumns:
    """What rows have, computed names included, as values in their scope."""
    computed = tuple(((name,), found.value) for name, found in rows.scope.computed.items())
    names = frozenset(path for path, _ in computed)
    derived = rows.derived
    if derived is not None:
        kinds = tuple(replace(kind, paths=kind.paths | names) for kind in derived.kinds)
        return replace(derived, members=(*derived.members, *computed), kinds=kinds)
    key = tuple(part for part in key_of(rows.row) if isinstance(part, Column))
    order = tuple(OrderKey(part, False) for part in key)
    return DerivedColumns(computed, order, key, identity=key, kinds=(RowKind(names, True),))


# --- rows as derived rows -------------------------------------------------------------------------


def layered(
    rows: InputSet,
    more: tuple[BoundExpr | WindowCondition, ...] = (),
    *,
    order: tuple[OrderKey, ...] = (),
    top: LiteralSlot | None = None,
    skip: LiteralSlot | None = None,
) -> tuple[InputSet, NewColumns]:
    """The rows, or some of them, as derived rows of a SELECT; and its columns by the values they
    were before, those of `more` included."""
    found = columns_of(rows)
    values = tuple(dict.fromkeys((*found.values, *(rows.groups or ()), *more)))
    selection = Selection(rows.block, values, order=order, top=top, skip=skip)
    source, columns = derived_source(rows, (selection,))
    new = dict(zip(values, columns, strict=True))
    layer = replace(
        rows_of_source(rows, source, found.renamed(new)),
        order=rows.order,
        computes=rows.computes,
        groups=None if rows.groups is None else tuple(new[value] for value in rows.groups),
        selects=rows.selects + 1,
    )
    return layer, new


def as_entities(rows: InputSet) -> InputSet:
    """Derived rows that are entities as rows of their table."""
    assert rows.derived is not None
    return chosen_by(Selection(rows.block, rows.derived.identity), rows)


def chosen_by(selection: Selection, rows: InputSet) -> InputSet:
    """The entities whose keys a SELECT about the rows has."""
    entity_type = rows.entity_set.entity_type
    scope = bind_compute(
        rows.computes,
        entity_type,
        rows.scope.of_derived(rows.scope.binding.row_of(entity_type)),
    )
    chosen = InSubquery(key_of(scope.implicit), Derived((selection,)))
    return InputSet(
        rows.entity_set,
        scope,
        predicates=(chosen,),
        order=rows.order,
        computes=rows.computes,
        selects=rows.selects + 1,
    )


def derived_source(
    rows: InputSet, selections: tuple[Selection, ...]
) -> tuple[Source, tuple[Column, ...]]:
    """A source whose rows are those of the selections, made of `rows`; and its columns."""
    return source_of_selections(rows.scope.binding, rows.entity_set.entity_type, selections)


def source_of_selections(
    binding: Binding, entity_type: EntityType, selections: tuple[Selection, ...]
) -> tuple[Source, tuple[Column, ...]]:
    """A source without a table, whose rows are those of the selections; and its columns. They have
    names of their own, and are null where one of the selections may have null."""
    without_table = replace(
        entity_type,
        table=Table("", ""),
        policy=Unscoped(),
        properties={},
        navigation={},
        indexes=frozenset(),
    )
    source = Source(next(binding.numbers), without_table, Derived(selections))
    return source, made_columns(source.number, selections)


def cut_like(
    groups: Iterable[Sequence[object]], columns: Sequence[Column]
) -> Iterator[tuple[Column, ...]]:
    """Columns in groups that are as long as other groups."""
    left = iter(columns)
    for group in groups:
        yield tuple(islice(left, len(group)))


def rows_of_source(rows: InputSet, source: Source, derived: DerivedColumns) -> InputSet:
    """The rows of a source, made of `rows`, that have what `derived` says."""
    row = Row(Frame(source), source, structure=_structure_of(rows, derived))
    return InputSet(rows.entity_set, rows.scope.of_derived(row), derived=derived)


def with_columns(rows: InputSet, derived: DerivedColumns) -> InputSet:
    """Derived rows that have something else."""
    row = replace(rows.row, structure=_structure_of(rows, derived))
    scope = rows.scope.of_derived(row).with_computed(rows.scope.computed)
    return replace(rows, scope=scope, derived=derived)


def sortable(column: Column) -> tuple[BoundExpr, ...]:
    """Values that sort as a column does and that a next link can hold: of a string its beginning
    and, for those with the same beginning, its digest."""
    if column.type is not STRING:
        return (column,)
    return tuple(Function(id_, (column,), STRING, column.nullable) for id_ in ("start", "digest"))


# --- structures -----------------------------------------------------------------------------------


def _structure_of(rows: InputSet, derived: DerivedColumns) -> RowStructure:
    model = rows.scope.model
    members = ((path, value) for path, value in derived.members if isinstance(value, Column))
    identity = None
    if derived.identity:
        entity_type = model.declared_set(rows.entity_set).entity_type
        identity = Reference(entity_type, derived.identity)
    return replace(
        _as_tree(rows.entity_set.entity_type, members, derived.entities, model),
        key=derived.key,
        order=derived.order,
        identity=identity,
        kinds=derived.kinds,
        kind=derived.kind,
    )


def _type_behind(structured: StructuredType, name: str, model: Model) -> StructuredType:
    """The type of what a navigation property leads to, or of the objects that a property is."""
    if name in structured.navigation:
        return model.target_type(structured.navigation[name])
    found = structure_of(structured.properties[name])
    assert found is not None
    return found


def _as_tree(
    entity_type: StructuredType,
    members: Iterable[tuple[MemberPath, Column]],
    entities: frozenset[MemberPath],
    model: Model,
) -> RowStructure:
    """Members by path as structures within structures."""
    found: dict[str, Column | list[tuple[MemberPath, Column]]] = {}
    for (name, *rest), column in members:
        if not rest:
            found[name] = column
        elif isinstance(below := found.setdefault(name, []), list):
            below.append((tuple(rest), column))
    return RowStructure(
        entity_type,
        {
            name: _behind(
                _type_behind(entity_type, name, model),
                member,
                frozenset(p[1:] for p in entities if p[0] == name),
                model,
            )
            if isinstance(member, list)
            else member
            for name, member in found.items()
        },
    )


def _behind(
    entity_type: StructuredType,
    members: list[tuple[MemberPath, Column]],
    entities: frozenset[MemberPath],
    model: Model,
) -> RowStructure | Reference:
    """What a navigation property leads to: an entity, or members of it."""
    if () in entities and isinstance(entity_type, EntityType):
        return Reference(entity_type, tuple(column for _, column in members))
    return _as_tree(entity_type, members, entities, model)


def as_expr(argument: object) -> ast.Expr:
    """An argument of a transformation that the grammar has as an expression."""
    assert isinstance(argument, ast.SyntaxNode)
    return cast(ast.Expr, argument)
