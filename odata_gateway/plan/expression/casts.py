"""cast and isof with the name of a primitive type, an enumeration or a type definition (URL
Conventions 5.1.1.10); casts to entity types and complex types are paths.
"""

from __future__ import annotations

from odata_gateway.edm.model import TypeDefinition
from odata_gateway.errors import BindName, BindType, Unsupported, nearest
from odata_gateway.plan.expression.entities import entity_is_of
from odata_gateway.plan.expression.literals import own_type, resolve_alias
from odata_gateway.plan.scope.scope import Scope
from odata_gateway.plan.tree.relation import (
    BoundExpr,
    Compare,
    ConstantValue,
    Function,
    Logic,
    Parameter,
)
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types import primitive as types
from odata_gateway.types.casts import castable
from odata_gateway.types.families.structured import object_type
from odata_gateway.types.primitive import PRIMITIVE_TYPES, PrimitiveType
from odata_gateway.url import ast

DIGITS_OF_TIMES = 6
"""Of a second, in every value."""


def bind_cast(node: ast.Call, scope: Scope) -> BoundExpr:
    """cast(expression,Type): null where the value is none of the type."""
    hint = "write cast(expression,Edm.Type)"
    if len(node.args) not in (1, 2):
        raise BindType("cast takes 1 or 2 arguments", at=node.at, hint=hint)
    if len(node.args) == 1:
        raise Unsupported("cast of the current instance is not supported", at=node.at, hint=hint)
    definition = scope.model.definitions.get(_type_name(node.args[1]))
    value = resolve_alias(node.args[0], scope)
    if definition is None:
        return _cast(value, _type_argument(node.args[1], scope), scope, at=node.at)
    found = _cast(value, definition.type, scope, at=node.at)
    return _within_facets(found, definition, at=node.at)


def _cast(value: ast.Expr, type_: PrimitiveType, scope: Scope, *, at: int) -> BoundExpr:
    """A value as another type."""
    if isinstance(value, ast.Literal) and not value.many:
        natural = own_type(value)
        _check_target(type_, at=at)
        if natural is type_:
            return scope.bind.expr(value, scope)
        if (type_ is types.STRING and natural.family.written_by_sql) or (
            type_ is types.SINGLE and castable(natural, type_)
        ):
            return Function("cast", (scope.bind.expr(value, scope),), type_, nullable=True)
        return Parameter(LiteralSlot(value.slot, type_, "cast"), type_, nullable=True)
    operand = scope.bind.expr(value, scope)
    if operand.type is not None and operand.type.name == type_.name:
        return operand
    _check_target(type_, at=at)
    if operand.type is None:
        return ConstantValue(None, type_)
    if not castable(operand.type, type_):
        raise BindType(f"{operand.type.name} cannot be cast to {type_.name}", at=at)
    return Function("cast", (operand,), type_, nullable=True)


def _within_facets(value: BoundExpr, definition: TypeDefinition, *, at: int) -> BoundExpr:
    """A value that its type's facets allow, else null: a text that is no longer than MaxLength, a
    number rounded to Scale whose digits before the point have room."""
    facets, type_ = definition.facets, definition.type
    if isinstance(value, ConstantValue) and value.value is None:
        return value
    if facets.max_length is not None and type_ is types.STRING:
        return _fitting("fit.text", value, type_, facets.max_length)
    if type_ is not types.DECIMAL and facets.precision not in (None, DIGITS_OF_TIMES):
        message = f"values cannot be cast to {definition.qualified_name}, which has a Precision"
        raise Unsupported(message, at=at, hint=f"cast to {type_.name}")
    if type_ is types.DECIMAL and isinstance(facets.precision, int):
        scale = facets.scale if isinstance(facets.scale, int) else None
        if scale is None:
            message = f"values cannot be cast to {definition.qualified_name}, whose Scale varies"
            raise Unsupported(message, at=at, hint=f"cast to {type_.name}")
        return _fitting("fit.decimal", value, type_, scale, facets.precision - scale)
    return value


def _fitting(id_: str, value: BoundExpr, type_: PrimitiveType, *facets: int) -> BoundExpr:
    numbers = (ConstantValue(number, types.INT32) for number in facets)
    return Function(id_, (value, *numbers), type_, nullable=True)


def _check_target(type_: PrimitiveType, *, at: int) -> None:
    """Refuse to make values of an extension's types."""
    if type_.family.of_column is not None:
        raise Unsupported(f"other values cannot be cast to {type_.name}", at=at)


def bind_isof(node: ast.Call, scope: Scope) -> BoundExpr:
    """isof(value,Type): the types alone decide, but null is of no type, and a value is of a type
    definition if it obeys its facets."""
    if len(node.args) not in (1, 2):
        hint = "write isof(expression,Edm.Type)"
        raise BindType("isof takes 1 or 2 arguments", at=node.at, hint=hint)
    name = _type_name(node.args[-1])
    if len(node.args) == 1 or any(
        each.qualified_name == name for each in scope.model.entity_types.values()
    ):
        tested = node.args[0] if len(node.args) == 2 else None
        return entity_is_of(name, tested, scope, at=node.args[-1].at)
    operand, definition = scope.bind.expr(node.args[0], scope), scope.model.definitions.get(name)
    if definition is not None:
        return _obeys(operand, definition, at=node.at)
    is_object = name in scope.model.structured_names
    return _is_of(operand, object_type(name) if is_object else _type_argument(node.args[1], scope))


def _is_of(operand: BoundExpr, type_: PrimitiveType) -> BoundExpr:
    if operand.type is None or operand.type.name != type_.name:
        return ConstantValue(False, types.BOOLEAN)
    if operand.nullable:
        return Compare("ne", operand, ConstantValue(None, type_))
    return ConstantValue(True, types.BOOLEAN)


def _obeys(operand: BoundExpr, definition: TypeDefinition, *, at: int) -> BoundExpr:
    """Whether a value is one of a type definition's: its facets change nothing of it."""
    found = _is_of(operand, definition.type)
    if found == ConstantValue(False, types.BOOLEAN):
        return found
    fitting = _within_facets(operand, definition, at=at)
    if fitting is operand:
        return found
    is_there = Compare("ne", fitting, ConstantValue(None, definition.type))
    return Logic("and", (is_there, Compare("eq", operand, fitting)), False)


def _type_argument(node: ast.Expr, scope: Scope) -> PrimitiveType:
    name = _type_name(node)
    if name in scope.model.enum_types:
        return scope.model.enum_types[name].type
    if name in PRIMITIVE_TYPES:
        return PRIMITIVE_TYPES[name]
    if name.startswith("Edm."):
        raise Unsupported(f"type {name} is not supported", at=node.at)
    raise BindName(
        f"there is no primitive type '{name}'",
        at=node.at,
        hint=nearest(name, scope.model.definitions) or "write it like Edm.Int32, without quotes",
    )


def _type_name(node: ast.Expr) -> str:
    if isinstance(node, ast.Member):
        return node.name
    raise BindName(
        "a type name is expected here",
        at=node.at,
        hint="write it like Edm.Int32, without quotes",
    )
