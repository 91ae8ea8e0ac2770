"""aggregate: what is made of all rows, or of those of each group (Data Aggregation 4.0, section
3.2.1).

A path over navigation properties considers each entity that it reaches once, however many rows lead
to it. So such entities are rows of their own, a SELECT DISTINCT for each path beside the one of the
input, and each aggregate looks at the rows of its path: no join can count a value twice, and a
group that reaches nothing is still there. An expression, in contrast, is evaluated for each row of
the input.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from odata_gateway.edm.model import EntityType
from odata_gateway.errors import BindName, BindType, Unsupported
from odata_gateway.plan.apply.groupby import bind_groups
from odata_gateway.plan.apply.measures import Measure, Origin, ReachedEntities, SmallerGroups
from odata_gateway.plan.expression.comparable import check_groupable
from odata_gateway.plan.expression.compute import check_new_name, name_taken
from odata_gateway.plan.expression.paths import names_of
from odata_gateway.plan.scope.navigation import no_such_name, read_member, read_property
from odata_gateway.plan.scope.places import ObjectPlace, ValuePlace
from odata_gateway.plan.scope.rows import (
    Frame,
    MemberPath,
    Reference,
    Row,
    RowStructure,
    column_of,
)
from odata_gateway.plan.scope.scope import Binding, Scope
from odata_gateway.plan.scope.structures import value_of_place
from odata_gateway.plan.tree.relation import Block, BoundExpr, Column, ConstantValue, Method
from odata_gateway.types import primitive as types
from odata_gateway.types.primitive import PrimitiveType
from odata_gateway.url import ast

METHODS: dict[str, Method] = {
    "sum": "sum",
    "min": "min",
    "max": "max",
    "average": "average",
    "countdistinct": "countdistinct",
}
# Methods whose result does not change when a value comes more often.
IGNORE_REPEATED = frozenset({"min", "max", "countdistinct"})


def bind_measures(
    items: Iterable[ast.AggregateItem], entity_type: EntityType, scope: Scope
) -> tuple[Measure, ...]:
    """The aggregate expressions; entities that several of them reach by one path are the same
    rows."""
    reached: dict[MemberPath, ReachedEntities] = {}
    found: dict[str, Measure] = {}
    for item in items:
        if item.alias is None:
            raise BindName(
                "the model has no custom aggregates",
                at=item.at,
                hint="write a method and an alias, as in id with max as newest",
            )
        check_new_name(item.alias, entity_type, scope, at=item.alias_at)
        if item.alias in found:
            raise name_taken(item.alias, item.at)
        with scope.binding.size.level(item.at):
            found[item.alias] = _MeasureBinder(item.alias, scope, reached).measure(item)
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _MeasureBinder:
    """Binds one aggregate expression.

    reached  the entities that expressions reached so far, by path; further ones are added
    """

    alias: str
    scope: Scope
    reached: dict[MemberPath, ReachedEntities] = field(default_factory=dict)

    def measure(self, item: ast.AggregateItem) -> Measure:
        if item.sources:
            return self._from_groups(item)
        if item.expr is None:
            return Measure(self.alias, "count", None, types.DECIMAL, False)
        if item.method is not None:
            return self._of_values(item.expr, _method(item.method, item.at), item.at)
        if isinstance(item.expr, ast.Count):
            return self._count(item.expr)
        raise BindType(
            "an aggregate expression needs a method",
            at=item.at,
            hint=f"write a method, as in ... with max as {self.alias}",
        )

    def _of_values(self, expr: ast.Expr, method: Method, at: int) -> Measure:
        """A method of an expression, of a property behind navigation properties, or of entities."""
        names = _plain_names(expr, self.scope, at)
        navigation = _navigation(names, self.scope, at)
        rest = names[len(navigation) :]
        if not navigation or (
            rest and method in IGNORE_REPEATED and not _is_collection(navigation, self.scope)
        ):
            return self._valued(method, self.scope.bind.expr(expr, self.scope), at)
        origin = self._reach(navigation, at)
        if not rest:
            if method != "countdistinct":
                raise BindType(
                    f"{method} needs values, not entities",
                    at=at,
                    hint="name one of their properties",
                )
            return self._valued(method, _one_key(origin.row, at), at, origin)
        value = value_of_place(_read(origin.row, rest, at), self.scope.binding)
        return self._valued(method, value, at, origin)

    def _from_groups(self, item: ast.AggregateItem) -> Measure:
        """An aggregate of what the expression before the last `from` is in each of the groups
        behind it."""
        *before, last = item.sources
        structure = self.scope.structure
        if structure is not None and structure.kind is not None:
            raise Unsupported(
                "from over rows of several kinds is not supported",
                at=last.at,
                hint="write two steps: groupby, aggregate",
            )
        method = _method(last.method, last.at)
        with self.scope.binding.size.level(last.at):
            inner = _MeasureBinder(self.alias, self.scope).measure(
                replace(item, sources=tuple(before))
            )
        groups = tuple(group.value for group in bind_groups(last.paths, self.scope))
        origin = SmallerGroups(("", self.alias), groups, inner)
        return self._valued(method, ConstantValue(None, inner.type), last.at, origin)

    def _count(self, node: ast.Count) -> Measure:
        """`path/$count`: the number of entities that a path reaches."""
        names = _plain_names(node.base, self.scope, node.at)
        if node.options is not None or not names:
            raise Unsupported(
                "$count in aggregate is supported behind a plain path only", at=node.at
            )
        navigation = _navigation(names, self.scope, node.at)
        if len(navigation) < len(names):
            raise Unsupported(
                "$count in aggregate counts what navigation properties lead to",
                at=node.at,
                hint=f"write {'/'.join(names)} with countdistinct, or $count",
            )
        origin = self._reach(navigation, node.at)
        return Measure(self.alias, "count", None, types.DECIMAL, False, origin)

    def _valued(
        self, method: Method, value: BoundExpr, at: int, origin: Origin | None = None
    ) -> Measure:
        type_ = value.type
        if type_ is None:
            raise BindType("null has no type and cannot be aggregated", at=at)
        if method in ("sum", "average") and method not in type_.aggregates:
            raise BindType(f"{method} needs numbers, this is {type_.name}", at=at)
        if method in ("min", "max") and method not in type_.aggregates:
            raise BindType(f"{type_.name} values have no order", at=at)
        check_groupable(type_, at=at)
        nullable = method != "countdistinct"
        return Measure(self.alias, method, value, aggregate_type(method, type_), nullable, origin)

    def _reach(self, names: MemberPath, at: int) -> ReachedEntities:
        """The entities that a path over navigation properties leads to."""
        if names not in self.reached:
            self.reached[names] = _reached(names, self.scope, at)
        return self.reached[names]


def _read(row: Row, names: MemberPath, at: int) -> ValuePlace:
    """A property of an entity, or a member of one."""
    entity_type, (first, *rest) = row.source.entity_type, names
    if first not in entity_type.properties:
        raise no_such_name(entity_type, first, at=at)
    place = read_property(row, entity_type.properties[first], at=at)
    for name in rest:
        if not isinstance(place, ObjectPlace):
            raise no_such_name(entity_type, "/".join(names), at=at)
        place = read_member(place, name, at=at)
    return place


def _method(name: str | None, at: int) -> Method:
    if name is None:
        raise BindName(
            "the model has no custom aggregates", at=at, hint="write a method behind with"
        )
    if name not in METHODS:
        raise Unsupported(f"the aggregation method '{name}' is not supported", at=at)
    return METHODS[name]


def aggregate_type(method: Method, type_: PrimitiveType) -> PrimitiveType:
    """The type of an aggregate (3.2.1.3): wide enough for any number of rows."""
    if method in ("count", "countdistinct"):
        return types.DECIMAL
    result = type_.aggregates[method].result
    return type_ if result is None else types.PRIMITIVE_TYPES[result]


# --- paths over navigation properties -------------------------------------------------------------


def _plain_names(node: ast.Expr, scope: Scope, at: int) -> MemberPath:
    """The names of a path; none for what is not a path."""
    names = names_of(node, scope) or ()
    if names and "." in names[0] and not _leads_on(names, scope):
        return ()  # a value of the row itself
    if any("." in name for name in names):
        raise Unsupported(
            "a cast in a path that is aggregated is not supported",
            at=at,
            hint="leave the type's name out",
        )
    return names


def _leads_on(names: MemberPath, scope: Scope) -> bool:
    """Whether a path that begins with a cast leads over a navigation property."""
    derived = scope.model.derived_type(names[0], scope.implicit.source.entity_type)
    return derived is not None and len(names) > 1 and names[1] in derived.navigation


def _navigation(names: MemberPath, scope: Scope, at: int) -> MemberPath:
    """The part of a path, from its start, that leads over navigation properties of entities."""
    row, found = scope.implicit, list[str]()
    place: EntityType | RowStructure = row.structure or row.source.entity_type
    for name in names:
        following = None if not found and name in scope.computed else _following(place, name, scope)
        if following is None:
            break
        found.append(name)
        place = following
    if found and isinstance(place, RowStructure):
        raise Unsupported(
            "aggregating over a path of rows that were aggregated before is not supported", at=at
        )
    return tuple(found)


def _following(
    place: EntityType | RowStructure, name: str, scope: Scope
) -> EntityType | RowStructure | None:
    """What a navigation property leads to; None for other names."""
    if isinstance(place, EntityType):
        navigation = place.navigation.get(name)
        return None if navigation is None else scope.model.target_type(navigation)
    member = place.members.get(name)
    if isinstance(member, Reference):
        return member.entity_type
    if member is None and place.identity is not None:
        return _following(place.identity.entity_type, name, scope)
    return member if isinstance(member, RowStructure) else None


def _is_collection(names: MemberPath, scope: Scope) -> bool:
    """Whether a navigation property of a path is collection-valued."""
    row = scope.implicit
    entity_type = row.structure.entity_type if row.structure is not None else row.source.entity_type
    found = False
    for name in names:
        found = found or entity_type.navigation[name].collection
        entity_type = scope.model.target_type(entity_type.navigation[name])
    return found


def _reached(names: MemberPath, scope: Scope, at: int) -> ReachedEntities:
    row, crossed = scope.implicit, list[Block]()
    for name in names:
        scope.binding.size.spend(1, 0, at)
        member = None if row.structure is None else row.structure.members.get(name)
        if isinstance(member, RowStructure):
            row = replace(row, structure=member)
            continue
        if member is None and row.structure is not None:
            assert row.structure.identity is not None
            crossed.append(_found(row.structure.identity, scope.binding))
            row = Row(Frame(crossed[-1].source), crossed[-1].source)
        block = _related(row, name, member, scope.binding)
        crossed.append(block)
        row = Row(Frame(block.source), block.source)
    return ReachedEntities(names, tuple(crossed), row)


def _related(row: Row, name: str, member: Column | Reference | None, binding: Binding) -> Block:
    """The entities that one step leads to."""
    if isinstance(member, Reference):
        return _found(member, binding)
    navigation = row.source.entity_type.navigation[name]
    source = binding.source(binding.model.target_type(navigation))
    return Block(source, binding.link(row.source, navigation))


def _found(reference: Reference, binding: Binding) -> Block:
    source = binding.source(reference.entity_type)
    return Block(source, predicates=reference.found_as(source))


def _one_key(row: Row, at: int) -> BoundExpr:
    key = row.source.entity_type.identity
    if len(key) != 1:
        raise Unsupported(
            "counting entities with a key of several properties is not supported", at=at
        )
    return column_of(row, key[0])
