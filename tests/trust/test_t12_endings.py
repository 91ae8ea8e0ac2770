"""T12: an end that was asked for loses nothing: not what runs, not what comes meanwhile, and not what comes while another takes over."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import signal
import threading
import time

import pytest
from tests.harness.faults import wait_until
from tests.harness.figures import amount, record
from tests.harness.gateway import free_port, start_gateway
from tests.harness.loads import ask, data, make_slow, other_data


def readiness(gateway):
    return gateway.ask("GET", "/health/readiness").status


async def working(cluster, database, count):
    """Return when so many statements sleep in a database."""
    sql = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND wait_event = 'PgSleep'"
    await asyncio.to_thread(wait_until, lambda: int(cluster.psql("postgres", sql)) >= count, 30)


async def test_t12_sigterm_is_seen_at_once_and_running_requests_end(gateways, cluster, scratch, scratch_reader_dsn):
    make_slow(cluster, scratch, 2)
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_GRACE_S="4")  # time for a late request, on a loaded machine too
    running = [asyncio.create_task(ask(gateway.port, other_data("Label"))) for _ in range(3)]
    await working(cluster, scratch, 3)
    gateway.process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    assert await asyncio.to_thread(wait_until, lambda: readiness(gateway) == 503, 20) < 20
    record("T12", "readiness is off after", time.monotonic() - started, "s")
    late = await asyncio.to_thread(gateway.get, "Inbox?$top=1")  # a balancer has not noticed yet
    assert (late.status, late.headers["connection"]) == (200, "close")
    outcomes = await asyncio.gather(*running)
    assert [outcome.status for outcome in outcomes] == [200] * 3
    assert all(b"]}" in outcome.body for outcome in outcomes)
    assert await asyncio.to_thread(gateway.process.wait, 20) == 0


async def test_t12_running_requests_are_waited_for_within_bounds(gateways, cluster, scratch, scratch_reader_dsn):
    make_slow(cluster, scratch, 60)
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_DRAIN_S="1", ODATA_GRACE_S="30")
    running = asyncio.create_task(ask(gateway.port, data("Label")))
    await working(cluster, scratch, 1)
    started = time.monotonic()
    gateway.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(gateway.process.wait, 20) == 0
    assert 0.9 < time.monotonic() - started < 15
    assert (await running).status == 0
    assert "1 requests have not ended" in gateway.log()


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_t12_second_sigterm_ends_at_once(gateways, cluster, scratch, scratch_reader_dsn, workers):
    make_slow(cluster, scratch, 60)
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_DRAIN_S="60", ODATA_GRACE_S="30", ODATA_WORKERS=workers)
    await asyncio.to_thread(wait_until, lambda: gateway.log().count("listening on") == int(workers), 30)
    running = asyncio.create_task(ask(gateway.port, data("Label")))
    await working(cluster, scratch, 1)
    gateway.process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(wait_until, lambda: gateway.log().count("ending:") == int(workers), 10)
    assert gateway.process.poll() is None
    started = time.monotonic()
    gateway.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(gateway.process.wait, 20) == 1
    record("T12", "a second SIGTERM ends after", time.monotonic() - started, "s")
    assert (await running).status == 0


def test_t12_idle_connections_are_closed_and_asked_before(gateways, reader_dsn):
    """A connection without a request is used once more in the grace, is told to close, and an unused one ends with the grace."""
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_GRACE_S="1")
    used, unused = (http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20) for _ in range(2))
    for connection in (used, unused):
        connection.request("GET", "/health/liveness")
        connection.getresponse().read()
    gateway.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "ending:" in gateway.log(), 5)
    used.request("GET", "/health/liveness")
    reply = used.getresponse()
    assert (reply.status, reply.headers["connection"]) == (200, "close")
    assert unused.sock.recv(1) == b""
    assert gateway.process.wait(20) == 0


class Client(threading.Thread):
    """Asks without a pause until told to stop: on one connection as long as it is kept, or on a new one each time."""

    def __init__(self, port: int, *, keeps: bool, stop: threading.Event) -> None:
        super().__init__()
        self.port, self.keeps, self.stop = port, keeps, stop
        self.answers, self.failures = 0, list[str]()

    def run(self) -> None:
        connection = None
        headers = {"Authorization": "Bearer demoAdminOfAccountOne001"} | ({} if self.keeps else {"Connection": "close"})
        while not self.stop.is_set():
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                connection.request("GET", "/v1.0/odata/Label?$top=2", headers=headers)
                reply = connection.getresponse()
                body = reply.read()
                if reply.status != 200 or not body.endswith(b"}"):
                    self.failures.append(f"{reply.status} {body[:200]!r}")
                self.answers += 1
                if reply.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection = None


def test_t12_rolling_restart_on_a_shared_port_fails_no_request(reader_dsn):
    port, wanted, least = free_port(), amount(1000, 20_000), amount(4, 40)
    stop = threading.Event()
    clients = [Client(port, keeps=keeps, stop=stop) for keeps in (True, True, False, False)]
    settings = {"ODATA_DSN": reader_dsn, "ODATA_PORT": str(port), "ODATA_SHARED_PORT": "true", "ODATA_GRACE_S": "0.5"}

    def started():
        gateway = start_gateway(wait_for="", **settings)
        wait_until(lambda: "listening on" in gateway.log(), 30)
        return gateway

    running, restarts = started(), itertools.count(1)
    try:
        for client in clients:
            client.start()
        for number in restarts:
            following = started()
            before, running = running, following
            assert before.stop() == 0
            before.forget_log()
            if number >= least and sum(client.answers for client in clients) >= wanted:
                break
    finally:
        stop.set()
        for client in clients:
            client.join()
        running.stop()
        running.forget_log()
    answers, failures = sum(client.answers for client in clients), [failure for client in clients for failure in client.failures]
    record("T12", "requests answered during rolling restarts", answers, how="sum", at_least=wanted)
    record("T12", "requests failed during rolling restarts", len(failures), how="sum", at_most=0)
    assert not failures, failures[:3]
