"""Calls of canonical functions, cast and isof (URL Conventions 5.1.1.4 to 5.1.1.10)."""

from __future__ import annotations

from odata_gateway.edm import types
from odata_gateway.edm.functions import Signature, resolve
from odata_gateway.edm.types import PRIMITIVE_TYPES, PrimitiveType
from odata_gateway.errors import BindName, BindType, Unsupported
from odata_gateway.plan.expression.collections import bind_collection_call, is_collection_call
from odata_gateway.plan.expression.entities import count_of, entity_is_of
from odata_gateway.plan.expression.literals import literal, natural_type, resolve_alias
from odata_gateway.plan.expression.paths import names_of
from odata_gateway.plan.scope.rows import Row, RowStructure
from odata_gateway.plan.scope.scope import Scope
from odata_gateway.plan.tree.relation import (
    BoundExpr,
    Compare,
    ConstantValue,
    Function,
    Logic,
    Parameter,
)
from odata_gateway.plan.tree.slots import DecodeMode, LiteralSlot
from odata_gateway.url import ast

LIKE_MODES: dict[str, DecodeMode] = {
    "contains": "infix",
    "startswith": "prefix",
    "endswith": "suffix",
}


def bind_call(node: ast.Call, scope: Scope) -> BoundExpr:
    """A call of a canonical function, cast, isof or isdefined; null where an argument is the null
    literal (5.1.1.4)."""
    name = node.name.lower()
    if name in ("cast", "isof"):
        return _cast(node, scope) if name == "cast" else _isof(node, scope)
    if name == "isdefined":
        return _isdefined(node, scope)
    if any(isinstance(argument, ast.NamedArgument) for argument in node.args):
        raise Unsupported(
            f"this service has no function {node.name}",
            at=node.at,
        )
    if is_collection_call(node, scope):
        return bind_collection_call(node, scope)
    if (
        name == "length"
        and len(node.args) == 1
        and (counted := count_of(node.args[0], scope)) is not None
    ):
        return Function("cast", (scope.expr(counted),), types.INT32, nullable=False)
    nodes = [resolve_alias(argument, scope) for argument in node.args]
    args = [scope.expr(argument) for argument in nodes]
    signature = resolve(node.name, tuple(a.type for a in args), at=node.at)
    if any(a.type is None for a in args):
        return ConstantValue(None, signature_type(signature, args))
    bound = tuple(
        _argument(signature, i, n, a) for i, (n, a) in enumerate(zip(nodes, args, strict=True))
    )
    nullable = signature.misses_infinity or any(a.nullable for a in bound)
    return Function(signature.id, bound, signature_type(signature, args), nullable)


def signature_type(signature: Signature, args: list[BoundExpr]) -> PrimitiveType:
    if signature.result is not None:
        return signature.result
    return next((a.type for a in args if a.type is not None), types.STRING)


def _argument(signature: Signature, position: int, node: ast.Expr, bound: BoundExpr) -> BoundExpr:
    if position == 1 and signature.id == "matchespattern":
        return _pattern(node)
    if not isinstance(node, ast.Literal):
        return bound
    if position == 1 and signature.id in LIKE_MODES and node.kind == "string":
        return literal(node, types.STRING, LIKE_MODES[signature.id])
    return literal(node, types.DATETIME, "utc") if node.kind == "datetime" else bound


def _pattern(node: ast.Expr) -> BoundExpr:
    """A regular expression. The gateway translates it before Postgres sees it, so it cannot come
    from a row."""
    if isinstance(node, ast.Literal):
        return literal(node, types.STRING, "pattern")
    raise Unsupported(
        "the pattern of matchesPattern must be a literal",
        at=node.at,
        hint="write it in quotes",
    )


def _cast(node: ast.Call, scope: Scope) -> BoundExpr:
    if len(node.args) not in (1, 2):
        raise BindType(
            "cast takes 1 or 2 arguments",
            at=node.at,
            hint="write cast(expression,Edm.Type)",
        )
    if len(node.args) == 1:
        raise Unsupported(
            "cast of the current instance is not supported",
            at=node.at,
            hint="write cast(expression,Edm.Type)",
        )
    value, type_ = resolve_alias(node.args[0], scope), _type_argument(node.args[1])
    if isinstance(value, ast.Literal) and not value.many:
        natural = natural_type(value)
        if natural is type_:
            return scope.expr(value)
        if (type_ is types.STRING and natural.family in _WRITTEN_BY_POSTGRES) or (
            type_ is types.SINGLE and natural.is_numeric
        ):
            return Function("cast", (scope.expr(value),), type_, nullable=True)
        return Parameter(LiteralSlot(value.slot, type_, "cast"), type_, nullable=True)
    operand = scope.expr(value)
    if operand.type is None:
        return ConstantValue(None, type_)
    if operand.type is type_:
        return operand
    if not castable(operand.type, type_):
        raise BindType(
            f"{operand.type.name} cannot be cast to {type_.name}",
            at=node.at,
        )
    return Function("cast", (operand,), type_, nullable=True)


# Types whose text Postgres writes, as in payloads; it also rounds to Edm.Single.
_WRITTEN_BY_POSTGRES = frozenset({"double", "datetime", "time", "duration", "binary"})


def castable(source: PrimitiveType, target: PrimitiveType) -> bool:
    """Whether cast() between two primitive types has a meaning (5.1.1.10.1)."""
    if source.family == "binary" or target.family == "binary":
        return False
    if (
        target is types.STRING
        or source is types.STRING
        or (source.is_numeric and target.is_numeric)
    ):
        return True
    return (source.family, target.family) in {
        ("datetime", "date"),
        ("datetime", "time"),
        ("date", "datetime"),
    }


def _isof(node: ast.Call, scope: Scope) -> BoundExpr:
    """isof(value,Type): the types alone decide, but null is of no type."""
    if len(node.args) not in (1, 2):
        raise BindType(
            "isof takes 1 or 2 arguments",
            at=node.at,
            hint="write isof(expression,Edm.Type)",
        )
    name = node.args[-1].name if isinstance(node.args[-1], ast.Member) else ""
    if len(node.args) == 1 or any(
        each.qualified_name == name for each in scope.binding.model.entity_types.values()
    ):
        return entity_is_of(name, node.args[0] if len(node.args) == 2 else None, scope, at=node.at)
    type_ = _type_argument(node.args[1])
    operand = scope.expr(node.args[0])
    if operand.type is not type_:
        return ConstantValue(False, types.BOOLEAN)
    return (
        Compare("ne", operand, ConstantValue(None, type_))
        if operand.nullable
        else ConstantValue(True, types.BOOLEAN)
    )


def _isdefined(node: ast.Call, scope: Scope) -> BoundExpr:
    """isdefined(path): whether rows have the property (Data Aggregation 3.7). Rows that $apply made
    have not all that their type declares."""
    [path] = node.args if len(node.args) == 1 else [None]
    if not isinstance(path, ast.Member):
        raise BindType("isdefined needs the path of a property", at=node.at)
    if path.base is None and path.name in scope.computed:
        return ConstantValue(True, types.BOOLEAN)
    place, structure = scope.path(path), scope.structure
    if structure is not None and structure.kinds:
        return _defined_by_kind(path, structure, scope)
    is_away = isinstance(place, ConstantValue) or (
        isinstance(place, Row) and place.structure is not None and not place.structure.members
    )
    return ConstantValue(structure is None or not is_away, types.BOOLEAN)


def _defined_by_kind(path: ast.Member, structure: RowStructure, scope: Scope) -> BoundExpr:
    """Whether rows of the row's kind have the property."""
    names = names_of(path, scope) or ()
    numbers = [i for i, kind in enumerate(structure.kinds) if structure.has(kind, names)]
    if structure.kind is None or len(numbers) in (0, len(structure.kinds)):
        return ConstantValue(bool(numbers), types.BOOLEAN)
    found = tuple(
        Compare("eq", structure.kind, ConstantValue(number, types.INT32)) for number in numbers
    )
    return Logic("or", found, False) if len(found) > 1 else found[0]


def _type_argument(node: ast.Expr) -> PrimitiveType:
    name = node.name if isinstance(node, ast.Member) else ""
    if name in PRIMITIVE_TYPES:
        return PRIMITIVE_TYPES[name]
    if name.startswith("Edm."):
        raise Unsupported(f"type {name} is not supported", at=node.at)
    reason = f"there is no primitive type '{name}'" if name else "a type name is expected here"
    raise BindName(
        reason,
        at=node.at,
        hint="write it like Edm.Int32, without quotes",
    )
