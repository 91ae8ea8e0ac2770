"""Keys in paths (URL Conventions 4.3): which entity of a collection a path names."""

from __future__ import annotations

from dataclasses import replace

from odata_gateway.edm.model import EntityType, NavigationProperty
from odata_gateway.errors import BindNoEntity, BindSegment
from odata_gateway.plan.expression.keys import key_nodes, key_value
from odata_gateway.plan.expression.literals import resolve_alias
from odata_gateway.plan.resource.resolved_path import KeyValues, ResolvedPath
from odata_gateway.plan.scope.rows import has_key
from odata_gateway.plan.scope.scope import Binding, Scope
from odata_gateway.plan.tree.relation import BoundExpr, ConstantValue, Parameter
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.url import ast


def key_segment(place: ResolvedPath, segment: ast.Segment, binding: Binding) -> ResolvedPath:
    """Key as segment (4.3.6): `Conversation/1`. Several properties have a segment each, in the
    order of the key."""
    entity_type = place.entity_set.entity_type
    is_name = segment.name in entity_type.properties or segment.name in entity_type.navigation
    left = [prop for prop in entity_type.key if prop.name not in dict(place.tied)]
    if left and segment.literal is not None and segment.args is None and not is_name:
        if len(left) == 1:
            return by_key(place, (segment.literal,), segment, binding)
        value = key_value(left[0], segment.literal, Scope.of(binding, place.row))
        return replace(place, tied=(*place.tied, (left[0].name, value)), is_partial=True)
    name = place.entity_set.name
    if not entity_type.key:
        raise BindSegment(f"'{segment.name}' cannot follow rows without a key", at=segment.at)
    raise BindSegment(
        f"'{segment.name}' cannot follow a collection",
        at=segment.at,
        hint=f"address a member of {name} by key, as in {name}(1)",
    )


def by_key(
    place: ResolvedPath, args: tuple[ast.Expr, ...], segment: ast.Segment, binding: Binding
) -> ResolvedPath:
    """The entity of a collection that has a key."""
    entity_type, scope = place.entity_set.entity_type, Scope.of(binding, place.row)
    if not entity_type.key:
        raise BindSegment("these rows have no key", at=segment.at, hint="use $filter")
    tied = dict(place.tied)
    nodes = key_nodes(entity_type, args, at=segment.at, tied=tied.keys())
    given: dict[str, BoundExpr] = {}
    for prop, value in nodes:
        node = resolve_alias(value, scope)
        if isinstance(node, ast.Constant) and node.value is None:
            raise BindNoEntity("a key cannot be null", at=node.at)
        given[prop.name] = key_value(prop, node, scope)
    is_key = given.keys() <= {prop.name for prop in entity_type.key}
    key = entity_type.key if is_key else tuple(prop for prop, _ in nodes)
    values = tuple((prop, given.get(prop.name) or tied[prop.name]) for prop in key)
    pieces: list[str | LiteralSlot] = []
    for prop, bound in values:
        name = f"{prop.name}=" if len(key) > 1 or not is_key else ""
        pieces += [("," if pieces else "(") + name, _key_piece(bound)]
    return replace(
        place,
        state="entity",
        predicates=(*has_key(place.row.source, values), *place.predicates),
        optional=False,
        pieces=(*place.pieces, *pieces, ")"),
        key=tuple((prop.name, bound) for prop, bound in values),
        tied=(),
        is_partial=False,
    )


def tied_to(place: ResolvedPath, navigation: NavigationProperty, target: EntityType) -> KeyValues:
    """The values of the key of related entities that those of the entity before them say, by a
    referential constraint of the partner: a key need not repeat them (4.3.3)."""
    partner = target.navigation.get(navigation.partner or "")
    if partner is None or partner.collection:
        return ()
    known, names = dict(place.key), {prop.name for prop in target.key}
    return tuple(
        (own, known[other]) for own, other in partner.constraint if own in names and other in known
    )


def _key_piece(value: BoundExpr) -> str | LiteralSlot:
    """A key in a context URL: its literal, or a Boolean constant as it is written."""
    if isinstance(value, Parameter) and isinstance(value.slot, LiteralSlot):
        return value.slot
    assert isinstance(value, ConstantValue)
    return "true" if value.value else "false"
