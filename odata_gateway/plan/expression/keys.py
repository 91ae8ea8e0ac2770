"""Keys: which value belongs to which key property, and each value as an expression (URL Conventions
4.3.1, 5.1.1.14.5)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from odata_gateway.edm.model import EntityType, Property
from odata_gateway.errors import BindType
from odata_gateway.plan.expression.comparable import check_comparable
from odata_gateway.plan.expression.literals import literal, resolve_alias
from odata_gateway.plan.scope.scope import Scope
from odata_gateway.plan.tree.relation import BoundExpr, Parameter
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.url import ast

KeyNodes = tuple[tuple[Property, ast.Expr], ...]
"""Each property of a key with its value."""


def key_nodes(
    entity_type: EntityType, args: tuple[ast.Expr, ...], *, at: int, tied: Collection[str] = ()
) -> KeyNodes:
    """The value of each key property: `(1)` or `(id=1)`, and `(a=1,b=2)` for a key of several or an
    alternate one.

    tied    properties of the key that need no value
    raises  BindType  where these are not the properties of a key, each once
    """
    names = [p.name for p in entity_type.key]
    left = [p for p in entity_type.key if p.name not in tied]
    if len(args) == len(left) == 1 and not isinstance(args[0], ast.NamedArgument):
        return ((left[0], args[0]),)
    values = {a.name: a.value for a in args if isinstance(a, ast.NamedArgument)}
    if len(values) == len(args):
        for key in _keys(entity_type):
            if values.keys() == {p.name for p in key}:
                return tuple((p, values[p.name]) for p in key)
        if {p.name for p in left} <= values.keys() <= {*names}:
            return tuple((p, values[p.name]) for p in entity_type.key if p.name in values)
    wrong = [a for a in args if isinstance(a, ast.NamedArgument) and a.name not in names]
    form = ",".join(f"{n}=..." for n in names)
    if wrong:
        at, reason = wrong[0].at, f"'{wrong[0].name}' is not a key property of {entity_type.name}"
    else:
        at, reason = args[0].at if args else at, f"the key of {entity_type.name} is ({form})"
    raise BindType(reason, at=at, hint=f"write {entity_type.name}({form})")


def _keys(entity_type: EntityType) -> Iterator[tuple[Property, ...]]:
    """The key, and the alternate ones."""
    yield entity_type.key
    for names in entity_type.alternate_keys:
        yield tuple(entity_type.properties[name] for name in names)


def key_value(prop: Property, node: ast.Expr, scope: Scope) -> BoundExpr:
    """The value of a key property.

    raises  BindType  where it is not a literal of the property's type
    """
    node = resolve_alias(node, scope)
    mode = prop.type.reading(prop.pg_type).equal_mode or "exact"
    match node:
        case ast.Literal(kind="raw"):
            return Parameter(LiteralSlot(node.slot, prop.type, mode), prop.type)
        case ast.Literal(many=False):
            if node.kind in ("decimal", "double") and prop.type.is_integer:
                raise BindType(f"key property '{prop.name}' is {prop.type.name}", at=node.at)
            value: BoundExpr = literal(node, prop.type, mode, strict=scope.binding.strict)
        case ast.Constant(value=bool()):
            value = scope.bind.expr(node, scope)
        case _:
            raise BindType("a key must be a literal, or an alias of one", at=node.at)
    check_comparable("eq", prop.type, value.type, at=node.at)
    return value
