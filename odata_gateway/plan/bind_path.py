"""Paths inside expressions: from a row, a range variable or $it over navigation properties to a value, an entity or a collection."""

from __future__ import annotations

from collections.abc import Callable

from odata_gateway.errors import BindName, BindType, Unsupported
from odata_gateway.plan.expr import Expr
from odata_gateway.plan.relation import Block
from odata_gateway.plan.scope import Frame, Related, Row, Scope, follow, no_such_name, read_property
from odata_gateway.url import ast

Place = Expr | Row | Related


def bind_path(node: ast.Expr, scope: Scope) -> Place:
    """What a path leads to: a value, one entity, or a collection."""
    target = scope.binding.target
    match node:
        case ast.Variable(name="$it"):
            return scope.it
        case ast.Variable(name="$this"):
            return scope.this
        case ast.Variable(name=name):
            raise Unsupported(f"{name} is not supported", target=target, at=node.at)
        case ast.Member(base=None, name=name):
            return _first(name, scope, node.at)
        case ast.Member(base=base, name=name) if base is not None:
            return _step(bind_path(base, scope), name, scope, node.at)
        case ast.FilterSegment(base=base, predicate=predicate):
            place = bind_path(base, scope)
            if isinstance(place, Related):
                return Related(place.parent, place.navigation, (*place.filters, predicate))
            raise BindType("$filter(...) needs a collection before it", target=target, at=node.at)
        case ast.Call(name=name):
            raise Unsupported(f"'{name}(...)' inside a path is not supported", target=target, at=node.at)
        case ast.Aggregation():
            raise Unsupported("aggregate(...) inside an expression is not supported", target=target, at=node.at)
        case _:
            raise BindType("a path must start with a name", target=target, at=node.at)


def _first(name: str, scope: Scope, at: int) -> Place:
    """A bare name: a range variable hides a property, and a computed name is new by rule."""
    if name in scope.variables:
        return scope.variables[name]
    if name in scope.computed:
        found = scope.computed[name]
        scope.binding.spend(found.nodes, found.levels)
        return found.value
    return _step(scope.implicit, name, scope, at)


def _step(place: Place, name: str, scope: Scope, at: int) -> Place:
    target = scope.binding.target
    if isinstance(place, Related):
        hint = f"write {place.navigation.name}/any(x:x/{name} ...)"
        raise BindType(f"'{name}' cannot be read from a collection", target=target, at=at, hint=hint)
    if not isinstance(place, Row):
        raise BindName(f"a primitive value has no property '{name}'", target=target, at=at)
    if name.startswith("@"):
        raise Unsupported("annotations in expressions are not supported", target=target, at=at)
    entity_type = place.source.entity_type
    if name in entity_type.properties:
        return read_property(place, entity_type.properties[name], target=target, at=at)
    if name in entity_type.navigation:
        navigation = entity_type.navigation[name]
        return Related(place, navigation) if navigation.collection else follow(scope.binding, place, navigation)
    if "." in name:
        return _type_cast(place, name, scope, at)
    raise no_such_name(entity_type, name, target=target, at=at, extra=tuple(scope.variables) + tuple(scope.computed))


def _type_cast(row: Row, name: str, scope: Scope, at: int) -> Place:
    """The model has no derived types, so the only cast that finds anything is to the type itself."""
    if name == row.source.entity_type.qualified_name:
        return row
    raise BindName(f"there is no type '{name}' derived from {row.source.entity_type.name}", target=scope.binding.target, at=at)


def collection_block(
    related: Related, frame: Frame, predicates: tuple[Expr, ...], scope: Scope, bind_filter: Callable[[ast.Expr, Scope], Expr]
) -> Block:
    """The rows of a related collection for which all predicates and its $filter segments are true."""
    row = Row(frame, frame.source)
    narrowing = tuple(bind_filter(node, scope.nested(row)) for node in related.filters)
    link = scope.binding.link(related.parent.source, related.navigation)
    return frame.block(link, (*narrowing, *predicates))
