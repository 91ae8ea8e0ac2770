"""Bodies: the first chunk is there before the answer begins, and the source is closed in every case."""

import pytest
from odata_gateway.web.responses.response_body import HELD_BYTES, ResponseBody
from tests.harness.source import Source, collect


async def test_bytes_are_one_chunk_of_known_size():
    body = ResponseBody(b"abc")
    assert (body.size, await collect(body.chunks())) == (3, [b"abc"])


async def test_empty_body_has_no_chunks():
    assert await collect(ResponseBody(b"").chunks()) == []
    assert await collect((await ResponseBody.open(Source())).chunks()) == []


async def test_first_chunk_is_fetched_at_once():
    source = Source(b"a", b"", b"b")
    body = await ResponseBody.open(source)
    assert source.chunks == [b"", b"b"]
    assert (body.size, await collect(body.chunks())) == (None, [b"a", b"b"])


async def test_failure_of_the_first_chunk_is_raised_and_closes():
    source = Source(ValueError())
    with pytest.raises(ValueError):
        await ResponseBody.open(source)
    assert source.closed


async def test_whole_body_fails_before_it_begins():
    source = Source(b"a", ValueError())
    with pytest.raises(ValueError):
        await ResponseBody.open_whole(source)
    assert source.closed


async def test_whole_body_has_a_size_and_is_closed():
    source = Source(b"a", b"b")
    body = await ResponseBody.open_whole(source)
    assert (body.size, source.closed) == (2, True)


async def test_closing_early_closes_the_source():
    source = Source(b"a", b"b")
    body = await ResponseBody.open(source)
    await body.close()
    assert source.closed


async def test_of_a_very_long_body_no_more_is_held_than_the_bound():
    source = Source(*[b"x" * (HELD_BYTES // 4)] * 8)
    body = await ResponseBody.open_whole(source)
    assert (body.size, len(body.first), len(source.chunks)) == (None, HELD_BYTES // 4 * 5, 3)
    assert sum(map(len, await collect(body.chunks()))) == HELD_BYTES * 2
    await body.close()
    assert source.closed
