"""Bodies: the first chunk is there before the answer begins, and the source is closed in every case."""

import gzip

import pytest
from odata_gateway.web.response import HELD_BYTES, ResponseBody, _compressed, accepts_gzip


class Source:
    """An asynchronous iterator that remembers whether it was closed; an exception among its chunks is raised."""

    def __init__(self, *chunks):
        self.chunks = list(chunks)
        self.closed = False

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.chunks:
            raise StopAsyncIteration
        chunk = self.chunks.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk

    async def aclose(self):
        self.closed = True


async def collect(chunks):
    return [chunk async for chunk in chunks]


async def test_bytes_are_one_chunk_of_known_size():
    body = await ResponseBody.open(b"abc", whole=False)
    assert (body.size, await collect(body.chunks())) == (3, [b"abc"])


async def test_empty_body_has_no_chunks():
    assert await collect((await ResponseBody.open(b"", whole=False)).chunks()) == []
    assert await collect((await ResponseBody.open(Source(), whole=False)).chunks()) == []


async def test_first_chunk_is_fetched_at_once():
    source = Source(b"a", b"", b"b")
    body = await ResponseBody.open(source, whole=False)
    assert source.chunks == [b"", b"b"]
    assert (body.size, await collect(body.chunks())) == (None, [b"a", b"b"])


async def test_failure_of_the_first_chunk_is_raised_and_closes():
    source = Source(ValueError())
    with pytest.raises(ValueError):
        await ResponseBody.open(source, whole=False)
    assert source.closed


async def test_whole_body_fails_before_it_begins():
    source = Source(b"a", ValueError())
    with pytest.raises(ValueError):
        await ResponseBody.open(source, whole=True)
    assert source.closed


async def test_whole_body_has_a_size_and_is_closed():
    source = Source(b"a", b"b")
    body = await ResponseBody.open(source, whole=True)
    assert (body.size, source.closed) == (2, True)


async def test_closing_early_closes_the_source():
    source = Source(b"a", b"b")
    body = await ResponseBody.open(source, whole=False)
    await body.close()
    assert source.closed


async def test_compressed_chunks_make_one_gzip_member():
    chunks = [b"x" * 1000, b"y" * 70000, b""]
    assert gzip.decompress(b"".join(await collect(_compressed(Source(*chunks))))) == b"".join(chunks)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", False),
        ("gzip", True),
        ("gzip, deflate", True),
        ("deflate, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("br;q=1, *;q=.1", True),
        ("identity", False),
        ("gzip;x", False),
    ],
)
def test_gzip_only_where_it_is_accepted(header, expected):
    assert accepts_gzip(header) is expected


async def test_of_a_very_long_body_no_more_is_held_than_the_bound():
    source = Source(*[b"x" * (HELD_BYTES // 4)] * 8)
    body = await ResponseBody.open(source, whole=True)
    assert (body.size, len(body.first), len(source.chunks)) == (None, HELD_BYTES // 4 * 5, 3)
    assert sum(map(len, await collect(body.chunks()))) == HELD_BYTES * 2
    await body.close()
    assert source.closed
