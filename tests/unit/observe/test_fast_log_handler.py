"""Lines written some at a time are the lines that are written one by one."""

from __future__ import annotations

import asyncio
import io
import logging
import threading

import pytest
from odata_gateway.observe.fast_log_handler import BatchingHandler
from odata_gateway.observe.log_lines import FinishedRequest, JsonFormatter, TextFormatter
from odata_gateway.observe.request_stats import RequestStats


def record(text, level=logging.INFO):
    return logging.LogRecord("a", level, "", 0, "%s", (text,), None)


class Writes(io.StringIO):
    """A stream that counts what is written to it."""

    count = 0

    def write(self, text):
        self.count += bool(text)
        return super().write(text)


@pytest.fixture
def both():
    """The batching handler and its plain twin."""
    handlers = BatchingHandler(Writes(), TextFormatter()), logging.StreamHandler(Writes())
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    return handlers


def written(handler):
    return handler.stream.getvalue()


LEVELS = (logging.INFO, logging.DEBUG, logging.WARNING, logging.INFO, logging.ERROR)


async def test_both_write_the_same_lines_in_the_same_order(both):
    for number in range(1000):
        for handler in both:
            handler.handle(record(number, LEVELS[number % 5]))
    await asyncio.sleep(0.1)
    fast, plain = both
    assert written(fast) == written(plain) and written(fast).count("\n") == 1000
    assert fast.stream.count < plain.stream.count


async def test_lines_are_written_together_and_soon(both):
    fast, _ = both
    for number in range(50):
        fast.handle(record(number))
    assert written(fast) == ""
    await asyncio.sleep(0.15)
    assert written(fast).count("\n") == 50 and fast.stream.count == 1
    fast.handle(record("later"))
    await asyncio.sleep(0.15)
    assert written(fast).endswith("later\n")


@pytest.mark.parametrize("level", [logging.WARNING, logging.ERROR, logging.CRITICAL])
async def test_a_warning_is_written_at_once_with_the_lines_before_it(both, level):
    fast, _ = both
    fast.handle(record("first"))
    fast.handle(record("second", level))
    assert written(fast).splitlines() == ["INFO first", f"{logging.getLevelName(level)} second"]


async def test_many_lines_do_not_wait(both):
    fast, _ = both
    for number in range(450):
        fast.handle(record(number))
    assert written(fast).count("\n") == 400


def test_without_an_event_loop_each_line_is_written(both):
    fast, _ = both
    fast.handle(record("alone"))
    assert written(fast) == "INFO alone\n"


async def test_lines_of_another_thread_are_written_too(both):
    fast, _ = both
    threads = [threading.Thread(target=lambda: [fast.handle(record(n)) for n in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(500):
        fast.handle(record(number))
    await asyncio.gather(*(asyncio.to_thread(thread.join) for thread in threads))
    await asyncio.sleep(0.1)
    assert written(fast).count("\n") == 2500


async def test_a_stream_that_is_gone_disturbs_nobody(both):
    fast, _ = both
    fast.stream.close()
    fast.handle(record("lost", logging.ERROR))


async def test_a_record_that_cannot_be_formatted_disturbs_no_other(both, capsys):
    fast, _ = both
    fast.handle(logging.LogRecord("a", logging.INFO, "", 0, "%d", ("x",), None))
    fast.handle(record("next", logging.ERROR))
    assert written(fast) == "ERROR next\n" and "Logging error" in capsys.readouterr().err


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING])
@pytest.mark.parametrize("template", ["", "Message?$top={int}"])
@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_the_line_of_a_request_is_the_same_with_and_without_a_record(formatter, template, level, monkeypatch):
    stats = RequestStats("id1", 10.0)
    stats.note_resource("Message", "none", template)
    done = FinishedRequest(stats, "GET", "/Message [$top]", 200, 1234, 10.002, "client gone")
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.25)
    fast, plain = BatchingHandler(Writes(), formatter), logging.StreamHandler(Writes())
    plain.setFormatter(formatter)
    fast.write_request(done, level, "a.b")
    plain.handle(logging.LogRecord("a.b", level, "", 0, done, None, None))
    assert written(fast) == written(plain) and "1234" in written(fast)


async def test_lines_of_requests_and_of_records_keep_their_order(both):
    fast, _ = both
    done = FinishedRequest(RequestStats("id1", 10.0), "GET", "/", 200, 0, 10.002, "sent")
    fast.write_request(done, logging.INFO, "a")
    fast.handle(record("last", logging.ERROR))
    assert [line.split()[-1] for line in written(fast).splitlines()] == ["id=id1", "last"]
