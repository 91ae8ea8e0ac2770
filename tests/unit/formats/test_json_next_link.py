"""The next link of an expanded collection, as Postgres makes it: its path, its options and the order values in its token.

That the token is the one that the gateway reads, and that the link leads to the next page, is asked in tests/unit/protocol/test_links.py and
tests/live.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode

import asyncpg
import pytest
from odata_gateway.formats.json_next_link import next_link_member
from odata_gateway.plan.tree.projection import ExpandMany
from odata_gateway.plan.tree.query import LONG_VALUE
from odata_gateway.plan.tree.slots import AccountsSlot, LinkSlot, LiteralSlot, PageSlot
from odata_gateway.sql.fragment import finish
from odata_gateway.sql.relation import Relations
from tests.harness import cases

INBOX, PAGE = 1, 2


def member_of(expanded):
    """The statement that makes the member for an inbox, with the values of its slots but for literals."""
    query = cases.bound(f"Inbox({INBOX})?$select=id&$expand={expanded}")
    [expand] = query.projection.expands
    assert isinstance(expand, ExpandMany)
    relations = Relations(many_accounts=False)
    relations.enter(query.block)
    relations.enter(expand.block)
    parent = query.entity_set, query.block.source.number
    member = next_link_member(f"{expand.navigation.name}@odata.nextLink", parent, expand, relations)
    return finish(relations.select(member, query.block))


async def made(dsn, expanded, literals=()):
    """The link and the payload of its token."""
    statement = member_of(expanded)
    links = {"root": "https://host/odata/", "query": "?$orderby=x&$skiptoken=", "binding": "digest"}

    def value(slot):
        match slot:
            case AccountsSlot():
                return 1
            case PageSlot():
                return PAGE
            case LinkSlot(part=part):
                return links[part]
            case LiteralSlot(index=index):
                return (INBOX, *literals)[index]

    connection = await asyncpg.connect(dsn)
    try:
        [[text]] = await connection.fetch(statement.text, *map(value, statement.slots))
    finally:
        await connection.close()
    [link] = json.loads("{" + text.removeprefix(",") + "}").values()
    payload = link.partition("$skiptoken=")[2].partition(".")[0]
    return link, json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


async def rows(dsn, sql):
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("expanded", "path"),
    [("messages", "Inbox(1)/messages"), ("messages/$ref", "Inbox(1)/messages/$ref"), ("members", "Inbox(1)/members")],
)
async def test_the_link_is_that_of_the_collection_on_its_own(dsn, expanded, path):
    link, _ = await made(dsn, expanded)
    assert link.partition("?")[0] == f"https://host/odata/{path}"
    assert link.partition("?")[2].startswith("$orderby=x&$skiptoken=")


@pytest.mark.parametrize(("skip", "expanded"), [(0, "messages($orderby=created_at)"), (3, "messages($orderby=created_at;$skip=3)")])
async def test_the_token_has_the_order_values_of_the_last_row_of_the_page(dsn, skip, expanded):
    found = await rows(
        dsn,
        f"SELECT created_at::text, id::text FROM messages WHERE inbox_id = {INBOX} AND account_id = 1 "
        f"ORDER BY created_at NULLS FIRST, id OFFSET {skip + PAGE - 1} LIMIT 1",
    )
    _, payload = await made(dsn, expanded, (skip,))
    assert payload == [PAGE, PAGE, list(found[0])]


async def test_a_long_text_is_in_the_token_by_its_digest_and_a_key_as_it_is(dsn):
    text = f"concat(content,'{'x' * (LONG_VALUE + 1)}')"
    _, [_, _, [[digest], key]] = await made(
        dsn, f"messages($filter=content ne null;$compute={text} as v;$orderby=v)", ("x" * (LONG_VALUE + 1),)
    )
    assert len(digest) == 32
    assert key.isdigit()


def test_an_anchor_is_an_option_behind_the_token():
    """The options name $it: the link gives the key of the entity that it is."""
    text = member_of("messages($filter=id gt $it/id)").text
    assert "'&@" in text
