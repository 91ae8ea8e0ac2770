"""Log lines without secrets: an access line a request, and tracebacks in which tokens are blotted out.

An access line names the path and the options, never the values: a token may stand among them, and a filter may hold a person's name.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
import time
import traceback
from abc import ABC, abstractmethod
from contextlib import suppress
from functools import lru_cache
from typing import TextIO
from urllib.parse import unquote

from odata_gateway.errors import ODataError

ACCESS = logging.getLogger("odata_gateway.access")
LOG = logging.getLogger("odata_gateway.web")
_writer: BatchingHandler | None = None
"""Where access lines go without a detour; None where the program around has set up logging itself, which then gets records."""


_LIKE_A_TOKEN = re.compile(r"(?:[A-Za-z0-9]|%[0-9A-Fa-f]{2}){20,}")


def shown_target(target: str) -> str:
    """A request target as a log line may show it: the path, and the names of the options.

    Where a client takes `&` for `?`, or encodes the `=`, a token stands in the path or in a name; `*` stands for both, and for whatever is
    as long as a token and has no sign in it.
    """
    path, mark, query = target.partition("?")
    path, ampersand, _ = path.replace("%26", "&").partition("&")
    names = ",".join(_option_name(option) for option in query.split("&") if option)
    path, names = (_plain(_LIKE_A_TOKEN.sub("*", text)[:200]) for text in (path, names))
    return path + ("&*" if ampersand else "") + (f" [{names}]" if mark and names else "")


def _option_name(option: str) -> str:
    name, equals, _ = option.partition("=")
    name = unquote(name)
    return name if equals and "=" not in name else "*"


def _plain(text: str) -> str:
    """Text that can neither begin a new log line nor fail to be encoded."""
    return text if text.isascii() and text.isprintable() else "".join(c if c.isprintable() and c.isascii() else "?" for c in text)


def access(method: str, target: str, status: int, *, size: int, started: float, request_id: str, note: str = "") -> None:
    """Log one finished request, a probe of health only for debugging; `started` is the time.perf_counter() of its begin."""
    level = logging.DEBUG if target.startswith("/health") else logging.INFO
    if not ACCESS.isEnabledFor(level):
        return
    took_ms = (time.perf_counter() - started) * 1000
    tail = f" {note}" if note else ""
    line = f"{_plain(method[:20])} {shown_target(target)} {status} {size}B {took_ms:.1f}ms id={request_id}{tail}"
    if _writer is None:
        ACCESS.handle(logging.LogRecord(ACCESS.name, level, "", 0, line, None, None))  # Logger.log would look for the calling line first
    else:
        _writer.add(level, ACCESS.name, line)


def failure(error: BaseException, request_id: str, secrets: tuple[str, ...], what: str) -> None:
    """Log an unexpected exception with its traceback, the request's id, and without the request's tokens."""
    text = "".join(traceback.format_exception(error))
    for secret in secrets:
        text = text.replace(secret, "***")
    LOG.error("%s id=%s\n%s", what, request_id, text)


def fault(error: ODataError, request_id: str) -> None:
    """Log in one line what outside the gateway made a request fail, without words that could quote a value."""
    cause = error.__cause__
    sqlstate = getattr(cause, "sqlstate", None)
    LOG.warning("%s id=%s: %s (%s%s)", error.code, request_id, error, type(cause).__name__, f", SQLSTATE {sqlstate}" if sqlstate else "")


# --- Set-up -------------------------------------------------------------------------------------------------------------------


class LineFormatter(logging.Formatter, ABC):
    """Lines from records, and from their parts: a record for each request costs as much as compiling it (measured)."""

    def format(self, record: logging.LogRecord) -> str:
        traceback = self.formatException(record.exc_info) if record.exc_info else None
        return self.line(record.created, record.levelname, record.name, record.getMessage(), traceback)

    @abstractmethod
    def line(self, created: float, level: str, name: str, message: str, traceback: str | None = None) -> str:
        """One line without its end; `created` in seconds since 1970."""


class JsonFormatter(LineFormatter):
    """One JSON object a line."""

    def line(self, created: float, level: str, name: str, message: str, traceback: str | None = None) -> str:
        stamp = _utc_stamp(int(created))
        entry = {"time": f"{stamp}.{_milliseconds(created)}Z", "level": level.lower(), "logger": name, "message": message}
        if traceback is not None:
            entry["traceback"] = traceback
        return json.dumps(entry, ensure_ascii=True)


class TextFormatter(LineFormatter):
    """`2026-01-31 12:00:00,123 INFO name message`, and a traceback on lines of its own."""

    def line(self, created: float, level: str, name: str, message: str, traceback: str | None = None) -> str:
        tail = "" if traceback is None else f"\n{traceback}"
        return f"{_local_stamp(int(created))},{_milliseconds(created)} {level} {name} {message}{tail}"


@lru_cache(maxsize=1)
def _utc_stamp(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


@lru_cache(maxsize=1)
def _local_stamp(second: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))


def _milliseconds(created: float) -> str:
    return f"{int(created % 1 * 1000):03d}"


class BatchingHandler(logging.StreamHandler[TextIO]):
    """Writes lines together, at most 50 ms late: a system call a line costs a small request a twentieth (measured). Warnings go at once."""

    def __init__(self, stream: TextIO, formatter: LineFormatter) -> None:
        super().__init__(stream)
        self.setFormatter(formatter)
        self._line = formatter.line
        self._waiting: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._keep(self.format(record), record.levelno)
        except Exception:
            self.handleError(record)

    def add(self, level: int, name: str, message: str) -> None:
        """A line without a record; from the event loop's thread only."""
        self._keep(self._line(time.time(), logging.getLevelName(level), name, message), level)

    def _keep(self, line: str, level: int) -> None:
        self._waiting.append(line + self.terminator)
        if level >= logging.WARNING or len(self._waiting) >= 200:
            self.flush()
        elif self._timer is None:
            loop = asyncio._get_running_loop()
            if loop is None:
                self.flush()
            else:
                self._timer = loop.call_later(0.05, self.flush)

    def flush(self) -> None:
        """Write what waits; called by logging at exit too."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._waiting = self._waiting, []
        with suppress(OSError, ValueError):
            self.stream.write("".join(lines))
            self.stream.flush()


def set_up(level: str, form: str) -> None:
    """Log to stderr, in the form the settings name."""
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line shows them
    global _writer
    _writer = BatchingHandler(sys.stderr, JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[_writer], force=True)
