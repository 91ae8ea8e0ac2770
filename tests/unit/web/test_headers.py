"""The headers of every answer."""

from email.utils import parsedate_to_datetime

import pytest
from odata_gateway.config.settings import Settings
from odata_gateway.web.headers import Head, complete, preflight


def test_own_headers_are_kept_and_none_is_doubled():
    own = (("OData-Version", "4.01"), ("Vary", "accept, X-Other"), ("Content-Type", "text/plain"))
    headers = complete(own, {}, Settings(), "id")
    assert headers.getall("OData-Version") == ["4.01"]
    assert [name.lower() for name in headers["Vary"].split(", ")] == ["accept", "accept-encoding", "odata-maxversion", "prefer", "x-other"]
    assert headers["X-Request-Id"] == "id"


def test_version_of_an_answer_without_one_follows_the_client():
    assert complete((), {"odata-maxversion": "4.01"}, Settings(), "")["OData-Version"] == "4.01"
    assert complete((), {"odata-maxversion": "four"}, Settings(), "")["OData-Version"] == "4.0"


def test_every_origin_by_default():
    assert complete((), {}, Settings(), "")["Access-Control-Allow-Origin"] == "*"


def test_listed_origins_only():
    settings = Settings(cors_origins=("https://a.example.com",))
    allowed = complete((), {"origin": "https://a.example.com"}, settings, "")
    assert (allowed["Access-Control-Allow-Origin"], "Origin" in allowed["Vary"]) == ("https://a.example.com", True)
    assert "Access-Control-Allow-Origin" not in complete((), {"origin": "https://b.example.com"}, settings, "")
    assert preflight({"origin": "https://b.example.com", "access-control-request-method": "GET"}, settings) == ()


def test_preflight_allows_the_headers_it_names():
    asked = {"access-control-request-method": "GET", "access-control-request-headers": "authorization, sap-x"}
    assert dict(preflight(asked, Settings()))["Access-Control-Allow-Headers"].endswith("authorization, sap-x")
    forged = {**asked, "access-control-request-headers": "x\r\nSet-Cookie: a"}
    assert "Set-Cookie" not in dict(preflight(forged, Settings()))["Access-Control-Allow-Headers"]


def test_text_of_a_head_says_what_its_headers_say():
    own = (("Content-Type", "text/plain"), ("OData-Version", "4.01"))
    head = Head(404, own, {}, Settings(), "id")
    first, *lines = head.text("1.1", length=3, packed=True, closing=True).decode().removesuffix("\r\n\r\n").split("\r\n")
    assert first == "HTTP/1.1 404 Not Found"
    found = dict(line.split(": ", 1) for line in lines)
    assert parsedate_to_datetime(found.pop("Date")).tzinfo is not None
    assert found == {**head.headers(), "Content-Length": "3", "Content-Encoding": "gzip", "Connection": "close"}


def test_text_of_a_head_without_a_body_has_no_length():
    assert b"Content-Length" not in Head(304, (), {}, Settings(), "id").text("1.0", length=None, packed=False, closing=False)


def test_header_cannot_begin_another():
    with pytest.raises(ValueError, match="control character"):
        Head(200, (("X", "a\r\nSet-Cookie: b"),), {}, Settings(), "id").text("1.1", length=0, packed=False, closing=False)
