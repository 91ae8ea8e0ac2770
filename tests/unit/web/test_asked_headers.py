"""Headers that repeat on a connection are read once, and others anew."""

import pytest
from odata_gateway.config.settings import Settings
from odata_gateway.errors import AuthInvalid, UrlHeader
from odata_gateway.web.asked_headers import MOST_KEPT_BYTES, AskedHeaders, are_kept
from odata_gateway.web.credentials import access_token
from odata_gateway.web.urls import Peer, root_url

PEER = Peer("127.0.0.1", "127.0.0.1:80")
HEADERS = (
    {},
    {"host": "h"},
    {"host": "h:81", "authorization": "Bearer T"},
    {"host": "h", "apikey": "K"},
    {"host": "h", "authorization": "Basic OlQ="},
    {"host": "h", "x-forwarded-host": "a.example.com", "x-forwarded-proto": "https"},
)


@pytest.mark.parametrize("headers", HEADERS)
@pytest.mark.parametrize("query", ["", "apikey=Q", "$top=1"])
@pytest.mark.parametrize("settings", [Settings(), Settings(basic_auth=False), Settings(public_url="https://o.example.com")])
def test_what_was_found_before_is_what_is_found_anew(headers, query, settings):
    asked = AskedHeaders(headers)
    for _ in range(2):
        assert asked.root(PEER, settings) == root_url(headers, PEER, settings)
        if headers.get("authorization", "").startswith("Basic") and not settings.basic_auth and "apikey" not in query:
            with pytest.raises(AuthInvalid):
                asked.token(query, settings)
        else:
            assert asked.token(query, settings) == access_token(headers, query, basic=settings.basic_auth)


def test_what_cannot_be_used_is_refused_each_time():
    asked = AskedHeaders({"host": "a b", "authorization": "Bearer \x01"})
    for _ in range(2):
        with pytest.raises(UrlHeader):
            asked.root(PEER, Settings())
        with pytest.raises(AuthInvalid):
            asked.token("", Settings())


def test_long_headers_are_not_kept():
    assert are_kept(((b"a", b"x" * (MOST_KEPT_BYTES - 1)),)) and not are_kept(((b"a", b"x" * MOST_KEPT_BYTES),))
