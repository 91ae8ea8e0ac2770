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

EXPLAINED = {"Db.Model", "Db.Changed", "Db.Denied", "Db.Value", "Bind.Name", "Bind.Type", "Bind.Segment", "Db.Busy"}
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
        assert reply.status == 200 or reply.json()["error"]["code"] in ("Db.Model", "Db.Changed")  # looks are two seconds apart
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
            assert reply.status in (200, 400, 500, 503)
            json.loads(reply.body)


AUTO = """
CREATE TABLE kind (id int PRIMARY KEY, name varchar(10));
CREATE TABLE item (id int PRIMARY KEY, n int, t text, kind_id int REFERENCES kind);
CREATE VIEW seen AS SELECT id, n FROM item;
CREATE TABLE away (id int PRIMARY KEY);
CREATE FUNCTION items() RETURNS SETOF item LANGUAGE sql STABLE AS 'SELECT * FROM public.item';
INSERT INTO kind SELECT i, 'k' || i FROM generate_series(1, 20) AS i;
INSERT INTO item SELECT i, i, 't' || i, i FROM generate_series(1, 20) AS i;
GRANT SELECT ON kind, item, seen, away TO odata_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO odata_reader;
"""
ITEMS = "CREATE FUNCTION items() RETURNS SETOF item LANGUAGE sql STABLE AS 'SELECT * FROM public.item'"
KINDS = (  # of changes, each undone: a relation, a column, a type, the type of a kept plan's result, a right, a key, a function
    ("DROP TABLE away", "CREATE TABLE away (id int PRIMARY KEY)"),
    ("ALTER TABLE item RENAME TO items_away", "ALTER TABLE items_away RENAME TO item"),
    ("ALTER TABLE item RENAME n TO m", "ALTER TABLE item RENAME m TO n"),
    ("ALTER TABLE item DROP t", "ALTER TABLE item ADD t text"),
    ("ALTER TABLE kind ALTER name TYPE int USING 1", "ALTER TABLE kind ALTER name TYPE varchar(10)"),
    ("ALTER TABLE kind ALTER name TYPE text", "ALTER TABLE kind ALTER name TYPE varchar(10)"),
    ("DROP VIEW seen; CREATE VIEW seen AS SELECT id, n::text AS n FROM item", "DROP VIEW seen; CREATE VIEW seen AS SELECT id, n FROM item"),
    ("REVOKE SELECT ON kind FROM odata_reader", "GRANT SELECT ON kind TO odata_reader"),
    ("ALTER TABLE item DROP CONSTRAINT item_pkey", "ALTER TABLE item ADD PRIMARY KEY (id)"),
    ("DROP FUNCTION items()", ITEMS),
)
ASKED = (
    "item?$top=3", "item?$filter=n eq 5", "item(5)", "item?$expand=kind&$top=2", "item?$filter=contains(t,'t1')", "item/$count", "kind(4)/item",
    "kind?$filter=name eq 'k3'", "kind?$orderby=name", "seen?$filter=n eq 5", "away", "items()", "item?$apply=groupby((n),aggregate($count as c))",
    "item?$format=csv", "$all?$top=3", "$crossjoin(item,kind)?$top=2",
)  # fmt: skip
GONE = {"Bind.Name", "Bind.Segment", "Bind.Type", "Db.Denied", "Db.Value", "Db.Changed", "Db.Unavailable"}


@pytest.mark.parametrize("role", [None, "odata_reader"])
def test_t16_a_model_that_is_behind_is_no_fault(gateways, cluster, role):
    """Whatever changes in a database without a model: what is not there is 404 or 400, what the model does not know yet is 503 with a time
    to come again, and all is answered when the changes are over. A statement that a connection keeps is planned anew."""
    cluster.psql("postgres", "CREATE DATABASE changing")
    cluster.psql("changing", AUTO)
    settings = {"ODATA_MODEL_CHECK_S": "2"} | ({} if role is None else {"ODATA_ANON_ROLE": role})
    dsn = cluster.dsn(user="odata_reader", database="changing")
    try:
        with gateways(ODATA_DSN=dsn, ODATA_MODEL="auto", ODATA_HOST="127.0.0.1", **settings) as gateway:
            got, stop = Counter(), threading.Event()

            def ask(offset):
                for target in itertools.islice(itertools.cycle(ASKED), offset, None):
                    if stop.is_set():
                        return
                    reply = gateway.get(target, token=None)
                    code = reply.json()["error"]["code"] if reply.status != 200 else "200"
                    got[f"{target}: {code}" if code not in GONE | {"200"} else code] += 1
                    if reply.status == 503 and "retry-after" not in reply.headers:
                        got[f"{target}: 503 without Retry-After"] += 1

            threads = [threading.Thread(target=ask, args=(offset,)) for offset in (0, 5, 10)]
            for thread in threads:
                thread.start()
            ends = time.monotonic() + amount(6, 60)
            while time.monotonic() < ends:
                for change, undo in KINDS:
                    for statement in (change, undo):
                        cluster.psql("changing", f"SET lock_timeout = '5s'; {statement}")
                        time.sleep(0.05)
            stop.set()
            for thread in threads:
                thread.join()
            assert set(got) <= GONE | {"200"}, got
            assert got["200"] and got["Db.Changed"], got
            for target in ASKED:
                wait_until(lambda target=target: gateway.get(target, token=None).status == 200, 15)
    finally:
        cluster.psql("postgres", "DROP DATABASE changing WITH (FORCE)")


def test_t16_a_function_that_is_made_anew_is_answered_at_once(gateways, cluster):
    """Nothing of the model changes, and the statements that connections keep name what is no longer there."""
    cluster.psql("postgres", "CREATE DATABASE remade")
    cluster.psql("remade", AUTO)
    try:
        with gateways(ODATA_DSN=cluster.dsn(user="odata_reader", database="remade"), ODATA_MODEL="auto", ODATA_HOST="127.0.0.1") as gateway:
            for body in ("SELECT * FROM public.item", "SELECT * FROM public.item WHERE id < 100"):
                for language in ("LANGUAGE sql STABLE AS $$", "LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN QUERY "):
                    end = "; END $$" if "plpgsql" in language else "$$"
                    cluster.psql("remade", f"DROP FUNCTION items(); CREATE FUNCTION items() RETURNS SETOF item {language}{body}{end}")
                    assert len(gateway.get("items()", token=None).json()["value"]) == 20
                    cluster.psql("remade", "ALTER TABLE kind ALTER name TYPE text; ALTER TABLE kind ALTER name TYPE varchar(10)")
                    assert gateway.get("kind?$filter=name eq 'k3'", token=None).json()["value"][0]["id"] == 3
    finally:
        cluster.psql("postgres", "DROP DATABASE remade WITH (FORCE)")
