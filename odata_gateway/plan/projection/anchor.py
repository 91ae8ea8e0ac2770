"""$it inside expanded collections, as their next links say it."""

from __future__ import annotations

from odata_gateway.errors import Unsupported
from odata_gateway.plan.expression.literals import literal
from odata_gateway.plan.scope.rows import column_of
from odata_gateway.plan.scope.scope import Scope
from odata_gateway.plan.tree.relation import BoundExpr
from odata_gateway.types import primitive as types
from odata_gateway.url import ast
from odata_gateway.url.unparse import ANCHOR, anchored


def bind_anchor(
    options: ast.Options, item: ast.ExpandItem, scope: Scope
) -> tuple[ast.Options, tuple[str, BoundExpr] | None]:
    """The options as the next link repeats them, and the alias and key of the entity that they name
    for $it.

    A next link is read without the resource around it. So $it becomes an entity with a key: that of
    the resource's row, or the key that an earlier next link brought along.
    """
    binding, given = scope.binding, scope.binding.aliases.get(ANCHOR)
    if scope.it.source.call is not None and anchored(options, "") is not options:
        raise Unsupported(
            "$it inside collections that rows of a function expand is not supported", at=item.at
        )
    if scope.it.crossed is not None and anchored(options, "") is not options:
        raise Unsupported(
            "$it inside collections that $crossjoin expands is not supported", at=item.at
        )
    repeated = options if binding.root_set is None else anchored(options, binding.root_set.name)
    names_it = repeated is not options
    if given is not None:
        is_key = isinstance(given, ast.Literal) and given.kind in ("int32", "int64")
        if names_it or not is_key:
            raise Unsupported(
                f"the name {ANCHOR} is reserved for next links",
                at=item.at,
                hint="give the alias another name",
            )
        assert isinstance(given, ast.Literal)
        return repeated, (ANCHOR, literal(given, types.INT64))
    if not names_it:
        return repeated, None
    key = scope.it.source.entity_type.key
    if len(key) != 1 or not key[0].type.is_integer or scope.it.structure is not None:
        raise Unsupported("$it inside $expand needs an entity whose key is one number", at=item.at)
    return repeated, (ANCHOR, column_of(scope.it, key[0]))
