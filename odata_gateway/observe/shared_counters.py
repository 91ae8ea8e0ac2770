"""The counts of several server processes in shared memory, a region for each.

Any process can be asked for metrics, and answers for all: it writes its own counts and reads those
of the others, which write theirs once a second. So what one scrape has shown, the next one shows
too, whichever process answers it. The replacement of a process goes on with the counts in its
region, so no counter goes back. A death is noted, and a dead process has no gauges.

The memory is a file without a name, passed to each process at its start: nothing is left behind,
and it needs no writable file system.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import zlib
from collections.abc import Iterator
from multiprocessing.reduction import DupFd
from typing import Any

import orjson

_HALF_BYTES = 512 * 1024
_HEAD = struct.Struct("<II")
"""Length and checksum of a text. Each region has two halves, written in turn: while one is written,
the other is whole."""
_FLAG_BYTES = 16
"""Before the halves: the first byte is the number of the newer one."""
_REGION_BYTES = _FLAG_BYTES + 2 * (_HEAD.size + _HALF_BYTES)
_MOST_READS = 5

CounterPage = dict[str, Any]
"""What one process has counted: `counts` as in Counters.snapshot, and `gauges`."""


class SharedCounters:
    """The regions of `places` processes, which are numbered from 0."""

    def __init__(self, places: int, descriptor: int | None = None) -> None:
        self.places = places
        if descriptor is None:
            descriptor = _unnamed_file(places * _REGION_BYTES)
        self._descriptor = descriptor
        self._memory = mmap.mmap(descriptor, places * _REGION_BYTES)

    def __reduce__(self) -> tuple[Any, ...]:
        """For a process that is being started, which gets a descriptor of its own."""
        return _received, (self.places, DupFd(self._descriptor))

    def write(self, place: int, page: CounterPage) -> None:
        """Write the page of a process; one that is too long leaves the last one."""
        text = orjson.dumps(page)
        if len(text) > _HALF_BYTES:
            return
        region = place * _REGION_BYTES
        half = 1 - self._memory[region]
        at = region + _FLAG_BYTES + half * (_HEAD.size + _HALF_BYTES)
        _HEAD.pack_into(self._memory, at, len(text), zlib.crc32(text))
        self._memory[at + _HEAD.size : at + _HEAD.size + len(text)] = text
        self._memory[region] = half

    def read(self, place: int) -> CounterPage | None:
        """The page last written; None before the first."""
        region = place * _REGION_BYTES
        for _ in range(_MOST_READS):  # the writer may have come to the half that is being read
            at = region + _FLAG_BYTES + self._memory[region] * (_HEAD.size + _HALF_BYTES)
            length, checksum = _HEAD.unpack_from(self._memory, at)
            text = self._memory[at + _HEAD.size : at + _HEAD.size + min(length, _HALF_BYTES)]
            if length and zlib.crc32(text) == checksum:
                page: CounterPage = orjson.loads(text)
                return page
        return None

    def pages(self) -> Iterator[CounterPage]:
        """The page of each process that has written one."""
        for place in range(self.places):
            page = self.read(place)
            if page is not None:
                yield page

    def note_death(self, place: int) -> None:
        """Remove the gauges of a process that has ended; its counts stay."""
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
