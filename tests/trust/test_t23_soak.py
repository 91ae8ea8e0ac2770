"""T23: hours of mixed work leave no trace in memory or descriptors: small requests, pages, exports, errors, gzip, clients that leave.

First a burst fills what is filled once: connections, their prepared statements, compiled requests, the allocator's reserves. Then the load is
light and steady, so that what grows is a leak and not a queue. Memory is what the process alone has (its anonymous pages: shares of files change
as other processes come and go), each second. Its growth is the difference of medians of the first and the last quarter, which single
large answers do not move; over hours the slope of the least squares says more.
"""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from tests.harness.cluster import READER
from tests.harness.faults import anonymous_bytes, descriptors
from tests.harness.figures import amount, record
from tests.harness.gateway import Gateway
from tests.harness.raw import RawClient

MB = 1024 * 1024
GROWTH_MB, DESCRIPTORS = 4, 8
"""A leak of a kilobyte a request would be twice that in the suite's three minutes."""
BURST_S, BURST_WIDTH = 30, 12
TARGETS = (
    "Message(1)", "Message?$top=100", "Conversation?$expand=messages($top=3),labels&$top=20", "Message?$select=id,content", "User",
    "Message?$filter=nosuch eq 1", "Conversation(3)", "Message/$count?$filter=private eq true", "$metadata", "Label?$count=true", "Message",
)  # fmt: skip


def work(gateway: Gateway, stop: threading.Event, counts: list[int], own: int, pause_s: float = 0.02) -> None:
    """Ask for one thing after the other, each in another way, and sometimes leave in the middle; literals differ from turn to turn."""
    for turn in itertools.count(own):
        if stop.wait(pause_s):
            return
        if turn % 7 == 0:
            leave(gateway, turn)
        elif turn % 5 == 0:
            gateway.get(f"Message?$filter=id gt {turn % 9000} and length(content) ne {turn}&$top=10")
        elif turn % 101 == 0:
            gateway.pages("Message?$select=id,content")
        else:
            gateway.get(TARGETS[turn % len(TARGETS)], headers={"Accept-Encoding": "gzip"} if turn % 2 else {})
        counts[0] += 1


def leave(gateway: Gateway, turn: int) -> None:
    with suppress(OSError), RawClient(gateway.port, receive_bytes=8192, timeout_s=10) as client:
        client.get("Message" if turn % 2 else "Message?$orderby=content")
        if turn % 3:
            client.read_until(20_000)


def slope_mb_an_hour(samples: list[tuple[float, float]]) -> float:
    """The slope of the line with the least squares through (seconds, MB)."""
    middle_s = sum(s for s, _ in samples) / len(samples)
    middle_mb = sum(mb for _, mb in samples) / len(samples)
    spread = sum((s - middle_s) ** 2 for s, _ in samples)
    return sum((s - middle_s) * (mb - middle_mb) for s, mb in samples) / spread * 3600


def growth_mb(samples: list[tuple[float, float]]) -> float:
    """How much more the last quarter has than the first."""
    quarter = max(1, len(samples) // 4)
    return statistics.median(mb for _, mb in samples[-quarter:]) - statistics.median(mb for _, mb in samples[:quarter])


@contextmanager
def load(gateway: Gateway, width: int, pause_s: float) -> Iterator[list[int]]:
    """Clients at work, and how many requests they have made."""
    stop, counts = threading.Event(), [0]
    threads = [threading.Thread(target=work, args=(gateway, stop, counts, own * 13, pause_s)) for own in range(width)]
    for thread in threads:
        thread.start()
    try:
        yield counts
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


def sampled(pid: int, seconds: float) -> list[tuple[float, float]]:
    """(seconds, MB), each second."""
    samples, started = list[tuple[float, float]](), time.monotonic()
    while (passed := time.monotonic() - started) < seconds:
        samples.append((passed, anonymous_bytes(pid) / MB))
        time.sleep(1)
    return samples


def test_t23_memory_and_descriptors_stay_flat(gateways, cluster):
    gateway = gateways(ODATA_DSN=cluster.dsn(user=READER), ODATA_PAGE_ROWS="1000", ODATA_LOG_LEVEL="warning", ODATA_TOKEN_TTL_S="1")
    pid, seconds = gateway.process.pid, amount(150, 3600)
    with load(gateway, BURST_WIDTH, 0):
        time.sleep(BURST_S)
    with load(gateway, 3, 0.02) as counts:
        samples = sampled(pid, seconds)
    growth, slope = growth_mb(samples), slope_mb_an_hour(samples[len(samples) // 4 :])
    time.sleep(2)
    open_now = descriptors(pid)
    assert gateway.get("Message(1)").status == 200
    for name, value, unit in (("requests", counts[0], ""), ("memory at the end", samples[-1][1], "MB"), ("growth", growth, "MB")):
        record("T23", name, value, unit)
    record("T23", "slope of the memory", slope, "MB/h", at_most=1 if seconds >= 3600 else None)
    record("T23", "descriptors left", open_now)
    assert counts[0] > seconds
    assert growth < GROWTH_MB, samples[:: max(1, len(samples) // 30)]
    assert open_now < 10 + 10 + DESCRIPTORS + descriptors_at_rest(gateways, cluster)
    if seconds >= 3600:
        assert slope < 1


def test_t23_a_leak_of_a_kilobyte_a_request_would_be_found():
    """Sawtooth and single peaks of a few megabytes pass; what grows under them does not."""
    flat = [(float(s), 60 + s % 20 / 20 + 5 * (s % 17 == 0)) for s in range(150)]
    leak = [(s, mb + s * 60 * 1024 / MB) for s, mb in flat]
    assert growth_mb(flat) < 1 and growth_mb(leak) > GROWTH_MB
    assert slope_mb_an_hour(leak) - slope_mb_an_hour(flat) == pytest.approx(60 * 3600 / 1024)


def descriptors_at_rest(gateways, cluster) -> int:
    """Those of a program that has answered nothing yet; the pool may hold ten connections more."""
    return descriptors(gateways(ODATA_DSN=cluster.dsn(user=READER)).process.pid)
