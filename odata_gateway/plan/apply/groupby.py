"""groupby: what rows are grouped by, and what becomes of the rows within the groups (Data
Aggregation 4.0, section 3.2.3).

All groups are transformed at once. Rows are told apart by the values they are split by; outer
groups, whose rows may all be gone by then, are split by whether a row is left as well, so that an
aggregate finds each of them again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from odata_gateway.errors import BindName, BindType, Unsupported
from odata_gateway.plan.apply.measures import Measure, selection_of
from odata_gateway.plan.apply.rowset import (
    APPLY,
    DerivedColumns,
    InputSet,
    MemberPath,
    all_of,
    as_entities,
    content,
    layer,
    ordering,
    remade,
    rows_of,
    source_of,
)
from odata_gateway.plan.expression.paths import bind_path, names_of
from odata_gateway.plan.scope import Row, RowKind, RowStructure, Scope, column_of
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
class GroupPath:
    """A grouping property: the names of its path, and its value in a row.

    of_entity  it belongs to the key of an entity that rows are grouped by
    """

    path: tuple[str, ...]
    value: BoundExpr
    of_entity: bool = False


@dataclass(frozen=True, slots=True)
class Groups:
    """What rows are split by. Absent is another value than null: `present` is the number of the set
    of `paths` that a row has; None where all rows have the same ones."""

    items: tuple[GroupPath, ...]
    present: BoundExpr | None = None
    paths: tuple[frozenset[MemberPath], ...] = ()

    @property
    def values(self) -> tuple[BoundExpr, ...]:
        return tuple(item.value for item in self.items)


# --- grouping properties --------------------------------------------------------------------------


def bind_groups(items: Iterable[object], scope: Scope) -> tuple[GroupPath, ...]:
    """The grouping properties. One that is named twice counts once, and what an entity has by
    itself splits its group no further."""
    scope.binding.target = APPLY
    found: dict[tuple[str, ...], GroupPath] = {}
    for item in items:
        if isinstance(item, ast.RollupRecursive):
            raise Unsupported(
                "rolluprecursive is not supported",
                target=APPLY,
                at=item.at,
                hint="send a groupby for each level",
            )
        assert isinstance(item, ast.Member | ast.Variable)
        for group in _groups(item, scope):
            found[group.path] = (
                found[group.path] if group.path in found and not group.of_entity else group
            )
    entities = {g.path[:-1] for g in found.values() if g.of_entity}
    inside = {p: any(p[:i] in entities for i in range(1, len(p) - 1)) for p in found}
    return tuple(
        g for p, g in found.items() if not inside[p] and (g.of_entity or p[:-1] not in entities)
    )


def _groups(node: ast.Member | ast.Variable, scope: Scope) -> tuple[GroupPath, ...]:
    path = names_of(node, scope)
    place = bind_path(node, scope)
    if path is None or not isinstance(place, BoundExpr | Row):
        raise BindType(
            "rows are grouped by paths of single-valued segments", target=APPLY, at=node.at
        )
    if (
        scope.implicit.structure is not None
        and path[0] not in scope.computed
        and _is_away(path, scope.implicit.structure)
    ):
        hint = "group by it in the first groupby"
        raise BindName(
            f"'{'/'.join(path)}' was aggregated away by $apply", target=APPLY, at=node.at, hint=hint
        )
    return _grouped_by(
        tuple(name for name in path if "." not in name), place, scope, node.at
    )  # a cast to the type itself is no member


def _is_away(path: tuple[str, ...], structure: RowStructure) -> bool:
    """Whether rows have nothing at a path: no value to group by, and no null. Of an entity, rows
    have all."""
    place = structure
    for name in path if structure.itself is None else ():
        member = place.members.get(name)
        if member is None:
            return True
        if not isinstance(member, RowStructure):
            return False
        place = member
    return False


def _grouped_by(
    path: tuple[str, ...], place: BoundExpr | Row, scope: Scope, at: int
) -> tuple[GroupPath, ...]:
    """A value; an entity, by its key; or what rows have that were made before, by all of it."""
    if not isinstance(place, Row):
        return (GroupPath(path, place),)
    if not path:
        raise BindType(
            "rows are grouped by properties",
            target=APPLY,
            at=at,
            hint="name its properties, for example its key",
        )
    if place.structure is None:
        return tuple(
            GroupPath((*path, p.name), column_of(place, p), of_entity=True)
            for p in place.source.entity_type.key
        )
    if place.structure.entity is not None:
        hint = "name its properties, for example its key"
        raise Unsupported(
            "grouping rows of several kinds by a navigation property is not supported",
            target=APPLY,
            at=at,
            hint=hint,
        )
    if not place.structure.members:
        raise BindName(
            f"'{path[-1]}' was aggregated away by $apply",
            target=APPLY,
            at=at,
            hint="group by it in the first groupby",
        )
    found: list[GroupPath] = []
    for name, member in place.structure.members.items():
        if isinstance(member, Column):
            found.append(GroupPath((*path, name), member))
            continue
        inner = bind_path(
            ast.Member(None, name, at), replace(scope, implicit=place, variables={}, computed={})
        )
        assert isinstance(inner, BoundExpr | Row)
        found += _grouped_by((*path, name), inner, scope, at)
    return tuple(found)


def groups_of(items: Iterable[object], rows: InputSet) -> Groups:
    """The grouping properties, and which of them rows have."""
    found, made, structure = bind_groups(items, rows.scope), content(rows), rows.row.structure
    if made.shape is None or structure is None:
        return Groups(found)
    by_shape = [
        frozenset(g.path for g in found if structure.has(shape, g.path)) for shape in made.shapes
    ]
    distinct = tuple(dict.fromkeys(by_shape))
    if len(distinct) == 1:
        return Groups(found)
    numbers = (
        (is_number(made.shape, i), ConstantValue(distinct.index(paths), INT32))
        for i, paths in enumerate(by_shape)
    )
    return Groups(found, CaseWhen(tuple(numbers), INT32), distinct)


def is_number(value: BoundExpr, number: int) -> BoundExpr:
    """Whether a number the service gave is this one."""
    return Compare("eq", value, ConstantValue(number, INT32))


# --- rows within groups ---------------------------------------------------------------------------


def split_by(rows: InputSet, groups: Groups) -> InputSet:
    """The rows within the groups."""
    left = all_of(rows.kept)
    marks = (
        *(() if left is None else (left,)),
        *(() if groups.present is None else (groups.present,)),
    )
    return replace(rows, split=(*(rows.split or ()), *marks, *groups.values), kept=())


def aggregated(rows: InputSet, measures: tuple[Measure, ...]) -> InputSet:
    """One row for each group, or of all rows: the aggregates of those that are left."""
    values = rows.split or ()
    selection = selection_of(values, measures, rows.block, rows.kept, rows.scope)
    source, columns = source_of(rows, (selection,))
    key = tuple(part for column in columns[: len(values) or 1] for part in ordering(column))
    members = tuple(
        ((m.alias,), column) for m, column in zip(measures, columns[len(values) :], strict=True)
    )
    made = rows_of(
        rows, source, DerivedColumns(members, tuple(OrderKey(part, False) for part in key), key)
    )
    weight = (rows.weight + 1) * (
        1 + sum({m.reach.names: m.selects for m in measures if m.reach is not None}.values())
    )
    return replace(
        made, split=None if rows.split is None else columns[: len(values)], weight=weight
    )


def united_groups(inner: InputSet, outer: InputSet, groups: Groups) -> InputSet:
    """The rows of all groups together, those of the outer groups if there are any, with what they
    were grouped by."""
    assert inner.split is not None
    first = len(outer.split or ())
    marks = first + (1 if outer.kept else 0)
    values = inner.split[marks + (0 if groups.present is None else 1) :]
    found = replace(inner, split=None if outer.split is None else inner.split[:first], kept=())
    for condition in (*inner.split[first:marks], *inner.kept):
        found = found.where(condition)
    if found.made is None:
        return found
    if found.are_entities:
        return found if outer.split is not None else as_entities(found)
    made = _with_groups(found.made, groups, values)
    if groups.present is None:
        return remade(found, made)
    found.scope.binding.spend((len(made.shapes) or 1) * len(groups.paths), 0)
    return _as_columns(remade(found, _with_presence(made, found.made, groups, inner.split[marks])))


def _as_columns(rows: InputSet) -> InputSet:
    """The rows with their shape as a column: an expression would stand in the statement wherever
    the shape is asked for."""
    layered, new = layer(rows, rows.kept)
    return replace(layered, kept=tuple(new[condition] for condition in rows.kept))


def _with_groups(
    made: DerivedColumns, groups: Groups, values: tuple[BoundExpr, ...]
) -> DerivedColumns:
    """The rows with what they were grouped by; entities have it already, their own and those they
    are related to."""
    whole = {
        g.path[:-1]
        for g in groups.items
        if g.of_entity and not any(g.path[: len(e)] == e for e in made.entities)
    }
    made = _without(made, whole)
    own = [shape.paths for shape in made.shapes if not shape.is_entity] or [
        frozenset(path for path, _ in made.members)
    ]
    added = tuple(
        (g.path, value)
        for g, value in zip(groups.items, values, strict=True)
        if not all(g.path in paths for paths in own)
        and not any(g.path[: len(e)] == e for e in made.entities)
    )
    paths = frozenset(path for path, _ in added)
    shapes = tuple(
        shape if shape.is_entity else replace(shape, paths=shape.paths | paths)
        for shape in made.shapes
    )
    entities = made.entities | {
        g.path[:-1] for g in groups.items if g.of_entity and g.path in paths
    }
    members = (*added, *((path, value) for path, value in made.members if path not in paths))
    return replace(made, members=members, shapes=shapes, entities=entities)


def _without(made: DerivedColumns, entities: set[MemberPath]) -> DerivedColumns:
    """The rows without what they have of entities that they will have as a whole."""

    def stays(path: MemberPath) -> bool:
        return not any(path[: len(e)] == e for e in entities)

    return replace(
        made,
        members=tuple((path, value) for path, value in made.members if stays(path)),
        shapes=tuple(
            shape
            if shape.is_entity
            else replace(shape, paths=frozenset(filter(stays, shape.paths)))
            for shape in made.shapes
        ),
        entities=frozenset(filter(stays, made.entities)),
    )


def _with_presence(
    made: DerivedColumns, before: DerivedColumns, groups: Groups, present: BoundExpr
) -> DerivedColumns:
    """The shapes of rows that were made of groups in which other properties are absent: each with
    each."""
    own = before.shapes or (RowKind(frozenset(path for path, _ in before.members)),)
    shapes: list[RowKind] = []
    branches: list[tuple[BoundExpr, BoundExpr]] = []
    for i, shape in enumerate(own):
        for j, paths in enumerate(groups.paths):
            found = shape if shape.is_entity else replace(shape, paths=shape.paths | paths)
            shapes += [] if found in shapes else [found]
            conditions = (
                *(() if made.shape is None else (is_number(made.shape, i),)),
                is_number(present, j),
            )
            condition = all_of(conditions)
            assert condition is not None
            branches.append((condition, ConstantValue(shapes.index(found), INT32)))
    return replace(made, shapes=tuple(shapes), shape=CaseWhen(tuple(branches), INT32))
