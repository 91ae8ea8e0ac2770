"""The log, without secrets: a line a request, and tracebacks in which tokens are blotted out."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
import traceback
from contextlib import suppress
from typing import TextIO

from odata_gateway.errors import ODataError
from odata_gateway.observe.log_lines import (
    Finished,
    JsonFormatter,
    LineFormatter,
    TextFormatter,
    request_text,
)

ACCESS = logging.getLogger("odata_gateway.access")
LOG = logging.getLogger("odata_gateway.web")
_writer: BatchingHandler | None = None
"""Where access lines go without a detour; None where the program around has set up logging itself,
which then gets records."""
_PROBES = ("health", "metrics")


def access(done: Finished) -> None:
    """Log one finished request; a probe of health, and the reading of metrics, only for
    debugging."""
    level = logging.DEBUG if done.stats.entity_set in _PROBES else logging.INFO
    if not ACCESS.isEnabledFor(level):
        return
    if _writer is None:
        record = logging.LogRecord(ACCESS.name, level, "", 0, request_text(done), None, None)
        ACCESS.handle(record)  # Logger.log would look for the calling line first
    else:
        _writer.add(level, ACCESS.name, done)


def failure(error: BaseException, request_id: str, secrets: tuple[str, ...], what: str) -> None:
    """Log an unexpected exception with its traceback, the request's id, and without the request's
    tokens."""
    text = "".join(traceback.format_exception(error))
    for secret in secrets:
        text = text.replace(secret, "***")
    LOG.error("%s id=%s\n%s", what, request_id, text)


def fault(error: ODataError, request_id: str) -> None:
    """Log in one line what outside the gateway made a request fail, without words that could quote
    a value."""
    cause = error.__cause__
    sqlstate = getattr(cause, "sqlstate", None)
    LOG.warning(
        "%s id=%s: %s (%s%s)",
        error.code,
        request_id,
        error,
        type(cause).__name__,
        f", SQLSTATE {sqlstate}" if sqlstate else "",
    )


# --- Set-up ---------------------------------------------------------------------------------------


class BatchingHandler(logging.StreamHandler[TextIO]):
    """Writes lines together, at most 50 ms late: a system call a line costs a small request a
    twentieth (measured). Warnings go at once."""

    def __init__(self, stream: TextIO, formatter: LineFormatter) -> None:
        super().__init__(stream)
        self.setFormatter(formatter)
        self._request_line = formatter.request
        self._waiting: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._keep(self.format(record), record.levelno)
        except Exception:
            self.handleError(record)

    def add(self, level: int, name: str, done: Finished) -> None:
        """A request's line, without a record; from the event loop's thread only."""
        self._keep(self._request_line(time.time(), logging.getLevelName(level), name, done), level)

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
    """Log to stderr, in the form the settings name; `auto` is text on a terminal and JSON
    elsewhere."""
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = (
        False  # no line shows them
    )
    global _writer
    is_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    _writer = BatchingHandler(sys.stderr, TextFormatter() if is_text else JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[_writer], force=True)
