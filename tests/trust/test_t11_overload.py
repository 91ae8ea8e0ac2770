"""T11: five times as many requests as can be served: nearly as many are served as at the best of times, and soon after, all are."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.harness.figures import amount, record
from tests.harness.loads import ask, data, make_slow, other_data

SLOW_S, PATIENCE_S = 0.1, 3.0


@pytest.fixture
def gateway(gateways, cluster, scratch, scratch_reader_dsn):
    """Four connections over a table each read of which takes 100 ms: 40 requests a second."""
    make_slow(cluster, scratch, SLOW_S)
    return gateways(ODATA_DSN=scratch_reader_dsn, ODATA_POOL_MAX="4", ODATA_POOL_WAIT_S="1", ODATA_MAX_TOKEN_REQUESTS="1000")


def callers(gateway):
    return gateway.tokens.ADMIN, gateway.tokens.OTHER_ADMIN, gateway.tokens.THIRD_ADMIN


async def peak(gateway, seconds):
    """Requests a second that eight clients get answered who each wait for an answer before they ask again."""
    until, answered = time.monotonic() + seconds, 0

    async def client(token):
        nonlocal answered
        while time.monotonic() < until:
            outcome = await ask(gateway.port, other_data("Label?$top=1"), token)
            answered += outcome.status == 200

    await asyncio.gather(*(client(callers(gateway)[number % 3]) for number in range(8)))
    return answered / seconds


async def flood(gateway, rate, seconds):
    """Requests a second that are answered to clients with bounded patience, of `rate` that are sent whatever becomes of them; all outcomes."""
    tasks, started = [], time.monotonic()
    while (elapsed := time.monotonic() - started) < seconds:
        while len(tasks) < rate * elapsed:
            token = callers(gateway)[len(tasks) % 3]
            tasks.append(asyncio.create_task(ask(gateway.port, other_data("Label?$top=1"), token, timeout_s=PATIENCE_S)))
        await asyncio.sleep(0.01)
    outcomes = await asyncio.gather(*tasks)
    return sum(outcome.status == 200 for outcome in outcomes) / (time.monotonic() - started), outcomes


async def test_t11_goodput_holds_and_recovers(gateway):
    for token in callers(gateway):
        assert (await ask(gateway.port, data("Inbox"), token)).status == 200
    best, seconds = await peak(gateway, 3), amount(5, 30)
    goodput, outcomes = await flood(gateway, 5 * best, seconds)
    recovered_at = time.monotonic()
    after = await asyncio.gather(*(ask(gateway.port, other_data("Label?$top=1"), token) for token in callers(gateway)))
    recovered = time.monotonic() - recovered_at
    record("T11", "share of the best goodput at five times that load", goodput / best, how="min", at_least=0.8)
    record("T11", "usual answers again after", recovered, "s", at_most=2)
    refused = [outcome for outcome in outcomes if outcome.status == 503]
    assert refused and all(b"\r\nretry-after: " in outcome.head.lower() for outcome in refused)
    assert {outcome.status for outcome in outcomes} <= {0, 200, 503}
    assert [outcome.status for outcome in after] == [200] * 3 and recovered < 10
    assert goodput > 0.5 * best
