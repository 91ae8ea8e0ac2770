"""Log lines in their two forms: JSON for machines and text for people.

A request's line names the path and the options, never their values.
"""

from __future__ import annotations

import json
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, NamedTuple

from odata_gateway.observe.request_stats import RequestStats
from odata_gateway.observe.statement_id import statement_id

Fields = Mapping[str, Any]
_NONE: Fields = {}
SENT = "sent"
_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)


class Finished(NamedTuple):
    """A request that is over.

    target   without values, as `url.redact` leaves it: a token may be among them, and a filter may
             contain a person's name
    size     bytes sent
    ended    by time.perf_counter()
    outcome  SENT for a whole answer
    """

    stats: RequestStats
    method: str
    target: str
    status: int
    size: int
    ended: float
    outcome: str


def shown_method(method: str) -> str:
    """A method of HTTP; what is none may hold anything."""
    return method if method in _METHODS else "*"


def request_text(done: Finished) -> str:
    """A request's line without what stands before every line."""
    stats = done.stats
    took_ms = (done.ended - stats.started) * 1000
    text = f"{shown_method(done.method)} {done.target} {done.status} {done.size}B {took_ms:.1f}ms id={stats.id}"
    if stats.template or stats.rows:
        text += f" rows={stats.rows} wait={stats.wait_s * 1000:.1f}ms query={stats.query_s * 1000:.1f}ms"
    if stats.trace:
        text += f" trace={stats.trace}"
    return text if done.outcome == SENT else f"{text} {done.outcome}"


class LineFormatter(logging.Formatter, ABC):
    """Lines from records, and from their parts: a record for each request costs as much as
    compiling it (measured)."""

    def format(self, record: logging.LogRecord) -> str:
        traceback = self.formatException(record.exc_info) if record.exc_info else None
        fields: Fields = getattr(record, "fields", _NONE)
        return self.line(
            record.created, record.levelname, record.name, record.getMessage(), traceback, fields
        )

    @abstractmethod
    def line(
        self,
        created: float,
        level: str,
        name: str,
        message: str,
        traceback: str | None = None,
        fields: Fields = _NONE,
    ) -> str:
        """One line without its end; `created` in seconds since 1970."""

    @abstractmethod
    def request(self, created: float, level: str, name: str, done: Finished) -> str:
        """The line of a request."""


class JsonFormatter(LineFormatter):
    """One JSON object a line."""

    def line(
        self,
        created: float,
        level: str,
        name: str,
        message: str,
        traceback: str | None = None,
        fields: Fields = _NONE,
    ) -> str:
        stamp = _utc_stamp(int(created))
        entry = {
            "time": f"{stamp}.{_milliseconds(created)}Z",
            "level": level.lower(),
            "logger": name,
            "message": message,
            **fields,
        }
        if traceback is not None:
            entry["traceback"] = traceback
        return json.dumps(entry, ensure_ascii=True)

    def request(self, created: float, level: str, name: str, done: Finished) -> str:
        """Put together by hand: json.dumps of as many members takes a twentieth of a small request
        (measured)."""
        stats = done.stats
        url = stats.template or done.target
        rest = _data_members(stats) if stats.template or stats.rows else "}"
        return (
            f'{{"time":"{_utc_stamp(int(created))}.{_milliseconds(created)}Z","level":"{level.lower()}","logger":"{name}","message":"request",'
            f'"id":"{stats.id}","method":"{shown_method(done.method)}","url":{quoted(url)},"status":{done.status},'
            f'"outcome":"{done.outcome}","bytes":{done.size},"accounts":{stats.accounts},"entity_set":{quoted(stats.entity_set)},'
            f'"trace":"{stats.trace}","ms":{{"total":{(done.ended - stats.started) * 1000:.3f}{rest}}}'
        )


def _data_members(stats: RequestStats) -> str:
    """What the line of a request for data has besides, as far as that got."""
    started, rows = stats.started, ""
    if stats.first_row_at:
        rows = f',"first_row":{(stats.first_row_at - started) * 1000:.3f},"last_row":{(stats.last_row_at - started) * 1000:.3f}'
    return (
        f',"parse":{stats.parse_s * 1000:.3f},"bind":{stats.bind_s * 1000:.3f},"wait":{stats.wait_s * 1000:.3f},'
        f'"query":{stats.query_s * 1000:.3f}{rows}}},"rows":{stats.rows},"statement":"{statement_id(stats.slowest)}",'
        f'"backend":{stats.backend}'
    )


class TextFormatter(LineFormatter):
    """`2026-01-31 12:00:00,123 INFO name message`, further members as name=value, and a traceback
    on lines of its own."""

    def line(
        self,
        created: float,
        level: str,
        name: str,
        message: str,
        traceback: str | None = None,
        fields: Fields = _NONE,
    ) -> str:
        named = "".join(f" {member}={value}" for member, value in fields.items())
        tail = "" if traceback is None else f"\n{traceback}"
        return f"{_local_stamp(int(created))},{_milliseconds(created)} {level} {name} {message}{named}{tail}"

    def request(self, created: float, level: str, name: str, done: Finished) -> str:
        return self.line(created, level, name, request_text(done))


@lru_cache(maxsize=1)
def _utc_stamp(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


@lru_cache(maxsize=1)
def _local_stamp(second: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))


def _milliseconds(created: float) -> str:
    return f"{int(created % 1 * 1000):03d}"
