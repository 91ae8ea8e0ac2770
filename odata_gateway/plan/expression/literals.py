"""Literals and parameter aliases: a literal becomes a parameter of the type that it meets (URL
Conventions 5.1.1.14.1, 5.3)."""

from __future__ import annotations

from odata_gateway.errors import BindType, BindValue, Unsupported
from odata_gateway.plan.scope.scope import Scope
from odata_gateway.plan.tree.relation import Parameter
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types.family import DecodeMode
from odata_gateway.types.primitive import STRING, PrimitiveType
from odata_gateway.types.registry import LITERAL_TYPES
from odata_gateway.url import ast


def natural_type(node: ast.Literal) -> PrimitiveType:
    """The type that a literal has by itself."""
    found = LITERAL_TYPES.get(node.kind)
    if found is None:
        raise Unsupported(f"{node.kind} literals are not supported", at=node.at)
    return found


def own_type(node: ast.Literal) -> PrimitiveType:
    """The same of a literal that meets no other value.

    raises  Unsupported  for one of an extension, which is found by columns of its types
    """
    found = natural_type(node)
    if found.family.of_column is not None:
        raise Unsupported(
            f"{found.family.noun} literal can stand beside a property only",
            at=node.at,
            hint="write it as an argument of a function that takes a property too",
        )
    return found


def literal(
    node: ast.Literal, type_: PrimitiveType, mode: DecodeMode = "exact", *, strict: bool = True
) -> Parameter:
    """The parameter for a literal that meets `type_`. A number beside Edm.Single or Edm.Double is
    one of these, as if it had been cast (5.1.1.18).

    strict  whether a literal of another type than the standard has there is refused, such as a
            date where a time stands
    raises  BindType  where the literal cannot be of this type
    """
    if node.kind == "enum" and type_.family.is_enumeration:
        return Parameter(LiteralSlot(node.slot, type_, mode, node.many), type_)
    if type_.family.is_untyped:
        raise Unsupported(f"{type_.name} can only be compared with null", at=node.at)
    natural = natural_type(node)
    if natural is type_ or (natural.is_numeric and type_.is_numeric):
        target = type_ if type_.family.has_nan else natural
    elif natural.family is type_.family.declared or _stands_for(natural, type_, strict):
        target = type_
    else:
        raise BindType(
            f"a literal of type {natural.name} cannot be compared with {type_.name}",
            at=node.at,
            hint=_literal_hint(natural, type_),
        )
    return Parameter(LiteralSlot(node.slot, target, mode, node.many), target)


def _stands_for(natural: PrimitiveType, type_: PrimitiveType, strict: bool) -> bool:
    """Whether a literal of another type stands for a value of `type_`."""
    form = type_.family.literal
    return (natural is STRING and form.quoted) or (
        not strict and natural.family.name in form.shorter
    )


def _literal_hint(natural: PrimitiveType, type_: PrimitiveType) -> str:
    hints = type_.family.literal.hints
    return (
        hints.get(natural.family.name) or hints.get("") or f"write a literal of type {type_.name}"
    )


def resolve_alias(node: ast.Expr, scope: Scope) -> ast.Expr:
    """The node itself, or the value of the parameter alias that it is; null for an alias that has
    none.

    raises  BindValue  for an alias that refers to itself
    """
    if not isinstance(node, ast.Alias):
        return node
    seen: tuple[str, ...] = ()
    while isinstance(node, ast.Alias):
        with scope.binding.size.level(node.at):
            if node.name in seen:
                raise BindValue(f"parameter alias {node.name} refers to itself", at=node.at)
        seen = (*seen, node.name)
        node = scope.binding.aliases.get(node.name) or ast.Constant(None, node.at)
    return node
