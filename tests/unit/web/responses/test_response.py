"""Responses over a real connection: complete or cut, never waiting for a client that does not read."""

import asyncio
import gzip
import socket

import pytest
from odata_gateway.config.settings import Settings
from odata_gateway.web.headers import Head
from odata_gateway.web.responses.response import PIECE_BYTES, SendTimeout, send
from odata_gateway.web.responses.response_body import ResponseBody
from tests.harness.sent import received, serving
from tests.harness.source import Source

GET = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
LONG = b"x" * (PIECE_BYTES + 1)


def answering(body, *, timeout_s=5.0, errors=None):
    """A handler that sends a body and keeps what `send` raises, as the gateway does."""

    async def handler(request):
        asked = {name.lower(): value for name, value in request.headers.items()}
        head = Head(200, (("Content-Type", "text/plain"),), asked, Settings(), "id")
        try:
            return await send(request, head, body, timeout_s=timeout_s, closing=False)
        except Exception as error:
            assert errors is not None, error
            errors.append(error)
            raise ConnectionResetError from None

    return handler


async def test_a_stream_is_sent_in_chunks_and_closed():
    source = Source(b"a", b"", LONG)
    async with serving(answering(await ResponseBody.open(source))) as port:
        head, _, body = (await received(port, GET)).partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head and b"Content-Length" not in head
    assert body.startswith(b"1\r\na\r\n") and body.endswith(b"\r\n0\r\n\r\n") and body.count(b"x") == len(LONG)
    assert source.closed


async def test_a_long_body_of_known_size_has_a_length():
    async with serving(answering(ResponseBody(LONG))) as port:
        head, _, body = (await received(port, GET)).partition(b"\r\n\r\n")
    assert b"Content-Length: %d\r\n" % len(LONG) in head + b"\r\n" and body == LONG


async def test_a_compressed_stream_is_the_same_bytes():
    source = Source(b"a" * 2000, LONG)
    async with serving(answering(await ResponseBody.open(source))) as port:
        head, _, body = (await received(port, GET.replace(b"GET / HTTP/1.1", b"GET / HTTP/1.1\r\nAccept-Encoding: gzip"))).partition(
            b"\r\n\r\n"
        )
    chunks, rest = [], body
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        chunks.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    assert b"Content-Encoding: gzip" in head and gzip.decompress(b"".join(chunks)) == b"a" * 2000 + LONG


async def test_http_1_0_gets_a_stream_until_the_connection_ends():
    async with serving(answering(await ResponseBody.open(Source(b"a", b"b")))) as port:
        head, _, body = (await received(port, b"GET / HTTP/1.0\r\n\r\n")).partition(b"\r\n\r\n")
    assert body == b"ab" and b"chunked" not in head and b"Content-Length" not in head and b"Connection: close" in head


async def test_a_body_that_fails_in_the_middle_ends_with_a_reset():
    errors, source = [], Source(LONG, ValueError("broken"))
    async with serving(answering(await ResponseBody.open(source), errors=errors)) as port:
        with pytest.raises(ConnectionResetError):
            await received(port, GET)
    assert [str(error) for error in errors] == ["broken"] and source.closed


async def test_a_client_that_does_not_read_is_cut_off():
    errors, source = [], Source(*[LONG] * 100)
    async with serving(answering(await ResponseBody.open(source), timeout_s=0.2, errors=errors)) as port:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await asyncio.to_thread(client.connect, ("127.0.0.1", port))
            client.sendall(GET)
            async with asyncio.timeout(20):
                while not errors:
                    await asyncio.sleep(0.02)
    assert isinstance(errors[0], SendTimeout) and source.closed and source.chunks
