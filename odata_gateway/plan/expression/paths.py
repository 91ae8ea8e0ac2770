"""Paths inside expressions: from a row, a range variable or $it over navigation properties to a
value, an entity or a collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from odata_gateway.edm.model import EntitySet, Property
from odata_gateway.errors import BindName, BindType, Unsupported, nearest
from odata_gateway.plan.expression.literals import literal, resolve_alias
from odata_gateway.plan.scope import (
    EntitySetRef,
    Frame,
    Reference,
    RelatedCollection,
    Row,
    RowStructure,
    Scope,
    ServiceRoot,
    follow,
    no_such_name,
    pick,
    read_property,
)
from odata_gateway.plan.tree.relation import Block, BoundExpr, Column, ConstantValue
from odata_gateway.url import ast

PathTarget = BoundExpr | Row | RelatedCollection | ServiceRoot | EntitySetRef


def bind_path(node: ast.Expr, scope: Scope) -> PathTarget:
    """What a path leads to: a value, one entity, or a collection."""
    target = scope.binding.target
    match node:
        case ast.Variable(name="$it"):
            return scope.it
        case ast.Variable(name="$this"):
            return scope.this
        case ast.Variable(name="$root"):
            return ServiceRoot()
        case ast.Variable(name=name):
            raise Unsupported(f"{name} is not supported", target=target, at=node.at)
        case ast.Member(base=None, name=name):
            return _first(name, scope, node.at)
        case ast.Member(base=base, name=name) if base is not None:
            return _step(bind_path(base, scope), name, scope, node.at)
        case ast.FilterSegment(base=base, predicate=predicate):
            place = bind_path(base, scope)
            if isinstance(place, RelatedCollection | EntitySetRef):
                return replace(place, filters=(*place.filters, predicate))
            raise BindType("$filter(...) needs a collection before it", target=target, at=node.at)
        case ast.Call(base=base, name=name) if base is not None:
            return _by_key(bind_path(base, scope), node, scope)
        case ast.Call(name=name):
            raise Unsupported(
                f"'{name}(...)' inside a path is not supported", target=target, at=node.at
            )
        case ast.Aggregation():
            raise Unsupported(
                "aggregate(...) inside an expression is not supported", target=target, at=node.at
            )
        case _:
            raise BindType("a path must start with a name", target=target, at=node.at)


def names_of(node: object, scope: Scope) -> tuple[str, ...] | None:
    """The names of a path from the row, with or without $it before them where that is the row; None
    for what is no path."""
    names: list[str] = []
    while isinstance(node, ast.Member):
        names.append(node.name)
        node = node.base
    starts = node is None or (
        isinstance(node, ast.Variable) and node.name == "$it" and scope.it is scope.implicit
    )
    return tuple(reversed(names)) if starts and names else None


def _first(name: str, scope: Scope, at: int) -> PathTarget:
    """A bare name: a range variable hides a property, and a computed name is new by rule."""
    if name in scope.variables:
        return scope.variables[name]
    if name in scope.computed:
        found = scope.computed[name]
        scope.binding.spend(found.nodes, found.levels)
        return found.value
    return _step(scope.implicit, name, scope, at)


def _step(place: PathTarget, name: str, scope: Scope, at: int) -> PathTarget:
    target = scope.binding.target
    if isinstance(place, ServiceRoot):
        return EntitySetRef(_entity_set(name, scope, at))
    if isinstance(place, RelatedCollection | EntitySetRef):
        hint = f"write {place.name}/any(x:x/{name} ...)"
        raise BindType(
            f"'{name}' cannot be read from a collection", target=target, at=at, hint=hint
        )
    if not isinstance(place, Row):
        raise BindName(f"a primitive value has no property '{name}'", target=target, at=at)
    if name.startswith("@"):
        raise Unsupported("annotations in expressions are not supported", target=target, at=at)
    if place.parts is not None:
        return _part(place.parts, name, target, at)
    if place.structure is not None:
        return _member(place, place.structure, name, scope, at)
    entity_type = place.source.entity_type
    if name in entity_type.properties:
        return read_property(place, entity_type.properties[name], target=target, at=at)
    if name in entity_type.navigation:
        navigation = entity_type.navigation[name]
        return (
            RelatedCollection(place, navigation)
            if navigation.collection
            else follow(scope.binding, place, navigation)
        )
    if "." in name:
        return _type_cast(place, name, scope, at)
    raise no_such_name(
        entity_type,
        name,
        target=target,
        at=at,
        extra=tuple(scope.variables) + tuple(scope.computed),
    )


def _part(parts: Mapping[str, Row], name: str, target: str, at: int) -> Row:
    """One of the entities in a row of $crossjoin."""
    if name in parts:
        return parts[name]
    hint = nearest(name, parts) or f"paths begin with {' or '.join(parts)}"
    raise BindName(f"rows of $crossjoin have no '{name}'", target=target, at=at, hint=hint)


def _member(row: Row, structure: RowStructure, name: str, scope: Scope, at: int) -> PathTarget:
    """A member of a row that $apply made; what its type declares and the row has no more is
    null."""
    target, entity_type = scope.binding.target, structure.entity_type
    found, itself = structure.members.get(name), structure.entity
    if isinstance(found, Reference):
        return pick(scope.binding, row.frame, found.entity_type, found.key)
    if isinstance(found, Column):
        return found
    if structure.itself is not None:
        itself = pick(scope.binding, row.frame, structure.itself.entity_type, structure.itself.key)
    if found is not None:
        entity = (
            None
            if itself is None or name not in itself.source.entity_type.navigation
            else _step(itself, name, scope, at)
        )
        return Row(
            row.frame,
            row.source,
            row.optional,
            replace(found, entity=entity if isinstance(entity, Row) else None),
        )
    if itself is not None:
        return _step(itself, name, scope, at)
    if name in entity_type.properties:
        prop = entity_type.properties[name]
        return ConstantValue(None, read_property(row, prop, target=target, at=at).type)
    if name in entity_type.navigation:
        navigation = entity_type.navigation[name]
        if navigation.collection:
            raise BindName(
                f"'{name}' was aggregated away by $apply",
                target=target,
                at=at,
                hint="use it in $apply, before the aggregation",
            )
        return Row(
            row.frame,
            row.source,
            row.optional,
            RowStructure(scope.binding.model.target_type(navigation), {}),
        )
    raise no_such_name(
        entity_type, name, target=target, at=at, extra=(*structure.members, *scope.computed)
    )


def _entity_set(name: str, scope: Scope, at: int) -> EntitySet:
    sets = scope.binding.model.entity_sets
    if name in sets:
        return sets[name]
    hint = nearest(name, sets) or f"the entity sets are {', '.join(sets)}"
    raise BindName(
        f"there is no entity set '{name}'", target=scope.binding.target, at=at, hint=hint
    )


def _by_key(place: PathTarget, node: ast.Call, scope: Scope) -> Row:
    """`$root/User(1)`: one entity of a set, or null where the caller sees none (5.1.1.14.5). It is
    looked up once for each row of the implicit one's SELECT, as a join."""
    target = scope.binding.target
    if not isinstance(place, ServiceRoot):
        raise Unsupported(
            f"'{node.name}(...)' inside a path is not supported", target=target, at=node.at
        )
    entity_set = _entity_set(node.name, scope, node.at)
    names = [p.name for p in entity_set.entity_type.key]
    given = {a.name: a.value for a in node.args if isinstance(a, ast.NamedArgument)}
    if len(node.args) == len(names) == 1 and not given:
        given = {names[0]: node.args[0]}
    if set(given) != set(names) or len(node.args) != len(names):
        form = ",".join(f"{n}=..." for n in names)
        raise BindType(f"the key of {entity_set.name} is ({form})", target=target, at=node.at)
    values = tuple(_key_value(p, given[p.name], scope, node.at) for p in entity_set.entity_type.key)
    return pick(scope.binding, scope.implicit.frame, entity_set.entity_type, values)


def _key_value(prop: Property, node: ast.Expr, scope: Scope, at: int) -> BoundExpr:
    node = resolve_alias(node, scope)
    if not isinstance(node, ast.Literal) or node.many:
        raise BindType("a key is a literal, or an alias of one", target=scope.binding.target, at=at)
    if node.kind in ("decimal", "double") and prop.type.is_integer:
        raise BindType(
            f"key property '{prop.name}' is {prop.type.name}",
            target=scope.binding.target,
            at=node.at,
        )
    value = literal(node, prop.type, scope)
    if value.type is not None and value.type.family != prop.type.family:
        raise BindType(
            f"key property '{prop.name}' is {prop.type.name}", target=scope.binding.target, at=at
        )
    return value


def _type_cast(row: Row, name: str, scope: Scope, at: int) -> PathTarget:
    """The model has no derived types, so the only cast that finds anything is to the type
    itself."""
    if name == row.source.entity_type.qualified_name:
        return row
    raise BindName(
        f"there is no type '{name}' derived from {row.source.entity_type.name}",
        target=scope.binding.target,
        at=at,
    )


def collection_block(
    related: RelatedCollection | EntitySetRef,
    frame: Frame,
    predicates: tuple[BoundExpr, ...],
    scope: Scope,
    bind_filter: Callable[[ast.Expr, Scope], BoundExpr],
) -> Block:
    """The rows of a collection for which all predicates and its $filter segments are true."""
    row = Row(frame, frame.source)
    narrowing = tuple(bind_filter(node, scope.nested(row)) for node in related.filters)
    link = (
        scope.binding.link(related.parent.source, related.navigation)
        if isinstance(related, RelatedCollection)
        else None
    )
    return frame.block(link, (*narrowing, *predicates))
