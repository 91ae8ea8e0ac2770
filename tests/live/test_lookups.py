"""Requests for single rows that wait together are read in one statement: each still has the answer that it has alone."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import pytest
from tests.harness import own_model, tokens
from tests.harness.at_once import at_once, received, sent
from tests.harness.faults import wait_until
from tests.harness.gateway import start_gateway
from tests.harness.own_model import entity
from tests.harness.ports import free_port
from tests.harness.sample import copied
from tests.harness.scrape import sample_value, scraped

SQL = """
CREATE SCHEMA own; GRANT USAGE ON SCHEMA own TO odata_reader;
CREATE TABLE own.base (id int PRIMARY KEY, n int); INSERT INTO own.base SELECT i, i - 5 FROM generate_series(1, 40) AS g (i);
CREATE VIEW own.divides AS SELECT id, 100 / n AS v FROM own.base;
CREATE TABLE own.twice (id int, v text); INSERT INTO own.twice VALUES (1, 'a'), (2, 'b'), (3, NULL);
CREATE TABLE own.small (id int2 PRIMARY KEY, v text); INSERT INTO own.small VALUES (1, 'a'), (2, NULL), (3, '}');
CREATE TABLE own.times (id int8 PRIMARY KEY, at timestamptz, n float8); INSERT INTO own.times VALUES (1, '2020-01-01', 1.5), (2, 'infinity', 'NaN');
CREATE TABLE own.texts (id text PRIMARY KEY, day date, v bytea);
INSERT INTO own.texts VALUES ('a''b', '2020-01-01', '\\x00ff'), ('', NULL, NULL), ('漢/字', 'infinity', ''), ('null', '0001-01-01', '\\x61');
GRANT SELECT ON ALL TABLES IN SCHEMA own TO odata_reader;
"""
TYPES = {
    "Ratio": entity("id", {"id": "Int32", "v": "Int32?"}, "divides"),
    "Twin": entity("id", {"id": "Int32", "v": "String?"}, "twice", KeyIsUnique=True),
    "Small": entity("id", {"id": "Int16", "v": "String?"}, "small"),
    "Time": entity("id", {"id": "Int64", "at": "DateTimeOffset?", "n": "Double?"}, "times"),
    "Text": entity("id", {"id": "String", "day": "Date?", "v": "Binary?"}, "texts"),
}
OF_LIVE_AGENT = (
    *(f"Message({number})" for number in (1, 2, 3, 5, 900_000, 2**31 - 1)),
    *(f"Message({number})?$select=id,content" for number in (1, 2, 4)),
    *(f"Message({number})?$expand=inbox,conversation($expand=assignee)" for number in (1, 2, 4)),
    *(f"Message({number})/content" for number in (1, 2, 900_000)),
    *(f"Message({number})/content/$value" for number in (1, 2, 3)),
    *(f"Message({number})/$ref" for number in (1, 2, 900_000)),
    *(f"Message({number})/conversation" for number in (1, 2, 3)),
    *(f"Conversation({number})/assignee" for number in (1, 2, 3, 4, 900_000)),
    *(f"Conversation({number})?$expand=messages($top=2)" for number in (1, 2)),
    *(f"Label({number})?$compute=id mul {number} as times&$select=id,times" for number in (1, 2, 3)),
    *(f"User({number})" for number in (1, 2, 3)),
)
HEADERS = (
    {},
    {"Accept": "application/json;odata.metadata=none"},
    {"Accept": "application/json;odata.metadata=full", "OData-MaxVersion": "4.01"},
    {"Accept": "application/json;IEEE754Compatible=true", "Accept-Encoding": "gzip"},
    {"Accept": "image/png"},
    {"OData-MaxVersion": "4.01", "Prefer": "omit-values=nulls"},
    {"OData-MaxVersion": "four"},
    {"Prefer": "timezone=Europe/Berlin"},
    {"Prefer": "maxpagesize=3"},
    {"OData-Isolation": "snapshot"},
    {"Isolation": "other"},
    {"If-None-Match": "*", "Origin": "https://a.example.com"},
    {"Host": "other.example.com:81"},
)
NUMBERS = {"Smalls": (1, 2, 3, 4, 40_000), "Ratios": (1, 5, 9, 99), "Twins": (1, 2, 3), "Times": (1, 2, 3), "Absent": (1,)}
CALLERS = (tokens.ADMIN, tokens.BOTH_ADMIN)


@pytest.fixture(scope="module")
def served(cluster, reader_url, tmp_path_factory):
    with copied(cluster, "lookups") as name:
        cluster.psql(name, SQL)
        with own_model.serve(start_gateway, tmp_path_factory.mktemp("model"), reader_url(name), TYPES, ODATA_KEY_CHECK_S="0") as gateway:
            cluster.psql(name, "INSERT INTO own.twice VALUES (2, 'c')")  # the key was proven before
            yield gateway, name


@contextmanager
def locked(dsn: str, table: str) -> Iterator[None]:
    """Whoever reads the table waits until the end of the block."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(dsn))
        runner.run(connection.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        yield
        runner.run(connection.close())


@pytest.fixture(scope="module")
def busy(reader_dsn):
    """A gateway with one connection, for which requests wait, and how many shared a statement until now."""
    port = free_port()

    def together() -> float:
        return sample_value(scraped(port), "odata_lookups_together_total")

    with start_gateway(ODATA_DSN=reader_dsn, ODATA_POOL_MAX="1", ODATA_ADMIN_PORT=str(port)) as gateway:
        yield gateway, together


def test_each_request_has_the_answer_that_it_has_alone(busy):
    gateway, together = busy
    asked = [(target, token) for target in OF_LIVE_AGENT for token in CALLERS]
    alone = [at_once(gateway, [each])[0] for each in asked]
    before = together()
    for turn in range(5):
        shifted = asked[turn * 7 :] + asked[: turn * 7]
        expected = alone[turn * 7 :] + alone[: turn * 7]
        assert at_once(gateway, shifted) == expected
    assert together() > before


def test_of_requests_that_come_alone_none_waits_for_others(busy):
    gateway, together = busy
    before = together()
    for number in range(1, 20):
        at_once(gateway, [(f"Message({number})", tokens.ADMIN)])
    assert together() == before


def test_a_row_that_fails_is_an_error_of_its_own_request_only(served):
    gateway, _ = served
    found = at_once(gateway, [(f"Ratios({number})", tokens.ADMIN) for number in range(1, 41)])
    assert [status for status, _ in found] == [500 if number == 5 else 200 for number in range(1, 41)]
    assert json.loads(found[4][1])["code"] == "Db.Table"
    assert [json.loads(body)["v"] for status, body in found if status == 200] == [int(100 / (n - 5)) for n in range(1, 41) if n != 5]


@pytest.mark.parametrize("name", ["Twins", "Texts"])
def test_rows_of_any_key_are_told_apart(served, name):
    keys = {"Twins": ("1", "2", "3", "4"), "Texts": ("'a''b'", "''", "'漢%2F字'", "'null'", "'absent'")}[name]
    gateway, _ = served
    asked = [(f"{name}({key}){rest}", tokens.ADMIN) for key in keys for rest in ("", "/v", "/v/$value", "?$select=id")] * 3
    alone = [at_once(gateway, [each])[0] for each in asked]
    assert at_once(gateway, asked) == alone
    assert {status for status, _ in alone} == {200, 204, 404} | ({500} if name == "Twins" else set())


def test_clients_that_go_away_take_no_answer_from_others(served, cluster):
    gateway, name = served
    with locked(cluster.dsn(database=name), "own.base"):
        connections = sent(gateway, [(f"Ratios({number})", tokens.ADMIN) for number in range(6, 26)])
        time.sleep(0.5)
        for connection in connections[::2]:
            connection.close()
        time.sleep(0.2)
    assert [received(connection)[0] for connection in connections[1::2]] == [200] * 10


def test_a_connection_that_is_lost_is_taken_again_for_all(served, cluster):
    gateway, name = served
    with locked(cluster.dsn(database=name), "own.base"):
        connections = sent(gateway, [(f"Ratios({number})", tokens.ADMIN) for number in range(6, 26)])
        waiting = f"SELECT pid FROM pg_stat_activity WHERE datname = '{name}' AND wait_event_type = 'Lock'"
        wait_until(lambda: cluster.psql(name, waiting).strip(), 10)
        cluster.psql(name, f"SELECT pg_terminate_backend(pid) FROM ({waiting}) AS w")
    assert [received(connection)[0] for connection in connections] == [200] * 20


def answers(gateway, targets, headers):
    """Status, headers and body of requests on one connection, without what differs from request to request."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port)
    found = []
    for target in targets:
        connection.request("GET", f"/v1.0/odata/{target}", headers=headers)
        response = connection.getresponse()
        body, varies = response.read(), {"X-Request-Id", "Date"}
        if response.status >= 400:
            error = json.loads(body)["error"]
            body, varies = (error["code"], error["message"]), varies | {"Content-Length"}
        found.append((response.status, [pair for pair in response.getheaders() if pair[0] not in varies], body))
    connection.close()
    return found


def agree(gateway, keys, headers):
    """Whether `Message(1)` is answered the first and the second time as `Message(id=1)`, which is the same and is never prepared."""
    asked = [f"{name}({spelled})" for name, number in keys for spelled in (number, f"id={number}", number)]
    found = answers(gateway, asked, headers)
    return found[::3] == found[1::3] == found[2::3]


@pytest.mark.parametrize("token", [tokens.ADMIN, tokens.BOTH_ADMIN, "unknown", None])
def test_a_prepared_request_has_the_answer_of_any_other(gateway, token):
    sent = {} if token is None else {"Authorization": f"Bearer {token}"}
    keys = [("Message", 1), ("Message", 9), ("Message", 900_000_000), ("Inbox", 1)]
    for headers in HEADERS:
        assert agree(gateway, keys, headers | sent), headers


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_any_key_have_the_same_answer_prepared(served, name):
    """Also where the key's type does not have the number, two rows have the key, or the row cannot be computed."""
    keys = [(name, number) for number in NUMBERS[name]]
    for headers in HEADERS:
        assert agree(served[0], keys, headers | {"Authorization": f"Bearer {tokens.ADMIN}"}), headers
