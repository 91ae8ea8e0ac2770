"""Log lines hold no values of a URL and cannot be forged."""

import json
import logging
import sys

import pytest
from odata_gateway.observe import log_lines, logs
from odata_gateway.observe.request_stats import RequestStats
from odata_gateway.url.redact import RedactedTarget


def done(target="/v1.0/odata/Message?$filter=name eq 'Ann'", *, method="GET", outcome=log_lines.SENT, template=""):
    """A request that took 2 ms, with 5 rows if it has a template."""
    stats = RequestStats("id1", 10.0)
    if template:
        stats.note_resource("Message", "filter", template)
        stats.accounts, stats.rows, stats.parse_s, stats.query_s, stats.first_row_at, stats.last_row_at = (
            1,
            5,
            0.0001,
            0.001,
            10.0015,
            10.0018,
        )
        stats.subject = "ada"
        stats.slowest, stats.backend = "/* odata 0123456789ab */ SELECT 1", 4711
    return log_lines.FinishedRequest(stats, method, RedactedTarget(target), 200, 1234, 10.002, outcome)


def line_of(formatter, message, level=logging.INFO, *, name="a", created=0.0):
    """The line of a record."""
    record = logging.LogRecord(name, level, "", 0, message, None, None)
    record.created = created
    return formatter.format(record)


def test_request_as_json_has_what_was_asked_and_how_long_it_took():
    line = json.loads(line_of(log_lines.JsonFormatter(), done(template="Message?$filter=name eq {string}"), created=0.5))
    assert line == {
        "time": "1970-01-01T00:00:00.500Z", "level": "info", "logger": "a", "message": "request", "id": "id1", "method": "GET",
        "url": "Message?$filter=name eq {string}", "status": 200, "outcome": "sent", "bytes": 1234, "subject": "ada", "accounts": 1, "entity_set": "Message",
        "trace": "", "rows": 5, "statement": "0123456789ab", "backend": 4711,
        "ms": {"total": 2.0, "parse": 0.1, "bind": 0.0, "wait": 0.0, "query": 1.0, "first_row": 1.5, "last_row": 1.8},
    }  # fmt: skip


def test_request_for_data_that_got_none_shows_what_it_waited_for():
    finished = done(template="Message", outcome="client gone")
    finished.stats.first_row_at, finished.stats.wait_s = 0.0, 0.07
    line = json.loads(line_of(log_lines.JsonFormatter(), finished))
    assert line["ms"]["wait"] == 70 and "first_row" not in line["ms"] and line["outcome"] == "client gone"


@pytest.mark.parametrize("formatter", [log_lines.JsonFormatter(), log_lines.TextFormatter()])
def test_request_that_was_not_understood_shows_the_names_of_its_options(formatter):
    line = line_of(formatter, done())
    assert "/v1.0/odata/Message [$filter]" in line and "Ann" not in line


@pytest.mark.parametrize("hostile", ['"\n{', "\\", "\u2028", "\udcff", '","admin":"'])
def test_request_line_cannot_be_forged(hostile):
    finished = done(target="/" + hostile, method=hostile, outcome="client gone")
    line = line_of(log_lines.JsonFormatter(), finished)
    assert len(line.splitlines()) == 1 and json.loads(line)["outcome"] == "client gone" and "admin" not in json.loads(line)
    text = line_of(log_lines.TextFormatter(), finished)
    assert len(text.splitlines()) == 1 and text.endswith(" client gone")


def test_traceback_is_logged_without_tokens(caplog):
    try:
        raise KeyError("token T0KEN")
    except KeyError as error:
        logs.failure(error, "id1", ("T0KEN",), "unexpected")
    assert "id1" in caplog.text and "KeyError" in caplog.text and "T0KEN" not in caplog.text


def test_json_lines_parse():
    record = logging.LogRecord("a.b", logging.INFO, "f.py", 1, "x %s", ('"\n',), None)
    assert json.loads(log_lines.JsonFormatter().format(record))["message"] == 'x "\n'


def test_further_members_of_a_record_are_in_both_forms():
    record = logging.LogRecord("a.b", logging.INFO, "", 0, "slow", None, None)
    record.fields = {"ms": 7, "sql": 'SELECT "a"'}
    assert json.loads(log_lines.JsonFormatter().format(record))["sql"] == 'SELECT "a"'
    assert log_lines.TextFormatter().format(record).endswith('slow ms=7 sql=SELECT "a"')


@pytest.mark.parametrize("text", ["\u2028", "\u0085", "Ä", "\udcff"])
def test_a_line_of_json_is_ascii(text):
    line = line_of(log_lines.JsonFormatter(), f"x{text}y")
    assert line.isascii() and json.loads(line)["message"] == f"x{text}y"


def test_a_request_as_text_shows_what_was_asked_without_values():
    line = line_of(log_lines.TextFormatter(), done(template="Message?$filter=name eq {string}"))
    assert line.endswith(" INFO a GET /v1.0/odata/Message [$filter] 200 1234B 2.0ms id=id1 rows=5 wait=0.0ms query=1.0ms subject=ada")


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("11111111-1111-4111-8111-111111111111", "11111111-1111-4111-8111-111111111111"),
        ("ada@acme.example", "ada@acme.example"),
        ("auth0|5f7c", "auth0|5f7c"),
        ("a b\n2026 INFO forged", '"a b\\n2026 INFO forged"'),
        ("\u2028\x1b[31mÄ", '"\\u2028\\u001b[31m\\u00c4"'),
        ("x" * 500, "x" * 200),
    ],
)
def test_a_subject_is_one_word_of_one_line(subject, shown):
    request = done()
    request.stats.subject = subject
    line = line_of(log_lines.TextFormatter(), request)
    assert line.endswith(f" subject={shown}") and line.isprintable()
    line = line_of(log_lines.JsonFormatter(), request)
    assert json.loads(line)["subject"] == subject[:200] and line.isprintable()


@pytest.mark.parametrize("formatter", [log_lines.JsonFormatter(), log_lines.TextFormatter()])
def test_an_exception_is_logged_with_its_traceback(formatter):
    try:
        raise KeyError("x")
    except KeyError:
        record = logging.LogRecord("a", logging.ERROR, "", 0, "failed", None, sys.exc_info())
    line = formatter.format(record)
    assert "failed" in line and "Traceback" in line and "KeyError" in line


@pytest.mark.parametrize(("entity_set", "level"), [("Message", logging.INFO), ("health", logging.DEBUG), ("metrics", logging.DEBUG)])
def test_probes_are_logged_for_debugging_only(caplog, entity_set, level):
    finished = done()
    finished.stats.entity_set = entity_set
    with caplog.at_level(logging.DEBUG):
        logs.access(finished)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(level, str(finished))]
