"""$compute, and the transformation compute: names for expressions (URL Conventions 5.1.10; Data
Aggregation 3.4.1)."""

from __future__ import annotations

from collections.abc import Iterable

from odata_gateway.edm.model import EntityType
from odata_gateway.errors import BindName, BindType
from odata_gateway.plan.scope.scope import Computed, Scope
from odata_gateway.url import ast


def bind_compute_option(options: ast.Options, entity_type: EntityType, scope: Scope) -> Scope:
    """The scope with the names of $compute in it, beside those it has."""
    with scope.binding.inside("$compute"):
        return bind_compute(options.compute or (), entity_type, scope)


def bind_compute(items: Iterable[ast.ComputeItem], entity_type: EntityType, scope: Scope) -> Scope:
    """The scope with further computed names in it; each may use those before it."""
    for item in items:
        check_new_name(item.name, entity_type, scope, at=item.at)
        computed = _computed(item.expr, scope)
        if computed.value.type is None:
            raise BindType("null has no type; a computed property needs one", at=item.at)
        scope = scope.with_computed({**scope.computed, item.name: computed})
    return scope


def check_new_name(name: str, entity_type: EntityType, scope: Scope, *, at: int) -> None:
    """Refuse an alias that is already a name of the rows, or of those of a derived type."""
    members = () if scope.structure is None else scope.structure.members
    types = (entity_type, *scope.model.derived(entity_type))
    is_declared = any(
        name in each.properties or name in each.navigation or name in each.withheld
        for each in types
    )
    if is_declared or name in scope.computed or name in members:
        raise name_taken(name, at)


def name_taken(name: str, at: int) -> BindName:
    return BindName(
        f"the name '{name}' is taken", at=at, hint="choose a name that the rows do not have"
    )


def _computed(expr: ast.Expr, scope: Scope) -> Computed:
    """A bound expression, and its size without the root, whose place the name takes."""
    with scope.binding.size.measuring() as measured:
        value = scope.bind.expr(expr, scope)
    return Computed(value, measured.nodes, measured.levels)
