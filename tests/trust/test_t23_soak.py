"""T23: hours of mixed work leave no trace in memory or descriptors: small requests, pages, exports, errors, gzip, clients that leave.

The load is light and steady, so that what grows is a leak and not a queue. Memory is measured each second, and its slope is that of the least
squares over the second half, when caches and pools are full. In three minutes a slope says little: there, the growth itself is bounded.
"""

from __future__ import annotations

import itertools
import threading
import time
from contextlib import suppress

from odata_gateway.demo.cluster import READER
from tests.support.faults import descriptors, memory_bytes
from tests.support.gateway import Gateway
from tests.support.raw import RawClient
from tests.trust.figures import amount, record

MB = 1024 * 1024
GROWTH_MB, DESCRIPTORS = 12, 8
TARGETS = (
    "Message(1)", "Message?$top=100", "Conversation?$expand=messages($top=3),labels&$top=20", "Message?$select=id,content", "User",
    "Message?$filter=nosuch eq 1", "Conversation(3)", "Message/$count?$filter=private eq true", "$metadata", "Label?$count=true", "Message",
)  # fmt: skip


def work(gateway: Gateway, stop: threading.Event, counts: list[int], own: int) -> None:
    """Ask for one thing after the other, each in another way, and sometimes leave in the middle; literals differ from turn to turn."""
    for turn in itertools.count(own):
        if stop.wait(0.05):
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


def test_t23_memory_and_descriptors_stay_flat(gateways, cluster):
    gateway = gateways(ODATA_DSN=cluster.dsn(user=READER), ODATA_PAGE_ROWS="1000", ODATA_LOG_LEVEL="warning", ODATA_TOKEN_TTL_S="1")
    pid, seconds = gateway.process.pid, amount(180, 3600)
    stop, counts, samples = threading.Event(), [0], list[tuple[float, float]]()
    threads = [threading.Thread(target=work, args=(gateway, stop, counts, own * 13)) for own in range(3)]
    for thread in threads:
        thread.start()
    try:
        started = time.monotonic()
        while (passed := time.monotonic() - started) < seconds:
            samples.append((passed, memory_bytes(pid) / MB))
            time.sleep(1)
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    half = [sample for sample in samples if sample[0] > seconds / 2]
    slope, growth = slope_mb_an_hour(half), max(mb for _, mb in half) - min(mb for _, mb in half)
    time.sleep(2)
    open_now = descriptors(pid)
    with RawClient(gateway.port) as client:
        client.get("Message(1)")
        client.finish()
    for name, value, unit in (
        ("requests", counts[0], ""),
        ("memory at the end", samples[-1][1], "MB"),
        ("growth in the second half", growth, "MB"),
    ):
        record("T23", name, value, unit)
    record("T23", "slope of the memory", slope, "MB/h", at_most=1 if seconds >= 3600 else None)
    record("T23", "descriptors left", open_now)
    assert counts[0] > seconds
    assert growth < GROWTH_MB
    assert open_now < 10 + 10 + DESCRIPTORS + descriptors_at_rest(gateways, cluster)
    if seconds >= 3600:
        assert slope < 1


def descriptors_at_rest(gateways, cluster) -> int:
    """Those of a program that has answered nothing yet; the pool may hold ten connections more."""
    return descriptors(gateways(ODATA_DSN=cluster.dsn(user=READER)).process.pid)
