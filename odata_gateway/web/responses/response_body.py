"""The body of a reply, whose first chunk is fetched before the status line is sent: a query that
fails gets its proper status."""

from __future__ import annotations

from collections.abc import AsyncIterator

HELD_BYTES = 16 * 1024 * 1024
"""HTTP/1.0 has no chunked coding, and only a length tells that a body is complete. So this much is
held back until the length is known. A longer body is streamed, and ends with a reset if it
fails."""


class ResponseBody:
    """The chunks of a body, the first of which has been fetched. `size` is the length in bytes, or
    None where only the end will tell."""

    __slots__ = ("_first", "_rest", "size")

    def __init__(self, first: bytes, rest: AsyncIterator[bytes] | None = None) -> None:
        self._first = first
        self._rest = rest
        self.size = len(first) if rest is None else None

    @classmethod
    async def open(cls, source: AsyncIterator[bytes]) -> ResponseBody:
        """A body that holds its source until closed.

        raises  what the source raises before its first chunk, after closing it
        """
        body = cls(b"", source)
        try:
            body._first = await anext(source, b"")
        except BaseException:
            await body.close()
            raise
        return body

    @classmethod
    async def open_whole(cls, source: AsyncIterator[bytes]) -> ResponseBody:
        """A body of known size, unless it is longer than HELD_BYTES; that one holds its source
        until closed.

        raises  what the source raises before HELD_BYTES, after closing it
        """
        body = cls(b"", source)
        try:
            body._first, has_ended = await _held(source)
        except BaseException:
            await body.close()
            raise
        if not has_ended:
            return body
        await body.close()
        return cls(body._first)

    @property
    def first(self) -> bytes:
        """The chunk that has been fetched; all of a body whose size is known."""
        return self._first

    async def chunks(self) -> AsyncIterator[bytes]:
        """The chunks in order, none of them empty."""
        if self._first:
            yield self._first
        if self._rest is not None:
            async for chunk in self._rest:
                if chunk:
                    yield chunk

    async def close(self) -> None:
        """Close the source; a query that still runs is cancelled."""
        close = getattr(self._rest, "aclose", None)
        if close is not None:
            await close()


async def _held(source: AsyncIterator[bytes]) -> tuple[bytes, bool]:
    """All of the source and True, or its chunks up to the one that exceeds HELD_BYTES and False."""
    chunks, size = [], 0
    async for chunk in source:
        chunks.append(chunk)
        size += len(chunk)
        if size > HELD_BYTES:
            return b"".join(chunks), False
    return b"".join(chunks), True
