"""`POST Message/$query` as the GET request that it stands for."""

from __future__ import annotations

import pytest
from odata_gateway.errors import UrlEncoding, UrlMediaType, UrlSyntax
from odata_gateway.protocol.query_body import as_get

PLAIN = {"content-type": "text/plain"}


@pytest.mark.parametrize(
    ("target", "body", "expected"),
    [
        ("Message/$query", b"", "Message"),
        ("Message/%24query/", b"$top=1", "Message?$top=1"),
        ("Conversation(1)/messages/$query?$skip=2", b"$top=1\r\n", "Conversation(1)/messages?$skip=2&$top=1"),
        ("/$all/$query?apikey=K", b"", "/$all?apikey=K"),
        ("Message/$query?x=/$query", b"", "Message?x=/$query"),
    ],
)
def test_the_options_of_the_body_join_those_of_the_url(target, body, expected):
    assert as_get(target, PLAIN, body) == expected


@pytest.mark.parametrize(
    ("headers", "body", "error"),
    [
        ({"content-type": "application/json"}, b"{}", UrlMediaType),
        ({}, b"$top=1", UrlMediaType),
        ({"content-type": "text/plain;charset=latin1"}, b"$top=1", UrlMediaType),
        ({"content-type": 'text/plain; charset="UTF-8"'}, b"\xff", UrlEncoding),
        (PLAIN, b"$top=1\n$skip=1", UrlSyntax),
        (PLAIN, b"?$top=1", UrlSyntax),
    ],
)
def test_a_body_that_is_not_the_query_of_a_url_is_refused(headers, body, error):
    with pytest.raises(error):
        as_get("Message/$query", headers, body)
