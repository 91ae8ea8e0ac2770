"""T7: a client that reads slowly, or not at all, holds nothing but some memory: no database connection, and nobody else's time."""

from __future__ import annotations

import asyncio
import socket
import time

import asyncpg
import pytest
from tests.harness.cluster import READER
from tests.harness.faults import memory_bytes
from tests.harness.figures import amount, record
from tests.harness.loads import ask, data, percentile

USED = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{READER}' AND datname = $1 AND state <> 'idle'"


@pytest.fixture
def exports(gateways, cluster, scratch, scratch_reader_dsn):
    """A gateway over messages of 8 KB, so that no kernel's buffers hold a page of them (40 MB)."""
    cluster.psql(scratch, "UPDATE messages SET content = repeat('content ', 1000) WHERE account_id = 1")
    return gateways(ODATA_DSN=scratch_reader_dsn, ODATA_SEND_TIMEOUT_S="600", ODATA_POOL_WAIT_S="60")


def stalled(gateway, token, buffer=4096):
    """A client that asks for an export and reads none of it."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    sock.connect(("127.0.0.1", gateway.port))
    sock.sendall(f"GET /v1.0/odata/Message HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    return sock


async def others(gateway, count):
    """The p99 of small requests of another caller, one after the other, in seconds: the median of five rounds, since a round holds few."""
    rounds = []
    for _ in range(5):
        outcomes = [await ask(gateway.port, data("Label?$top=1"), gateway.tokens.OTHER_ADMIN) for _ in range(count)]
        assert {outcome.status for outcome in outcomes} == {200}
        rounds.append(percentile([outcome.took_s for outcome in outcomes], 0.99))
    return sorted(rounds)[2]


async def test_t07_stalled_exports_hold_no_connection(exports, scratch, scratch_dsn):
    watcher, count = await asyncpg.connect(scratch_dsn), 200
    await others(exports, 20)
    p99_before, memory_before = await others(exports, amount(200, 2000)), memory_bytes(exports.process.pid)
    started = time.monotonic()
    clients = [await asyncio.to_thread(stalled, exports, exports.tokens.ADMIN) for _ in range(count)]
    try:
        begun = [await asyncio.to_thread(client.recv, 12) for client in clients]
        assert begun == [b"HTTP/1.1 200"] * count
        begun_at, quiet = time.monotonic(), 0
        while quiet < 10:
            quiet = quiet + 1 if await watcher.fetchval(USED, scratch) == 0 else 0
            assert time.monotonic() - begun_at < 90
            await asyncio.sleep(0.1)
        took = time.monotonic() - started - 1
        p99, memory = await others(exports, amount(200, 2000)), memory_bytes(exports.process.pid)
        assert await watcher.fetchval(USED, scratch) == 0
    finally:
        for client in clients:
            client.close()
        await watcher.close()
    record("T7", f"no connection is used by {count} stalled exports after", took, "s", at_most=10)
    record("T7", "p99 of others beside stalled exports, to that without", p99 / p99_before, at_most=2)
    record("T7", "memory for a stalled export of rows of 8 KB", (memory - memory_before) / 2**20 / count, "MB", at_most=1.5)
    assert p99 < max(p99_before * 10, 1.0)
    assert memory - memory_before < count * 2 * 2**20


async def test_t07_a_slow_reader_gets_all_of_it(exports, scratch, scratch_dsn):
    """Slow is no fault: the export is whole, and whenever its client stands still, its connection becomes free."""
    watcher = await asyncpg.connect(scratch_dsn)
    client = await asyncio.to_thread(stalled, exports, exports.tokens.ADMIN, 262_144)
    received, looks = bytearray(), 0
    client.settimeout(30)
    while not received.endswith(b"\r\n0\r\n\r\n"):
        piece = await asyncio.to_thread(client.recv, 65536)
        assert piece
        received += piece
        if len(received) // 2**20 > looks:
            looks += 1
            async with asyncio.timeout(30):
                while await watcher.fetchval(USED, scratch):
                    await asyncio.sleep(0.02)
    client.close()
    await watcher.close()
    assert looks >= 10
