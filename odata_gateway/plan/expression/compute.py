"""$compute, and the transformation compute: names for expressions (URL Conventions 5.1.10; Data
Aggregation 3.4.1)."""

from __future__ import annotations

from collections.abc import Mapping

from odata_gateway.edm.model import EntityType
from odata_gateway.errors import BindName, BindType
from odata_gateway.plan.expression.binder import bind_expr
from odata_gateway.plan.scope import Computed, Scope
from odata_gateway.plan.tree.relation import BoundExpr
from odata_gateway.url import ast


def bind_compute(
    items: tuple[ast.ComputeItem, ...] | None,
    entity_type: EntityType,
    scope: Scope,
    *,
    kept: Mapping[str, Computed] | None = None,
    target: str = "$compute",
) -> Scope:
    """The scope with the names of $compute in it, beside those that are `kept`."""
    computed: dict[str, Computed] = dict(kept or {})
    structure = scope.implicit.structure
    known = () if structure is None else structure.members
    for item in items or ():
        scope.binding.target = target
        if (
            item.name in entity_type.properties
            or item.name in entity_type.navigation
            or item.name in computed
            or item.name in known
        ):
            raise BindName(
                f"the name '{item.name}' is taken",
                target=target,
                at=item.at,
                hint="choose a name that the type does not have",
            )
        value, nodes, levels = _measured(item.expr, scope.with_computed(computed))
        if value.type is None:
            raise BindType(
                "null has no type; a computed property needs one", target=target, at=item.at
            )
        computed[item.name] = Computed(value, nodes, levels)
    return scope.with_computed(computed)


def _measured(expr: ast.Expr, scope: Scope) -> tuple[BoundExpr, int, int]:
    """An expression bound, and the number of nodes and of levels below its root, whose place a name
    takes."""
    binding = scope.binding
    nodes, deepest = binding.nodes, binding.deepest
    binding.deepest = binding.depth
    value = bind_expr(expr, scope)
    levels = binding.deepest - binding.depth - 1
    binding.deepest = max(deepest, binding.deepest)
    return value, binding.nodes - nodes - 1, levels
