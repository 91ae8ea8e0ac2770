"""T5: Postgres dies by SIGKILL in the middle of a response. The body is detectably broken, the cause is logged once, and service comes back.

Detectably means by HTTP's framing alone, as a client sees it that cannot read JSON: chunks without the last one, a length that is not
reached, a reset; under gzip no valid trailer either. HTTP/1.0 has no chunks: there, an answer carries its length, and one too long to be
held back ends with a reset. Or the answer is whole after all: chunks are statements of their own, and one that was lost is sent again once.
"""

from __future__ import annotations

import json
import random
import threading
import time

import pytest
from tests.harness.cluster import READER, Cluster
from tests.harness.faults import accepts, crash, kill_backends, wait_until
from tests.harness.figures import amount, record
from tests.harness.gateway import Gateway
from tests.harness.raw import Answer, RawClient

BIG = "Message?$select=id,content,content_attributes&$orderby=id"
CLIENTS = {
    "chunked": ("1.1", ()),
    "gzip": ("1.1", (("Accept-Encoding", "gzip"),)),
    "1.0": ("1.0", ()),
    "1.0 gzip": ("1.0", (("Accept-Encoding", "gzip"),)),
}
BACK_S = 2.0
ADDED = 30_000
ROWS = ADDED + 4966
"""Account 1's messages: those of the sample, and more."""


@pytest.fixture(scope="module")
def big(postgres: Cluster) -> Cluster:
    """Account 1 gets rows enough for an answer of some 60 MB, far beyond all buffers on its way."""
    postgres.psql(
        "live_agent",
        "INSERT INTO messages (content, account_id, inbox_id, conversation_id, message_type, created_at, updated_at) "
        "SELECT (SELECT string_agg(md5((i * 61 + j)::text), '') FROM generate_series(1, 60) AS j), 1, 1, 1, 0, now(), now() "
        f"FROM generate_series(1, {ADDED}) AS i; ANALYZE messages",
    )
    return postgres


@pytest.fixture
def gateway(gateways, big: Cluster) -> Gateway:
    return gateways(ODATA_DSN=big.dsn(user=READER), ODATA_PAGE_ROWS="100000")


def broken_off(gateway: Gateway, cluster: Cluster, client: str, kill) -> Answer:
    """What a client has of a response during which Postgres was killed, after some of it had come."""
    version, headers = CLIENTS[client]
    with RawClient(gateway.port, receive_bytes=65536, timeout_s=60) as raw:
        raw.get(BIG, version=version, headers=headers)
        if version == "1.1":
            assert raw.read_until(100_000) >= 100_000
        else:
            time.sleep(random.uniform(0.02, 0.3))  # held back until the length is known: nothing comes before
        kill(cluster)
        return raw.finish()


def backends_die(cluster: Cluster) -> None:
    assert kill_backends(cluster) >= 1


def check_broken(answer: Answer, client: str) -> None:
    if answer.status == 503:  # the kill came before the first byte
        assert (answer.is_whole, json.loads(answer.body)["error"]["code"]) == (True, "Db.Unavailable")
        return
    assert answer.status == 200
    assert answer.end != "timeout", "the response stands still"
    if answer.is_whole:  # the statement under way was sent again, before a byte of its rows was out
        ids = [row["id"] for row in json.loads(answer.body)["value"]]
        assert len(ids) == len(set(ids)) == ROWS
        return
    if answer.framing == "close":
        assert answer.end == "reset"  # a FIN would look like the end of the body
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)


def comes_back(gateway: Gateway, cluster: Cluster) -> float:
    """How long the gateway takes to answer again after Postgres does."""
    wait_until(lambda: accepts(cluster), 60)
    back_s = wait_until(lambda: gateway.get("Label?$top=1").status == 200, 30)
    record("T5", "kills in the middle of a response", 1, how="sum", at_least=amount(20, 200))
    record("T5", "service back after Postgres", back_s, "s", at_most=BACK_S)
    return back_s


def check_logged_once(gateway: Gateway, before: str, answer: Answer) -> None:
    """The request has its one line with the cause if it broke, and what is away is told once."""
    broken = answer.status == 200 and not answer.is_whole
    if broken:
        wait_until(lambda: " cut off" in gateway.log()[len(before) :], 20)  # lines of requests are written some at a time
    logged = gateway.log()[len(before) :]
    assert logged.count("failed in the middle of an answer") == logged.count(" cut off") == broken
    causes = [line.partition("cannot be reached: ")[2] for line in logged.splitlines() if "the database cannot be reached: " in line]
    assert len(causes) == len(set(causes)) <= 4, causes  # no socket, refused, starting up, in recovery
    assert logged.count("the database can be reached again, after") == bool(causes)
    record("T5", "lines that tell why an answer broke", logged.count("failed in the middle of an answer"), at_most=1)


@pytest.mark.parametrize("client", CLIENTS)
def test_t05_a_killed_backend_breaks_the_body_visibly(gateway, big, client):
    for _ in range(amount(3, 40)):
        assert gateway.get("Label?$top=1").status == 200
        before = gateway.log()
        answer = broken_off(gateway, big, client, backends_die)
        check_broken(answer, client)
        assert comes_back(gateway, big) <= BACK_S + 8  # a loaded machine may take its time; the figure tells what it took
        check_logged_once(gateway, before, answer)


@pytest.mark.parametrize("client", CLIENTS)
def test_t05_a_killed_postmaster_breaks_the_body_visibly(gateway, big, client):
    for _ in range(amount(2, 10)):
        assert gateway.get("Label?$top=1").status == 200
        before = gateway.log()
        answer = broken_off(gateway, big, client, crash)
        check_broken(answer, client)
        assert gateway.get("Label?$top=1").status == 503
        assert gateway.ask("GET", "/health/liveness").status == 200
        big.resume()
        assert comes_back(gateway, big) <= BACK_S + 8
        check_logged_once(gateway, before, answer)


def test_t05_a_whole_answer_is_whole_for_every_client(gateway, big):
    """The judge of the tests above is no judge that says 'broken' to everything."""
    for client, (version, headers) in CLIENTS.items():
        with RawClient(gateway.port, timeout_s=60) as raw:
            raw.get(BIG + "&$top=3000", version=version, headers=headers)
            answer = raw.finish()
        assert answer.is_whole, client
        assert len(json.loads(answer.body)["value"]) == 3000
        if version == "1.0":
            assert answer.framing == "length"


def test_t05_many_responses_at_once_break_and_none_hangs(gateway, big):
    answers: list[Answer] = []

    def ask() -> None:
        with RawClient(gateway.port, receive_bytes=65536, timeout_s=60) as raw:
            raw.get(BIG, headers=(("Accept-Encoding", "gzip"),))
            raw.read_until(10_000)
            everyone.wait(30)
            answers.append(raw.finish())

    everyone = threading.Barrier(9)
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    everyone.wait(30)
    kill_backends(big)
    for thread in threads:
        thread.join(60)
    assert len(answers) == 8
    for answer in answers:
        check_broken(answer, "gzip")
    comes_back(gateway, big)
