"""A multipart batch, cut into its parts (RFC 2046, section 5.1; Protocol 4.01, section 11.7.7).

Clients differ: lines end with LF or CRLF, headers lack the blank after the colon, an empty line
stands before the first part or inside one, the last header is followed by nothing, and texts stand
before and behind the parts. All that is read; a body without its last delimiter is not, because it
may have been cut off.
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
    """The parts of a multipart body with boundary `name`.

    raises  UrlSyntax for a body without delimiters or without the last one, LimitParts
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
        problem = (
            "the batch ends without the last delimiter"
            if starts
            else "the batch holds no delimiter"
        )
        raise UrlSyntax(f"{problem}, two hyphens, the boundary and two hyphens")
    sections = (body[end:start] for end, start in zip(ends, starts[1:], strict=False))
    return list(_unique(_part(section) for section in sections))


def _unique(parts: Iterator[BatchRequest]) -> Iterator[BatchRequest]:
    """A part whose id another one has got already is at fault."""
    seen = set()
    for part in parts:
        if part.id is not None and part.id in seen:
            yield part._replace(fault=UrlSyntax(f"the Content-ID '{part.id[:40]}' is there twice"))
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
    kind = media_type(mime.get("content-type", ""))
    if kind == "multipart/mixed":
        return BatchRequest(
            content_id, fault=UrlMethod("a change set is not possible: this service is read-only")
        )
    if kind != "application/http":
        raise UrlMediaType(
            f"a part of a batch is no '{kind[:40]}'",
            target="Content-Type",
            hint="application/http is expected",
        )
    if mime.get("content-transfer-encoding", "").lower() not in _UNCODED:
        raise UrlMediaType(
            "a part of a batch is sent as it is",
            target="Content-Transfer-Encoding",
            hint="write binary",
        )
    head, body = _cut(message.lstrip(b"\r\n"))
    line, _, lines = head.partition(b"\n")
    method, url = _request_line(_text(line))
    return BatchRequest(
        content_id, method, url, _headers(lines), body, fault=body_fault(method, body)
    )


def _request_line(line: str) -> tuple[str, str]:
    """Method and URL; blanks that the client left in the URL are part of it."""
    method, _, rest = line.strip().partition(" ")
    url, _, version = rest.rpartition(" ")
    if not _METHOD.fullmatch(method) or not url.strip() or not _VERSION.fullmatch(version):
        raise UrlSyntax("a part begins with a request line", hint="write GET Message(1) HTTP/1.1")
    return method.upper(), url.strip()


def _cut(message: bytes) -> tuple[bytes, bytes]:
    """A message's head and body, at the first empty line; all of it is the head where there is
    none."""
    blank = _BLANK_LINE.search(message)
    return (message, b"") if blank is None else (message[: blank.start()], message[blank.end() :])


def _headers(head: bytes) -> dict[str, str]:
    """Header lines by lower-case name; folded ones in one line (RFC 9112, section 5.2)."""
    return checked_headers(
        _pair(line)
        for line in _FOLD.sub(" ", _text(head)).replace("\r\n", "\n").split("\n")
        if line.strip()
    )


def _pair(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not _NAME.fullmatch(name) or not value.strip(" \t").isprintable():
        raise UrlHeader("a part has a line that is no header")
    return name, value.strip(" \t")


def _text(data: bytes) -> str:
    """Bytes as text; what is not UTF-8 stays visible as lone surrogates, which no URL may hold."""
    return data.decode("utf-8", "surrogateescape")
