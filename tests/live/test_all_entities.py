"""$all where its pages are long: streamed in chunks over several sets, whole or recognisably broken, and closed at any moment."""

from __future__ import annotations

import asyncio

import pytest
from odata_gateway.demo import tokens
from odata_gateway.handlers import all_entities
from odata_gateway.protocol.message import Request
from odata_gateway.url.resource_kind import ResourceKind
from tests.harness.inside import inside


@pytest.fixture
def short_chunks(monkeypatch):
    """Every body is a stream."""
    monkeypatch.setattr(all_entities, "FIRST_BYTES", 1)


async def test_a_streamed_page_goes_over_all_sets(reader_dsn, short_chunks):
    async with inside(reader_dsn, ODATA_PAGE_ROWS="100000", ODATA_MAX_PAGE_ROWS="100000") as gateway:
        body = (await gateway.ask("$all", tokens.ADMIN)).json()
        counts = [
            int((await gateway.ask(f"{name}/$count", tokens.ADMIN)).body) for name in ("Message", "Conversation", "User", "Label", "Inbox")
        ]
    found = [row["@odata.id"].partition("(")[0] for row in body["value"]]
    assert [found.count(name) for name in ("Message", "Conversation", "User", "Label", "Inbox")] == counts
    assert found == sorted(found, key=("Message", "Conversation", "User", "Label", "Inbox").index) and "@odata.nextLink" not in body


@pytest.mark.parametrize("pieces", [0, 1, 5])
async def test_a_body_that_is_closed_early_leaves_no_work_behind(reader_dsn, short_chunks, pieces):
    async with inside(reader_dsn, ODATA_PAGE_ROWS="100000", ODATA_MAX_PAGE_ROWS="100000") as gateway:
        reply = await gateway.service.answer(Request("GET", "$all", ResourceKind.ALL, {}, "http://gateway/", tokens.ADMIN))
        for _ in range(pieces):
            assert await anext(reply.body) is not None
        await reply.body.aclose()
        assert not [task for task in asyncio.all_tasks() if "ReadAhead" in repr(task.get_coro()) and not task.cancelling()]
        assert (await gateway.ask("Label?$top=1", tokens.ADMIN)).status == 200


async def test_a_page_that_is_not_short_is_sent_as_it_is_read(reader_dsn):
    """Many clients that read slowly would else hold some megabytes each."""
    async with inside(reader_dsn) as gateway:
        whole = await gateway.ask("$all", tokens.ADMIN)
        assert 2 * all_entities.FIRST_BYTES < len(whole.body) < 4 * 1024 * 1024
        reply = await gateway.service.answer(Request("GET", "$all", ResourceKind.ALL, {}, "http://gateway/", tokens.ADMIN))
        assert not isinstance(reply.body, bytes)
        await reply.body.aclose()
