"""What a batch's headers and URLs mean, without a server."""

import pytest
from odata_gateway.errors import BindSegment, UrlFormat, UrlHeader, UrlMediaType
from odata_gateway.protocol.batch.requests import answer_form, batch_form, boundary, inherited, relative_to_root

ROOT = "https://data.example:8443/prefix/v1.0/odata/"
PLAIN = "http://data.example/v1.0/odata/"


@pytest.mark.parametrize(
    ("url", "root", "host", "target"),
    [
        ("Message(1)", ROOT, None, "Message(1)"), ("/Message(1)", ROOT, "other", "Message(1)"), ("", ROOT, None, ""), ("/", ROOT, None, ""),
        (ROOT + "Message?$top=1", ROOT, None, "Message?$top=1"), ("HTTPS://DATA.example:8443/prefix/v1.0/odata/Label", ROOT, None, "Label"),
        ("/prefix/v1.0/odata/Label", ROOT, None, "Label"), ("/prefix/v1.0/odata/Label", ROOT, "data.example:8443", "Label"),
        ("/prefix/v1.0/odata", ROOT, None, ""), ("/prefix/v1.0/odata?a=b", ROOT, None, "?a=b"), (ROOT[:-1], ROOT, None, ""),
        ("http://data.example:80/v1.0/odata/Label", PLAIN, None, "Label"), ("/v1.0/odata/Label", PLAIN, "data.example:80", "Label"),
        ("Label?x=http://other.example/", ROOT, None, "Label?x=http://other.example/"), ("/v1.0/odatax", PLAIN, None, "v1.0/odatax"),
    ],
)  # fmt: skip
def test_urls_of_this_service(url, root, host, target):
    assert relative_to_root(url, root, host) == target


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://data.example/prefix/v1.0/odata/Label", None), ("http://data.example:8443/prefix/v1.0/odata/Label", None),
        ("https://data.example:8443/v1.0/odata/Label", None), ("https://user@data.example:8443/prefix/v1.0/odata/Label", None),
        ("ftp://data.example:8443/prefix/v1.0/odata/Label", None), ("https://data.example:8443.evil/prefix/v1.0/odata/", None),
        ("/prefix/v1.0/odata/Label", "data.example"),
    ],
)  # fmt: skip
def test_urls_of_other_services(url, host):
    with pytest.raises(BindSegment):
        relative_to_root(url, ROOT, host)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("multipart/mixed;boundary=b", b"b"), ('multipart/mixed; charset=x; Boundary = "a b:=?"', b"a b:=?"), ("multipart/mixed;boundary=a=b;x=y", b"a=b"),
        ("multipart/mixed;boundary=" + "x" * 70, b"x" * 70),
    ],
)  # fmt: skip
def test_boundaries(text, name):
    assert boundary(text) == name


@pytest.mark.parametrize(
    "text", ["multipart/mixed", "multipart/mixed;boundary=", 'multipart/mixed;boundary=""', "multipart/mixed;boundary=" + "x" * 71]
)
def test_no_boundaries(text):
    with pytest.raises(UrlHeader):
        boundary(text)


def test_forms():
    assert batch_form({"content-type": "Multipart/Mixed; boundary=b", "accept": "application/json"}) == "multipart"
    assert batch_form({"content-type": "application/json;charset=utf-8", "accept": "*/*"}) == "json"
    with pytest.raises(UrlMediaType):
        batch_form({})


@pytest.mark.parametrize(
    ("accept", "of_multipart", "of_json"),
    [
        ("", "multipart", "json"),
        ("*/*", "multipart", "json"),
        ("multipart/mixed", "multipart", "multipart"),
        ("multipart/*", "multipart", "multipart"),
        ("multipart/mixed, application/json;q=0", "multipart", "multipart"),
        ("application/json", "json", "json"),
        ("Application/JSON;odata.metadata=none", "json", "json"),
        ("application/*;q=0.1, text/html", "json", "json"),
        ("application/json, multipart/mixed;q=0.1", "multipart", "json"),
        ("application/json;q=0.1, */*", "multipart", "json"),
        ("*/*, multipart/mixed;q=0", "json", "json"),
        ("*/*, application/json;q=0", "multipart", "multipart"),
    ],
)
def test_accept_decides_the_form_of_an_answer(accept, of_multipart, of_json):
    headers = {"accept": accept}
    assert (answer_form(headers, "multipart"), answer_form(headers, "json")) == (of_multipart, of_json)
    assert answer_form({**headers, "odata-maxversion": "4.01"}, "multipart") == of_multipart


@pytest.mark.parametrize("accept", ["text/html", "application/xml, */*;q=0", "application/json;q=0", "no media type"])
@pytest.mark.parametrize("form", ["multipart", "json"])
def test_an_answer_that_has_no_acceptable_form_is_refused(accept, form):
    with pytest.raises(UrlFormat) as caught:
        answer_form({"accept": accept}, form)
    assert caught.value.status == 406


@pytest.mark.parametrize("header", [{"odata-version": "4.0"}, {"odata-maxversion": "4.0"}, {"odata-maxversion": "04.00"}])
def test_a_client_of_4_0_reads_multipart_whatever_it_accepts(header):
    assert answer_form({**header, "accept": "application/json"}, "multipart") == "multipart"


def test_what_parts_inherit():
    assert inherited({"accept": "multipart/mixed", "prefer": "maxpagesize=1", "authorization": "x"}) == {}
    assert inherited({"accept": "multipart/mixed;q=1, application/json;q=0.5", "odata-maxversion": "4.0"}) == {
        "accept": " application/json;q=0.5", "odata-maxversion": "4.0"}  # fmt: skip
