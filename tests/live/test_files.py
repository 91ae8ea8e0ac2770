"""Files over HTTP: as they are sent, compressed and asked for with HEAD."""

from __future__ import annotations

import csv
import gzip
import io

import asyncpg
import pytest
from odata_gateway.errors import ODataError
from odata_gateway.protocol.message import Request
from odata_gateway.url.resource_kind import classify
from odata_gateway.web.responses.compression import zstd_backend as zstd
from tests.harness import tokens
from tests.harness.inside import ROOT, inside

FORMATS = ("csv", "ndjson")
PACKED = ("xlsx", "parquet")
TARGET = "Message?$select=id,content"


def test_zstd_is_what_a_client_gets_that_likes_it(gateway):
    plain = gateway.get(f"{TARGET}&$format=csv")
    for target in (f"{TARGET}&$format=csv", f"{TARGET}&$top=30&$format=csv"):
        packed = gateway.get(target, headers={"Accept-Encoding": "gzip, deflate, br, zstd"})
        assert packed.headers["content-encoding"] == "zstd" and "Accept-Encoding" in packed.headers["vary"]
        assert plain.body.startswith(zstd.decompress(packed.body)) and len(packed.body) < len(plain.body) / 2
    refused = gateway.get(f"{TARGET}&$format=csv", headers={"Accept-Encoding": "identity;q=0, br"})
    assert refused.status == 406 and refused.json()["error"]["code"] == "Url.Format"


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_file_is_one_body_of_all_rows(gateway, format_name):
    number = int(gateway.get("Message/$count").body)
    plain = gateway.get(f"{TARGET}&$format={format_name}")
    packed = gateway.get(f"{TARGET}&$format={format_name}", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.status == 200 and plain.body == gzip.decompress(packed.body) and number > 1000
    text = plain.body.decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))[1:] if format_name == "csv" else text.split("\n")[:-1]
    assert len(rows) == number


@pytest.mark.parametrize("format_name", PACKED)
def test_what_is_compressed_in_itself_is_not_compressed_again(gateway, format_name):
    reply = gateway.get(f"{TARGET}&$format={format_name}", headers={"Accept-Encoding": "gzip"})
    assert reply.status == 200 and "content-encoding" not in reply.headers


@pytest.mark.parametrize("format_name", (*FORMATS, *PACKED, "arrow", "table"))
def test_head_has_the_headers_of_get(gateway, format_name):
    head, got = (gateway.get(f"{TARGET}&$top=3&$format={format_name}", method=method) for method in ("HEAD", "GET"))
    names = ("content-type", "content-disposition", "odata-version", "content-length")
    assert head.body == b"" and [head.headers.get(name) for name in names] == [got.headers.get(name) for name in names]


@pytest.mark.parametrize("format_name", ("csv", "xlsx", "arrow"))
async def test_a_statement_that_takes_too_long_breaks_the_file(reader_dsn, dsn, format_name):
    """A lock holds the chunk behind the first one up."""
    async with inside(reader_dsn, ODATA_STATEMENT_TIMEOUT_S="0.5") as gateway:
        target = f"{TARGET}&$format={format_name}"
        reply = await gateway.service.answer(Request("GET", target, classify(target), {}, ROOT, tokens.ADMIN))
        owner = await asyncpg.connect(dsn)
        try:
            await owner.execute("BEGIN; LOCK TABLE messages")
            with pytest.raises(ODataError) as raised:
                _ = [piece async for piece in reply.body]
        finally:
            await owner.close()
    assert raised.value.status in (503, 504)
