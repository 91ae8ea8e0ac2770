"""concat: the rows of several sequences one after the other, each with what it has (Data
Aggregation 4.0, section 3.2.2).

The rows come from a UNION ALL. What a row does not have is null in it, and its kind says that it is
absent. The columns begin with the number of the sequence and the order values of each sequence's
rows, so that pages follow the key behind the number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from odata_gateway.edm.model import EntitySet
from odata_gateway.errors import Unsupported
from odata_gateway.plan.apply.groupby import is_number, is_within, kinds_of
from odata_gateway.plan.apply.rowset import (
    DerivedColumns,
    InputSet,
    columns_of,
    cut_like,
    derived_source,
    rows_of_source,
)
from odata_gateway.plan.expression.order import bind_order, key_of
from odata_gateway.plan.scope.rows import MemberPath, RowKind
from odata_gateway.plan.tree.conditions import all_of
from odata_gateway.plan.tree.relation import (
    BoundExpr,
    CaseWhen,
    Column,
    ConstantValue,
    OrderKey,
    Selection,
)
from odata_gateway.types.primitive import BOOLEAN, INT32, PrimitiveType, promote
from odata_gateway.url import ast


def copied(rows: InputSet) -> InputSet:
    """The same rows in a SELECT of their own, so that the joins of one sequence are not read by the
    others."""
    row = replace(rows.row, frame=rows.row.frame.copy())
    return replace(rows, scope=rows.scope.of_derived(row).with_computed(rows.scope.computed))


def united(rows: InputSet, sequences: Sequence[InputSet], *, at: int) -> InputSet:
    """The rows of all sequences, which were made of `rows`, in the order of the sequences."""
    union = _union(sequences, at)
    rows = replace(rows, entity_set=_united_set([each.entity_set for each in sequences], at))
    columns = [union.columns(branch) for branch in union.branches]
    selections = tuple(
        Selection(branch.rows.block, own.all)
        for branch, own in zip(union.branches, columns, strict=True)
    )
    source, all_columns = derived_source(rows, selections)
    named = columns[0].named(all_columns)
    return replace(
        rows_of_source(rows, source, union.derived(named)),
        groups=None if rows.groups is None else named.groups,
        kept=named.kept,
        selects=sum(each.selects for each in sequences) + 1,
    )


def _united_set(sets: Sequence[EntitySet], at: int) -> EntitySet:
    """The set with what join added in each sequence."""
    found = sets[0]
    for other in sets[1:]:
        if any(
            found.bindings.get(name, target) != target for name, target in other.bindings.items()
        ):
            raise Unsupported(
                "one alias of join for several types is not supported",
                at=at,
                hint="give each sequence its own aliases",
            )
        if other.bindings.keys() - found.bindings.keys():
            navigation = {**found.entity_type.navigation, **other.entity_type.navigation}
            entity_type = replace(found.entity_type, navigation=navigation)
            found = replace(
                found, entity_type=entity_type, bindings={**found.bindings, **other.bindings}
            )
    return found


# --- columns --------------------------------------------------------------------------------------

AnyExpr = TypeVar("AnyExpr", bound=BoundExpr)


@dataclass(frozen=True, slots=True)
class UnionColumns(Generic[AnyExpr]):
    """The columns of the rows of one sequence, or of all, in groups; each group has as many in all
    sequences.

    order     values that the rows are ordered by
    identity  the key of the entity that a row may be
    members   the members, by path
    kind      the kind of the row; none where there is one kind only
    kept      within groups: whether the row is left; none where all rows are
    groups    within groups: the values that rows are grouped by
    """

    number: AnyExpr
    order: tuple[AnyExpr, ...]
    identity: tuple[AnyExpr, ...]
    members: tuple[AnyExpr, ...]
    kind: tuple[AnyExpr, ...]
    kept: tuple[AnyExpr, ...]
    groups: tuple[AnyExpr, ...]

    @property
    def all(self) -> tuple[AnyExpr, ...]:
        return (self.number, *(column for group in self._groups for column in group))

    @property
    def _groups(self) -> tuple[tuple[AnyExpr, ...], ...]:
        return (self.order, self.identity, self.members, self.kind, self.kept, self.groups)

    def named(self, columns: tuple[Column, ...]) -> UnionColumns[Column]:
        """The columns that the UNION ALL has for these."""
        return UnionColumns(columns[0], *cut_like(self._groups, columns[1:]))


@dataclass(slots=True)
class _OrderColumn:
    """A column for order values of one type and direction; `is_key` where one of them is of a
    key."""

    type: PrimitiveType | None
    descending: bool
    is_key: bool = False


@dataclass(frozen=True, slots=True)
class _UnionBranch:
    """The rows of one sequence: its number, what the rows have, and their order values by the
    position of the column that has them."""

    number: int
    rows: InputSet
    own: DerivedColumns
    order: Mapping[int, BoundExpr]


@dataclass(frozen=True, slots=True)
class _UnionLayout:
    """What the rows of all sequences have: columns to order them by, kinds of rows, members with
    their types, and the paths of entities."""

    branches: tuple[_UnionBranch, ...]
    order: tuple[_OrderColumn, ...]
    kinds: tuple[RowKind, ...]
    members: Mapping[MemberPath, PrimitiveType | None]
    entities: frozenset[MemberPath]

    @property
    def identity(self) -> tuple[PrimitiveType, ...]:
        """The types of the key of the entity that a row may be."""
        if not any(kind.is_entity for kind in self.kinds):
            return ()
        return tuple(p.type for p in self.branches[0].rows.entity_set.entity_type.identity)

    @property
    def have_all_members(self) -> bool:
        """Whether all rows have all members, and are not entities."""
        return len(self.kinds) == 1 and not self.kinds[0].is_entity

    def columns(self, branch: _UnionBranch) -> UnionColumns[BoundExpr]:
        """The values of the rows of one sequence."""
        rows, own, members = branch.rows, branch.own, dict(branch.own.members)
        some_removed = any(each.rows.kept for each in self.branches)
        return UnionColumns(
            number=ConstantValue(branch.number, INT32),
            order=tuple(
                branch.order.get(i, ConstantValue(None, column.type))
                for i, column in enumerate(self.order)
            ),
            identity=own.identity or tuple(ConstantValue(None, type_) for type_ in self.identity),
            members=tuple(
                members.get(path) or _of_entity(path, type_, branch)
                for path, type_ in self.members.items()
            ),
            kind=(self._kind(own),) if len(self.kinds) > 1 else (),
            kept=(all_of(rows.kept) or ConstantValue(True, BOOLEAN),) if some_removed else (),
            groups=rows.groups or (),
        )

    def _kind(self, own: DerivedColumns) -> BoundExpr:
        """The number of a row's kind among those of all sequences."""
        numbers = [ConstantValue(self.kinds.index(kind), INT32) for kind in kinds_of(own)]
        if own.kind is None:
            return numbers[0]
        return CaseWhen(
            tuple((is_number(own.kind, i), number) for i, number in enumerate(numbers)), INT32
        )

    def derived(self, columns: UnionColumns[Column]) -> DerivedColumns:
        """What the rows of all sequences have, in their columns."""
        order = tuple(zip(columns.order, self.order, strict=True))
        return DerivedColumns(
            members=tuple(zip(self.members, columns.members, strict=True)),
            order=(
                OrderKey(columns.number, False),
                *(OrderKey(column, each.descending) for column, each in order),
            ),
            key=(columns.number, *(column for column, each in order if each.is_key)),
            entities=self.entities,
            identity=columns.identity,
            kinds=() if self.have_all_members else self.kinds,
            kind=columns.kind[0] if columns.kind else None,
        )


# --- what the sequences have together -------------------------------------------------------------


def _union(sequences: Sequence[InputSet], at: int) -> _UnionLayout:
    contents = [columns_of(rows) for rows in sequences]
    order: list[_OrderColumn] = []
    branches = tuple(
        _UnionBranch(i, rows, own, _ordered(rows, order))
        for i, (rows, own) in enumerate(zip(sequences, contents, strict=True))
    )
    entities = frozenset[MemberPath]().union(*(own.entities for own in contents))
    kinds = tuple(dict.fromkeys(kind for own in contents for kind in kinds_of(own)))
    return _UnionLayout(branches, tuple(order), kinds, _members(contents, entities, at), entities)


def _members(
    contents: Sequence[DerivedColumns], entities: frozenset[MemberPath], at: int
) -> Mapping[MemberPath, PrimitiveType | None]:
    """The members of all sequences with their types; a name must have one type and one meaning in
    all of them."""
    found: dict[MemberPath, PrimitiveType | None] = {}
    for own in contents:
        for path, value in own.members:
            name = "/".join(path)
            known = found.setdefault(path, value.type)
            if known and value.type and known.name == value.type.name:
                found[path] = promote(known, value.type)
            elif known is not value.type:
                types = " and ".join("null" if t is None else t.name for t in (known, value.type))
                raise Unsupported(
                    f"'{name}' has several types: {types}",
                    at=at,
                    hint="give it another name in one of them",
                )
            if is_within(path, entities - own.entities):
                raise Unsupported(
                    f"'{name}' would belong to an entity in one sequence and not in another",
                    at=at,
                    hint="group by the same paths in both",
                )
    return found


def _ordered(rows: InputSet, columns: list[_OrderColumn]) -> Mapping[int, BoundExpr]:
    """The order values of a sequence's rows by the position of their column: one after the other,
    in columns of other sequences where type and direction fit. Further columns are added."""
    order, key = bind_order(rows.order, rows.scope), set(key_of(rows.row))
    found: dict[int, BoundExpr] = {}
    start = 0
    for item in order:
        wanted = (item.expr.type, item.descending)
        position = next(
            (
                i
                for i in range(start, len(columns))
                if (columns[i].type, columns[i].descending) == wanted
            ),
            len(columns),
        )
        if position == len(columns):
            columns.append(_OrderColumn(*wanted))
        columns[position].is_key = columns[position].is_key or item.expr in key
        found[position] = item.expr
        start = position + 1
    return found


def _of_entity(path: MemberPath, type_: PrimitiveType | None, branch: _UnionBranch) -> BoundExpr:
    """What an entity has at a path that other rows have as a member; null where the path leads
    nowhere."""
    entity_type = branch.rows.entity_set.entity_type
    if branch.own.identity and (
        path[0] in entity_type.properties or path[0] in entity_type.navigation
    ):
        node: ast.Member | None = None
        for name in path:
            node = ast.Member(node, name)
        assert node is not None
        place = branch.rows.scope.bind.path(node, branch.rows.scope)
        if isinstance(place, BoundExpr):
            return place
    return ConstantValue(None, type_)
