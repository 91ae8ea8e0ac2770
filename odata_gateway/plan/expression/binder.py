"""From syntax to typed expressions (URL Conventions 5.1.1).

A literal takes its type from its neighbour, so operands are bound in two steps: first everything
that knows its own type, then the literals. Types are OData's, strictly, with one addition for this
product: a quoted time compared with a DateTimeOffset, with UTC where no offset is given.
"""

from __future__ import annotations

from odata_gateway.errors import BindType, Unsupported
from odata_gateway.plan.expression.collections import (
    NO_VALUE,
    among,
    bind_collection_call,
    compare_structured,
    is_collection,
    is_structured,
)
from odata_gateway.plan.expression.entities import compare_entities, entity_among
from odata_gateway.plan.expression.functions import bind_call
from odata_gateway.plan.expression.literals import literal, natural_type, resolve_alias
from odata_gateway.plan.expression.paths import PathTarget, bind_path, collection_block
from odata_gateway.plan.expression.search import bind_search
from odata_gateway.plan.scope import (
    EntitySetRef,
    Frame,
    RelatedCollection,
    Row,
    Scope,
    ServiceRoot,
    check_list,
)
from odata_gateway.plan.tree.relation import (
    Arithmetic,
    ArithmeticOp,
    BoundExpr,
    CaseWhen,
    Column,
    Compare,
    ComparisonOp,
    ConstantValue,
    CountOf,
    Exists,
    InArray,
    IsNotTrue,
    Logic,
    Negate,
    Not,
    Parameter,
)
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types import primitive as types
from odata_gateway.types.arithmetic import result_type
from odata_gateway.types.family import DecodeMode
from odata_gateway.types.primitive import PrimitiveType
from odata_gateway.url import ast

COMPARISONS: dict[str, ComparisonOp] = {
    "eq": "eq",
    "ne": "ne",
    "lt": "lt",
    "le": "le",
    "gt": "gt",
    "ge": "ge",
}
ARITHMETIC: dict[str, ArithmeticOp] = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "div": "div",
    "divby": "divby",
    "mod": "mod",
}
MIRRORED: dict[ComparisonOp, ComparisonOp] = {
    "eq": "eq",
    "ne": "ne",
    "lt": "gt",
    "le": "ge",
    "gt": "lt",
    "ge": "le",
}
ORDER_MODES: dict[ComparisonOp, DecodeMode] = {
    "lt": "ceil",
    "ge": "ceil",
    "gt": "floor",
    "le": "floor",
    "eq": "exact",
    "ne": "exact",
}


def bind_filter(node: ast.Expr, scope: Scope) -> BoundExpr:
    """A Boolean expression."""
    expr = bind_expr(node, scope)
    if expr.type is not None and expr.type is not types.BOOLEAN:
        raise BindType(
            f"a condition must be Edm.Boolean, this is {expr.type.name}",
            target=scope.binding.target,
            at=node.at,
            hint="compare it with something, for example with eq",
        )
    return expr


def bind_narrowing(
    options: ast.Options, scope: Scope, target: str = "$filter"
) -> tuple[BoundExpr, ...]:
    """What $search and $filter ask of a collection's rows; mistakes of the filter are those of
    `target`."""
    found: list[BoundExpr] = []
    if options.search is not None:
        found.append(bind_search(options.search, scope))
    scope.binding.target = target
    if options.filter is not None:
        found.append(bind_filter(options.filter, scope))
    return tuple(found)


def bind_expr(node: ast.Expr, scope: Scope) -> BoundExpr:
    """An expression with a primitive value; a literal gets its natural type."""
    scope.binding.enter()
    try:
        return _bind(node, scope)
    finally:
        scope.binding.leave()


def _bind(node: ast.Expr, scope: Scope) -> BoundExpr:
    match node:
        case ast.Literal(many=True):
            raise BindType(
                "a list can stand on the right of 'in' only",
                target=scope.binding.target,
                at=node.at,
            )
        case ast.Literal():
            return literal(node, natural_type(node, scope), scope, "value")
        case ast.Constant(value=value):
            return ConstantValue(value, None if value is None else types.BOOLEAN)
        case ast.Alias(name=name):
            found = scope.binding.aliases.get(name)
            return ConstantValue(None, None) if found is None else bind_expr(found, scope)
        case ast.Unary(op="not"):
            operand = bind_filter(node.operand, scope)
            return Not(operand, operand.nullable)
        case ast.Unary():
            return _negate(node, scope)
        case ast.Binary(op="and" | "or"):
            return _logic(node, scope)
        case ast.Binary(op="in"):
            return _in(node, scope)
        case ast.Binary(op="has"):
            raise BindType(
                "has needs an enumeration on its left, and this model has none",
                target=scope.binding.target,
                at=node.at,
            )
        case ast.Binary(op=op) if op in COMPARISONS:
            return _compare(node, scope)
        case ast.Binary():
            return _arithmetic(node, scope)
        case ast.Call(base=None):
            return bind_call(node, scope, bind_expr)
        case ast.Lambda():
            return _lambda(node, scope)
        case ast.Count():
            return _count(node, scope)
        case ast.Case():
            return _case(node, scope)
        case ast.ListExpr() | ast.ObjectExpr():
            raise Unsupported(NO_VALUE, target=scope.binding.target, at=node.at)
        case _:
            return _path_value(node, scope)


# --- comparison and logic -------------------------------------------------------------------------


def _compare(node: ast.Binary, scope: Scope) -> BoundExpr:
    op = COMPARISONS[node.op]
    left, right = resolve_alias(node.left, scope), resolve_alias(node.right, scope)
    if is_structured(left, scope) or is_structured(right, scope):
        return compare_structured(node, scope, bind_expr)
    entity = compare_entities(op, left, right, scope, node.at)
    if entity is not None:
        return entity
    if isinstance(right, ast.Literal):
        return _compare_literal(op, bind_expr(left, scope), right, scope)
    if isinstance(left, ast.Literal):
        return _compare_literal(MIRRORED[op], bind_expr(right, scope), left, scope)
    bound_left, bound_right = bind_expr(left, scope), bind_expr(right, scope)
    check_comparable(op, bound_left.type, bound_right.type, scope, node.at)
    return Compare(op, bound_left, bound_right)


def _compare_literal(
    op: ComparisonOp, expr: BoundExpr, node: ast.Literal, scope: Scope
) -> BoundExpr:
    if node.many or expr.type is None:
        return Compare(op, expr, bind_expr(node, scope))
    mode = equal_mode(expr) if op in ("eq", "ne") else ORDER_MODES[op]
    value = literal(node, expr.type, scope, mode)
    check_comparable(op, expr.type, value.type, scope, node.at)
    return Compare(op, expr, value)


def equal_mode(expr: BoundExpr) -> DecodeMode:
    """How a literal is decoded that is compared for equality with an expression."""
    if not isinstance(expr, Column):
        return "exact"
    reading = expr.type.family.columns.get(expr.pg_type)
    return reading.equal_mode if reading and reading.equal_mode else "exact"


def check_comparable(
    op: ComparisonOp, left: PrimitiveType | None, right: PrimitiveType | None, scope: Scope, at: int
) -> None:
    if (
        left is None
        or right is None
        or left.family is right.family
        or (left.is_numeric and right.is_numeric)
    ):
        unordered = [each for each in (left, right) if each and not each.family.is_ordered]
        if op in ("eq", "ne") or not unordered:
            return
        raise BindType(
            f"{unordered[0].name} values have no order", target=scope.binding.target, at=at
        )
    hint = (
        "date(...) makes an Edm.Date of a time"
        if {left, right} == {types.DATE, types.DATETIME}
        else None
    )
    raise BindType(
        f"{left.name} cannot be compared with {right.name}",
        target=scope.binding.target,
        at=at,
        hint=hint,
    )


def _logic(node: ast.Binary, scope: Scope) -> BoundExpr:
    """One flat `and` or `or`: BI tools write chains of hundreds, which must not cost a level
    each."""
    operands: list[ast.Expr] = []
    stack: list[ast.Expr] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, ast.Binary) and current.op == node.op:
            stack += (current.right, current.left)
        else:
            operands.append(current)
    bound = tuple(bind_filter(o, scope) for o in operands)
    return Logic("and" if node.op == "and" else "or", bound, any(o.nullable for o in bound))


def _in(node: ast.Binary, scope: Scope) -> BoundExpr:
    left, right = resolve_alias(node.left, scope), resolve_alias(node.right, scope)
    found = among(left, right, node.at, scope, bind_expr) or entity_among(
        left, right, scope, node.at, bind_filter
    )
    if found is not None:
        return found
    operand = bind_expr(left, scope)
    match right:
        case ast.Literal(many=True):
            if operand.type is None:
                return ConstantValue(False, types.BOOLEAN)
            return InArray(operand, literal(right, operand.type, scope, equal_mode(operand)))
        case ast.ListExpr(items=items):
            check_list(len(items), scope.binding.limits, scope.binding.target, right.at)
            tests = tuple(_in_item(operand, item, scope) for item in items)
            return Logic("or", tests, False) if tests else ConstantValue(False, types.BOOLEAN)
        case _:
            raise Unsupported(
                "the right side of 'in' must be a list of values",
                target=scope.binding.target,
                at=right.at,
            )


def _in_item(operand: BoundExpr, item: ast.Expr, scope: Scope) -> BoundExpr:
    item = resolve_alias(item, scope)
    if is_structured(item, scope):
        raise BindType(
            "a single value is no collection or object", target=scope.binding.target, at=item.at
        )
    if isinstance(item, ast.Literal):
        return _compare_literal("eq", operand, item, scope)
    value = bind_expr(item, scope)
    check_comparable("eq", operand.type, value.type, scope, item.at)
    return Compare("eq", operand, value)


def _case(node: ast.Case, scope: Scope) -> BoundExpr:
    branches = tuple(
        (bind_filter(condition, scope), bind_expr(value, scope))
        for condition, value in node.branches
    )
    kinds = [value.type for _, value in branches if value.type is not None]
    if not kinds:
        return ConstantValue(None, None)
    result = kinds[0]
    for other in kinds[1:]:
        if result.is_numeric and other.is_numeric:
            result = types.promote(result, other)
        elif other is not result:
            raise BindType(
                f"the results of case() have different types, {result.name} and {other.name}",
                target=scope.binding.target,
                at=node.at,
            )
    return CaseWhen(branches, result)


# --- arithmetic -----------------------------------------------------------------------------------


def _negate(node: ast.Unary, scope: Scope) -> BoundExpr:
    operand = bind_expr(node.operand, scope)
    if operand.type is None:
        return operand
    if not (operand.type.is_numeric or operand.type.family.can_be_negated):
        raise BindType(
            f"{operand.type.name} cannot be negated", target=scope.binding.target, at=node.at
        )
    return Negate(operand, operand.type, operand.nullable)


def _arithmetic(node: ast.Binary, scope: Scope) -> BoundExpr:
    op = ARITHMETIC[node.op]
    left, right = bind_expr(node.left, scope), bind_expr(node.right, scope)
    if left.type is None or right.type is None:
        return ConstantValue(None, left.type or right.type)
    left, right = _requote(left, right.type, op), _requote(right, left.type, op)
    result = arithmetic_type(op, left.type, right.type)
    if result is None:
        raise BindType(
            f"{op} has no meaning for {left.type} and {right.type}",
            target=scope.binding.target,
            at=node.at,
        )
    return Arithmetic(op, left, right, result, left.nullable or right.nullable)


def _requote(expr: BoundExpr, other: PrimitiveType | None, op: str) -> BoundExpr:
    """A quoted string beside a time in add and sub is a duration without its prefix (4.01 Minimal
    9b)."""
    is_time = other is types.DATETIME or other is types.DATE or other is types.DURATION
    if (
        is_time
        and op in ("add", "sub")
        and isinstance(expr, Parameter)
        and isinstance(expr.slot, LiteralSlot)
        and expr.type is types.STRING
    ):
        return Parameter(LiteralSlot(expr.slot.index, types.DURATION), types.DURATION)
    return expr


def arithmetic_type(
    op: ArithmeticOp, left: PrimitiveType | None, right: PrimitiveType | None
) -> PrimitiveType | None:
    """The result type of an operator (5.1.1.2); None where it has none."""
    return None if left is None or right is None else result_type(op, left, right)


# --- collections ----------------------------------------------------------------------------------


def _lambda(node: ast.Lambda, scope: Scope) -> BoundExpr:
    with scope.binding.within_collection(node.at):
        return _quantified(node, scope)


def _quantified(node: ast.Lambda, scope: Scope) -> BoundExpr:
    related = _related(node.base, scope, node.quantifier, node.at)
    frame = Frame(scope.binding.source(related.type_in(scope.binding.model)))
    row = Row(frame, frame.source)
    body: BoundExpr | None = None
    if node.body is not None and node.variable is not None:
        body = bind_filter(node.body, scope.with_variable(node.variable, row))
    elif node.quantifier == "all":
        raise BindType(
            "all needs a range variable and a condition, as in all(m:m/private)",
            target=scope.binding.target,
            at=node.at,
        )
    negated = node.quantifier == "all"
    predicates = () if body is None else (IsNotTrue(body) if negated else body,)
    return Exists(collection_block(related, frame, predicates, scope, bind_filter), negated)


def _count(node: ast.Count, scope: Scope) -> BoundExpr:
    with scope.binding.within_collection(node.at):
        return _counted(node, scope)


def _counted(node: ast.Count, scope: Scope) -> BoundExpr:
    if node.options is None and is_collection(node.base, scope):
        return bind_collection_call(
            ast.Call(None, "length", (node.base,), node.at), scope, bind_expr
        )
    related = _related(node.base, scope, "$count", node.at)
    frame = Frame(scope.binding.source(related.type_in(scope.binding.model)))
    options = node.options or ast.Options()
    predicates = bind_narrowing(
        options, scope.nested(Row(frame, frame.source)), scope.binding.target
    )
    return CountOf(collection_block(related, frame, predicates, scope, bind_filter))


def _related(
    base: ast.Expr | None, scope: Scope, what: str, at: int
) -> RelatedCollection | EntitySetRef:
    if base is not None and is_collection(base, scope):
        raise Unsupported(
            f"{what} of a collection of values is not supported", target=scope.binding.target, at=at
        )
    place: PathTarget | None = bind_path(base, scope) if base is not None else None
    if isinstance(place, RelatedCollection | EntitySetRef):
        return place
    raise BindType(
        f"{what} needs a collection before it",
        target=scope.binding.target,
        at=at,
        hint="collections are to-many navigation properties",
    )


def _path_value(node: ast.Expr, scope: Scope) -> BoundExpr:
    place = bind_path(node, scope)
    if isinstance(place, Row):
        raise BindType(
            "an entity is no value",
            target=scope.binding.target,
            at=node.at,
            hint="name one of its properties, or compare it with null",
        )
    if isinstance(place, ServiceRoot):
        raise BindType(
            "$root is no value",
            target=scope.binding.target,
            at=node.at,
            hint="name an entity, as in $root/User(1)/name",
        )
    if isinstance(place, RelatedCollection | EntitySetRef):
        hint = f"write {place.name}/any(...) or {place.name}/$count"
        raise BindType(
            "a collection is no value", target=scope.binding.target, at=node.at, hint=hint
        )
    return place
