"""Operators on doubles and singles give what IEEE 754 has, for every pair of values at the edges; Postgres itself would raise for many of them."""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from random import Random

import asyncpg
import pytest
from odata_gateway.types import floats
from odata_gateway.types.families.double import DOUBLE, DOUBLES, SINGLES

LEAST, GREATEST = 5e-324, 1.7976931348623157e308
DOUBLE_EDGES = [
    0.0, -0.0, 1.0, -1.0, LEAST, -LEAST, 3 * LEAST, 2.0**-1022, 2.0**-1023, 2.0**-537, 2.0**-538, -(2.0**-538), 0.9999999999999999, 1.0000000000000002, 0.1, 3.0,
    -7.5, 1e16, 1e290, 1e292, 2.0**970, 2.0**969, 2.0**1023, -(2.0**1023), 2.0**512, 2.0**511, GREATEST, -GREATEST, GREATEST / 2, 1.5e308, math.inf, -math.inf, math.nan,
]  # fmt: skip
SINGLE_EDGES = [
    0.0, -0.0, 1.0, -1.0, 2.0**-149, -(2.0**-149), 2.0**-126, 2.0**-75, 2.0**-74, 3.4028234663852886e38, -3.4028234663852886e38, 2.0**127, 2.0**64, 1e10, 3.0, -7.5, math.inf,
    -math.inf, math.nan,
]  # fmt: skip


def single(value: float) -> float:
    """Rounded to binary32."""
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def divided(left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1, right)


OPERATORS: dict[str, Callable[[float, float], float]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": divided, "divby": divided,
}  # fmt: skip


def same(found: float, wanted: float) -> bool:
    if math.isnan(wanted) or math.isnan(found):
        return math.isnan(wanted) and math.isnan(found)
    return found == wanted and math.copysign(1, found) == math.copysign(1, wanted)


@pytest.fixture
async def connection(dsn):
    """To a database whose tables these tests do not touch."""
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


async def results(connection, template, pg_type, pairs):
    """The template's value and type for each pair."""
    value = template.format("v.l", "v.r")
    sql = f"SELECT {value} AS found, pg_typeof({value})::text AS type FROM unnest($1::{pg_type}[], $2::{pg_type}[]) WITH ORDINALITY AS v (l, r, n) ORDER BY v.n"
    return await connection.fetch(sql, [left for left, _ in pairs], [right for _, right in pairs])


@pytest.mark.parametrize("op", OPERATORS)
async def test_doubles(connection, op):
    random = Random(op)
    drawn = [math.ldexp(random.uniform(-1, 1), random.randint(-1080, 1024)) for _ in range(400)]
    pairs = [(left, right) for left in DOUBLE_EDGES for right in DOUBLE_EDGES] + list(zip(drawn, reversed(drawn), strict=True))
    for record, (left, right) in zip(await results(connection, DOUBLES.number_operators[op], "float8", pairs), pairs, strict=True):
        assert record["type"] == "double precision"
        assert same(record["found"], OPERATORS[op](left, right)), (left, op, right, record["found"])


@pytest.mark.parametrize("op", OPERATORS)
async def test_singles(connection, op):
    pairs = [(left, right) for left in SINGLE_EDGES for right in SINGLE_EDGES]
    for record, (left, right) in zip(await results(connection, SINGLES.number_operators[op], "float4", pairs), pairs, strict=True):
        assert record["type"] == "real"
        assert same(record["found"], single(OPERATORS[op](left, right))), (left, op, right, record["found"])


@pytest.mark.parametrize(("family", "pg_type", "edges"), [(DOUBLES, "float8", DOUBLE_EDGES), (SINGLES, "float4", SINGLE_EDGES)])
async def test_the_remainder_is_below_the_divisor_and_has_the_sign_of_the_dividend(connection, family, pg_type, edges):
    pairs = [(left, right) for left in edges for right in edges if right != 0]
    for record, (left, right) in zip(await results(connection, family.number_operators["mod"], pg_type, pairs), pairs, strict=True):
        found = record["found"]
        if math.isnan(left) or math.isnan(right) or math.isinf(left):
            assert math.isnan(found), (left, right, found)
        elif math.isinf(right) or abs(right) < 1e-300:  # or one whose digits are few
            assert found == left or abs(right) < 1e-300, (left, right, found)
        else:
            assert abs(found) < abs(right) and abs(found) <= abs(left) and found * left >= 0, (left, right, found)


async def test_the_remainder_of_a_large_quotient_is_right(connection):
    pairs = [(1e18, 7.0), (1e22, 7.0), (2.0**60, 10.0), (0.3, 0.1), (5.5, 2.0)]
    found = [record["found"] for record in await results(connection, floats.MOD, "float8", pairs)]
    assert found == [10**18 % 7, 10**22 % 7, 2**60 % 10, 0.0, 1.5]


NUMERICS = [
    "0", "1", "-1", "0.1", "1e400", "-1e400", "1e-400", "-1e-400", "NaN", "Infinity", "-Infinity", "1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308",
    "1.8e308", "4.9e-324", "2.4703282292062328e-324", "2.4703282292062327e-324", "3.4028235e38", "3.40282356e38", "3.4028235677973367e38", "1e39", "7e-46",
    "7.01e-46", "1e-45", "1e-50", "16777217", "123456789012345678901234567890.5",
]  # fmt: skip


@pytest.mark.parametrize("is_cast", [False, True])
@pytest.mark.parametrize(
    ("pg_type", "make", "rounded"), [("real", floats.single_of_numeric, single), ("double precision", floats.double_of_numeric, float)]
)
async def test_a_numeric_of_any_size_is_rounded(connection, pg_type, make, rounded, is_cast):
    """One that is too large is infinite, or null where it is cast (URL Conventions 5.1.1.10.1)."""
    value = make(is_cast=is_cast).format("v.x")
    records = await connection.fetch(
        f"SELECT {value} AS found, pg_typeof({value})::text AS type FROM unnest($1::text[]::numeric[]) WITH ORDINALITY AS v (x, n) ORDER BY n",
        NUMERICS,
    )
    for record, text in zip(records, NUMERICS, strict=True):
        wanted = rounded(float(Decimal(text)))
        too_large = math.isinf(wanted) and "Inf" not in text
        assert record["type"] == pg_type
        assert record["found"] is None if too_large and is_cast else same(abs(record["found"]), abs(wanted)), (text, record["found"])


SUMS = [
    [], [1.0, 2.5], [None, 1.0], [1.7e308, 1.7e308], [1.7e308, -1.7e308], [1.7e308, 1.7e308, -1.7e308], [1e300, 1.0], [-1.7e308] * 20, [math.inf, 1.0], [math.inf, -math.inf],
    [math.nan, 1.0], [1e200, -1e200], [1e200, 1e160, 3.0], [5e-324, 5e-324], [1e280, 1e280, 1e291], [0.1] * 10, [1e289] * 100,
]  # fmt: skip


@pytest.mark.parametrize("values", SUMS, ids=str)
async def test_sums_and_averages(connection, values):
    """They are finite where the true one is, and otherwise INF or NaN."""
    present = [value for value in values if value is not None]
    for method in ("sum", "average"):
        rule = DOUBLE.aggregates[method]
        calls = [f"({call.format('v.x')})" for call in (rule.call, *rule.further)]
        found = await connection.fetchval(f"SELECT {rule.outcome.format(*calls)} FROM unnest($1::float8[]) AS v (x)", values)
        if not present:
            assert found is None
        elif all(map(math.isfinite, present)):
            exact = sum(map(Fraction, present)) / (len(present) if method == "average" else 1)
            wanted = math.inf * (1 if exact > 0 else -1) if abs(exact) > Fraction(GREATEST) else float(exact)
            assert found == pytest.approx(wanted, rel=1e-12, abs=1e-12 * max(map(abs, present)))
        else:
            assert same(found, sum(present))
