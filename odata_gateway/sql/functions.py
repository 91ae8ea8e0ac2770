"""Functions, casts and operators as SQL, from the templates of `types`."""

from __future__ import annotations

from odata_gateway.errors import Unsupported
from odata_gateway.plan.tree.relation import Arithmetic, Column, Function
from odata_gateway.sql.fragment import Sql, fill
from odata_gateway.types import arithmetic, casts
from odata_gateway.types.family import PrimitiveType
from odata_gateway.types.registry import OVERLOADS


def function_sql(id_: str, args: tuple[Sql, ...], *, pattern: bool = False) -> Sql:
    """A function; `pattern` says that the second argument is an escaped LIKE pattern."""
    overload = OVERLOADS.get(id_)
    if overload is None:
        raise Unsupported(f"function {id_.partition('.')[0]} is not supported")
    template = overload.pattern_sql if pattern and overload.pattern_sql else overload.sql
    return fill(template, args)


def folded(call: Function, values: tuple[Sql, ...]) -> tuple[Sql, ...]:
    """The arguments of a function that looks for a text, as the type of a column among them
    compares texts: without case for citext."""
    overload = OVERLOADS.get(call.id)
    if overload is None or not overload.folds:
        return values
    columns = (arg for arg in call.args if isinstance(arg, Column))
    found = {column.type.reading(column.pg_type).searched for column in columns} - {"{0}"}
    for template in found:
        values = tuple(fill(template, (value,)) for value in values)
    return values


def function_can_fail(id_: str) -> bool:
    """Whether a function can raise for some values; `cast`, whose SQL depends on types, can."""
    overload = OVERLOADS.get(id_)
    return overload is None or overload.can_fail


def function_misses_infinity(id_: str) -> bool:
    """Whether a function takes infinite times, and makes null of them."""
    overload = OVERLOADS.get(id_)
    return overload is not None and overload.misses_infinity


def cast_sql(operand: Sql, source: PrimitiveType | None, target: PrimitiveType) -> Sql:
    """cast() between primitive types."""
    return fill(casts.cast_template(source, target), (operand,))


def arithmetic_sql(expr: Arithmetic, left: Sql, right: Sql) -> Sql:
    template = arithmetic.operator_template(expr.op, expr.left.type, expr.right.type, expr.type)
    return fill(template, (left, right))
