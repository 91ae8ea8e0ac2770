"""An error that a table or view raises when it is read has a code of its own and names the set; one of the request's own expression stays 400."""

from __future__ import annotations

import http.client

import pytest
from tests.harness import own_model, tokens
from tests.harness.own_model import entity, navigation

SQL = """
CREATE SCHEMA own; GRANT USAGE ON SCHEMA own TO odata_reader;
CREATE TABLE own.base (id int PRIMARY KEY, n int, t text); INSERT INTO own.base VALUES (1, 2, '7'), (2, 0, 'secret-value'), (3, 1, '9');
CREATE VIEW own.divides AS SELECT id, 10 / n AS v FROM own.base;
CREATE VIEW own.casts AS SELECT id, t::int AS v FROM own.base;
CREATE VIEW own.many AS SELECT id, (SELECT b.n FROM own.base b WHERE b.id <> base.id) AS v FROM own.base;
CREATE FUNCTION own.raises(x int, code text) RETURNS int STABLE LANGUAGE plpgsql AS $$
BEGIN IF x = 2 THEN RAISE EXCEPTION 'secret-value %', x USING ERRCODE = code; END IF; RETURN x; END $$;
CREATE VIEW own.raising AS SELECT id, own.raises(id, 'P0001') AS v FROM own.base;
CREATE FUNCTION own.volatile(x int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN own.raises(x, 'P0001'); END $$;
CREATE VIEW own.volatile AS SELECT id, own.volatile(id) AS v FROM own.base;
CREATE VIEW own.custom AS SELECT id, own.raises(id, 'AB123') AS v FROM own.base;
CREATE VIEW own.checks AS SELECT id, own.raises(id, '23514') AS v FROM own.base;
CREATE VIEW own.syntax AS SELECT id, own.raises(id, '42883') AS v FROM own.base;
CREATE FUNCTION own.endless(x int) RETURNS int STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN own.endless(x + 1); END $$;
CREATE VIEW own.recursing AS SELECT id, own.endless(id) AS v FROM own.base;
CREATE VIEW own.logs AS SELECT id, ln(n)::int AS v FROM own.base;
CREATE VIEW own.dates AS SELECT id, date_part('year', (t || '-01-01')::date)::int AS v FROM own.base;
CREATE VIEW own.wide AS SELECT id, ((n + 1) * 100000::bigint * 100000)::int AS v FROM own.base;
CREATE TABLE own.virtual (id int PRIMARY KEY, n int, v int GENERATED ALWAYS AS (10 / n) VIRTUAL); INSERT INTO own.virtual (id, n) VALUES (1, 1), (2, 0);
CREATE TABLE own.policed (id int PRIMARY KEY, v int); INSERT INTO own.policed VALUES (1, 1), (2, 0);
ALTER TABLE own.policed ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON own.policed USING (1 / v > -1);
CREATE VIEW own.good AS SELECT id, n AS v FROM own.base;
CREATE VIEW own.theirs AS SELECT id, 10 / n AS v, CASE n WHEN 0 THEN 2 ELSE 1 END AS account_id FROM own.base;
GRANT SELECT ON ALL TABLES IN SCHEMA own TO odata_reader;
"""
VIEW = {"id": "Int32", "v": "Int32?"}
BAD = (
    "divides",
    "casts",
    "many",
    "raising",
    "custom",
    "checks",
    "syntax",
    "recursing",
    "logs",
    "dates",
    "wide",
    "virtual",
    "policed",
    "volatile",
)
TYPES = {name.title(): entity("id", VIEW, name) for name in (*BAD, "good")}
TYPES["Base"] = entity("id", {"id": "Int32", "n": "Int32?", "t": "String?"}, "base") | {
    "bad": navigation("Divides", "source.id = target.id"),
    "bads": navigation("Raising", "source.id = target.id", many=True),
}
TYPES["Theirs"] = entity("id", VIEW, "theirs", Account="account_id")


@pytest.fixture(scope="module")
def served(cluster, reader_url, tmp_path_factory):
    from tests.harness.gateway import start_gateway
    from tests.harness.sample import copied

    with copied(cluster, "table_faults") as name:
        cluster.psql(name, SQL)
        folder = tmp_path_factory.mktemp("model")
        with own_model.serve(start_gateway, folder, reader_url(name), TYPES) as gateway:
            yield gateway


def fault(served, target, **options):
    reply = served.get(target, **options)
    assert b"secret-value" not in reply.body
    return reply.status, reply.json()["error"]["code"], reply.json()["error"]["message"]


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize(
    "options",
    ["", "?$top=5", "?$filter=v ne 77", "?$orderby=v", "?$apply=aggregate(v with sum as s)", "(2)", "?$select=v&$filter=v add 1 ne 7"],
)
def test_an_error_that_a_table_raises_names_its_set(served, name, options):
    status, code, message = fault(served, f"{name.title()}s{options}")
    assert (status, code) == (500, "Db.Table"), message
    assert f"reading {name.title()}s fails in the database" in message


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("Bases?$expand=bad", "Dividess"),
        ("Bases?$expand=bads", "Raisings"),
        ("Bases?$filter=bads/any(b:b/v eq 7)", "Raisings"),
        ("Bases?$orderby=bad/v", "Dividess"),
        ("$crossjoin(Goods,Castss)?$expand=Castss", "Castss"),
        ("Bases(2)/bad/v", "Dividess"),
        ("Bases(2)/bad/v/$value", "Dividess"),
    ],
)
def test_it_is_named_where_it_is_reached_from_another_set(served, target, name):
    status, code, message = fault(served, target)
    assert (status, code) == (500, "Db.Table") and f"reading {name} fails" in message


@pytest.mark.parametrize("name", ["Goods", "Bases"])
@pytest.mark.parametrize("condition", ["id div 0 eq 1", "id mod 0 eq 1", "1 div (id sub id) eq 1", "id div (id sub 2) eq 1"])
def test_an_error_of_the_requests_own_expression_stays_a_mistake_of_the_request(served, name, condition):
    for target in (f"{name}?$filter={condition}", f"{name}?$orderby={condition}", f"{name}?$filter=not ({condition})"):
        status, code, message = fault(served, target)
        assert (status, code) == (400, "Db.Value"), (target, message)
        assert "fails in the database" not in message


def test_rows_that_do_not_fail_are_served(served):
    assert served.get("Dividess(1)").json()["v"] == 5
    assert [row["v"] for row in served.get("Dividess?$filter=id ne 2").rows] == [5, 10]
    assert served.get("Castss(3)/v/$value").body == b"9"
    assert served.get("Raisings?$filter=id eq 1").status == 200


def test_rows_of_another_account_are_nobody_elses_fault(served):
    assert [row["id"] for row in served.get("Theirss").rows] == [1, 3]
    assert fault(served, "Theirss?$filter=id div 0 eq 1")[:2] == (400, "Db.Value")
    assert fault(served, "Theirss", token=tokens.BOTH_ADMIN)[:2] == (500, "Db.Table")


def test_the_log_has_the_databases_message(served):
    fault(served, "Raisings")
    assert "secret-value 2" in served.log() and "Db.Table" in served.log()


def test_parts_of_a_batch_are_told_the_same(served):
    body = b'{"requests":[{"id":"1","method":"GET","url":"Raisings"},{"id":"2","method":"GET","url":"Goods?$filter=id div 0 eq 1"}]}'
    reply = served.ask("POST", "/v1.0/odata/$batch", {"Authorization": f"Bearer {tokens.ADMIN}", "Content-Type": "application/json"}, body)
    codes = [(part["status"], part["body"]["error"]["code"]) for part in reply.json()["responses"]]
    assert codes == [(500, "Db.Table"), (400, "Db.Value")]


def test_an_error_behind_the_first_bytes_breaks_the_connection(gateways, cluster, scratch, scratch_reader_dsn, tmp_path):
    cluster.psql(
        scratch,
        """CREATE SCHEMA own; GRANT USAGE ON SCHEMA own TO odata_reader;
        CREATE TABLE own.base (id int PRIMARY KEY, n int, t text); INSERT INTO own.base SELECT g, 1, repeat('x', 300) FROM generate_series(1, 30000) g;
        UPDATE own.base SET n = 0 WHERE id = 30000; CREATE VIEW own.divides AS SELECT id, 10 / n AS v, t FROM own.base;
        GRANT SELECT ON ALL TABLES IN SCHEMA own TO odata_reader""",
    )
    types = {"Divides": entity("id", VIEW | {"t": "String?"}, "divides")}
    gateway = own_model.serve(gateways, tmp_path, scratch_reader_dsn, types, ODATA_PAGE_ROWS="100000")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        gateway.get("Dividess")
