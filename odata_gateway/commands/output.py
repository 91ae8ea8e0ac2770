"""Where the rows of `odata-gateway query` go, and how far they are."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_EVERY_S = 0.3
_MB = 1_000_000


class Output:
    """Standard output, or a file that is there only when it is whole.

    shows_progress  somebody looks at a terminal, and no rows are shown there
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._part = None if path is None else path.with_name(f".{path.name}.{os.getpid()}.part")
        self._file: BinaryIO = sys.stdout.buffer
        self._is_whole = False
        self.size = 0
        is_shown = path is None and sys.stdout.isatty()
        self.shows_progress = sys.stderr.isatty() and not is_shown

    def __enter__(self) -> Output:
        if self._part is not None:
            self._file = self._part.open("wb")
        return self

    def __exit__(self, *_: object) -> None:
        if self._part is None or self._path is None:
            return
        self._file.close()
        if self._is_whole:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)

    def write(self, piece: bytes) -> None:
        """Write a piece.

        raises  BrokenPipeError when nobody reads any more
        """
        self._file.write(piece)
        self.size += len(piece)

    def finished(self) -> int:
        """The exit status of an output that is whole."""
        self._file.flush()
        self._is_whole = True
        return 0

    def failed(self, reason: str) -> int:
        """The exit status of an output that is not."""
        print(f"odata-gateway: {reason}", file=sys.stderr)
        return 1


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
