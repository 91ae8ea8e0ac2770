"""Functions, casts and operators as SQL, from the templates of `types`."""

from __future__ import annotations

from odata_gateway.errors import Unsupported
from odata_gateway.plan.tree.relation import (
    Arithmetic,
    BoundExpr,
    Column,
    Function,
    Negate,
    Parameter,
)
from odata_gateway.sql.fragment import Sql, build, fill
from odata_gateway.sql.pg_types import has_zone, in_zone, reads_as_it_is, text_in_zone
from odata_gateway.types import arithmetic, casts
from odata_gateway.types.canonical_functions import geo_overload, words_overload
from odata_gateway.types.family import PrimitiveType
from odata_gateway.types.function import FunctionOverload
from odata_gateway.types.primitive import DATETIME, STRING
from odata_gateway.types.registry import OVERLOADS


def _overload(id_: str) -> FunctionOverload | None:
    return OVERLOADS.get(id_) or words_overload(id_) or geo_overload(id_)


def function_sql(id_: str, args: tuple[Sql, ...], *, pattern: bool = False) -> Sql:
    """A function; `pattern` says that the second argument is an escaped LIKE pattern."""
    overload = _overload(id_)
    if overload is None:
        raise Unsupported(f"function {id_.partition('.')[0]} is not supported")
    template = overload.pattern_sql if pattern and overload.pattern_sql else overload.sql
    return fill(template, args)


def folded(call: Function, values: tuple[Sql, ...]) -> tuple[Sql, ...]:
    """The arguments of a function that looks for a text, as the type of a column among them
    compares texts: without case for citext."""
    overload = _overload(call.id)
    if overload is None or not overload.folds:
        return values
    columns = (arg for arg in call.args if isinstance(arg, Column))
    found = {column.type.reading(column.pg_type).searched for column in columns} - {"{0}"}
    for template in found:
        values = tuple(fill(template, (value,)) for value in values)
    return values


def function_can_fail(id_: str) -> bool:
    """Whether a function can raise for some values; `cast`, whose SQL depends on types, can."""
    overload = _overload(id_)
    return overload is None or overload.can_fail


def index_template(id_: str) -> str | None:
    """A condition that an index serves and that holds wherever a function is true, or at most {2};
    None: there is none."""
    overload = _overload(id_)
    return None if overload is None else overload.index_sql


def function_misses_infinity(id_: str) -> bool:
    """Whether a function takes infinite times, and makes null of them."""
    overload = _overload(id_)
    return overload is not None and overload.misses_infinity


def cast_sql(operand: Sql, source: PrimitiveType | None, target: PrimitiveType) -> Sql:
    """cast() between primitive types."""
    return fill(casts.cast_template(source, target), (operand,))


def is_moved(expr: BoundExpr) -> bool:
    """Whether a value is a time that is shown in the caller's zone. A literal is in its own."""
    return expr.type is not None and has_zone(expr.type) and not isinstance(expr, Parameter)


def function_in_zone(id_: str, value: Sql) -> Sql:
    """A function of a time, which has the clock of the caller's zone (Protocol 11.2.6.1.3)."""
    overload = _overload(id_)
    if overload is not None and overload.zoned_sql is not None:
        return fill(overload.zoned_sql, (value, in_zone(value)))
    reads_clock = overload is not None and overload.arguments[0].mode == "utc"
    return function_sql(id_, (in_zone(value) if reads_clock else value,))


def cast_in_zone(value: Sql, target: PrimitiveType) -> Sql:
    """cast() of a time: to its day, its time of day or its text in the caller's zone."""
    if target is STRING:
        return build("({0})", text_in_zone(value))
    return cast_sql(in_zone(value), DATETIME, target)


def arithmetic_sql(expr: Arithmetic, left: Sql, right: Sql) -> Sql:
    """An operator, as the Postgres type of its result. Postgres computes whole numbers in the wider
    type of the two operands, which may be narrower than the result or wider."""
    operands, result = (expr.left, expr.right), expr.type
    template = arithmetic.operator_template(expr.op, expr.left.type, expr.right.type, result)
    are_numbers = all(each.type is not None and each.type.is_numeric for each in operands)
    if are_numbers and result.family.has_nan:
        left, right = (promoted(v, e, result) for v, e in zip((left, right), operands, strict=True))
    if not (are_numbers and result.is_integer):
        return fill(template, (left, right))
    wider = max((pg_type_of(each) for each in operands), key=_WHOLE.index)
    if _WHOLE.index(wider) < _WHOLE.index(result.pg_type):
        left = fill("{0}::" + result.pg_type, (left,))
    found = fill(template, (left, right))
    is_wider = _WHOLE.index(wider) > _WHOLE.index(result.pg_type)
    return fill("{0}::" + result.pg_type, (found,)) if is_wider else found


def negation_sql(expr: Negate, operand: Sql) -> Sql:
    """`-` before a value, as the Postgres type of its result."""
    if expr.type.is_numeric and pg_type_of(expr.operand) != expr.type.pg_type:
        operand = fill("{0}::" + expr.type.pg_type, (operand,))
    return fill(expr.type.family.negated, (operand,))


_WHOLE = ("int2", "int4", "int8", "numeric")
"""The Postgres types of whole numbers, each wider than those before it."""


def pg_type_of(expr: BoundExpr) -> str:
    """The Postgres type of a number's SQL: that of its edm type, but for a column and a
    parameter."""
    match expr:
        case Column(pg_type=pg_type, type=type_) if pg_type and reads_as_it_is(pg_type, type_):
            return pg_type
        case Parameter(type=type_):
            return type_.family.argument_type.type
    return (expr.type or STRING).pg_type


def promoted(value: Sql, expr: BoundExpr, target: PrimitiveType) -> Sql:
    """A number as a type that its own is promoted to (URL Conventions 5.1.1.18)."""
    if expr.type is None or pg_type_of(expr) == target.pg_type:
        return value
    return fill(casts.promotion_template(expr.type, target), (value,))
