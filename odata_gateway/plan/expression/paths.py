"""Paths inside expressions: from a row, a range variable or $it over navigation properties to a
value, an entity or a collection (URL Conventions 5.1.1.15)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from odata_gateway.edm.model import EntitySet, StructuredType
from odata_gateway.errors import BindName, BindType, Unsupported, nearest
from odata_gateway.plan.expression.keys import key_nodes, key_value
from odata_gateway.plan.scope.navigation import (
    cast_row,
    check_cast,
    entity_by_key,
    entity_of_singleton,
    follow,
    no_such_name,
    no_such_set,
    read_member,
    read_property,
)
from odata_gateway.plan.scope.places import ItemsPlace, ObjectPlace, structure_of
from odata_gateway.plan.scope.rows import Reference, Row, RowStructure
from odata_gateway.plan.scope.scope import (
    EntitySetRef,
    PathTarget,
    RelatedCollection,
    Scope,
    ServiceRoot,
)
from odata_gateway.plan.tree.relation import Block, BoundExpr, Column, ConstantValue
from odata_gateway.url import ast


def bind_path(node: ast.Expr, scope: Scope) -> PathTarget:
    """What a path leads to: a value, one entity, or a collection."""
    match node:
        case ast.Variable(name="$it"):
            return _whole(scope.it if scope.it_item is None else scope.it_item)
        case ast.Variable(name="$this"):
            return _whole(scope.this)
        case ast.Variable(name="$root"):
            return ServiceRoot()
        case ast.Variable(name=name):
            raise Unsupported(f"{name} is not supported", at=node.at)
        case ast.Member(base=None, name=name):
            return _first(name, scope, node.at)
        case ast.Member(base=base, name=name) if base is not None:
            return _step(bind_path(base, scope), name, scope, node.at)
        case ast.FilterSegment(base=base, predicate=predicate):
            place = bind_path(base, scope)
            if isinstance(place, RelatedCollection | EntitySetRef | ItemsPlace):
                return replace(place, filters=(*place.filters, predicate))
            raise BindType("$filter(...) needs a collection before it", at=node.at)
        case ast.Call(base=base) if base is not None:
            return _by_key(bind_path(base, scope), node, scope)
        case ast.Call(args=(*tested, ast.Member() as type_)) if node.name.lower() == "cast":
            return _cast(node, tested, type_.name, scope)
        case ast.Call() if node.name.lower() == "cast":
            return scope.bind.expr(node, scope)
        case ast.Call():
            raise _call_in_path(node)
        case ast.Aggregation():
            raise Unsupported("aggregate(...) inside an expression is not supported", at=node.at)
        case _:
            raise BindType("a path must start with a name", at=node.at)


def _cast(node: ast.Call, tested: list[ast.Expr], type_: str, scope: Scope) -> PathTarget:
    """cast(Type), cast(path,Type): the row, or the entity or object that a path leads to, if it is
    of a type of the model; a value as another primitive type (5.1.1.10.1)."""
    if type_ not in scope.model.structured_names:
        return scope.bind.expr(node, scope)
    place = bind_path(tested[0], scope) if tested else scope.implicit
    if isinstance(place, ObjectPlace) or (isinstance(place, Row) and place.crossed is None):
        return _step(place, type_, scope, node.at)
    raise BindType("only an entity or an object can be cast to this type", at=node.at)


def _whole(place: PathTarget) -> PathTarget:
    """What $it and $this stand for: a row, or the value that it is."""
    value = place.as_value if isinstance(place, Row) else None
    return place if value is None else value


def names_of(node: object, scope: Scope) -> tuple[str, ...] | None:
    """The names of a path from the row, with or without $it before them where that is the row, and
    without casts that change nothing; a cast of the row to a derived type is among them. None for
    what is not such a path."""
    names: list[ast.Member] = []
    while isinstance(node, ast.Member):
        names.append(node)
        node = node.base
    starts_at_row = node is None or (
        isinstance(node, ast.Variable) and node.name == "$it" and scope.it is scope.implicit
    )
    return _without_casts(reversed(names), scope) if starts_at_row and names else None


def _without_casts(path: Iterable[ast.Member], scope: Scope) -> tuple[str, ...]:
    row, found = scope.implicit, list[str]()
    place: StructuredType | None = row.source.entity_type
    if row.structure is not None:
        place = row.structure.entity_type
    for step in path:
        if place is not None and "." in step.name and step.name[0] != "@":
            derived = scope.model.derived_type(step.name, place)
            if derived is not None and not found and row.structure is None:
                found.append(step.name)
                place = derived
                continue
            check_cast(step.name, place, at=step.at)
            continue
        entity = row.crossed.get(step.name) if row.crossed is not None and not found else None
        navigation = place.navigation.get(step.name) if place is not None else None
        found.append(step.name)
        if entity is not None:
            place = entity.source.entity_type
        else:
            prop = None if place is None else place.properties.get(step.name)
            place = scope.model.target_type(navigation) if navigation else structure_of(prop)
    return tuple(found)


# --- one step -------------------------------------------------------------------------------------


def _first(name: str, scope: Scope, at: int) -> PathTarget:
    """A bare name: a range variable hides a property, and no property has a computed name."""
    if name in scope.variables:
        return scope.variables[name]
    if name in scope.computed:
        found = scope.computed[name]
        scope.binding.size.spend(found.nodes, found.levels, at)
        return found.value
    return _step(scope.item or scope.implicit, name, scope, at)


def _step(place: PathTarget, name: str, scope: Scope, at: int) -> PathTarget:
    if isinstance(place, ServiceRoot):
        if (found := scope.model.singletons.get(name)) is not None:
            return entity_of_singleton(scope.binding, scope.implicit.frame, found)
        return EntitySetRef(_entity_set(name, scope, at))
    if isinstance(place, RelatedCollection | EntitySetRef):
        if "." in name and name[0] != "@":
            return _cast_collection(place, name, scope, at)
        hint = f"write {place.name}/any(x:x/{name} ...)"
        raise BindType(f"'{name}' cannot be read from a collection", at=at, hint=hint)
    if name.startswith("@"):
        raise Unsupported("annotations in expressions are not supported", at=at)
    if isinstance(place, ObjectPlace | ItemsPlace):
        return _of_value(place, name, at)
    if not isinstance(place, Row):
        raise BindName(f"a primitive value has no property '{name}'", at=at)
    if place.crossed is not None:
        return _crossed_entity(place.crossed, name, at)
    if place.structure is not None:
        return _member(place, place.structure, name, scope, at=at)
    return _of_entity(place, name, scope, at)


def _cast_collection(
    place: RelatedCollection | EntitySetRef, name: str, scope: Scope, at: int
) -> PathTarget:
    """The members of a collection that are of a type derived from its own."""
    entity_type = place.type_in(scope.model)
    derived = scope.model.derived_type(name, entity_type)
    if derived is not None and not place.filters:
        return replace(place, cast=derived)
    check_cast(name, entity_type, at=at)
    return place


def _of_value(place: ObjectPlace | ItemsPlace, name: str, at: int) -> PathTarget:
    """A member of an object; a cast to its own type changes nothing."""
    if isinstance(place, ItemsPlace):
        hint = f"write {place.name}/any(x:x/{name} ...)"
        raise BindType(f"'{name}' cannot be read from a collection", at=at, hint=hint)
    if name == place.type.qualified_name:
        return place
    return read_member(place, name, at=at)


def _of_entity(row: Row, name: str, scope: Scope, at: int) -> PathTarget:
    entity_type = row.source.entity_type
    if name in entity_type.properties:
        return read_property(row, entity_type.properties[name], at=at)
    if name in entity_type.navigation:
        navigation = entity_type.navigation[name]
        if navigation.collection:
            return RelatedCollection(row, navigation)
        return follow(scope.binding, row, navigation)
    if "." in name:
        return cast_row(row, name, scope.model, at=at)
    raise no_such_name(
        entity_type, name, at=at, extra=tuple(scope.variables) + tuple(scope.computed)
    )


def _crossed_entity(crossed: Mapping[str, Row], name: str, at: int) -> Row:
    """One of the entities in a row of $crossjoin."""
    if name in crossed:
        return crossed[name]
    hint = nearest(name, crossed) or f"begin the path with {' or '.join(crossed)}"
    raise BindName(f"rows of $crossjoin have no '{name}'", at=at, hint=hint)


# --- members of rows that $apply made -------------------------------------------------------------


def _member(row: Row, structure: RowStructure, name: str, scope: Scope, *, at: int) -> PathTarget:
    """A member of a row that $apply made, or what its entity has."""
    if "." in name and not name.startswith("@"):
        check_cast(name, structure.entity_type, at=at)
        return row
    found, entity = structure.members.get(name), structure.entity
    if isinstance(found, Reference):
        return entity_by_key(scope.binding, row.frame, found.entity_type, found.key)
    if isinstance(found, Column):
        return found
    if structure.identity is not None:
        reference = structure.identity
        entity = entity_by_key(scope.binding, row.frame, reference.entity_type, reference.key)
    if found is not None:
        behind = (
            _step(entity, name, scope, at)
            if entity is not None and name in entity.source.entity_type.navigation
            else None
        )
        inner = replace(found, entity=behind if isinstance(behind, Row) else None)
        return replace(row, structure=inner)
    if entity is not None:
        return _step(entity, name, scope, at)
    return _aggregated_away(row, structure, name, scope, at=at)


def _aggregated_away(
    row: Row, structure: RowStructure, name: str, scope: Scope, *, at: int
) -> PathTarget:
    """What the type declares and the row no longer has: null (Data Aggregation 3.1.1)."""
    entity_type = structure.entity_type
    if name in entity_type.properties:
        prop = entity_type.properties[name]
        read_property(row, prop, at=at)
        return ConstantValue(None, prop.type)
    if name not in entity_type.navigation:
        raise no_such_name(entity_type, name, at=at, extra=(*structure.members, *scope.computed))
    navigation = entity_type.navigation[name]
    if navigation.collection:
        raise BindName(
            f"'{name}' was aggregated away by $apply",
            at=at,
            hint="use it in $apply, before the aggregation",
        )
    return replace(row, structure=RowStructure(scope.model.target_type(navigation), {}))


# --- entity sets, keys, collections ---------------------------------------------------------------


def _entity_set(name: str, scope: Scope, at: int) -> EntitySet:
    sets = scope.model.entity_sets
    if name in sets:
        return sets[name]
    raise no_such_set(scope.model, name, at=at, error=BindName)


def _by_key(place: PathTarget, node: ast.Call, scope: Scope) -> Row:
    """`$root/User(1)`: one entity of a set, or null where the caller sees none (5.1.1.14.5). A join
    looks it up once for each row of the implicit row's SELECT."""
    if not isinstance(place, ServiceRoot):
        raise _call_in_path(node)
    entity_type = _entity_set(node.name, scope, node.at).entity_type
    nodes = key_nodes(entity_type, node.args, at=node.at)
    values = tuple(key_value(p, value, scope) for p, value in nodes)
    properties = tuple(p for p, _ in nodes)
    frame = scope.implicit.frame
    return entity_by_key(scope.binding, frame, entity_type, values, alternate=properties)


def _call_in_path(node: ast.Call) -> Unsupported:
    return Unsupported(f"'{node.name}(...)' inside a path is not supported", at=node.at)


def collection_block(
    related: RelatedCollection | EntitySetRef,
    row: Row,
    predicates: tuple[BoundExpr, ...],
    scope: Scope,
) -> Block:
    """The rows of a collection for which all predicates and its $filter segments are true.

    row  a row of the collection, which the predicates are about
    """
    inner = scope.of_related(row)
    narrowing = tuple(inner.bind.condition(node, inner) for node in related.filters)
    link = (
        scope.binding.link(related.parent.source, related.navigation)
        if isinstance(related, RelatedCollection)
        else None
    )
    if isinstance(related, RelatedCollection) and related.parent.condition is not None:
        narrowing = (related.parent.condition, *narrowing)
    return row.frame.block(link, (*narrowing, *predicates))
