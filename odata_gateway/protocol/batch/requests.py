"""One request of a batch as a value, and what holds for batches of both forms: the form itself,
headers, URLs (Protocol 4.01, section 11.7).

A mistake that spoils the whole batch is raised. A mistake in one request is kept as its `fault`,
which becomes the answer to that request; the others are answered all the same. The limits of a
request's URL and headers hold for each part too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from odata_gateway.errors import (
    BindSegment,
    LimitParts,
    ODataError,
    UrlFormat,
    UrlHeader,
    UrlMediaType,
    UrlSyntax,
)
from odata_gateway.protocol.headers.accept import MediaRange, accept
from odata_gateway.protocol.headers.version import version
from odata_gateway.protocol.message import MAX_HEADER_BYTES, headers_by_name

BatchFormat = Literal["multipart", "json"]
FORMS: dict[str, BatchFormat] = {"multipart/mixed": "multipart", "application/json": "json"}


class BatchRequest(NamedTuple):
    """One request of a batch.

    id         the name that later requests and the answer use; None if the client gave none
    url        as written: absolute, from the host's root or from the service's, or beginning with
               `$` and an earlier id
    headers    by lower-case name
    needs      ids of requests, and names of groups, that must have succeeded before
    group      the name of its own group
    condition  the `if` of a JSON batch, which replaces the success of `needs`
    fault      why it cannot be answered
    """

    id: str | None
    method: str = ""
    url: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    needs: tuple[str, ...] = ()
    group: str | None = None
    condition: str | None = None
    fault: ODataError | None = None


def batch_form(headers: Mapping[str, str]) -> BatchFormat:
    """The form of a batch's body.

    raises  UrlMediaType  for any other type of body
    """
    named = media_type(headers.get("content-type", ""))
    if named not in FORMS:
        shown = f", not '{named[:40]}'" if named else ""
        raise UrlMediaType(
            f"a batch request must be multipart/mixed or application/json{shown}",
            target="Content-Type",
            hint="set the Content-Type header",
        )
    return FORMS[named]


def answer_form(headers: Mapping[str, str], form: BatchFormat) -> BatchFormat:
    """The form of the answer to a batch of a form: the same, unless the Accept header excludes it
    (Protocol 4.01, section 11.7.7).

    JSON batches exist since 4.01. A client that speaks 4.0, as its headers say, and names JSON
    alone means the parts: @odata/client does so, and can read only multipart.

    raises  UrlFormat  where neither form is acceptable
    """
    members = accept(headers.get("accept", ""))
    accepted = [own for name, own in FORMS.items() if _accepts(members, name)]
    if form in accepted:
        return form
    if not accepted:
        raise UrlFormat(
            "a batch is answered as multipart/mixed or JSON, and the Accept header excludes both",
            target="Accept",
            hint=f"add {', or '.join(FORMS)} to the Accept header",
        )
    return form if form == "multipart" and _speaks_4_0(headers) else accepted[0]


def _accepts(members: tuple[MediaRange, ...] | None, name: str) -> bool:
    """Whether the most specific member that includes a media type accepts it."""
    if members is None:
        return True
    kind, _, subtype = name.partition("/")
    found = [member for member in members if member.covers(kind, subtype)]
    return bool(found) and max(found, key=lambda m: (m.specificity, m.quality)).quality > 0


def _speaks_4_0(headers: Mapping[str, str]) -> bool:
    """Whether a client says that it speaks 4.0. One that says nothing may speak either version."""
    names = ("odata-version", "odata-maxversion")
    return any(name in headers for name in names) and version(headers) == "4.0"


def media_type(content_type: str) -> str:
    """The type without parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]+)"|([^\s";]+))', re.IGNORECASE)


def boundary(content_type: str) -> bytes:
    """The boundary between the parts of a multipart body (RFC 2046, section 5.1.1).

    raises  UrlHeader  where none is named, or an impossible one
    """
    found = _BOUNDARY.search(content_type)
    name = (found[1] or found[2]) if found else ""
    if not 1 <= len(name) <= 70 or not name.isascii():
        raise UrlHeader(
            "multipart/mixed must have a boundary of 1 to 70 characters",
            target="Content-Type",
            hint="write multipart/mixed;boundary=batch",
        )
    return name.encode()


def inherited(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of the batch that hold for requests without their own: OData-MaxVersion, and
    Accept without the media types of the batch itself."""
    found = {name: headers[name] for name in ("odata-maxversion",) if name in headers}
    members = [
        text
        for text in headers.get("accept", "").split(",")
        if text.strip() and not text.strip().lower().startswith("multipart/")
    ]
    return found | {"accept": ",".join(members)} if members else found


def check_count(count: int, most: int) -> None:
    """Raises LimitParts if a batch has more than `most` requests."""
    if count > most:
        raise LimitParts(
            f"a batch can have at most {most} requests, not {count}",
            hint="raise ODATA_MAX_BATCH_PARTS to allow more",
        )


def checked_headers(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name. Raises UrlHeader for one that is too long."""
    found = headers_by_name(pairs)
    for name, value in found.items():
        if len(name) + len(value) > MAX_HEADER_BYTES:
            raise UrlHeader(f"a header can have at most {MAX_HEADER_BYTES} characters")
    return found


def body_fault(method: str, body: bytes) -> ODataError | None:
    """The fault of a GET with a body, which would be ignored."""
    if method == "GET" and body.strip():
        return UrlSyntax("a GET request cannot have a body", hint="leave the body out")
    return None


# --- URLs -----------------------------------------------------------------------------------------

_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def relative_to_root(url: str, root: str, host: str | None) -> str:
    """The target after the service root that a request's URL means, in any form of Protocol
    11.7.7.1.

    A path that begins with a slash, but not with the service's own path, is taken relative to the
    service: SAP's clients write such paths.

    host    the request's own Host header
    raises  BindSegment  for a URL of another service
    """
    own = urlsplit(root)
    own_authority = _authority(own.scheme, own.netloc)
    absolute = _ABSOLUTE.fullmatch(url)
    path = absolute[3] if absolute else url
    is_own_path = (
        path.startswith(own.path) or re.split("[?#]", path, maxsplit=1)[0] == own.path[:-1]
    )
    if absolute:
        is_own = is_own_path and _authority(absolute[1], absolute[2]) == own_authority
    else:
        is_own = not is_own_path or host is None or _authority(own.scheme, host) == own_authority
    if not is_own:
        raise BindSegment(
            "this URL belongs to another service",
            target="path",
            hint=f"begin the URL with {root}, or write it relative to that",
        )
    return path[len(own.path) - 1 :].removeprefix("/") if is_own_path else path.removeprefix("/")


def _authority(scheme: str, authority: str) -> tuple[str, str]:
    """Scheme and host with the port, in lower case, without a default port."""
    scheme = scheme.lower()
    return scheme, authority.strip().lower().removesuffix(_DEFAULT_PORTS.get(scheme, ""))
