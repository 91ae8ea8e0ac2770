"""The fast way of sending a small response, and that it agrees with aiohttp's."""

from email.utils import parsedate_to_datetime

import pytest
from odata_gateway.config.settings import Settings
from odata_gateway.web.headers import Head
from odata_gateway.web.responses.compression import EncodedBody, encode
from odata_gateway.web.responses.fast_response import MAX_AT_ONCE_BYTES, fits_at_once, head_text, send_at_once
from odata_gateway.web.responses.response import write
from odata_gateway.web.responses.response_body import ResponseBody
from tests.harness.sent import received, serving
from tests.harness.source import Source

JSON = (("Content-Type", "application/json"), ("OData-Version", "4.01"), ("Vary", "X-Other"))


def lines_of(answer):
    """The status line, the headers in any order, and the body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    date = next(line for line in lines if line.startswith(b"Date: "))
    assert parsedate_to_datetime(date.decode().removeprefix("Date: ")).tzinfo is not None
    return status, sorted(line for line in lines if line != date), body


async def sent(port, method, version, asked, *, keep_alive):
    """The answer to one request, or to two on one connection, of which the last closes it."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in asked.items())
    first = f"{method} / HTTP/{version}\r\nHost: h\r\n{headers}\r\n".encode()
    last = f"{method} / HTTP/{version}\r\nHost: h\r\nConnection: close\r\n{headers}\r\n".encode()
    answer = await received(port, first + last if keep_alive else last)
    if not keep_alive:
        return [lines_of(answer)]
    one, two = answer.split(b"HTTP/1.1 ")[1:]
    return [lines_of(b"HTTP/1.1 " + one), lines_of(b"HTTP/1.1 " + two)]


async def answers(send, status, own, text, settings, **how):
    async def handler(request):
        asked = {name.lower(): value for name, value in request.headers.items()}
        head = Head(status, own, asked, settings, "the-id", "total;dur=1")
        return await send(request, head, ResponseBody(text), closing=not request.keep_alive or request.version < (1, 1))

    async with serving(handler) as port:
        return await sent(port, **how)


async def at_once(request, head, body, *, closing):
    assert fits_at_once(request, body)
    return send_at_once(request, head, body, closing=closing)


async def the_ordinary_way(request, head, body, *, closing):
    return await write(request, head, await encode(request.method, head, body), timeout_s=5, closing=closing)


@pytest.mark.parametrize("settings", [Settings(), Settings(cors_origins=("https://a.example.com",))], ids=["all", "listed"])
@pytest.mark.parametrize(("version", "keep_alive"), [("1.1", True), ("1.1", False), ("1.0", False)])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize(
    ("status", "own", "text"),
    [
        (200, JSON, b'{"value":[]}'),
        (200, JSON, b"x" * 5000),
        (200, JSON, b""),
        (200, JSON, b"x" * MAX_AT_ONCE_BYTES),
        (404, (*JSON, ("WWW-Authenticate", "Bearer"), ("WWW-Authenticate", "Basic")), b"{}"),
        (204, (), b""),
        (304, (("ETag", 'W/"1"'),), b""),
    ],
)
async def test_both_ways_send_the_same_bytes(settings, version, keep_alive, method, status, own, text):
    """But for the order of the headers."""
    for asked in ({}, {"Accept-Encoding": "gzip", "Origin": "https://a.example.com", "OData-MaxVersion": "4.01"}):
        how = {"method": method, "version": version, "asked": asked, "keep_alive": keep_alive}
        fast = await answers(at_once, status, own, text, settings, **how)
        assert fast == await answers(the_ordinary_way, status, own, text, settings, **how)
        assert fast[0][0].startswith(f"HTTP/{version} {status} ".encode())


async def test_only_small_whole_bodies_fit_at_once():
    seen = []

    async def handler(request):
        bodies = (b"x" * MAX_AT_ONCE_BYTES, b"x" * (MAX_AT_ONCE_BYTES + 1))
        seen.extend([fits_at_once(request, ResponseBody(body)) for body in bodies])
        seen.append(fits_at_once(request, await ResponseBody.open(Source(b""))))
        response = send_at_once(request, Head(200, (), {}, Settings(), "id"), ResponseBody(b""), closing=True)
        request.transport.close()
        seen.append(fits_at_once(request, ResponseBody(b"x")))
        return response

    async with serving(handler) as port:
        await received(port, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert seen == [True, False, False, False]


def test_header_cannot_begin_another():
    head = Head(200, (("X", "a\r\nSet-Cookie: b"),), {}, Settings(), "id")
    with pytest.raises(ValueError, match="control character"):
        head_text(head, "1.1", EncodedBody(b"", 0, False), closing=False)
