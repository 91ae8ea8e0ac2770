"""$apply: transformations, each of which makes the rows of the next (Data Aggregation 4.0, section 3).

Rows stay entities as long as a transformation only picks some of them or computes names: filter and search are predicates, top and its kin
ask whether the key is among those of a SELECT with a limit. What aggregates makes derived rows: a source whose columns are those of a
SELECT, with a `Structure` that says what they are called. Whatever follows, $filter and paging included, takes them as it takes a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import cast

from odata_gateway.edm import types
from odata_gateway.edm.model import EntitySet, EntityType, Table, Unscoped
from odata_gateway.errors import BindType, LimitDepth, Unsupported
from odata_gateway.plan.bind_aggregate import GroupPath, bind_groups, bind_measures, selection_of
from odata_gateway.plan.bind_compute import bind_compute
from odata_gateway.plan.bind_expr import bind_filter
from odata_gateway.plan.bind_order import bind_order, key_of, page_literal
from odata_gateway.plan.bind_resource import Resource
from odata_gateway.plan.bind_search import bind_search
from odata_gateway.plan.expr import Among, Column, Expr, Function, LiteralSlot
from odata_gateway.plan.relation import Aggregate, Block, Derived, Selection, Source, Within
from odata_gateway.plan.scope import Frame, Row, Scope, Structure
from odata_gateway.url import ast

APPLY = "$apply"
MAX_SELECTS = 16
"""SELECTs inside each other: what aggregates or limits is one, around all that comes before it."""
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """The input of a transformation.

    scope       what names mean in a row
    within      the path the entities lie in, and `predicates` what is asked of them
    order       the items of orderby, the last ones first
    computes    what compute added; bound again where the rows are used anew
    members     of derived rows: their columns by path; the first `unique` of them tell the rows apart
    """

    entity_set: EntitySet
    scope: Scope
    within: Within | None = None
    predicates: tuple[Expr, ...] = ()
    order: tuple[ast.OrderItem, ...] = ()
    computes: tuple[ast.ComputeItem, ...] = ()
    members: tuple[tuple[Path, Column], ...] | None = None
    unique: int = 0

    @property
    def row(self) -> Row:
        return self.scope.implicit

    @property
    def block(self) -> Block:
        frame = self.row.frame
        return Block(frame.source, None, self.within, tuple(frame.joins), self.predicates)


def bind_apply(steps: tuple[ast.Transformation, ...], resource: Resource, scope: Scope) -> Rows:
    """The rows that a sequence of transformations makes of a resource's.

    raises  Unsupported for a transformation that is not supported, LimitDepth for too many that nest
    """
    selects = [step for step in steps if step.name not in PLAIN]
    if len(selects) > MAX_SELECTS:
        reason = f"$apply aggregates and limits more than {MAX_SELECTS} times"
        raise LimitDepth(reason, target=APPLY, at=selects[MAX_SELECTS].at)
    place = resource.place
    rows = Rows(place.entity_set, scope, place.within, place.predicates)
    for step in steps:
        rows = transformed(step, rows)
    return rows


def transformed(step: ast.Transformation, rows: Rows) -> Rows:
    """The output of one transformation."""
    binding = rows.scope.binding
    binding.target = APPLY
    binding.enter()
    try:
        transform = TRANSFORMATIONS.get(step.name)
        if transform is None:
            raise Unsupported(f"the transformation {step.name} is not supported", target=APPLY, at=step.at)
        return transform(step, rows)
    finally:
        binding.leave()


# --- rows stay what they are --------------------------------------------------------------------------------------------------


def _identity(step: ast.Transformation, rows: Rows) -> Rows:
    return rows


def _filter(step: ast.Transformation, rows: Rows) -> Rows:
    [condition] = step.args
    return replace(rows, predicates=(*rows.predicates, bind_filter(_expr(condition), rows.scope)))


def _search(step: ast.Transformation, rows: Rows) -> Rows:
    [search] = step.args
    assert isinstance(search, ast.Term | ast.SearchOp)
    return replace(rows, predicates=(*rows.predicates, bind_search(search, rows.scope)))


def _compute(step: ast.Transformation, rows: Rows) -> Rows:
    items = tuple(item for item in step.args if isinstance(item, ast.ComputeItem))
    scope = bind_compute(items, rows.entity_set.entity_type, rows.scope, kept=rows.scope.computed, target=APPLY)
    return replace(rows, scope=scope, computes=(*rows.computes, *items))


def _orderby(step: ast.Transformation, rows: Rows) -> Rows:
    """A stable sort: what was sorted before decides among equals."""
    items = tuple(item for item in step.args if isinstance(item, ast.OrderItem))
    bind_order(items, rows.scope, APPLY)
    return replace(rows, order=(*items, *rows.order))


# --- some of the rows ---------------------------------------------------------------------------------------------------------


def _top(step: ast.Transformation, rows: Rows) -> Rows:
    return _limited(rows, top=_number(step))


def _skip(step: ast.Transformation, rows: Rows) -> Rows:
    return _limited(rows, skip=_number(step))


def _extreme(step: ast.Transformation, rows: Rows) -> Rows:
    """topcount and bottomcount, in the order they look at the rows; null is the least value."""
    expr = _expr(step.args[1])
    item = ast.OrderItem(expr, step.name == "topcount", expr.at)
    return _limited(replace(rows, order=(item, *rows.order)), top=_number(step))


def _number(step: ast.Transformation) -> LiteralSlot:
    node = step.args[0]
    if not isinstance(node, ast.Literal):
        raise Unsupported(f"the number of {step.name} must be written as a number", target=APPLY, at=step.at)
    if node.kind not in ("int32", "int64"):
        raise BindType(f"the number of {step.name} must be a whole number", target=APPLY, at=node.at)
    slot = page_literal(node, APPLY)
    assert slot is not None
    return slot


def _limited(rows: Rows, *, top: LiteralSlot | None = None, skip: LiteralSlot | None = None) -> Rows:
    """The first rows in their order, or those behind them."""
    order = bind_order(rows.order, rows.scope, APPLY)
    if rows.members is not None:
        members = (*rows.members, *(((name,), found.value) for name, found in rows.scope.computed.items()))
        selection = Selection(rows.block, tuple(value for _, value in members), order=order, top=top, skip=skip)
        paths = tuple(path for path, _ in members)
        return replace(derived(rows, (selection,), paths, rows.unique), order=rows.order)
    selection = Selection(rows.block, key_of(rows.row), order=order, top=top, skip=skip)
    frame = Frame(rows.scope.binding.source(rows.entity_set.entity_type))
    scope = bind_compute(rows.computes, rows.entity_set.entity_type, Scope.of(rows.scope.binding, frame), target=APPLY)
    chosen = Rows(rows.entity_set, scope, order=rows.order, computes=rows.computes)
    return replace(chosen, predicates=(Among(key_of(chosen.row), Derived((selection,))),))


# --- rows made of rows --------------------------------------------------------------------------------------------------------


def _aggregate(step: ast.Transformation, rows: Rows) -> Rows:
    return _grouped((), step, rows, ())


def _groupby(step: ast.Transformation, rows: Rows) -> Rows:
    """Groups are filtered within before they are aggregated; what follows the aggregation is done with all groups at once."""
    sequence = step.args[-1]
    steps = sequence.steps if isinstance(sequence, ast.Sequence) else ()
    items = step.args[:-1] if isinstance(sequence, ast.Sequence) else step.args
    groups = bind_groups(items, rows.scope)
    conditions: tuple[Expr, ...] = ()
    for i, inner in enumerate(steps):
        match inner.name:
            case "filter":
                rows.scope.binding.target = APPLY
                conditions = (*conditions, bind_filter(_expr(inner.args[0]), rows.scope))
            case "compute" | "identity":
                rows = transformed(inner, rows)
            case "aggregate":
                return _afterwards(steps[i + 1 :], _grouped(groups, inner, rows, conditions))
            case name:
                raise _not_within_groups(name, inner.at)
    if steps:
        raise _not_within_groups("a sequence without aggregate", step.at)
    return _grouped(groups, None, rows, ())


def _afterwards(steps: tuple[ast.Transformation, ...], rows: Rows) -> Rows:
    for step in steps:
        if step.name not in ("filter", "compute", "identity"):
            raise _not_within_groups(step.name, step.at)
        rows = transformed(step, rows)
    return rows


def _not_within_groups(name: str, at: int) -> Unsupported:
    hint = "filter, compute and identity can stand within groups, before and after one aggregate"
    return Unsupported(f"{name} within the groups of groupby is not supported", target=APPLY, at=at, hint=hint)


def _grouped(groups: tuple[GroupPath, ...], step: ast.Transformation | None, rows: Rows, conditions: tuple[Expr, ...]) -> Rows:
    """One row for each group, or one of all rows where there are no groups."""
    items = () if step is None else tuple(item for item in step.args if isinstance(item, ast.AggregateItem))
    measures = bind_measures(items, rows.entity_set.entity_type, rows.scope)
    selection = selection_of(groups, measures, rows.block, conditions, rows.scope)
    paths = (*(g.path for g in groups), *((m.alias,) for m in measures))
    return derived(rows, (selection,), paths, len(groups) or 1)


def derived(rows: Rows, selections: tuple[Selection, ...], paths: tuple[Path, ...], unique: int) -> Rows:
    """Rows made by SELECTs, whose columns are called by `paths`; the first `unique` columns tell them apart."""
    binding, base = rows.scope.binding, rows.entity_set.entity_type
    made = replace(base, table=Table("", ""), policy=Unscoped(), properties={}, navigation={}, indexes=frozenset())
    source = Source(next(binding.numbers), made, Derived(selections))
    columns = tuple(_column(source, i, column) for i, column in enumerate(selections[0].columns))
    members = tuple(zip(paths, columns, strict=True))
    key = tuple(part for column in columns[:unique] for part in _ordering(column))
    structure = _structure(base, members, rows.scope, key)
    return Rows(rows.entity_set, Scope.of(binding, Frame(source), structure), members=members, unique=unique)


def _column(source: Source, index: int, made: Expr | Aggregate) -> Column:
    return Column(source.number, f"c{index}", "", made.type or types.STRING, made.nullable)


def _ordering(column: Column) -> tuple[Expr, ...]:
    """What puts values into an order that a link can hold: of a text its beginning, and its digest for what is equal so far."""
    if column.type is not types.STRING:
        return (column,)
    return tuple(Function(id_, (column,), types.STRING, column.nullable) for id_ in ("start", "digest"))


def _structure(entity_type: EntityType, members: Iterable[tuple[Path, Column]], scope: Scope, key: tuple[Expr, ...] = ()) -> Structure:
    """Members by path as a tree."""
    found: dict[str, Column | list[tuple[Path, Column]]] = {}
    for (name, *rest), column in members:
        if not rest:
            found[name] = column
        elif isinstance(below := found.setdefault(name, []), list):
            below.append((tuple(rest), column))
    model = scope.binding.model
    return Structure(entity_type, {
        name: _structure(model.target_type(entity_type.navigation[name]), member, scope) if isinstance(member, list) else member
        for name, member in found.items()
    }, key)  # fmt: skip


def _expr(argument: object) -> ast.Expr:
    """An argument that the grammar has as an expression."""
    assert isinstance(argument, ast.Node)
    return cast(ast.Expr, argument)


Transform = Callable[[ast.Transformation, Rows], Rows]
PLAIN = frozenset({"identity", "filter", "search", "compute", "orderby"})
TRANSFORMATIONS: Mapping[str, Transform] = {
    "identity": _identity, "filter": _filter, "search": _search, "compute": _compute, "orderby": _orderby, "top": _top, "skip": _skip,
    "topcount": _extreme, "bottomcount": _extreme, "aggregate": _aggregate, "groupby": _groupby,
}  # fmt: skip
