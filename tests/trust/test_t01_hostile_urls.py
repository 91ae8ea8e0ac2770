"""T1: whatever the URL, or the body that stands for one, an answer, and soon: never a 5xx but 501, never a hang, and no memory that stays.

Most requests go through the line in this process; a tenth goes to the real program over raw sockets, where the memory is measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import psutil
import pytest
from odata_gateway.demo import tokens
from tests.harness.figures import amount, record
from tests.harness.gateway import Gateway
from tests.harness.hostile import Hostile, seeds
from tests.harness.inside import Inside, in_step, inside
from tests.harness.ways import Way, as_sent, on_a_line, way_of

INSIDE, OVER_HTTP = amount(18_000, 900_000), amount(2_000, 100_000)
BATCHES = 9
SLOWEST_S, HANG_S, TRIES = 1.0, 30.0, 8
GROWTH_BYTES = 20 * 1024 * 1024
WARM_UP = 1_500
"""Requests that fill the caches: compiled requests, prepared statements, allocator."""


def is_fault(status: int) -> bool:
    return status >= 500 and status != 501


def test_t01_the_seeds_are_many_and_most_of_them_work():
    assert len(seeds()) > 300
    assert len({Hostile(str(number)).request()[0] for number in range(500)}) > 450


@pytest.mark.parametrize("batch", range(BATCHES))
def test_t01_hostile_requests_are_answered_in_time(reader_dsn, batch):
    asyncio.run(_batch(reader_dsn, batch, INSIDE // BATCHES))


async def _batch(dsn: str, batch: int, size: int) -> None:
    statuses: dict[int, int] = {}
    slow: list[int] = []

    def ask(number: int) -> Callable[[], object]:
        async def run() -> None:
            text, headers = Hostile(f"t01 {number}").request()
            started = time.perf_counter()
            async with asyncio.timeout(HANG_S):
                answer = await gateway.ask(text, headers=headers, way=way_of(number))
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
            assert not is_fault(answer.status) and "Internal" not in answer.broken, (number, text, answer.body[:500], answer.broken)
            if time.perf_counter() - started > SLOWEST_S / 2:
                slow.append(number)

        return run

    async with inside(dsn, ODATA_PAGE_ROWS="25", ODATA_STATEMENT_TIMEOUT_S="20") as gateway:
        await in_step([ask(batch * size + number) for number in range(size)], width=4)
        slowest = max([await _quickest(gateway, number) for number in slow], default=SLOWEST_S / 2)
    record("T1", "requests inside the process", size, how="sum", at_least=INSIDE - BATCHES)
    record("T1", "5xx but 501", 0, how="sum", at_most=0)
    record("T1", "slowest request", slowest, "s", at_most=SLOWEST_S)
    assert statuses.get(200, 0) > size / 20 and statuses.get(400, 0) > size / 10, statuses


async def _quickest(gateway: Inside, number: int) -> float:
    """How long a request takes alone; the best of some tries, because the machine may be busy with other things."""
    text, headers = Hostile(f"t01 {number}").request()
    found = []
    while len(found) < TRIES and min(found, default=SLOWEST_S) >= SLOWEST_S / 2:
        started = time.perf_counter()
        await gateway.ask(text, headers=headers, way=way_of(number))
        found.append(time.perf_counter() - started)
    assert min(found) <= SLOWEST_S, (number, text, found)
    return min(found)


# --- the real program -----------------------------------------------------------------------------------------------------------


def wire(text: str, headers: dict[str, str], way: Way) -> bytes:
    """A request as bytes: only what would end the request line is encoded."""
    method, target, own, body = as_sent(text, headers, way)
    length = {"Content-Length": str(len(body))} if method == "POST" else {}
    sent = {"Host": "gateway", "Authorization": f"Bearer {tokens.ADMIN}", **own, **length}
    line = f"{method} /v1.0/odata/{on_a_line(target)} HTTP/1.1".encode("utf-8", "surrogatepass")
    return b"\r\n".join([line, *(f"{name}: {value}".encode() for name, value in sent.items()), b"", body])


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status of one answer, read to its end, and whether the connection stays."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status, keeps = int(head.split(" ", 2)[1]), head.startswith("http/1.1") and "connection: close" not in head
    if "transfer-encoding: chunked" in head:
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    else:
        _, _, rest = head.partition("content-length: ")
        await reader.readexactly(int(rest.split("\r\n")[0]) if rest else 0)
    return status, keeps


async def _over_http(gateway: Gateway, numbers: range) -> dict[int, int]:
    """The statuses of requests on a connection that is kept as long as the gateway keeps it."""
    statuses: dict[int, int] = {}
    connection = None
    for number in numbers:
        text, headers = Hostile(f"t01 http {number}").request()
        if connection is None:
            connection = await asyncio.open_connection("127.0.0.1", gateway.port, limit=2**20)
        reader, writer = connection
        writer.write(wire(text, headers, way_of(number)))
        try:
            async with asyncio.timeout(HANG_S):
                status, keeps = await read_answer(reader)
        except asyncio.IncompleteReadError as error:
            raise AssertionError((number, text, headers, error.partial[:500])) from None
        assert not is_fault(status), (number, text, headers, gateway.log()[-3000:])
        statuses[status] = statuses.get(status, 0) + 1
        if not keeps:
            writer.close()
            connection = None
    if connection is not None:
        connection[1].close()
    return statuses


def test_t01_hostile_requests_over_http_leave_no_memory_behind(gateways, reader_dsn):
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_PAGE_ROWS="25", ODATA_LOG_LEVEL="warning")
    process = psutil.Process(gateway.process.pid)
    asyncio.run(_over_http(gateway, range(WARM_UP)))
    gateway.get("Label?$top=1&$format=arrow")  # its library is loaded once, and has some 30 MB
    before = process.memory_info().rss
    statuses = asyncio.run(_over_http(gateway, range(WARM_UP, WARM_UP + OVER_HTTP)))
    growth = process.memory_info().rss - before
    record("T1", "requests over HTTP", OVER_HTTP, how="sum", at_least=OVER_HTTP)
    record("T1", "memory growth", growth / 1024 / 1024, "MB", at_most=20)
    assert growth < GROWTH_BYTES and statuses[200] > OVER_HTTP / 20, (growth, statuses)
    assert gateway.get("Message?$top=1").status == 200
