"""Arguments of functions: literals, collections and objects of them, or aliases of such (URL
Conventions 4.7, 5.1.1.8)."""

from __future__ import annotations

from odata_gateway.edm.functions import FunctionParameter
from odata_gateway.edm.model import ComplexType, ItemType, Property
from odata_gateway.errors import BindName, BindType, BindValue, nearest
from odata_gateway.plan.expression.literals import literal, resolve_alias
from odata_gateway.plan.scope.limits import check_list
from odata_gateway.plan.scope.scope import Scope
from odata_gateway.plan.tree.leaves import CallArgument, ListArgument, ObjectArgument
from odata_gateway.plan.tree.relation import ConstantValue, Parameter
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types.primitive import PrimitiveType
from odata_gateway.url import ast


def bind_argument(
    parameter: FunctionParameter, node: ast.Expr, name: str, scope: Scope
) -> CallArgument:
    """The argument for a parameter of the function of this name.

    raises  BindType, BindName, BindValue  where it is not of the parameter's type
    """
    node = resolve_alias(node, scope)
    if isinstance(node, ast.Constant) and node.value is None:
        if not parameter.nullable:
            raise BindValue(f"parameter '{parameter.name}' cannot be null", at=node.at)
        return ConstantValue(None, parameter.type)
    found = _value(node, parameter.type, parameter.structure, scope, many=parameter.collection)
    if found is not None:
        return found
    many = "a collection of " if parameter.collection else ""
    raise BindType(
        f"parameter '{parameter.name}' of {name} is {many}{parameter.type_name}",
        at=node.at,
        hint="write a literal of that type, or an alias of one",
    )


def _value(
    node: ast.Expr,
    type_: PrimitiveType,
    structure: ComplexType | None,
    scope: Scope,
    *,
    many: bool = False,
) -> CallArgument | None:
    """A value of a type, or a collection of them; None for what is none."""
    if isinstance(node, ast.Constant) and node.value is None:
        return ConstantValue(None, type_)
    if many:
        return _items(node, type_, structure, scope)
    if structure is not None:
        return _object(node, structure, scope) if isinstance(node, ast.ObjectExpr) else None
    match node:
        case ast.Constant(value=bool(value)) if type_.name == "Edm.Boolean":
            return ConstantValue(value, type_)
        case ast.Literal(many=False) if _is_of(node, type_, scope):
            return Parameter(LiteralSlot(node.slot, type_, "parameter"), type_)
    return None


def _items(
    node: ast.Expr, type_: PrimitiveType, structure: ComplexType | None, scope: Scope
) -> CallArgument | None:
    match node:
        case ast.Literal(many=True) if structure is None and _is_of(node, type_, scope):
            return Parameter(LiteralSlot(node.slot, type_, "parameter", many=True), type_)
        case ast.ListExpr(items=items):
            check_list(len(items), scope.binding.limits, at=node.at)
            found = [_value(each, type_, structure, scope) for each in items]
            given = tuple(each for each in found if each is not None)
            return ListArgument(given) if len(given) == len(found) else None
    return None


def _object(node: ast.ObjectExpr, structure: ComplexType, scope: Scope) -> CallArgument:
    """An object, without the annotations that it may have; members that it lacks are null."""
    found: dict[str, CallArgument] = {}
    for name, value in node.members:
        if "@" in name:
            continue
        member = structure.properties.get(name)
        if member is None:
            hint = nearest(name, structure.properties)
            raise BindName(f"{structure.name} has no property '{name}'", at=node.at, hint=hint)
        found[member.column] = _member(member, value, scope)
    return ObjectArgument(tuple(found.items()))


def _member(member: Property, node: ast.Expr, scope: Scope) -> CallArgument:
    prop, many = member, False
    if isinstance(member.structure, ItemType):
        prop, many = member.structure.item, True
    structure = prop.structure if isinstance(prop.structure, ComplexType) else None
    found = _value(node, prop.type, structure, scope, many=many)
    if found is None:
        raise BindType(f"member '{member.name}' is {member.type_name}", at=node.at)
    return found


def _is_of(node: ast.Literal, type_: PrimitiveType, scope: Scope) -> bool:
    """Whether a literal can be of a type."""
    if node.kind in ("decimal", "double") and type_.is_integer:
        return False
    try:
        found = literal(node, type_, strict=scope.binding.strict)
    except BindType:
        return False
    return found.type is type_ or (found.type.is_numeric and type_.is_numeric)
