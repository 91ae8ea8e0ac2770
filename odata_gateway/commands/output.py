"""Where the rows of `odata-gateway query` go, and how far they are."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_EVERY_S = 0.3
_MB = 1_000_000


class NotWritten(Exception):
    """The output could not be written, as on a full disk. It has been told why."""


class Output:
    """Standard output, a device or a pipe, or a file that is there only when it is whole: until
    then a file of the same name stays as it was, and a signal that ends this program leaves
    nothing.

    shows_progress  somebody looks at a terminal, and no rows are shown there
    """

    def __init__(self, path: Path | None) -> None:
        is_file = path is not None and (path.is_file() or not path.exists())
        self._path = path.resolve() if path is not None and is_file else path
        self._part: _PartFile | None = None
        if self._path is not None and is_file:
            self._part = _PartFile(self._path)
        self._file: BinaryIO = sys.stdout.buffer
        self._is_whole = False
        self.size = 0
        is_shown = path is None and sys.stdout.isatty()
        self.shows_progress = sys.stderr.isatty() and not is_shown

    def __enter__(self) -> Output:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not sys.stdout.buffer:
            with suppress(OSError):  # `finished` has written all of an output that is whole
                self._file.close()
        if self._part is not None:
            with self._told():
                self._part.end(is_whole=self._is_whole)

    def open(self) -> None:
        """Make the file. That is not part of `__enter__`: a signal may come before that is over.

        raises  NotWritten
        """
        if self._path is not None:
            with self._told():
                self._file = self._part.open() if self._part else self._path.open("wb")

    def write(self, piece: bytes) -> None:
        """Write a piece.

        raises  BrokenPipeError when nobody reads any more; NotWritten
        """
        with self._told():
            self._file.write(piece)
        self.size += len(piece)

    def finished(self) -> int:
        """The exit status of an output that is whole."""
        with self._told():
            self._file.flush()
        self._is_whole = True
        return 0

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the system says about the output is told as that."""
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            name = "the output" if self._path is None else str(self._path)
            self.failed(f"{name}: {error.strerror}")
            raise NotWritten from error

    def failed(self, reason: str) -> int:
        """The exit status of an output that is not."""
        print(f"odata-gateway: {reason}", file=sys.stderr)
        return 1


class _PartFile:
    """The file that rows go to until they are whole. SIGTERM and SIGHUP remove it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._signals: list[int] = []

    def open(self) -> BinaryIO:
        """The open file, which only those can read who could read the file that it replaces."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:  # `nohup` has SIGHUP ignored
                signal.signal(number, self._ended)
                self._signals.append(number)
        mode = self._path.stat().st_mode & 0o777 if self._path.exists() else 0o666
        return open(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb")

    def end(self, *, is_whole: bool) -> None:
        """Put a whole file into its place, and remove another one."""
        try:
            if is_whole:
                self._part.replace(self._path)
        finally:
            with suppress(OSError):
                self._part.unlink()
            for number in self._signals:
                signal.signal(number, signal.SIG_DFL)

    def _ended(self, number: int, _: object) -> None:
        with suppress(OSError):
            self._part.unlink()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)  # so that who started this program sees what ended it


class Progress:
    """A line on the terminal while rows come: rows, bytes, and the time that is left where the
    number of all rows is known.

    rows   how many have come; None where that is not known
    total  the number of all rows, once it is known
    """

    def __init__(
        self,
        sink: Output,
        rows: Callable[[], int | None],
        total: Callable[[], int | None],
    ) -> None:
        self._sink = sink
        self._rows = rows
        self._total = total
        self._started = self._shown = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._sink.shows_progress:
            print(f"\r\033[K{self._line(time.monotonic())}", file=sys.stderr)

    def write(self, piece: bytes) -> None:
        """Write a piece, and say how far the rows are."""
        self._sink.write(piece)
        now = time.monotonic()
        if self._sink.shows_progress and now - self._shown >= _EVERY_S:
            self._shown = now
            print(f"\r\033[K{self._line(now)}", end="", file=sys.stderr, flush=True)

    def _line(self, now: float) -> str:
        rows, size = self._rows(), self._sink.size / _MB
        text = f"{size:,.1f} MB in {now - self._started:,.0f} s"
        if rows is None:
            return text
        left = self._left_s(rows, now)
        return f"{rows:,} rows, {text}" + ("" if left is None else f", {left:,.0f} s left")

    def _left_s(self, rows: int, now: float) -> float | None:
        total = self._total()
        if total is None or not rows:
            return None
        return max(0, total - rows) * (now - self._started) / rows
