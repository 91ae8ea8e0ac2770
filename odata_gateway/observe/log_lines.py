"""Log lines in their two forms: JSON for machines and text for people.

A request's line names the path and the options, never their values. A record can have further
members in its attribute `fields`.
"""

from __future__ import annotations

import json
import logging
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from odata_gateway.observe.request_stats import RequestStats
from odata_gateway.observe.statement_id import statement_id

SENT = "sent"
_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
_WORD = re.compile(r"[\w.@|:+/-]+", re.ASCII)
_SUBJECT_CHARACTERS = 200
_NO_FIELDS: Mapping[str, Any] = {}


class FinishedRequest(NamedTuple):
    """A request that is over, as the message of a record.

    target   its text is the request target without values, as `url.redact` makes it: a token may be
             among the values, and a filter may contain a person's name
    size     bytes sent
    ended    by time.perf_counter()
    outcome  SENT for a whole response
    """

    stats: RequestStats
    method: str
    target: object
    status: int
    size: int
    ended: float
    outcome: str

    def __str__(self) -> str:
        """The text form of the line, without the time, level and logger that precede it."""
        stats = self.stats
        took_ms = (self.ended - stats.started) * 1000
        text = (
            f"{shown_method(self.method)} {self.target} {self.status} {self.size}B "
            f"{took_ms:.1f}ms id={stats.id}"
        )
        if stats.template or stats.rows:
            wait_ms, query_ms = stats.wait_s * 1000, stats.query_s * 1000
            text += f" rows={stats.rows} wait={wait_ms:.1f}ms query={query_ms:.1f}ms"
        if stats.subject:
            text += f" subject={_plain(stats.subject)}"
        if stats.trace:
            text += f" trace={stats.trace}"
        return text if self.outcome == SENT else f"{text} {self.outcome}"


def _plain(subject: str) -> str:
    """A subject as one word of a line: whoever issues tokens may have put anything into it."""
    text = subject[:_SUBJECT_CHARACTERS]
    return text if _WORD.fullmatch(text) else json.dumps(text)


def shown_method(method: str) -> str:
    """A method of HTTP as it is, and `*` for anything else, which may contain a secret."""
    return method if method in _METHODS else "*"


class LineFormatter(logging.Formatter, ABC):
    """The line of a record, and of a finished request without a record."""

    @abstractmethod
    def request_line(self, done: FinishedRequest, created: float, level: str, logger: str) -> str:
        """The line of a finished request: what `format` makes of a record with it as message.

        created  in seconds since 1970
        """


class JsonFormatter(LineFormatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        created, level, message = record.created, record.levelname, record.msg
        if isinstance(message, FinishedRequest):
            return self.request_line(message, created, level, record.name)
        entry: dict[str, Any] = {
            "time": f"{_utc_stamp(int(created))}.{_milliseconds(created)}Z",
            "level": level.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= getattr(record, "fields", _NO_FIELDS)
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return _ascii_json(entry)

    def request_line(self, done: FinishedRequest, created: float, level: str, logger: str) -> str:
        """A request for data has more members than others. Those that many lines share are made
        once: a line takes 337 bytecodes instead of 425."""
        stats, method, target, status, size, ended, outcome = done
        url, who = stats.template or str(target), (stats.subject, stats.accounts)
        began, asked = _shared_members(
            (level, logger), (method, url, stats.entity_set), (status, outcome), who
        )
        ms = f'{{"total":{(ended - stats.started) * 1000:.3f}'
        rows = ""
        if stats.template or stats.rows:
            ms += (
                f',"parse":{stats.parse_s * 1000:.3f},"bind":{stats.bind_s * 1000:.3f}'
                f',"wait":{stats.wait_s * 1000:.3f},"query":{stats.query_s * 1000:.3f}'
            )
            if stats.first_row_at:
                first_s, last_s = (
                    stats.first_row_at - stats.started,
                    stats.last_row_at - stats.started,
                )
                ms += f',"first_row":{first_s * 1000:.3f},"last_row":{last_s * 1000:.3f}'
            statement = statement_id(stats.slowest)
            rows = f',"rows":{stats.rows},"statement":"{statement}","backend":{stats.backend}'
        created_at = f"{_utc_stamp(int(created))}.{_milliseconds(created)}Z"
        return (
            f'{{"time":"{created_at}",{began},"id":"{stats.id}","bytes":{size},{asked},'
            f'"trace":"{stats.trace}","ms":{ms}}}{rows}}}'
        )


@lru_cache(maxsize=1024)
def _shared_members(
    log: tuple[str, str],
    asked: tuple[str, str, str],
    answered: tuple[int, str],
    who: tuple[str, int],
) -> tuple[str, str]:
    """What stands before the request's id, and after the bytes sent: both without braces."""
    (level, logger), (method, url, entity_set) = log, asked
    (status, outcome), (subject, accounts) = answered, who
    before = {"level": level.lower(), "logger": logger, "message": "request"}
    after = {
        "method": shown_method(method),
        "url": url,
        "status": status,
        "outcome": outcome,
        "subject": subject[:_SUBJECT_CHARACTERS],
        "accounts": accounts,
        "entity_set": entity_set,
    }
    return _ascii_json(before)[1:-1], _ascii_json(after)[1:-1]


def _ascii_json(entry: dict[str, Any]) -> str:
    """An object as ASCII, so that no reader of the log can take a character of it for the end of a
    line."""
    try:
        text = orjson.dumps(entry).decode()
    except TypeError:  # half of a surrogate pair
        return json.dumps(entry, separators=(",", ":"))
    return text if text.isascii() else json.dumps(entry, separators=(",", ":"))


class TextFormatter(LineFormatter):
    """`2026-01-31 12:00:00,123 INFO name message`, further members as name=value, and a traceback
    on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", _NO_FIELDS)
        named = "".join(f" {member}={value}" for member, value in fields.items())
        tail = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        message = f"{record.getMessage()}{named}{tail}"
        return _text_line(message, record.created, record.levelname, record.name)

    def request_line(self, done: FinishedRequest, created: float, level: str, logger: str) -> str:
        return _text_line(str(done), created, level, logger)


def _text_line(message: str, created: float, level: str, logger: str) -> str:
    return f"{_local_stamp(int(created))},{_milliseconds(created)} {level} {logger} {message}"


@lru_cache(maxsize=1)
def _utc_stamp(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


@lru_cache(maxsize=1)
def _local_stamp(second: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))


def _milliseconds(created: float) -> str:
    return f"{int(created % 1 * 1000):03d}"
