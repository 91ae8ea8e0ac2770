"""Standard input and output of a process whose client sends lines and reads answers.

Each has a thread of its own, since the event loop of some systems cannot wait for files, nor for
pipes of Windows, and since a client that is slow to read would hold up the loop. The threads end
with the process.
"""

from __future__ import annotations

import asyncio
import os
import select
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread

from odata_gateway.server.client_at_start import client_is_served

_CHUNK_BYTES = 65_536
_LOOK_S = 0.5
"""Between two looks for a client, where the system cannot wait until it is gone."""
_NO_MESSAGE = b"?"
"""Stands for a line that is too long."""


class StandardFiles:
    """Lines of standard input, and answers on standard output.

    most_bytes  of a line; a longer one is told as a line that is no message
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, most_bytes: int) -> None:
        self._loop = loop
        self._most_bytes = most_bytes
        self._writing: SimpleQueue[tuple[bytes, asyncio.Future[None]]] = SimpleQueue()
        self._output = os.dup(1)
        os.dup2(2, 1)  # whatever else is printed is no answer

    def begin(self, note: Callable[[bytes], None], gone: Callable[[], None]) -> None:
        """Read and write from now on; both are called in the event loop.

        note  with each line that is not blank, then with nothing at the end of standard input
        gone  when nobody reads the answers
        """
        client_is_served()
        Thread(target=self._read, args=(note, gone), daemon=True).start()
        Thread(target=self._write, args=(gone,), daemon=True).start()

    async def write(self, answer: bytes) -> None:
        """Return when the client has taken the answer, or is gone."""
        written = self._loop.create_future()
        self._writing.put((answer, written))
        await written

    def _read(self, note: Callable[[bytes], None], gone: Callable[[], None]) -> None:
        rest = b""
        with suppress(RuntimeError):  # the loop has ended
            while chunk := _next_chunk(self._output):
                *lines, rest = (rest + chunk).split(b"\n")
                rest = rest[: self._most_bytes + 1]
                for line in lines:
                    self._note_line(note, line)
            self._note_line(note, rest)
            self._loop.call_soon_threadsafe(note, b"")
            while _is_read(self._output):
                time.sleep(_LOOK_S)
            self._loop.call_soon_threadsafe(gone)

    def _note_line(self, note: Callable[[bytes], None], line: bytes) -> None:
        if line.strip():
            text = line if len(line) <= self._most_bytes else _NO_MESSAGE
            self._loop.call_soon_threadsafe(note, text)

    def _write(self, gone: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            while True:
                answer, written = self._writing.get()
                if not _has_written(self._output, answer):
                    self._loop.call_soon_threadsafe(gone)
                self._loop.call_soon_threadsafe(_finish, written)


def _next_chunk(output: int) -> bytes:
    """What comes next on standard input; nothing at its end, and once nobody reads the output."""
    while _is_read(output, 0):
        try:
            return os.read(0, _CHUNK_BYTES)
        except BlockingIOError:  # another process was faster
            continue
        except OSError:  # such as a terminal that is gone
            break
    return b""


def _is_read(output: int, *inputs: int) -> bool:
    """Wait until there is something to read; False as soon as nobody reads the output."""
    if sys.platform == "win32":
        return True
    waiting = select.poll()
    waiting.register(output, 0)
    for number in inputs:
        waiting.register(number, select.POLLIN)
    gone = select.POLLERR | select.POLLHUP
    return not any(number == output and what & gone for number, what in waiting.poll())


def _has_written(output: int, answer: bytes) -> bool:
    left = memoryview(answer)
    while left:
        try:
            left = left[os.write(output, left) :]
        except BlockingIOError:  # a pipe or socket that its client made so
            select.select((), (output,), ())
        except OSError:  # nobody reads
            return False
    return True


def _finish(written: asyncio.Future[None]) -> None:
    if not written.cancelled():
        written.set_result(None)
