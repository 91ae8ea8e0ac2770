"""Log lines hold no values of a URL and cannot be forged."""

import io
import json
import logging

from odata_gateway.web import logs


def test_access_line_names_options_without_values():
    assert logs.shown_target("/v1.0/odata/Message?$filter=name eq 'Ann'&apikey=K") == "/v1.0/odata/Message [$filter,apikey]"


def test_access_line_is_one_line():
    shown = logs.shown_target("/a\nb\u2028\udcff?%0Ax=1")
    assert shown.isprintable() and shown.isascii()


def test_traceback_is_logged_without_tokens(caplog):
    try:
        raise KeyError("token T0KEN")
    except KeyError as error:
        logs.failure(error, "id1", ("T0KEN",), "unexpected")
    assert "id1" in caplog.text and "KeyError" in caplog.text and "T0KEN" not in caplog.text


def test_json_lines_parse():
    record = logging.LogRecord("a.b", logging.INFO, "f.py", 1, "x %s", ('"\n',), None)
    assert json.loads(logs.JsonFormatter().format(record))["message"] == 'x "\n'


def test_lines_made_without_a_record_are_those_of_a_record():
    record = logging.LogRecord("a.b", logging.INFO, "", 0, "x", None, None)
    for formatter in (logs.JsonFormatter(), logs.TextFormatter()):
        assert formatter.format(record) == formatter.line(record.created, "INFO", "a.b", "x")


def test_added_lines_come_out_in_order_and_in_the_form_of_records():
    stream = io.StringIO()
    handler = logs.BatchingHandler(stream, logs.TextFormatter())
    handler.add(logging.INFO, "a", "first")
    handler.handle(logging.LogRecord("b", logging.ERROR, "", 0, "second", None, None))
    assert [line.split(" ", 2)[2] for line in stream.getvalue().splitlines()] == ["INFO a first", "ERROR b second"]
