"""join and outerjoin: each row beside each entity of a collection it is related to (Data
Aggregation 4.0, section 3.5.1).

The rows come from a SELECT with a LEFT JOIN that multiplies them. Such a row is still the entity it
was, and has one more navigation property by the name of the alias: so it can be expanded, be
grouped by, and lead on, as one of the model can. The model knows nothing of it, so the rows are of
an entity set like theirs that has it. What a sequence made of the collection is read from a LATERAL
SELECT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from odata_gateway.edm.model import EntitySet, Join, NavigationProperty
from odata_gateway.errors import BindName, BindType, Unsupported
from odata_gateway.plan.apply.rowset import (
    APPLY,
    DerivedColumns,
    InputSet,
    MemberPath,
    content,
    layer,
    remade,
    source_of,
)
from odata_gateway.plan.expression.order import key_of
from odata_gateway.plan.expression.paths import names_of
from odata_gateway.plan.scope import PRESENT, Frame, Row, column_of, pick
from odata_gateway.plan.tree.relation import (
    BoundExpr,
    Column,
    Compare,
    ConstantValue,
    LeftJoin,
    OrderKey,
    Selection,
    WindowCondition,
)
from odata_gateway.types.primitive import BOOLEAN
from odata_gateway.url import ast

Transform = Callable[[tuple[ast.Transformation, ...], InputSet], InputSet]


@dataclass(frozen=True, slots=True)
class JoinedColumns:
    """What the join brings in: values by path, the `key` of what was found, and one that is null
    where nothing was."""

    members: Mapping[MemberPath, Column]
    key: tuple[Column, ...]
    order: tuple[OrderKey, ...]
    mark: Column
    entities: frozenset[MemberPath]


def bind_join(step: ast.Transformation, rows: InputSet, transform: Transform) -> InputSet:
    """The rows, each as often as it is related to an entity; with outerjoin those that are related
    to none as well."""
    item, *more = step.args
    assert isinstance(item, ast.ComputeItem)
    navigation = _collection(item, rows)
    base = _entity(rows, item)
    target_set = rows.scope.binding.model.entity_sets[_original(rows).bindings[navigation.name]]
    of_collection = _linked(rows, base, navigation, target_set)
    found = (
        _whole(of_collection, base.frame)
        if not more
        else _transformed(_steps(more[0]), of_collection, base.frame, transform, step.at)
    )
    related = Compare("ne", found.mark, ConstantValue(None, found.mark.type))
    if step.name == "join" and rows.split is None:
        rows = rows.where(related)
    rows = replace(rows, entity_set=_extended(rows.entity_set, item, target_set))
    kept = rows.kept
    columns = tuple(
        dict.fromkeys(
            (*found.members.values(), *found.key, *(k.expr for k in found.order), found.mark)
        )
    )
    layered, new = layer(rows, (*kept, *columns))
    for condition in kept:
        layered = layered.where(new[condition])
    if step.name == "join" and rows.split is not None:
        layered = layered.where(replace(related, left=new[found.mark]))
    assert layered.made is not None
    return remade(
        replace(layered, weight=rows.weight + of_collection.weight + 1),
        _with(layered.made, found, item.name, new),
    )


def _with(
    made: DerivedColumns,
    found: JoinedColumns,
    alias: str,
    new: Mapping[BoundExpr | WindowCondition, Column],
) -> DerivedColumns:
    """What rows have, and what was joined by the name of the alias."""
    paths = {(alias, *path): new[value] for path, value in found.members.items()}
    key = tuple(new[value] for value in found.key)
    order = tuple(OrderKey(new[k.expr], k.descending) for k in found.order)
    return replace(
        made,
        members=(*made.members, *paths.items()),
        key=(*made.key, *key),
        order=(*made.order, *order),
        entities=made.entities | {(alias, *path) for path in found.entities},
        shapes=tuple(replace(shape, paths=shape.paths | frozenset(paths)) for shape in made.shapes),
    )


# --- what is joined -------------------------------------------------------------------------------


def _collection(item: ast.ComputeItem, rows: InputSet) -> NavigationProperty:
    """The collection-valued navigation property; its name, and an alias that is new."""
    names, entity_type = names_of(item.expr, rows.scope) or (), rows.entity_set.entity_type
    structure = rows.row.structure
    known = (
        *entity_type.properties,
        *entity_type.navigation,
        *rows.scope.computed,
        *(() if structure is None else structure.members),
    )
    if item.name in known:
        raise BindName(
            f"the name '{item.name}' is taken",
            target=APPLY,
            at=item.at,
            hint="choose a name that the rows do not have",
        )
    navigation = entity_type.navigation.get(names[0]) if len(names) == 1 else None
    if navigation is None or not navigation.collection:
        raise BindType(
            "join needs a collection-valued navigation property",
            target=APPLY,
            at=item.at,
            hint="name one of the rows' own",
        )
    return navigation


def _entity(rows: InputSet, item: ast.ComputeItem) -> Row:
    """The entity that a row is."""
    row, structure = rows.row, rows.row.structure
    if structure is None:
        return row
    if structure.itself is None:
        reason = "rows that $apply made are related to nothing"
        raise BindType(
            reason, target=APPLY, at=item.at, hint="join first, and aggregate afterwards"
        )
    return pick(rows.scope.binding, row.frame, structure.itself.entity_type, structure.itself.key)


def _original(rows: InputSet) -> EntitySet:
    return rows.scope.binding.model.entity_sets[rows.entity_set.name]


def _linked(
    rows: InputSet, base: Row, navigation: NavigationProperty, target_set: EntitySet
) -> InputSet:
    """The entities of the collection of one row."""
    binding = rows.scope.binding
    frame = Frame(binding.source(target_set.entity_type))
    return InputSet(
        target_set,
        rows.scope.nested(Row(frame, frame.source)),
        link=binding.link(base.source, navigation),
    )


def _extended(entity_set: EntitySet, item: ast.ComputeItem, target_set: EntitySet) -> EntitySet:
    """The set with one more navigation property, which no table has: it is read from the rows
    alone."""
    navigation = NavigationProperty(item.name, target_set.entity_type.name, False, Join(()))
    entity_type = replace(
        entity_set.entity_type,
        navigation={**entity_set.entity_type.navigation, item.name: navigation},
    )
    return replace(
        entity_set,
        entity_type=entity_type,
        bindings={**entity_set.bindings, item.name: target_set.name},
    )


def _steps(argument: object) -> tuple[ast.Transformation, ...]:
    assert isinstance(argument, ast.Sequence)
    return argument.steps


def _whole(collection: InputSet, frame: Frame) -> JoinedColumns:
    """All of the collection, by a join of its table."""
    source = collection.row.source
    frame.joins.append(LeftJoin(source, collection.link))
    row = Row(frame, source, optional=True)
    return _entities(
        tuple(column_of(row, p) for p in source.entity_type.key), source.entity_type.key
    )


def _entities(columns: tuple[Column, ...], key: tuple[object, ...]) -> JoinedColumns:
    names = tuple((getattr(p, "name", ""),) for p in key)
    order = tuple(OrderKey(column, False) for column in columns)
    return JoinedColumns(
        dict(zip(names, columns, strict=True)), columns, order, columns[0], frozenset({()})
    )


def _transformed(
    steps: tuple[ast.Transformation, ...],
    collection: InputSet,
    frame: Frame,
    transform: Transform,
    at: int,
) -> JoinedColumns:
    """What a sequence makes of the collection, by a LATERAL join."""
    found = transform(steps, collection)
    if found.made is None and not found.scope.computed:
        selection = Selection(found.block, key_of(found.row))
        source, columns = source_of(found, (selection,))
        frame.joins.append(LeftJoin(source, None))
        return _entities(
            tuple(replace(c, nullable=True) for c in columns), found.entity_set.entity_type.key
        )
    if found.made is None or found.made.shapes or found.made.itself:
        hint = "filter, search, top and the like keep entities, groupby and aggregate make rows"
        raise Unsupported(
            "a join with entities that have computed names, or with rows of several kinds",
            target=APPLY,
            at=at,
            hint=hint,
        )
    if any(
        path[0] in found.entity_set.bindings and path[0] not in collection.entity_set.bindings
        for path, _ in found.made.members
    ):
        hint = "join again behind this join, or group by other properties"
        raise Unsupported(
            "a join with rows that have an alias of their own", target=APPLY, at=at, hint=hint
        )
    present = ConstantValue(True, BOOLEAN)
    layered, new = layer(found, (present,))
    assert layered.made is not None
    frame.joins.append(LeftJoin(layered.row.source, None))
    made = content(layered)
    optional = {value: replace(value, nullable=True) for value in new.values()}
    mark = optional[new[present]]
    members = {path: optional[value] for path, value in made.members if isinstance(value, Column)}
    key = tuple(optional[value] for value in made.key if isinstance(value, Column))
    return JoinedColumns(
        {**members, (PRESENT,): mark},
        key,
        tuple(OrderKey(k, False) for k in key),
        mark,
        made.entities,
    )
