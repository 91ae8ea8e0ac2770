"""Rows that were read apart are put in the order of a query, by Postgres or, where the texts of their order values tell the order, without it."""

from __future__ import annotations

from random import Random

import pytest
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.compiler.row_order import OrderStatement
from odata_gateway.plan.scope.limits import Limits
from tests.harness import cases

NUMBERS = [None, *map(str, range(-3, 4)), str(2**31 - 1), str(-(2**31))]
TIMES = [None, "0001-01-01 00:00:00", "2024-01-02 03:04:05", "2024-01-02 03:04:05.1", "2024-01-02 03:04:05.12", "2024-01-02 03:04:06", "9999-12-31 23:59:59.999999"]  # fmt: skip
ORDERS = {
    "Message": (), "Message?$orderby=id desc": (), "Message?$orderby=status": (NUMBERS,), "Message?$orderby=status desc,inbox_id": (NUMBERS, NUMBERS),
    "Message?$orderby=sender_id desc,status,id desc": (NUMBERS, NUMBERS), "Message?$orderby=id add 1 desc": (NUMBERS,),
    "Message?$orderby=created_at": (TIMES,), "Message?$orderby=updated_at desc,private": (TIMES, [None, "true", "false"]),
    "Message?$orderby=date(created_at) desc": ([None, "2024-01-02", "0999-12-31", "9999-12-31"],),
    "Conversation?$orderby=uuid desc": ([None, "00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "ffffffff-ffff-ffff-ffff-ffffffffffff"],),
}  # fmt: skip


def order_of(request):
    return Compiler(cases.MODEL, limits=Limits(), max_url_bytes=16_384, cache_entries=1).compile(request).order_statement()


@pytest.mark.parametrize("request_", ORDERS)
async def test_values_are_in_the_order_that_postgres_has_for_them(owner, request_):
    order, random = order_of(request_), Random(request_)
    for rows in (1, 2, 50):
        columns = [[random.choice(values) for _ in range(rows)] for values in ORDERS[request_]]
        columns = [*columns, [str(number) for number in random.sample(range(1000), rows)]]
        statement = order.bind(columns)
        found = await owner.fetchval(statement.text, *statement.arguments)
        assert [index + 1 for index in order.in_order(order.ranks(columns))] == found


@pytest.mark.parametrize("request_", ["Message?$orderby=content", "Message?$orderby=length(content) div 2.5", "Label?$orderby=color,id"])
def test_other_values_are_left_to_postgres(request_):
    order = order_of(request_)
    assert order.ranks([["1"]] * len(order.orders)) is None


@pytest.mark.parametrize("text", ["0044-03-15 00:00:00 BC", "10000-01-01 00:00:00", "infinity", "-infinity"])
def test_times_whose_texts_have_another_order_are_left_to_postgres(text):
    assert order_of("Message?$orderby=created_at").ranks([["2024-01-02 03:04:05", text, None], ["1", "2", "3"]]) is None


def test_what_only_looks_like_a_number_is_left_to_postgres():
    assert order_of("Message").ranks([["1.5", "2"]]) is None


def test_times_of_a_server_in_another_time_zone_are_left_to_postgres():
    order = OrderStatement("", (), ("instant",), (False,))
    utc = ["2024-01-02 03:04:05+00", None, "2024-01-02 03:04:05.1+00"]
    assert order.in_order(order.ranks([utc])) == [1, 0, 2]
    for other in ("2024-01-02 03:04:05+01", "2024-01-02 03:04:05-00:30", "0044-03-15 00:00:00+00 BC", "10000-01-02 03:04:05+00"):
        assert order.ranks([[*utc, other]]) is None
