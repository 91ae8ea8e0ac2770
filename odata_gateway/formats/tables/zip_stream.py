"""A zip archive written from its beginning to its end, without going back (APPNOTE 6.3, 4.3).

The sizes of a member stand behind it. They have 32 bits, because Excel reads no larger ones there;
so a member must stay below 4 GB, which its writer sees to. Python's zipfile can write such an
archive too, but only up to 2 GB, and with zlib; isal is four times as fast.
"""

from __future__ import annotations

import zlib
from importlib import import_module
from importlib.util import find_spec
from struct import pack

_deflate = import_module("isal.isal_zlib" if find_spec("isal") else "zlib")
_LEVEL, _RAW_WINDOW_BITS = 1, -15
_VERSION, _FLAGS, _DEFLATED = 20, 0x0808, 8
"""Flags: the sizes come behind the member, and its name is UTF-8."""
_TIME, _DATE = 0, 0x21
"""Midnight of 1980-01-01: a file says nothing of when it was made, so that equal rows are equal
files."""


class ZipStream:
    """The members of an archive, one after another."""

    def __init__(self) -> None:
        self._at = 0
        self._directory: list[bytes] = []
        self._begin("")

    def _begin(self, name: str) -> None:
        self._name = name.encode()
        self._start = self._at
        self._check = self._size = self._packed = 0
        self._compressor = _deflate.compressobj(_LEVEL, zlib.DEFLATED, _RAW_WINDOW_BITS)

    def member(self, name: str, content: bytes) -> bytes:
        """A whole member."""
        return self.begin(name) + self.write(content) + self.end()

    def begin(self, name: str) -> bytes:
        """What stands before the content of a member."""
        self._begin(name)
        kind = pack("<IHHHHH", 0x04034B50, _VERSION, _FLAGS, _DEFLATED, _TIME, _DATE)
        return self._sent(kind + pack("<IIIHH", 0, 0, 0, len(self._name), 0) + self._name)

    def write(self, content: bytes) -> bytes:
        """A piece of the content of the member that was begun."""
        self._check = zlib.crc32(content, self._check)
        self._size += len(content)
        return self._packed_bytes(self._compressor.compress(content))

    @property
    def size(self) -> int:
        """Bytes of the member's content so far."""
        return self._size

    def end(self) -> bytes:
        """What stands behind the content of a member."""
        rest = self._packed_bytes(self._compressor.flush())
        sizes = pack("<III", self._check, self._packed, self._size)
        kind = pack("<IHHHHHH", 0x02014B50, _VERSION, _VERSION, _FLAGS, _DEFLATED, _TIME, _DATE)
        place = pack("<HHHHHII", len(self._name), 0, 0, 0, 0, 0, self._start)
        self._directory.append(kind + sizes + place + self._name)
        return rest + self._sent(pack("<I", 0x08074B50) + sizes)

    def close(self) -> bytes:
        """The directory, without which no reader takes the archive."""
        directory, count = b"".join(self._directory), len(self._directory)
        end = pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(directory), self._at, 0)
        return directory + end

    def _packed_bytes(self, packed: bytes) -> bytes:
        self._packed += len(packed)
        return self._sent(packed)

    def _sent(self, piece: bytes) -> bytes:
        self._at += len(piece)
        return piece
