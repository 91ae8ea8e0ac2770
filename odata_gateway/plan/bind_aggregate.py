"""groupby and aggregate: what rows are grouped by, and what is made of each group (Data Aggregation 4.0, sections 3.2.1 and 3.2.3).

A path over navigation properties considers each entity it reaches once, however many rows lead there. So such entities are rows of their
own, a SELECT DISTINCT for each path beside the one of the input, and each aggregate looks at the rows of its path: no join can count a
value twice, and a group that reaches nothing is still there. An expression, in contrast, is evaluated for each row of the input.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from odata_gateway.edm import types
from odata_gateway.edm.model import EntityType
from odata_gateway.edm.types import PrimitiveType
from odata_gateway.errors import BindName, BindType, Unsupported
from odata_gateway.plan.bind_expr import bind_expr
from odata_gateway.plan.bind_order import key_of
from odata_gateway.plan.bind_path import bind_path
from odata_gateway.plan.expr import Column, Constant, Expr, Logic
from odata_gateway.plan.relation import Aggregate, Block, Derived, Method, Selection, Source
from odata_gateway.plan.scope import Frame, Row, Scope, Structure, column_of, read_property
from odata_gateway.url import ast

APPLY = "$apply"
METHODS: dict[str, Method] = {"sum": "sum", "min": "min", "max": "max", "average": "average", "countdistinct": "countdistinct"}
# Methods whose outcome does not change when a value comes more often.
INDIFFERENT = frozenset({"min", "max", "countdistinct"})


@dataclass(frozen=True, slots=True)
class GroupPath:
    """A grouping property: the names of its path, and its value in a row."""

    path: tuple[str, ...]
    value: Expr


@dataclass(frozen=True, slots=True)
class Reach:
    """The entities that a path over navigation properties leads to from the input's rows: `crossed` with these, `row` is one of them."""

    names: tuple[str, ...]
    crossed: tuple[Block, ...]
    row: Row


@dataclass(frozen=True, slots=True)
class Measure:
    """An aggregate expression: `method` of `value` (None where rows are counted) in the input's rows or in those of `reach`."""

    alias: str
    method: Method
    value: Expr | None
    type: PrimitiveType
    nullable: bool
    reach: Reach | None = None


# --- groupby ------------------------------------------------------------------------------------------------------------------


def bind_groups(items: Iterable[object], scope: Scope) -> tuple[GroupPath, ...]:
    """The grouping properties; one that is named twice counts once."""
    scope.binding.target = APPLY
    found: dict[tuple[str, ...], GroupPath] = {}
    for item in items:
        if isinstance(item, ast.Rollup | ast.RollupRecursive):
            name = "rollup" if isinstance(item, ast.Rollup) else "rolluprecursive"
            raise Unsupported(f"{name} is not supported", target=APPLY, at=item.at, hint="send a groupby for each level")
        assert isinstance(item, ast.Member | ast.Variable)
        group = _group(item, scope)
        found.setdefault(group.path, group)
    return tuple(found.values())


def _group(node: ast.Member | ast.Variable, scope: Scope) -> GroupPath:
    path = names_of(node)
    place = bind_path(node, scope)
    if isinstance(place, Row):
        hint = "name its properties, for example its key"
        raise Unsupported("grouping by a navigation property is not supported", target=APPLY, at=node.at, hint=hint)
    if path is None or not isinstance(place, Expr):
        raise BindType("rows are grouped by paths of single-valued segments to a property", target=APPLY, at=node.at)
    return GroupPath(tuple(name for name in path if "." not in name), place)  # a cast to the type itself is no member


def names_of(node: object) -> tuple[str, ...] | None:
    """The names of a path from the row, with or without $it before them; None for what is no path."""
    names: list[str] = []
    while isinstance(node, ast.Member):
        names.append(node.name)
        node = node.base
    starts = node is None or (isinstance(node, ast.Variable) and node.name == "$it")
    return tuple(reversed(names)) if starts and names else None


# --- aggregate ----------------------------------------------------------------------------------------------------------------


def bind_measures(items: Iterable[ast.AggregateItem], entity_type: EntityType, scope: Scope) -> tuple[Measure, ...]:
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
    if item.sources:
        hint = "write groupby((...),aggregate(...)) and a second aggregate"
        raise Unsupported("from in an aggregate expression is not supported", target=APPLY, at=item.at, hint=hint)
    if item.alias is None:
        hint = "write a method and an alias, as in id with max as newest"
        raise BindName("the model has no custom aggregates", target=APPLY, at=item.at, hint=hint)
    structure = scope.implicit.structure
    taken = item.alias in entity_type.properties or item.alias in entity_type.navigation or item.alias in scope.computed
    if taken or (structure is not None and item.alias in structure.members):
        raise _taken(item.alias, item)
    return item.alias


def _taken(alias: str, item: ast.AggregateItem) -> BindName:
    return BindName(f"the name '{alias}' is taken", target=APPLY, at=item.at, hint="choose a name that the rows do not have")


def _measure(item: ast.AggregateItem, alias: str, scope: Scope, reaches: dict[tuple[str, ...], Reach]) -> Measure:
    if item.expr is None:
        return Measure(alias, "count", None, types.DECIMAL, False)
    if isinstance(item.expr, ast.Count) and item.method is None:
        return _counted(item.expr, alias, scope, reaches)
    if item.method is None:
        hint = f"write a method, as in ... with max as {alias}"
        raise BindType("an aggregate expression needs a method", target=APPLY, at=item.at, hint=hint)
    method = METHODS.get(item.method)
    if method is None:
        raise Unsupported(f"the aggregation method '{item.method}' is not supported", target=APPLY, at=item.at)
    names = _plain_names(item.expr, item.at)
    navigation = _navigation(names, scope)
    if not navigation or (len(navigation) < len(names) and method in INDIFFERENT and not _is_collection(navigation, scope)):
        value = bind_expr(item.expr, scope)
        return _valued(method, value, alias, item.at, None)
    reach = _reach(navigation, scope, reaches, item.at)
    if len(navigation) == len(names):
        if method != "countdistinct":
            raise BindType(f"{method} needs values, and an entity is none", target=APPLY, at=item.at, hint="name one of its properties")
        return _valued(method, _one_key(reach.row, item.at), alias, item.at, reach)
    [name] = names[len(navigation) :] if len(names) == len(navigation) + 1 else [""]
    properties = reach.row.source.entity_type.properties
    if name not in properties:
        raise BindName(f"{reach.row.source.entity_type.name} has no property '{names[len(navigation)]}'", target=APPLY, at=item.at)
    return _valued(method, read_property(reach.row, properties[name], target=APPLY, at=item.at), alias, item.at, reach)


def _counted(node: ast.Count, alias: str, scope: Scope, reaches: dict[tuple[str, ...], Reach]) -> Measure:
    names = _plain_names(node.base, node.at)
    if node.options is not None or not names:
        raise Unsupported("$count in aggregate is supported behind a plain path only", target=APPLY, at=node.at)
    navigation = _navigation(names, scope)
    if len(navigation) < len(names):
        hint = f"write {'/'.join(names)} with countdistinct, or $count"
        raise Unsupported("$count in aggregate counts what navigation properties lead to", target=APPLY, at=node.at, hint=hint)
    return Measure(alias, "count", None, types.DECIMAL, False, _reach(navigation, scope, reaches, node.at))


def _valued(method: Method, value: Expr, alias: str, at: int, reach: Reach | None) -> Measure:
    type_ = value.type
    if type_ is None:
        raise BindType("null has no type, and cannot be aggregated", target=APPLY, at=at)
    if method in ("sum", "average") and not type_.is_numeric:
        raise BindType(f"{method} needs numbers, this is {type_.name}", target=APPLY, at=at)
    if method in ("min", "max") and type_.family == "binary":
        raise BindType("Edm.Binary values have no order", target=APPLY, at=at)
    return Measure(alias, method, value, _result(method, type_), method != "countdistinct", reach)


def _result(method: Method, type_: PrimitiveType) -> PrimitiveType:
    """The type of an aggregate (3.2.1.3): wide enough for any number of rows."""
    match method, type_.family:
        case "count" | "countdistinct", _:
            return types.DECIMAL
        case "sum" | "average", "double":
            return types.DOUBLE
        case "sum", "integer":
            return types.DECIMAL if type_ is types.INT64 else types.INT64
        case "sum" | "average", _:
            return types.DECIMAL
    return type_


def _plain_names(node: ast.Expr, at: int) -> tuple[str, ...]:
    """The names of a path; none for what is no path."""
    names = names_of(node) or ()
    if any("." in name for name in names):
        raise Unsupported("a cast in a path that is aggregated is not supported", target=APPLY, at=at, hint="leave the type's name out")
    return names


# --- paths over navigation properties -----------------------------------------------------------------------------------------


def _navigation(names: tuple[str, ...], scope: Scope) -> tuple[str, ...]:
    """The part of a path, from its start, that leads over navigation properties of entities."""
    row = scope.implicit
    if row.structure is not None:
        if names and isinstance(row.structure.members.get(names[0]), Structure):
            raise Unsupported("aggregating over a path of rows that were aggregated before is not supported", target=APPLY)
        return ()
    entity_type, found = row.source.entity_type, list[str]()
    for name in names:
        if name not in entity_type.navigation or (not found and name in scope.computed):
            break
        found.append(name)
        entity_type = scope.binding.model.target_type(entity_type.navigation[name])
    return tuple(found)


def _is_collection(names: tuple[str, ...], scope: Scope) -> bool:
    entity_type, found = scope.implicit.source.entity_type, False
    for name in names:
        found = found or entity_type.navigation[name].collection
        entity_type = scope.binding.model.target_type(entity_type.navigation[name])
    return found


def _reach(names: tuple[str, ...], scope: Scope, reaches: dict[tuple[str, ...], Reach], at: int) -> Reach:
    known = reaches.get(names)
    if known is not None:
        return known
    row, crossed = scope.implicit, list[Block]()
    binding = scope.binding
    for name in names:
        binding.spend(1, 0)
        navigation = row.source.entity_type.navigation[name]
        source = binding.source(binding.model.target_type(navigation))
        crossed.append(Block(source, binding.link(row.source, navigation)))
        row = Row(Frame(source), source)
    found = reaches[names] = Reach(names, tuple(crossed), row)
    return found


def _one_key(row: Row, at: int) -> Expr:
    key = row.source.entity_type.key
    if len(key) != 1:
        raise Unsupported("counting entities with a key of several properties is not supported", target=APPLY, at=at)
    return column_of(row, key[0])


# --- the SELECT ---------------------------------------------------------------------------------------------------------------


def selection_of(
    groups: tuple[GroupPath, ...], measures: tuple[Measure, ...], block: Block, conditions: tuple[Expr, ...], scope: Scope
) -> Selection:
    """One row for each group, or one of all rows without groups: the grouping properties, and then the aggregates of the rows for which
    all `conditions` are true."""
    values = tuple(g.value for g in groups)
    reaches = tuple({m.reach.names: m.reach for m in measures if m.reach is not None}.values())
    if not reaches:
        condition = _all(conditions)
        aggregates = (Aggregate(m.method, m.value, condition, m.type, m.nullable) for m in measures)
        return Selection(block, (*values, *aggregates), len(groups))
    branches = tuple(_branch(reach, reaches, values, measures, block, conditions) for reach in (None, *reaches))
    united = scope.binding.source(scope.implicit.source.entity_type)
    source = Source(united.number, united.entity_type, Derived(branches))
    columns = _columns(source, branches)
    first = len(groups)
    marks = {reach.names if reach is not None else (): columns[first + i] for i, reach in enumerate((None, *reaches))}
    operands = iter(columns[first + 1 + len(reaches) :])
    aggregates = (
        Aggregate(m.method, None if m.value is None else next(operands), marks[m.reach.names if m.reach else ()], m.type, m.nullable)
        for m in measures
    )
    return Selection(Block(source), (*columns[:first], *aggregates), len(groups))


def _branch(
    reach: Reach | None, reaches: tuple[Reach, ...], groups: tuple[Expr, ...], measures: tuple[Measure, ...],
    block: Block, conditions: tuple[Expr, ...],
) -> Selection:  # fmt: skip
    """The rows of the input, or the entities of one path, each once for each group: the groups, a mark for whose rows they are, the values
    of the measures over them, and the keys of the entities."""
    condition = _all(conditions)
    own = condition if condition is not None and reach is None else Constant(True, types.BOOLEAN)
    marks = tuple(own if other is reach else Constant(False, types.BOOLEAN) for other in (None, *reaches))
    values = tuple(m.value if m.reach is reach else Constant(None, m.value.type) for m in measures if m.value is not None)
    keys = tuple(part if other is reach else Constant(None, part.type) for other in reaches for part in key_of(other.row))
    columns = (*groups, *marks, *values, *keys)
    if reach is None:
        return Selection(block, columns)
    narrowed = Block(block.source, block.link, block.within, block.joins, (*block.predicates, *conditions), reach.crossed)
    return Selection(narrowed, columns, distinct=True)


def _columns(source: Source, branches: tuple[Selection, ...]) -> tuple[Column, ...]:
    found = []
    for i, values in enumerate(zip(*(b.columns for b in branches), strict=True)):
        type_ = next((v.type for v in values if v.type is not None), types.STRING)
        found.append(Column(source.number, f"c{i}", "", type_, any(v.nullable for v in values)))
    return tuple(found)


def _all(conditions: tuple[Expr, ...]) -> Expr | None:
    match conditions:
        case ():
            return None
        case (only,):
            return only
    return Logic("and", conditions, any(c.nullable for c in conditions))
