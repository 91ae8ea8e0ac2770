"""T16: the tables change under load. Errors that say so, never a wrong row, and the last good model of what a look no longer finds.

Each change is undone, so that rows can be compared with what they were: a row is right if every value is the one of before, or, while its
column is away or has another type, null or that type's own.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest
from tests.harness.faults import wait_until
from tests.harness.figures import amount, record
from tests.harness.gateway import Gateway

EXPLAINED = {"Db.Model", "Db.Denied", "Db.Value", "Bind.Name", "Bind.Type", "Bind.Segment", "Db.Busy"}
COLUMNS = "id,content,status,inbox_id,created_at,private"
TARGETS = (
    f"Message?$select={COLUMNS}&$top=50",
    f"Message?$filter=status eq 1&$select={COLUMNS}&$top=50",
    f"Message?$select={COLUMNS}&$count=true&$top=5",
    "Message(1)",
    "Conversation(1)/messages?$orderby=created_at",
    "Conversation?$top=5&$expand=messages($select=id,status)",
    "Message/$count",
    f"Message?$select={COLUMNS}",
)
# (what is done, what undoes it); the reader's grants go with a dropped column, and come back as an administrator would give them
CHANGES = (
    ("ADD COLUMN extra text DEFAULT 'x'", "DROP COLUMN extra"),
    ("RENAME COLUMN status TO state", "RENAME COLUMN state TO status"),
    ("ALTER COLUMN status TYPE bigint", "ALTER COLUMN status TYPE integer"),
    ("ALTER COLUMN status TYPE text", "ALTER COLUMN status TYPE integer USING status::integer"),
    ("ALTER COLUMN content TYPE varchar", "ALTER COLUMN content TYPE text"),
    (
        "ALTER COLUMN private DROP DEFAULT, ALTER COLUMN private TYPE integer USING private::integer",
        "ALTER COLUMN private TYPE boolean USING private::boolean",
    ),
    ("ALTER COLUMN created_at TYPE timestamptz", "ALTER COLUMN created_at TYPE timestamp"),
    ("RENAME TO messages_away", None),
)


@dataclass
class Load:
    """A client that asks without pause; what it got, by status and code, what was wrong, and which targets were answered in which round of
    changes."""

    gateway: Gateway
    known: dict[int, dict[str, object]]
    stop: threading.Event = field(default_factory=threading.Event)
    got: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    round: int = 0
    answered: set[tuple[int, str]] = field(default_factory=set)

    def run(self) -> None:
        for target in itertools.cycle(TARGETS):
            if self.stop.is_set():
                return
            try:
                reply = self.gateway.get(target)
            except Exception as error:  # an answer that broke in the middle looks broken: that is explained
                self.got[type(error).__name__] += 1
                continue
            if reply.status == 200:
                self.got["200"] += 1
                self.answered.add((self.round, target))
                self.check(target, reply.body)
            else:
                code = reply.json()["error"]["code"]
                self.got[code] += 1
                if code not in EXPLAINED:
                    self.wrong.append(f"{target}: {reply.body.decode()[:500]}")

    def check(self, target: str, body: bytes) -> None:
        if target.endswith("$count"):
            return
        document = json.loads(body)
        for row in document.get("value", [document]):
            for message in row.get("messages", [row]):
                self.check_row(target, message)

    def check_row(self, target: str, row: dict[str, object]) -> None:
        known = self.known[row["id"]]
        for name, value in row.items():
            if name.startswith("@") or value is None or value == known[name]:
                continue
            if name == "status" and value == str(known[name]):
                continue  # while the column is a text
            if name == "private" and value == int(known[name]):
                continue  # while the column is a number
            self.wrong.append(f"{target}: {row['id']}.{name} is {value!r}, was {known[name]!r}")


@pytest.fixture
def gateway(gateways, scratch_reader_dsn):
    return gateways(ODATA_DSN=scratch_reader_dsn, ODATA_MODEL_CHECK_S="0")


def altered(cluster, scratch, change):
    cluster.psql(scratch, f"SET lock_timeout = '5s'; ALTER TABLE messages {change}")


def changed_and_back(cluster, scratch):
    """All changes, each of them undone after half a second."""
    for change, undo in CHANGES:
        altered(cluster, scratch, change)
        time.sleep(0.5)
        if undo is not None:
            altered(cluster, scratch, undo)
        else:
            cluster.psql(scratch, "ALTER TABLE messages_away RENAME TO messages")
        time.sleep(0.5)


def test_t16_changes_under_load_are_explained_and_no_row_is_wrong(gateway, cluster, scratch):
    known = {row["id"]: row for page in gateway.pages("Message") for row in page}
    loads = [Load(gateway, known) for _ in range(3)]
    threads = [threading.Thread(target=load.run) for load in loads]
    for thread in threads:
        thread.start()
    seconds, started, rounds = amount(10, 60), time.monotonic(), 0
    try:
        while time.monotonic() - started < seconds:
            for load in loads:
                load.round = rounds
            changed_and_back(cluster, scratch)
            rounds += 1
    finally:
        for load in loads:
            load.stop.set()
        for thread in threads:
            thread.join()
    got = sum((load.got for load in loads), Counter())
    record("T16", "schema changes", 2 * len(CHANGES) * rounds, how="sum")
    record("T16", "answers under changes", sum(got.values()), how="sum")
    record("T16", "wrong rows or unexplained errors", sum(len(load.wrong) for load in loads), how="sum", at_most=0)
    assert not [wrong for load in loads for wrong in load.wrong][:10]
    # Errors are made faster than answers, so that their numbers say little: what counts is that no target stays refused.
    answered = set().union(*(load.answered for load in loads))
    assert {(number, target) for number in range(rounds) for target in TARGETS} <= answered
    wait_until(lambda: gateway.get("Message(1)").status == 200, 10)


def test_t16_a_dropped_column_reads_as_null_and_a_new_one_after_a_look(gateways, cluster, scratch, scratch_reader_dsn):
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_MODEL_CHECK_S="1")
    assert gateway.get("Message(1)?$select=status").json()["status"] is not None
    altered(cluster, scratch, "DROP COLUMN status")

    def reads_as_null():
        reply = gateway.get("Message(1)?$select=status")
        assert reply.status == 200 or reply.json()["error"]["code"] == "Db.Model"  # looks are two seconds apart
        return reply.status == 200 and reply.json()["status"] is None

    wait_until(reads_as_null, 15)
    assert "messages.status: the column does not exist" in gateway.log()
    altered(cluster, scratch, "ADD COLUMN status integer DEFAULT 7")
    cluster.psql(scratch, "GRANT SELECT (status) ON messages TO odata_reader")
    wait_until(lambda: gateway.get("Message(1)?$select=status").json().get("status") == 7, 15)


def test_t16_a_look_that_finds_less_keeps_the_last_good_model(gateway, cluster, scratch):
    before = gateway.get("$metadata").body
    time.sleep(2)
    altered(cluster, scratch, "RENAME TO messages_away")
    for _ in range(3):
        reply = gateway.get("Message(1)")
        assert (reply.status, reply.json()["error"]["code"]) == (500, "Db.Model")
        assert gateway.get("Conversation(1)").status == 200
        time.sleep(0.8)
    assert gateway.get("$metadata").body == before
    cluster.psql(scratch, "ALTER TABLE messages_away RENAME TO messages")
    assert gateway.get("Message(1)").status == 200
    assert gateway.log().count("messages: the table does not exist") == 1
    assert gateway.log().count("kept in the model as before, and refused until the table is back or a restart leaves it out: Message") == 1


def test_t16_a_table_that_is_gone_for_good_does_not_keep_other_changes_away(gateways, cluster, scratch, scratch_reader_dsn):
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_MODEL_CHECK_S="1")
    known = gateway.get("Conversation(1)?$expand=messages($select=id;$top=2)").json()
    altered(cluster, scratch, "RENAME TO messages_away")
    wait_until(lambda: "restart leaves it out: Message" in gateway.log(), 15)
    cluster.psql(scratch, "ALTER TABLE labels DROP COLUMN description; ALTER TABLE conversations ALTER COLUMN status TYPE bigint")
    wait_until(lambda: gateway.get("Label(1)").status == 200 and gateway.get("Label(1)").json()["description"] is None, 15)
    metadata = gateway.get("$metadata?$format=json").json()["LiveAgent"]
    assert metadata["Conversation"]["status"]["$Type"] == "Edm.Int64" and "messages" in metadata["Conversation"]
    plain = gateway.get("Conversation(1)").json() | {"@odata.context": known["@odata.context"]}
    assert plain == {name: value for name, value in known.items() if not name.startswith("messages")}
    for target in ("Message(1)", "Message", "Conversation(1)?$expand=messages", "Conversation?$filter=messages/any()"):
        reply = gateway.get(target)
        assert (reply.status, reply.json()["error"]["code"]) == (500, "Db.Model")
    cluster.psql(scratch, "ALTER TABLE messages_away RENAME TO messages")
    assert gateway.get("Conversation(1)?$expand=messages($select=id;$top=2)").json()["messages"] == known["messages"]
    assert gateway.log().count("the table does not exist") == gateway.log().count("restart leaves it out") == 1


def test_t16_a_retyped_column_is_served_as_what_it_is_now(gateway, cluster, scratch):
    """A number that became a text is no JSON number: it is refused, or has a place in the new model, but never stands bare in the JSON."""
    assert gateway.get("Message(1)?$select=status").status == 200
    time.sleep(2)
    altered(cluster, scratch, 'ALTER COLUMN status DROP DEFAULT, ALTER COLUMN status TYPE text USING \'1,"content":"forged"\'')
    for target in ("Message(1)", "Message?$top=3&$select=status", "Message(1)/status", "Message?$filter=status eq 1"):
        for _ in range(2):
            reply = gateway.get(target)
            assert b'"forged"' not in reply.body.replace(b"\\", b""), reply.body[:500]
            assert reply.status in (200, 400, 500)
            json.loads(reply.body)
