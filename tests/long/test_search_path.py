"""Functions of views and policies find what they name by the search path of the settings or the DSN, and the gateway's own calls are never theirs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.harness import own_model
from tests.harness.faults import wait_until
from tests.harness.own_model import entity

SQL = """
SET check_function_bodies = off; CREATE SCHEMA own; GRANT USAGE ON SCHEMA own TO odata_reader;
CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO odata_reader; CREATE SCHEMA "My App"; GRANT USAGE ON SCHEMA "My App" TO odata_reader;
CREATE TYPE app.level AS ENUM ('low', 'high');
CREATE TABLE app.factor (n int); INSERT INTO app.factor VALUES (10);
CREATE TABLE own.base (id int PRIMARY KEY, n int, name varchar(20) NOT NULL);
INSERT INTO own.base VALUES (1, 1, 'Ann'), (2, 2, 'bob'), (3, 3, 'Cid');
CREATE FUNCTION app.twice(x int) RETURNS int STABLE LANGUAGE sql AS 'SELECT 2 * x';
CREATE FUNCTION "My App".plus(x int) RETURNS int STABLE LANGUAGE sql AS 'SELECT 1 + x';
CREATE FUNCTION app.by_table(x int) RETURNS int STABLE LANGUAGE sql AS 'SELECT x * n FROM factor';
CREATE FUNCTION app.by_function(x int) RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN twice(x); END';
CREATE FUNCTION app.by_type(x int) RETURNS text STABLE LANGUAGE plpgsql AS $$ DECLARE l level := 'high'; BEGIN RETURN l::text || x; END $$;
CREATE FUNCTION app.by_both(x int) RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN plus(twice(x)); END';
CREATE VIEW own.tables AS SELECT id, app.by_table(n) AS v FROM own.base;
CREATE VIEW own.functions AS SELECT id, app.by_function(n) AS v FROM own.base;
CREATE VIEW own.types AS SELECT id, app.by_type(n) AS v FROM own.base;
CREATE VIEW own.both AS SELECT id, app.by_both(n) AS v FROM own.base;
CREATE TABLE own.policed (id int PRIMARY KEY, v int); INSERT INTO own.policed VALUES (1, 20), (2, 7);
ALTER TABLE own.policed ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON own.policed USING (app.by_table(2) = v);
GRANT SELECT ON ALL TABLES IN SCHEMA own, app TO odata_reader;
"""
NUMBER = {"id": "Int32", "v": "Int32?"}
TYPES = {
    "Table": entity("id", NUMBER, "tables"),
    "Function": entity("id", NUMBER, "functions"),
    "Type": entity("id", {"id": "Int32", "v": "String?"}, "types"),
    "Policed": entity("id", NUMBER, "policed"),
    "Plain": entity("id", {"id": "Int32", "n": "Int32?", "name": "String"}, "base"),
}
EXPECTED = {"Tables": [10, 20, 30], "Functions": [2, 4, 6], "Types": ["high1", "high2", "high3"], "Policeds": [20]}


def values(gateway, name):
    reply = gateway.get(name)
    assert reply.status == 200, reply.body
    return [row["v"] for row in reply.rows]


@pytest.mark.parametrize("way", ["setting", "options", "long options", "parameter", "chosen before the DSN's"])
def test_functions_of_views_and_policies_find_what_they_name(gateways, cluster, scratch, scratch_reader_dsn, tmp_path, way):
    cluster.psql(scratch, SQL)
    join = "&" if "?" in scratch_reader_dsn else "?"
    dsn, settings = {
        "setting": ("", {"ODATA_SEARCH_PATH": "app, public"}),
        "options": ("options=-c%20search_path%3Dapp,public", {}),
        "long options": ("options=--search_path%3D%22app%22%2C%5C%20public", {}),
        "parameter": ("search_path=public,app", {}),
        "chosen before the DSN's": ("search_path=public", {"ODATA_SEARCH_PATH": "app"}),
    }[way]
    gateway = own_model.serve(gateways, tmp_path, scratch_reader_dsn + (join + dsn if dsn else ""), TYPES, **settings)
    assert {name: values(gateway, name) for name in EXPECTED} == EXPECTED
    assert gateway.get("Plains?$filter=startswith(tolower(name),'b')&$select=id").rows == [{"id": 2}]


def test_several_schemas_and_quoted_names(gateways, cluster, scratch, scratch_reader_dsn, tmp_path):
    cluster.psql(scratch, SQL)
    types = {"Both": entity("id", NUMBER, "both")}
    gateway = own_model.serve(gateways, tmp_path, scratch_reader_dsn, types, ODATA_SEARCH_PATH='app,"My App"')
    assert values(gateway, "Boths") == [3, 5, 7]


def test_without_a_search_path_the_error_says_what_may_be_missing(gateways, cluster, scratch, scratch_reader_dsn, tmp_path):
    cluster.psql(scratch, SQL)
    gateway = own_model.serve(gateways, tmp_path, scratch_reader_dsn, TYPES)
    for name in EXPECTED:
        error = gateway.get(name).json()["error"]
        assert error["code"] == "Db.Table" and f"reading {name} fails" in error["message"] and "ODATA_SEARCH_PATH" in error["message"]
    assert gateway.get("Plains").status == 200


HOSTILE = {
    "function": "CREATE FUNCTION app.lower(varchar) RETURNS text LANGUAGE sql AS $$ SELECT 'stolen' $$",
    "variadic": "CREATE FUNCTION app.concat(VARIADIC varchar[]) RETURNS text LANGUAGE sql AS $$ SELECT 'stolen' $$",
    "aggregate": "CREATE AGGREGATE app.count(varchar) (sfunc = app.steal, stype = int8)",
    "operator": "CREATE OPERATOR app.= (leftarg = varchar, rightarg = varchar, function = app.always)",
    "comparison": "CREATE OPERATOR app.> (leftarg = varchar, rightarg = text, function = app.always_text)",
    "prefix": "CREATE OPERATOR app.- (rightarg = varchar, function = app.lower_)",
    "concatenation": "CREATE OPERATOR app.|| (leftarg = varchar, rightarg = text, function = app.joined)",
    "like": "CREATE OPERATOR app.~~ (leftarg = varchar, rightarg = text, function = app.always_text)",
}
FUNCTIONS = """
CREATE FUNCTION app.always(varchar, varchar) RETURNS bool LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION app.always_text(varchar, text) RETURNS bool LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION app.joined(varchar, text) RETURNS text LANGUAGE sql AS $$ SELECT 'stolen'::text $$;
CREATE FUNCTION app.lower_(varchar) RETURNS text LANGUAGE sql AS $$ SELECT 'stolen'::text $$;
CREATE FUNCTION app.steal(int8, varchar) RETURNS int8 LANGUAGE sql AS 'SELECT 99::int8';
"""
TARGETS = (
    "Plains", "Plains?$filter=name eq 'Ann'", "Plains?$filter=tolower(name) eq 'ann'", "Plains?$filter=contains(name,'i')", "Plains?$orderby=name desc",
    "Plains?$filter=name gt 'B'", "Plains?$compute=concat(name,'x') as c&$select=c", "Plains?$apply=aggregate(name with countdistinct as c)",
    "Plains?$filter=startswith(name,'A')", "Plains?$filter=name in ('Ann','Cid')", "Plains(1)/name/$value", "Label?$filter=tolower(title) ne 'x'",
)  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_what_is_called_like_postgres_own_is_never_called(gateways, cluster, scratch, scratch_reader_dsn, tmp_path, hostile):
    cluster.psql(scratch, SQL + FUNCTIONS)
    narrow = own_model.serve(gateways, tmp_path, scratch_reader_dsn, TYPES)
    wanted = [narrow.get(target).body for target in TARGETS[:-1]]
    wide = own_model.serve(gateways, tmp_path, scratch_reader_dsn, TYPES, ODATA_SEARCH_PATH="app", ODATA_MODEL_CHECK_S="1")
    assert values(wide, "Tables") == [10, 20, 30]
    assert [wide.get(target).body.replace(wide.origin.encode(), narrow.origin.encode()) for target in TARGETS[:-1]] == wanted
    cluster.psql(scratch, hostile)
    wait_until(lambda: "could be called in place of Postgres's own" in wide.log(), 10)
    late = own_model.serve(gateways, tmp_path, scratch_reader_dsn, TYPES, ODATA_SEARCH_PATH="app")
    for gateway in (wide, late):
        assert [gateway.get(target).body.replace(gateway.origin.encode(), narrow.origin.encode()) for target in TARGETS[:-1]] == wanted
        assert gateway.get("Tables").json()["error"]["code"] == "Db.Table"
    environment = {"ODATA_DSN": scratch_reader_dsn, "ODATA_SEARCH_PATH": "app"}
    done = subprocess.run([sys.executable, "-m", "odata_gateway", "check"], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 1 and "error: search path: ODATA_SEARCH_PATH is not used: app." in done.stdout


def test_types_that_are_called_like_postgres_own_are_never_used(gateways, cluster, scratch, scratch_reader_dsn, tmp_path):
    hostile = "".join(
        f'CREATE DOMAIN app."{name}" AS pg_catalog.text CHECK (false);' for name in ("int4", "int8", "text", "varchar", "bool")
    )
    cluster.psql(scratch, SQL + hostile)
    gateway = own_model.serve(gateways, tmp_path, scratch_reader_dsn, TYPES, ODATA_SEARCH_PATH="app")
    assert {name: values(gateway, name) for name in EXPECTED} == EXPECTED
    for target in TARGETS[:-1]:
        assert gateway.get(target).status == 200


def test_extensions_with_operators_for_their_own_types_are_no_hindrance(gateways, cluster, scratch, scratch_reader_dsn, tmp_path):
    cluster.psql(
        scratch, SQL + "CREATE EXTENSION citext SCHEMA app; CREATE EXTENSION hstore SCHEMA app; CREATE EXTENSION ltree SCHEMA app;"
    )
    gateway = own_model.serve(gateways, tmp_path, scratch_reader_dsn, TYPES, ODATA_SEARCH_PATH="app")
    assert {name: values(gateway, name) for name in EXPECTED} == EXPECTED, gateway.log()
