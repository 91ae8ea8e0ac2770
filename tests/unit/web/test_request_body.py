"""The body of a request: whole, or refused for its size, its time or its coding."""

import asyncio

import pytest
from aiohttp import web
from odata_gateway.config.settings import Settings
from odata_gateway.errors import LimitBody, UrlSyntax, UrlTimeout
from odata_gateway.web.request_body import read_body
from tests.harness.sent import serving

SETTINGS = Settings(max_body_bytes=10, read_timeout_s=0.2)


async def body_of(text, *more):
    """What `read_body` gives or raises for a request that is sent in pieces, and what the client receives."""
    found = []

    async def handler(request):
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            found.append(await read_body(request, headers, SETTINGS))
        except Exception as error:
            found.append(error)
        response = web.Response(text="done")
        response.force_close()
        return response

    async with serving(handler) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(text)
        for piece in more:
            await asyncio.sleep(0.02)
            writer.write(piece)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    return found[0], answer


def post(*headers):
    return b"POST / HTTP/1.1\r\nHost: h\r\n" + b"".join(header + b"\r\n" for header in headers) + b"\r\n"


async def test_the_whole_body_is_read():
    assert (await body_of(post(b"Content-Length: 10"), b"01234", b"56789"))[0] == b"0123456789"
    assert (await body_of(post(b"Transfer-Encoding: chunked"), b"3\r\nabc\r\n", b"1\r\nd\r\n0\r\n\r\n"))[0] == b"abcd"
    assert (await body_of(post(b"Content-Length: 0")))[0] == b""


@pytest.mark.parametrize("more", [(), (b"01234", b"567890")], ids=["announced", "sent"])
async def test_a_body_that_is_too_long_names_its_setting(more):
    error, _ = await body_of(post(b"Content-Length: 11"), *more)
    assert isinstance(error, LimitBody) and error.hint == "raise ODATA_MAX_BODY_BYTES to allow more"
    error, _ = await body_of(post(b"Transfer-Encoding: chunked"), b"b\r\n01234567890\r\n0\r\n\r\n")
    assert isinstance(error, LimitBody)


async def test_a_body_that_does_not_arrive_has_a_deadline():
    error, _ = await body_of(post(b"Content-Length: 5"), b"abc")
    assert isinstance(error, UrlTimeout) and "ODATA_READ_TIMEOUT_S" in error.hint


@pytest.mark.parametrize("late", [b"zz\r\n", b"-1\r\n\r\n", b"3\r\nabcXX"])
async def test_a_malformed_coding_is_refused(late):
    """At once or at the deadline: aiohttp's parser in C drops the rest without a word, that in Python raises."""
    error, _ = await body_of(post(b"Transfer-Encoding: chunked"), b"3\r\nabc\r\n", late)
    assert isinstance(error, UrlSyntax | UrlTimeout)


async def test_a_client_that_waits_for_100_gets_it_first():
    found, answer = await body_of(post(b"Content-Length: 2", b"Expect: 100-continue"), b"{}")
    assert found == b"{}" and answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
