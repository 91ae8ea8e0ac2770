"""Bodies as they are sent: compressed only where the client accepts it and it is worth it."""

import gzip

import pytest
from odata_gateway.config.settings import Settings
from odata_gateway.web.headers import Head
from odata_gateway.web.responses.compression import MIN_BYTES, THREAD_BYTES, accepted_codings, accepts_nothing, encode, encoded_chunks
from odata_gateway.web.responses.compression import zstd_backend as zstd
from odata_gateway.web.responses.response_body import ResponseBody
from tests.harness.source import Source, collect


def unpacked(coding, data):
    return gzip.decompress(data) if coding == "gzip" else zstd.decompress(data)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
async def test_compressed_chunks_make_one_body(coding):
    chunks = [b"x" * 1000, b"y" * THREAD_BYTES, b""]
    packed = b"".join(await collect(encoded_chunks(coding, Source(*chunks))))
    assert unpacked(coding, packed) == b"".join(chunks)
    for cut in range(2, len(packed) - 1):  # what was cut is noticed, wherever
        with pytest.raises((EOFError, zstd.ZstdError)):
            unpacked(coding, packed[: cut + 1])


async def test_a_client_needs_less_than_8_mb_for_zstd():
    """RFC 9659: a client need not have more for the window."""
    packed = b"".join(await collect(encoded_chunks("zstd", Source(*(bytes([i]) * THREAD_BYTES for i in range(60))))))
    assert zstd.decompress(packed, options={zstd.DecompressionParameter.window_log_max: 20})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("gzip, deflate", "gzip"),
        ("deflate, GZIP;q=0.5", "gzip"),
        ("x-gzip", "gzip"),
        ("*", "zstd"),
        ("gzip;q=0", None),
        ("gzip;q=0, *", "zstd"),
        ("gzip;q=0, zstd;q=0, *", None),
        ("br;q=1, *;q=.1", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.5, gzip", "gzip"),
        ("zstd;q=0.5, gzip;q=0.5", "zstd"),
        ("zstd;q=0, gzip;q=0.1", "gzip"),
        ("identity", None),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip", "gzip"),
        ("br", None),
        ("gzip;x", None),
    ],
)
def test_the_coding_that_the_client_likes_most(header, expected):
    assert accepted_codings(header) == (expected, False)
    assert not accepts_nothing(header)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("identity;q=0, gzip", "gzip"),
        ("*;q=0, zstd", "zstd"),
        ("identity;q=0.000, *", "zstd"),
        ("identity;q=0, gzip;q=0.1, zstd;q=0", "gzip"),
    ],
)
async def test_a_client_that_refuses_bodies_as_they_are_gets_none(header, expected):
    assert not accepts_nothing(header)
    for body, own in ((b"x", ()), (TEXT, (("Content-Type", "application/vnd.apache.parquet"),))):
        encoded = await encode("GET", head(own=own, asked={"accept-encoding": header}), ResponseBody(body))
        assert encoded.coding == expected and unpacked(expected, encoded.content) == body


@pytest.mark.parametrize("header", ["identity;q=0", "*;q=0", "identity;q=0, br", "gzip;q=0, zstd;q=0, identity;q=0, *"])
def test_a_client_that_refuses_everything_is_refused(header):
    assert accepts_nothing(header)


TEXT = b"abcdefgh" * MIN_BYTES
PACKS = {"accept-encoding": "gzip"}


def head(status=200, own=(), asked=PACKS):
    return Head(status, own, asked, Settings(), "id")


@pytest.mark.parametrize("text", [TEXT, b"x" * THREAD_BYTES])
async def test_a_body_of_known_size_has_a_length_when_it_is_compressed_too(text):
    plain = await encode("GET", head(asked={}), ResponseBody(text))
    assert (plain.content, plain.length, plain.coding) == (text, len(text), None)
    for coding in ("gzip", "zstd", "gzip", "zstd"):
        packed = await encode("GET", head(asked={"accept-encoding": coding}), ResponseBody(text))
        assert (unpacked(coding, packed.content), packed.length, packed.coding) == (text, len(packed.content), coding)


async def test_short_and_compressed_bodies_are_sent_as_they_are():
    assert (await encode("GET", head(), ResponseBody(b"x" * (MIN_BYTES - 1)))).coding is None
    assert (await encode("GET", head(own=(("Content-Encoding", "gzip"),)), ResponseBody(TEXT))).coding is None


async def test_a_stream_has_no_length():
    encoded = await encode("GET", head(asked={}), await ResponseBody.open(Source(b"a", b"b")))
    assert (await collect(encoded.content), encoded.length) == ([b"a", b"b"], None)
    encoded = await encode("GET", head(), await ResponseBody.open(Source(b"a", b"b")))
    assert (gzip.decompress(b"".join(await collect(encoded.content))), encoded.coding) == (b"ab", "gzip")


async def test_head_has_the_length_of_get_and_no_body():
    for asked in ({}, PACKS):
        get, only_head = [await encode(method, head(asked=asked), ResponseBody(TEXT)) for method in ("GET", "HEAD")]
        assert only_head == get._replace(content=b"")
    assert await encode("HEAD", head(), ResponseBody(b"")) == (b"", None, None)
    assert await encode("HEAD", head(), await ResponseBody.open(Source(TEXT))) == (b"", None, None)


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_a_body_have_no_length(status):
    assert await encode("GET", head(status), ResponseBody(b"")) == (b"", None, None)
