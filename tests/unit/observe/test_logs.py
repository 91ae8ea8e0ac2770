"""Log lines hold no values of a URL and cannot be forged."""

import io
import json
import logging

import pytest
from odata_gateway.observe import log_lines, logs
from odata_gateway.observe.request_stats import RequestStats
from odata_gateway.url.redact import redact_target


def done(target="/v1.0/odata/Message?$filter=name eq 'Ann'", *, method="GET", outcome=log_lines.SENT, template=""):
    """A request that took 2 ms, with 5 rows if it has a template."""
    stats = RequestStats("id1", 10.0)
    if template:
        stats.asked("Message", "filter", template)
        stats.accounts, stats.rows, stats.parse_s, stats.query_s, stats.first_row_at, stats.last_row_at = (
            1,
            5,
            0.0001,
            0.001,
            10.0015,
            10.0018,
        )
        stats.slowest, stats.backend = "/* odata 0123456789ab */ SELECT 1", 4711
    return log_lines.Finished(stats, method, redact_target(target), 200, 1234, 10.002, outcome)


def test_request_as_json_has_what_was_asked_and_how_long_it_took():
    line = json.loads(log_lines.JsonFormatter().request(0.5, "INFO", "a", done(template="Message?$filter=name eq {string}")))
    assert line == {
        "time": "1970-01-01T00:00:00.500Z", "level": "info", "logger": "a", "message": "request", "id": "id1", "method": "GET",
        "url": "Message?$filter=name eq {string}", "status": 200, "outcome": "sent", "bytes": 1234, "accounts": 1, "entity_set": "Message",
        "trace": "", "rows": 5, "statement": "0123456789ab", "backend": 4711,
        "ms": {"total": 2.0, "parse": 0.1, "bind": 0.0, "wait": 0.0, "query": 1.0, "first_row": 1.5, "last_row": 1.8},
    }  # fmt: skip


def test_request_for_data_that_got_none_shows_what_it_waited_for():
    finished = done(template="Message", outcome="client gone")
    finished.stats.first_row_at, finished.stats.wait_s = 0.0, 0.07
    line = json.loads(log_lines.JsonFormatter().request(0.0, "INFO", "a", finished))
    assert line["ms"]["wait"] == 70 and "first_row" not in line["ms"] and line["outcome"] == "client gone"


@pytest.mark.parametrize("formatter", [log_lines.JsonFormatter(), log_lines.TextFormatter()])
def test_request_that_was_not_understood_shows_the_names_of_its_options(formatter):
    line = formatter.request(0.0, "INFO", "a", done())
    assert "/v1.0/odata/Message [$filter]" in line and "Ann" not in line


@pytest.mark.parametrize("hostile", ['"\n{', "\\", "\u2028", "\udcff", '","admin":"'])
def test_request_line_cannot_be_forged(hostile):
    finished = done(target="/" + hostile, method=hostile, outcome="client gone")
    line = log_lines.JsonFormatter().request(0.0, "INFO", "a", finished)
    assert len(line.splitlines()) == 1 and json.loads(line)["outcome"] == "client gone" and "admin" not in json.loads(line)
    text = log_lines.TextFormatter().request(0.0, "INFO", "a", finished)
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


def test_lines_made_without_a_record_are_those_of_a_record():
    record = logging.LogRecord("a.b", logging.INFO, "", 0, "x", None, None)
    for formatter in (log_lines.JsonFormatter(), log_lines.TextFormatter()):
        assert formatter.format(record) == formatter.line(record.created, "INFO", "a.b", "x")


def test_requests_and_records_come_out_in_order():
    stream = io.StringIO()
    handler = logs.BatchingHandler(stream, log_lines.TextFormatter())
    handler.add(logging.INFO, "a", done())
    handler.handle(logging.LogRecord("b", logging.ERROR, "", 0, "second", None, None))
    first, second = (line.split(" ", 2)[2] for line in stream.getvalue().splitlines())
    assert first.startswith("INFO a GET /v1.0/odata/Message [$filter] 200 1234B 2.0ms id=id1") and second == "ERROR b second"
