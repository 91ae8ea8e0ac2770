"""Order and bounds of the queue for connections."""

from __future__ import annotations

import asyncio
import random
import time

import pytest
from odata_gateway.db.fair_queue import FairQueue
from odata_gateway.errors import DbBusy


async def test_slots_go_in_the_order_of_asking():
    queue, order = FairQueue(2, max_waiting=100, wait_s=5), []

    async def use(number):
        await queue.enter()
        order.append(number)
        await asyncio.sleep(0)
        queue.leave()

    await asyncio.gather(*(use(number) for number in range(50)))
    assert order == list(range(50))
    assert (queue.free, queue.waiting) == (2, 0)


async def test_a_newcomer_does_not_overtake():
    queue = FairQueue(1, max_waiting=10, wait_s=5)
    await queue.enter()
    older = asyncio.create_task(queue.enter())
    await asyncio.sleep(0)
    queue.leave()  # the slot is the older one's from now on, although it has not run yet
    newcomer = asyncio.create_task(queue.enter())
    await asyncio.sleep(0.01)
    assert older.done() and not newcomer.done()
    queue.leave()
    await newcomer


async def test_a_full_line_and_a_long_wait_are_busy():
    queue = FairQueue(1, max_waiting=1, wait_s=0.05)
    await queue.enter()
    waiting = asyncio.create_task(queue.enter())
    await asyncio.sleep(0)
    with pytest.raises(DbBusy, match="too many"):
        await queue.enter()
    started = time.monotonic()
    with pytest.raises(DbBusy, match=r"in 0\.05 s"):
        await waiting
    assert time.monotonic() - started < 0.5
    assert (queue.free, queue.waiting) == (0, 0)
    queue.leave()
    assert queue.free == 1


async def test_cancelled_waiters_lose_no_slot():
    queue, chance = FairQueue(3, max_waiting=1000, wait_s=5), random.Random(1)

    async def use():
        await queue.enter()
        try:
            await asyncio.sleep(chance.random() / 500)
        finally:
            queue.leave()

    tasks = [asyncio.create_task(use()) for _ in range(400)]
    for task in tasks:
        if chance.random() < 0.5:
            await asyncio.sleep(chance.random() / 1000)
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (queue.free, queue.waiting) == (3, 0)


async def test_a_waiter_cancelled_in_the_moment_of_its_turn_hands_it_on():
    queue = FairQueue(1, max_waiting=10, wait_s=5)
    await queue.enter()
    first, second = asyncio.create_task(queue.enter()), asyncio.create_task(queue.enter())
    await asyncio.sleep(0)
    queue.leave()
    first.cancel()
    await asyncio.wait_for(second, 1)
    with pytest.raises(asyncio.CancelledError):
        await first
    assert queue.free == 0


async def test_flows_take_turns():
    """A caller with many requests in line delays another's by one, and never has every slot."""
    queue, order = FairQueue(5, max_waiting=1000, wait_s=5), []

    async def use(flow):
        await queue.enter(flow)
        order.append(flow)
        await asyncio.sleep(0.001)
        queue.leave(flow)

    many = [asyncio.create_task(use(1)) for _ in range(100)]
    await asyncio.sleep(0)
    assert order == [1] * 4 and (queue.free, queue.waiting) == (1, 96)
    few = [asyncio.create_task(use(flow)) for flow in (2, 2, 3)]
    await asyncio.gather(*few)
    assert len(order) < 30
    await asyncio.gather(*many)
    assert (queue.free, queue.waiting) == (5, 0)


async def test_a_single_slot_is_for_everyone():
    queue = FairQueue(1, max_waiting=10, wait_s=5)
    for flow in (1, 2):
        await queue.enter(flow)
        queue.leave(flow)
    assert queue.free == 1


async def test_a_line_too_long_to_be_served_in_time_is_refused_at_once_and_forgotten_soon():
    queue = FairQueue(1, max_waiting=10_000, wait_s=0.5)

    async def use(held_s, response_started=False):
        await queue.enter(1, response_started=response_started)
        await asyncio.sleep(held_s)
        queue.leave(1)

    slow = [asyncio.create_task(use(0.05)) for _ in range(8)]
    await asyncio.gather(*slow)
    line = [asyncio.create_task(use(0.05)) for _ in range(100)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    refused = [task for task in line if task.done() and isinstance(task.exception(), DbBusy)]
    assert 60 <= len(refused) <= 99 and all(task.exception().retry_after_s >= 1 for task in refused)
    late = asyncio.create_task(use(0, response_started=True))
    await asyncio.sleep(0)
    assert not late.done()
    await asyncio.gather(*line, late, return_exceptions=True)
    assert late.exception() is None
    for _ in range(5):  # the pace is that of the last few
        await asyncio.gather(*(use(0) for _ in range(8)))
    await asyncio.gather(*(use(0) for _ in range(100)))
    assert (queue.free, queue.waiting) == (1, 0)
