"""Context URLs (Protocol 4.01, section 10), which say what part of the model a body shows.

In 4.0 parentheses are never empty, because older readers refuse them. In 4.01 an expanded
navigation property always has parentheses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, assert_never

from odata_gateway.plan.tree.projection import (
    ApplyProjection,
    CrossjoinProjection,
    EntityProjection,
    Expand,
    ExpandOne,
    Field,
    MixedProjection,
    Nested,
    Projection,
    RowMembers,
    ValueProjection,
)
from odata_gateway.plan.tree.query import Query
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.protocol.headers.version import ODataVersion
from odata_gateway.protocol.metadata.document import MetadataDocuments


class ResponseContext(NamedTuple):
    """What a body says about its origin.

    url       the context URL
    metadata  the documents that it refers to
    version   of OData
    """

    url: str
    metadata: MetadataDocuments
    version: ODataVersion

    @property
    def metadata_etag(self) -> str:
        """The entity tag of $metadata (JSON Format 4.5.2). Only full metadata asks for it: the
        first time after a change of the schema, the whole document is made for it (1.3 ms)."""
        return self.metadata.etag(self.version)


def fragment(query: Query, version: str, key_text: Callable[[LiteralSlot], str]) -> str:
    """The fragment of a query's context URL.

    key_text  gives a key of the path as a URL has it
    """
    match query.form:
        case "references":
            return "#Collection($ref)"
        case "reference":
            return "#$ref"
        case "property" | "value" if query.context is None:
            path = "".join(
                piece if isinstance(piece, str) else key_text(piece) for piece in query.path
            )
            return f"#{path}"
    selection = "" if query.projection is None else _parenthesized(items(query.projection, version))
    if query.context is not None:
        return f"#{query.context}{selection}"
    suffix = "/$entity" if query.form == "entity" else ""
    return f"#{query.entity_set.shown_name}{selection}{suffix}"


def _parenthesized(names: list[str]) -> str:
    return f"({','.join(names)})" if names else ""


def items(projection: Projection, version: str) -> list[str]:
    """The select list of a projection (10.7 to 10.10)."""
    match projection:
        case EntityProjection():
            return _of_entity(projection, version)
        case ApplyProjection(members=members):
            return _members(members, version)
        case MixedProjection(declared=EntityProjection() as declared):
            return _of_entity(declared, version)
        case MixedProjection(kinds=kinds):
            return _common(kinds, version)
        case CrossjoinProjection() | ValueProjection():
            return []
        case _:
            assert_never(projection)


def _of_entity(projection: EntityProjection, version: str) -> list[str]:
    names: list[str] = []
    if projection.selected is not None:
        names += projection.selected
    elif projection.computed:
        names += ["*", *projection.computed]
    for expand in projection.expands:
        if isinstance(expand.content, str):
            continue
        nested = items(_within(expand, expand.content), version)
        if nested or version != "4.0":
            levels = "+" if expand.repeats else ""
            name = f"{expand.navigation.name}{expand.cast}{levels}"
            names.append(f"{name}({','.join(nested)})")
    return names + [name for name in _members(projection.related, version) if "(" in name]


def _within(expand: Expand, content: Projection) -> Projection:
    """What an expanded entity shows, without the further levels of itself, which a plus sign stands
    for (10.10)."""
    if isinstance(content, MixedProjection) and content.declared is not None:
        content = content.declared
    if not expand.repeats or not isinstance(content, EntityProjection):
        return content
    others = tuple(e for e in content.expands if e.navigation is not expand.navigation)
    return replace(content, expands=others)


def _members(members: RowMembers, version: str) -> list[str]:
    """The select list of rows that $apply made (Data Aggregation 3.1.1)."""
    names: list[str] = []
    for member in members:
        match member:
            case Field(name=name):
                names.append(name)
            case Nested(name=name, members=inner, entity_set=None):
                names += (f"{name}/{below}" for below in _members(inner, version))
            case Nested(name=name, members=inner):
                names.append(f"{name}({','.join(_members(inner, version))})")
            case ExpandOne(navigation=navigation, content=content):
                if isinstance(content, str):
                    continue
                nested, name = items(_within(member, content), version), navigation.name
                shows = nested or version != "4.0"
                names.append(f"{name}({','.join(nested)})" if shows else name)
            case _:
                assert_never(member)
    return names


Tree = dict[str, "Tree"]


def _common(kinds: tuple[EntityProjection | ApplyProjection, ...], version: str) -> list[str]:
    """The select list of rows of several kinds: what all of them have, or the term for having
    nothing in common (Data Aggregation 3.1.1)."""
    trees = [_tree(kind, version) for kind in kinds]
    common = trees[0]
    for tree in trees[1:]:
        common = _shared(common, tree)
    whole = [k for k in kinds if isinstance(k, EntityProjection) and k.selected is None]
    if len(whole) < len(kinds):
        return _written(common) or ["@Core.AnyStructure"]
    properties = kinds[0].entity_set.entity_type.properties
    further = [name for name in common if name not in properties]
    return ["*", *further] if further and any(kind.computed for kind in whole) else further


def _tree(projection: EntityProjection | ApplyProjection, version: str) -> Tree:
    """The members of rows of one kind, and what navigation properties among them show."""
    if isinstance(projection, ApplyProjection):
        return _branches(projection.members, version)
    found: Tree = {field.name: {} for field in projection.fields}
    expanded = items(replace(projection, selected=None, computed=()), version)
    return {**found, **{name: {} for name in expanded}}


def _branches(members: RowMembers, version: str) -> Tree:
    found: Tree = {}
    for member in members:
        if isinstance(member, Nested):
            found[member.name] = _branches(member.members, version)
        else:
            found |= {name: {} for name in _members((member,), version)}
    return found


def _shared(one: Tree, other: Tree) -> Tree:
    found = {name: _shared(inner, other[name]) for name, inner in one.items() if name in other}
    return {name: inner for name, inner in found.items() if inner or not (one[name] or other[name])}


def _written(tree: Tree) -> list[str]:
    return [
        f"{name}({','.join(_written(inner))})" if inner else name for name, inner in tree.items()
    ]
