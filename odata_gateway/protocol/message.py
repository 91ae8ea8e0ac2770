"""A request and a reply as values, without the HTTP library that carries them (RFC 9110, section
6).

The web layer makes a `Request` of what a client sent and sends a `Reply`; a batch makes one
`Request` of each of its requests.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple

from odata_gateway.url.resource_kind import ResourceKind

HeaderPairs = tuple[tuple[str, str], ...]
"""Headers of a reply, in the order in which they are sent."""
RequestHeaders = Mapping[str, str]
"""Headers of a request by lower-case name."""
MAX_HEADER_BYTES = 16_384
"""Of one header, on the wire and in a part of a batch. What a header means is kept in caches, so
its length must have a limit."""


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

    target   text after the service root, as on the wire
    kind     of the resource that the target names
    headers  by lower-case name
    root     absolute service root as the client used it; ends in a slash
    token    the access token, from wherever the client put it
    """

    method: str
    target: str
    kind: ResourceKind
    headers: RequestHeaders
    root: str
    token: str | None
    body: bytes = b""


class Reply(NamedTuple):
    """An answer. A body of unknown length is an iterator, which must be closed."""

    status: int
    headers: HeaderPairs
    body: bytes | AsyncIterator[bytes] = b""
