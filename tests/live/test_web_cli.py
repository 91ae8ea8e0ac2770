"""The commands beside `serve`: explain, check, and mistakes on the command line."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.harness.gateway import start_gateway

ROOT = Path(__file__).parents[2]


def run(*arguments, **settings):
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("ODATA_", "POSTGRES_", "PG"))} | settings
    command = [sys.executable, "-m", "odata_gateway", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("target", ["Message?$top=1", "/Message?$top=1", "http://h:3001/v1.0/odata/Message?$top=1"])
def test_explain_prints_every_value_on_the_line(target):
    done = run("explain", target)
    assert done.returncode == 0, done.stderr
    titles = [line.removeprefix("== ") for line in done.stdout.splitlines() if line.startswith("== ")]
    assert titles[:5] == ["target", "template", "values", "request", "query"] and titles[-2:] == ["sql (rows)", "arguments (rows)"]


def test_explain_shows_the_plan_of_a_database(reader_dsn):
    done = run("explain", "Conversation?$filter=status eq 0&$expand=inbox", "--accounts", "1,2", ODATA_DSN=reader_dsn)
    assert done.returncode == 0, done.stderr
    assert "Scan" in done.stdout.partition("== plan")[2]


@pytest.fixture(scope="module", params=["", "Europe/Berlin"])
def planning(request, reader_dsn):
    """A gateway that shows its plans, its settings, and the zone that they name."""
    settings = {"ODATA_DSN": reader_dsn} | ({"ODATA_TIMEZONE": request.param} if request.param else {})
    with start_gateway(**settings, ODATA_PLAN_CALLERS="1") as running:
        yield running, settings, request.param


@pytest.mark.parametrize(
    "target",
    [
        "Message?$filter=created_at ge 2021-11-01T00:00:00Z&$select=id,created_at",
        "Message?$filter=date(created_at) eq 2021-11-01&$orderby=created_at&timezone=asia/kolkata",
        "Message?$apply=groupby((created_at),aggregate($count as n))",
        "Message?$select=id&$expand=conversation($select=created_at)&timezone=UTC",
        "Message(1)?timezone=America/New_York",
        "Message(1)/created_at",
        "Message(1)/created_at/$value",
        "Message/$count?$filter=hour(created_at) eq 5",
    ],
)
def test_explain_shows_the_statement_of_the_service(planning, target):
    """Also of times in a zone, named by the URL or by the setting; the arguments have the zone."""
    gateway, settings, zone = planning
    reply = gateway.get(target, headers={"Accept": "application/vnd.odata-gateway.plan+json"})
    assert reply.status == 200, reply.body
    served = reply.json()["statements"][0]["sql"]
    done = run("explain", target, **settings)
    assert done.returncode == 0, done.stderr
    shown, _, arguments = done.stdout.partition("== sql (rows)\n")[2].partition("\n\n== arguments (rows)\n")
    assert shown.split() == served.split()
    named = {"asia/kolkata": "Asia/Kolkata", "UTC": "", "America/New_York": "America/New_York", "": zone}[target.partition("timezone=")[2]]
    assert not named or f"'{named}'" in arguments.partition("\n== ")[0]


def test_explain_shows_the_rows_of_the_format():
    texts = {
        name: run("explain", f"Label?$select=id&$format={name}").stdout.partition("== sql (rows)")[2] for name in ("json", "csv", "xlsx")
    }
    assert ('{"id":' in texts["json"], '{"id":' in texts["csv"], "<row>" in texts["xlsx"]) == (True, False, True)
    assert "there is no time zone 'Mars'" not in run("explain", "Label?timezone=Mars").stderr  # known only with a database


def test_explain_refuses_a_zone_that_the_service_refuses(reader_dsn):
    done = run("explain", "Label?timezone=Europe/Berln", ODATA_DSN=reader_dsn)
    assert (done.returncode, "did you mean Europe/Berlin?" in done.stderr) == (1, True)


def test_explain_of_a_mistake_says_what_the_service_would():
    done = run("explain", "Message?$filter=statuss eq 1")
    assert (done.returncode, "400 Bind.Name" in done.stderr) == (1, True)


@pytest.mark.parametrize("target", ["", "$metadata"])
def test_explain_of_a_document(target):
    assert run("explain", target).returncode == 0


LONG = ",".join(map(str, range(900)))


@pytest.mark.parametrize("target", [f"Message?$filter=id in ({LONG})", "Message?$filter=content eq '" + "word " * 400 + "'&$expand=inbox"])
def test_explain_prints_no_long_line_and_no_value_as_python_writes_it(target):
    done = run("explain", target)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) < 400
    values = done.stdout.partition("== values\n")[2].partition("\n\n")[0]
    assert values.startswith(("0: int32 ARRAY[0, 1, 2,", "0: string 'word word")) and max(map(len, values.splitlines())) < 130


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("", "answered from the model"),
        ("$metadata?$format=json", "answered from the model"),
        ("$batch", "POST answers each request in the body"),
        ("$entity?$id=Message(1)", "== sql (rows)"),
        ("$entity/LiveAgent.Message?$id=Message(1)&$select=id", "== sql (rows)"),
        ("$all/LiveAgent.Message?$top=1", '"messages"'),
        ("$all/Label", '"labels"'),
        ("$all?$search=vip", "== set 1 of"),
        ("Label?%20$top=1", "== sql (rows)"),
    ],
)
def test_explain_says_what_the_service_does_with_each_kind_of_resource(target, words):
    done = run("explain", target)
    assert (done.returncode, done.stderr) == (0, "")
    assert words in done.stdout


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("$metadata?$nope=1", "400 Url.Option"),
        ("$batch?$top=1", "400 Url.Option"),
        ("?$filter=id eq 1", "400 Url.Option"),
        ("$entity", "400 Url.Option"),
        ("$entity?$id=Nope(1)", "404 Bind.Segment\n$id at 0"),
        ("$entity?$id=https://elsewhere/Message(1)", "belongs to another service"),
        ("$entity?$id=http://[", "belongs to another service"),
        ("$all/T", "404 Bind.Segment\npath at 5"),
        ("$all/T(1)", "404 Bind.Segment"),
        ("Message/$query", "405 Url.Method"),
    ],
)
def test_explain_refuses_what_the_service_refuses(target, words):
    done = run("explain", target)
    assert done.returncode == 1 and words in done.stderr


def test_strict_urls_hold_for_explain_too():
    assert "400" in run("explain", "Label?$filter= id eq 1", ODATA_STRICT_URLS="true").stderr


def test_check_of_a_complete_database(reader_dsn):
    done = run("check", ODATA_DSN=reader_dsn)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ODATA_DSN " in done.stdout and "(variable ODATA_DSN)" in done.stdout
    assert "error:" not in done.stdout


def test_check_reports_what_is_missing(cluster, scratch, scratch_reader_dsn):
    cluster.psql(scratch, "ALTER TABLE public.messages DROP COLUMN content; DROP TABLE public.labels CASCADE;")
    done = run("check", ODATA_DSN=scratch_reader_dsn)
    assert done.returncode == 1
    assert "content" in done.stdout and "labels" in done.stdout


DISTRIBUTED = """
SET allow_system_table_mods = on;
INSERT INTO pg_extension SELECT 99999, 'citus', 10, oid, false, '12.1-1' FROM pg_namespace WHERE nspname = 'pg_catalog';
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass, partmethod "char", partkey text, colocationid int, repmodel "char");
INSERT INTO pg_catalog.pg_dist_partition VALUES ('messages', 'h', 'account_id', 1, 's'), ('conversations', 'h', 'account_id', 2, 's'),
    ('inboxes', 'h', 'id', 1, 's'), ('tags', 'n', NULL, 3, 't'), ('taggings', 'n', NULL, 3, 't'), ('inbox_members', 'n', NULL, 3, 't'),
    ('account_users', 'n', NULL, 3, 't');
CREATE FUNCTION pg_catalog.column_to_column_name(t regclass, c text) RETURNS text LANGUAGE sql RETURN c;
GRANT SELECT ON pg_catalog.pg_dist_partition TO PUBLIC;
"""


def test_check_says_whether_the_database_is_sharded(cluster, scratch, scratch_reader_dsn):
    cluster.psql(scratch, DISTRIBUTED)
    found = run("check", ODATA_DSN=scratch_reader_dsn).stdout
    assert "public.labels: is not distributed" in found and "public.inboxes: is distributed by id" in found
    assert "public.conversations: lies apart" in found and "public.users: is not a reference table" in found and "Citus 12.1" in found
    assert "messages: is" not in found and "public.tags" not in found and "ODATA_SHARDED must" not in found
    assert "ODATA_SHARDED must not be false" in run("check", "--sharded", "no", ODATA_DSN=scratch_reader_dsn).stdout


def test_sql_prints_the_files_for_the_database():
    assert "roles" in run("sql").stdout.split()
    assert run("sql", "roles").stdout == (ROOT / "sql" / "live_agent" / "roles.sql").read_text(encoding="utf-8")
    assert run("sql", "../roles").returncode == 2


def test_a_port_that_is_taken_is_named_with_what_moves_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", "--port", str(taken.getsockname()[1]), ODATA_HOST="127.0.0.1", ODATA_DSN="postgresql://127.0.0.1:1/d")
    assert done.returncode == 1
    assert "address already in use" in done.stderr.lower() and "choose another port with --port or ODATA_PORT" in done.stderr


def test_check_without_a_database_ends_with_1():
    done = run("check", ODATA_DSN="postgresql://nobody:hunter2@127.0.0.1:1/none")
    assert (done.returncode, "hunter2" in done.stdout + done.stderr, "Traceback" in done.stderr) == (1, False, False)


def test_mistakes_of_flags_and_variables_are_reported_together():
    done = run("serve", "--page-rows", "x", ODATA_PROT="1")
    assert done.returncode == 2
    assert "--page-rows must be" in done.stderr and "did you mean ODATA_PORT?" in done.stderr


def test_model_that_cannot_be_used_ends_the_start(tmp_path):
    path = tmp_path / "model.json"
    path.write_text("{}")
    done = run("serve", "--model", str(path), "--dsn", "postgresql://h/d")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
