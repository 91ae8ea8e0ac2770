"""A request and a reply as values, independent of the HTTP library (RFC 9110, section 6).

`web` makes a `Request` of what a client sent, and sends a `Reply`. A batch makes a `Request` of
each request in it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple

from odata_gateway.url.resource_kind import ResourceKind

HeaderPairs = tuple[tuple[str, str], ...]
"""The headers of a reply in the order in which they are sent."""
RequestHeaders = Mapping[str, str]
"""The headers of a request by lower-case name."""
MAX_HEADER_BYTES = 32_768
"""The limit of one header, on the wire and in a batch: the longest access token, as the password of
HTTP Basic with a user name. Caches keep what headers mean, so the length of a header must be
limited."""


def headers_by_name(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name; the values of a repeated header become one list (RFC 9110,
    section 5.3)."""
    found = {name.lower(): value for name, value in pairs}
    if len(found) == len(pairs):
        return found
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name.lower(), []).append(value)
    return {name: ", ".join(repeated) for name, repeated in values.items()}


class Request(NamedTuple):
    """One request for the service.

    target   the text after the service root, as on the wire
    kind     of the resource that the target names
    headers  by lower-case name
    root     the absolute service root as the client used it; ends in a slash
    token    the access token, wherever the client put it
    """

    method: str
    target: str
    kind: ResourceKind
    headers: RequestHeaders
    root: str
    token: str | None
    body: bytes = b""


class Reply(NamedTuple):
    """The answer to a request. A body of unknown length is an iterator, which must be closed."""

    status: int
    headers: HeaderPairs
    body: bytes | AsyncIterator[bytes] = b""


async def whole_reply(reply: Reply) -> Reply:
    """The same with its body in one piece; raises what the body raises, after closing it."""
    if isinstance(reply.body, bytes):
        return reply
    try:
        return reply._replace(body=b"".join([chunk async for chunk in reply.body]))
    finally:
        close = getattr(reply.body, "aclose", None)
        if close is not None:
            await close()
