"""The requests of a JSON batch (JSON Format 4.01, section 19.1).

A request that cannot be identified spoils the whole batch. Any other mistake is that request's
fault alone.
"""

from __future__ import annotations

from typing import Any

import orjson

from odata_gateway.errors import ODataError, UrlDependency, UrlMethod, UrlSyntax
from odata_gateway.protocol.batch.requests import (
    BatchRequest,
    body_fault,
    check_count,
    checked_headers,
)

_MEMBERS = frozenset(
    {"id", "method", "url", "headers", "body", "atomicityGroup", "dependsOn", "if"}
)


def read_json(body: bytes, *, most: int) -> list[BatchRequest]:
    """The requests of a batch of at most `most`.

    raises  UrlSyntax   for malformed JSON, ids, references or groups
            LimitParts  for more requests
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UrlSyntax(f"the batch is not valid JSON: {str(error)[:100]}") from None
    requests = document.get("requests") if isinstance(document, dict) else None
    if not isinstance(requests, list):
        raise UrlSyntax("a JSON batch must be an object with an array 'requests'")
    check_count(len(requests), most)
    ids: set[str] = set()
    groups: list[str | None] = [None]
    parts = []
    for number, request in enumerate(requests):
        part = _part(request, f"requests/{number}", ids, groups)
        ids.add(part.id or "")
        groups.append(part.group)
        parts.append(part)
    return _whole_groups(parts)


def _whole_groups(parts: list[BatchRequest]) -> list[BatchRequest]:
    """The requests, in which one fault of a group is a fault of the whole group (JSON Format
    19.4)."""
    refused = {part.group for part in parts if part.group is not None and part.fault is not None}
    other = UrlDependency("another request of this group cannot be answered")
    return [
        part._replace(fault=other) if part.group in refused and part.fault is None else part
        for part in parts
    ]


def _part(request: Any, where: str, ids: set[str], groups: list[str | None]) -> BatchRequest:
    """One request; `ids` and `groups` are those of the requests before it, the groups in order."""
    _check_members(request, where, ids.union(group for group in groups if group is not None))
    _check_group(request, where, ids, groups)
    method, body = request["method"].upper(), _body(request.get("body"))
    part = BatchRequest(
        request["id"],
        method,
        request["url"],
        {},
        body,
        tuple(_given(request, "dependsOn", [])),
        request.get("atomicityGroup") or None,
        request.get("if"),
        _fault(request, method, body),
    )
    try:
        return part._replace(headers=checked_headers([*_given(request, "headers", {}).items()]))
    except ODataError as error:
        return part._replace(fault=error)


def _body(content: Any) -> bytes:
    """The body of a request: a string as its text, any other value as JSON."""
    if content is None:
        return b""
    return content.encode() if isinstance(content, str) else orjson.dumps(content)


def _given(request: dict[str, Any], name: str, default: Any) -> Any:
    """A member of a request; null means the default, as if the member were absent."""
    value = request.get(name)
    return default if value is None else value


def _check_members(request: Any, where: str, seen: set[str]) -> None:
    """Check what identifies a request; `seen` are the ids and groups before it. Raises
    UrlSyntax."""
    if not isinstance(request, dict):
        raise UrlSyntax("a request must be an object", target=where)
    for name in ("id", "method", "url"):
        if not isinstance(request.get(name), str) or not request[name]:
            raise UrlSyntax(
                f"a request must have a string '{name}' that is not empty", target=where
            )
    if request["id"] in seen:
        raise UrlSyntax(f"the id '{request['id'][:40]}' is used twice", target=where)
    if not isinstance(_given(request, "atomicityGroup", "-"), str):
        raise UrlSyntax("'atomicityGroup' must be a string", target=where)
    if not isinstance(request.get("if"), str | None):
        raise UrlSyntax("'if' must be a string", target=where)
    needs, headers = _given(request, "dependsOn", []), _given(request, "headers", {})
    if not isinstance(needs, list) or any(
        not isinstance(need, str) or need not in seen for need in needs
    ):
        raise UrlSyntax("'dependsOn' must be an array of ids of earlier requests", target=where)
    if not isinstance(headers, dict) or not all(isinstance(v, str) for v in headers.values()):
        raise UrlSyntax("'headers' must be an object of strings", target=where)


def _check_group(
    request: dict[str, Any], where: str, ids: set[str], groups: list[str | None]
) -> None:
    """Raises UrlSyntax for a group whose requests are not adjacent, or that has the id of a
    request."""
    group = request.get("atomicityGroup") or None
    if group is None:
        return
    if group in ids or group == request["id"]:
        raise UrlSyntax(f"'{group[:40]}' is the name of a group and of a request", target=where)
    if group in groups and group != groups[-1]:
        raise UrlSyntax(f"the requests of group '{group[:40]}' must be adjacent", target=where)


def _fault(request: dict[str, Any], method: str, body: bytes) -> ODataError | None:
    unknown = [name for name in request if name not in _MEMBERS and "@" not in name]
    if unknown:
        return UrlSyntax(f"a request cannot have a member '{unknown[0][:40]}'")
    if request.get("atomicityGroup") and method not in ("GET", "POST"):
        return UrlMethod("a group cannot change data: this service is read-only")
    return body_fault(method, body)
