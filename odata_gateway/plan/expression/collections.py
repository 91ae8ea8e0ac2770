"""Collections and objects as values (URL Conventions 5.1.1.1, 5.1.1.5, 5.1.1.6).

The model has no property that is a collection or an object, so both come from the request:
`[status,inbox_id]`, `{"a":1}`, a parameter alias that stands for one, and what concat and substring
make of collections. Two that are written out are compared item by item, each item with the types it
meets; others become arrays, whose items must be of one type. Neither is ever null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from odata_gateway.edm.functions import COLLECTION_FUNCTIONS
from odata_gateway.errors import BindType, Unsupported
from odata_gateway.plan.expression.entities import is_path
from odata_gateway.plan.expression.literals import natural_type, resolve_alias
from odata_gateway.plan.expression.paths import bind_path
from odata_gateway.plan.scope import EntitySetRef, RelatedCollection, Scope, check_list
from odata_gateway.plan.tree.relation import (
    BoundExpr,
    Collection,
    CollectionCall,
    CollectionConcat,
    CollectionItems,
    CollectionSlice,
    ConstantValue,
    Logic,
    Not,
    Parameter,
)
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types import primitive as types
from odata_gateway.types.primitive import PrimitiveType
from odata_gateway.url import ast

Bind = Callable[[ast.Expr, Scope], BoundExpr]

MAKERS = ("concat", "substring")
"""The functions that make a collection of collections."""


def is_structured(node: ast.Expr, scope: Scope) -> bool:
    """Whether a node is a collection or an object."""
    return isinstance(resolve_alias(node, scope), ast.ObjectExpr) or is_collection(node, scope)


def is_collection(node: ast.Expr, scope: Scope) -> bool:
    """Whether a node is a collection: concat and substring are where their first argument is."""
    for _ in range(scope.binding.limits.depth):
        node = resolve_alias(node, scope)
        match node:
            case ast.ListExpr() | ast.Literal(many=True):
                return True
            case ast.Call(base=None, name=name, args=(first, *_)) if name.lower() in MAKERS:
                node = first
            case _:
                return False
    return False


def is_collection_call(node: ast.Call, scope: Scope) -> bool:
    """Whether a call is of a function of collections, or of one that texts have too and that is
    given a collection."""
    name = node.name.lower()
    if name in ("hassubset", "hassubsequence"):
        return True
    return (name in COLLECTION_FUNCTIONS or name in MAKERS) and any(
        is_structured(argument, scope) for argument in node.args
    )


# --- eq, ne, in -----------------------------------------------------------------------------------


def compare_structured(node: ast.Binary, scope: Scope, bind: Bind) -> BoundExpr:
    """`eq` or `ne` of which a side is a collection or an object."""
    if node.op not in ("eq", "ne"):
        raise BindType(
            "collections and objects have no order", target=scope.binding.target, at=node.at
        )
    equal = _equal(
        resolve_alias(node.left, scope), resolve_alias(node.right, scope), node.at, scope, bind
    )
    return Not(equal, equal.nullable) if node.op == "ne" else equal


def _equal(left: ast.Expr, right: ast.Expr, at: int, scope: Scope, bind: Bind) -> BoundExpr:
    match left, right:
        case [ast.ListExpr(items=own), ast.ListExpr(items=others)]:
            pairs = tuple(zip(own, others, strict=False)) if len(own) == len(others) else None
            return _all_equal(pairs, (*own, *others), at, scope, bind)
        case [ast.ObjectExpr(members=own_members), ast.ObjectExpr(members=other_members)]:
            mine, theirs = _by_name(own_members, at, scope), _by_name(other_members, at, scope)
            named = (
                tuple((mine[name], theirs[name]) for name in mine)
                if mine.keys() == theirs.keys()
                else None
            )
            return _all_equal(named, (*mine.values(), *theirs.values()), at, scope, bind)
        case (ast.Constant(value=None), other) | (other, ast.Constant(value=None)):
            _check(other, scope, bind)
            return ConstantValue(False, types.BOOLEAN)
    if is_collection(left, scope) and is_collection(right, scope):
        return _made("eq", (left, right), types.BOOLEAN, at, scope, bind)
    if isinstance(left, ast.Case) or isinstance(right, ast.Case):
        raise Unsupported(
            "case() with collections or objects as results is not supported",
            target=scope.binding.target,
            at=at,
        )
    raise BindType(
        "a collection can equal a collection only, and an object an object",
        target=scope.binding.target,
        at=at,
    )


def _all_equal(
    pairs: tuple[tuple[ast.Expr, ast.Expr], ...] | None,
    parts: tuple[ast.Expr, ...],
    at: int,
    scope: Scope,
    bind: Bind,
) -> BoundExpr:
    """Whether the values of each pair are equal; no pairs for two of other sizes or names, whose
    `parts` must be in order all the same."""
    if pairs is None:
        for part in parts:
            _check(part, scope, bind)
        return ConstantValue(False, types.BOOLEAN)
    tests = tuple(bind(ast.Binary("eq", own, other, at), scope) for own, other in pairs)
    return Logic("and", tests, False) if tests else ConstantValue(True, types.BOOLEAN)


def _by_name(
    members: tuple[tuple[str, ast.Expr], ...], at: int, scope: Scope
) -> dict[str, ast.Expr]:
    found = dict(members)
    if len(found) < len(members):
        raise BindType("an object has a member twice", target=scope.binding.target, at=at)
    return found


def _check(node: ast.Expr, scope: Scope, bind: Bind) -> None:
    """Find what is wrong with a value that nothing can equal."""
    node = resolve_alias(node, scope)
    scope.binding.enter()
    match node:
        case ast.ListExpr(items=items):
            for item in items:
                _check(item, scope, bind)
        case ast.ObjectExpr(members=members):
            for item in _by_name(members, node.at, scope).values():
                _check(item, scope, bind)
        case ast.Literal(many=True) | ast.Call() if is_collection(node, scope):
            bind_collection(node, scope, bind)
        case _:
            bind(node, scope)
    scope.binding.leave()


def among(left: ast.Expr, right: ast.Expr, at: int, scope: Scope, bind: Bind) -> BoundExpr | None:
    """`in` where a collection or an object is looked for, or where a function makes what it is
    looked for in; None for others."""
    if is_structured(left, scope):
        if not isinstance(right, ast.ListExpr):
            raise BindType(
                "a collection can be one of a list of collections only",
                target=scope.binding.target,
                at=at,
            )
        check_list(len(right.items), scope.binding.limits, scope.binding.target, right.at)
        tests = tuple(bind(ast.Binary("eq", left, item, at), scope) for item in right.items)
        return Logic("or", tests, False) if tests else _all_equal(None, (left,), at, scope, bind)
    if isinstance(right, ast.Call) and is_collection(right, scope):
        return _made("contains", (right, ast.ListExpr((left,), at)), types.BOOLEAN, at, scope, bind)
    return None


# --- functions ------------------------------------------------------------------------------------


def bind_collection_call(node: ast.Call, scope: Scope, bind: Bind) -> BoundExpr:
    """A call that `is_collection_call`; null for a null argument (5.1.1.4)."""
    name = node.name.lower()
    if name in MAKERS:
        raise Unsupported(
            NO_VALUE,
            target=scope.binding.target,
            at=node.at,
            hint="compare it, or ask for its length",
        )
    result, count = COLLECTION_FUNCTIONS[name]
    if len(node.args) != count:
        raise BindType(
            f"{name} takes {count} argument{'s'[: count - 1]}, not {len(node.args)}",
            target=scope.binding.target,
            at=node.at,
        )
    arguments = tuple(resolve_alias(argument, scope) for argument in node.args)
    if any(isinstance(argument, ast.Constant) and argument.value is None for argument in arguments):
        for argument in arguments:
            _check(argument, scope, bind)
        return ConstantValue(None, result)
    return _made(name, arguments, result, node.at, scope, bind)


NO_VALUE = "collections and objects are supported in eq, ne and in and as arguments of functions, not as values of their own"


def _made(
    id_: str,
    arguments: tuple[ast.Expr, ...],
    result: PrimitiveType,
    at: int,
    scope: Scope,
    bind: Bind,
) -> BoundExpr:
    bound = tuple(bind_collection(argument, scope, bind) for argument in arguments)
    element = _element(
        {leaf.type for each in bound for leaf in leaves(each) if leaf.type is not None}, at, scope
    )
    args = tuple(_retyped(each, element) for each in bound)
    if (
        any(leaf.type is types.STRING for each in args for leaf in leaves(each))
        and element is not types.STRING
    ):
        raise BindType(
            f"texts and items of type {element.name} in one collection",
            target=scope.binding.target,
            at=at,
        )
    return CollectionCall(id_, args, element, result)


def bind_collection(node: ast.Expr, scope: Scope, bind: Bind) -> Collection:
    """A collection that becomes an array."""
    node = resolve_alias(node, scope)
    scope.binding.enter()
    try:
        match node:
            case ast.Literal(many=True, slot=slot):
                natural = natural_type(node, scope)
                return Parameter(LiteralSlot(slot, natural, "exact", True), natural)
            case ast.ListExpr(items=items):
                check_list(len(items), scope.binding.limits, scope.binding.target, node.at)
                return CollectionItems(tuple(bind(item, scope) for item in items))
            case ast.Call(base=None, name=name, args=args) if is_collection(node, scope):
                return _made_of(name.lower(), args, node.at, scope, bind)
        if is_path(node) and isinstance(bind_path(node, scope), RelatedCollection | EntitySetRef):
            reason = "functions of collections of entities are not supported"
            raise Unsupported(
                reason, target=scope.binding.target, at=node.at, hint="use any, all or $count"
            )
        raise BindType(
            "a collection is expected here, such as [1,2]", target=scope.binding.target, at=node.at
        )
    finally:
        scope.binding.leave()


def _made_of(
    name: str, args: tuple[ast.Expr, ...], at: int, scope: Scope, bind: Bind
) -> Collection:
    if name == "concat" and len(args) == 2:
        return CollectionConcat(
            bind_collection(args[0], scope, bind), bind_collection(args[1], scope, bind)
        )
    if name == "substring" and len(args) in (2, 3):
        bounds = tuple(bind(argument, scope) for argument in args[1:])
        if any(bound.type is None or not bound.type.is_integer for bound in bounds):
            raise BindType(
                "the bounds of a part are whole numbers", target=scope.binding.target, at=at
            )
        if any(bound.nullable for bound in bounds):
            raise Unsupported(
                "a part of a collection whose bounds may be null",
                target=scope.binding.target,
                at=at,
            )
        return CollectionSlice(
            bind_collection(args[0], scope, bind), bounds[0], bounds[1] if len(bounds) > 1 else None
        )
    raise BindType(f"{name} cannot have {len(args)} arguments", target=scope.binding.target, at=at)


def leaves(collection: Collection) -> Iterator[BoundExpr]:
    """What the items of a collection are."""
    match collection:
        case CollectionItems(items=items):
            yield from items
        case CollectionConcat(left=left, right=right):
            yield from leaves(left)
            yield from leaves(right)
        case CollectionSlice(whole=whole):
            yield from leaves(whole)
        case Parameter():
            yield collection


def _element(found: set[PrimitiveType], at: int, scope: Scope) -> PrimitiveType:
    """The type that items of all these types have as arrays; that of texts where all are null."""
    if all(type_.is_numeric for type_ in found) and found:
        return max(found, key=lambda type_: type_.rank)
    quoted = found - {types.STRING}
    if len(quoted) == 1 and (len(found) == 1 or all(t.family.literal.quoted for t in quoted)):
        return quoted.pop()
    if quoted:
        names = " and ".join(sorted(type_.name for type_ in found))
        raise BindType(
            f"the items are of different types, {names}", target=scope.binding.target, at=at
        )
    return types.STRING


def _retyped(collection: Collection, element: PrimitiveType) -> Collection:
    """The collection with its quoted texts read as the type of the others' items, as beside any
    time."""
    match collection:
        case CollectionItems(items=items):
            return CollectionItems(
                tuple(
                    _requoted(item, element) if isinstance(item, Parameter) else item
                    for item in items
                )
            )
        case CollectionConcat(left=left, right=right):
            return CollectionConcat(_retyped(left, element), _retyped(right, element))
        case CollectionSlice(whole=whole):
            return replace(collection, whole=_retyped(whole, element))
        case Parameter():
            return _requoted(collection, element)


def _requoted(parameter: Parameter, element: PrimitiveType) -> Parameter:
    slot = parameter.slot
    if (
        isinstance(slot, LiteralSlot)
        and parameter.type is types.STRING
        and element is not types.STRING
    ):
        return Parameter(replace(slot, type=element), element)
    return parameter
