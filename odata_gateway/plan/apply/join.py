"""join and outerjoin: each row beside each entity of a collection that it is related to (Data
Aggregation 4.0, section 3.5.1).

The rows come from a SELECT with a LEFT JOIN that multiplies them. Such a row is still the entity
that it was, and has one more navigation property, named by the alias: it can be expanded, grouped
by, and followed like one of the model. The model does not have it, so the rows are of an entity set
that is like theirs and has it. What a sequence makes of the collection is read from a LATERAL
SELECT.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from odata_gateway.edm.model import EntitySet, Join, NavigationProperty
from odata_gateway.errors import BindType, Unsupported
from odata_gateway.plan.apply.rowset import (
    DerivedColumns,
    InputSet,
    NewColumns,
    columns_of,
    derived_source,
    layered,
    with_columns,
)
from odata_gateway.plan.expression.compute import check_new_name
from odata_gateway.plan.expression.order import key_of
from odata_gateway.plan.expression.paths import names_of
from odata_gateway.plan.scope.navigation import entity_by_key
from odata_gateway.plan.scope.rows import PRESENT, MemberPath, Row, column_of
from odata_gateway.plan.tree.relation import (
    Column,
    Compare,
    ConstantValue,
    LeftJoin,
    OrderKey,
    Selection,
)
from odata_gateway.types.primitive import BOOLEAN
from odata_gateway.url import ast


@dataclass(frozen=True, slots=True)
class RelatedRows:
    """The collection that a row joins: the `entity` that has it, and its `rows`, which are those of
    `target_set` or what a sequence made of them."""

    entity: Row
    target_set: EntitySet
    rows: InputSet


@dataclass(frozen=True, slots=True)
class JoinedColumns:
    """What a join adds to a row: values by path, the `key` of what was found, and a column that is
    null where nothing was."""

    members: Mapping[MemberPath, Column]
    key: tuple[Column, ...]
    present: Column
    entities: frozenset[MemberPath]

    @property
    def order(self) -> tuple[OrderKey, ...]:
        return tuple(OrderKey(column, False) for column in self.key)


def related_rows(step: ast.Transformation, rows: InputSet) -> RelatedRows:
    """The entities of the collection that each row joins."""
    item, binding = _item(step), rows.scope.binding
    navigation = _navigation(item, rows)
    entity = _entity(rows, item)
    model_set = rows.scope.model.declared_set(rows.entity_set)
    target_set = rows.scope.model.target_set(model_set, navigation)
    inner = rows.scope.of_related(binding.row_of(target_set.entity_type))
    link = binding.link(entity.source, navigation)
    return RelatedRows(entity, target_set, InputSet(target_set, inner, link=link))


def joined_rows(step: ast.Transformation, rows: InputSet, related: RelatedRows) -> InputSet:
    """The rows, each as often as it is related to a row of the collection; with outerjoin those
    that are related to none as well."""
    item = _item(step)
    found = _whole(related) if len(step.args) == 1 else _transformed(related, step.at)
    is_present = Compare("ne", found.present, ConstantValue(None, found.present.type))
    if step.name == "join" and rows.groups is None:
        rows = rows.where(is_present)
    rows = replace(rows, entity_set=_extended(rows.entity_set, item, related.target_set))
    columns = tuple(dict.fromkeys((*found.members.values(), *found.key, found.present)))
    layer, new = layered(rows, (*rows.kept, *columns))
    for condition in rows.kept:
        layer = layer.where(new[condition])
    if step.name == "join" and rows.groups is not None:
        layer = layer.where(replace(is_present, left=new[found.present]))
    assert layer.derived is not None
    return with_columns(layer, _with_joined(layer.derived, found, item.name, new))


def _with_joined(
    derived: DerivedColumns, found: JoinedColumns, alias: str, new: NewColumns
) -> DerivedColumns:
    """What rows have, and what was joined under the alias."""
    paths = {(alias, *path): new[value] for path, value in found.members.items()}
    names = frozenset(paths)
    return replace(
        derived,
        members=(*derived.members, *paths.items()),
        key=(*derived.key, *(new[value] for value in found.key)),
        order=(*derived.order, *(OrderKey(new[k.expr], k.descending) for k in found.order)),
        entities=derived.entities | {(alias, *path) for path in found.entities},
        kinds=tuple(replace(kind, paths=kind.paths | names) for kind in derived.kinds),
    )


# --- the navigation property ----------------------------------------------------------------------


def _item(step: ast.Transformation) -> ast.ComputeItem:
    item = step.args[0]
    assert isinstance(item, ast.ComputeItem)
    return item


def _navigation(item: ast.ComputeItem, rows: InputSet) -> NavigationProperty:
    """The collection-valued navigation property that the alias is for."""
    entity_type = rows.entity_set.entity_type
    check_new_name(item.name, entity_type, rows.scope, at=item.at)
    names = names_of(item.expr, rows.scope) or ()
    navigation = entity_type.navigation.get(names[0]) if len(names) == 1 else None
    if navigation is None or not navigation.collection:
        raise BindType(
            "join needs a collection-valued navigation property",
            at=item.at,
            hint="name one of the rows' own",
        )
    return navigation


def _entity(rows: InputSet, item: ast.ComputeItem) -> Row:
    """The entity that a row is."""
    row, structure = rows.row, rows.row.structure
    if structure is None:
        return row
    if structure.identity is None:
        raise BindType(
            "rows that $apply made of entities are related to nothing",
            at=item.at,
            hint="join first, and aggregate afterwards",
        )
    reference = structure.identity
    return entity_by_key(rows.scope.binding, row.frame, reference.entity_type, reference.key)


def _extended(entity_set: EntitySet, item: ast.ComputeItem, target_set: EntitySet) -> EntitySet:
    """The set with one more navigation property, which no table has: its values are columns of the
    rows."""
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


# --- what is joined -------------------------------------------------------------------------------


def _whole(related: RelatedRows) -> JoinedColumns:
    """All of the collection, by a join of its table."""
    source, frame = related.rows.row.source, related.entity.frame
    frame.joins.append(LeftJoin(source, related.rows.link))
    row = Row(frame, source, optional=True)
    return _of_entities(
        related.rows.entity_set, tuple(column_of(row, p) for p in source.entity_type.key)
    )


def _transformed(related: RelatedRows, at: int) -> JoinedColumns:
    """What a sequence made of the collection, by a LATERAL join."""
    rows, frame = related.rows, related.entity.frame
    if rows.derived is None and not rows.scope.computed:
        source, columns = derived_source(rows, (Selection(rows.block, key_of(rows.row)),))
        frame.joins.append(LeftJoin(source, None))
        return _of_entities(rows.entity_set, tuple(replace(c, nullable=True) for c in columns))
    _check_joinable(related, at)
    present = ConstantValue(True, BOOLEAN)
    layer, new = layered(rows, (present,))
    frame.joins.append(LeftJoin(layer.row.source, None))
    derived = columns_of(layer)
    optional = {value: replace(value, nullable=True) for value in new.values()}
    members = {
        path: optional[value] for path, value in derived.members if isinstance(value, Column)
    }
    mark = optional[new[present]]
    return JoinedColumns(
        {**members, (PRESENT,): mark},
        tuple(optional[value] for value in derived.key if isinstance(value, Column)),
        mark,
        derived.entities,
    )


def _check_joinable(related: RelatedRows, at: int) -> None:
    rows = related.rows
    if rows.derived is None or rows.derived.kinds or rows.derived.identity:
        raise Unsupported(
            "a join with entities that have computed names, or with rows of several kinds, is not"
            " supported",
            at=at,
            hint="use transformations that keep entities, such as filter and top, or groupby and"
            " aggregate",
        )
    own, model = rows.entity_set.bindings, related.target_set.bindings
    if any(path[0] in own and path[0] not in model for path, _ in rows.derived.members):
        raise Unsupported(
            "a join with rows that have an alias of their own is not supported",
            at=at,
            hint="join again behind this join, or group by other properties",
        )


def _of_entities(entity_set: EntitySet, columns: tuple[Column, ...]) -> JoinedColumns:
    """Entities, by the columns of their key."""
    names: tuple[MemberPath, ...] = tuple((p.name,) for p in entity_set.entity_type.key)
    members = dict(zip(names, columns, strict=True))
    return JoinedColumns(members, columns, columns[0], frozenset({()}))
