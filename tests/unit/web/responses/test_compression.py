"""Bodies as they are sent: gzip only where the client accepts it and it is worth it."""

import gzip

import pytest
from odata_gateway.config.settings import Settings
from odata_gateway.web.headers import Head
from odata_gateway.web.responses.compression import MIN_BYTES, THREAD_BYTES, accepts_gzip, encode, gzipped_chunks
from odata_gateway.web.responses.response_body import ResponseBody
from tests.harness.source import Source, collect


async def test_compressed_chunks_make_one_gzip_member():
    chunks = [b"x" * 1000, b"y" * 70000, b""]
    assert gzip.decompress(b"".join(await collect(gzipped_chunks(Source(*chunks))))) == b"".join(chunks)


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


TEXT = b"abcdefgh" * MIN_BYTES
PACKS = {"accept-encoding": "gzip"}


def head(status=200, own=(), asked=PACKS):
    return Head(status, own, asked, Settings(), "id")


@pytest.mark.parametrize("text", [TEXT, b"x" * THREAD_BYTES])
async def test_a_body_of_known_size_has_a_length_when_it_is_compressed_too(text):
    plain = await encode("GET", head(asked={}), ResponseBody(text))
    assert (plain.content, plain.length, plain.is_gzip) == (text, len(text), False)
    packed = await encode("GET", head(), ResponseBody(text))
    assert (gzip.decompress(packed.content), packed.length, packed.is_gzip) == (text, len(packed.content), True)


async def test_short_and_compressed_bodies_are_sent_as_they_are():
    assert not (await encode("GET", head(), ResponseBody(b"x" * (MIN_BYTES - 1)))).is_gzip
    assert not (await encode("GET", head(own=(("Content-Encoding", "gzip"),)), ResponseBody(TEXT))).is_gzip


async def test_a_stream_has_no_length():
    encoded = await encode("GET", head(asked={}), await ResponseBody.open(Source(b"a", b"b")))
    assert (await collect(encoded.content), encoded.length) == ([b"a", b"b"], None)
    encoded = await encode("GET", head(), await ResponseBody.open(Source(b"a", b"b")))
    assert (gzip.decompress(b"".join(await collect(encoded.content))), encoded.is_gzip) == (b"ab", True)


async def test_head_has_the_length_of_get_and_no_body():
    for asked in ({}, PACKS):
        get, only_head = [await encode(method, head(asked=asked), ResponseBody(TEXT)) for method in ("GET", "HEAD")]
        assert only_head == get._replace(content=b"")
    assert await encode("HEAD", head(), ResponseBody(b"")) == (b"", None, False)
    assert await encode("HEAD", head(), await ResponseBody.open(Source(TEXT))) == (b"", None, False)


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_a_body_have_no_length(status):
    assert await encode("GET", head(status), ResponseBody(b"")) == (b"", None, False)
