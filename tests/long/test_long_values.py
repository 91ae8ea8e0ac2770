"""Order values too long for a URL: links carry their digest, and the page starts behind the row while it is unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import pytest
from tests.harness.gateway import Gateway

LONG = "many words " * 2000


@pytest.fixture
async def owner(scratch_dsn: str) -> Any:
    connection = await asyncpg.connect(scratch_dsn)
    await connection.execute("DELETE FROM messages WHERE id > 60")
    await connection.execute("UPDATE messages SET conversation_id = 1, account_id = 1 WHERE id > 20")
    await connection.execute("UPDATE messages SET content = $1 || CASE WHEN id % 3 = 0 THEN 'ä' ELSE id::text END WHERE id % 4 > 0", LONG)
    yield connection
    await connection.close()


@pytest.fixture
def gateway(owner: asyncpg.Connection, scratch_reader_dsn: str, gateways: Callable[..., Gateway]) -> Iterator[Gateway]:
    yield gateways(ODATA_DSN=scratch_reader_dsn, ODATA_PAGE_ROWS="4")


@pytest.mark.parametrize("order", ["content", "content desc", "concat(content,'x'),id desc", "status,content desc"])
def test_pages_of_long_values_are_the_whole(gateway, order):
    whole = gateway.get(f"Message?$orderby={order}&$select=id", headers={"Prefer": "maxpagesize=1000"}).json()["value"]
    pages = gateway.pages(f"Message?$orderby={order}&$select=id")
    assert [row["id"] for page in pages for row in page] == [row["id"] for row in whole]
    assert len(pages) > 5
    assert len(gateway.get(f"Message?$orderby={order}&$select=id").json()["@odata.nextLink"]) < 2000


@pytest.mark.parametrize("target", [
    "Message?$apply=groupby((content))", "Message?$apply=groupby((status,content),aggregate(id with max as m))&$orderby=content desc",
    "Message?$apply=aggregate(content with max as longest)&$orderby=longest", "Message?$apply=groupby((content,private))&$orderby=private,content",
])  # fmt: skip
def test_pages_of_groups_of_long_values_are_the_whole(gateway, target):
    whole = gateway.get(target, headers={"Prefer": "maxpagesize=1000"}).json()["value"]
    pages = gateway.pages(target)
    assert [row for page in pages for row in page] == whole
    assert len(pages) > 5 or len(whole) == 1
    assert len(gateway.get(target).json().get("@odata.nextLink", "")) < 3000


@pytest.mark.parametrize("order", ["content", "content desc,status"])
def test_pages_of_an_expanded_collection_with_long_values_are_the_whole(gateway, order):
    whole = gateway.get(f"Conversation(1)/messages?$orderby={order}&$select=id", headers={"Prefer": "maxpagesize=1000"}).json()["value"]
    first = gateway.get(f"Conversation(1)?$select=id&$expand=messages($orderby={order};$select=id)").json()
    rows, link = first["messages"], first["messages@odata.nextLink"]
    while link:
        page = gateway.get(link.partition("/odata/")[2]).json()
        rows, link = rows + page["value"], page.get("@odata.nextLink")
    assert [row["id"] for row in rows] == [row["id"] for row in whole]


@pytest.mark.parametrize("change", ["UPDATE messages SET content = 'short' || id", "DELETE FROM messages"])
async def test_a_row_that_changed_is_said(gateway, owner, change):
    link = gateway.get("Message?$orderby=content desc&$filter=length(content) gt 900").json()["@odata.nextLink"]
    await owner.execute(change)
    reply = gateway.get(link.partition("/odata/")[2])
    assert reply.status == 400 and reply.json()["error"]["code"] == "Url.Skiptoken"
    assert "was changed or deleted" in reply.json()["error"]["message"]


def test_nested_lambdas_are_bounded(gateway):
    """Each level multiplies what Postgres has to look at; eight took minutes."""

    def nested(levels: int) -> str:
        if levels == 0:
            return "true"
        return f"messages/any(m{levels}:m{levels}/conversation/{nested(levels - 1)})" if levels > 1 else "messages/any(m1:m1/private)"

    assert gateway.get(f"Conversation?$top=0&$filter={nested(5)}").status == 200
    reply = gateway.get(f"Conversation?$top=1&$filter={nested(6)}")
    assert reply.status == 400 and reply.json()["error"]["code"] == "Limit.Depth"
    assert "ODATA_MAX_LAMBDA_DEPTH" in reply.json()["error"]["message"]
