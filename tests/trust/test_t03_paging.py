"""T3: pages under concurrent inserts, updates and deletes elsewhere: no untouched row twice or lost, and links end.

A writer changes rows all the time while pages are read: it adds rows, changes and deletes rows of its own, and moves them about in the order.
The rows of the sample data stay as they are, and every walk over all pages must find each of them once. Pages are small, and one page is read as
several chunks, so that changes fall between chunks as well as between pages. A share of the walks goes over HTTP, with gzip.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import asyncpg
import pytest
from odata_gateway.demo import tokens
from odata_gateway.handlers import chunk, collection
from tests.harness.figures import amount, record
from tests.harness.inside import Inside, inside
from tests.oracle.evaluator import View

WALKS, BATCHES = amount(90, 1_900), 3
OVER_HTTP = amount(10, 100)
DATABASE = "t03_paging"
LONGEST_S = 120.0
OWN = 1_000_000
"""Rows of the writer have ids from here on."""

# (type, path, options, page rows): by the key, by times, by nullable columns, behind navigation, computed, both directions.
SHAPES = (
    ("Message", "Message", "", 300), ("Message", "Message", "$orderby=created_at", 250), ("Message", "Message", "$orderby=created_at desc", 333),
    ("Message", "Message", "$orderby=source_id desc,created_at", 400), ("Message", "Message", "$orderby=sender_id,id desc", 400),
    ("Message", "Message", "$orderby=status,private desc", 350), ("Message", "Message", "$filter=id gt 0&$orderby=length(content),id", 500),
    ("Message", "Message", "$orderby=conversation/assignee_id desc,id desc", 500), ("Conversation", "Conversation", "", 40),
    ("Conversation", "Conversation", "$orderby=snoozed_until", 35), ("Conversation", "Conversation", "$orderby=snoozed_until desc,id desc", 35),
    ("Conversation", "Conversation", "$orderby=assignee_id,team_id desc", 50), ("Conversation", "Conversation", "$orderby=identifier desc", 33),
    ("Conversation", "Conversation", "$orderby=last_activity_at desc&$expand=messages($select=id)", 60),
    ("Conversation", "Conversation", "$orderby=inbox/name,created_at desc", 45), ("Conversation", "Conversation", "$top=100000", 41),
)  # fmt: skip


# What the writer does, one of these at a time; {n} is a number that grows, {r} one at random. Only its own rows, and rows of other accounts.
WRITES = (
    """INSERT INTO messages (id, account_id, inbox_id, conversation_id, message_type, created_at, updated_at, content, status, sender_id, source_id)
       SELECT 1000000 + {n} * 10 + i, 1, 1, 1 + {r} % 300, 0, timestamp '2021-01-01' + {r} * interval '7 minutes', now(), repeat('x', {r} % 50), {r} % 4,
              nullif({r} % 9, 0), nullif('s' || {r} % 7, 's0') FROM generate_series(0, 9) AS i""",
    """INSERT INTO conversations (id, account_id, inbox_id, status, assignee_id, created_at, updated_at, snoozed_until, last_activity_at, team_id)
       SELECT 1000000 + {n} * 3 + i, 1, 1 + {r} % 4, {r} % 3, nullif({r} % 5, 0), timestamp '2021-01-01' + {r} * interval '1 hour', now(),
              CASE WHEN {r} % 2 = 0 THEN timestamp '2022-01-01' + {r} * interval '1 day' END, now(), {r} % 4 FROM generate_series(0, 2) AS i""",
    """UPDATE messages SET created_at = created_at + ({r} % 900 - 450) * interval '1 hour', content = repeat('y', {r} % 60), status = {r} % 4,
       sender_id = nullif({r} % 8, 0) WHERE id >= 1000000 AND id % 7 = {r} % 7""",
    """UPDATE conversations SET snoozed_until = CASE WHEN {r} % 3 > 0 THEN timestamp '2020-01-01' + {r} * interval '1 day' END,
       assignee_id = nullif({r} % 6, 0), identifier = nullif('i' || {r} % 9, 'i0') WHERE id >= 1000000 AND id % 5 = {r} % 5""",
    "DELETE FROM messages WHERE id >= 1000000 AND id % 11 = {r} % 11",
    "DELETE FROM conversations WHERE id >= 1000000 AND id % 7 = {r} % 7",
    "UPDATE messages SET content = content || '.' WHERE account_id = 2 AND id % 50 = {r} % 50",
)  # fmt: skip


@asynccontextmanager
async def writer(dsn: str, seed: str) -> AsyncIterator[list[int]]:
    """Writes until the end of the block; yields the number of writes so far, as a list of one."""
    chance, done = Random(seed), [0]
    connection = await asyncpg.connect(dsn)
    first = await connection.fetchval(
        "SELECT greatest(max(id), 1000000) - 1000000 FROM (SELECT id FROM messages UNION ALL SELECT id FROM conversations) AS a"
    )

    async def write() -> None:
        while True:
            await connection.execute(chance.choice(WRITES).format(n=first + 10 + done[0], r=chance.randrange(10_000)))
            done[0] += 1
            await asyncio.sleep(0.002)

    task = asyncio.create_task(write())
    try:
        yield done
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await connection.close()


def check(type_: str, rows: list[dict[str, Any]], views: dict[str, View], about: str) -> None:
    """Every untouched row once; no row twice at all, but those the writer moved."""
    found = [row["id"] for row in rows if row["id"] < OWN]
    wanted = {row.id for row in views[tokens.ADMIN].rows[type_]}
    assert len(found) == len(set(found)), (about, [i for i in set(found) if found.count(i) > 1][:10])
    assert set(found) == wanted, (about, sorted(wanted - set(found))[:10], sorted(set(found) - wanted)[:10])


async def walk(gateway: Inside, number: int, views: dict[str, View]) -> int:
    """All pages of one shape, some rows of an expanded collection followed to the end; the number of pages."""
    chance = Random(f"t03 {number}")
    type_, path, options, page_rows = SHAPES[number % len(SHAPES)]
    headers = {"Prefer": f"odata.maxpagesize={max(5, page_rows // chance.choice((1, 2, 3)))}"}
    link, rows, pages, deadline = f"{path}?{options.replace(' ', '%20')}", list[dict[str, Any]](), 0, time.monotonic() + LONGEST_S
    while link:
        answer = await gateway.ask(link, headers=headers)
        assert answer.status == 200 and not answer.broken, (link, answer.body[:300], answer.broken)
        page = answer.json()
        rows += page["value"]
        link, pages = page.get("@odata.nextLink", ""), pages + 1
        assert time.monotonic() < deadline, "links do not end"
    check(type_, rows, views, f"{number} {path}?{options}")
    if "expand" in options:
        await _expanded(gateway, [row for row in rows if row["id"] < OWN][:40], views)
    return pages


async def _expanded(gateway: Inside, rows: list[dict[str, Any]], views: dict[str, View]) -> None:
    """The messages of conversations, their own next links followed."""
    view = views[tokens.ADMIN]
    for row in rows:
        members, link = list(row["messages"]), row.get("messages@odata.nextLink", "")
        if link:
            members += [m for page in await gateway.pages(link, headers={"Prefer": "odata.maxpagesize=4"}) for m in page]
        found = [m["id"] for m in members if m["id"] < OWN]
        assert found == sorted(m.id for m in view.by("Message", "conversation_id", row["id"])), row["id"]


@pytest.mark.parametrize("batch", range(BATCHES))
def test_t03_pages_of_a_changing_table_hold_every_untouched_row_once(monkeypatch, database, views, batch):
    """With small chunks: one page is several statements, each of its own moment."""
    monkeypatch.setattr(chunk, "FIRST_ROWS", 30)
    monkeypatch.setattr(collection, "FIRST_ROWS_UNKNOWN", 30)
    monkeypatch.setattr(collection, "FIRST_ROWS_EXPANDED", 10)

    async def run() -> None:
        size = WALKS // BATCHES
        async with inside(database.reader, ODATA_PAGE_ROWS="100") as gateway, writer(database.owner, f"t03 {batch}") as writes:
            read = 0
            for number in range(batch * size, (batch + 1) * size):
                read += await walk(gateway, number, views)
            assert writes[0] > size, "the writer came to nothing"
        record("T3", "walks over all pages while others write", size, how="sum", at_least=WALKS)
        record("T3", "pages", read, how="sum")
        record("T3", "writes meanwhile", writes[0], how="sum")
        record("T3", "untouched rows lost or twice", 0, how="sum", at_most=0)

    asyncio.run(run())


def test_t03_the_same_over_http_with_gzip(gateways, database, views):
    gateway = gateways(ODATA_DSN=database.reader, ODATA_PAGE_ROWS="700")

    def read(number: int) -> None:
        type_, path, options, _ = SHAPES[number % len(SHAPES)]
        link, rows = f"{gateway.base_url}{path}?{options.replace(' ', '%20')}", list[dict[str, Any]]()
        while link:
            request = urllib.request.Request(link, headers={"Authorization": f"Bearer {tokens.ADMIN}", "Accept-Encoding": "gzip"})
            with urllib.request.urlopen(request, timeout=60) as response:
                body = response.read()
                body = gzip.decompress(body) if response.headers.get("Content-Encoding") == "gzip" else body
            page = json.loads(body)
            rows += page["value"]
            link = page.get("@odata.nextLink", "")
        check(type_, rows, views, f"http {number}")

    async def run() -> None:
        async with writer(database.owner, "t03 http"):
            for number in range(OVER_HTTP):
                await asyncio.to_thread(read, number)

    asyncio.run(run())
    record("T3", "walks over all pages while others write", OVER_HTTP, how="sum", at_least=WALKS)
