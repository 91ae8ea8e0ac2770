"""Steps from a row: over a navigation property, to an entity by its key, to a property."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from odata_gateway.edm.model import (
    EntitySet,
    EntityType,
    LeftOut,
    Model,
    NavigationProperty,
    Property,
    StructuredType,
)
from odata_gateway.errors import (
    BindName,
    BindSecret,
    BindSegment,
    ODataError,
    Unsupported,
    nearest,
)
from odata_gateway.plan.scope.places import ObjectPlace, ValuePlace, only_where, place_of
from odata_gateway.plan.scope.rows import (
    Frame,
    Row,
    as_type,
    column_of,
    has_key,
    is_of_type,
    singleton_key,
)
from odata_gateway.plan.scope.scope import Binding
from odata_gateway.plan.tree.columns import column_of_property
from odata_gateway.plan.tree.conditions import all_of
from odata_gateway.plan.tree.relation import (
    Block,
    BoundExpr,
    ConstantValue,
    Derived,
    InSubquery,
    LeftJoin,
    Selection,
)


def follow(binding: Binding, row: Row, navigation: NavigationProperty) -> Row:
    """The row behind a single-valued navigation property; the same path always gives the same
    join."""
    name = navigation.name
    if row.condition is not None:  # types that are derived from one may have the same name
        name = f"{row.source.entity_type.name}/{name}"
    known = row.frame.reached.get((row.source.number, name))
    if known is None:
        known = binding.source(binding.model.target_type(navigation))
        row.frame.reached[row.source.number, name] = known
        key = () if row.condition is None else (row.condition,)
        row.frame.joins.append(LeftJoin(known, binding.link(row.source, navigation), key))
    return Row(row.frame, known, optional=True)


def entity_by_key(
    binding: Binding,
    frame: Frame,
    entity_type: EntityType,
    key: tuple[BoundExpr, ...],
    *,
    alternate: tuple[Property, ...] | None = None,
) -> Row:
    """The entity of a type that has a key, or none; the same key always gives the same join.

    alternate  the properties of an alternate key; None: those of the key
    """
    properties = alternate or entity_type.identity
    picked = (entity_type.name, properties, key)
    known = frame.picked.get(picked)
    if known is None:
        known = binding.source(entity_type)
        frame.picked[picked] = known
        frame.joins.append(LeftJoin(known, None, has_key(known, zip(properties, key, strict=True))))
    return Row(frame, known, optional=True)


def entity_of_singleton(binding: Binding, frame: Frame, singleton: EntitySet) -> Row:
    """The entity of a singleton, or none: that with its key, or the only row of its table."""
    entity_type = singleton.entity_type
    key = tuple(singleton_key(singleton))
    if key:
        values = tuple(value for _, value in key)
        return entity_by_key(binding, frame, entity_type, values)
    picked = (singleton.name, entity_type.identity, ())
    known = frame.picked.get(picked)
    if known is None:
        known, only = binding.source(entity_type), binding.source(entity_type)
        frame.picked[picked] = known
        own, its = (
            tuple(column_of_property(source.number, p) for p in entity_type.identity)
            for source in (known, only)
        )
        is_only = InSubquery(own, Derived((Selection(Block(only), its),)), single=True)
        frame.joins.append(LeftJoin(known, None, (is_only,)))
    return Row(frame, known, optional=True)


def read_property(row: Row, prop: Property, *, at: int) -> ValuePlace:
    """A property in a clause that computes with it; a column that the database does not have is
    null.

    raises  BindSecret  for a secret property
    """
    if prop.secret:
        raise BindSecret(
            f"property '{prop.name}' is secret: it reads as null and cannot be computed with",
            at=at,
            hint="leave it out of this option",
        )
    if prop.missing:
        return ConstantValue(None, prop.type)
    place = place_of(column_of(row, prop), prop)
    return place if row.condition is None else only_where(row.condition, place)


def read_member(place: ObjectPlace, name: str, *, at: int) -> ValuePlace:
    """A member of an object.

    raises  BindName  where objects of its type have none of this name
    """
    found = place.type.properties.get(name)
    if found is not None:
        return place.member(found)
    hint = nearest(name, place.type.properties) or (
        f"use one of {', '.join(place.type.properties)}"
    )
    raise BindName(f"{place.type.name} has no property '{name}'", at=at, hint=hint)


def check_cast(name: str, entity_type: StructuredType, *, at: int) -> None:
    """Refuse a cast to any type but the declared one, which changes nothing (URL Conventions
    4.11)."""
    derived = entity_type.derived if isinstance(entity_type, EntityType) else ()
    if name.rpartition(".")[2] in derived:
        raise Unsupported(f"a cast to '{name}' is not supported here", at=at)
    if name != entity_type.qualified_name:
        raise no_such_type(name, entity_type, at=at)


def cast_row(row: Row, name: str, model: Model, *, at: int) -> Row:
    """A row as one of the type of this name, which is its own or derived from it; it is there only
    if it is of that type."""
    entity_type = row.source.entity_type
    if any(each.qualified_name == name for each in model.bases(entity_type)):
        return row
    derived = model.derived_type(name, entity_type)
    if derived is None:
        raise no_such_type(name, entity_type, at=at)
    found = is_of_type(row, derived)
    condition = found if row.condition is None else all_of((row.condition, found))
    return replace(as_type(row, derived), condition=condition, optional=True)


def no_such_type(name: str, entity_type: StructuredType, *, at: int) -> BindName:
    """The error for a cast to another type than the declared one."""
    return BindName(
        f"there is no type '{name}' derived from {entity_type.name}",
        at=at,
        hint=f"leave it out, or write {entity_type.qualified_name}",
    )


def no_such_name(
    entity_type: StructuredType,
    name: str,
    *,
    at: int,
    what: str = "property",
    extra: tuple[str, ...] = (),
) -> ODataError:
    """The error for a name that neither the type nor `extra` has, or that is withheld."""
    if (withheld := entity_type.withheld.get(name)) is not None:
        return withheld.refusal(at)
    known = [*entity_type.properties, *entity_type.navigation, *extra]
    hint = (
        why_not(entity_type.left_out, name)
        or nearest(name, known)
        or f"see the properties of {entity_type.name} in $metadata"
    )
    return BindName(f"{entity_type.name} has no {what} '{name}'", at=at, hint=hint)


def no_such_set(
    model: Model, name: str, *, at: int, error: type[ODataError] = BindSegment
) -> ODataError:
    """The error for an entity set that the service does not have, or that is withheld."""
    if (withheld := model.withheld.get(name)) is not None:
        return withheld.refusal(at)
    sets = model.entity_sets
    hint = (
        why_not(model.left_out, name)
        or nearest(name, sets)
        or f"use one of the entity sets {', '.join(sets)}"
    )
    return error(f"there is no entity set '{name}'", at=at, hint=hint)


def why_not(left_out: Mapping[str, LeftOut], name: str) -> str | None:
    """Why a name of the database is not in the model, or None."""
    return left_out[name].text if name in left_out else None
