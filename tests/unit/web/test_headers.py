"""The headers of every answer."""

from odata_gateway.config.settings import Settings
from odata_gateway.web.headers import Head, preflight


def complete(own, asked, settings, request_id):
    return Head(200, own, asked, settings, request_id).headers()


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


def test_times_of_the_stages_are_a_header_where_there_are_any():
    assert "Server-Timing" not in Head(200, (), {}, Settings(), "id").headers()
    assert Head(200, (), {}, Settings(), "id", "total;dur=1").headers()["Server-Timing"] == "total;dur=1"
