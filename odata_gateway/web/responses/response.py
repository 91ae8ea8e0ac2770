"""Responses on their way to the client: compressed where the client accepts it, never shorter than
announced, and never waiting for a client that has stopped reading.

After the first byte a failure cuts the connection: a body is complete or detectably broken
(Protocol 4.01, section 9.5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from aiohttp import HttpVersion11, web

from odata_gateway.web.connection import abort
from odata_gateway.web.headers import Head
from odata_gateway.web.responses.compression import EncodedBody, encode
from odata_gateway.web.responses.response_body import ResponseBody

PIECE_BYTES = 256 * 1024
"""Each piece of a body has the whole send timeout, so a slow client is not cut off."""


class SendTimeout(Exception):
    """The client did not receive a part of the response in time."""


async def send(
    request: web.BaseRequest, head: Head, body: ResponseBody, *, timeout_s: float, closing: bool
) -> web.StreamResponse:
    """The response after its last byte. The body is closed in any case, and so is the connection
    where `closing`, HTTP/1.0 or the client asks for it.

    raises  SendTimeout, or what the body raises, after the connection has been cut;
            ConnectionError when the client has closed the connection
    """
    closing = closing or request.version < HttpVersion11 or not request.keep_alive
    try:
        encoded = await encode(request.method, head, body)
        return await write(request, head, encoded, timeout_s=timeout_s, closing=closing)
    finally:
        if body.size is None:
            await body.close()


async def write(
    request: web.BaseRequest, head: Head, encoded: EncodedBody, *, timeout_s: float, closing: bool
) -> web.StreamResponse:
    """Send a response the ordinary way of aiohttp, in pieces, each with a timeout of its own."""
    response = web.StreamResponse(status=head.status, headers=head.headers())
    response.content_length = encoded.length
    if encoded.coding is not None:
        response.headers["Content-Encoding"] = encoded.coding
    if closing:
        response.force_close()
        response.headers["Connection"] = "close"
    await response.prepare(request)
    try:
        if isinstance(encoded.content, bytes):
            await _write_chunk(response, encoded.content, timeout_s)
        else:
            async for chunk in encoded.content:
                await _write_chunk(response, chunk, timeout_s)
        await _in_time(response.write_eof(), timeout_s)
    except BaseException:
        abort(request)
        raise
    return response


async def _write_chunk(response: web.StreamResponse, chunk: bytes, timeout_s: float) -> None:
    view = memoryview(chunk)
    for start in range(0, len(view), PIECE_BYTES):
        await _in_time(response.write(view[start : start + PIECE_BYTES]), timeout_s)


async def _in_time(step: Awaitable[None], timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await step
    except TimeoutError:
        raise SendTimeout(f"the client received nothing for {timeout_s:g} s") from None
