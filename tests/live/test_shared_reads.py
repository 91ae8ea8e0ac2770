"""Requests that are alike and wait together are read once: each still has the answer that it has alone, and sees what was written before it
was sent."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.harness import own_model, tokens
from tests.harness.at_once import at_once, received, sent
from tests.harness.faults import wait_until
from tests.harness.gateway import start_gateway
from tests.harness.own_model import entity
from tests.harness.ports import free_port
from tests.harness.sample import copied
from tests.harness.scrape import sample_value, scraped
from tests.live.test_lookups import locked

SQL = """
CREATE SCHEMA own; GRANT USAGE ON SCHEMA own TO odata_reader;
CREATE TABLE own.rows (id int PRIMARY KEY, n int NOT NULL, v text NOT NULL);
INSERT INTO own.rows SELECT i, i % 7, repeat('x', 300) FROM generate_series(1, 5000) AS g (i);
CREATE TABLE own.zero (id int PRIMARY KEY, n int NOT NULL); INSERT INTO own.zero SELECT i, 3 - i FROM generate_series(1, 5) AS g (i);
CREATE VIEW own.divides AS SELECT id, 100 / n AS v FROM own.zero;
GRANT SELECT ON ALL TABLES IN SCHEMA own TO odata_reader;
"""
TYPES = {
    "Row": entity("id", {"id": "Int32", "n": "Int32", "v": "String"}, "rows"),
    "Ratio": entity("id", {"id": "Int32", "v": "Int32?"}, "divides"),
}
ALIKE = (
    "Message?$top=50",
    "Message?$top=1000&$select=id",
    "Message?$orderby=created_at desc&$skip=5&$top=7&$count=true",
    "Message?$filter=contains(content,'a')&$select=id,content",
    "Message/$count",
    "Message/$count?$filter=id gt 100",
    "Message?$apply=groupby((status),aggregate($count as n))&$orderby=status",
    "Conversation?$expand=messages($top=2),inbox&$top=20",
    "Conversation(1)?$expand=messages($top=2)",
    "Conversation(1)/messages",
    "Conversation(900000)/messages",
    "Message?$format=csv&$top=300",
    "Message?$filter=id eq 'a'",
    "$all?$top=5",
)
HEADERS = (
    "",
    "Prefer: maxpagesize=3\r\n",
    "Host: other.example.com\r\nPrefer: maxpagesize=3\r\n",
    "Prefer: timezone=Europe/Berlin\r\n",
    "Prefer: timezone=America/Lima\r\n",
    "Accept: application/json;odata.metadata=full\r\n",
    "Accept: application/json;IEEE754Compatible=true\r\n",
    "OData-MaxVersion: 4.01\r\nPrefer: omit-values=nulls\r\n",
    "Accept: text/csv\r\n",
    "Host: other.example.com\r\n",
)
LOCKED = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
CALLERS = (tokens.ADMIN, tokens.OTHER_ADMIN, tokens.BOTH_ADMIN)
SETTINGS = {"ODATA_POOL_MAX": "1", "ODATA_PAGE_ROWS": "10000", "ODATA_MODEL_CHECK_S": "0"}
ROWS = [{"id": i, "n": i % 7, "v": "x" * 300} for i in range(1, 5001)]


class Served:
    """A gateway with one connection, for which requests wait while a table is locked that a request reads."""

    def __init__(self, gateway, cluster, name, port, table, target):
        self.gateway, self.cluster, self.name, self._port = gateway, cluster, name, port
        self._table, self._target = table, target

    def shared(self) -> float:
        """How many requests have shared a read until now."""
        return sample_value(scraped(self._port), "odata_reads_shared_total")

    def arrived(self) -> float:
        """How many requests for data have arrived until now: those that are being answered, and those that were."""
        text = scraped(self._port)
        answered = re.findall(r'^odata_requests_total\{(?!.*"metrics").*\} (\S+)$', text, re.MULTILINE)
        return sample_value(text, "odata_requests_running") + sum(map(float, answered))

    def psql(self, script: str) -> str:
        return self.cluster.psql(self.name, script)

    def is_locked(self) -> bool:
        """Whether a statement waits for a lock."""
        return self.psql(LOCKED) != ""

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The only connection is taken until the end of the block."""
        with locked(self.cluster.dsn(database=self.name), self._table):
            (first,) = sent(self.gateway, [(self._target, tokens.ADMIN)])
            wait_until(self.is_locked, 10)
            yield
        assert received(first)[0] == 200


@pytest.fixture(scope="module")
def served(cluster, reader_url, tmp_path_factory):
    port = free_port()
    with copied(cluster, "shared") as name:
        cluster.psql(name, SQL)
        folder = tmp_path_factory.mktemp("model")
        with own_model.serve(start_gateway, folder, reader_url(name), TYPES, ODATA_ADMIN_PORT=str(port), **SETTINGS) as gateway:
            yield Served(gateway, cluster, name, port, "own.zero", "Ratios(5)")


@pytest.fixture(scope="module")
def live(cluster, reader_url):
    """Over the sample data, with tables of several accounts."""
    port = free_port()
    with copied(cluster, "live") as name, start_gateway(ODATA_DSN=reader_url(name), ODATA_ADMIN_PORT=str(port), **SETTINGS) as gateway:
        yield Served(gateway, cluster, name, port, "public.labels", "Label(1)")


def begun(served, asked) -> list[socket.socket]:
    """Connections whose requests have arrived and wait."""
    before = served.arrived()
    connections = sent(served.gateway, asked)
    wait_until(lambda: served.arrived() >= before + len(asked), 20)
    time.sleep(0.1)
    return connections


def test_each_request_has_the_answer_that_it_has_alone(live):
    asked = [(target, token) for target in ALIKE for token in CALLERS]
    alone = [at_once(live.gateway, [each])[0] for each in asked]
    assert {status for status, _ in alone} >= {200, 400, 404}
    before = live.shared()
    for turn in range(3):
        order = asked[turn * 5 :] + asked[: turn * 5]
        expected = alone[turn * 5 :] + alone[: turn * 5]
        assert at_once(live.gateway, [each for each in order for _ in range(4)]) == [each for each in expected for _ in range(4)]
    assert live.shared() - before > len(asked)


def test_of_requests_that_come_one_after_the_other_none_waits_for_others(live):
    before = live.shared()
    for _ in range(5):
        at_once(live.gateway, [("Message?$top=5", tokens.ADMIN)])
    assert live.shared() == before


def test_requests_that_wait_are_read_once(served):
    before = served.shared()
    with served.waiting():
        connections = begun(
            served, [("Rows?$top=3", tokens.ADMIN)] * 20 + [("Rows?$top=4", tokens.ADMIN)] * 2 + [("Rows?$top=5", tokens.ADMIN)]
        )
    found = [json.loads(received(connection)[1])["value"] for connection in connections]
    assert found == [ROWS[:3]] * 20 + [ROWS[:4]] * 2 + [ROWS[:5]]
    assert served.shared() - before == 22


def test_pages_of_many_chunks_are_whole(served):
    with served.waiting():
        connections = begun(served, [("Rows", tokens.ADMIN)] * 6)
    for connection in connections:
        assert json.loads(received(connection)[1])["value"] == ROWS


def test_what_is_written_before_a_request_is_sent_is_in_its_answer(served):
    target = "Rows?$filter=id gt 5000&$select=id"
    with served.waiting():
        early = begun(served, [(target, tokens.ADMIN)] * 3)
        served.psql("INSERT INTO own.rows VALUES (5001, 0, 'new')")
        late = begun(served, [(target, tokens.ADMIN)] * 3)
    found = [json.loads(received(connection)[1])["value"] for connection in early + late]
    served.psql("DELETE FROM own.rows WHERE id > 5000")
    assert found == [[{"id": 5001}]] * 6


def test_a_request_that_comes_while_the_read_runs_does_not_join_it(served):
    """The read waits for the lock with the snapshot of its begin, as does a second one, which begins later."""
    served.psql("INSERT INTO own.zero VALUES (6, 50)")
    with locked(served.cluster.dsn(database=served.name), "own.zero"):
        early = begun(served, [("Ratios?$filter=id gt 5", tokens.ADMIN)] * 2)
        before = served.shared()
        late = begun(served, [("Ratios?$filter=id gt 5", tokens.ADMIN)] * 2)
    found = [json.loads(received(connection)[1])["value"] for connection in early + late]
    served.psql("DELETE FROM own.zero WHERE id > 5")
    assert found == [[{"id": 6, "v": 2}]] * 4
    assert served.shared() - before >= 2


def test_a_read_that_fails_is_an_error_of_each_request(served):
    with served.waiting():
        connections = begun(served, [("Ratios", tokens.ADMIN)] * 5 + [("Ratios?$filter=id gt 3", tokens.ADMIN)] * 2)
    found = [received(connection) for connection in connections]
    assert [status for status, _ in found] == [500] * 5 + [200] * 2
    assert {json.loads(body)["code"] for _, body in found[:5]} == {"Db.Table"}


@pytest.mark.parametrize("gone", [slice(0, 1), slice(0, 9), slice(5, 9)], ids=["first", "all but one", "others"])
def test_clients_that_go_away_take_no_answer_from_others(served, gone):
    with served.waiting():
        connections = begun(served, [("Rows?$top=3", tokens.ADMIN)] * 10)
        for connection in connections[gone]:
            connection.close()
        time.sleep(0.3)
    left = [connection for connection in connections if connection not in connections[gone]]
    assert [json.loads(received(connection)[1])["value"] for connection in left] == [ROWS[:3]] * len(left)


def test_a_client_that_goes_away_while_it_reads_for_others_takes_no_answer_from_them(served):
    with locked(served.cluster.dsn(database=served.name), "own.rows"):
        with served.waiting():
            connections = begun(served, [("Rows?$top=3", tokens.ADMIN)] * 4)
        wait_until(served.is_locked, 10)
        connections[0].close()
        time.sleep(0.5)
    assert [json.loads(received(connection)[1])["value"] for connection in connections[1:]] == [ROWS[:3]] * 3


def test_a_connection_that_is_lost_is_taken_again_for_all(served):
    with locked(served.cluster.dsn(database=served.name), "own.rows"):
        with served.waiting():
            connections = begun(served, [("Rows?$top=3", tokens.ADMIN)] * 4)
        wait_until(served.is_locked, 10)
        served.psql(f"SELECT pg_terminate_backend(pid) FROM ({LOCKED}) AS w")
    assert [received(connection)[0] for connection in connections] == [200] * 4


def test_requests_that_differ_in_what_the_database_is_told_share_nothing(live):
    """Each is asked twice, so that it shares a read with its equal."""
    targets = (
        "Message?$top=20",
        "Message?$top=20&timezone=Asia/Tokyo",
        "Message?%24top=20",
        "Conversation?$expand=messages&$top=5",
        "Conversation(1)?$expand=messages",
    )
    asked = [(target, token, lines) for target in targets for token in CALLERS for lines in HEADERS]
    alone = [at_once(live.gateway, [each])[0] for each in asked]
    before = live.shared()
    with live.waiting():
        connections = begun(live, [each for each in asked for _ in range(2)])
    assert [received(connection) for connection in connections] == [each for each in alone for _ in range(2)]
    assert live.shared() - before >= 2 * len(asked) * 0.9
    assert len(set(alone)) > 40


OF_OTHER_URLS = (
    "$all/LiveAgent.Message?$filter=id gt {}&$select=id",
    "$all/LiveAgent.Message?$filter=id le {}&$format=csv&$select=id",
    "$all/LiveAgent.Message?$apply=filter(id le {})/aggregate($count as n)",
    "$entity/LiveAgent.Conversation?$id=Conversation({})&$expand=messages($top=3)",
    "$entity/LiveAgent.Conversation?$id=Conversation(1)&$expand=messages($top={})",
)
"""These are compiled as other URLs, whose text has not all of their literals."""


def test_requests_that_differ_in_a_literal_of_any_option_share_nothing(live):
    asked = [(target.format(number), tokens.BOTH_ADMIN) for target in OF_OTHER_URLS for number in (0, 1, 2)]
    alone = [at_once(live.gateway, [each])[0] for each in asked]
    assert 200 in {status for status, _ in alone} and len(set(alone)) == len(asked)
    with live.waiting():
        connections = begun(live, asked)
    assert [received(connection) for connection in connections] == alone


@pytest.mark.parametrize("target", ["Message?$top=3", "Message(1)"])
def test_a_request_waits_nearly_as_long_as_it_would_alone(live, cluster, reader_url, target):
    """Who would join one whose wait is about to end waits by itself."""
    port = free_port()
    settings = SETTINGS | {"ODATA_DSN": reader_url(live.name), "ODATA_POOL_WAIT_S": "2", "ODATA_LOG_FORMAT": "json"}
    with start_gateway(ODATA_ADMIN_PORT=str(port), **settings) as gateway:
        impatient = Served(gateway, cluster, live.name, port, "public.labels", "Label(1)")
        with impatient.waiting():
            early = begun(impatient, [(target, tokens.ADMIN)] * 3)
            time.sleep(1.3)
            late = begun(impatient, [(target, tokens.ADMIN)] * 3)
            assert [received(connection)[0] for connection in early] == [503] * 3
        assert [received(connection)[0] for connection in late] == [200] * 3
        wait_until(lambda: gateway.log().count('"status":503') == 3, 10)
        lines = [json.loads(line) for line in gateway.log().splitlines() if '"status":503' in line]
    assert all(1000 < line["ms"]["wait"] <= line["ms"]["total"] for line in lines)


def test_the_wait_of_clients_that_go_away_is_logged(served):
    def waits_ms() -> list[float]:
        gone = [line for line in served.gateway.log().splitlines() if "$skip" in line and line.endswith("client gone")]
        return [float(line.partition(" wait=")[2].partition("ms")[0]) for line in gone]

    with served.waiting():
        connections = begun(served, [("Rows?$skip=6", tokens.ADMIN)] * 3)
        time.sleep(0.25)
        for connection in connections[::-1]:
            connection.close()
        wait_until(lambda: len(waits_ms()) == 3, 10)
    assert all(250 < wait_ms < 5000 for wait_ms in waits_ms())
