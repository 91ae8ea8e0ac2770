"""Several server processes: together they never open more database connections than the setting says, and they do not restart for ever."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from contextlib import suppress

import asyncpg
import psutil
import pytest
from odata_gateway.server.supervisor import shares
from tests.harness.cluster import READER
from tests.harness.faults import backends, wait_until
from tests.harness.gateway import START_S


def servers_of(gateway):
    """The server processes below the one that was started; multiprocessing has a helper process of its own."""
    found = []
    for child in psutil.Process(gateway.process.pid).children():
        with suppress(psutil.Error):  # it ended just now
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def test_p11_every_server_process_gets_its_part():
    assert shares(10, 1) == (10,) and shares(10, 3) == (4, 3, 3) and shares(4, 4) == (1, 1, 1, 1)
    assert all(sum(shares(most, workers)) == most for most in range(1, 40) for workers in range(1, most + 1))


async def test_p11_connections_stay_below_the_limit_of_the_whole_gateway(postgres, gateways):
    gateway = gateways(ODATA_DSN=postgres.dsn(user=READER), ODATA_WORKERS="2", ODATA_POOL_MAX="4")
    over = threading.Event()

    def load():
        while not over.is_set():
            with suppress(OSError):  # of the process that is killed
                assert gateway.get("Label").status in (200, 503)

    locker = await asyncpg.connect(postgres.dsn())
    threads = [threading.Thread(target=load, daemon=True) for _ in range(16)]
    async with locker.transaction():
        await locker.execute("LOCK TABLE labels IN ACCESS EXCLUSIVE MODE")  # every request holds its connection for seconds
        for thread in threads:
            thread.start()
        try:
            await asyncio.to_thread(_watch, postgres, gateway)
        finally:
            over.set()
    await locker.close()
    for thread in threads:
        thread.join()


def _watch(postgres, gateway):
    """All connections are used, never more, and not when another process takes a killed one's place."""

    def most(looks):
        return max(len(backends(postgres)) for _ in range(looks))

    wait_until(lambda: most(1) == 4, 20)
    assert most(50) == 4
    (killed, other) = servers_of(gateway)
    os.kill(killed.pid, signal.SIGKILL)
    wait_until(lambda: len({process.pid for process in servers_of(gateway)} - {killed.pid}) == 2, 20)
    wait_until(lambda: most(1) <= 4, 20)  # until Postgres has seen that the killed one is gone
    assert most(100) <= 4 and other.is_running()


def test_p11_more_processes_than_connections_are_refused(gateways):
    gateway = gateways(ODATA_DSN="postgresql://h/d", ODATA_WORKERS="5", ODATA_POOL_MAX="4", wait_for="")
    assert gateway.process.wait(START_S) == 2
    assert "ODATA_WORKERS (5) must not be more than ODATA_POOL_MAX (4)" in gateway.log()


def test_p11_processes_that_cannot_start_are_given_up(gateways):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = {"ODATA_ADMIN_PORT": str(taken.getsockname()[1]), "ODATA_WORKERS": "2", "ODATA_DSN": "postgresql://127.0.0.1:1/d"}
        gateway = gateways(wait_for="", **settings)
        assert gateway.process.wait(60) == 1
    log = gateway.log().lower()
    assert "giving up" in log and "address already in use" in log and "traceback" not in log
    assert log.count("started server process") <= 8


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_p11_the_end_of_the_first_process_ends_all(gateways, reader_dsn, number):
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_WORKERS="2", ODATA_POOL_MAX="2")
    wait_until(lambda: len(servers_of(gateway)) == 2, 10)
    found = servers_of(gateway)
    gateway.process.send_signal(number)
    assert gateway.process.wait(30) == 0
    assert not [process for process in found if process.is_running()]
