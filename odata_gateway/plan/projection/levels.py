"""$levels: an expand that repeats itself some levels deep, as nested $expand (Protocol
11.2.5.2.1.1).

`reports($levels=3)` is `reports($expand=reports($expand=reports))`, each with the same options;
`*($levels=2)` expands all navigation properties, and all of theirs. `max` is as deep as
ODATA_MAX_EXPAND_DEPTH and ODATA_MAX_EXPANDS allow.
"""

from __future__ import annotations

from dataclasses import replace

from odata_gateway.edm.model import EntityType, Model, NavigationProperty
from odata_gateway.errors import BindOption
from odata_gateway.plan.scope.scope import ShownRows
from odata_gateway.url import ast


def star_options(star: ast.ExpandItem, rows: ShownRows) -> ast.Options | None:
    """The options of each item that `*` stands for."""
    if star.options is None or star.options.levels in (None, 1):
        return star.options
    levels = star.options.levels
    if not isinstance(levels, int):
        levels = _most_levels(rows)
    deeper = (
        () if levels < 2 else (replace(star, options=replace(star.options, levels=levels - 1)),)
    )
    return replace(star.options, levels=None, expand=deeper or None)


def _most_levels(rows: ShownRows) -> int:
    """The most levels of `*` within the limits, at least one."""
    limits, entity_type = rows.scope.binding.limits, rows.entity_set.entity_type
    left, levels = _left(entity_type, rows), 1
    while (
        rows.depth + levels < limits.expand_depth
        and _expanded(entity_type, rows.scope.model, levels + 1) <= left
    ):
        levels += 1
    return levels


def _expanded(entity_type: EntityType, model: Model, levels: int) -> int:
    """The number of navigation properties that `*` expands in so many levels."""
    if levels == 0:
        return 0
    targets = (model.target_type(n) for n in entity_type.navigation.values())
    return sum(
        1 + sum(_expanded(each, model, levels - 1) for each in (target, *model.derived(target)))
        for target in targets
    )


def _left(entity_type: EntityType, rows: ShownRows) -> int:
    """How many navigation properties may still be expanded: half of them for rows of several types,
    each of which expands its own."""
    size = rows.scope.binding.size
    left = size.limits.expands - size.expanded
    return left // 2 if entity_type.base or entity_type.derived else left


def _most_repeats(navigation: NavigationProperty, rows: ShownRows) -> int:
    """The most levels of a navigation property within the limits, at least one. Rows of several
    types repeat it for each type."""
    target = rows.scope.model.target_type(navigation)
    left, types = _left(target, rows), 1 + len(target.derived)
    levels = rows.scope.binding.limits.expand_depth - rows.depth
    while levels > 1 and sum(types**level for level in range(1, levels + 1)) > left:
        levels -= 1
    return levels


def repeats(item: ast.ExpandItem, navigation: NavigationProperty, rows: ShownRows) -> bool:
    """Whether $levels nests a navigation property in itself."""
    if item.options is None or item.options.levels in (None, 1):
        return False
    bases = rows.scope.model.bases(rows.entity_set.entity_type)
    return any(navigation.target == each.name for each in bases)


def own_options(
    item: ast.ExpandItem, navigation: NavigationProperty, rows: ShownRows
) -> ast.Options:
    """The options of a navigation property; with $levels, it expands itself with one level less.

    raises  BindOption  where it cannot repeat itself
    """
    options = item.options or ast.Options()
    levels = options.levels
    if levels is None or levels == 1:
        return options
    if not repeats(item, navigation, rows):
        raise BindOption(
            f"'{navigation.name}' leads to another type, so $levels cannot repeat it",
            at=options.place("$levels", item.at),
            hint="nest $expand instead",
        )
    if any(navigation.name in e.path for e in options.expand or ()):
        raise BindOption(
            f"'{navigation.name}' is expanded by $levels and by $expand",
            at=options.place("$levels", item.at),
        )
    if not isinstance(levels, int):
        levels = _most_repeats(navigation, rows)
    if levels < 2:
        return replace(options, levels=None)
    deeper = ast.ExpandItem(item.path, None, replace(options, levels=levels - 1), item.at)
    return replace(options, levels=None, expand=(*(options.expand or ()), deeper))
