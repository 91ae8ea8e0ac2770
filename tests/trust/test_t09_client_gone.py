"""T9: who does not wait for an answer any more costs the database nothing from then on."""

from __future__ import annotations

import asyncio
import socket
import struct
import time

import asyncpg
import pytest
from tests.harness.cluster import READER
from tests.harness.figures import amount, record
from tests.harness.loads import make_slow, until

REQUEST = "GET /v1.0/odata/{} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\n\r\n"
RUNNING = f"SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND state = 'active' AND usename = '{READER}'"


def client(gateway, target):
    sock = socket.create_connection(("127.0.0.1", gateway.port))
    sock.sendall(REQUEST.format(target, gateway.tokens.ADMIN).encode())
    return sock


def leave(sock, how):
    if how == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


async def runs(watcher, database, number, limit_s=30.0):
    """Wait until so many statements run; how long that took."""
    started = time.perf_counter()
    while await watcher.fetchval(RUNNING, database) != number:
        assert time.perf_counter() - started < limit_s
        await asyncio.sleep(0.002)
    return time.perf_counter() - started


@pytest.mark.parametrize("how", ["fin", "reset"])
async def test_t09_statement_of_a_client_that_is_gone_is_cancelled(gateways, cluster, scratch, scratch_dsn, scratch_reader_dsn, how):
    make_slow(cluster, scratch, 60)
    gateway = gateways(ODATA_DSN=scratch_reader_dsn)
    watcher = await asyncpg.connect(scratch_dsn)
    took = []
    for _ in range(amount(5, 100)):
        sock = await asyncio.to_thread(client, gateway, "Label?$top=1")
        await runs(watcher, scratch, 1)
        leave(sock, how)
        took.append(await runs(watcher, scratch, 0))
    await watcher.close()
    record("T9", "SQL of a client that is gone still runs for", sorted(took)[len(took) // 2], "s", at_most=0.3)
    assert min(took) <= 0.3 and max(took) < 10


async def test_t09_a_client_that_is_gone_leaves_the_line(gateways, cluster, scratch, scratch_dsn, scratch_reader_dsn):
    make_slow(cluster, scratch, 60)
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_POOL_MAX="1", ODATA_POOL_WAIT_S="120")
    assert gateway.get("Inbox?$top=1").status == 200  # the token is known from now on
    watcher = await asyncpg.connect(scratch_dsn)
    first = await asyncio.to_thread(client, gateway, "Label?$top=1")
    await runs(watcher, scratch, 1)
    waiting = [await asyncio.to_thread(client, gateway, f"Label?$top={number}") for number in range(2, 12)]
    await asyncio.sleep(0.5)
    assert "Label [$top] 499 " not in gateway.log()
    for sock in waiting:
        leave(sock, "fin")
    took = await until(lambda: gateway.log().count("Label [$top] 499 ") == 10, 20)
    record("T9", "a client that is gone waits in line for", took, "s")
    assert await watcher.fetchval(RUNNING, scratch) == 1  # the one that nobody has left
    leave(first, "fin")
    await runs(watcher, scratch, 0)
    reply = await asyncio.to_thread(gateway.get, "Inbox?$top=1")
    assert reply.status == 200
    await watcher.close()


async def test_t09_statements_of_a_killed_gateway_end(gateways, cluster, scratch, scratch_dsn, scratch_reader_dsn):
    make_slow(cluster, scratch, 60)
    gateway = gateways(ODATA_DSN=scratch_reader_dsn)
    watcher = await asyncpg.connect(scratch_dsn)
    sock = await asyncio.to_thread(client, gateway, "Label?$top=1")
    await runs(watcher, scratch, 1)
    await asyncio.sleep(0.5)
    gateway.process.kill()
    took = await runs(watcher, scratch, 0)
    sock.close()
    await watcher.close()
    record("T9", "SQL of a gateway that was killed still runs for", took, "s")
    assert took < 20
