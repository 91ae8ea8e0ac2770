"""concat: the rows of several sequences one after the other, each with what it has (Data
Aggregation 4.0, section 3.2.2).

Rows come from a UNION ALL. Its columns are the number of the sequence, the order values of each
sequence's rows, so that pages follow the key behind the number, the key of the entity that a row
may be, and the members by path. What a row does not have is null in it, and its shape says that it
is absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from odata_gateway.edm.model import EntitySet
from odata_gateway.errors import Unsupported
from odata_gateway.plan.apply.groupby import is_number
from odata_gateway.plan.apply.rowset import (
    APPLY,
    DerivedColumns,
    InputSet,
    MemberPath,
    all_of,
    content,
    rows_of,
    source_of,
)
from odata_gateway.plan.expression.order import bind_order, key_of
from odata_gateway.plan.expression.paths import bind_path
from odata_gateway.plan.scope import Frame, RowKind
from odata_gateway.plan.tree.relation import BoundExpr, CaseWhen, ConstantValue, OrderKey, Selection
from odata_gateway.types.primitive import BOOLEAN, INT32, PrimitiveType
from odata_gateway.url import ast


def copied(rows: InputSet) -> InputSet:
    """The same rows in a SELECT of their own: what one sequence joins does not burden the
    others."""
    frame = rows.row.frame
    row = replace(
        rows.row, frame=Frame(frame.source, [*frame.joins], {**frame.reached}, {**frame.roots})
    )
    return replace(rows, scope=rows.scope.anew(row).with_computed(rows.scope.computed))


def united(rows: InputSet, branches: Sequence[InputSet], at: int) -> InputSet:
    """The rows of all branches, which were made of `rows`, in the order of the branches."""
    union = _UnionColumns(branches, at)
    rows = replace(rows, entity_set=_together([branch.entity_set for branch in branches], at))
    columns = [union.columns(i) for i in range(len(branches))]
    selections = tuple(
        Selection(branch.block, tuple(values))
        for branch, values in zip(branches, columns, strict=True)
    )
    source, made = source_of(rows, selections)
    left = iter(made)
    number, slots = next(left), [next(left) for _ in union.slots]
    itself = tuple(next(left) for _ in union.itself)
    members = tuple((path, next(left)) for path in union.paths)
    shape = next(left) if len(union.shapes) > 1 else None
    kept = (next(left),) if union.is_kept else ()
    order = tuple(
        OrderKey(column, slot.descending) for column, slot in zip(slots, union.slots, strict=True)
    )
    key = tuple(column for column, slot in zip(slots, union.slots, strict=True) if slot.is_key)
    homogeneous = len(union.shapes) == 1 and not union.shapes[0].is_entity
    found = rows_of(
        rows,
        source,
        DerivedColumns(
            members,
            (OrderKey(number, False), *order),
            (number, *key),
            union.entities,
            itself,
            () if homogeneous else tuple(union.shapes),
            shape,
        ),
    )
    weight = sum(branch.weight for branch in branches) + 1
    return replace(
        found, split=None if rows.split is None else tuple(left), kept=kept, weight=weight
    )


def _together(sets: Sequence[EntitySet], at: int) -> EntitySet:
    """The set with what join added in each sequence."""
    found = sets[0]
    for other in sets[1:]:
        if any(
            found.bindings.get(name, target) != target for name, target in other.bindings.items()
        ):
            raise Unsupported(
                "one alias of join for several types",
                target=APPLY,
                at=at,
                hint="give each sequence its own aliases",
            )
        if len(other.bindings) > len(found.bindings.keys() & other.bindings.keys()):
            navigation = {**found.entity_type.navigation, **other.entity_type.navigation}
            entity_type = replace(found.entity_type, navigation=navigation)
            found = replace(
                found, entity_type=entity_type, bindings={**found.bindings, **other.bindings}
            )
    return found


@dataclass(slots=True)
class _OrderColumn:
    """A column for order values of one type and direction."""

    type: PrimitiveType | None
    descending: bool
    is_key: bool = False

    @property
    def kind(self) -> tuple[PrimitiveType | None, bool]:
        return self.type, self.descending


@dataclass(slots=True)
class _UnionColumns:
    """The columns that several branches have together."""

    branches: Sequence[InputSet]
    at: int
    contents: list[DerivedColumns] = field(init=False)
    slots: list[_OrderColumn] = field(init=False, default_factory=list)
    places: list[dict[int, BoundExpr]] = field(init=False)
    shapes: list[RowKind] = field(init=False)
    paths: dict[MemberPath, PrimitiveType | None] = field(init=False, default_factory=dict)
    entities: frozenset[MemberPath] = field(init=False)
    is_kept: bool = field(init=False)

    def __post_init__(self) -> None:
        self.contents = [content(branch) for branch in self.branches]
        self.places = [self._placed(branch) for branch in self.branches]
        self.shapes = list(
            dict.fromkeys(shape for made in self.contents for shape in _shapes(made))
        )
        self.is_kept = any(branch.kept for branch in self.branches)
        self.entities = frozenset().union(*(made.entities for made in self.contents))
        for made in self.contents:
            for path, value in made.members:
                self._add(path, value.type, made)

    @property
    def itself(self) -> tuple[PrimitiveType, ...]:
        """The types of the key of the entity that a row may be."""
        if not any(shape.is_entity for shape in self.shapes):
            return ()
        return tuple(p.type for p in self.branches[0].entity_set.entity_type.key)

    def _add(self, path: MemberPath, type_: PrimitiveType | None, made: DerivedColumns) -> None:
        """A member; one name has one type and one meaning in all sequences."""
        name = "/".join(path)
        known = self.paths.setdefault(path, type_)
        if known is not type_:
            types = " and ".join("null" if t is None else t.name for t in (known, type_))
            raise Unsupported(
                f"'{name}' has several types: {types}",
                target=APPLY,
                at=self.at,
                hint="give it another name in one of them",
            )
        if any(path[: len(entity)] == entity for entity in self.entities - made.entities):
            reason = f"'{name}' would belong to an entity in one sequence and not in another"
            raise Unsupported(
                reason, target=APPLY, at=self.at, hint="group by the same paths in both"
            )

    def _placed(self, rows: InputSet) -> dict[int, BoundExpr]:
        """The order values of a branch by slot: behind each other, in slots of others where these
        fit."""
        order, key = bind_order(rows.order, rows.scope, APPLY), set(key_of(rows.row))
        found: dict[int, BoundExpr] = {}
        start = 0
        for item in order:
            slot = (item.expr.type, item.descending)
            place = next(
                (i for i in range(start, len(self.slots)) if self.slots[i].kind == slot),
                len(self.slots),
            )
            if place == len(self.slots):
                self.slots.append(_OrderColumn(*slot))
            self.slots[place].is_key = self.slots[place].is_key or item.expr in key
            found[place] = item.expr
            start = place + 1
        return found

    def columns(self, index: int) -> list[BoundExpr]:
        """The values of one branch: its number, order values, key, members, shape, whether the row
        is left, what groups are split by."""
        rows, made, places = self.branches[index], self.contents[index], self.places[index]
        own = dict(made.members)
        found: list[BoundExpr] = [ConstantValue(index, INT32)]
        found += [
            places.get(i, ConstantValue(None, slot.type)) for i, slot in enumerate(self.slots)
        ]
        found += made.itself or [ConstantValue(None, type_) for type_ in self.itself]
        found += [
            own.get(path) or _read(path, type_, rows, made) for path, type_ in self.paths.items()
        ]
        found += [self._shape(made)] if len(self.shapes) > 1 else []
        found += [all_of(rows.kept) or ConstantValue(True, BOOLEAN)] if self.is_kept else []
        return [*found, *(rows.split or ())]

    def _shape(self, made: DerivedColumns) -> BoundExpr:
        numbers = [ConstantValue(self.shapes.index(shape), INT32) for shape in _shapes(made)]
        if made.shape is None:
            return numbers[0]
        return CaseWhen(
            tuple((is_number(made.shape, i), number) for i, number in enumerate(numbers)), INT32
        )


def _shapes(made: DerivedColumns) -> tuple[RowKind, ...]:
    return made.shapes or (RowKind(frozenset(path for path, _ in made.members)),)


def _read(
    path: MemberPath, type_: PrimitiveType | None, rows: InputSet, made: DerivedColumns
) -> BoundExpr:
    """What an entity has at a path that other rows have as a member; null where the path leads
    nowhere."""
    entity_type = rows.entity_set.entity_type
    if made.itself and (path[0] in entity_type.properties or path[0] in entity_type.navigation):
        node: ast.Member | None = None
        for name in path:
            node = ast.Member(node, name)
        assert node is not None
        place = bind_path(node, rows.scope)
        if isinstance(place, BoundExpr):
            return place
    return ConstantValue(None, type_)
