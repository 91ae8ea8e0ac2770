"""What a batch asks for: its parts, from multipart/mixed or JSON, and where the URL of each leads
(Protocol 4.01, section 11.7; JSON 19).

What spoils the whole batch is raised. What is wrong with one part only is kept as its `fault`,
which is its answer, so that the others are answered all the same. The limits of a request's head
hold for each part too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import orjson

from odata_gateway.errors import (
    BindSegment,
    LimitParts,
    ODataError,
    UrlDependency,
    UrlFormat,
    UrlHeader,
    UrlMediaType,
    UrlMethod,
    UrlSyntax,
)
from odata_gateway.protocol.headers.format import accept

BatchFormat = Literal["multipart", "json"]
FORMS: dict[str, BatchFormat] = {"multipart/mixed": "multipart", "application/json": "json"}
MAX_HEADER_LENGTH = 8190
"""Characters of a header, as for a request of its own: what headers mean is kept, so none may be of
any length."""


class BatchRequest(NamedTuple):
    """One request of a batch.

    id         what later parts and the answer call it by, None where the client gave no name
    url        as written: absolute, from the host's root or from the service's, or beginning with
               `$` and an earlier id
    headers    by lower-case name
    needs      ids of parts, and names of groups, that must have been answered well before; `group`
               is this part's own
    condition  the `if` of a JSON batch, which stands in for the success of `needs`
    fault      why this part cannot be answered
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
    """The form of a batch's body, which its answer has too.

    A multipart batch gets multipart whatever its Accept header says, because clients that can read
    nothing else name JSON there, meaning the parts.

    raises  UrlMediaType for a body that can be no batch, UrlFormat where JSON was sent and is not
            acceptable
    """
    named = media_type(headers.get("content-type", ""))
    if named not in FORMS:
        hint = "multipart/mixed or application/json is expected"
        raise UrlMediaType(f"a batch is no '{named[:40]}'", target="Content-Type", hint=hint)
    ranges = accept(headers.get("accept", ""))
    if (
        FORMS[named] == "json"
        and ranges is not None
        and not any(r.quality > 0 and r.covers("application", "json") for r in ranges)
    ):
        raise UrlFormat("a batch in JSON is answered in JSON", target="Accept")
    return FORMS[named]


def media_type(content_type: str) -> str:
    """The type without parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]+)"|([^\s";]+))', re.IGNORECASE)


def boundary(content_type: str) -> bytes:
    """What separates the parts of a multipart body (RFC 2046, section 5.1.1).

    raises  UrlHeader where none is named, or one that cannot be
    """
    found = _BOUNDARY.search(content_type)
    name = (found[1] or found[2]) if found else ""
    if not 1 <= len(name) <= 70 or not name.isascii():
        raise UrlHeader(
            "multipart/mixed needs a boundary of 1 to 70 characters", target="Content-Type"
        )
    return name.encode()


def inherited(headers: Mapping[str, str]) -> dict[str, str]:
    """The batch's headers that hold for parts without their own: OData-MaxVersion, and Accept
    without what it says of the batch itself."""
    found = {name: headers[name] for name in ("odata-maxversion",) if name in headers}
    members = [
        text
        for text in headers.get("accept", "").split(",")
        if text.strip() and not text.strip().lower().startswith("multipart/")
    ]
    return found | {"accept": ",".join(members)} if members else found


def check_count(count: int, most: int) -> None:
    """Raises LimitParts for more parts than there may be."""
    if count > most:
        raise LimitParts(
            f"a batch may have {most} parts, not {count}",
            hint="ODATA_MAX_BATCH_PARTS moves this limit",
        )


def checked_headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name; the values of a repeated one become one list. Raises UrlHeader
    for one too long."""
    found: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
        if len(key) + len(found[key]) > MAX_HEADER_LENGTH:
            raise UrlHeader(f"a header of a part may have {MAX_HEADER_LENGTH} characters")
    return found


def body_fault(method: str, body: bytes) -> ODataError | None:
    """A body where a request can have none would be ignored."""
    return UrlSyntax(f"{method} has no body") if method == "GET" and body.strip() else None


# --- JSON -----------------------------------------------------------------------------------------

_MEMBERS = frozenset(
    {"id", "method", "url", "headers", "body", "atomicityGroup", "dependsOn", "if"}
)


def read_json(body: bytes, *, most: int) -> list[BatchRequest]:
    """The parts of a JSON batch (JSON Format 4.01, section 19.1).

    raises  UrlSyntax where ids, references or the shape of a request cannot be right; LimitParts
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UrlSyntax(f"the batch is no JSON: {str(error)[:100]}") from None
    requests = document.get("requests") if isinstance(document, dict) else None
    if not isinstance(requests, list):
        raise UrlSyntax("a batch in JSON is an object with an array called requests")
    check_count(len(requests), most)
    ids: set[str] = set()
    groups: list[str | None] = [None]
    parts = []
    for number, request in enumerate(requests):
        part = _json_part(request, f"requests/{number}", ids, groups)
        ids.add(part.id or "")
        groups.append(part.group)
        parts.append(part)
    return _whole_groups(parts)


def _whole_groups(parts: list[BatchRequest]) -> list[BatchRequest]:
    """The parts, where none of a group is answered if one cannot be (JSON Format 19.4)."""
    refused = {part.group for part in parts if part.group is not None and part.fault is not None}
    other = UrlDependency("another request of its group cannot be answered")
    return [
        part._replace(fault=other) if part.group in refused and part.fault is None else part
        for part in parts
    ]


def _json_part(request: Any, where: str, ids: set[str], groups: list[str | None]) -> BatchRequest:
    """A request, with the ids and groups before it."""
    _check_shape(request, where, ids.union(group for group in groups if group is not None))
    _check_group(request, where, ids, groups)
    headers, needs, group = (
        _given(request, "headers", {}),
        _given(request, "dependsOn", []),
        request.get("atomicityGroup") or None,
    )
    method, content = request["method"].upper(), request.get("body")
    body = (
        b""
        if content is None
        else content.encode()
        if isinstance(content, str)
        else orjson.dumps(content)
    )
    fault = _json_fault(request, method, body)
    part = BatchRequest(
        request["id"],
        method,
        request["url"],
        {},
        body,
        tuple(needs),
        group,
        request.get("if"),
        fault,
    )
    try:
        return part._replace(headers=checked_headers(headers.items()))
    except ODataError as error:
        return part._replace(fault=error)


def _given(request: dict[str, Any], name: str, default: Any) -> Any:
    """A member of a request; null stands for none."""
    value = request.get(name)
    return default if value is None else value


def _check_shape(request: Any, where: str, seen: set[str]) -> None:
    """Raises UrlSyntax for a request that spoils its batch, because it cannot be told what it is or
    what it stands for."""
    if not isinstance(request, dict):
        raise UrlSyntax("a request is an object", target=where)
    for name in ("id", "method", "url"):
        if not isinstance(request.get(name), str) or not request[name]:
            raise UrlSyntax(f"a request needs a text called {name}", target=where)
    if request["id"] in seen:
        raise UrlSyntax(f"the id '{request['id'][:40]}' is there twice", target=where)
    group, needs, headers = (
        _given(request, "atomicityGroup", "-"),
        _given(request, "dependsOn", []),
        _given(request, "headers", {}),
    )
    if not isinstance(group, str):
        raise UrlSyntax("atomicityGroup is a text", target=where)
    if not isinstance(needs, list) or any(
        not isinstance(need, str) or need not in seen for need in needs
    ):
        raise UrlSyntax("dependsOn is an array of ids of earlier requests", target=where)
    if not isinstance(headers, dict) or not all(
        isinstance(value, str) for value in headers.values()
    ):
        raise UrlSyntax("headers is an object of texts", target=where)


def _check_group(
    request: dict[str, Any], where: str, ids: set[str], groups: list[str | None]
) -> None:
    """Raises UrlSyntax for a group whose requests are apart, or that has the name of a request."""
    group = request.get("atomicityGroup") or None
    if group is not None and (group in ids or group == request["id"]):
        raise UrlSyntax(f"'{group[:40]}' is both a group and a request", target=where)
    if group is not None and group in groups and group != groups[-1]:
        raise UrlSyntax(f"the requests of group '{group[:40]}' do not stand together", target=where)
    if not isinstance(request.get("if"), str | None):
        raise UrlSyntax("if is a text", target=where)


def _json_fault(request: dict[str, Any], method: str, body: bytes) -> ODataError | None:
    unknown = [name for name in request if name not in _MEMBERS and "@" not in name]
    if unknown:
        return UrlSyntax(f"a request has no member called {unknown[0][:40]}")
    if request.get("atomicityGroup") and method not in ("GET", "POST"):
        return UrlMethod("a group of changes is not possible: this service is read-only")
    return body_fault(method, body)


# --- URLs -----------------------------------------------------------------------------------------

_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def relative_to_root(url: str, root: str, host: str | None) -> str:
    """The URL of a part as a target after the service root, in any of the forms of section
    11.7.7.1.

    A path that begins with a slash and not with the service's own path belongs to the service too:
    SAP's clients write them so.

    host    the part's Host header
    raises  BindSegment for a URL of another service
    """
    own = urlsplit(root)
    absolute = _ABSOLUTE.fullmatch(url)
    path = absolute[3] if absolute else url
    is_own_path = (
        path.startswith(own.path) or re.split("[?#]", path, maxsplit=1)[0] == own.path[:-1]
    )
    if absolute and not (
        is_own_path and _authority(absolute[1], absolute[2]) == _authority(own.scheme, own.netloc)
    ):
        raise _foreign(root)
    if (
        is_own_path
        and not absolute
        and host is not None
        and _authority(own.scheme, host) != _authority(own.scheme, own.netloc)
    ):
        raise _foreign(root)
    return path[len(own.path) - 1 :].removeprefix("/") if is_own_path else path.removeprefix("/")


def _foreign(root: str) -> BindSegment:
    return BindSegment(
        "this URL belongs to another service",
        target="path",
        hint=f"URLs of this service begin with {root}",
    )


def _authority(scheme: str, authority: str) -> tuple[str, str]:
    scheme = scheme.lower()
    return scheme, authority.strip().lower().removesuffix(_DEFAULT_PORTS.get(scheme, ""))
