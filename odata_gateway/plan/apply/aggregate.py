"""aggregate: what is made of all rows, or of those of each group (Data Aggregation 4.0, section
3.2.1).

A path over navigation properties considers each entity it reaches once, however many rows lead
there. So such entities are rows of their own, a SELECT DISTINCT for each path beside the one of the
input, and each aggregate looks at the rows of its path: no join can count a value twice, and a
group that reaches nothing is still there. An expression, in contrast, is evaluated for each row of
the input.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from odata_gateway.edm.model import EntityType
from odata_gateway.errors import BindName, BindType, Unsupported
from odata_gateway.plan.apply.groupby import bind_groups
from odata_gateway.plan.apply.measures import From, Measure, Reach
from odata_gateway.plan.apply.rowset import APPLY
from odata_gateway.plan.expression.binder import bind_expr
from odata_gateway.plan.expression.paths import names_of
from odata_gateway.plan.scope import (
    Binding,
    Frame,
    Reference,
    Row,
    RowStructure,
    Scope,
    column_of,
    read_property,
)
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
# Methods whose outcome does not change when a value comes more often.
INDIFFERENT = frozenset({"min", "max", "countdistinct"})


def bind_measures(
    items: Iterable[ast.AggregateItem], entity_type: EntityType, scope: Scope
) -> tuple[Measure, ...]:
    """The aggregate expressions; entities that several reach by one path are the same ones."""
    scope.binding.target = APPLY
    reaches: dict[tuple[str, ...], Reach] = {}
    found: dict[str, Measure] = {}
    for item in items:
        alias = _alias(item, entity_type, scope)
        if alias in found:
            raise _taken(alias, item)
        scope.binding.enter()
        try:
            found[alias] = _measure(item, alias, scope, reaches)
        finally:
            scope.binding.leave()
    return tuple(found.values())


def _alias(item: ast.AggregateItem, entity_type: EntityType, scope: Scope) -> str:
    if item.alias is None:
        hint = "write a method and an alias, as in id with max as newest"
        raise BindName("the model has no custom aggregates", target=APPLY, at=item.at, hint=hint)
    structure = scope.implicit.structure
    taken = (
        item.alias in entity_type.properties
        or item.alias in entity_type.navigation
        or item.alias in scope.computed
    )
    if taken or (structure is not None and item.alias in structure.members):
        raise _taken(item.alias, item)
    return item.alias


def _taken(alias: str, item: ast.AggregateItem) -> BindName:
    return BindName(
        f"the name '{alias}' is taken",
        target=APPLY,
        at=item.at,
        hint="choose a name that the rows do not have",
    )


def _measure(
    item: ast.AggregateItem, alias: str, scope: Scope, reaches: dict[tuple[str, ...], Reach]
) -> Measure:
    if item.sources:
        return _from(item, alias, scope)
    if item.expr is None:
        return Measure(alias, "count", None, types.DECIMAL, False)
    if isinstance(item.expr, ast.Count) and item.method is None:
        return _counted(item.expr, alias, scope, reaches)
    if item.method is None:
        hint = f"write a method, as in ... with max as {alias}"
        raise BindType(
            "an aggregate expression needs a method", target=APPLY, at=item.at, hint=hint
        )
    method = _method(item.method, item.at)
    names = _plain_names(item.expr, scope, item.at)
    navigation = _navigation(names, scope)
    if not navigation or (
        len(navigation) < len(names)
        and method in INDIFFERENT
        and not _is_collection(navigation, scope)
    ):
        value = bind_expr(item.expr, scope)
        return _valued(method, value, alias, item.at, None)
    reach = _reach(navigation, scope, reaches, item.at)
    if len(navigation) == len(names):
        if method != "countdistinct":
            raise BindType(
                f"{method} needs values, and an entity is none",
                target=APPLY,
                at=item.at,
                hint="name one of its properties",
            )
        return _valued(method, _one_key(reach.row, item.at), alias, item.at, reach)
    [name] = names[len(navigation) :] if len(names) == len(navigation) + 1 else [""]
    properties = reach.row.source.entity_type.properties
    if name not in properties:
        raise BindName(
            f"{reach.row.source.entity_type.name} has no property '{names[len(navigation)]}'",
            target=APPLY,
            at=item.at,
        )
    return _valued(
        method,
        read_property(reach.row, properties[name], target=APPLY, at=item.at),
        alias,
        item.at,
        reach,
    )


def _method(name: str | None, at: int) -> Method:
    if name is None:
        raise BindName(
            "the model has no custom aggregates",
            target=APPLY,
            at=at,
            hint="write a method behind with",
        )
    if name not in METHODS:
        raise Unsupported(f"the aggregation method '{name}' is not supported", target=APPLY, at=at)
    return METHODS[name]


def _from(item: ast.AggregateItem, alias: str, scope: Scope) -> Measure:
    """An aggregate of what the expression before the last `from` is in each of the groups behind
    it."""
    *before, last = item.sources
    structure = scope.implicit.structure
    if structure is not None and structure.shape is not None:
        raise Unsupported(
            "from over rows of several kinds is not supported",
            target=APPLY,
            at=last.at,
            hint="write two steps: groupby, aggregate",
        )
    method = _method(last.method, last.at)
    scope.binding.enter()
    try:
        inner = _measure(replace(item, sources=tuple(before)), alias, scope, {})
    finally:
        scope.binding.leave()
    groups = tuple(group.value for group in bind_groups(last.paths, scope))
    return _valued(
        method, ConstantValue(None, inner.type), alias, last.at, From(("", alias), groups, inner)
    )


def _counted(
    node: ast.Count, alias: str, scope: Scope, reaches: dict[tuple[str, ...], Reach]
) -> Measure:
    names = _plain_names(node.base, scope, node.at)
    if node.options is not None or not names:
        raise Unsupported(
            "$count in aggregate is supported behind a plain path only", target=APPLY, at=node.at
        )
    navigation = _navigation(names, scope)
    if len(navigation) < len(names):
        hint = f"write {'/'.join(names)} with countdistinct, or $count"
        raise Unsupported(
            "$count in aggregate counts what navigation properties lead to",
            target=APPLY,
            at=node.at,
            hint=hint,
        )
    return Measure(
        alias, "count", None, types.DECIMAL, False, _reach(navigation, scope, reaches, node.at)
    )


def _valued(
    method: Method, value: BoundExpr, alias: str, at: int, reach: Reach | From | None
) -> Measure:
    type_ = value.type
    if type_ is None:
        raise BindType("null has no type, and cannot be aggregated", target=APPLY, at=at)
    if method in ("sum", "average") and method not in type_.aggregates:
        raise BindType(f"{method} needs numbers, this is {type_.name}", target=APPLY, at=at)
    if method in ("min", "max") and method not in type_.aggregates:
        raise BindType(f"{type_.name} values have no order", target=APPLY, at=at)
    return Measure(alias, method, value, _result(method, type_), method != "countdistinct", reach)


def _result(method: Method, type_: PrimitiveType) -> PrimitiveType:
    """The type of an aggregate (3.2.1.3): wide enough for any number of rows."""
    if method in ("count", "countdistinct"):
        return types.DECIMAL
    result = type_.aggregates[method].result
    return type_ if result is None else types.PRIMITIVE_TYPES[result]


def _plain_names(node: ast.Expr, scope: Scope, at: int) -> tuple[str, ...]:
    """The names of a path; none for what is no path."""
    names = names_of(node, scope) or ()
    if any("." in name for name in names):
        raise Unsupported(
            "a cast in a path that is aggregated is not supported",
            target=APPLY,
            at=at,
            hint="leave the type's name out",
        )
    return names


# --- paths over navigation properties -------------------------------------------------------------


def _navigation(names: tuple[str, ...], scope: Scope) -> tuple[str, ...]:
    """The part of a path, from its start, that leads over navigation properties of entities."""
    row, found = scope.implicit, list[str]()
    place: EntityType | RowStructure = row.structure or row.source.entity_type
    for name in names:
        following = _following(place, name, scope) if found or name not in scope.computed else None
        if following is None:
            break
        found.append(name)
        place = following
    if found and isinstance(place, RowStructure):
        raise Unsupported(
            "aggregating over a path of rows that were aggregated before is not supported",
            target=APPLY,
        )
    return tuple(found)


def _following(
    place: EntityType | RowStructure, name: str, scope: Scope
) -> EntityType | RowStructure | None:
    """What a navigation property leads to; None for what is none."""
    if isinstance(place, EntityType):
        return (
            scope.binding.model.target_type(place.navigation[name])
            if name in place.navigation
            else None
        )
    member = place.members.get(name)
    if isinstance(member, Reference):
        return member.entity_type
    if member is None and place.itself is not None:
        return _following(place.itself.entity_type, name, scope)
    return member if isinstance(member, RowStructure) else None


def _is_collection(names: tuple[str, ...], scope: Scope) -> bool:
    row, found = scope.implicit, False
    entity_type = row.structure.entity_type if row.structure is not None else row.source.entity_type
    for name in names:
        found = found or entity_type.navigation[name].collection
        entity_type = scope.binding.model.target_type(entity_type.navigation[name])
    return found


def _reach(
    names: tuple[str, ...], scope: Scope, reaches: dict[tuple[str, ...], Reach], at: int
) -> Reach:
    known = reaches.get(names)
    if known is not None:
        return known
    row, crossed = scope.implicit, list[Block]()
    for name in names:
        scope.binding.spend(1, 0)
        member = None if row.structure is None else row.structure.members.get(name)
        if isinstance(member, RowStructure):
            row = replace(row, structure=member)
            continue
        if member is None and row.structure is not None:
            assert row.structure.itself is not None
            crossed.append(_found(row.structure.itself, scope.binding))
            row = Row(Frame(crossed[-1].source), crossed[-1].source)
        block = _related(row, name, member, scope.binding)
        crossed.append(block)
        row = Row(Frame(block.source), block.source)
    found = reaches[names] = Reach(names, tuple(crossed), row)
    return found


def _related(row: Row, name: str, member: Column | Reference | None, binding: Binding) -> Block:
    """The entities one step leads to."""
    if isinstance(member, Reference):
        return _found(member, binding)
    navigation = row.source.entity_type.navigation[name]
    source = binding.source(binding.model.target_type(navigation))
    return Block(source, binding.link(row.source, navigation))


def _found(reference: Reference, binding: Binding) -> Block:
    source = binding.source(reference.entity_type)
    return Block(source, predicates=reference.found_as(source))


def _one_key(row: Row, at: int) -> BoundExpr:
    key = row.source.entity_type.key
    if len(key) != 1:
        raise Unsupported(
            "counting entities with a key of several properties is not supported",
            target=APPLY,
            at=at,
        )
    return column_of(row, key[0])
