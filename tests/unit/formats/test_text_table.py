"""The table for a terminal: aligned, typed, and without what a terminal would obey."""

from __future__ import annotations

import pytest
from tests.harness.inside import inside


@pytest.fixture
async def served(reader_dsn):
    async with inside(reader_dsn, ODATA_PAGE_ROWS="4") as service:
        yield service


async def text(served, target, **options):
    answer = await served.ask(f"{target}&$format=table", **options)
    assert answer.status == 200 and dict(answer.headers)["Content-Type"] == "text/plain; charset=utf-8"
    assert "Content-Disposition" not in dict(answer.headers)
    return answer.body.decode().split("\n")


async def test_names_types_rows_and_their_number(served):
    assert await text(served, "Label?$select=id,title&$orderby=id&$top=3&$filter=id lt 5") == [
        "   id  title",
        "Int64  String",
        "-----  -------",
        "    1  vip",
        "    2  billing",
        "    3  100%",
        "",
        "3 rows",
        "",
    ]


async def test_a_page_says_how_to_get_the_rest(served):
    lines = await text(served, "Message?$select=id&$count=true")
    number = int((await served.ask("Message/$count")).body)
    assert lines[-2] == f"4 rows of {number:,}, and more: follow the header Link, or ask for csv, which has all rows"
    assert len(lines) == 3 + 4 + 3


async def test_a_terminal_obeys_nothing(served):
    literal = "%1B[31m red %0A%E2%80%AE%F0%9F%98%80 日本"
    lines = await text(served, f"Label?$top=1&$select=x,n&$compute='{literal}' as x,1 as n")
    assert lines[3] == "\\x1b[31m red \\n\\u202e😀 日本      1"
    assert lines[2] == "-" * 28 + "  " + "-" * 5


async def test_a_long_value_is_cut_and_null_is_said(served):
    long = "x" * 300
    lines = await text(served, f"Label?$top=1&$select=x,y&$compute='{long}' as x,cast('y',Edm.Int32) as y")
    assert lines[3] == "x" * 199 + "…   null"
