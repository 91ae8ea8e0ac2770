"""Calls of canonical functions, cast, isof and isdefined (URL Conventions 5.1.1.4 to 5.1.1.10; Data
Aggregation 3.7)."""

from __future__ import annotations

from collections.abc import Iterable

from odata_gateway.edm.functions import resolve
from odata_gateway.errors import BindType, Unsupported
from odata_gateway.plan.expression.casts import bind_cast, bind_isof
from odata_gateway.plan.expression.collections import bind_collection_call, is_collection_call
from odata_gateway.plan.expression.entities import count_of
from odata_gateway.plan.expression.literals import (
    literal,
    natural_type,
    resolve_alias,
)
from odata_gateway.plan.expression.paths import names_of
from odata_gateway.plan.scope.rows import Row, RowStructure
from odata_gateway.plan.scope.scope import Scope
from odata_gateway.plan.tree.relation import (
    BoundExpr,
    Compare,
    ConstantValue,
    Function,
    Logic,
)
from odata_gateway.types import primitive as types
from odata_gateway.types.faults import ValueFault
from odata_gateway.types.function import FunctionArgument, FunctionOverload
from odata_gateway.types.primitive import PrimitiveType
from odata_gateway.types.registry import FUNCTIONS
from odata_gateway.url import ast


def bind_call(node: ast.Call, scope: Scope) -> BoundExpr:
    """A call of a canonical function, cast, isof or isdefined; null where an argument is the null
    literal (5.1.1.4)."""
    name = node.name.lower()
    if name in ("cast", "isof"):
        return bind_cast(node, scope) if name == "cast" else bind_isof(node, scope)
    if name == "isdefined":
        return _isdefined(node, scope)
    if any(isinstance(argument, ast.NamedArgument) for argument in node.args):
        raise Unsupported(f"this service has no function {node.name}", at=node.at)
    if is_collection_call(node, scope):
        return bind_collection_call(node, scope)
    if (
        name == "length"
        and len(node.args) == 1
        and (counted := count_of(node.args[0], scope)) is not None
    ):
        return Function("cast", (scope.bind.expr(counted, scope),), types.INT32, nullable=False)
    nodes = [resolve_alias(argument, scope) for argument in node.args]
    if any(each.located is not None for each in FUNCTIONS.get(name, ())):
        return _located_call(node, nodes, scope)
    args = [scope.bind.expr(argument, scope) for argument in nodes]
    overload = resolve(node.name, tuple(a.type for a in args), at=node.at)
    if any(a.type is None for a in args):
        return ConstantValue(None, result_of(overload, args))
    _check_literals(overload, nodes)
    bound = tuple(map(_argument, overload.arguments, nodes, args))
    nullable = overload.misses_infinity or any(a.nullable for a in bound)
    return Function(overload.id, bound, result_of(overload, args), nullable)


def _located_call(node: ast.Call, nodes: list[ast.Expr], scope: Scope) -> BoundExpr:
    """A call of a function of an extension. Where that is, the types of columns know; a literal
    becomes a value of the same kind."""
    values = {
        number: scope.bind.expr(argument, scope)
        for number, argument in enumerate(nodes)
        if not isinstance(argument, ast.Literal)
    }
    types_ = [
        natural_type(each) if isinstance(each, ast.Literal) else values[number].type
        for number, each in enumerate(nodes)
    ]
    if not _has_values_for(FUNCTIONS[node.name.lower()], scope):
        raise Unsupported(f"function {node.name} is not supported", at=node.at)
    overload = resolve(node.name, types_, at=node.at)
    if None in types_:
        return ConstantValue(None, overload.result)
    given = [value.type for value in values.values() if value.type is not None]
    if not given or overload.located is None:
        raise Unsupported(f"{node.name} needs a property as an argument", at=node.at)
    try:
        found = overload.located(given)
    except ValueFault as fault:
        raise BindType(fault.message, at=node.at) from None
    args = tuple(
        literal(each, found.literal_type, "value") if isinstance(each, ast.Literal) else values[i]
        for i, each in enumerate(nodes)
    )
    return Function(found.overload.id, args, overload.result or types.DOUBLE, nullable=True)


def _has_values_for(overloads: Iterable[FunctionOverload], scope: Scope) -> bool:
    """Whether the model has a property that a function may be about."""
    families = {f for each in overloads for argument in each.arguments for f in argument.families}
    return any(part.type.family.declared in families for part in scope.model.parts)


def result_of(overload: FunctionOverload, args: list[BoundExpr]) -> PrimitiveType:
    """The type of a call's result; that of its arguments where the function does not say."""
    if overload.result is not None:
        return overload.result
    return next((a.type for a in args if a.type is not None), types.STRING)


def _argument(argument: FunctionArgument, node: ast.Expr, bound: BoundExpr) -> BoundExpr:
    if argument.mode is not None and isinstance(node, ast.Literal):
        return literal(node, natural_type(node), argument.mode)
    return bound


def _check_literals(overload: FunctionOverload, nodes: list[ast.Expr]) -> None:
    """Refuse other expressions for arguments that the gateway translates before Postgres sees them,
    such as regular expressions."""
    for number, (argument, node) in enumerate(zip(overload.arguments, nodes, strict=True), 1):
        if argument.literal_only and not isinstance(node, ast.Literal):
            raise Unsupported(
                f"argument {number} of {overload.spelling or overload.name} must be a literal",
                at=node.at,
                hint="write it in quotes",
            )


def _isdefined(node: ast.Call, scope: Scope) -> BoundExpr:
    """isdefined(path): whether rows have the property (Data Aggregation 3.7). Rows that $apply made
    have not all that their type declares."""
    [path] = node.args if len(node.args) == 1 else [None]
    if not isinstance(path, ast.Member):
        raise BindType("isdefined needs the path of a property", at=node.at)
    if path.base is None and path.name in scope.computed:
        return ConstantValue(True, types.BOOLEAN)
    place, structure = scope.bind.path(path, scope), scope.structure
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
