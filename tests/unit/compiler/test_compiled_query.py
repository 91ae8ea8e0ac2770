"""Rows that were read apart are put in the order of a query, by Postgres or, where their order values are whole numbers, without it."""

from __future__ import annotations

from random import Random

import pytest
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.plan.scope.limits import Limits
from tests.harness import cases

ORDERS = {
    "Message": 1, "Message?$orderby=id desc": 1, "Message?$orderby=status": 2, "Message?$orderby=status desc,inbox_id": 3,
    "Message?$orderby=sender_id desc,status,id desc": 3, "Message?$orderby=id add 1 desc": 2,
}  # fmt: skip


def order_of(request):
    return Compiler(cases.MODEL, limits=Limits(), max_url_bytes=16_384, cache_entries=1).compile(request).order_statement()


@pytest.mark.parametrize("request_", ORDERS)
async def test_whole_numbers_are_in_the_order_that_postgres_has_for_them(owner, request_):
    order, random = order_of(request_), Random(request_)
    for rows in (1, 2, 50):
        columns = [[random.choice([None, *map(str, range(-3, 4)), str(2**31 - 1), str(-(2**31))]) for _ in range(rows)] for _ in range(2)]
        columns = [*columns[: ORDERS[request_] - 1], [str(number) for number in random.sample(range(1000), rows)]]
        statement = order.bind(columns)
        assert order.without_database(columns) == await owner.fetchval(statement.text, *statement.arguments)


@pytest.mark.parametrize("request_", ["Message?$orderby=content", "Message?$orderby=created_at", "Message?$orderby=private,id"])
def test_other_values_are_left_to_postgres(request_):
    order = order_of(request_)
    assert order.without_database([["1"], ["2"]]) is None


def test_what_only_looks_like_a_number_is_left_to_postgres():
    assert order_of("Message").without_database([["1.5", "2"]]) is None
