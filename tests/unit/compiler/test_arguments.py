"""Literals as arguments: what a Postgres type cannot hold is refused, a cast of it is null, and a value stays what it was."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import asyncpg
import orjson
import pytest
from odata_gateway.errors import BindSegment, BindType, BindValue
from tests.harness.cases import compiled


def arguments(request: str) -> list[object]:
    """What travels beside the rows' statement, without account and limit."""
    return [a for a in compiled(request, (1,))["rows"][1] if a not in (1, 100)]


def answer(dsn: str, request: str) -> list[dict[str, object]]:
    """The rows of a request, as Postgres writes them."""
    sql, values = compiled(request, (1,))["rows"]

    async def ask() -> bytes:
        connection = await asyncpg.connect(dsn)
        try:
            return (await connection.fetch(sql, *values))[0][0] or b""
        finally:
            await connection.close()

    return orjson.loads(b"[" + asyncio.run(ask()) + b"]")


@pytest.mark.parametrize("key", ["99999999999999999999", "2147483648", "-2147483649", "9" * 40, "1.5", "abc", "+-1"])
def test_a_segment_that_no_key_can_be_names_nothing(key):
    with pytest.raises(BindSegment):
        compiled(f"Conversation/{key}", (1,))


@pytest.mark.parametrize(
    "cast",
    ["cast('x',Edm.Binary)", "cast(INF,Edm.Decimal)", "cast(NaN,Edm.Int32)", "cast(3000000000,Edm.Int32)", "cast('1.5',Edm.Int64)",
     "cast(1,Edm.Duration)", "cast('2021-02-30',Edm.Date)", "cast('NaN',Edm.Decimal)", "cast('x',Edm.Guid)"],
)  # fmt: skip
def test_a_cast_of_what_does_not_fit_is_null(cast):
    assert arguments(f"Message?$compute={cast} as x&$select=x") == [None]


def test_a_cast_to_the_own_type_refuses_what_postgres_cannot_hold():
    with pytest.raises(BindValue):
        compiled("Message?$compute=cast(duration'P99999999999999D',Edm.Duration) as x", (1,))


@pytest.mark.parametrize(
    ("expression", "value"),
    [("NaN", "NaN"), ("id mul NaN", "NaN"), ("cast(NaN,Edm.Double)", "NaN"), ("INF", "INF"), ("cast(INF,Edm.Decimal)", None),
     ("cast('x',Edm.Binary)", None), ("1.5", 1.5), ("case(false:1)", None), ("NaN eq NaN", False), ("NaN ne NaN", True), ("1 lt NaN", False)],
)  # fmt: skip
def test_a_row_is_whole_whatever_is_computed(reader_dsn, expression, value):
    """A text joined with an SQL NULL is NULL, and such a row would be missing from the answer."""
    rows = answer(reader_dsn, f"Message?$compute={expression} as x&$select=x")
    assert len(rows) == 100
    assert {row["x"] for row in rows} == {value}


@pytest.mark.parametrize("option", ["$filter=@p", "$compute=@p as x", "$filter=@p eq 1", "$filter=id eq @p", "$filter=@p in (1,2)"])
def test_a_list_is_no_value(option):
    with pytest.raises(BindType):
        compiled(f"Message?{option}&@p=[1,2]", (1,))


def test_decimals_travel_as_they_are_written():
    assert arguments("Message?$filter=id eq 1.50") == [Decimal("1.50")]


def test_numbers_of_rows_can_be_added_in_64_bits():
    """Citus adds $top and $skip, and so do statements with branches."""
    for request in ("Message?$skip={0}&$top={0}", "Conversation?$expand=messages($skip={0};$top={0})", "Message?$apply=skip({0})/top({0})"):
        for number in (7, 2**31, 2**63 - 1):
            found = [value for value in arguments(request.format(number)) if isinstance(value, int)]
            assert found and max(found) + max(found) + 1 < 2**63 and max(found) >= min(number, 2**62 - 1), request
