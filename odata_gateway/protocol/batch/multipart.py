"""The requests of a multipart/mixed batch (RFC 2046, section 5.1; Protocol 4.01, section 11.7.7).

Clients differ. Lines end with LF or CRLF, headers lack the blank after the colon, an empty line
stands before the first part or inside one, nothing follows the last header, and there is text
before and after the parts. All of these are read. A body without its closing delimiter is refused,
because it may have been cut off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from odata_gateway.errors import ODataError, UrlHeader, UrlMediaType, UrlMethod, UrlSyntax
from odata_gateway.protocol.batch.requests import (
    BatchRequest,
    body_fault,
    check_count,
    checked_headers,
    media_type,
)

_BLANK_LINE = re.compile(rb"(?:\A|\r?\n)[ \t]*\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_METHOD = re.compile(r"[A-Za-z]{1,20}")
_VERSION = re.compile(r"HTTP/[0-9.]{1,5}", re.IGNORECASE)
_UNCODED = frozenset({"", "binary", "7bit", "8bit"})


def read_multipart(body: bytes, name: bytes, *, most: int) -> list[BatchRequest]:
    """The requests of a multipart body with boundary `name`.

    raises  UrlSyntax   for a body without delimiters, or without the closing one
            LimitParts  for more than `most` requests
    """
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + re.escape(name) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    starts: list[int] = []
    ends: list[int] = []
    for found in delimiter.finditer(body):
        starts.append(found.start())
        ends.append(found.end())
        if found[1]:
            break
        check_count(len(starts), most)
    else:
        missing = "closing delimiter" if starts else "delimiter"
        raise UrlSyntax(
            f"the batch has no {missing}", hint="end the batch with '--', the boundary and '--'"
        )
    sections = (body[end:start] for end, start in zip(ends, starts[1:], strict=False))
    return list(_unique(_part(section) for section in sections))


def _unique(parts: Iterator[BatchRequest]) -> Iterator[BatchRequest]:
    """The requests; one whose id an earlier one has is at fault."""
    seen = set()
    for part in parts:
        if part.id is not None and part.id in seen:
            yield part._replace(fault=UrlSyntax(f"the Content-ID '{part.id[:40]}' is used twice"))
        else:
            yield part
        seen.add(part.id)


def _part(section: bytes) -> BatchRequest:
    """One part; `section` begins with the end of the delimiter's line."""
    head, rest = _cut(section.removeprefix(b"\r").removeprefix(b"\n"))
    content_id = None
    try:
        headers = _headers(head)
        content_id = headers.get("content-id")
        return _request(content_id, headers, rest)
    except ODataError as error:
        return BatchRequest(content_id, fault=error)


def _request(content_id: str | None, mime: dict[str, str], message: bytes) -> BatchRequest:
    """The request in a part. `mime` has the part's own headers, `message` the text of the
    request."""
    kind = media_type(mime.get("content-type", ""))
    if kind == "multipart/mixed":
        raise UrlMethod("a batch cannot have a change set: this service is read-only")
    if kind != "application/http":
        raise UrlMediaType(
            f"a part of a batch must be application/http, not '{kind[:40]}'",
            target="Content-Type",
            hint="set the Content-Type header of the part",
        )
    encoding = mime.get("content-transfer-encoding", "").lower()
    if encoding not in _UNCODED:
        raise UrlMediaType(
            f"unsupported Content-Transfer-Encoding '{encoding[:40]}' in a batch part",
            target="Content-Transfer-Encoding",
            hint="use binary",
        )
    head, body = _cut(message.lstrip(b"\r\n"))
    line, _, lines = head.partition(b"\n")
    method, url = _request_line(_text(line))
    return BatchRequest(
        content_id, method, url, _headers(lines), body, fault=body_fault(method, body)
    )


def _request_line(line: str) -> tuple[str, str]:
    """Method and URL; a client may leave blanks in the URL."""
    method, _, rest = line.strip().partition(" ")
    url, _, version = rest.rpartition(" ")
    if not _METHOD.fullmatch(method) or not url.strip() or not _VERSION.fullmatch(version):
        raise UrlSyntax(
            "a part of a batch must begin with a request line", hint="write GET Message(1) HTTP/1.1"
        )
    return method.upper(), url.strip()


def _cut(message: bytes) -> tuple[bytes, bytes]:
    """A message's head and body, separated by the first empty line; without one all is head."""
    blank = _BLANK_LINE.search(message)
    return (message, b"") if blank is None else (message[: blank.start()], message[blank.end() :])


def _headers(head: bytes) -> dict[str, str]:
    """Header lines by lower-case name; a folded line is one line (RFC 9112, section 5.2)."""
    lines = _FOLD.sub(" ", _text(head)).replace("\r\n", "\n").split("\n")
    return checked_headers([_pair(line) for line in lines if line.strip()])


def _pair(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not _NAME.fullmatch(name) or not value.strip(" \t").isprintable():
        raise UrlHeader(
            "a part of a batch has a malformed header line", hint="write 'Name: value' on each line"
        )
    return name, value.strip(" \t")


def _text(data: bytes) -> str:
    """Bytes as text. Bytes that are not UTF-8 become lone surrogates, which no URL can contain."""
    return data.decode("utf-8", "surrogateescape")
