"""Metrics, log lines and slow statements of the real program: what operators see of requests, and what they do not."""

import json
import os
import re
import signal
import socket
import time
from contextlib import suppress

import psutil
import pytest
from odata_gateway.observe.metrics import FAMILIES
from tests.harness.collector import Collector
from tests.harness.faults import wait_until
from tests.harness.gateway import free_port
from tests.harness.loads import make_slow
from tests.harness.scrape import sample_value, scraped

REQUESTS = ("Message(1)", "Message?$top=5&$filter=contains(content,'e')", "Label?$top=3", "Nothing/at/all", "Message?$top=x")


def test_metrics_count_what_was_asked_and_only_the_admin_port_has_them(gateways, reader_dsn):
    port = free_port()
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_ADMIN_PORT=str(port))
    assert [gateway.get(target).status for target in REQUESTS] == [200, 200, 200, 404, 400]
    wait_until(lambda: sample_value(scraped(port), "odata_rows_total") >= 9, 20)
    text = scraped(port)
    assert sample_value(text, 'odata_requests_total{entity_set="Message",options="filter",status="200"}') == 1
    assert sample_value(text, 'odata_requests_total{entity_set="other",options="none",status="404"}') == 1
    assert (
        sample_value(text, 'odata_stage_seconds_count{stage="total"}') == 3 == sample_value(text, 'odata_stage_seconds_count{stage="bind"}')
    )
    assert (
        sample_value(text, "odata_pool_size") == 10
        and sample_value(text, "odata_database_up") == 1
        and sample_value(text, "odata_workers") == 1
    )
    assert sample_value(text, "odata_compile_cache_misses_total") >= 6 and sample_value(text, "odata_memory_bytes") > 10_000_000
    named = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert named == {family.name for family in FAMILIES}
    assert gateway.ask("GET", "/metrics").status == 404 and gateway.ask("GET", "/v1.0/odata/metrics").status in (401, 404)


def test_labels_are_words_of_the_model_and_of_ours_whatever_is_asked(gateways, reader_dsn):
    port = free_port()
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_ADMIN_PORT=str(port))
    hostile = [f"Nothing{number}?$filter=Quetzal{number} eq 1" for number in range(20)]
    hostile += [f"Message?$compute=id as Quetzal{number}&$filter=Quetzal{number} eq 1&@Quetzal=1&$top=1" for number in range(20)]
    for target in hostile:
        gateway.get(target, headers={"X-Request-Id": "Quetzal"})
    wait_until(lambda: sample_value(scraped(port), 'odata_requests_total{entity_set="other",options="none",status="404"}') == 20, 20)
    text = scraped(port)
    assert set(re.findall(r'entity_set="([^"]*)"', text)) <= {"Message", "other", "health", "metrics"} and "Quetzal" not in text
    assert set(re.findall(r'options="([^"]*)"', text)) <= {"none", "compute", "filter"}


def workers_of(gateway):
    found = []
    for child in psutil.Process(gateway.process.pid).children():
        with suppress(psutil.Error):  # it ended just now
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child.pid)
    return found


def test_processes_are_one_set_of_metrics_and_no_count_is_lost_with_one(gateways, reader_dsn):
    port, asked = free_port(), 30
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_ADMIN_PORT=str(port), ODATA_WORKERS="2")
    wait_until(lambda: sample_value(scraped(port), "odata_workers") == 2, 30)
    sample = 'odata_requests_total{entity_set="Label",options="none",status="200"}'
    assert all(gateway.get("Label(1)").status in (200, 404) for _ in range(asked))
    rows = 'odata_requests_total{entity_set="Label",options="none",status="404"}'
    wait_until(lambda: sample_value(scraped(port), sample) + sample_value(scraped(port), rows) == asked, 30)
    assert sample_value(scraped(port), "odata_pool_size") == 10
    before = workers_of(gateway)
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: set(workers_of(gateway)) - set(before) and living(port) == 2, 60)
    assert sample_value(scraped(port), sample) + sample_value(scraped(port), rows) == asked


def living(port):
    """The number of processes that a scrape knows of; none where it was the dead one that took the connection."""
    try:
        return sample_value(scraped(port), "odata_workers")
    except OSError:
        return 0


def test_a_request_is_one_json_line_that_names_its_statement(gateways, reader_dsn, request):
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_LOG_FORMAT="auto")
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    target = "Message?$top=5&$filter=contains(content,'e')"
    assert gateway.get(target, headers={"X-Request-Id": "my-id", "traceparent": parent}).status == 200
    wait_until(lambda: '"message":"request","id":"my-id"' in gateway.log(), 20)
    line = next(
        found for found in map(json.loads, gateway.log().splitlines()) if (found["message"], found.get("id")) == ("request", "my-id")
    )
    assert line["url"] == "Message?$top={int64}&$filter=contains(content,{string})" and line["outcome"] == "sent" and line["rows"] == 5
    assert line["trace"] == "4bf92f3577b34da6a3ce929d0e0e4736" and re.fullmatch("[0-9a-f]{12}", line["statement"])
    assert (line["backend"] > 0) == (request.config.getoption("--through") is None)
    assert 0 < line["ms"]["query"] <= line["ms"]["total"] and line["ms"]["first_row"] <= line["ms"]["last_row"] <= line["ms"]["total"]


def test_server_timing_is_for_those_who_ask(gateway):
    asked = {"X-Server-Timing": "1"}
    for target in ("Message?$top=1", "Message?$top=999", "Nothing"):  # at once, in pieces, refused
        shown = gateway.get(target, headers=asked).headers["server-timing"]
        assert re.fullmatch(r"parse;dur=[\d.]+, bind;dur=[\d.]+, wait;dur=[\d.]+, query;dur=[\d.]+, total;dur=[\d.]+", shown)
        assert "server-timing" not in gateway.get(target).headers


def test_server_timing_can_be_switched_off(gateways, reader_dsn):
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_SERVER_TIMING="false")
    assert "server-timing" not in gateway.get("Message(1)", headers={"X-Server-Timing": "1"}).headers


def test_spans_reach_their_collector_without_values(gateways, reader_dsn):
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with Collector() as collector:
        gateway = gateways(ODATA_DSN=reader_dsn, **collector.settings)
        assert gateway.get("Message?$top=2&$filter=content ne 'Quetzal'", headers={"traceparent": parent}).status == 200
        wait_until(lambda: b"GET Message" in collector.all(), 20)
        assert gateway.stop() == 0
    sent = collector.all()
    assert b"Message?$top={int64}&$filter=content ne {string}" in sent and bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736") in sent
    assert all(stage in sent for stage in (b"parse", b"bind", b"wait", b"query")) and b"Quetzal" not in sent and b"odata-gateway" in sent


@pytest.fixture
def sleeping(cluster, scratch):
    """Every statement that reads labels sleeps first, for longer than it takes to look at it."""
    make_slow(cluster, scratch, 60)


def asking(gateway, target, request_id="-"):
    """A client that has asked and reads nothing; it leaves with the block."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", gateway.port))
    head = f"Host: h\r\nAuthorization: Bearer {gateway.tokens.ADMIN}\r\nX-Request-Id: {request_id}"
    sock.sendall(f"GET /v1.0/odata/{target} HTTP/1.1\r\n{head}\r\n\r\n".encode())
    return sock


def test_a_slow_statement_is_told_while_it_runs_and_found_in_postgres(gateways, cluster, scratch, scratch_reader_dsn, sleeping, request):
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_SLOW_QUERY_MS="200", ODATA_LOG_FORMAT="json", ODATA_MODEL_CHECK_S="0")
    with asking(gateway, "Label?$filter=title%20eq%20'Ann'", "slow-one"):
        wait_until(lambda: '"id":"slow-one"' in gateway.log(), 20)
        line = next(
            found
            for found in map(json.loads, gateway.log().splitlines())
            if found["message"] == "slow statement" and "slow-one" in found["id"]
        )
        assert (
            line["state"] == "runs" and line["ms"] >= 200 and line["url"] == "Label?$filter=title eq {string}" and "Ann" not in line["sql"]
        )
        if request.config.getoption("--through") is None:
            running = cluster.psql(scratch, f"SELECT query FROM pg_stat_activity WHERE pid = {line['backend']}")
            assert running.startswith(f"/* odata {line['statement']} */ SELECT")
        time.sleep(1)  # longer than the setting: it is told once
    wait_until(lambda: '"message":"request"' in gateway.log(), 20)
    told = [found["message"] for found in map(json.loads, gateway.log().splitlines()) if found.get("id") == "slow-one"]
    assert told == ["slow statement", "request"]


def test_a_transaction_has_the_requests_id_in_its_application_name(gateways, cluster, scratch, scratch_reader_dsn, sleeping):
    """`$count` reads in a snapshot, which begins with a message of its own."""
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_MODEL_CHECK_S="0")
    names = f"SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'odata-gateway/named-one/%' AND datname = '{scratch}'"
    with asking(gateway, "Label?$count=true", "named-one"):
        wait_until(lambda: cluster.psql("postgres", names).strip() == "1", 20)
    wait_until(lambda: cluster.psql("postgres", names).strip() == "0", 20)


def test_clients_that_read_nothing_are_seen_and_then_that_they_left(gateways, cluster, scratch, scratch_reader_dsn):
    cluster.psql(scratch, "UPDATE messages SET content = repeat('content ', 1000) WHERE account_id = 1")  # more than any buffer holds
    port = free_port()
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_ADMIN_PORT=str(port), ODATA_SEND_TIMEOUT_S="600")
    with asking(gateway, "Message"):
        wait_until(lambda: sample_value(scraped(port), "odata_slow_clients") == 1, 30)
        text = scraped(port)
        assert sample_value(text, "odata_buffered_bytes") > 0 and sample_value(text, "odata_requests_running") == 1 == sample_value(
            text, "odata_connections"
        )
        wait_until(lambda: sample_value(scraped(port), "odata_pool_busy") == 0, 30)
    wait_until(lambda: "odata_broken_answers_total{" in scraped(port), 30)
    text = scraped(port)
    assert (
        sample_value(text, "odata_slow_clients") == 0 == sample_value(text, "odata_buffered_bytes")
        and sample_value(text, "odata_requests_running") == 0
    )


def test_statements_for_clients_that_left_are_counted_as_cancelled(gateways, cluster, scratch, scratch_reader_dsn, sleeping):
    port = free_port()
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_ADMIN_PORT=str(port), ODATA_MODEL_CHECK_S="0")
    with asking(gateway, "Label"):
        wait_until(lambda: sample_value(scraped(port), "odata_pool_busy") == 1, 30)
        waiting = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{scratch}' AND wait_event = 'PgSleep'"
        wait_until(lambda: cluster.psql("postgres", waiting).strip() == "1", 30)
    wait_until(lambda: sample_value(scraped(port), "odata_queries_cancelled_total") == 1, 30)
    assert sample_value(scraped(port), 'odata_requests_total{entity_set="Label",options="none",status="499"}') == 1
