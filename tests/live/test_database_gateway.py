"""The program and its database: what it says while the database is away, that it comes back, and that it cancels what nobody waits for."""

from __future__ import annotations

import asyncio
import signal
import socket
import time

import asyncpg
import pytest
from tests.harness import tokens
from tests.harness.cluster import READER


def wait_until(condition, limit_s):
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < limit_s
        time.sleep(0.02)


def test_the_fixture_serves_the_sample_data(gateway):
    assert gateway.get("Message(1)").json()["id"] == 1
    assert gateway.get("Conversation(2)").json()["assignee_id"] is None
    assert gateway.get("Conversation(3)").status == 404  # account 2's
    assert gateway.get("Conversation(3)", token=tokens.BOTH_ADMIN).status == 200
    assert [gateway.get("Label", token=t).status for t in (tokens.UNKNOWN, tokens.AGENT, tokens.AGENT_BOT)] == [401, 403, 401]
    pages = gateway.pages("Message?$select=id")
    ids = [row["id"] for page in pages for row in page]
    assert len(pages) > 4 and len(ids) == len(set(ids)) and ids == sorted(ids)


def test_every_selectable_row_of_every_collection_is_valid_json(gateway, cluster):
    for collection, table in (("Message", "messages"), ("Conversation", "conversations"), ("Inbox", "inboxes"), ("Label", "labels")):
        rows = [row for page in gateway.pages(collection) for row in page]
        assert len(rows) == int(cluster.psql("live_agent", f"SELECT count(*) FROM {table} WHERE account_id = 1"))
        assert {row["account_id"] for row in rows} == {1}
    assert "SECRET" not in gateway.get("User").body.decode()


def test_a_database_that_is_away_at_the_start_and_later(gateways, own_cluster):
    cluster = own_cluster()
    cluster.load()
    cluster.stop()
    gateway = gateways(ODATA_DSN=cluster.dsn(user=READER), wait_for="/health/liveness")

    def status(target="Label"):
        return gateway.get(target).status

    for _ in range(2):
        assert gateway.ask("GET", "/health/liveness").status == 200
        assert gateway.ask("GET", "/health/readiness").status == 503
        reply = gateway.get("Label")
        assert (reply.status, reply.json()["error"]["code"]) == (503, "Db.Unavailable")
        assert int(reply.headers["retry-after"]) >= 1
        assert gateway.get("$metadata", token=None).status == 200
        cluster.resume()
        wait_until(lambda: status() == 200, 20)
        wait_until(lambda: gateway.ask("GET", "/health/readiness").status == 200, 20)
        cluster.stop(signal.SIGQUIT)
    lines = gateway.log().splitlines()
    assert 1 <= len([line for line in lines if "cannot be reached:" in line]) <= 6  # one for each reason, not one for each attempt


@pytest.mark.parametrize("target", ["Message?$orderby=content", "Message?$filter=contains(content,'x')&$count=true"])
def test_sql_is_cancelled_when_the_client_is_gone(gateways, cluster, scratch, scratch_reader_dsn, target):
    gateway = gateways(ODATA_DSN=scratch_reader_dsn)
    assert gateway.get("Message(1)").status == 200  # the token is known from here on
    cluster.psql(
        scratch,
        "ALTER TABLE messages RENAME TO m; CREATE VIEW messages AS SELECT m.* FROM m, pg_sleep(30); GRANT SELECT ON messages TO odata_reader",
    )

    def running():
        sql = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{scratch}' AND usename = '{READER}' AND wait_event = 'PgSleep'"
        return int(cluster.psql("postgres", sql))

    client = socket.create_connection(("127.0.0.1", gateway.port))
    client.sendall(f"GET /v1.0/odata/{target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {tokens.ADMIN}\r\n\r\n".encode())
    wait_until(running, 20)
    client.close()
    wait_until(lambda: not running(), 15)  # of the 30 it would sleep; tests/trust measures how soon
    assert gateway.get("Inbox(1)").status == 200


async def test_a_table_that_is_locked_answers_busy_and_does_not_hang(gateways, scratch_dsn, scratch_reader_dsn):
    gateway = gateways(ODATA_DSN=scratch_reader_dsn)
    assert gateway.get("Label(1)").status == 200
    locker = await asyncpg.connect(scratch_dsn)
    async with locker.transaction():
        await locker.execute("LOCK TABLE labels IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        reply = await asyncio.to_thread(gateway.get, "Label")
        assert (reply.status, reply.json()["error"]["code"], reply.headers["retry-after"]) == (503, "Db.Busy", "1")
        assert 4 < time.monotonic() - started < 40  # the lock's limit of 5 s, not the statement's of 60
    assert gateway.get("Label(1)").status == 200
    await locker.close()
