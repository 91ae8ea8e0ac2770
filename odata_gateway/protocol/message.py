"""A request and a reply as values, independent of the HTTP library (RFC 9110, section 6).

`web` makes a `Request` of what a client sent, and sends a `Reply`. A batch makes a `Request` of
each request in it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from odata_gateway.errors import LimitBody
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
    return reply._replace(body=await whole_body(reply))


async def whole_body(reply: Reply, most_bytes: int | None = None) -> bytes:
    """The body of a reply in one piece.

    raises  what the body raises, after closing it; LimitBody for more bytes, which are not read
    """
    if isinstance(reply.body, bytes):
        _check_size(len(reply.body), most_bytes)
        return reply.body
    pieces, size = [], 0
    async with ended(reply.body):
        async for piece in reply.body:
            size += len(piece)
            _check_size(size, most_bytes)
            pieces.append(piece)
    return b"".join(pieces)


def _check_size(size: int, most_bytes: int | None) -> None:
    if most_bytes is not None and size > most_bytes:
        raise LimitBody(f"the answer is longer than {most_bytes} bytes")


@asynccontextmanager
async def ended(body: bytes | AsyncIterator[bytes]) -> AsyncIterator[None]:
    """Close a streamed body at the end of the block, also after an error: no query may run on after
    its client has left."""
    try:
        yield
    finally:
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()
