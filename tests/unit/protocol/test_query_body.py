"""POST /$query becomes the GET request that it stands for."""

import pytest
from odata_gateway.errors import UrlEncoding, UrlMediaType, UrlSyntax
from odata_gateway.protocol.query_body import as_get
from odata_gateway.url.resource_kind import ResourceKind, classify

TEXT = {"content-type": "text/plain"}


@pytest.mark.parametrize(
    ("target", "body", "expected"),
    [
        ("Message/$query", b"$top=1", "Message?$top=1"),
        ("Message/%24query", b"$top=1", "Message?$top=1"),
        ("/Message/$query/", b"$top=1", "/Message?$top=1"),
        ("Message/$query?apikey=K", b"$top=1\r\n", "Message?apikey=K&$top=1"),
        ("Message/$query?apikey=K", b"", "Message?apikey=K"),
        ("Message/$query", b"", "Message"),
        ("$all/$query", b"$search=a", "$all?$search=a"),
        ("$crossjoin(A,B)/$query", b"$filter=A/id eq B/id", "$crossjoin(A,B)?$filter=A/id eq B/id"),
    ],
)
def test_the_options_of_the_body_join_those_of_the_url(target, body, expected):
    assert as_get(target, TEXT, body) == expected


@pytest.mark.parametrize(
    "target",
    [
        "Message",
        "$query",
        "$metadata/$query",
        "$batch/$query",
        "$entity/$query",
        "$entity/A.B/$query",
        "Message/$query/x",
        "Message/$queryx",
    ],
)
def test_no_other_target_is_of_that_kind(target):
    assert classify(target) is not ResourceKind.QUERY_BODY


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "TEXT/Plain; charset=UTF-8", 'text/plain;charset="utf8"', "text/plain;x=y", "text/plain;charset=us-ascii"],
)
def test_utf8_text_is_read(content_type):
    assert as_get("Message/$query", {"content-type": content_type}, b"$top=1") == "Message?$top=1"


@pytest.mark.parametrize("content_type", [None, "application/json", "text/html", "text/plain;charset=latin1"])
def test_other_types_are_refused(content_type):
    with pytest.raises(UrlMediaType):
        as_get("Message/$query", {} if content_type is None else {"content-type": content_type}, b"$top=1")


@pytest.mark.parametrize(
    ("body", "error"), [(b"\xff", UrlEncoding), (b"a=1\nb=2", UrlSyntax), (b"a\0", UrlSyntax), (b"?a=1", UrlSyntax), (b"a=\x7f", UrlSyntax)]
)
def test_a_body_that_is_no_query_is_refused(body, error):
    with pytest.raises(error) as caught:
        as_get("Message/$query", TEXT, body)
    assert caught.value.target == "body"
