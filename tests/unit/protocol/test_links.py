"""Tokens of next links: what they carry, and what is refused although its digits are right."""

import asyncio
import hashlib
from base64 import urlsafe_b64encode

import asyncpg
import orjson
import pytest
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.errors import UrlSkiptoken
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.protocol.links import DIGITS, Continuation, TokenScope, next_link, read_skiptoken, skiptoken
from tests.harness.cases import MODEL, compiled

BOUND = TokenScope("query", "1")


def forged(payload: bytes) -> str:
    """A token with the digits that belong to it, as anyone can make it."""
    digits = hashlib.sha256(f"{BOUND.query}|{BOUND.path}|".encode() + payload).hexdigest()[:DIGITS]
    return f"{urlsafe_b64encode(payload).decode().rstrip('=')}.{digits}"


@pytest.mark.parametrize("keys", [("1",), (None, "2"), ("a'b", "", "\u2028👋", None)])
def test_a_token_carries_its_continuation(keys):
    continuation = Continuation(14, 7, keys)
    assert read_skiptoken(skiptoken(continuation, BOUND), BOUND, keys=len(keys)) == continuation


@pytest.mark.parametrize("other", [TokenScope("query", "2"), TokenScope("other", "1"), TokenScope("", ""), TokenScope("query|1", "")])
def test_a_token_is_bound(other):
    with pytest.raises(UrlSkiptoken):
        read_skiptoken(skiptoken(Continuation(7, 7, ("1",)), BOUND), other, keys=1)


def test_forging_is_as_described():
    assert read_skiptoken(forged(b'[0,7,["1"]]'), BOUND, keys=1) == Continuation(0, 7, ("1",))


@pytest.mark.parametrize(
    "payload",
    ["0", "null", "{}", "[]", "[1,2]", "[1,2,[],3]", '["0",7,["1"]]', '[0,"7",["1"]]', '[-1,7,["1"]]', '[0,-7,["1"]]', '[0,0,["1"]]', "[0,7,[1]]",
     '[0,7,"a"]', '[1.5,7,["1"]]', '[true,7,["1"]]', '[0,7,[["1"]]]', '[0,7,{"a":1}]', '[0,7,["1","2"]]', "[0,7,[]]", '[0,99999999999,["1"]]', "{x",
     '[0,7,["\\ud800"]]', "[" * 2000],
)  # fmt: skip
def test_a_payload_of_another_shape_is_refused_though_its_digits_are_right(payload):
    with pytest.raises(UrlSkiptoken):
        read_skiptoken(forged(payload.encode()), BOUND, keys=1)


def test_a_payload_that_is_no_text_is_refused():
    with pytest.raises(UrlSkiptoken):
        read_skiptoken(forged(b"\xff\x00"), BOUND, keys=1)


def test_a_next_link_repeats_each_option_once_and_replaces_the_token():
    options = [
        ("apikey", "apikey=K"),
        ("$top", "$top=5"),
        ("$skiptoken", "$skiptoken=old"),
        ("apikey", "apikey=K"),
        ("$filter", "$filter=a eq 'ü'"),
    ]
    link = next_link("https://host/odata/", "Message", options, "new")
    assert link == "https://host/odata/Message?apikey=K&$top=5&$filter=a%20eq%20'%C3%BC'&$skiptoken=new"


def test_the_payload_is_compact_json():
    """Every byte of it stands in each link."""
    assert orjson.dumps([1, 2, ["a", None]]) == b'[1,2,["a",null]]'


@pytest.mark.parametrize(
    "options",
    ["", "($orderby=content desc;$skip=1)", "($orderby=sender_id,created_at desc;$select=id)", "($filter=id in @p or id gt 0)&@p=[1,2]",
     "($filter=contains(content,@q) or 1 eq 1;$expand=inbox($expand=members($count=false)))&@q='%25_ü''%26'", "($compute=id mul 2 as x;$orderby=x)"],
)  # fmt: skip
def test_the_token_postgres_makes_is_the_one_made_here(reader_dsn, options):
    """In the link of an expanded collection; and it is bound to the URL it stands in."""
    sql, values = compiled(f"Inbox?$select=id&$expand=messages{options}", (1,))["rows"]

    async def ask():
        connection = await asyncpg.connect(reader_dsn)
        try:
            return (await connection.fetch(sql, *values))[0][0]
        finally:
            await connection.close()

    rows = orjson.loads(b"[" + asyncio.run(ask()) + b"]")
    found = [row["messages@odata.nextLink"] for row in rows if "messages@odata.nextLink" in row]
    assert found
    compiler = Compiler(MODEL, limits=Limits(), max_url_bytes=16_384, cache_entries=1)
    for link in found:
        url, query, *_ = compiler.compile(link.removeprefix("http://host/odata/"))
        bound, keys = TokenScope(url.query_digest(), url.path_keys()), len(query.order)
        continuation = read_skiptoken(url.template.transport.skiptoken, bound, keys=keys)
        again = read_skiptoken(skiptoken(continuation, bound), bound, keys=keys)
        assert again == continuation
        assert (continuation.sent, continuation.page_rows) == (10, 10)
