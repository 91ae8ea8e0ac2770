"""Arithmetic operators (URL Conventions 5.1.1.2).

Integers divide by truncation and mod takes the sign of its left side, as in Postgres; div of an
integer or decimal by zero and every mod by zero fail the request (SQLSTATE 22012). Whatever divby
divides by zero, and a double that div does, is INF, -INF or NaN, where Postgres raises.
"""

from __future__ import annotations

from odata_gateway.edm.types import PrimitiveType
from odata_gateway.plan.tree.relation import Arithmetic
from odata_gateway.sql.fragment import Sql, fill

SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "divby": "/", "mod": "%"}
_DOUBLE_DIV = (
    "(CASE WHEN {1} <> 0 THEN {0}::float8 / {1}::float8 WHEN {1} IS NULL THEN NULL WHEN {0} = 0 OR {0}::float8 = 'NaN' THEN 'NaN'::float8 "
    "WHEN {0} > 0 THEN 'Infinity'::float8 WHEN {0} < 0 THEN '-Infinity'::float8 END)"
)
_DECIMAL_DIVBY = (
    "(CASE WHEN {1} <> 0 THEN {0}::numeric / {1} WHEN {1} IS NULL THEN NULL WHEN {0} = 0 OR {0}::numeric = 'NaN' THEN 'NaN'::numeric "
    "WHEN {0} > 0 THEN 'Infinity'::numeric WHEN {0} < 0 THEN '-Infinity'::numeric END)"
)
_DOUBLE_MOD = (
    "(CASE WHEN abs({1}::float8) = 'Infinity' AND abs({0}::float8) < 'Infinity' THEN {0}::float8 "
    "ELSE {0}::float8 - {1}::float8 * trunc({0}::float8 / {1}::float8) END)"
)


def arithmetic_sql(expr: Arithmetic, left: Sql, right: Sql) -> Sql:
    return fill(_template(expr.op, expr.left.type, expr.right.type, expr.type), (left, right))


def _template(
    op: str, left: PrimitiveType | None, right: PrimitiveType | None, result: PrimitiveType
) -> str:
    if result.family == "double" and op in ("div", "divby", "mod"):
        return _DOUBLE_MOD if op == "mod" else _DOUBLE_DIV
    if op == "divby":
        return _DECIMAL_DIVBY if result.family == "decimal" else "({0} / {1})"
    match left and left.family, right and right.family:
        case ["date", "duration"]:
            # a date moves by whole days, towards the past for what is left over (XPath
            # op:add-dayTimeDuration-to-date)
            return f"({{0}}::timestamp {SYMBOLS[op]} {{1}})::date"
        case ["date", "date"]:
            return "({0}::timestamp - {1}::timestamp)"
        case ["duration", "integer" | "decimal" | "double"]:
            return f"({{0}} {SYMBOLS[op]} {{1}}::float8)"
        case ["integer" | "decimal" | "double", "duration"]:
            return "({1} * {0}::float8)"
    if result.is_numeric and result.family == "decimal" and op == "div":
        return "({0}::numeric / {1}::numeric)"
    return f"({{0}} {SYMBOLS[op]} {{1}})"
