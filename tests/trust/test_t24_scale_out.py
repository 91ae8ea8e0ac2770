"""T24: any instance answers any page, also one that was not there when the export began; and instances may die all the while."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import random
import signal
import threading
import time
from urllib.parse import urlsplit

import pytest
from tests.harness.figures import amount, record
from tests.harness.fronts import DOMAIN, Front, nginx
from tests.harness.gateway import Gateway, free_port, start_gateway

ROWS, PAGE_ROWS = amount(30_000, 1_000_000), 1000
PAUSE_S = 1.5 if ROWS < 100_000 else 3.0
"""Between two kills."""
READ = "/v1.0/odata/Message?$select=id,content,created_at&$filter=account_id eq 1".replace(" ", "%20")


class Instance:
    """A gateway on a port of its own, which can be ended and started again there."""

    def __init__(self, dsn: str) -> None:
        self._settings = {"ODATA_DSN": dsn, "ODATA_PORT": str(free_port()), "ODATA_PAGE_ROWS": str(PAGE_ROWS)}
        self.port = int(self._settings["ODATA_PORT"])
        self._gateway = self._started()

    def _started(self) -> Gateway:
        gateway = start_gateway(wait_for="", **self._settings)
        gateway.port = self.port
        return gateway

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self._gateway.ask("GET", "/health/readiness").status == 200:
                    return
            time.sleep(0.02)
        raise AssertionError(self._gateway.log())

    def end(self, how: signal.Signals) -> None:
        self._gateway.process.send_signal(how)
        self._gateway.process.wait(30)
        self._gateway.forget_log()

    def again(self) -> None:
        self._gateway = self._started()
        self.wait()


@pytest.fixture(scope="module")
def three(own_cluster):
    """Three instances over a table of ROWS rows, and the ids of these rows."""
    postgres = own_cluster(tcp=True)
    postgres.load()
    postgres.psql(
        "live_agent",
        f"""
        DELETE FROM messages;
        INSERT INTO messages (id, content, account_id, inbox_id, conversation_id, message_type, created_at, updated_at)
        SELECT 3 * i, 'message ' || md5(i::text), 1, 1, 1, 0, timestamp '2022-01-01' + i * interval '1 second', timestamp '2022-01-01'
        FROM generate_series(1, {ROWS}) AS i;
        ANALYZE messages;
        """,
    )
    instances = [Instance(postgres.dsn(user="odata_reader")) for _ in range(3)]
    for instance in instances:
        instance.wait()
    yield instances
    for instance in instances:
        instance.end(signal.SIGKILL)


def assert_complete(ids: list[int]) -> None:
    assert ids == list(range(3, 3 * ROWS + 1, 3))


def page_of(port: int, target: str):
    """One whole page, from an instance that is known by its port."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", target, headers={"Host": "odata.example.test", "Authorization": "Bearer demoAdminOfAccountOne001"})
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    assert reply.status == 200, body
    return json.loads(body)


def test_t24_any_instance_answers_any_page_and_so_does_one_that_is_new(three):
    """Pages from instances at random; two of the three are restarted in between."""
    chance, ids, target = random.Random(24), list[int](), READ + "&$orderby=created_at%20desc"
    restarts = {ROWS // PAGE_ROWS * step // 3: three[step] for step in (1, 2)}
    for number in itertools.count():
        if number in restarts:
            restarts[number].end(signal.SIGTERM)
            restarts[number].again()
        page = page_of(chance.choice(three).port, target)
        ids += [row["id"] for row in page["value"]]
        if "@odata.nextLink" not in page:
            break
        link = urlsplit(page["@odata.nextLink"])
        target = f"{link.path}?{link.query}"
    assert_complete(ids[::-1])


class Killer(threading.Thread):
    """Kills one instance after the other, and starts each again, until told to stop."""

    def __init__(self, instances: list[Instance]) -> None:
        super().__init__()
        self._instances = instances
        self.stop, self.kills, self.fault = threading.Event(), 0, None

    def run(self) -> None:
        try:
            for instance in itertools.cycle(self._instances):
                if self.stop.wait(PAUSE_S):
                    return
                instance.end(signal.SIGKILL)
                self.kills += 1
                instance.again()
        except BaseException as error:
            self.fault = error


def whole_page(front: Front, url: str):
    """A page, or None where it broke off, or where nginx found no instance (502)."""
    try:
        reply = front.get(url)
    except (OSError, http.client.HTTPException):
        return None
    assert reply.status in (200, 502), reply.body
    return reply.json() if reply.status == 200 else None


def test_t24_instances_that_die_behind_nginx_cost_an_export_no_row(three):
    """A client follows nextLink and asks again for a page that broke off, as clients do; the rest is between nginx and the instances."""
    killer, ids, broken = Killer(three), list[int](), 0
    with nginx(*(instance.port for instance in three)) as front:
        url = f"https://{DOMAIN}:{front.port}{READ}"
        killer.start()
        try:
            while url:
                page = whole_page(front, url)
                if page is None:
                    broken += 1
                    assert broken < 10 * (killer.kills + 1)
                    time.sleep(0.2)
                    continue
                ids += [row["id"] for row in page["value"]]
                url = page.get("@odata.nextLink", "")
                if not url and killer.kills < 2:  # too fast for two deaths: once more
                    assert_complete(ids)
                    url, ids = f"https://{DOMAIN}:{front.port}{READ}", []
        finally:
            killer.stop.set()
            killer.join()
    assert killer.fault is None
    assert_complete(ids)
    record("T24", "rows read while instances died", len(ids), how="sum", at_least=ROWS)
    record("T24", "instances killed", killer.kills, how="sum")
    record("T24", "pages that did not come whole and were asked for again", broken, how="sum")
