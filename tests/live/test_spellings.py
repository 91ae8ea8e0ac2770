"""Spellings beyond the standard over HTTP: the same bytes as the standard's spelling, and 400 with ODATA_STRICT_URLS."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from odata_gateway.url.lenient.spellings import SPELLINGS
from tests.harness import tokens
from tests.harness.gateway import Gateway, start_gateway

OTHERS = [
    ("Message/$count?$filter=created_at in (2021-11-23,2021-11-24T10:00)", "Message/$count?$filter=created_at in (2021-11-23T00:00:00Z,2021-11-24T10:00:00Z)"),
    ("Message?$select=id,inbox/name&$expand=inbox,sender($select=id)&$top=3", "Message?$select=id,inbox&$expand=inbox($select=name),sender($select=id)&$top=3"),
    ("Conversation?$expand=messages($top=2),messages($top=2)&$top=3", "Conversation?$expand=messages($top=2)&$top=3"),
    ("$all?%20$top=2&$search= vip", "$all?$top=2&$search=vip"),
    ("$crossjoin(Label,Inbox)?$filter=(Label/id eq 1)and(Inbox/id eq 1)", "$crossjoin(Label,Inbox)?$filter=(Label/id eq 1) and (Inbox/id eq 1)"),
    ("$entity?%0A$id=%20Message(1)", "$entity?$id=Message(1)"),
    ("$metadata?%20$format=%20json", "$metadata?$format=json"),
    ("Conversation(1)/messages%20?$top=1", "Conversation(1)/messages?$top=1"),
]  # fmt: skip
PAIRS = [pair for spelling in SPELLINGS for pair in spelling.examples] + OTHERS
ANY_LINK = re.compile(r'"@odata\.nextLink":"[^"]*\$skiptoken=([^"&]*)[^"]*"')


@pytest.fixture(scope="module")
def strict_gateway(reader_dsn: str) -> Iterator[Gateway]:
    with start_gateway(ODATA_DSN=reader_dsn, ODATA_PAGE_ROWS="1000", ODATA_STRICT_URLS="true") as running:
        yield running


@pytest.mark.parametrize(("lenient", "strict"), PAIRS)
def test_a_spelling_is_answered_as_the_standards_spelling_is(gateway, strict_gateway, lenient, strict):
    found, wanted = gateway.get(lenient), gateway.get(strict)
    assert (found.status, wanted.status) == (200, 200), found.body
    # A next link repeats the client's options; its token is the same.
    assert ANY_LINK.sub(r"\1", found.body.decode()) == ANY_LINK.sub(r"\1", wanted.body.decode())
    assert strict_gateway.get(strict).body == wanted.body.replace(gateway.origin.encode(), strict_gateway.origin.encode())


FURTHER = [
    "Message?$filter=created_at lt 2021-11-23T00:00:00",
    "$crossjoin(Label,Inbox)?$expand=Label,Label",
    "Message?$count=True ",
    "Message?$apply=groupby((conversation))&$expand=conversation,conversation",
    "Conversation?$expand=messages,messages",
    "Conversation?$expand=*,*",
]


@pytest.mark.parametrize("lenient", [lenient for lenient, _ in PAIRS] + FURTHER)
def test_strict_urls_refuse_it(strict_gateway, lenient):
    reply = strict_gateway.get(lenient)
    assert reply.status in (400, 404), reply.body
    assert json.loads(reply.body)["error"]["code"].startswith(("Url.", "Bind."))


@pytest.mark.parametrize(
    "target",
    [
        "Message?$filter= (status eq 1)or(id gt 3) &%20$orderby=id desc",
        "Message?$expand=inbox($expand=members),inbox&%0A$select=id,inbox/id",
    ],
)
def test_pages_of_a_spelling_follow_one_another(gateway, target):
    headers = {"Prefer": "odata.maxpagesize=500"}
    first = gateway.get(target, headers=headers)
    assert first.status == 200, first.body
    second = gateway.get(first.json()["@odata.nextLink"], headers=headers)
    assert second.status == 200, second.body
    ids = [row["id"] for row in (*first.rows, *second.rows)]
    assert len(set(ids)) == len(ids) == 1000


@pytest.mark.parametrize("query", ["$apply= aggregate($count as n)%0A", "%20$top=1", "$filter=(id eq 1)or(id eq 2)"])
def test_a_query_in_the_body_may_be_spelled_so_too(gateway, query):
    headers = {"Content-Type": "text/plain", "Authorization": f"Bearer {tokens.ADMIN}"}
    reply = gateway.ask("POST", "/v1.0/odata/Message/$query", headers, query.encode())
    assert reply.status == 200, reply.body
