"""SIGHUP: the model and the database's address are read again from their files, while requests run and connections stay open."""

from __future__ import annotations

import http.client
import json
import signal
import threading
from pathlib import Path

import odata_gateway
import pytest
from odata_gateway.demo import tokens
from tests.harness.cluster import READER
from tests.harness.faults import wait_until
from tests.harness.gateway import free_port
from tests.harness.scrape import sample_value, scraped

TOKEN = {"Authorization": f"Bearer {tokens.ADMIN}"}
BUILT_IN = (Path(odata_gateway.__file__).parent / "edm" / "models" / "live_agent.json").read_text(encoding="utf-8")


LINKS = {"Message": "conversation", "Conversation": "messages", "Inbox": "conversations", "User": "messages"}
"""A link of each of these sets."""


def renamed(name):
    """The built-in model, in which the content of messages has another name."""
    model = json.loads(BUILT_IN)
    message = model["LiveAgent"]["Message"]
    message[name] = message.pop("content") | {"@Gateway.Column": "content"}
    return json.dumps(model)


class Client(threading.Thread):
    """Asks again and again over one connection, which it never opens anew; `names` are the properties it saw, in order of their coming."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.connect()
        self.socket = self.connection.sock
        self.names, self.faults, self.answers, self.over = [], [], 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.is_set():
            try:
                self.connection.request("GET", "/v1.0/odata/Message?$top=300", headers=TOKEN)
                response = self.connection.getresponse()
                body = json.loads(response.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.faults.append(repr(error))
                return
            if response.status != 200 or len(body["value"]) != 300 or self.connection.sock is not self.socket:
                self.faults.append((response.status, str(body)[:200]))
            found = {"content", "text", "words"} & set(body["value"][0])
            self.names += [name for name in found if self.names[-1:] != [name]]
            self.answers += 1

    def end(self):
        self.over.set()
        self.join()
        self.connection.close()


def reload(gateway, sign, count=1):
    """SIGHUP, until the log has a further `sign` from as many processes."""
    before = gateway.log().count(sign)
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: gateway.log().count(sign) >= before + count, 30)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_model_is_read_again_and_no_request_fails(gateways, reader_dsn, tmp_path, workers):
    path = tmp_path / "model.json"
    path.write_text(renamed("text"))
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_MODEL=str(path), ODATA_WORKERS=str(workers), ODATA_POOL_MAX="4")
    wait_until(lambda: gateway.log().count("listening on") == workers, 30)
    clients = [Client(gateway.port) for _ in range(6)]
    wait_until(lambda: all(client.answers > 2 for client in clients), 30)
    path.write_text("{")
    reload(gateway, "the model in use is kept", workers)
    path.write_text(renamed("words"))
    reload(gateway, "is in use", workers)
    wait_until(lambda: all(client.names[-1:] == ["words"] for client in clients), 30)
    reload(gateway, "has not changed", workers)
    for client in clients:
        client.end()
    assert [client.faults for client in clients] == [[]] * 6
    assert [client.names for client in clients] == [["text", "words"]] * 6
    assert b"words" in gateway.get("$metadata").body and "Traceback" not in gateway.log()


def test_what_was_in_use_is_compiled_for_the_new_model_before_it_is_asked_again(gateways, reader_dsn, tmp_path):
    path, port = tmp_path / "model.json", free_port()
    path.write_text(renamed("text"))
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_MODEL=str(path), ODATA_ADMIN_PORT=str(port))
    targets = [f"{name}?$top={top}&$select=id&$expand={link}($select=id)" for name, link in LINKS.items() for top in (1, 2)]
    targets += ["Message?$filter=id le 300&$count=true", "Message?$search=e&$top=3", "Message(1)", "Message/$count"]
    assert [gateway.get(target).status for target in (*targets, "Message(1)?$select=text")] == [200] * (len(targets) + 1)
    path.write_text(renamed("words"))
    reload(gateway, f"compiled again for the model as it is now: {len(targets) - len(LINKS)} queries")  # two of each link have one template
    misses = sample_value(scraped(port), "odata_compile_cache_misses_total")
    assert misses > 10
    assert [gateway.get(target).status for target in targets] == [200] * len(targets)
    assert sample_value(scraped(port), "odata_compile_cache_misses_total") == misses
    assert gateway.get("Message(1)?$select=text").status == 400 and gateway.get("Message(1)?$select=words").status == 200


def test_the_built_in_model_stays(gateways, reader_dsn):
    gateway = gateways(ODATA_DSN=reader_dsn)
    reload(gateway, "there is no file to read again")
    assert gateway.get("Message?$top=1").status == 200


def test_the_dsn_is_read_again_from_its_file(cluster, gateways, tmp_path):
    path = tmp_path / "dsn"
    path.write_text(f"postgresql://{READER}:hunter2@127.0.0.1:{free_port()}/live_agent")
    gateway = gateways(ODATA_DSN_FILE=str(path), wait_for="/health/liveness")
    assert gateway.get("Message?$top=1").status == 503
    path.write_text("hunter3")
    reload(gateway, "the DSN in use is kept")
    path.write_text(cluster.dsn(user=READER, tcp=True))
    reload(gateway, "new connections go to the database")
    wait_until(lambda: gateway.get("Message?$top=1").status == 200, 30)
    assert "hunter" not in gateway.log()


def test_a_dsn_that_leads_nowhere_is_not_used_until_it_leads_somewhere(cluster, gateways, tmp_path):
    path = tmp_path / "dsn"
    path.write_text(cluster.dsn(user=READER, tcp=True))
    gateway = gateways(ODATA_DSN_FILE=str(path))
    client = Client(gateway.port)
    wait_until(lambda: client.answers > 2, 30)
    path.write_text(f"postgresql://{READER}:hunter4@127.0.0.1:{free_port()}/live_agent")
    reload(gateway, "the DSN in use is kept until")
    path.write_text(cluster.dsn(user="odata_late", tcp=True).replace("odata_late@", "odata_late:hunter5@"))
    reload(gateway, "the DSN in use is kept until")
    answers = client.answers
    wait_until(lambda: client.answers > answers + 2, 30)
    cluster.psql("postgres", f"CREATE ROLE odata_late LOGIN IN ROLE {READER}")
    try:
        wait_until(lambda: "new connections go to the database" in gateway.log(), 30)
        answers = client.answers
        wait_until(lambda: client.answers > answers + 2, 30)
        client.end()
        assert client.faults == [] and gateway.get("Message?$top=1").status == 200
        assert "hunter" not in gateway.log() and "cannot be reached" not in gateway.log()
    finally:
        gateway.stop()
        cluster.psql("postgres", "DROP ROLE odata_late")
