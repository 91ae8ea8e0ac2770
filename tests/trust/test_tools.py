"""The fault tools themselves: a test built on a proxy that does nothing would prove nothing."""

from __future__ import annotations

import json
import time

import pytest
from tests.harness.cluster import READER
from tests.harness.faults import accepts, backends, crash, kill_backends, wait_until
from tests.harness.raw import RawClient, ask, dechunked


def test_the_proxy_carries_bytes_both_ways(gateway, proxies):
    proxy = proxies(gateway.port)
    with RawClient(proxy.port) as client:
        client.get("Message?$select=id")
        answer = client.finish()
    assert (answer.status, answer.framing, answer.end, answer.is_whole) == (200, answer.framing, "open", True)
    assert len(json.loads(answer.body)["value"]) == 1000


@pytest.mark.parametrize(("how", "end"), [("fin", "fin"), ("reset", "reset"), ("stall", "timeout")])
def test_the_proxy_ends_an_answer_early(gateway, proxies, how, end):
    proxy = proxies(gateway.port)
    proxy.limit(1500, how)
    with RawClient(proxy.port, timeout_s=2) as client:
        client.get("Message")
        answer = client.finish()
    assert (answer.status, answer.end, answer.is_whole) == (200, end, False)
    assert len(answer.head) + 4 + len(answer.raw) == 1500 or how == "reset"  # a reset may take with it what was on its way


def test_the_proxy_stalls_resets_and_refuses(gateway, proxies):
    proxy = proxies(gateway.port)
    proxy.stall()
    with RawClient(proxy.port, timeout_s=0.5) as client:
        client.get("Message(1)")
        assert client.read_until(1) == 0
        proxy.flow()
        assert client.finish().status == 200
        client.get("Message(1)")
        proxy.reset()
        assert wait_until(lambda: proxy.connections == 0, 5) < 5
    proxy.refuse()
    with pytest.raises(ConnectionError), RawClient(proxy.port, timeout_s=5) as client:
        client.get("Message(1)")
        assert client.read_until(1) == 0
        time.sleep(0.1)
        client.get("Message(1)")
    proxy.accept()
    assert ask(proxy.port, b"GET /health HTTP/1.0\r\n\r\n").status == 200


def test_chunks_are_taken_apart():
    assert dechunked(b"3\r\nabc\r\n2;x=1\r\nde\r\n0\r\n\r\n") == (b"abcde", True)
    assert dechunked(b"3\r\nabc\r\n2\r\nd") == (b"abcd", False)
    assert dechunked(b"3\r\nabc\r\n0\r\n") == (b"abc", False)


def test_a_killed_server_comes_back(postgres, gateways):
    gateway = gateways(ODATA_DSN=postgres.dsn(user=READER))
    assert gateway.get("Label").status == 200
    assert kill_backends(postgres) == 1
    wait_until(lambda: accepts(postgres), 20)
    wait_until(lambda: gateway.get("Label").status == 200, 20)
    assert backends(postgres)
    crash(postgres)
    assert gateway.get("Label").status == 503
    postgres.resume()
    wait_until(lambda: gateway.get("Label").status == 200, 20)
