"""The body of a request, within limits of size and time."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.http_exceptions import PayloadEncodingError

from odata_gateway.config.settings import Settings
from odata_gateway.errors import LimitBody, UrlSyntax, UrlTimeout
from odata_gateway.protocol.message import RequestHeaders


async def read_body(request: web.BaseRequest, headers: RequestHeaders, settings: Settings) -> bytes:
    """The whole body; a client that expects `100 Continue` gets it first.

    raises  LimitBody when it is too long, UrlTimeout when it does not arrive in time, UrlSyntax
            when its coding is malformed
    """
    limit = settings.max_body_bytes
    if (request.content_length or 0) > limit:
        raise _too_long(limit)
    if headers.get("expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    try:
        async with asyncio.timeout(settings.read_timeout_s):
            return await _read(request, limit)
    except (web.RequestPayloadError, PayloadEncodingError) as error:
        raise UrlSyntax("the body of the request is not valid HTTP") from error
    except TimeoutError:
        raise UrlTimeout(
            f"the body of the request did not arrive in {settings.read_timeout_s:g} s",
            hint="raise ODATA_READ_TIMEOUT_S to allow more time",
        ) from None


async def _read(request: web.BaseRequest, limit: int) -> bytes:
    """The bytes of a body, as long as they are within the limit."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise _too_long(limit)
    return b"".join(chunks)


def _too_long(limit: int) -> LimitBody:
    return LimitBody(
        f"a request body must not be longer than {limit} bytes",
        hint="raise ODATA_MAX_BODY_BYTES to allow more",
    )
