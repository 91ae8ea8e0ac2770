"""Health checks: only readiness asks the database, and a gateway that ends is not ready."""

import asyncio
import json
import logging

import pytest
from odata_gateway.errors import DbUnavailable
from odata_gateway.web import health
from odata_gateway.web.health import Health


async def answers():
    return None


async def fails():
    raise DbUnavailable("the database cannot be reached")


async def hangs():
    await asyncio.sleep(60)


async def check(found, name):
    reply = await found.reply(name)
    return reply.status, json.loads(reply.body)["status"]


@pytest.mark.parametrize("name", ["liveness", "startup"])
async def test_liveness_and_startup_need_no_database(name):
    assert await check(Health(fails), name) == (200, "up")


async def test_readiness_needs_the_database():
    assert await check(Health(answers), "readiness") == (200, "up")
    assert await check(Health(fails), "readiness") == (503, "database does not answer")


async def test_readiness_tells_what_there_is_to_tell_and_nothing_else_does():
    async def answers_with_a_note():
        return "2 entries of ODATA_OVERLAY are left aside: see the log"

    found = Health(answers_with_a_note)
    assert json.loads((await found.reply("readiness")).body) == {"status": "up", "note": await answers_with_a_note()}
    assert json.loads((await found.reply("liveness")).body) == {"status": "up"}


async def test_a_database_that_hangs_does_not_answer(monkeypatch):
    monkeypatch.setattr(health, "READY_TIMEOUT_S", 0.05)
    assert await check(Health(hangs), "readiness") == (503, "database does not answer")


async def test_a_gateway_that_ends_is_alive_and_not_ready():
    found = Health(answers)
    found.draining = True
    assert await check(found, "readiness") == (503, "draining")
    assert await check(found, "liveness") == (200, "up")


async def test_a_database_that_is_away_is_logged_once(caplog):
    away, pings = [True], []

    async def ping():
        pings.append(1)
        if away[0]:
            raise DbUnavailable("it is away")

    found = Health(ping)
    with caplog.at_level(logging.WARNING):
        for is_away in (True, True, False, True):
            away[0] = is_away
            await found.reply("readiness")
    assert (len(pings), [record.getMessage() for record in caplog.records]) == (4, ["not ready: it is away"] * 2)
