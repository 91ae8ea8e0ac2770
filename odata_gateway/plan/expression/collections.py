"""Collections and objects as values (URL Conventions 5.1.1.1, 5.1.1.5, 5.1.1.6).

Most come from the request: `[status,inbox_id]`, `{"a":1}`, a parameter alias for one, and what
concat and substring make of collections. A property may be a collection as well. Two that are
written out are compared item by item, each item with the type it meets; others become arrays, whose
items must be of one type. A collection or object of a request is never null, nor is a property that
is a collection.
"""

from __future__ import annotations

from dataclasses import replace

from odata_gateway.edm.functions import COLLECTION_FUNCTIONS
from odata_gateway.errors import BindType, Unsupported
from odata_gateway.plan.expression.entities import is_path
from odata_gateway.plan.expression.literals import natural_type, resolve_alias
from odata_gateway.plan.scope.limits import check_list
from odata_gateway.plan.scope.places import ItemsPlace, ObjectPlace
from odata_gateway.plan.scope.scope import EntitySetRef, RelatedCollection, Scope
from odata_gateway.plan.scope.structures import items_block
from odata_gateway.plan.tree.collections import items_of
from odata_gateway.plan.tree.conditions import any_of
from odata_gateway.plan.tree.relation import (
    BoundExpr,
    Collection,
    CollectionCall,
    CollectionConcat,
    CollectionItems,
    CollectionRows,
    CollectionSlice,
    Column,
    ConstantValue,
    Exists,
    Logic,
    Not,
    Parameter,
)
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types import primitive as types
from odata_gateway.types.primitive import PrimitiveType
from odata_gateway.url import ast

MAKERS = ("concat", "substring")
"""The functions that make a collection of collections."""

_ITEM = "@item"
"""A range variable that a client cannot name."""
NOT_A_VALUE = (
    "collections and objects are supported in eq, ne and in and as arguments of functions,"
    " not as values of their own"
)


def is_structured(node: ast.Expr, scope: Scope) -> bool:
    """Whether a node is a collection or an object."""
    return isinstance(resolve_alias(node, scope), ast.ObjectExpr) or is_collection(node, scope)


def is_items(node: ast.Expr, scope: Scope) -> bool:
    """Whether a node is the path of a property that is a collection of values."""
    if not scope.model.has_items or not isinstance(node, ast.Member | ast.FilterSegment):
        return False
    return isinstance(scope.bind.path(node, scope), ItemsPlace)


def is_written(node: ast.Expr, scope: Scope) -> bool:
    """Whether a node is a collection that the request has, or that is made of such a one."""
    return is_collection(node, scope) and not is_items(resolve_alias(node, scope), scope)


def is_collection(node: ast.Expr, scope: Scope) -> bool:
    """Whether a node is a collection: concat and substring are if their first argument is."""
    for _ in range(scope.binding.limits.depth):
        node = resolve_alias(node, scope)
        match node:
            case ast.ListExpr() | ast.Literal(many=True):
                return True
            case ast.Call(base=None, name=name, args=(first, *_)) if name.lower() in MAKERS:
                node = first
            case _:
                return is_items(node, scope)
    return False


def is_collection_call(node: ast.Call, scope: Scope) -> bool:
    """Whether a call is of a function of collections, or of one that strings have too and that is
    given a collection."""
    name = node.name.lower()
    if name in ("hassubset", "hassubsequence"):
        return True
    return (name in COLLECTION_FUNCTIONS or name in MAKERS) and any(
        is_structured(argument, scope) for argument in node.args
    )


# --- eq, ne, in -----------------------------------------------------------------------------------


def compare_structured(node: ast.Binary, scope: Scope) -> BoundExpr:
    """`eq` or `ne` of which a side is a collection or an object.

    node  a comparison whose sides are not aliases
    """
    if node.op not in ("eq", "ne"):
        raise BindType("collections and objects have no order", at=node.at)
    equal = _equal(node.left, node.right, scope, at=node.at)
    return Not(equal, equal.nullable) if node.op == "ne" else equal


def _equal(left: ast.Expr, right: ast.Expr, scope: Scope, *, at: int) -> BoundExpr:
    match left, right:
        case [ast.ListExpr(items=own), ast.ListExpr(items=others)]:
            if len(own) != len(others):
                return _never_equal((*own, *others), scope)
            return _all_equal(tuple(zip(own, others, strict=True)), scope, at=at)
        case [ast.ObjectExpr(), ast.ObjectExpr()]:
            mine, theirs = _members(left), _members(right)
            if mine.keys() != theirs.keys():
                return _never_equal((*mine.values(), *theirs.values()), scope)
            return _all_equal(tuple((mine[name], theirs[name]) for name in mine), scope, at=at)
        case (ast.Constant(value=None), other) | (other, ast.Constant(value=None)):
            return _never_equal((other,), scope)
    if is_collection(left, scope) and is_collection(right, scope):
        return _array_call("eq", (left, right), types.BOOLEAN, scope, at=at)
    objects = [side for side in (left, right) if isinstance(side, ast.ObjectExpr)]
    if objects and any(is_path(side) for side in (left, right)):
        raise Unsupported(
            "comparing an object of a row with one of the request is not supported",
            at=at,
            hint="compare its members",
        )
    if isinstance(left, ast.Case) or isinstance(right, ast.Case):
        raise Unsupported("case() with collections or objects as results is not supported", at=at)
    raise BindType("a collection can only equal a collection, and an object an object", at=at)


def _all_equal(pairs: tuple[tuple[ast.Expr, ast.Expr], ...], scope: Scope, *, at: int) -> BoundExpr:
    """Whether the values of each pair are equal."""
    tests: list[BoundExpr] = []
    for own, other in pairs:  # a generator would be one more call per level of nested collections
        tests.append(scope.bind.expr(ast.Binary("eq", own, other, at), scope))
    return Logic("and", tuple(tests), False) if tests else ConstantValue(True, types.BOOLEAN)


def _never_equal(values: tuple[ast.Expr, ...], scope: Scope) -> BoundExpr:
    """False, after a look for mistakes in the values."""
    for value in values:
        _check(value, scope)
    return ConstantValue(False, types.BOOLEAN)


def _members(node: ast.ObjectExpr) -> dict[str, ast.Expr]:
    found = dict(node.members)
    if len(found) < len(node.members):
        raise BindType("an object cannot have a member twice", at=node.at)
    return found


def _check(node: ast.Expr, scope: Scope) -> None:
    """Find the mistakes in a value that nothing can equal."""
    node = resolve_alias(node, scope)
    with scope.binding.size.level(node.at):
        match node:
            case ast.ListExpr(items=items):
                for item in items:
                    _check(item, scope)
            case ast.ObjectExpr():
                for item in _members(node).values():
                    _check(item, scope)
            case ast.Literal(many=True) | ast.Call() if is_collection(node, scope):
                bind_collection(node, scope)
            case _ if is_items(node, scope):
                scope.bind.path(node, scope)
            case _:
                scope.bind.expr(node, scope)


def structured_in(node: ast.Binary, scope: Scope) -> BoundExpr | None:
    """`in` with a collection or an object on its left, or with a function that makes the collection
    on its right; None for others.

    node  an `in` whose sides are not aliases
    """
    left, right = node.left, node.right
    if is_structured(left, scope):
        if not isinstance(right, ast.ListExpr):
            raise BindType("a collection can only be in a list of collections", at=right.at)
        if not right.items:
            return _never_equal((left,), scope)
        check_list(len(right.items), scope.binding.limits, at=right.at)
        comparisons = (ast.Binary("eq", left, item, node.at) for item in right.items)
        return any_of(tuple(scope.bind.expr(each, scope) for each in comparisons))
    if is_items(right, scope):
        return _in_items(node, scope)
    if isinstance(right, ast.Call) and is_collection(right, scope):
        arguments = (right, ast.ListExpr((left,), node.at))
        return _array_call("contains", arguments, types.BOOLEAN, scope, at=node.at)
    return None


def _in_items(node: ast.Binary, scope: Scope) -> BoundExpr:
    """`'a' in tags`: whether an item of a property equals a value."""
    place = scope.bind.path(node.right, scope)
    assert isinstance(place, ItemsPlace)
    with scope.binding.size.within_collection(node.at):
        block, item = items_block(place, scope)
        inner = scope.with_variable(_ITEM, item)
        equal = ast.Binary("eq", ast.Member(None, _ITEM, node.at), node.left, node.at)
        condition = inner.bind.condition(equal, inner)
        return Exists(replace(block, predicates=(*block.predicates, condition)), False)


# --- functions ------------------------------------------------------------------------------------


def bind_collection_call(node: ast.Call, scope: Scope) -> BoundExpr:
    """A call for which `is_collection_call` is true; null for a null argument (5.1.1.4)."""
    name = node.name.lower()
    if name in MAKERS:
        raise Unsupported(NOT_A_VALUE, at=node.at, hint="compare it, or ask for its length")
    result, count = COLLECTION_FUNCTIONS[name]
    if len(node.args) != count:
        raise BindType(
            f"{name} takes {count} argument{'s'[: count - 1]}, not {len(node.args)}", at=node.at
        )
    arguments = tuple(resolve_alias(argument, scope) for argument in node.args)
    if any(isinstance(argument, ast.Constant) and argument.value is None for argument in arguments):
        for argument in arguments:
            _check(argument, scope)
        return ConstantValue(None, result)
    return _array_call(name, arguments, result, scope, at=node.at)


def _array_call(
    id_: str, arguments: tuple[ast.Expr, ...], result: PrimitiveType, scope: Scope, *, at: int
) -> BoundExpr:
    """A function of arrays, whose items are all of one type."""
    bound = tuple(bind_collection(argument, scope) for argument in arguments)
    element = _element(
        {item.type for each in bound for item in items_of(each) if item.type is not None}, at
    )
    args = tuple(_retyped(each, element) for each in bound)
    if element is not types.STRING and any(
        item.type is types.STRING for each in args for item in items_of(each)
    ):
        raise BindType(f"strings and items of type {element.name} in one collection", at=at)
    return CollectionCall(id_, args, element, result)


def bind_collection(node: ast.Expr, scope: Scope) -> Collection:
    """A collection as an array."""
    node = resolve_alias(node, scope)
    with scope.binding.size.level(node.at):
        match node:
            case ast.Literal(many=True, slot=slot):
                natural = natural_type(node)
                return Parameter(LiteralSlot(slot, natural, "value", True), natural)
            case ast.ListExpr(items=items):
                check_list(len(items), scope.binding.limits, at=node.at)
                return CollectionItems(tuple(scope.bind.expr(item, scope) for item in items))
            case ast.Call(base=None) if is_collection(node, scope):
                return _made_collection(node, scope)
            case _ if is_items(node, scope):
                return _items(node, scope)
        if is_path(node) and isinstance(
            scope.bind.path(node, scope), RelatedCollection | EntitySetRef
        ):
            raise Unsupported(
                "functions of collections of entities are not supported",
                at=node.at,
                hint="use any, all or $count",
            )
        raise BindType("a collection is expected here, such as [1,2]", at=node.at)


def _items(node: ast.Expr, scope: Scope) -> Collection:
    """The items of a property."""
    place = scope.bind.path(node, scope)
    assert isinstance(place, ItemsPlace)
    block, item = items_block(place, scope)
    if isinstance(item, ObjectPlace | ItemsPlace) or not isinstance(item, BoundExpr):
        raise Unsupported(
            "functions of collections of objects are not supported",
            at=node.at,
            hint="use any, all or $count",
        )
    reading = item.type.reading(item.pg_type) if isinstance(item, Column) else None
    if reading is not None and reading.is_own and reading.equal_mode != "label":
        raise Unsupported(
            "functions of collections whose items are not compared as texts are not supported",
            at=node.at,
            hint="use any, all or $count",
        )
    return CollectionRows(block, item)


def _made_collection(node: ast.Call, scope: Scope) -> Collection:
    """concat or substring of collections."""
    name, args = node.name.lower(), node.args
    if name == "concat" and len(args) == 2:
        return CollectionConcat(bind_collection(args[0], scope), bind_collection(args[1], scope))
    if name == "substring" and len(args) in (2, 3):
        bounds = tuple(scope.bind.expr(argument, scope) for argument in args[1:])
        if any(bound.type is None or not bound.type.is_integer for bound in bounds):
            raise BindType("the bounds of a substring must be whole numbers", at=node.at)
        if any(bound.nullable for bound in bounds):
            raise Unsupported(
                "a substring of a collection whose bounds may be null is not supported",
                at=node.at,
            )
        length = bounds[1] if len(bounds) > 1 else None
        return CollectionSlice(bind_collection(args[0], scope), bounds[0], length)
    raise BindType(f"{name} cannot have {len(args)} arguments", at=node.at)


# --- types of items -------------------------------------------------------------------------------


def _element(found: set[PrimitiveType], at: int) -> PrimitiveType:
    """The type that items of all these types have as arrays; Edm.String where all are null."""
    if all(type_.is_numeric for type_ in found) and found:
        return max(found, key=lambda type_: type_.rank)
    others = found - {types.STRING}
    if len(others) == 1 and (len(found) == 1 or all(t.family.literal.quoted for t in others)):
        return others.pop()
    if others:
        names = " and ".join(sorted(type_.name for type_ in found))
        raise BindType(f"the items are of different types, {names}", at=at)
    return types.STRING


def _retyped(collection: Collection, element: PrimitiveType) -> Collection:
    """The collection with its quoted strings read as the type of the other items, as they are
    beside any time."""
    match collection:
        case CollectionItems(items=items):
            return CollectionItems(
                tuple(
                    _retyped_parameter(item, element) if isinstance(item, Parameter) else item
                    for item in items
                )
            )
        case CollectionConcat(left=left, right=right):
            return CollectionConcat(_retyped(left, element), _retyped(right, element))
        case CollectionSlice(whole=whole):
            return replace(collection, whole=_retyped(whole, element))
        case CollectionRows():
            return collection
        case Parameter():
            return _retyped_parameter(collection, element)


def _retyped_parameter(parameter: Parameter, element: PrimitiveType) -> Parameter:
    slot = parameter.slot
    if (
        isinstance(slot, LiteralSlot)
        and parameter.type is types.STRING
        and element is not types.STRING
    ):
        return Parameter(replace(slot, type=element), element)
    return parameter
