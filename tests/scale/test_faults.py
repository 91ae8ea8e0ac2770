"""A shard that moves, a server that stops and starts again, and writes beside a walk: who notices what."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager

import psutil
import pytest
from tests.harness import tokens
from tests.harness.at_once import sent
from tests.harness.citus import DATABASE, PASSWORD, READER, SQL_FOLDER
from tests.harness.faults import crash, wait_until
from tests.harness.gateway import start_gateway
from tests.live.test_web_cli import run

OF_ACCOUNT = {1: tokens.ADMIN, 2: tokens.OTHER_ADMIN}
WRITES = """
UPDATE public.messages SET status = (status + 1) % 3 WHERE account_id IN (1, 2) AND id % 10 = {n};
INSERT INTO public.messages (id, content, account_id, inbox_id, conversation_id, message_type, created_at, updated_at, private, status)
    SELECT 900000 + {n} * 10 + i, 'new', 1 + i % 2, 1, 1, 0, now(), now(), false, 0 FROM generate_series(1, 5) AS i;
DELETE FROM public.messages WHERE account_id IN (1, 2) AND id = 900000 + {n} * 10 + 1;
"""


@pytest.mark.parametrize("order", ["id", "created_at desc", "status,id desc", "source_id"])
def test_no_row_is_lost_or_doubled_while_others_are_written(citus, over_citus, order):
    target = f"Message?$select=id&$orderby={order}"
    before = {row["id"] for page in over_citus.pages("Message?$select=id", token=tokens.BOTH_ADMIN) for row in page if row["id"] < 900000}
    written = "status" in order  # whose order values change may come twice
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            citus.psql(WRITES.format(n=number % 10 if not written else 11) if not written else WRITES.format(n=11))
            citus.psql("DELETE FROM public.messages WHERE account_id IN (1, 2) AND id > 900000")
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = [row["id"] for page in over_citus.pages(target, token=tokens.BOTH_ADMIN) for row in page if row["id"] < 900000]
    finally:
        stop.set()
        writer.join()
    assert len(found) == len(set(found)) and set(found) == before


def test_a_shard_that_moves_is_read_on_or_check_says_what_to_do(citus, over_citus):
    here = citus.worker_of(1)
    there = next(worker for worker in citus.workers if worker is not here)
    expected = over_citus.get("Message?$top=3").rows
    citus.move(1, there)
    assert citus.worker_of(1) is there
    if tuple(map(int, re.findall(r"\d+", citus.version)[:2])) < (13, 1):
        assert over_citus.get("Message?$top=3").status == 403
        found = run("check", ODATA_DSN=citus.dsn())
        assert found.returncode == 1 and "run sql/live_agent/citus.sql again" in found.stdout
        citus.run("citus.sql")
    assert over_citus.get("Message?$top=3").rows == expected
    assert run("check", ODATA_DSN=citus.dsn()).returncode == 0


def test_the_files_for_the_database_can_be_run_again(citus):
    citus.run("roles.sql", "citus.sql", "indexes.sql")
    assert run("check", ODATA_DSN=citus.dsn()).returncode == 0
    with pytest.raises(Exception, match="no policies with subqueries"):
        citus.psql((SQL_FOLDER / "rls.sql").read_text(encoding="utf-8"))


def test_a_server_that_stops_takes_its_accounts_with_it_and_is_named_in_the_log(citus):
    with start_gateway(ODATA_DSN=citus.dsn(), ODATA_MODEL_CHECK_S="0") as gateway:
        apart(citus)
        away = citus.worker_of(1)
        before = gateway.get("Message?$top=3").rows
        away.stop()
        try:
            for token in (tokens.ADMIN, tokens.BOTH_ADMIN):
                reply = gateway.get("Message?$top=3", token=token)
                assert (reply.status, reply.json()["error"]["message"]) == (503, "a server of the cluster cannot be reached")
                assert "127.0.0.1" not in reply.body.decode() and reply.headers["retry-after"]
            assert gateway.get("Message?$top=3", token=tokens.OTHER_ADMIN).status == 200
            assert gateway.get("User?$top=3").status == 200
            assert gateway.ask("GET", "/health/readiness").status == 200
            assert f"server 127.0.0.1:{away.port}" in gateway.log()
            found = run("check", ODATA_DSN=citus.dsn())
            assert found.returncode == 1 and f"127.0.0.1:{away.port}" in found.stdout
            other = next(w for w in citus.workers if w is not away)
            other.stop()
            try:
                assert gateway.ask("GET", "/health/readiness").status == 503
            finally:
                other.resume()
        finally:
            away.resume()
        assert gateway.get("Message?$top=3").rows == before
        assert gateway.ask("GET", "/health/readiness").status == 200


def test_without_a_password_for_the_workers_nothing_is_ready_and_check_says_where(citus):
    saved = citus.psql("SELECT authinfo FROM pg_dist_authinfo").strip()
    citus.psql("DELETE FROM pg_dist_authinfo")
    try:
        found = run("check", ODATA_DSN=citus.dsn())
        assert found.returncode == 1 and "cannot be read on every server (127.0.0.1:" in found.stdout
        with start_gateway(wait_for="/health/liveness", ODATA_DSN=citus.dsn()) as gateway:
            assert gateway.ask("GET", "/health/readiness").status == 503
    finally:
        citus.psql(f"INSERT INTO pg_dist_authinfo VALUES (0, 'odata_reader', '{saved}')")


def test_any_node_answers(citus, over_citus):
    """Workers as query nodes: each knows the reader's password for the others."""
    asked = [
        "Message/$count", "Message?$orderby=created_at desc&$top=700", "Message?$orderby=source_id&$top=700", "User?$top=3",
        "Conversation?$expand=messages($top=1),assignee&$top=90", "Message?$apply=groupby((status),aggregate($count as n))&$orderby=status",
    ]  # fmt: skip
    for node in citus.workers:
        node.psql(DATABASE, f"DELETE FROM pg_dist_authinfo; INSERT INTO pg_dist_authinfo VALUES (0, '{READER}', 'password={PASSWORD}')")
    hosts = ",".join(f"127.0.0.1:{node.port}" for node in citus.workers)
    with start_gateway(ODATA_DSN=f"postgresql://{READER}:{PASSWORD}@{hosts}/{DATABASE}", ODATA_PAGE_ROWS="60") as gateway:
        for target in asked:
            for token in (tokens.ADMIN, tokens.OTHER_ADMIN, tokens.BOTH_ADMIN):
                found, expected = (each.get(target, token=token).body.replace(each.origin.encode(), b"") for each in (gateway, over_citus))
                assert found == expected, target


def test_a_setting_that_does_not_fit_refuses_and_never_fails(citus):
    with start_gateway(ODATA_DSN=citus.dsn(), ODATA_SHARDED="false") as gateway:
        asked = (
            "Message?$expand=conversation($expand=labels)",
            "Conversation?$filter=labels/any()",
            "Message?$orderby=conversation/inbox/name",
        )
        for target in ("Message?$skip=9223372036854775807", "Message?$skip=9223372036854775807&$top=9223372036854775807"):
            assert gateway.get(target, token=tokens.BOTH_ADMIN).rows == []
        assert {gateway.get(target, token=tokens.BOTH_ADMIN).status for target in asked} <= {200, 501}
        assert "ODATA_SHARDED must not be false" in run("check", ODATA_DSN=citus.dsn(), ODATA_SHARDED="false").stdout


def test_a_shard_that_moves_during_a_walk_loses_and_doubles_no_row(citus, over_citus):
    found, link = [], "Message?$select=id&$orderby=created_at"
    while link:
        reply = over_citus.get(link, token=tokens.BOTH_ADMIN)
        assert reply.status == 200, reply.body
        found += [row["id"] for row in reply.rows]
        link = reply.json().get("@odata.nextLink")
        if len(found) in (120, 600):
            citus.move(1, next(worker for worker in citus.workers if worker is not citus.worker_of(1)))
            citus.run("citus.sql")
    assert len(found) == len(set(found)) == int(over_citus.get("Message/$count", token=tokens.BOTH_ADMIN).body)


def test_a_server_that_dies_in_an_answer_breaks_it_off_and_serves_again(citus):
    apart(citus)
    with start_gateway(ODATA_DSN=citus.dsn(), ODATA_MODEL_CHECK_S="0") as gateway:
        for token in (tokens.ADMIN, tokens.BOTH_ADMIN):
            [connection] = sent(gateway, [("Message?$expand=conversation($expand=messages)", token)])
            with connection:
                assert connection.recv(10_000).startswith(b"HTTP/1.1 200")
                crash(citus.worker_of(1))
                try:
                    end = whole(connection)[-7:]
                except ConnectionResetError:
                    end = b""
                finally:
                    citus.worker_of(1).resume()
                assert end != b"\r\n0\r\n\r\n"
            wait_until(lambda: gateway.get("Message?$top=3").status == 200, 20)
        wait_until(lambda: gateway.log().count(" cut off") == 2, 20)


def test_a_frozen_server_costs_its_accounts_the_time_limit_and_others_nothing(citus):
    apart(citus)
    with start_gateway(ODATA_DSN=citus.dsn(), ODATA_STATEMENT_TIMEOUT_S="2", ODATA_MODEL_CHECK_S="0") as gateway:
        assert gateway.get("Message?$top=3", token=tokens.BOTH_ADMIN).status == 200
        with frozen(citus.worker_of(1)):
            for token in (tokens.ADMIN, tokens.BOTH_ADMIN):
                reply = gateway.get("Message?$top=3", token=token)
                assert reply.status in (503, 504) and reply.json()["error"]["code"] in ("Db.Timeout", "Db.Unavailable")
            assert gateway.get("Message?$top=3", token=tokens.OTHER_ADMIN).status == 200
            assert gateway.ask("GET", "/health/readiness").status == 200
        wait_until(lambda: gateway.get("Message?$top=3", token=tokens.BOTH_ADMIN).status == 200, 20)


def apart(citus):
    """See to it that accounts 1 and 2 are on two servers."""
    if citus.worker_of(1) is citus.worker_of(2):
        citus.move(1, next(worker for worker in citus.workers if worker is not citus.worker_of(2)))
        citus.run("citus.sql")


def whole(connection):
    found = b""
    while piece := connection.recv(1 << 20):
        found = found[-100:] + piece
    return found


@contextmanager
def frozen(node):
    processes = [psutil.Process(node.pid), *psutil.Process(node.pid).children()]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()
