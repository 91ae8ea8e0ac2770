"""SQL of numbers with an exponent that never fails: IEEE 754 has INF, 0 and NaN where Postgres
raises.

Postgres refuses a result that is too large, and one that becomes 0 although no operand is. So each
template looks at its operands first. These stand in a subquery, which computes them once; OFFSET 0
keeps Postgres from replacing their names by what they stand for. Operands are scaled by powers of
two before they are looked at, which changes no digit of them. In Postgres, NaN is above all
numbers.
"""

from __future__ import annotations

from typing import LiteralString

# A number rounds to INF from half a step above the greatest value on, and to 0 up to half of the
# least one.
SINGLE_END: LiteralString = "3.40282356779733661637539395458e38"
SINGLE_ZERO: LiteralString = "7.00649232162408535461864791645e-46"
DOUBLE_END: LiteralString = "1.79769313486231580793728971405e308"
DOUBLE_ZERO: LiteralString = "2.47032822920623272088284396434e-324"


# What a number too large becomes: INF, or null.
_INFINITE: LiteralString = "WHEN s.x > 0 THEN 'Infinity' WHEN s.x < 0 THEN '-Infinity' "


def single_of_numeric(*, is_cast: bool) -> LiteralString:
    """A numeric ({0}) of any size as float4; one that is too large is INF, or null where it is
    cast."""
    return _of_numeric("float4", SINGLE_ZERO, SINGLE_END, "" if is_cast else _INFINITE)


def double_of_numeric(*, is_cast: bool) -> LiteralString:
    """The same as float8."""
    return _of_numeric("float8", DOUBLE_ZERO, DOUBLE_END, "" if is_cast else _INFINITE)


def _of_numeric(
    pg_type: LiteralString, zero: LiteralString, end: LiteralString, beyond: LiteralString
) -> LiteralString:
    return (
        f"(SELECT CASE WHEN abs(s.x) > {zero} AND abs(s.x) < {end} "
        f"OR s.x IN (0, 'NaN', 'Infinity', '-Infinity') THEN s.x::{pg_type} "
        f"WHEN abs(s.x) <= {zero} THEN '0' {beyond}END "
        "FROM (SELECT {0} AS x OFFSET 0) AS s)"
    )


def as_single(value: LiteralString, *, is_cast: bool = False) -> LiteralString:
    """SQL of a double, rounded to float4."""
    beyond: LiteralString = "" if is_cast else _INFINITE
    return (
        f"(SELECT CASE WHEN abs(s.x) > {SINGLE_ZERO} AND abs(s.x) < {SINGLE_END} "
        "OR s.x IN ('NaN', 'Infinity', '-Infinity') THEN s.x::float4 "
        f"WHEN abs(s.x) <= {SINGLE_ZERO} THEN (s.x * 0)::float4 {beyond}END "
        f"FROM (SELECT {value} AS x OFFSET 0) AS s)"
    )


def _of_both(value: LiteralString) -> LiteralString:
    """`value` of s.x and s.y, the operands as doubles."""
    return f"(SELECT {value} FROM (SELECT {{0}} AS x, {{1}} AS y OFFSET 0) AS s)"


def _sum(symbol: LiteralString) -> LiteralString:
    """A sum or difference: only of two large numbers it can be too large."""
    quarters: LiteralString = f"(s.x * 0.25 {symbol} s.y * 0.25)"
    return _of_both(
        f"CASE WHEN abs(s.x) < 1e290 OR abs(s.y) < 1e290 THEN s.x {symbol} s.y "
        f"WHEN abs({quarters}) < 4.49423283715579e307 THEN s.x {symbol} s.y "
        f"ELSE {quarters} * 'Infinity' END"
    )


# What is divided by zero is infinite or NaN; zero has a sign, which its text tells.
_BY_ZERO: LiteralString = (
    "CASE WHEN s.x = 0 OR s.x = 'NaN' THEN 'NaN'::float8 "
    "WHEN (s.x > 0) = (s.y::text = '0') THEN 'Infinity'::float8 "
    "WHEN s.x IS NOT NULL THEN '-Infinity'::float8 END"
)
ADD = _sum("+")
SUB = _sum("-")
MUL = _of_both(
    "CASE WHEN abs(s.x) >= 1 AND abs(s.y) >= 1 AND greatest(abs(s.x), abs(s.y)) >= 6.7e153 "
    "AND abs((s.x * 2.409919865102884e-181) * (s.y * 2.409919865102884e-181)) "
    ">= 1.044048714879764e-53 THEN s.x * 'Infinity' * s.y "
    "WHEN abs(s.x) < 1 AND abs(s.y) < 1 AND least(abs(s.x), abs(s.y)) < 3e-151 "
    "AND s.x <> 0 AND s.y <> 0 "
    "AND abs((s.x * 4.4989137945431964e161) * (s.y * 8.997827589086393e161)) <= 1 "
    "THEN s.x * 0 * s.y ELSE s.x * s.y END"
)
DIV = _of_both(
    f"CASE WHEN s.y = 0 THEN {_BY_ZERO} "
    "WHEN abs(s.y) < 1 AND abs(s.x) > 1e-300 AND abs(s.x) * 0.5 >= abs(s.y) * 8.98846567431158e307 "
    "THEN s.x * 'Infinity' * s.y "
    "WHEN abs(s.x) < 1 AND s.x <> 0 AND abs(s.y) BETWEEN 1 AND 1.7976931348623157e308 "
    "AND abs(s.x) * 4.4989137945431964e161 <= abs(s.y) * 1.1113793747425387e-162 "
    "THEN s.x * 0 * sign(s.y) ELSE s.x / s.y END"
)
# The remainder is that of the numbers as they are written, and of whole ones below 2 ** 63 as they
# are, however large the quotient is.
_EXACT: LiteralString = (
    "(CASE WHEN abs(s.{0}) < 9.2e18 AND s.{0} = trunc(s.{0}) THEN s.{0}::int8 "
    "ELSE s.{0}::text::numeric END)"
)
_REMAINDER: LiteralString = _EXACT.format("x") + " % " + _EXACT.format("y")


def _mod(rounded: LiteralString) -> LiteralString:
    """`rounded` is the template of a numeric as the type of the operands."""
    return (
        "(SELECT CASE WHEN abs(s.x) < 'Infinity' AND abs(s.y) < 'Infinity' THEN "
        + rounded.replace("{0}", _REMAINDER)
        + " WHEN abs(s.x) < 'Infinity' AND abs(s.y) = 'Infinity' THEN s.x "
        "ELSE 'NaN' + s.x + s.y END FROM (SELECT {0} AS x, {1} AS y OFFSET 0) AS s)"
    )


MOD = _mod(double_of_numeric(is_cast=False))
MOD_OF_SINGLES = _mod(single_of_numeric(is_cast=False))
DIV_OF_SINGLES = as_single(
    "CASE WHEN {1} = 0 THEN {0} * 'Infinity'::float8 * CASE {1}::text WHEN '0' THEN 1 ELSE -1 END "
    "ELSE {0}::float8 / {1}::float8 END"
)

# Sums of many doubles. Values of 1e290 and more are added up by themselves, as their 2 ** 64th
# parts: no table has rows enough for either sum to be too large.
SUM: LiteralString = "sum(CASE WHEN abs({0}::float8) < 1e290 THEN {0}::float8 END)"
SUM_OF_LARGE: LiteralString = (
    "sum(CASE WHEN abs({0}::float8) >= 1e290 THEN {0}::float8 * 5.421010862427522e-20 END)"
)


def _together(small: LiteralString, large: LiteralString) -> LiteralString:
    """The 2 ** 64th part of both sums."""
    return (
        f"({large} + CASE WHEN abs({small}) > 1e270 THEN {small} * 5.421010862427522e-20 "
        "ELSE 0 END)"
    )


def _whole(part: LiteralString) -> LiteralString:
    """What is 2 ** 64 times as large; INF if it is too large."""
    return (
        f"CASE WHEN abs({part}) < 9.745314011399999e288 THEN {part} * 18446744073709551616 "
        f"ELSE {part} * 'Infinity' END"
    )


TOTAL: LiteralString = (
    "CASE WHEN {1} IS NULL THEN {0} ELSE " + _whole(_together("{0}", "{1}")) + " END"
)
# Postgres's own average squares the values, so it fails for large ones. Where there are such, it is
# the sum divided by the number of values.
_USUAL: LiteralString = "CASE WHEN abs({0}::float8) < 1e140 THEN {0}::float8 END"
AVERAGE: LiteralString = f"avg({_USUAL})"
SUM_OF_USUAL: LiteralString = f"sum({_USUAL})"
NUMBER_OF_USUAL: LiteralString = f"count({_USUAL})"
NUMBER_OF_LARGE: LiteralString = "count(CASE WHEN abs({0}::float8) >= 1e140 THEN 1 END)"
MEAN: LiteralString = (
    "CASE WHEN {1} = 0 THEN {0} "
    "WHEN {3} IS NOT NULL THEN " + _whole("(" + _together("{2}", "{3}") + " / {4})") + " "
    "WHEN abs({2}) < 1e-290 THEN 0 ELSE {2} / {4} END"
)
