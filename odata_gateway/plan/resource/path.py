"""Resource paths: from the segments of a URL to the rows that they name (URL Conventions, section
4).

A path is walked from the left. Each navigation segment makes the entity before it the `ParentPath`
of the one after it. So the rows of `Conversation(1)/messages` are messages for which a conversation
1 exists that the caller may see and that they belong to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from odata_gateway.edm.model import EntityType, NavigationProperty, Property
from odata_gateway.errors import (
    BindSegment,
    BindType,
    LimitDepth,
    Unsupported,
    UrlMethod,
    nearest,
)
from odata_gateway.plan.resource.functions import call_of_import, call_on_entity, cast_of_result
from odata_gateway.plan.resource.path_keys import by_key, key_segment, tied_to
from odata_gateway.plan.resource.resolved_path import ResolvedPath
from odata_gateway.plan.scope.navigation import no_such_set, why_not
from odata_gateway.plan.scope.places import ItemsPlace, ObjectPlace, place_of
from odata_gateway.plan.scope.rows import as_type, column_of, has_key, is_of_type, singleton_key
from odata_gateway.plan.scope.scope import Binding, Scope
from odata_gateway.plan.tree.query import ResultForm
from odata_gateway.plan.tree.relation import ParentPath
from odata_gateway.url import ast

MAX_SEGMENTS = 32
"""Segments of a path. Each navigation is an EXISTS in another one: 30 of them take 0.14 s of
planning, 50 0.5 s, 100 6 s (measured)."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What a path names, and the form of its answer."""

    form: ResultForm
    place: ResolvedPath


def bind_resource(path: tuple[ast.Segment, ...], binding: Binding) -> Resource:
    """The resource that a path of at least one segment names.

    raises  BindSegment  where a segment does not exist
    """
    if len(path) > MAX_SEGMENTS:
        raise LimitDepth(
            f"the path has more than {MAX_SEGMENTS} segments", at=path[MAX_SEGMENTS].at
        )
    place = (
        call_of_import(path[0], binding)
        or _singleton(path[0], binding)
        or _entity_set(path[0], binding)
    )
    form: ResultForm | None = None
    for segment in path[1:]:
        if form is not None:
            raise BindSegment(f"nothing can follow a {form} segment", at=segment.at)
        if place.is_final:
            raise BindSegment("nothing can follow a function that is not composable", at=segment.at)
        if place.is_partial:
            place = key_segment(place, segment, binding)
            continue
        form = _closing(place, segment)
        if form is None:
            place = _step(place, segment, binding)
    if place.is_partial:
        names = ", ".join(prop.name for prop in place.entity_set.entity_type.key)
        raise BindSegment(f"the key of {place.entity_set.name} is {names}", at=path[-1].at)
    return Resource(form or place.state, place)


def _singleton(segment: ast.Segment, binding: Binding) -> ResolvedPath | None:
    """The entity of a singleton; None for another segment."""
    found = binding.model.singletons.get(segment.name)
    if found is None:
        return None
    if segment.args is not None:
        raise BindSegment(f"'{found.name}' is one entity and takes no key", at=segment.at)
    row = binding.row_of(found.entity_type)
    return ResolvedPath(
        "entity",
        found,
        row,
        has_key(row.source, singleton_key(found)),
        optional=found.optional,
        pieces=(found.name,),
        context=found.name,
    )


def _entity_set(segment: ast.Segment, binding: Binding) -> ResolvedPath:
    sets = binding.model.entity_sets
    found = sets.get(segment.name)
    if found is None:
        if segment.name == "$all":
            raise BindSegment(
                "$all is neither an entity nor an entity set",
                at=segment.at,
                hint="read each set by its own name",
            )
        raise no_such_set(binding.model, segment.name, at=segment.at)
    row = binding.row_of(found.entity_type)
    place = ResolvedPath("collection", found, row, pieces=(found.name,))
    return place if segment.args is None else by_key(place, segment.args, segment, binding)


def _closing(place: ResolvedPath, segment: ast.Segment) -> ResultForm | None:
    """The form that a $-segment gives the path before it; None for a segment that leads further."""
    match segment.name, place.state:
        case ["$count", "collection"]:
            return "count"
        case ["$ref", "collection" | "entity"] if place.entity_set.entity_type.is_complex:
            raise BindSegment("what has no key cannot be referred to", at=segment.at)
        case ["$ref", "collection"]:
            return "references"
        case ["$ref", "entity"]:
            return "reference"
        case ["$count" | "$value", "property"]:
            return _closing_value(place, segment)
        case ["$value", "entity"]:
            return None
        case ["$filter", "collection"]:
            return None
        case ["$each", "collection"]:
            raise Unsupported(
                "$each is for changes of all members, and this service is read-only",
                at=segment.at,
                hint="leave /$each out to read the members",
            )
        case ["$query", _]:
            raise only_posted(segment)
        case ["$count" | "$ref" | "$value" | "$each", _]:
            raise BindSegment(f"{segment.name} cannot follow {place.shown}", at=segment.at)
        case ["$filter", _]:
            raise BindSegment(f"$filter(...) cannot follow {place.shown}", at=segment.at)
    if segment.name.startswith("$"):
        raise BindSegment(
            f"there is no segment '{segment.name}'",
            at=segment.at,
            hint=nearest(segment.name, ("$count", "$value", "$ref")),
        )
    return None


def _closing_value(place: ResolvedPath, segment: ast.Segment) -> ResultForm:
    """The same behind a property: a primitive value has $value, a collection $count."""
    is_items = isinstance(place.value, ItemsPlace)
    if segment.name == "$count" and is_items:
        return "count"
    if segment.name == "$count":
        raise BindSegment(f"$count cannot follow {place.shown}", at=segment.at)
    if is_items or isinstance(place.value, ObjectPlace):
        raise BindSegment(f"{place.shown_value} has no raw value", at=segment.at)
    return "value"


def only_posted(segment: ast.Segment) -> UrlMethod:
    """The error for a GET of `/$query`, which has the options of a request in its body (URL
    Conventions 4.17)."""
    error = UrlMethod(
        "$query takes POST, with the options as the body",
        at=segment.at,
        hint="write the options of a GET behind '?'",
    )
    error.headers = (("Allow", "POST, OPTIONS"),)
    return error


# --- one step -------------------------------------------------------------------------------------


def _step(place: ResolvedPath, segment: ast.Segment, binding: Binding) -> ResolvedPath:
    entity_type = place.entity_set.entity_type
    if segment.name == "$filter":
        return _filtered(place, segment, binding)
    if segment.name == "$value":
        return _media(place, segment)
    if place.state == "property":
        return _member(place, segment)
    if not segment.name:
        if place.state == "collection" and segment.args is not None:
            return by_key(place, segment.args, segment, binding)
        raise BindSegment("a key cannot follow another one", at=segment.at)
    if (called := call_on_entity(place, segment, binding)) is not None:
        return called
    if segment.name.startswith(entity_type.namespace + "."):
        return _type_cast(place, segment, binding)
    if binding.model.derived_type(segment.name, entity_type) is not None:
        return _type_cast(place, segment, binding)
    if place.state == "collection":
        return key_segment(place, segment, binding)
    if segment.name in entity_type.properties:
        return _property(place, entity_type.properties[segment.name], segment)
    if segment.name in entity_type.navigation:
        return _navigate(place, entity_type.navigation[segment.name], segment, binding)
    if segment.name in entity_type.withheld:
        raise entity_type.withheld[segment.name].refusal(segment.at)
    raise BindSegment(
        f"{entity_type.name} has no property '{segment.name}'",
        at=segment.at,
        hint=why_not(entity_type.left_out, segment.name)
        or nearest(segment.name, [*entity_type.properties, *entity_type.navigation]),
    )


def _filtered(place: ResolvedPath, segment: ast.Segment, binding: Binding) -> ResolvedPath:
    """`Message/$filter(private)`: the members for which the condition is true (4.12); several
    segments work as if joined by `and`."""
    scope = Scope.of(binding, place.row)
    conditions = tuple(scope.bind.condition(node, scope) for node in segment.args or ())
    return replace(place, predicates=(*place.predicates, *conditions))


def _type_cast(place: ResolvedPath, segment: ast.Segment, binding: Binding) -> ResolvedPath:
    """The entities that are of a type, which is their own or derived from it; on a collection a key
    may follow the cast."""
    entity_type = place.entity_set.entity_type
    derived = binding.model.derived_type(segment.name, entity_type)
    names = {each.qualified_name for each in binding.model.bases(entity_type)}
    if derived is None and segment.name not in names:
        raise BindSegment(f"there is no type or function '{segment.name}' here", at=segment.at)
    if derived is not None:
        place = _as_derived(place, derived, segment, binding)
    if segment.args is None:
        return place
    if place.state == "collection":
        return by_key(place, segment.args, segment, binding)
    raise BindSegment(f"there is no type or function '{segment.name}' here", at=segment.at)


def _as_derived(
    place: ResolvedPath, derived: EntityType, segment: ast.Segment, binding: Binding
) -> ResolvedPath:
    if place.entity_set.returned is not None:
        entity_set = cast_of_result(place.entity_set, derived, binding)
    else:
        entity_set = binding.model.cast_set(place.entity_set, derived)
    is_singleton = place.entity_set.singleton is not None
    return replace(
        place,
        entity_set=entity_set,
        row=as_type(place.row, entity_set.entity_type),
        predicates=(*place.predicates, is_of_type(place.row, derived)),
        optional=False,
        pieces=(*place.pieces, f"/{derived.qualified_name}"),
        context=entity_set.shown_name if is_singleton else place.context,
    )


def _property(place: ResolvedPath, prop: Property, segment: ast.Segment) -> ResolvedPath:
    if segment.args is not None:
        raise BindSegment(f"property '{segment.name}' takes no parentheses", at=segment.at)
    is_null = prop.secret or prop.missing
    value = None if is_null else place_of(column_of(place.row, prop), prop)
    pieces = (*place.pieces, "/" + prop.name)
    context = prop.type.name if place.is_anonymous else None
    return replace(place, state="property", prop=prop, value=value, pieces=pieces, context=context)


def _media(place: ResolvedPath, segment: ast.Segment) -> ResolvedPath:
    """The octets of a media entity (Protocol 11.2.4)."""
    media = place.entity_set.entity_type.media
    if media is None:
        name = place.entity_set.name
        text = f"{name} is not a media entity, so it has no $value"
        raise BindType(text, at=segment.at)
    return _property(place, media, segment)


def _member(place: ResolvedPath, segment: ast.Segment) -> ResolvedPath:
    """A member of an object; a cast to its own type changes nothing."""
    value = place.value
    if not isinstance(value, ObjectPlace):
        last = "$count" if isinstance(value, ItemsPlace) else "$value"
        raise BindSegment(
            f"{place.shown_value} has no '{segment.name}'",
            at=segment.at,
            hint=f"use only {last} behind it",
        )
    if segment.args is not None:
        raise BindSegment(f"property '{segment.name}' takes no parentheses", at=segment.at)
    if segment.name == value.type.qualified_name:
        return place
    prop = value.type.properties.get(segment.name)
    if prop is None:
        raise BindSegment(
            f"{value.type.name} has no property '{segment.name}'",
            at=segment.at,
            hint=nearest(segment.name, value.type.properties),
        )
    pieces = (*place.pieces, "/" + prop.name)
    context = prop.type.name if place.context is not None else None
    return replace(place, prop=prop, value=value.member(prop), pieces=pieces, context=context)


def _navigate(
    place: ResolvedPath, navigation: NavigationProperty, segment: ast.Segment, binding: Binding
) -> ResolvedPath:
    target_set = binding.model.target_set(place.entity_set, navigation)
    row = binding.row_of(target_set.entity_type)
    within = ParentPath(
        place.row.source,
        binding.link(place.row.source, navigation),
        place.predicates,
        place.within,
        tuple(place.row.frame.joins),
    )
    if not navigation.collection:
        if segment.args is not None:
            raise BindSegment(
                f"'{navigation.name}' is single-valued and takes no key", at=segment.at
            )
        pieces = (*place.pieces, "/" + navigation.name)
        if place.is_anonymous:
            pieces = (target_set.name,)
        return ResolvedPath("entity", target_set, row, within=within, optional=True, pieces=pieces)
    tied = tied_to(place, navigation, target_set.entity_type)
    pieces = (target_set.name,)
    found = ResolvedPath("collection", target_set, row, within=within, pieces=pieces, tied=tied)
    return found if segment.args is None else by_key(found, segment.args, segment, binding)


def is_stream(place: ResolvedPath) -> bool:
    """Whether a path ends in a stream, whose own address answers with its octets."""
    return place.prop is not None and place.prop.type.family.is_stream
