"""The rows between two transformations of $apply: entities, or rows that were made of rows.

Derived rows are a source whose columns are those of a SELECT, with a `Structure` that says what
they are called. Whatever follows takes them as it takes a table. Within groups (the second
parameter of groupby) nothing takes a row away, because its group must stay: what would be asked of
rows in WHERE is a condition that is carried along, until an aggregate or the end of the groups
looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import cast

from odata_gateway.edm.model import EntitySet, EntityType, Model, Table, Unscoped
from odata_gateway.plan.expression.compute import bind_compute
from odata_gateway.plan.expression.order import key_of
from odata_gateway.plan.scope import Frame, Reference, Row, RowKind, RowStructure, Scope
from odata_gateway.plan.tree.relation import (
    Block,
    BoundExpr,
    Column,
    Derived,
    Function,
    InSubquery,
    Link,
    Logic,
    OrderKey,
    ParentPath,
    Selection,
    Source,
    WindowCondition,
)
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types import primitive as types
from odata_gateway.url import ast

APPLY = "$apply"
MemberPath = tuple[str, ...]
Members = tuple[tuple[MemberPath, BoundExpr], ...]


@dataclass(frozen=True, slots=True)
class DerivedColumns:
    """What derived rows have.

    members   their values by path
    order     the order they come in, which is total; the values of `key` tell any two rows apart
    entities  paths of which the members have the key: the rest of the entity is found by it
    itself    the key of the entity that a row is, null in rows that are none; empty where no row is
              one
    shapes    what rows have, by the number that is their `shape`; empty where all have all members
    """

    members: Members
    order: tuple[OrderKey, ...]
    key: tuple[BoundExpr, ...]
    entities: frozenset[MemberPath] = frozenset()
    itself: tuple[Column, ...] = ()
    shapes: tuple[RowKind, ...] = ()
    shape: BoundExpr | None = None

    @property
    def values(self) -> tuple[BoundExpr, ...]:
        shape = () if self.shape is None else (self.shape,)
        return (
            *(value for _, value in self.members),
            *(k.expr for k in self.order),
            *self.key,
            *self.itself,
            *shape,
        )

    def renamed(self, new: Mapping[BoundExpr | WindowCondition, Column]) -> DerivedColumns:
        """The same with other columns in place of its values."""
        return replace(
            self,
            members=tuple((path, new[value]) for path, value in self.members),
            order=tuple(OrderKey(new[k.expr], k.descending) for k in self.order),
            key=tuple(new[value] for value in self.key),
            itself=tuple(new[value] for value in self.itself),
            shape=None if self.shape is None else new[self.shape],
        )


@dataclass(frozen=True, slots=True)
class InputSet:
    """The input of a transformation.

    scope       what names mean in a row
    within      the path the entities lie in, and `predicates` what is asked of them
    link        how the entities of an expanded collection hang on their parent
    order       the items of orderby, the last ones first
    computes    what compute added; bound again where the rows are used anew
    made        what derived rows have; None for entities
    split       within groups: the values that are the same in all rows of a group; else None
    kept        within groups: the conditions of the rows that are left
    weight      the SELECTs that the rows are made with
    """

    entity_set: EntitySet
    scope: Scope
    within: ParentPath | None = None
    predicates: tuple[BoundExpr, ...] = ()
    order: tuple[ast.OrderItem, ...] = ()
    computes: tuple[ast.ComputeItem, ...] = ()
    made: DerivedColumns | None = None
    split: tuple[BoundExpr, ...] | None = None
    kept: tuple[BoundExpr, ...] = ()
    weight: int = 0
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
        return self.made is not None and self.made.key == self.made.itself != ()

    def where(self, condition: BoundExpr) -> InputSet:
        """The rows for which the condition is true."""
        if self.split is None:
            return replace(self, predicates=(*self.predicates, condition))
        return replace(self, kept=(*self.kept, condition))


def content(rows: InputSet) -> DerivedColumns:
    """What rows have, computed names included, as values in their scope."""
    computed = tuple(((name,), found.value) for name, found in rows.scope.computed.items())
    names = frozenset(path for path, _ in computed)
    if rows.made is not None:
        shapes = tuple(replace(shape, paths=shape.paths | names) for shape in rows.made.shapes)
        return replace(rows.made, members=(*rows.made.members, *computed), shapes=shapes)
    key = tuple(part for part in key_of(rows.row) if isinstance(part, Column))
    return DerivedColumns(
        computed,
        tuple(OrderKey(part, False) for part in key),
        key,
        itself=key,
        shapes=(RowKind(names, True),),
    )


def layer(
    rows: InputSet,
    more: tuple[BoundExpr | WindowCondition, ...] = (),
    *,
    order: tuple[OrderKey, ...] = (),
    top: LiteralSlot | None = None,
    skip: LiteralSlot | None = None,
) -> tuple[InputSet, Mapping[BoundExpr | WindowCondition, Column]]:
    """The rows, or some of them, as derived rows of a SELECT; and its columns by what they were,
    those of `more` included."""
    found = content(rows)
    values = tuple(dict.fromkeys((*found.values, *(rows.split or ()), *more)))
    source, columns = source_of(
        rows, (Selection(rows.block, values, order=order, top=top, skip=skip),)
    )
    new = dict(zip(values, columns, strict=True))
    split = None if rows.split is None else tuple(new[value] for value in rows.split)
    layered = rows_of(rows, source, found.renamed(new))
    return replace(
        layered, order=rows.order, computes=rows.computes, split=split, weight=rows.weight + 1
    ), new


def as_entities(rows: InputSet) -> InputSet:
    """Derived rows that are entities as rows of their table."""
    assert rows.made is not None
    return chosen_by(Selection(rows.block, rows.made.itself), rows)


def chosen_by(selection: Selection, rows: InputSet) -> InputSet:
    """The entities whose keys a SELECT about the rows has."""
    entity_type = rows.entity_set.entity_type
    frame = Frame(rows.scope.binding.source(entity_type))
    scope = bind_compute(
        rows.computes, entity_type, rows.scope.anew(Row(frame, frame.source)), target=APPLY
    )
    chosen = InSubquery(key_of(scope.implicit), Derived((selection,)))
    return InputSet(
        rows.entity_set, scope, None, (chosen,), rows.order, rows.computes, weight=rows.weight + 1
    )


def source_of(
    rows: InputSet, selections: tuple[Selection, ...]
) -> tuple[Source, tuple[Column, ...]]:
    """A source whose rows are those of the selections, and its columns."""
    base = rows.entity_set.entity_type
    made = replace(
        base,
        table=Table("", ""),
        policy=Unscoped(),
        properties={},
        navigation={},
        indexes=frozenset(),
    )
    source = Source(next(rows.scope.binding.numbers), made, Derived(selections))
    columns = []
    for i, values in enumerate(zip(*(s.columns for s in selections), strict=True)):
        type_ = next((v.type for v in values if v.type is not None), types.STRING)
        columns.append(Column(source.number, f"c{i}", "", type_, any(v.nullable for v in values)))
    return source, tuple(columns)


def rows_of(rows: InputSet, source: Source, made: DerivedColumns) -> InputSet:
    """Derived rows of a source that have what `made` says."""
    row = Row(Frame(source), source, structure=structure_of(rows, made))
    return InputSet(rows.entity_set, rows.scope.anew(row), made=made)


def remade(rows: InputSet, made: DerivedColumns) -> InputSet:
    """Derived rows that have something else."""
    row = replace(rows.row, structure=structure_of(rows, made))
    return replace(rows, scope=rows.scope.anew(row).with_computed(rows.scope.computed), made=made)


def ordering(column: Column) -> tuple[BoundExpr, ...]:
    """What puts values into an order that a link can hold: of a text its beginning, and its digest
    for what is equal so far."""
    if column.type is not types.STRING:
        return (column,)
    return tuple(
        Function(id_, (column,), types.STRING, column.nullable) for id_ in ("start", "digest")
    )


def structure_of(rows: InputSet, made: DerivedColumns) -> RowStructure:
    entity_type, model = rows.entity_set.entity_type, rows.scope.binding.model
    members = tuple((path, value) for path, value in made.members if isinstance(value, Column))
    itself = (
        Reference(model.entity_sets[rows.entity_set.name].entity_type, made.itself)
        if made.itself
        else None
    )
    structure = _structure(entity_type, members, made.entities, model)
    return replace(
        structure,
        key=made.key,
        order=made.order,
        itself=itself,
        shapes=made.shapes,
        shape=made.shape,
    )


def _structure(
    entity_type: EntityType,
    members: Iterable[tuple[MemberPath, Column]],
    entities: frozenset[MemberPath],
    model: Model,
) -> RowStructure:
    """Members by path as a tree."""
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
                model.target_type(entity_type.navigation[name]),
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
    entity_type: EntityType,
    members: list[tuple[MemberPath, Column]],
    entities: frozenset[MemberPath],
    model: Model,
) -> RowStructure | Reference:
    if () in entities:
        return Reference(entity_type, tuple(column for _, column in members))
    return _structure(entity_type, members, entities, model)


def all_of(conditions: tuple[BoundExpr, ...]) -> BoundExpr | None:
    """All conditions as one."""
    match conditions:
        case ():
            return None
        case (only,):
            return only
    return Logic("and", conditions, any(c.nullable for c in conditions))


def expr_of(argument: object) -> ast.Expr:
    """An argument that the grammar has as an expression."""
    assert isinstance(argument, ast.SyntaxNode)
    return cast(ast.Expr, argument)
