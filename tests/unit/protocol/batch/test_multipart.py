"""Multipart bodies as clients write them, and which faults are one part's own."""

import pytest
from odata_gateway.errors import LimitParts, UrlHeader, UrlMediaType, UrlMethod, UrlSyntax
from odata_gateway.protocol.batch.multipart import read_multipart

PART = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
GET = PART + "GET Message(1) HTTP/1.1\r\n\r\n"


def body(*parts, delimiter="--b", end="--b--"):
    return "".join(f"{delimiter}\r\n{part}\r\n" for part in parts).encode("utf-8", "surrogateescape") + end.encode()


def read(*parts, **form):
    return read_multipart(body(*parts, **form), b"b", most=100)


def only(part):
    [found] = read(part)
    return found


def test_a_part_is_its_request():
    text = "Content-ID: 7\r\n" + PART + "get Message?$top=1 HTTP/1.1\r\nAccept: a\r\nACCEPT: b\r\n\r\n"
    found = only(text)
    assert (found.id, found.method, found.url, found.body, found.fault) == ("7", "GET", "Message?$top=1", b"", None)
    assert found.headers == {"accept": "a, b"}


@pytest.mark.parametrize(
    "text",
    [
        GET, GET.replace("\r\n", "\n"), GET.replace(": ", ":"), PART + "GET Message(1) HTTP/1.1", PART + "\r\n\r\nGET Message(1) HTTP/1.1\r\n",
        PART + "GET   Message(1)   HTTP/1.1\r\n", PART.replace("binary", "8bit") + "GET Message(1) http/1.0",
    ],
)  # fmt: skip
def test_sloppy_parts_are_read(text):
    found = only(text)
    assert (found.method, found.url, found.fault) == ("GET", "Message(1)", None)


def test_a_folded_header_is_one_line():
    assert only(PART + "GET a HTTP/1.1\r\nX: one\r\n\ttwo\r\n\r\n").headers == {"x": "one two"}


def test_text_before_and_after_the_parts_is_ignored():
    text = b"preamble\r\n" + body(GET, GET) + b"\r\nepilogue --b"
    assert [part.url for part in read_multipart(text, b"b", most=2)] == ["Message(1)", "Message(1)"]


@pytest.mark.parametrize("text", [b"", b"--b", b"--b\r\n", b"--bb\r\n--bb--", body(GET)[:-2], b"x--b--"])
def test_a_body_without_its_last_delimiter_is_refused(text):
    with pytest.raises(UrlSyntax, match="delimiter"):
        read_multipart(text, b"b", most=10)


def test_a_batch_has_a_limit():
    assert len(read_multipart(body(GET, GET), b"b", most=2)) == 2
    with pytest.raises(LimitParts, match="at most 1 requests, not 2"):
        read_multipart(body(GET, GET), b"b", most=1)


@pytest.mark.parametrize(
    ("part", "error", "words"),
    [
        (PART.replace("application/http", "text/plain") + "GET a HTTP/1.1", UrlMediaType, "must be application/http, not 'text/plain'"),
        ("\r\nGET a HTTP/1.1", UrlMediaType, "must be application/http, not ''"),
        (PART.replace("application/http", "multipart/mixed;boundary=c"), UrlMethod, "change set"),
        (
            PART.replace("binary", "base64") + "R0VU",
            UrlMediaType,
            "unsupported Content-Transfer-Encoding 'base64' in a batch part; use binary",
        ),
        (PART, UrlSyntax, "must begin with a request line"),
        (PART + "GET a", UrlSyntax, "must begin with a request line"),
        (PART + "GET  HTTP/1.1", UrlSyntax, "must begin with a request line"),
        (PART + "G3T a HTTP/1.1", UrlSyntax, "must begin with a request line"),
        (PART + "GET a HTTP/1.1\r\nno header", UrlHeader, "malformed header line"),
        (PART + "GET a HTTP/1.1\r\nA\0: b", UrlHeader, "malformed header line"),
        (PART + "GET a HTTP/1.1\r\nA: b\0", UrlHeader, "malformed header line"),
        (PART + f"GET a HTTP/1.1\r\nA: {'b' * 32_768}", UrlHeader, "at most 32768 characters"),
        (PART + "GET a HTTP/1.1\r\n\r\nbody", UrlSyntax, "a GET request cannot have a body"),
    ],
)
def test_a_fault_is_that_part_s_own(part, error, words):
    before, found, after = read(GET, part, GET)
    assert type(found.fault) is error and words in str(found.fault)
    assert before.fault is None and after.fault is None


def test_a_header_may_have_the_length_of_one_on_the_wire():
    assert only(PART + f"GET a HTTP/1.1\r\nA: {'b' * 16_383}").fault is None


def test_an_id_that_is_used_twice_is_the_second_one_s_fault():
    first, second, other = read("Content-ID: a\r\n" + GET, "Content-ID: a\r\n" + GET, "Content-ID: b\r\n" + GET)
    assert (first.fault, other.fault) == (None, None)
    assert str(second.fault) == "the Content-ID 'a' is used twice"


def test_a_fault_keeps_the_id_of_its_part():
    assert only("Content-ID: x\r\nContent-Type: text/plain\r\n\r\n").id == "x"


def test_bytes_that_are_not_utf8_stay_visible():
    assert only(PART + "GET a\udcff HTTP/1.1").url == "a\udcff"
