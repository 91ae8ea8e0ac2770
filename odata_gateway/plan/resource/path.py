"""Resource paths: from the segments of a URL to the rows they name (URL Conventions section 4).

A path is walked from the left. Each navigation segment makes the entity before it the `Within` of
the one after it, so that the rows of `Conversation(1)/messages` are messages for which a
conversation 1 exists that the caller may see and that they belong to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from odata_gateway.edm.model import EntitySet, EntityType, NavigationProperty, Property
from odata_gateway.errors import (
    BindNoEntity,
    BindSegment,
    BindType,
    LimitDepth,
    Unsupported,
    UrlMethod,
    nearest,
)
from odata_gateway.plan.expression.binder import bind_expr, bind_filter, check_comparable
from odata_gateway.plan.expression.literals import literal, resolve_alias
from odata_gateway.plan.scope import Binding, Frame, Scope
from odata_gateway.plan.tree.query import ResultForm
from odata_gateway.plan.tree.relation import (
    Block,
    BoundExpr,
    Column,
    Compare,
    Parameter,
    ParentPath,
    Source,
)
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.url import ast

PATH = "path"
MAX_SEGMENTS = 32
"""Of a path. Each navigation is an EXISTS in another one: 30 of them take 0.14 s of planning, 50
0.5 s, 100 6 s (measured)."""
PathState = Literal["collection", "entity", "property"]


@dataclass(frozen=True, slots=True)
class ResolvedPath:
    """Where a path has led so far.

    state       what stands there
    frame       the table use of the entity or collection, and the joins its predicates ask for
    predicates  what picks one entity of it, or some by $filter segments
    within      the path before it, and `optional` whether its last step was a single-valued
                navigation property
    prop        the property a path ends in
    pieces      the canonical text of the path, for context URLs: text, or the number of a key's
                literal
    """

    state: PathState
    entity_set: EntitySet
    frame: Frame
    predicates: tuple[BoundExpr, ...] = ()
    within: ParentPath | None = None
    optional: bool = False
    prop: Property | None = None
    pieces: tuple[str | int, ...] = ()

    @property
    def source(self) -> Source:
        return self.frame.source


@dataclass(frozen=True, slots=True)
class Resource:
    """The end of a path: its form and the frame its options are bound in."""

    form: ResultForm
    place: ResolvedPath

    @property
    def frame(self) -> Frame:
        return self.place.frame

    @property
    def block(self) -> Block:
        return Block(
            self.place.source,
            None,
            self.place.within,
            tuple(self.frame.joins),
            self.place.predicates,
        )

    @property
    def parent(self) -> Block | None:
        """What must exist for an empty answer to be one."""
        within = self.place.within
        return None if within is None else within.block


def bind_resource(path: tuple[ast.Segment, ...], binding: Binding) -> Resource:
    """The resource a path of at least one segment names; BindSegment where a segment does not
    exist."""
    binding.target = PATH
    if len(path) > MAX_SEGMENTS:
        raise LimitDepth(
            f"the path has more than {MAX_SEGMENTS} segments", target=PATH, at=path[MAX_SEGMENTS].at
        )
    place = _entity_set(path[0], binding)
    form: ResultForm | None = None
    for segment in path[1:]:
        if form is not None:
            raise BindSegment(f"nothing can follow a {form} segment", target=PATH, at=segment.at)
        form = _closing(place, segment)
        if form is None:
            place = _step(place, segment, binding)
    return Resource(form or place.state, place)


def _entity_set(segment: ast.Segment, binding: Binding) -> ResolvedPath:
    model = binding.model
    found = model.entity_sets.get(segment.name)
    if found is None:
        if segment.name == "$all":
            raise BindSegment(
                "$all names no entity and no entity set",
                target=PATH,
                at=segment.at,
                hint="each set is read by its own name",
            )
        hint = (
            nearest(segment.name, model.entity_sets)
            or f"the entity sets are {', '.join(model.entity_sets)}"
        )
        raise BindSegment(
            f"there is no entity set '{segment.name}'", target=PATH, at=segment.at, hint=hint
        )
    place = ResolvedPath(
        "collection", found, Frame(binding.source(found.entity_type)), pieces=(found.name,)
    )
    return _by_key(place, segment.args, segment, binding) if segment.args is not None else place


def _closing(place: ResolvedPath, segment: ast.Segment) -> ResultForm | None:
    """The form a $-segment gives the place before it; None for a segment that leads further."""
    match segment.name, place.state:
        case ["$count", "collection"]:
            return "count"
        case ["$ref", "collection"]:
            return "references"
        case ["$ref", "entity"]:
            return "reference"
        case ["$value", "property"]:
            return "value"
        case ["$value", "entity"]:
            raise BindType(
                f"{place.entity_set.name} is no media entity, so it has no $value",
                target=PATH,
                at=segment.at,
            )
        case ["$count" | "$ref" | "$value", state]:
            raise BindSegment(
                f"{segment.name} cannot follow {'an' if state == 'entity' else 'a'} {state}",
                target=PATH,
                at=segment.at,
            )
        case ["$filter", "collection"]:
            return None
        case ["$filter", state]:
            raise BindSegment(
                f"$filter(...) cannot follow {'an' if state == 'entity' else 'a'} {state}",
                target=PATH,
                at=segment.at,
            )
        case ["$query", _]:
            raise only_posted(segment)
        case ["$each", "collection"]:
            hint = "without /$each, the same path reads the members"
            raise Unsupported(
                "$each is for changes of all members, and nothing can be changed here",
                target=PATH,
                at=segment.at,
                hint=hint,
            )
        case ["$each", state]:
            raise BindSegment(
                f"$each cannot follow {'an' if state == 'entity' else 'a'} {state}",
                target=PATH,
                at=segment.at,
            )
    if segment.name.startswith("$"):
        raise BindSegment(
            f"there is no segment '{segment.name}'",
            target=PATH,
            at=segment.at,
            hint=nearest(segment.name, ("$count", "$value", "$ref")),
        )
    return None


def _step(place: ResolvedPath, segment: ast.Segment, binding: Binding) -> ResolvedPath:
    entity_type = place.entity_set.entity_type
    if segment.name == "$filter":
        return _filtered(place, segment, binding)
    if place.state == "property":
        raise BindSegment(
            f"a primitive property has no '{segment.name}'",
            target=PATH,
            at=segment.at,
            hint="only $value can follow it",
        )
    if not segment.name:
        if place.state == "collection" and segment.args is not None:
            return _by_key(place, segment.args, segment, binding)
        raise BindSegment("a key cannot follow another one", target=PATH, at=segment.at)
    if segment.name.startswith(entity_type.namespace + "."):
        return _type_cast(place, segment, binding)
    if place.state == "collection":
        return _key_segment(place, segment, binding)
    if segment.name in entity_type.properties:
        if segment.args is not None:
            raise BindSegment(
                f"property '{segment.name}' takes no parentheses", target=PATH, at=segment.at
            )
        prop = entity_type.properties[segment.name]
        return replace(place, state="property", prop=prop, pieces=(*place.pieces, "/" + prop.name))
    if segment.name in entity_type.navigation:
        return _navigate(place, entity_type.navigation[segment.name], segment, binding)
    hint = nearest(segment.name, [*entity_type.properties, *entity_type.navigation])
    raise BindSegment(
        f"{entity_type.name} has no property '{segment.name}'",
        target=PATH,
        at=segment.at,
        hint=hint,
    )


def _filtered(place: ResolvedPath, segment: ast.Segment, binding: Binding) -> ResolvedPath:
    """`Message/$filter(private)`: the members for which the condition is true (4.12); several
    follow each other as if joined by `and`."""
    scope = Scope.of(binding, place.frame)
    conditions = tuple(bind_filter(node, scope) for node in segment.args or ())
    return replace(place, predicates=(*place.predicates, *conditions))


def only_posted(segment: ast.Segment) -> UrlMethod:
    """`/$query` has the options of a request in its body (URL Conventions 4.17), and a GET has
    none."""
    return UrlMethod(
        "$query takes POST, with the options as the body",
        target=PATH,
        at=segment.at,
        hint="a GET has them behind '?'",
    )


def _type_cast(place: ResolvedPath, segment: ast.Segment, binding: Binding) -> ResolvedPath:
    """The model has no derived types, so a cast is to the type itself; on a collection a key may
    follow it."""
    if segment.name == place.entity_set.entity_type.qualified_name:
        if segment.args is None:
            return place
        if place.state == "collection":
            return _by_key(place, segment.args, segment, binding)
    raise BindSegment(
        f"there is no type or function '{segment.name}' here", target=PATH, at=segment.at
    )


def _navigate(
    place: ResolvedPath, navigation: NavigationProperty, segment: ast.Segment, binding: Binding
) -> ResolvedPath:
    target_set = binding.model.entity_sets[place.entity_set.bindings[navigation.name]]
    frame = Frame(binding.source(target_set.entity_type))
    within = ParentPath(
        place.source,
        binding.link(place.source, navigation),
        place.predicates,
        place.within,
        tuple(place.frame.joins),
    )
    state: PathState = "collection" if navigation.collection else "entity"
    pieces = (target_set.name,) if navigation.collection else (*place.pieces, "/" + navigation.name)
    found = ResolvedPath(
        state, target_set, frame, within=within, optional=not navigation.collection, pieces=pieces
    )
    if segment.args is None:
        return found
    if not navigation.collection:
        raise BindSegment(
            f"'{navigation.name}' is single-valued and takes no key", target=PATH, at=segment.at
        )
    return _by_key(found, segment.args, segment, binding)


# --- keys -----------------------------------------------------------------------------------------


def _key_segment(place: ResolvedPath, segment: ast.Segment, binding: Binding) -> ResolvedPath:
    """Key as segment (4.3.6): `Conversation/1`."""
    entity_type = place.entity_set.entity_type
    key = entity_type.key
    is_name = segment.name in entity_type.properties or segment.name in entity_type.navigation
    if len(key) == 1 and segment.literal is not None and segment.args is None and not is_name:
        return _by_key(place, (segment.literal,), segment, binding)
    hint = (
        f"a member of {place.entity_set.name} is addressed by key, as in {place.entity_set.name}(1)"
    )
    raise BindSegment(
        f"'{segment.name}' cannot follow a collection", target=PATH, at=segment.at, hint=hint
    )


def _by_key(
    place: ResolvedPath, args: tuple[ast.Expr, ...], segment: ast.Segment, binding: Binding
) -> ResolvedPath:
    key = place.entity_set.entity_type.key
    values = _key_values(place.entity_set.entity_type, key, args, segment)
    scope = Scope.of(binding, place.frame)
    predicates: list[BoundExpr] = []
    pieces: list[str | int] = []
    for prop in key:
        predicates.append(_key_predicate(place.source, prop, values[prop.name], scope, segment))
        value = resolve_alias(values[prop.name], scope)
        name = f"{prop.name}=" if len(key) > 1 else ""
        pieces += [
            ("," if pieces else "(") + name,
            value.slot if isinstance(value, ast.Literal) else "",
        ]
    narrowed = (*predicates, *place.predicates)
    return replace(
        place,
        state="entity",
        predicates=narrowed,
        optional=False,
        pieces=(*place.pieces, *pieces, ")"),
    )


def _key_values(
    entity_type: EntityType,
    key: tuple[Property, ...],
    args: tuple[ast.Expr, ...],
    segment: ast.Segment,
) -> dict[str, ast.Expr]:
    names = [p.name for p in key]
    if len(args) == 1 and len(key) == 1 and not isinstance(args[0], ast.NamedArgument):
        return {names[0]: args[0]}
    values = {a.name: a.value for a in args if isinstance(a, ast.NamedArgument)}
    if len(values) == len(args) and set(values) == set(names):
        return values
    form = ",".join(f"{n}=..." for n in names)
    unknown = next((n for n in values if n not in names), None)
    reason = (
        f"'{unknown}' is no key property of {entity_type.name}"
        if unknown
        else f"the key of {entity_type.name} is ({form})"
    )
    raise BindType(reason, target=PATH, at=segment.at, hint=f"write {entity_type.name}({form})")


def _key_predicate(
    source: Source, prop: Property, node: ast.Expr, scope: Scope, segment: ast.Segment
) -> BoundExpr:
    node = resolve_alias(node, scope)
    column = Column(source.number, prop.column, prop.pg_type, prop.type, False)
    if isinstance(node, ast.Literal) and node.kind == "raw":
        value: BoundExpr = Parameter(LiteralSlot(node.slot, prop.type), prop.type)
    elif isinstance(node, ast.Literal) and not node.many:
        if node.kind in ("decimal", "double") and prop.type.is_integer:
            raise BindType(
                f"key property '{prop.name}' is {prop.type.name}", target=PATH, at=node.at
            )
        value = literal(node, prop.type, scope)
    elif isinstance(node, ast.Constant):
        value = bind_expr(node, scope)
    else:
        raise BindType(
            "a key is a literal",
            target=PATH,
            at=segment.at,
            hint=f"write {segment.name}(1), or an alias of a literal",
        )
    if value.type is None:
        raise BindNoEntity("a key is never null", target=PATH, at=segment.at)
    check_comparable("eq", prop.type, value.type, scope, segment.at)
    return Compare("eq", column, value)
