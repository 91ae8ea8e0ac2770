"""groupby: what rows are grouped by, and what becomes of the rows within the groups (Data
Aggregation 4.0, section 3.2.3).

All groups are transformed at once: rows of different groups differ in the values they are grouped
by. The rows of an outer group may all be gone by then; so outer groups are also split by whether a
row is left, and an aggregate finds each of the groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from odata_gateway.errors import BindName, BindType, Unsupported
from odata_gateway.plan.apply.measures import GroupedRows, Measure, selection_of
from odata_gateway.plan.apply.rowset import (
    DerivedColumns,
    InputSet,
    Members,
    as_entities,
    columns_of,
    derived_source,
    layered,
    rows_of_source,
    sortable,
    with_columns,
)
from odata_gateway.plan.expression.comparable import check_groupable
from odata_gateway.plan.expression.paths import names_of
from odata_gateway.plan.scope.places import ItemsPlace, ObjectPlace
from odata_gateway.plan.scope.rows import MemberPath, Row, RowKind, RowStructure, column_of
from odata_gateway.plan.scope.scope import Scope
from odata_gateway.plan.tree.conditions import all_of
from odata_gateway.plan.tree.relation import (
    BoundExpr,
    CaseWhen,
    Column,
    Compare,
    ConstantValue,
    OrderKey,
)
from odata_gateway.types.primitive import INT32
from odata_gateway.url import ast


@dataclass(frozen=True, slots=True)
class GroupingProperty:
    """The names of a grouping property's path, and its value in a row.

    of_entity  it belongs to the key of an entity that rows are grouped by
    """

    path: MemberPath
    value: BoundExpr
    of_entity: bool = False

    @property
    def entity(self) -> MemberPath:
        """The path of the entity that the property belongs to."""
        return self.path[:-1]


@dataclass(frozen=True, slots=True)
class Grouping:
    """What rows are grouped by.

    present  which of the sets of `paths` a row has, by its number: rows that lack a property are in
             another group than those where it is null. None where all rows have the same ones
    """

    properties: tuple[GroupingProperty, ...]
    present: BoundExpr | None = None
    paths: tuple[frozenset[MemberPath], ...] = ()

    @property
    def values(self) -> tuple[BoundExpr, ...]:
        return tuple(each.value for each in self.properties)


# --- grouping properties --------------------------------------------------------------------------


def bind_groups(items: Iterable[object], scope: Scope) -> tuple[GroupingProperty, ...]:
    """The grouping properties. One that is named twice counts once, and what an entity has by
    itself does not split its group further."""
    found: dict[MemberPath, GroupingProperty] = {}
    for item in items:
        if isinstance(item, ast.RollupRecursive):
            raise Unsupported(
                "rolluprecursive is not supported",
                at=item.at,
                hint="send a groupby for each level",
            )
        assert isinstance(item, ast.Member | ast.Variable)
        for each in _properties(item, scope):
            known = found.get(each.path)
            if known is not None and known.value != each.value and not each.of_entity:
                raise _same_name(each.path, item.at)
            if each.of_entity or known is None:
                found[each.path] = each
    return tuple(_without_those_of_entities(found.values()))


def _without_those_of_entities(
    properties: Iterable[GroupingProperty],
) -> Iterator[GroupingProperty]:
    """The properties without those that belong to an entity rows are grouped by as a whole, or to
    what it leads to."""
    properties = tuple(properties)
    entities = {each.entity for each in properties if each.of_entity}
    for each in properties:
        outer = any(each.path[:i] in entities for i in range(1, len(each.path) - 1))
        if not outer and (each.of_entity or each.entity not in entities):
            yield each


def _properties(node: ast.Member | ast.Variable, scope: Scope) -> tuple[GroupingProperty, ...]:
    path = names_of(node, scope)
    place = scope.bind.path(node, scope)
    if isinstance(place, ObjectPlace | ItemsPlace):
        check_groupable(place.column.type, at=node.at)
    if path is None or not isinstance(place, BoundExpr | Row):
        raise BindType("groupby needs paths of single-valued segments", at=node.at)
    if isinstance(place, BoundExpr):
        check_groupable(place.type, at=node.at)
    structure = scope.structure
    if structure is not None and path[0] not in scope.computed and _is_away(path, structure):
        raise _aggregated_away("/".join(path), node.at)
    members = tuple(name for name in path if "." not in name)
    if len(members) < len(path) and (len(path) > 2 or not isinstance(place, BoundExpr)):
        raise Unsupported(
            "grouping by what lies behind a property of a derived type is not supported",
            at=node.at,
            hint="cast the resource itself, as in Products/Shop.Voucher",
        )
    declared = scope.implicit.source.entity_type
    if len(members) < len(path) and members[0] in declared.properties:
        raise Unsupported(
            f"grouping by '{members[0]}' of a derived type only is not supported",
            at=node.at,
            hint="cast the resource itself, as in Products/Shop.Voucher",
        )
    return _grouped_by(members, place, scope, node.at)


def _same_name(path: MemberPath, at: int) -> Unsupported:
    name = "/".join(path)
    return Unsupported(f"grouping by '{name}' of two types is not supported", at=at)


def _is_away(path: MemberPath, structure: RowStructure) -> bool:
    """Whether rows have nothing at a path: neither a value to group by, nor null. Rows that are
    entities have all that the type declares."""
    place = structure
    for name in path if structure.identity is None else ():
        member = place.members.get(name)
        if member is None:
            return True
        if not isinstance(member, RowStructure):
            return False
        place = member
    return False


def _aggregated_away(name: str, at: int) -> BindName:
    return BindName(
        f"'{name}' was aggregated away by $apply",
        at=at,
        hint="group by it in the first groupby",
    )


def _grouped_by(
    path: MemberPath, place: BoundExpr | Row, scope: Scope, at: int
) -> tuple[GroupingProperty, ...]:
    """A value; an entity, by its key; or a structure that $apply made, by all its members."""
    if not isinstance(place, Row):
        return (GroupingProperty(path, place),)
    by_properties = "name its properties, for example its key"
    if not path:
        raise BindType("groupby needs properties, not the row", at=at, hint=by_properties)
    structure = place.structure
    if structure is None:
        return tuple(
            GroupingProperty((*path, p.name), column_of(place, p), of_entity=True)
            for p in place.source.entity_type.identity
        )
    if structure.entity is not None:
        raise Unsupported(
            "grouping rows of several kinds by a navigation property is not supported",
            at=at,
            hint=by_properties,
        )
    if not structure.members:
        raise _aggregated_away(path[-1], at)
    inner = replace(scope, implicit=place, variables={}, computed={})
    return tuple(
        each
        for name, member in structure.members.items()
        for each in _of_member((*path, name), member, inner, at)
    )


def _of_member(
    path: MemberPath, member: object, scope: Scope, at: int
) -> tuple[GroupingProperty, ...]:
    """A member of the scope's implicit row, which is a structure."""
    if isinstance(member, Column):
        return (GroupingProperty(path, member),)
    place = scope.bind.path(ast.Member(None, path[-1], at), scope)
    assert isinstance(place, BoundExpr | Row)
    return _grouped_by(path, place, scope, at)


def grouping_of(items: Iterable[object], rows: InputSet) -> Grouping:
    """The grouping properties, and which of them rows have."""
    properties, found, structure = (
        bind_groups(items, rows.scope),
        columns_of(rows),
        rows.row.structure,
    )
    if found.kind is None or structure is None:
        return Grouping(properties)
    by_kind = [
        frozenset(each.path for each in properties if structure.has(kind, each.path))
        for kind in found.kinds
    ]
    distinct = tuple(dict.fromkeys(by_kind))
    if len(distinct) == 1:
        return Grouping(properties)
    numbers = (
        (is_number(found.kind, i), ConstantValue(distinct.index(paths), INT32))
        for i, paths in enumerate(by_kind)
    )
    return Grouping(properties, CaseWhen(tuple(numbers), INT32), distinct)


def is_number(value: BoundExpr, number: int) -> BoundExpr:
    """Whether a value is a number that the service gave to a kind of rows."""
    return Compare("eq", value, ConstantValue(number, INT32))


# --- rows within groups ---------------------------------------------------------------------------


def grouped_by(rows: InputSet, grouping: Grouping) -> InputSet:
    """The rows within the groups."""
    left = all_of(rows.kept)
    marks = (
        *(() if left is None else (left,)),
        *(() if grouping.present is None else (grouping.present,)),
    )
    return replace(rows, groups=(*(rows.groups or ()), *marks, *grouping.values), kept=())


def aggregated(rows: InputSet, measures: tuple[Measure, ...]) -> InputSet:
    """One row for each group, or of all rows: the aggregates of those that are left."""
    values = rows.groups or ()
    selection = selection_of(GroupedRows(values, rows.block, rows.kept, rows.scope), measures)
    source, columns = derived_source(rows, (selection,))
    groups, aggregates = columns[: len(values)], columns[len(values) :]
    key = tuple(part for column in groups or columns[:1] for part in sortable(column))
    members = tuple(((m.alias,), column) for m, column in zip(measures, aggregates, strict=True))
    order = tuple(OrderKey(part, False) for part in key)
    made = rows_of_source(rows, source, DerivedColumns(members, order, key))
    origins = {m.origin.names: m.selects for m in measures if m.origin is not None}
    return replace(
        made,
        groups=None if rows.groups is None else groups,
        selects=(rows.selects + 1) * (1 + sum(origins.values())),
    )


def united_groups(inner: InputSet, outer: InputSet, grouping: Grouping, *, at: int) -> InputSet:
    """The rows of all groups together, those of the outer groups if there are any, with what they
    were grouped by."""
    assert inner.groups is not None
    first = len(outer.groups or ())
    marks = first + (1 if outer.kept else 0)
    values = inner.groups[marks + (0 if grouping.present is None else 1) :]
    found = replace(inner, groups=None if outer.groups is None else inner.groups[:first], kept=())
    for condition in (*inner.groups[first:marks], *inner.kept):
        found = found.where(condition)
    if found.derived is None:
        return found
    if found.are_entities:
        return found if outer.groups is not None else as_entities(found)
    derived = _with_groups(found.derived, grouping, values)
    if grouping.present is None:
        return with_columns(found, derived)
    found.scope.binding.size.spend((len(derived.kinds) or 1) * len(grouping.paths), 0, at)
    present = inner.groups[marks]
    return _as_columns(
        with_columns(found, _with_presence(derived, found.derived, grouping, present))
    )


def _as_columns(rows: InputSet) -> InputSet:
    """The rows with their kind as a column: an expression would stand in the statement wherever the
    kind is asked for."""
    layer, new = layered(rows, rows.kept)
    return replace(layer, kept=tuple(new[condition] for condition in rows.kept))


# --- what rows have of their groups ---------------------------------------------------------------


def is_within(path: MemberPath, entities: Iterable[MemberPath]) -> bool:
    """Whether a path leads to one of some entities, or through it."""
    return any(path[: len(entity)] == entity for entity in entities)


def _with_groups(
    derived: DerivedColumns, grouping: Grouping, values: tuple[BoundExpr, ...]
) -> DerivedColumns:
    """The rows with what they were grouped by. Entities have it already: what is theirs, and what
    is of the entities they are related to."""
    whole = {
        each.entity
        for each in grouping.properties
        if each.of_entity and not is_within(each.path, derived.entities)
    }
    derived = _without(derived, whole)
    added = tuple(
        (each.path, value)
        for each, value in zip(grouping.properties, values, strict=True)
        if not is_within(each.path, derived.entities) and not _all_have(each.path, derived)
    )
    paths = frozenset(path for path, _ in added)
    entities = {
        each.entity for each in grouping.properties if each.of_entity and each.path in paths
    }
    members = (*added, *((path, value) for path, value in derived.members if path not in paths))
    return replace(
        derived,
        members=members,
        kinds=tuple(_with_paths(kind, paths) for kind in derived.kinds),
        entities=derived.entities | entities,
    )


def _all_have(path: MemberPath, derived: DerivedColumns) -> bool:
    """Whether all rows that are not entities have a member at a path."""
    kinds = [kind for kind in kinds_of(derived) if not kind.is_entity]
    return all(path in kind.paths for kind in kinds or (_members_kind(derived.members),))


def kinds_of(derived: DerivedColumns) -> tuple[RowKind, ...]:
    """The kinds of rows, which is one where all rows have all members."""
    return derived.kinds or (_members_kind(derived.members),)


def _members_kind(members: Members) -> RowKind:
    return RowKind(frozenset(path for path, _ in members))


def _with_paths(kind: RowKind, paths: frozenset[MemberPath]) -> RowKind:
    """A kind of rows with further members; entities have them without being told."""
    return kind if kind.is_entity else replace(kind, paths=kind.paths | paths)


def _without(derived: DerivedColumns, entities: set[MemberPath]) -> DerivedColumns:
    """The rows without members of entities that they will have as a whole."""

    def remaining(paths: Iterable[MemberPath]) -> frozenset[MemberPath]:
        return frozenset(path for path in paths if not is_within(path, entities))

    return replace(
        derived,
        members=tuple(
            (path, value) for path, value in derived.members if not is_within(path, entities)
        ),
        kinds=tuple(
            kind if kind.is_entity else replace(kind, paths=remaining(kind.paths))
            for kind in derived.kinds
        ),
        entities=remaining(derived.entities),
    )


def _with_presence(
    derived: DerivedColumns, before: DerivedColumns, grouping: Grouping, present: BoundExpr
) -> DerivedColumns:
    """The kinds of rows that were made of groups in which different properties are absent: each
    kind of the rows with each set of properties.

    before  the rows without what they were grouped by
    """
    kinds: list[RowKind] = []
    branches: list[tuple[BoundExpr, BoundExpr]] = []
    for i, own in enumerate(kinds_of(before)):
        for j, paths in enumerate(grouping.paths):
            kind = _with_paths(own, paths)
            kinds += [] if kind in kinds else [kind]
            is_kind = () if derived.kind is None else (is_number(derived.kind, i),)
            condition = all_of((*is_kind, is_number(present, j)))
            assert condition is not None
            branches.append((condition, ConstantValue(kinds.index(kind), INT32)))
    return replace(derived, kinds=tuple(kinds), kind=CaseWhen(tuple(branches), INT32))
