"""The items of $select and $expand that rows of every kind have in common: items by name, `*`, and
computed names (URL Conventions 5.1.3, 5.1.4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from odata_gateway.edm.model import EntityType, Property, StructuredType
from odata_gateway.errors import BindName, BindOption, ODataError, Unsupported
from odata_gateway.plan.scope.error_places import ErrorPlaces
from odata_gateway.plan.scope.navigation import check_cast, no_such_name
from odata_gateway.plan.scope.scope import Scope
from odata_gateway.plan.tree.projection import Field
from odata_gateway.types import primitive as types
from odata_gateway.url import ast


def without_cast(path: tuple[str, ...], entity_type: StructuredType) -> tuple[str, ...]:
    """A path without a cast to the type itself, which may stand before a name."""
    return path[1:] if len(path) > 1 and path[0] == entity_type.qualified_name else path


def items_by_name(
    items: Iterable[ast.ExpandItem],
    cast_type: StructuredType | None = None,
    targets: Mapping[str, StructuredType] | None = None,
) -> dict[str, ast.ExpandItem]:
    """The items of $expand by the name that they expand, `*` included.

    cast_type  the type that a cast before the name may have
    targets    the types that casts after the names are about; a cast to a derived type stays in
               the path
    raises     BindName for a path of several names, BindOption for a name that comes twice
    """
    found: dict[str, ast.ExpandItem] = {}
    for item in items:
        path = item.path if cast_type is None else without_cast(item.path, cast_type)
        name = path[0]
        if len(path) == 2 and "." in path[1] and targets is not None and name in targets:
            path = _cast_of(path, targets[name], at=item.at)
        elif len(path) > 1:
            raise BindName(
                f"'{name}' cannot be part of a longer $expand path",
                at=item.at,
                hint=f"nest it: {name}($expand={path[1]})",
            )
        if name in found:
            raise BindOption(f"'{name}' is expanded twice", at=item.at)
        found[name] = replace(item, path=path)
    return found


def _cast_of(path: tuple[str, ...], target: StructuredType, *, at: int) -> tuple[str, ...]:
    """The name, and the cast behind it if that is to a type derived from the declared one."""
    name = path[1].rpartition(".")[2]
    if isinstance(target, EntityType) and name in target.derived:
        return path
    check_cast(path[1], target, at=at)
    return path[:1]


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


def with_nested_selection(
    options: ast.Options, entity_type: EntityType, places: ErrorPlaces
) -> ast.Options:
    """The options in which `$select=inbox/name&$expand=inbox` is
    `$select=inbox&$expand=inbox($select=name)`, a spelling beyond the standard. Items of $expand
    that have a $select of their own stay as they are."""
    names = {item.path[0] for item in options.select or () if len(item.path) > 1}
    expands = [item for item in options.expand or () if _can_take_selection(item, names)]
    taken = {item.path[0] for item in expands} & entity_type.navigation.keys()
    if not taken:
        return options
    select: dict[tuple[str, ...], ast.SelectItem] = {}
    inner: dict[str, list[ast.SelectItem]] = {name: [] for name in taken}
    for item in options.select or ():
        if item.path[0] in taken and len(item.path) > 1:
            moved = places.in_own_text("$select", item)
            inner[item.path[0]].append(replace(moved, path=item.path[1:]))
            item = replace(item, path=item.path[:1], options=None)
        select.setdefault(item.path, item)
    expand = tuple(
        replace(item, options=_selecting(item.options, inner[item.path[0]]))
        if item in expands and item.path[0] in taken
        else item
        for item in options.expand or ()
    )
    return replace(options, select=tuple(select.values()), expand=expand)


def _can_take_selection(item: ast.ExpandItem, names: Collection[str]) -> bool:
    is_plain = len(item.path) == 1 or (len(item.path) == 2 and "." in item.path[1])
    is_selected = is_plain and item.path[0] in names and item.suffix is None
    return is_selected and (item.options is None or item.options.select is None)


def _selecting(given: ast.Options | None, items: list[ast.SelectItem]) -> ast.Options:
    options = given or ast.Options()
    return replace(options, select=tuple(items), order=(*options.order, "$select"))


def not_a_navigation(name: str, at: int, prop: Property | None = None) -> ODataError:
    """The error for a name that $expand cannot expand."""
    if prop is not None and prop.type.family.is_stream:
        hint = f"read it by its own address, .../{name}"
        return Unsupported("a stream is not shown inside a row", at=at, hint=hint)
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
