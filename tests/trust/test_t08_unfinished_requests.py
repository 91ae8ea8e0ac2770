"""T8: half-sent headers, bodies without end and idle connections are bounded in time and memory."""

from __future__ import annotations

import asyncio
import resource
import selectors
import socket
import time

import psutil
import pytest
from tests.harness.faults import memory_bytes
from tests.harness.figures import amount, record
from tests.harness.loads import ask, data

HALF = b"GET /v1.0/odata/Label HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half"
ENDLESS = (
    b"GET /v1.0/odata/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST /v1.0/odata/$batch HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET /v1.0/odata/ HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000000\r\n\r\n",
    b"POST /v1.0/odata/$batch HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    b"GET /v1.0/odata/Label HTTP/1.1\r\nHost: h\r\nX: ",
    b"GET /",
)
"""Each followed by more and more."""


@pytest.fixture
def many_files():
    """As many open files as this process may have; the program starts with few, and must help itself."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, before[1]), before[1]))
    yield lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def connected(port, count, text):
    socks = []
    for _ in range(count):
        sock = socket.create_connection(("127.0.0.1", port), 30)
        sock.sendall(text)
        socks.append(sock)
    return socks


def closed_after(socks, started, limit_s):
    """Wait until the other side has closed every connection; seconds since `started`, and the last one's wait."""
    selector, longest = selectors.DefaultSelector(), 0.0
    for sock in socks:
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ)
    while selector.get_map():
        assert time.monotonic() - started < limit_s, f"{len(selector.get_map())} are open after {limit_s} s"
        for key, _ in selector.select(1):
            try:
                ended = not key.fileobj.recv(65536)
            except ConnectionError:
                ended = True
            if ended:
                longest = time.monotonic() - started
                selector.unregister(key.fileobj)
                key.fileobj.close()
    return longest


async def send_without_end(port, text):
    """Send until the other side ends the connection; how long that took."""
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    filler = b"1\r\nx\r\n" if text.endswith(b"chunked\r\n\r\n") else b"x"

    async def send():
        while True:
            writer.write(filler)
            await writer.drain()
            await asyncio.sleep(0.05)

    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(60):
            while await reader.read(65536):
                pass
    except ConnectionError:
        pass
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()
    return time.monotonic() - started


async def test_t08_unfinished_requests_are_closed_in_time(gateways, reader_dsn, many_files):
    gateway, count = gateways(ODATA_DSN=reader_dsn), amount(1500, 2000)
    many_files()
    started = time.monotonic()
    halves = await asyncio.to_thread(connected, gateway.port, count, HALF)
    opened = time.monotonic()
    endless = [asyncio.create_task(send_without_end(gateway.port, text)) for text in ENDLESS]
    outcome = await ask(gateway.port, data("Label"))
    assert outcome.status == 200
    longest = await asyncio.to_thread(closed_after, halves, opened, 60)
    took = await asyncio.gather(*endless)
    record("T8", f"{count} half headers are closed after", longest, "s", at_most=15)
    record("T8", "requests without end are closed after", max(took), "s", at_most=15)
    record("T8", "another's request meanwhile", outcome.took_s, "s")
    assert opened - started < 60 and longest < 40 and max(took) < 40


async def test_t08_idle_connections_cost_little(gateways, reader_dsn, many_files):
    gateway, count = gateways(ODATA_DSN=reader_dsn), amount(1500, 10_000)
    assert gateway.get("Label").status == 200
    process = psutil.Process(gateway.process.pid)
    soft, hard = process.rlimit(psutil.RLIMIT_NOFILE)
    assert soft == hard
    many_files()
    before = memory_bytes(gateway.process.pid)
    socks = await asyncio.to_thread(connected, gateway.port, count, b"GET /health/liveness HTTP/1.1\r\nHost: h\r\n\r\n")
    try:
        for sock in socks:
            assert (await asyncio.to_thread(sock.recv, 4096)).startswith(b"HTTP/1.1 200")
        grown = memory_bytes(gateway.process.pid) - before
        outcome = await ask(gateway.port, data("Label"))
    finally:
        for sock in socks:
            sock.close()
    assert outcome.status == 200
    record("T8", "memory of 10,000 idle connections", grown / count * 10_000 / 2**20, "MB", at_most=200)
    assert grown < count * 20_480


def test_t08_a_connection_that_stays_idle_is_closed(gateways, reader_dsn):
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_KEEPALIVE_S="1")
    started = time.monotonic()
    silent = connected(gateway.port, 3, b"")
    used = connected(gateway.port, 3, b"GET /health/liveness HTTP/1.1\r\nHost: h\r\n\r\n")
    assert closed_after(silent + used, started, 20) >= 0.9
