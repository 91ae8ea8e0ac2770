"""Log lines without secrets: an access line a request, and tracebacks in which tokens are blotted out.

An access line names the path and the options, never the values: a token may stand among them, and a filter may hold a person's name.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
import traceback
from contextlib import suppress
from typing import TextIO
from urllib.parse import unquote

ACCESS = logging.getLogger("odata_gateway.access")
LOG = logging.getLogger("odata_gateway.web")


def shown_target(target: str) -> str:
    """A request target as a log line may show it: the path, and the names of the options.

    Where a client takes `&` for `?`, or encodes the `=`, a token stands in the path or in a name; `*` stands for both.
    """
    path, mark, query = target.partition("?")
    path, ampersand, _ = path.replace("%26", "&").partition("&")
    names = ",".join(_option_name(option) for option in query.split("&") if option)
    return _plain(path[:200]) + ("&*" if ampersand else "") + (f" [{_plain(names[:200])}]" if mark and names else "")


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
    ACCESS.handle(logging.LogRecord(ACCESS.name, level, "", 0, line, None, None))  # Logger.log would look for the calling line first


def failure(error: BaseException, request_id: str, secrets: tuple[str, ...], what: str) -> None:
    """Log an unexpected exception with its traceback, the request's id, and without the request's tokens."""
    text = "".join(traceback.format_exception(error))
    for secret in secrets:
        text = text.replace(secret, "***")
    LOG.error("%s id=%s\n%s", what, request_id, text)


# --- Set-up -------------------------------------------------------------------------------------------------------------------


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=True)


class TextFormatter(logging.Formatter):
    """`2026-01-31 12:00:00,123 INFO name message`; the part of the stamp that lines of one second share is made once."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._second, self._stamp = -1, ""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        second = int(record.created)
        if second != self._second:
            self._second, self._stamp = second, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        return f"{self._stamp},{int(record.msecs):03d}"


class BatchingHandler(logging.StreamHandler[TextIO]):
    """Writes lines together, at most 50 ms late: a system call a line costs a small request a twentieth (measured). Warnings go at once."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._waiting: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._waiting.append(self.format(record) + self.terminator)
        except Exception:
            self.handleError(record)
        loop = asyncio._get_running_loop()
        if loop is None or record.levelno >= logging.WARNING or len(self._waiting) >= 200:
            self.flush()
        elif self._timer is None:
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
    handler = BatchingHandler(sys.stderr)
    if form == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
