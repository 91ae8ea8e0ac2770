"""Where the server processes leave their counts for each other: shared memory, a region for each
place.

Any process can be asked for metrics, and answers for all: it writes down its own counts and reads
those of the others, which write theirs once a second. So what one scrape has shown, the next one
shows too, whichever process answers it. A process that takes another's place goes on with the
counts that it finds there, so no counter goes back; a death is noted, and a dead process has no
gauges.

The memory is a file without a name, handed to each process when it is started: nothing is left
behind, and a read-only file system is no hindrance.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import tempfile
import zlib
from collections.abc import Iterator
from multiprocessing.reduction import DupFd
from typing import Any

_HALF_BYTES = 512 * 1024
_HEAD = struct.Struct("<II")
"""Length and checksum of a text. Each region has two halves, written in turn: while one is written,
the other is whole."""
_FLAGS = 16
"""Bytes before the halves: which of them is the newer one."""
_REGION_BYTES = _FLAGS + 2 * (_HEAD.size + _HALF_BYTES)
_READS = 5

CounterPage = dict[str, Any]


class SharedCounters:
    """The regions of `places` processes, by number."""

    def __init__(self, places: int, descriptor: int | None = None) -> None:
        self.places = places
        self._descriptor = (
            _unnamed_file(places * _REGION_BYTES) if descriptor is None else descriptor
        )
        self._memory = mmap.mmap(self._descriptor, places * _REGION_BYTES)

    def __reduce__(self) -> tuple[Any, ...]:
        """For a process that is being started: it gets a descriptor of its own."""
        return _received, (self.places, DupFd(self._descriptor))

    def write(self, place: int, page: CounterPage) -> None:
        """Leave a page for all to read; one that is too long is not written."""
        text = json.dumps(page, separators=(",", ":")).encode()
        if len(text) > _HALF_BYTES:
            return
        start = place * _REGION_BYTES
        half = 1 - self._memory[start]
        at = start + _FLAGS + half * (_HEAD.size + _HALF_BYTES)
        _HEAD.pack_into(self._memory, at, len(text), zlib.crc32(text))
        self._memory[at + _HEAD.size : at + _HEAD.size + len(text)] = text
        self._memory[start] = half

    def read(self, place: int) -> CounterPage | None:
        """The page last written; None before the first."""
        start = place * _REGION_BYTES
        for _ in range(_READS):  # the writer may have come round to the half that is being read
            at = start + _FLAGS + self._memory[start] * (_HEAD.size + _HALF_BYTES)
            length, checksum = _HEAD.unpack_from(self._memory, at)
            text = self._memory[at + _HEAD.size : at + _HEAD.size + min(length, _HALF_BYTES)]
            if length and zlib.crc32(text) == checksum:
                page: CounterPage = json.loads(text)
                return page
        return None

    def pages(self) -> Iterator[CounterPage]:
        """Every page there is."""
        for place in range(self.places):
            page = self.read(place)
            if page is not None:
                yield page

    def note_death(self, place: int) -> None:
        """Take the gauges of a process away that has ended; its counts stay."""
        page = self.read(place)
        if page is not None:
            self.write(place, page | {"gauges": {}})


def _unnamed_file(size: int) -> int:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("odata-gateway")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor


def _received(places: int, descriptor: Any) -> SharedCounters:
    return SharedCounters(places, descriptor.detach())
