"""A key is proven before a row is served: null in a row or the same in two rows is a fault with a name, and no row is ever left out.

Tables and views of the tests' own stand beside the sample data, whose tokens get in.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.harness import own_model, tokens
from tests.harness.faults import wait_until
from tests.harness.own_model import entity, navigation

SQL = """
CREATE SCHEMA own; GRANT USAGE ON SCHEMA own TO odata_reader;
CREATE TABLE own.base (id int PRIMARY KEY, code text UNIQUE, name text, boss int, account_id int NOT NULL DEFAULT 1);
INSERT INTO own.base VALUES (1, 'a', 'one', NULL), (2, 'b', 'two', 1), (3, NULL, 'three', 1), (4, NULL, 'four', 3);
CREATE VIEW own.through AS SELECT id, name, boss FROM own.base WHERE id > 0;
CREATE VIEW own.through_twice AS SELECT id AS number, upper(name) AS name FROM own.through;
CREATE VIEW own.grouped AS SELECT account_id AS owner, count(*) AS n FROM own.base GROUP BY account_id;
CREATE VIEW own.distinct_ids AS SELECT DISTINCT id FROM own.base;
CREATE VIEW own.joined AS SELECT b.id, b.name, c.name AS boss_name FROM own.base b LEFT JOIN own.base c ON c.id = b.boss;
CREATE VIEW own.bosses AS SELECT boss, count(*) AS n FROM own.base GROUP BY boss;
CREATE VIEW own.rolled AS SELECT id, count(*) AS n FROM own.base GROUP BY ROLLUP (id);
CREATE VIEW own.outer_null AS SELECT c.id, b.name FROM own.base b LEFT JOIN own.base c ON c.id = b.boss AND b.id = 2;
CREATE VIEW own.twins AS SELECT 1 AS id, 'a' AS v UNION ALL SELECT 1, 'b' UNION ALL SELECT 2, 'c';
CREATE VIEW own.two_columns AS SELECT * FROM (VALUES (1, 'x'), (1, 'y'), (2, 'x')) AS v (a, b);
CREATE VIEW own.two_columns_null AS SELECT * FROM (VALUES (1, 'x'), (1, NULL), (2, 'x')) AS v (a, b);
CREATE VIEW own.slow_key AS SELECT g + coalesce(length(pg_sleep(0.3)::text), 0) AS id, 'v'::text AS v FROM generate_series(1, 3) g;
CREATE TABLE own.parent (id int PRIMARY KEY, v text); CREATE TABLE own.child () INHERITS (own.parent);
INSERT INTO own.parent VALUES (1, 'p'), (2, 'p'); INSERT INTO own.child VALUES (1, 'c');
CREATE TABLE own.parted (id int, part int, v text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE own.parted_1 PARTITION OF own.parted FOR VALUES IN (1); CREATE TABLE own.parted_2 PARTITION OF own.parted FOR VALUES IN (2);
INSERT INTO own.parted VALUES (1, 1, 'a'), (1, 2, 'b');
CREATE TABLE own.covering (id int NOT NULL, v int); CREATE UNIQUE INDEX ON own.covering (id) INCLUDE (v);
CREATE TABLE own.covered (id int NOT NULL, v int NOT NULL, UNIQUE (v) INCLUDE (id)); INSERT INTO own.covered VALUES (1, 1), (1, 2);
CREATE TABLE own.not_distinct (code text, v int, UNIQUE NULLS NOT DISTINCT (code)); INSERT INTO own.not_distinct VALUES ('a', 1), (NULL, 2);
CREATE TABLE own.partial (id int NOT NULL, v text); CREATE UNIQUE INDEX ON own.partial (id) WHERE v = 'x';
INSERT INTO own.partial VALUES (1, 'x'), (1, 'y');
CREATE TABLE own.deferred (id int NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED, v text); INSERT INTO own.deferred VALUES (1, 'x'), (2, 'y');
CREATE TABLE own.by_expression (code text NOT NULL, v int); CREATE UNIQUE INDEX ON own.by_expression (lower(code));
INSERT INTO own.by_expression VALUES ('a', 1), ('b', 2);
CREATE MATERIALIZED VIEW own.stored AS SELECT id, name FROM own.base; CREATE UNIQUE INDEX ON own.stored (id);
CREATE TABLE own.late (id int, v text); INSERT INTO own.late SELECT g, 'v' || g FROM generate_series(1, 9) g;
CREATE VIEW own.late_view AS SELECT id, v FROM own.late;
CREATE TABLE own.late_owner (id int PRIMARY KEY, late_id int); INSERT INTO own.late_owner VALUES (1, 1), (2, 9);
CREATE TABLE own.secured (id int, v text); ALTER TABLE own.secured ENABLE ROW LEVEL SECURITY;
INSERT INTO own.secured VALUES (1, 'a'), (1, 'b'), (2, 'c'); CREATE POLICY hides ON own.secured USING (v <> 'b');
CREATE VIEW own.secured_view WITH (security_invoker = true) AS SELECT id, v FROM own.secured;
GRANT SELECT ON ALL TABLES IN SCHEMA own TO odata_reader;
"""


@pytest.fixture
def own(cluster, scratch):
    cluster.psql(scratch, SQL)


def plain(table, key="id", **annotations):
    names = {"id": "Int32", "v": "String?"} if "," not in key else {name: "Int32" if name in "ab" else "String" for name in key.split(",")}
    return entity(key, names, table, **annotations)


def checked(dsn, folder, types, **settings):
    """Start `check` on a model; its exit status and its lines."""
    path = folder / "checked.json"
    path.write_text(json.dumps(own_model.document(types)))
    environment = {"ODATA_DSN": dsn, "ODATA_MODEL": str(path), "PATH": "/usr/bin"} | settings
    done = subprocess.run([sys.executable, "-m", "odata_gateway", "check"], capture_output=True, text=True, env=environment, timeout=60)
    return done.returncode, done.stdout


PROVEN = {
    "Table": entity("id", {"id": "Int32", "name": "String?"}, "base"),
    "Through": entity("id", {"id": "Int32", "name": "String?"}, "through"),
    "Twice": entity("number", {"number": "Int32", "name": "String?"}, "through_twice"),
    "Grouped": entity("owner", {"owner": "Int32", "n": "Int64?"}, "grouped"),
    "Distinct": entity("id", {"id": "Int32"}, "distinct_ids"),
    "Part": entity("id,part", {"id": "Int32", "part": "Int32", "v": "String?"}, "parted"),
    "Covering": entity("id", {"id": "Int32", "v": "Int32?"}, "covering"),
    "Stored": entity("id", {"id": "Int32", "name": "String?"}, "stored"),
    "Joined": entity("id", {"id": "Int32", "boss_name": "String?"}, "joined"),
    "Deferred": plain("deferred"),
    "Expression": entity("code", {"code": "String", "v": "Int32?"}, "by_expression"),
    "Pair": entity("a,b", {"a": "Int32", "b": "String"}, "two_columns"),
    "Wider": entity("id,name", {"id": "Int32", "name": "String"}, "stored"),
}
NULLS = {
    "Code": (entity("code", {"code": "String", "name": "String?"}, "base"), "code"),
    "Boss": (entity("boss", {"boss": "Int32", "n": "Int64?"}, "bosses"), "boss"),
    "Rolled": (entity("id", {"id": "Int32", "n": "Int64?"}, "rolled"), "id"),
    "Outer": (entity("id", {"id": "Int32", "name": "String?"}, "outer_null"), "id"),
    "NotDistinct": (entity("code", {"code": "String", "v": "Int32?"}, "not_distinct"), "code"),
    "PairNull": (entity("a,b", {"a": "Int32", "b": "String"}, "two_columns_null"), "b"),
}
TWINS = {
    "Twin": plain("twins"),
    "Parent": plain("parent"),
    "Partial": plain("partial"),
    "Covered": entity("id", {"id": "Int32", "v": "Int32?"}, "covered"),
}


def test_a_proven_key_serves_every_row_on_pages_of_every_size(gateways, own, scratch_reader_dsn, tmp_path):
    gateway = own_model.serve(gateways, tmp_path, scratch_reader_dsn, PROVEN)
    for name in PROVEN:
        whole = gateway.get(f"{name}s")
        assert whole.status == 200, (name, whole.body, gateway.log())
        for size in (1, 2, 3):
            pages = gateway.pages(f"{name}s", headers={"Prefer": f"maxpagesize={size}"})
            assert [row for page in pages for row in page] == whole.rows, (name, size)
    assert "key" not in gateway.log()


def test_a_key_that_is_null_in_a_row_or_the_same_in_two_is_refused_by_name_and_other_sets_are_served(
    gateways, own, scratch_reader_dsn, tmp_path
):
    types = {"Table": PROVEN["Table"]} | {name: found for name, (found, _) in NULLS.items()} | TWINS
    gateway = own_model.serve(gateways, tmp_path, scratch_reader_dsn, types)
    assert len(gateway.get("Tables").rows) == 4
    reasons = {name: f"its key is null in a row: {name}s.{prop}" for name, (_, prop) in NULLS.items()}
    reasons |= dict.fromkeys(TWINS, "two rows have the same key")
    for name, reason in reasons.items():
        for target in (
            f"{name}s",
            f"{name}s/$count",
            f"{name}s?$top=1",
            f"Tables?$filter=$root/{name}s/$count gt 0",
            f"$crossjoin({name}s,Tables)",
        ):
            reply = gateway.get(target)
            if reply.status == 501:
                continue
            error = reply.json()["error"]
            assert (reply.status, error["code"]) == (500, "Db.Key"), (target, reply.body)
            assert reason in error["message"] and f"{name}s" in error["message"]
        assert gateway.log().count(f"error: own.{types[name]['@Gateway.Table'].removeprefix('own.')}: {name}s cannot be served") == 1
    assert {s["name"] for s in gateway.get("").rows} == {"Tables"}
    assert not [name for name in reasons if f'EntityType Name="{name}"'.encode() in gateway.get("$metadata").body]


def test_check_tells_every_disproved_key(own, scratch_reader_dsn, tmp_path):
    types = {"Table": PROVEN["Table"]} | {name: found for name, (found, _) in NULLS.items()} | TWINS
    status, text = checked(scratch_reader_dsn, tmp_path, types)
    assert status == 1 and text.count("cannot be served") == len(NULLS) + len(TWINS)
    status, text = checked(scratch_reader_dsn, tmp_path, PROVEN)
    assert status == 0 and "the database has everything the model names" in text


UNDECIDED = {
    "Slow": (entity("id", {"id": "Int32", "v": "String?"}, "slow_key"), "takes longer than 0.5 s"),
    "Secured": (plain("secured"), "row-level security"),
    "Invoker": (plain("secured_view"), "row-level security"),
}


def test_an_undecided_key_is_refused_unless_the_model_vouches_for_it(gateways, own, scratch_reader_dsn, tmp_path):
    types = {name: found for name, (found, _) in UNDECIDED.items()}
    vouched = {f"{name}V": found | {"@Gateway.KeyIsUnique": True} for name, found in types.items()}
    vouched["TwinV"] = TWINS["Twin"] | {"@Gateway.KeyIsUnique": True}
    gateway = own_model.serve(gateways, tmp_path, scratch_reader_dsn, types | vouched, ODATA_KEY_CHECK_S="0.5")
    wait_until(lambda: gateway.get("SlowVs?$top=1").status == 200, 10)
    for name, (_, reason) in UNDECIDED.items():
        error = gateway.get(f"{name}s").json()["error"]
        assert error["code"] == "Db.Key" and reason in error["message"] and "@Gateway.KeyIsUnique" in error["message"]
        assert gateway.get(f"{name}Vs").status == 200
        assert f"the key of {name}Vs is not proven" in gateway.log()
    assert gateway.get("TwinVs").json()["error"]["code"] == "Db.Key"
    status, text = checked(scratch_reader_dsn, tmp_path, types | vouched, ODATA_KEY_CHECK_S="0.5")
    assert status == 1 and text.count("note: ") == 3 and text.count("error: ") == 4
    status, text = checked(scratch_reader_dsn, tmp_path, {"Pair": PROVEN["Pair"]}, ODATA_KEY_CHECK_S="0")
    assert status == 1 and "ODATA_KEY_CHECK_S is 0" in text


LATE = {
    "Late": entity("id", {"id": "Int32", "v": "String?"}, "late_view"),
    "LateTable": entity("id", {"id": "Int32", "v": "String?"}, "late"),
}


@pytest.mark.parametrize(
    "target",
    [
        "Lates", "LateTables", "Lates?$orderby=id desc", "Lates?$orderby=v", "Lates?$orderby=v desc", "Lates?$select=v", "Lates/$count",
        "Lates?$filter=v ne 'x'", "Lates/$ref", "Lates?$apply=filter(v ne 'x')", "Lates?$apply=groupby((v))", "Lates?$top=1",
        "Owners?$expand=all", "Owners?$expand=all($top=1)", "Owners?$expand=all/$ref", "Owners?$filter=all/any(l:l/v eq 'zz')",
    ],
)  # fmt: skip
def test_a_null_that_comes_later_breaks_every_answer_that_meets_it(target, gateways, own, cluster, scratch, scratch_reader_dsn, tmp_path):
    cluster.psql(scratch, "ALTER TABLE own.late ADD owner int DEFAULT 1; CREATE OR REPLACE VIEW own.late_view AS SELECT * FROM own.late")
    owner = entity("id", {"id": "Int32", "late_id": "Int32?"}, "late_owner")
    owner |= {"all": navigation("Late", "source.id = target.owner", many=True), "one": navigation("Late", "source.late_id = target.owner")}
    gateway = own_model.serve(gateways, tmp_path, scratch_reader_dsn, LATE | {"Owner": owner}, ODATA_MODEL_CHECK_S="0")
    assert gateway.get(target).status == 200, gateway.get(target).body
    cluster.psql(scratch, "INSERT INTO own.late VALUES (NULL, 'zz')")
    for size in (1, 2, 3, 100):
        found, link = [], target
        while link:
            reply = gateway.get(link, headers={"Prefer": f"maxpagesize={size}"})
            if reply.status != 200:
                break
            found += reply.json().get("value", []) if reply.body.startswith(b"{") else []
            link = reply.json().get("@odata.nextLink") if reply.body.startswith(b"{") else None
        error = reply.json()["error"] if reply.status != 200 else None
        assert error is not None and (reply.status, error["code"]) == (500, "Db.Key"), (size, found, reply.body)
        assert error["message"] in ("the key of a row is null: Lates.id", "the key of a row is null: LateTables.id")


def test_a_null_beyond_the_first_bytes_breaks_the_connection(gateways, own, cluster, scratch, scratch_reader_dsn, tmp_path):
    cluster.psql(scratch, "INSERT INTO own.late SELECT g, repeat('x', 200) FROM generate_series(10, 60000) g")
    gateway = own_model.serve(
        gateways, tmp_path, scratch_reader_dsn, {"Late": LATE["Late"]}, ODATA_MODEL_CHECK_S="0", ODATA_PAGE_ROWS="100000"
    )
    assert len(gateway.get("Lates?$orderby=v desc").rows) == 60000
    cluster.psql(scratch, "INSERT INTO own.late VALUES (NULL, 'a')")
    try:
        reply = gateway.get("Lates?$orderby=v desc")
    except Exception as broken:
        assert "IncompleteRead" in type(broken).__name__
    else:
        assert reply.json()["error"]["code"] == "Db.Key"
    wait_until(lambda: "the key of a row is null: Lates.id" in gateway.log(), 5)


def test_keys_are_proven_again_while_the_service_runs(gateways, own, cluster, scratch, scratch_reader_dsn, tmp_path):
    gateway = own_model.serve(
        gateways, tmp_path, scratch_reader_dsn, {"Late": LATE["Late"], "Table": PROVEN["Table"]}, ODATA_MODEL_CHECK_S="1"
    )
    assert len(gateway.get("Lates").rows) == 9
    cluster.psql(scratch, "INSERT INTO own.late VALUES (5, 'again')")
    wait_until(lambda: gateway.get("Lates").status == 500, 15)
    assert "two rows have the same key: Lates.id" in gateway.get("Lates").json()["error"]["message"]
    assert gateway.get("Tables").status == 200
    cluster.psql(scratch, "DELETE FROM own.late WHERE v = 'again'")
    wait_until(lambda: gateway.get("Lates").status == 200, 15)
    cluster.psql(scratch, "INSERT INTO own.late VALUES (NULL, 'null')")
    wait_until(lambda: "null in a row" in gateway.get("Lates").json().get("error", {}).get("message", ""), 15)


def test_a_null_of_another_account_breaks_nobody_elses_answer(gateways, own, cluster, scratch, scratch_reader_dsn, tmp_path):
    cluster.psql(
        scratch,
        "ALTER TABLE own.late ADD account_id int NOT NULL DEFAULT 1; CREATE OR REPLACE VIEW own.late_view AS SELECT id, v, account_id FROM own.late",
    )
    types = {"Late": entity("id", {"id": "Int32", "v": "String?"}, "late_view", Account="account_id")}
    gateway = own_model.serve(gateways, tmp_path, scratch_reader_dsn, types, ODATA_MODEL_CHECK_S="0")
    cluster.psql(scratch, "INSERT INTO own.late VALUES (NULL, 'theirs', 2)")
    for target in ("Lates", "Lates?$orderby=v", "Lates/$count", "Lates?$apply=groupby((v))"):
        assert gateway.get(target).status == 200, gateway.get(target).body
    assert gateway.get("Lates", token=tokens.BOTH_ADMIN).json()["error"]["code"] == "Db.Key"


def test_proofs_by_index_and_rule_read_nothing(own, scratch_reader_dsn, tmp_path):
    types = {name: PROVEN[name] for name in ("Table", "Through", "Twice", "Grouped", "Distinct", "Part", "Covering")}
    status, text = checked(scratch_reader_dsn, tmp_path, types, ODATA_KEY_CHECK_S="0")
    assert status == 0, text


@pytest.mark.parametrize("sharded", ["true", "false"])
@pytest.mark.parametrize(
    "target", ["Lates", "Lates?$orderby=v desc", "Lates/$count", "Owners?$expand=all", "Owners?$expand=all/$ref", "Lates?$orderby=id desc"]
)
def test_a_null_of_one_of_several_accounts_breaks_the_answer(
    target, sharded, gateways, own, cluster, scratch, scratch_reader_dsn, tmp_path
):
    cluster.psql(
        scratch,
        """ALTER TABLE own.late ADD account_id int NOT NULL DEFAULT 1, ADD owner int NOT NULL DEFAULT 1;
        CREATE OR REPLACE VIEW own.late_view AS SELECT id, v, account_id, owner FROM own.late; UPDATE own.late SET account_id = 2 WHERE id > 5;
        ALTER TABLE own.late_owner ADD account_id int NOT NULL DEFAULT 1; UPDATE own.late_owner SET account_id = 2 WHERE id = 2;""",
    )
    types = {
        "Late": entity("id", {"id": "Int32", "v": "String?"}, "late_view", Account="account_id"),
        "Owner": entity("id", {"id": "Int32"}, "late_owner", Account="account_id")
        | {"all": navigation("Late", "source.id = target.owner", "source.account_id = target.account_id", many=True)},
    }
    settings = {"ODATA_MODEL_CHECK_S": "0", "ODATA_SHARDED": sharded}
    gateway = own_model.serve(gateways, tmp_path, scratch_reader_dsn, types, **settings)
    assert gateway.get(target, token=tokens.BOTH_ADMIN).status == 200
    cluster.psql(scratch, "INSERT INTO own.late VALUES (NULL, 'zz', 2, 2)")
    for size in (1, 2, 100):
        link, reply = target, None
        while link:
            reply = gateway.get(link, token=tokens.BOTH_ADMIN, headers={"Prefer": f"maxpagesize={size}"})
            link = reply.json().get("@odata.nextLink") if reply.status == 200 and reply.body.startswith(b"{") else None
        assert (reply.status, reply.json()["error"]["code"]) == (500, "Db.Key"), reply.body
    assert gateway.get(target).status == 200


def test_a_key_that_is_shown_as_null_is_a_null(gateways, cluster, scratch, scratch_reader_dsn, tmp_path):
    """An infinite time is shown as null; as a key it cannot be left out."""
    cluster.psql(
        scratch,
        """CREATE SCHEMA own; GRANT USAGE ON SCHEMA own TO odata_reader; CREATE TABLE own.timed (at timestamptz PRIMARY KEY, v text);
        INSERT INTO own.timed VALUES ('2024-01-01', 'a'), ('2025-01-01', 'b'), ('infinity', 'c'), ('-infinity', 'd');
        CREATE TABLE own.numbered (n numeric PRIMARY KEY, v text); INSERT INTO own.numbered VALUES (1, 'a'), (2, 'b'), ('NaN', 'c'), ('Infinity', 'd');
        GRANT SELECT ON ALL TABLES IN SCHEMA own TO odata_reader""",
    )
    types = {
        "Timed": entity("at", {"at": "DateTimeOffset", "v": "String?"}, "timed"),
        "Numbered": entity("n", {"n": "Decimal", "v": "String?"}, "numbered"),
    }
    types["Timed"]["at"]["@Gateway.PgType"] = "timestamptz"
    gateway = own_model.serve(gateways, tmp_path, scratch_reader_dsn, types)
    for name in ("Timeds", "Numbereds"):
        for size in (1, 2, 3, 100):
            link = name
            while link:
                reply = gateway.get(link, headers={"Prefer": f"maxpagesize={size}"})
                link = reply.json().get("@odata.nextLink") if reply.status == 200 else None
            assert (reply.status, reply.json()["error"]["code"]) == (500, "Db.Key"), (name, size, reply.body)
