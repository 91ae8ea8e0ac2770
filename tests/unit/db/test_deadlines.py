"""Deadlines of many waits: each expires once and in time, those stopped before never."""

from __future__ import annotations

import asyncio
import time

from odata_gateway.db.deadlines import Deadlines


async def test_items_expire_in_the_order_of_their_deadlines_and_not_before():
    began, expired = time.monotonic(), []
    deadlines = Deadlines(lambda item: expired.append((item, time.monotonic() - began)))
    for item, seconds in (("last", 0.3), ("first", 0.05), ("middle", 0.15)):
        deadlines.start(item, seconds)
    while len(expired) < 3:
        await asyncio.sleep(0.01)
    assert [item for item, _ in expired] == ["first", "middle", "last"]
    assert all(after >= seconds - 0.01 for (_, after), seconds in zip(expired, (0.05, 0.15, 0.3), strict=True))


async def test_a_stopped_item_does_not_expire_and_a_later_one_still_does():
    expired = []
    deadlines = Deadlines(expired.append)
    deadlines.start(1, 0.01)
    deadlines.stop(1)
    deadlines.start(2, 0.05)
    deadlines.stop(3)
    await asyncio.sleep(0.3)
    assert expired == [2]


async def test_an_item_started_again_has_its_new_deadline():
    expired = []
    deadlines = Deadlines(expired.append)
    deadlines.start(1, 0.01)
    deadlines.start(1, 0.5)
    await asyncio.sleep(0.1)
    assert expired == []
    deadlines.start(1, 0.01)
    await asyncio.sleep(0.3)
    assert expired == [1]
