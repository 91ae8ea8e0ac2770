"""What rows show that may be of types derived from the declared one: each what its own type has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple, TypeVar

from odata_gateway.edm.model import EntityType, Model
from odata_gateway.plan.scope.rows import as_type, discriminator_of
from odata_gateway.plan.scope.scope import ShownRows
from odata_gateway.plan.tree.projection import EntityProjection, MixedProjection, Projection
from odata_gateway.plan.tree.relation import BoundExpr, CaseWhen, Compare, ConstantValue
from odata_gateway.types.primitive import BOOLEAN, INT32, STRING
from odata_gateway.url import ast

PathItem = TypeVar("PathItem", ast.SelectItem, ast.ExpandItem)


class TypeOfRows(NamedTuple):
    """The rows as those of one type, with the options that are about it."""

    rows: ShownRows
    options: ast.Options


class TypesOfRows(NamedTuple):
    """The types that rows may have, the declared one first, and the number of a row's type."""

    number: BoundExpr
    types: tuple[TypeOfRows, ...]


def types_of_rows(rows: ShownRows, options: ast.Options) -> TypesOfRows | None:
    """The types of rows; None where there is one only."""
    declared, model = rows.entity_set.entity_type, rows.scope.model
    derived = list(_concrete(declared, model))
    if not derived or declared.discriminator is None:
        return None
    row = rows.scope.implicit
    kind = discriminator_of(row, declared.discriminator)
    branches: list[tuple[BoundExpr, BoundExpr]] = []
    types = [TypeOfRows(rows, _options_of(declared, options, model))]
    for number, (entity_type, value) in enumerate(derived, 1):
        is_own = Compare("eq", kind, ConstantValue(value, STRING))
        branches.append((is_own, ConstantValue(number, INT32)))
        as_own = ShownRows(
            model.cast_set(rows.entity_set, entity_type),
            replace(rows.scope, implicit=as_type(row, entity_type)),
            rows.depth,
        )
        types.append(TypeOfRows(as_own, _options_of(entity_type, options, model)))
    branches.append((ConstantValue(True, BOOLEAN), ConstantValue(0, INT32)))
    return TypesOfRows(CaseWhen(tuple(branches), INT32, False), tuple(types))


def of_several_types(
    found: TypesOfRows, projections: tuple[EntityProjection, ...], options: ast.Options
) -> MixedProjection:
    """What each row shows, by the projections of its types; rows of derived types name theirs."""
    declared, *others = projections
    derived = map(_named, others)
    items = options.select
    selected = None if items is None else tuple("/".join(item.path) for item in items)
    return MixedProjection(found.number, (declared, *derived), replace(declared, selected=selected))


def named(projection: Projection) -> Projection:
    """What rows show that are not of the type which a reader expects: each names its type."""
    match projection:
        case EntityProjection():
            return _named(projection)
        case MixedProjection(kinds=(EntityProjection() as first, *others)):
            return replace(projection, kinds=(_named(first), *others))
    return projection


def _named(projection: EntityProjection) -> EntityProjection:
    return replace(projection, type_name=projection.entity_set.entity_type.qualified_name)


def _concrete(declared: EntityType, model: Model) -> Iterator[tuple[EntityType, str]]:
    """The derived types that rows can have, each with its value of the discriminator."""
    for name in declared.derived:
        found = model.entity_types.get(name)
        if found is not None and found.discriminator is not None:
            value = found.discriminator.own
            if value is not None:
                yield found, value


def _options_of(entity_type: EntityType, options: ast.Options, model: Model) -> ast.Options:
    """The options without casts to this type or its bases, and without items for other types."""
    select, expand = options.select, options.expand
    names = {each.qualified_name for each in model.bases(entity_type)}
    known = {each.qualified_name for each in model.entity_types.values()}
    if select is not None:
        select = tuple(_own(select, names, known))
    if expand is not None:
        expand = tuple(_own(expand, names, known))
    return replace(options, select=select, expand=expand)


def _own(items: tuple[PathItem, ...], names: set[str], known: set[str]) -> Iterator[PathItem]:
    """The items that are about a type, without casts."""
    for item in items:
        first = item.path[0]
        if len(item.path) > 1 and first in names:
            yield replace(item, path=item.path[1:])
        elif len(item.path) == 1 or first not in known:
            yield item
