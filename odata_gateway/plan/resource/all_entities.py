"""$all: the entities of all sets (URL Conventions 4.16).

The only type they have in common is Edm.EntityType, which has no properties: so they can be
searched, counted and paged, and nothing else. `$all/LiveAgent.Message` are those of one type, with
all options of their set.
"""

from __future__ import annotations

from dataclasses import dataclass

from odata_gateway.edm.model import EntitySet, EntityType, Model
from odata_gateway.errors import BindOption, BindSegment, Unsupported, nearest
from odata_gateway.plan.expression.order import bind_window
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.url import ast
from odata_gateway.url.options import ALLOWED, UNSUPPORTED

CONTEXT = "#Collection(Edm.EntityType)"
"""Protocol 10.19; each entity has a context URL of its own."""


@dataclass(frozen=True, slots=True)
class AllEntitiesQuery:
    """A request for all entities: the sets to read, in order. `is_cast` says that the request named
    a type, so that there is one set."""

    sets: tuple[EntitySet, ...]
    is_cast: bool = False
    top: LiteralSlot | None = None
    skip: LiteralSlot | None = None
    counts: bool = False


def bind_all(request: ast.SyntaxTree, model: Model) -> AllEntitiesQuery:
    """The sets and the options of a request for $all.

    raises  BindSegment for an unknown type, BindOption for an option that needs a type, Unsupported
            where no set can be searched
    """
    options, sets = request.options, tuple(model.entity_sets.values())
    if len(request.path) > 1:
        sets = _sets_of(request.path[1], model)
        if len(sets) == 1:
            return AllEntitiesQuery(sets, is_cast=True)
    for name in options.order:
        if name in UNSUPPORTED["all"]:
            raise Unsupported(f"{name} is not supported on $all", target=name, at=0)
        if name not in ALLOWED["all"] and not name.startswith("@"):
            hint = f"name a type, as in $all/{sets[0].entity_type.qualified_name}" if sets else None
            raise BindOption(
                f"{name} does not apply to $all: its entities have no property in common",
                target=name,
                at=0,
                hint=hint,
            )
    if options.search is not None:
        sets = tuple(s for s in sets if s.entity_type.can_be_searched or s.entity_type.unsearchable)
    if not sets:
        raise Unsupported(
            "no entity set has a property that $search looks at", target="$search", at=0
        )
    top, skip = bind_window(options)
    return AllEntitiesQuery(sets, False, top, skip, options.count is True)


def _sets_of(segment: ast.Segment, model: Model) -> tuple[EntitySet, ...]:
    """The sets of a type, whose name may be qualified or not."""
    if segment.args is not None:
        raise BindSegment(
            f"'{segment.name}(...)' cannot follow $all, only the name of a type can",
            target="path",
            at=segment.at,
            hint="read an entity from its own set, as in Message(1)",
        )
    found = tuple(s for s in model.entity_sets.values() if segment.name in _names(s.entity_type))
    if not found:
        withheld = [w for name, w in model.withheld.items() if name == segment.name]
        if withheld:
            raise withheld[0].refusal(segment.at)
        names = [s.entity_type.qualified_name for s in model.entity_sets.values()]
        hint = nearest(segment.name, names) or f"use one of the types {', '.join(names)}"
        raise BindSegment(
            f"there is no entity type '{segment.name}'", target="path", at=segment.at, hint=hint
        )
    return found


def _names(entity_type: EntityType) -> tuple[str, str]:
    return entity_type.qualified_name, entity_type.name
