"""The items of $select and $expand that rows of every kind have in common: items by name, `*`, and
computed names (URL Conventions 5.1.3, 5.1.4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from odata_gateway.edm.model import EntityType
from odata_gateway.errors import BindName, BindOption, Unsupported
from odata_gateway.plan.scope.navigation import no_such_name
from odata_gateway.plan.scope.scope import Scope
from odata_gateway.plan.tree.projection import Field
from odata_gateway.types import primitive as types
from odata_gateway.url import ast


def without_cast(path: tuple[str, ...], entity_type: EntityType) -> tuple[str, ...]:
    """A path without a cast to the type itself, which may stand before a name."""
    return path[1:] if len(path) > 1 and path[0] == entity_type.qualified_name else path


def items_by_name(
    items: Iterable[ast.ExpandItem], cast_type: EntityType | None = None
) -> dict[str, ast.ExpandItem]:
    """The items of $expand by the name that they expand, `*` included.

    cast_type  the type that a cast before the name may have
    raises     BindName for a path of several names, BindOption for a name that comes twice
    """
    found: dict[str, ast.ExpandItem] = {}
    for item in items:
        path = item.path if cast_type is None else without_cast(item.path, cast_type)
        name = path[0]
        if len(path) > 1:
            raise BindName(
                f"'{name}' cannot be part of a longer $expand path",
                at=item.at,
                hint=f"nest it: {name}($expand={path[1]})",
            )
        if name in found:
            raise BindOption(f"'{name}' is expanded twice", at=item.at)
        found[name] = item
    return found


def with_star(
    items: Mapping[str, ast.ExpandItem], names: Iterable[str]
) -> dict[str, ast.ExpandItem]:
    """The items with `*` replaced by one item for each of the names that has none of its own."""
    found = dict(items)
    star = found.pop("*", None)
    if star is not None:
        for name in names:
            found.setdefault(name, replace(star, path=(name,)))
    return found


def not_a_navigation(name: str, at: int) -> BindName:
    return BindName(
        f"'{name}' is not a navigation property", at=at, hint=f"use $select={name} instead"
    )


def check_selected(name: str, entity_type: EntityType, computed: Iterable[str], *, at: int) -> None:
    """Refuse a name of $select that neither a type nor $compute has."""
    if name.startswith("@") or name.endswith(".*"):
        raise Unsupported("annotations and operations cannot be selected", at=at)
    if not (
        name == "*"
        or name in entity_type.properties
        or name in entity_type.navigation
        or name in computed
    ):
        raise no_such_name(entity_type, name, at=at, extra=tuple(computed))


def computed_fields(scope: Scope, names: Collection[str] | None) -> tuple[Field, ...]:
    """The computed names as fields: those that $select names, or all without $select."""
    return tuple(
        Field(name, found.value, found.value.type or types.STRING, dynamic=True)
        for name, found in scope.computed.items()
        if names is None or name in names or "*" in names
    )
