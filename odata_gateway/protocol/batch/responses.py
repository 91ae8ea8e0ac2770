"""The answer to a batch, piece by piece, as multipart/mixed (Protocol 4.01, section 11.7.7.5) or
JSON (JSON Format 4.01, section 19.5).

The body of an answer is passed on chunk by chunk. The boundary is random, so no row can contain it.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Container
from http import HTTPStatus
from itertools import count
from typing import NamedTuple, Protocol

import orjson

from odata_gateway.protocol.batch.requests import BatchFormat, media_type
from odata_gateway.protocol.message import HeaderPairs

ResponseBytes = bytes | AsyncIterator[bytes]


class ResponseName(NamedTuple):
    """The name that the client gave a request, and the group that the request is in."""

    id: str | None
    group: str | None = None


class BatchResponse(Protocol):
    """The bytes of a batch's answer: `head`, each part, `tail`."""

    content_type: str
    head: bytes
    tail: bytes

    def part(
        self, name: ResponseName, status: int, headers: HeaderPairs, body: ResponseBytes
    ) -> AsyncGenerator[bytes]:
        """The bytes of the answer to one request."""
        ...


def answer_in(form: BatchFormat, ids: Container[str | None] = ()) -> BatchResponse:
    """An empty answer of a form.

    ids  that the client gave
    """
    return MultipartBatchResponse() if form == "multipart" else JsonBatchResponse(ids)


class MultipartBatchResponse:
    """Parts of type application/http.

    Clients look for exactly this spelling, and for the boundary unquoted at the end of the media
    type.
    """

    def __init__(self) -> None:
        boundary = f"batchresponse_{secrets.token_hex(16)}"
        self.content_type = f"multipart/mixed; boundary={boundary}"
        self.head = b""
        self._delimiter = f"--{boundary}\r\n".encode()
        self.tail = f"--{boundary}--\r\n".encode()

    async def part(
        self, name: ResponseName, status: int, headers: HeaderPairs, body: ResponseBytes
    ) -> AsyncGenerator[bytes]:
        """A delimiter and a part."""
        named = f"Content-ID: {name.id}\r\n" if name.id is not None else ""
        lines = [f"{header}: {value}\r\n" for header, value in headers]
        if isinstance(body, bytes) and body:
            lines.append(f"Content-Length: {len(body)}\r\n")
        head = (
            f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{named}\r\n"
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{''.join(lines)}\r\n"
        )
        pending = self._delimiter + head.encode("utf-8", "surrogateescape")
        if isinstance(body, bytes):
            yield pending + body + b"\r\n"
            return
        yield pending
        async for chunk in body:
            yield chunk
        yield b"\r\n"


class JsonBatchResponse:
    """Response objects. A JSON body is an object there, a text is a string, any other body is a
    string in base64url.

    Each must have an id. The parts of a multipart batch may have none; these are numbered, without
    the `taken` ids of others.
    """

    def __init__(self, taken: Container[str | None] = ()) -> None:
        self.content_type = "application/json"
        self.head = b'{"responses":['
        self.tail = b"]}"
        self._comma = b""
        self._numbers = (text for text in map(str, count(1)) if text not in taken)

    async def part(
        self, name: ResponseName, status: int, headers: HeaderPairs, body: ResponseBytes
    ) -> AsyncGenerator[bytes]:
        """A response object, after a comma unless it is the first."""
        shown = {header.lower(): value for header, value in headers}
        own_id = next(self._numbers) if name.id is None else name.id
        members = {"id": own_id, "atomicityGroup": name.group, "status": status, "headers": shown}
        head = orjson.dumps({key: value for key, value in members.items() if value is not None})
        pending, self._comma = self._comma + head[:-1], b","
        kind = media_type(shown.get("content-type", ""))
        if isinstance(body, bytes):
            yield pending + (b',"body":' + _embedded(kind, body) if body else b"") + b"}"
            return
        yield pending + b',"body":'
        async for chunk in body if kind == "application/json" else _as_string(kind, body):
            yield chunk
        yield b"}"


def _embedded(kind: str, body: bytes) -> bytes:
    if kind == "application/json":
        return body
    return orjson.dumps(
        body.decode() if kind.startswith("text/") else urlsafe_b64encode(body).decode().rstrip("=")
    )


async def _as_string(kind: str, body: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """A body that is not JSON as a JSON string, chunk by chunk. Base64 is made of three bytes at a
    time, so what is left over of a chunk goes before the next. A text's chunks are whole rows."""
    yield b'"'
    left = b""
    async for chunk in body:
        if kind.startswith("text/"):
            yield orjson.dumps(chunk.decode())[1:-1]
            continue
        whole = left + chunk
        left = whole[len(whole) - len(whole) % 3 :]
        yield urlsafe_b64encode(whole[: len(whole) - len(left)])
    yield urlsafe_b64encode(left).rstrip(b"=") + b'"'
