"""Context URLs (Protocol 4.01, section 10): what of the model a body shows.

Parentheses are never empty in 4.0, where older readers refuse them; in 4.01 an expanded navigation property is always followed by its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from odata_gateway.plan.projection import Expand, Field, Nested, Projection
from odata_gateway.plan.query import Query


def fragment(query: Query, version: str, key_text: Callable[[int], str]) -> str:
    """The fragment of a query's context URL; `key_text` gives a key value of the path by the number of its literal."""
    if query.context is not None:
        return f"#{query.context}"
    match query.form:
        case "references":
            return "#Collection($ref)"
        case "reference":
            return "#$ref"
        case "property" | "value":
            path = "".join(piece if isinstance(piece, str) else key_text(piece) for piece in query.path)
            return f"#{path}"
    selection = "" if query.projection is None else _parenthesized(items(query.projection, version))
    suffix = "/$entity" if query.form == "entity" else ""
    return f"#{query.entity_set.name}{selection}{suffix}"


def _parenthesized(names: list[str]) -> str:
    return f"({','.join(names)})" if names else ""


def items(projection: Projection, version: str) -> list[str]:
    """The select list of a projection (10.7 to 10.10)."""
    if projection.result is not None:
        return _members(projection.result)
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
            names.append(f"{expand.navigation.name}{'+' if expand.repeats else ''}({','.join(nested)})")
    return names


def _within(expand: Expand, content: Projection) -> Projection:
    """What an expanded entity shows, but for the levels of itself that a plus sign stands for (10.10)."""
    if not expand.repeats:
        return content
    return replace(content, expands=tuple(e for e in content.expands if e.navigation is not expand.navigation))


def _members(result: tuple[Field | Nested, ...]) -> list[str]:
    """The members of rows that $apply made (Data Aggregation 3.1.1)."""
    return [m.name if isinstance(m, Field) else f"{m.name}({','.join(_members(m.members))})" for m in result]
