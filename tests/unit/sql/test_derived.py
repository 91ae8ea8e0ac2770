"""Rows that $apply makes: the form of their SELECT, and that the first of a group by a sum or a percentage are those the standard defines."""

from __future__ import annotations

import random
from decimal import Decimal

import asyncpg
import pytest
from odata_gateway.sql.derived import WINDOW_CONDITIONS, derived_sql
from odata_gateway.sql.fragment import Sql, fill, finish, raw
from odata_gateway.sql.relation import Relations
from tests.harness import cases


def sql_of(apply):
    """The SELECT of the rows of a query with this $apply."""
    query = cases.bound(f"Message?$apply={apply}")
    derived = query.block.source.derived
    assert derived is not None
    return finish(derived_sql(derived, Relations(many_accounts=False))).text


@pytest.mark.parametrize(
    ("apply", "pieces"),
    [
        ("groupby((status))", ["GROUP BY 1", " OFFSET 0"]),
        ("groupby((status,sender_id),aggregate($count as n))", ["GROUP BY 1, 2", "(count(*))::numeric AS c2"]),
        ("aggregate(id with countdistinct as n)", ["(count(DISTINCT "]),
        ("aggregate(status with sum as n)", ["sum("]),
        ("aggregate(private with max as n)", ["bool_or("]),
        ("concat(groupby((status)),groupby((sender_id)))", ["SELECT * FROM ((SELECT ", ") UNION ALL (SELECT ", ") AS u OFFSET 0"]),
        ("filter(status eq 1)/groupby((sender_id))", ["WHERE ", "status"]),
        ("topcount(3,id)/groupby((status))", ["ORDER BY t0.\"id\" DESC LIMIT", "GROUP BY 1 OFFSET 0"]),
        ("groupby((status),topcount(3,id))/groupby((status))", ["row_number() OVER (PARTITION BY", " <= "]),
    ],
)  # fmt: skip
def test_what_a_transformation_becomes(apply, pieces):
    text = sql_of(apply)
    assert [piece for piece in pieces if piece not in text] == [], text


def test_conditions_on_made_rows_stand_outside_of_a_select_with_an_offset():
    """Postgres moves no condition into it, so nothing is computed for rows that the policy hides."""
    query = cases.bound("Message?$apply=groupby((status))/filter(10 div status eq 1)")
    text = finish(Relations(many_accounts=False).select(raw("1"), query.block)).text
    inner, _, outer = text.rpartition(" OFFSET 0")
    assert "account_id" in inner and "/" not in inner and "/" in outer


# --- the first rows by a sum --------------------------------------------------------------------------------------------------


def first_rows(method, direction, values, limit):
    """The values as the standard has them taken (Data Aggregation 3.3.2): in their order, until the limit is reached."""
    ordered = sorted(values, reverse=direction == "top")
    total, sums, taken = sum(values), Decimal(0), []
    for value in ordered:
        reached = sums >= limit if method == "sum" else _reaches(sums, limit, total)
        if reached:
            break
        taken.append(value)
        sums += value
    return taken


def _reaches(sums, limit, total):
    """Whether a sum is so many percent of the total; of a total of zero, no sum is."""
    if total == 0:
        return False
    return sums * 100 >= limit * total if total > 0 else sums * 100 <= limit * total


@pytest.fixture
async def connection(dsn):
    found = await asyncpg.connect(dsn)
    yield found
    await found.close()


async def taken_by_postgres(connection, method, direction, values, limit):
    down = " DESC" if direction == "top" else ""
    window = raw("ORDER BY x DESC, n") if down else raw("ORDER BY x, n")
    before = Sql((*window.parts, " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"))
    condition = fill(WINDOW_CONDITIONS[method, direction], (window, Sql((str(limit),)), raw("x"), before, Sql(())))
    rows = "unnest($1::numeric[]) WITH ORDINALITY AS t (x, n)"
    found = await connection.fetch(
        f"SELECT x FROM (SELECT x, n, {finish(condition).text} AS c FROM {rows}) AS s WHERE c ORDER BY x{down}, n", values
    )
    return [row["x"] for row in found]


@pytest.mark.parametrize("number", range(40))
@pytest.mark.parametrize("direction", ["top", "bottom"])
@pytest.mark.parametrize("method", ["sum", "percent"])
async def test_the_first_rows_by_a_sum_are_those_before_the_limit(connection, method, direction, number):
    rng = random.Random(f"{method} {direction} {number}")
    low = (0, -20)[number % 2]
    values = [Decimal(rng.randint(low, 20)) for _ in range(rng.randint(1, 9))]
    limit = rng.randint(1, 60) if method == "sum" else rng.randint(1, 100)
    assert await taken_by_postgres(connection, method, direction, values, limit) == first_rows(method, direction, values, limit), (
        values,
        limit,
    )
