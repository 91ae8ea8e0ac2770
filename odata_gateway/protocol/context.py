"""Context URLs (Protocol 4.01, section 10), which say what part of the model a body shows.

In 4.0 parentheses are never empty, because older readers refuse them. In 4.01 an expanded
navigation property always has parentheses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from odata_gateway.plan.tree.projection import Expand, ExpandOne, Field, Nested, Projection
from odata_gateway.plan.tree.query import Query
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


def fragment(query: Query, version: str, key_text: Callable[[int], str]) -> str:
    """The fragment of a query's context URL.

    key_text  gives a key value of the path by the slot of its literal
    """
    if query.context is not None:
        return f"#{query.context}"
    match query.form:
        case "references":
            return "#Collection($ref)"
        case "reference":
            return "#$ref"
        case "property" | "value":
            path = "".join(
                piece if isinstance(piece, str) else key_text(piece) for piece in query.path
            )
            return f"#{path}"
    selection = "" if query.projection is None else _parenthesized(items(query.projection, version))
    suffix = "/$entity" if query.form == "entity" else ""
    return f"#{query.entity_set.name}{selection}{suffix}"


def _parenthesized(names: list[str]) -> str:
    return f"({','.join(names)})" if names else ""


def items(projection: Projection, version: str) -> list[str]:
    """The select list of a projection (10.7 to 10.10)."""
    if projection.kinds:
        return _common(projection.kinds, version)
    if projection.result is not None:
        return _members(projection.result, version)
    expands = [e for e in projection.expands if isinstance(e.content, Projection)]
    names: list[str] = []
    if projection.selected is not None:
        names += projection.selected
    elif projection.computed:
        names += ["*", *projection.computed]
    for expand in expands:
        assert isinstance(expand.content, Projection)
        nested = items(_within(expand, expand.content), version)
        if nested or version != "4.0":
            names.append(
                f"{expand.navigation.name}{'+' if expand.repeats else ''}({','.join(nested)})"
            )
    return names + [name for name in _members(projection.related, version) if "(" in name]


def _within(expand: Expand, content: Projection) -> Projection:
    """What an expanded entity shows, without the further levels of itself, which a plus sign stands
    for (10.10)."""
    if not expand.repeats:
        return content
    return replace(
        content, expands=tuple(e for e in content.expands if e.navigation is not expand.navigation)
    )


def _members(result: tuple[Field | Nested | ExpandOne, ...], version: str) -> list[str]:
    """The select list of rows that $apply made (Data Aggregation 3.1.1)."""
    names: list[str] = []
    for member in result:
        match member:
            case Field(name=name):
                names.append(name)
            case Nested(name=name, members=members):
                names.append(f"{name}({','.join(_members(members, version))})")
            case ExpandOne(content=Projection() as content):
                nested = items(_within(member, content), version)
                names.append(
                    f"{member.navigation.name}({','.join(nested)})"
                    if nested or version != "4.0"
                    else member.navigation.name
                )
    return names


Tree = dict[str, "Tree"]


def _common(kinds: tuple[Projection, ...], version: str) -> list[str]:
    """The select list of rows of several kinds: what all of them have, or the term for having
    nothing in common (Data Aggregation 3.1.1)."""
    trees = [_tree(kind, version) for kind in kinds]
    common = trees[0]
    for tree in trees[1:]:
        common = _shared(common, tree)
    if all(kind.result is None and kind.selected is None for kind in kinds):
        further = [
            name for name in common if name not in kinds[0].entity_set.entity_type.properties
        ]
        return ["*", *further] if any(kind.computed for kind in kinds) and further else further
    return _written(common) or ["@Core.AnyStructure"]


def _tree(projection: Projection, version: str) -> Tree:
    """The members of rows of one kind, and what navigation properties among them show."""
    if projection.result is not None:
        return _branches(projection.result, version)
    found: Tree = {field.name: {} for field in projection.fields}
    expanded = items(replace(projection, selected=None, computed=()), version)
    return {**found, **{name: {} for name in expanded}}


def _branches(members: tuple[Field | Nested | ExpandOne, ...], version: str) -> Tree:
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
