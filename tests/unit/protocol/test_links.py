"""Tokens of next links: what they carry, and what is refused although its digits are right."""

import hashlib
from base64 import urlsafe_b64encode

import orjson
import pytest

from odata_gateway.errors import UrlSkiptoken
from odata_gateway.protocol.links import DIGITS, Bound, Continuation, next_link, read_skiptoken, skiptoken

BOUND = Bound("query", "1")


def forged(payload: bytes) -> str:
    """A token with the digits that belong to it, as anyone can make it."""
    digits = hashlib.sha256(f"{BOUND.query}|{BOUND.path}|".encode() + payload).hexdigest()[:DIGITS]
    return f"{urlsafe_b64encode(payload).decode().rstrip('=')}.{digits}"


@pytest.mark.parametrize("keys", [("1",), (None, "2"), ("a'b", "", "\u2028👋", None)])
def test_a_token_carries_its_continuation(keys):
    continuation = Continuation(14, 7, keys)
    assert read_skiptoken(skiptoken(continuation, BOUND), BOUND, keys=len(keys)) == continuation


@pytest.mark.parametrize("other", [Bound("query", "2"), Bound("other", "1"), Bound("", ""), Bound("query|1", "")])
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
    """As Postgres writes it for nested links: no blanks."""
    assert orjson.dumps([1, 2, ["a", None]]) == b'[1,2,["a",null]]'
