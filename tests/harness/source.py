"""A body whose chunks a test knows."""

from __future__ import annotations

from collections.abc import AsyncIterator


class Source:
    """An asynchronous iterator that remembers whether it was closed; an exception among its chunks is raised."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self.chunks = list(chunks)
        self.closed = False

    def __aiter__(self) -> Source:
        return self

    async def __anext__(self) -> bytes:
        if not self.chunks:
            raise StopAsyncIteration
        chunk = self.chunks.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk

    async def aclose(self) -> None:
        self.closed = True


async def collect(chunks: AsyncIterator[bytes]) -> list[bytes]:
    """All chunks of a body."""
    return [chunk async for chunk in chunks]
