"""T5: Postgres dies by SIGKILL in the middle of a file. The format's own reader misses the end, whether it reads from the connection or what came of it.

A CSV file and lines of JSON end anywhere: there HTTP alone says that they were cut, and readers that read from the connection pass that on. Under
gzip and zstd the end of these is missing too.
"""

from __future__ import annotations

import csv
import gzip
import http.client
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

import openpyxl
import psutil
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest
from odata_gateway.web.responses.compression import zstd_backend as zstd
from tests.harness.cluster import READER, Cluster
from tests.harness.faults import accepts, backends, crash, wait_until
from tests.harness.figures import amount, record
from tests.harness.gateway import Gateway, start_gateway
from tests.harness.raw import Answer, RawClient

TARGET = "Message?$select=id,content,content_attributes&$orderby=id"


def from_table(stream: BinaryIO) -> list[str]:
    """The rows of a table for a terminal, whose last line says how many there are."""
    *rows, blank, summary = stream.read().decode().splitlines()[3:]
    if blank or not summary.startswith(f"{len(rows):,} row"):
        raise ValueError("the last line is missing")
    return rows


def from_csv(stream: BinaryIO) -> list[list[str]]:
    return list(csv.reader(io.TextIOWrapper(stream, "utf-8", newline=""), strict=True))[1:]


READERS: dict[str, Callable[[BinaryIO], Any]] = {
    "json": lambda stream: json.load(stream)["value"],
    "csv": from_csv,
    "ndjson": lambda stream: [json.loads(line) for line in stream],
    "xlsx": lambda stream: list(openpyxl.load_workbook(io.BytesIO(stream.read()), read_only=True).worksheets[0].iter_rows(min_row=2)),
    "arrow": lambda stream: pa.ipc.open_stream(stream).read_all().to_pylist(),
    "parquet": lambda stream: pyarrow.parquet.read_table(io.BytesIO(stream.read())).to_pylist(),
    "table": from_table,
}
"""The rows of a file, from a stream."""
END_ANYWHERE = {"csv", "ndjson"}
HELD_BACK = {"table"}
"""What is a page, and sent when its last row is there: Postgres's end leaves all of it or nothing."""
CODINGS: dict[str | None, Callable[[BinaryIO], BinaryIO]] = {
    None: lambda stream: stream,
    "gzip": lambda stream: cast(BinaryIO, gzip.GzipFile(fileobj=stream)),
    "zstd": lambda stream: zstd.ZstdFile(stream),
}
NO_FILE = (
    *(http.client.HTTPException, zipfile.BadZipFile, pa.ArrowInvalid, OSError, EOFError, ValueError, csv.Error, zstd.ZstdError),
    *(KeyError, ConnectionError),
)
ADDED = 40_000


@pytest.fixture(scope="module")
def big(postgres: Cluster) -> Cluster:
    """Account 1 gets rows enough for files of some 60 MB, which no format makes small."""
    postgres.psql(
        "live_agent",
        "INSERT INTO messages (content, account_id, inbox_id, conversation_id, message_type, created_at, updated_at) "
        "SELECT (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 60) AS j), 1, 1, 1, 0, now(), now() "
        f"FROM generate_series(1, {ADDED}) AS i; ANALYZE messages",
    )
    return postgres


@pytest.fixture(scope="module")
def gateway(big: Cluster) -> Iterator[Gateway]:
    """One program through all kills."""
    with start_gateway(ODATA_DSN=big.dsn(user=READER), ODATA_PAGE_ROWS="100000") as running:
        yield running


def is_reading(cluster: Cluster) -> bool:
    """Whether a statement runs, by the titles of Postgres's processes."""
    return any(psutil.Process(pid).cmdline()[0].endswith("SELECT") for pid in backends(cluster))


def cut(gateway: Gateway, cluster: Cluster, format_name: str, encoding: str) -> Answer:
    """What a client has of a file during which Postgres was killed."""
    with RawClient(gateway.port, receive_bytes=65536, timeout_s=60) as raw:
        raw.get(f"{TARGET}&$format={format_name}", version="1.1", headers=(("Accept-Encoding", encoding),))
        if format_name in HELD_BACK:
            wait_until(lambda: is_reading(cluster), 10)
            time.sleep(0.05)
        else:
            assert raw.read_until(100_000) >= 100_000
        crash(cluster)
        return raw.finish()


def rows_of(answer: Answer, format_name: str, stream: BinaryIO) -> Any:
    """What the reader of a format makes of a stream, under the coding that the answer says."""
    return READERS[format_name](CODINGS[answer.header("content-encoding")](stream))


def check_held_back(answer: Answer, format_name: str) -> None:
    """All or nothing: the error, or the whole page, which came before the kill."""
    if answer.status == 503:
        assert json.loads(answer.body)["error"]["code"] == "Db.Unavailable"
        return
    assert answer.status == 200 and rows_of(answer, format_name, io.BytesIO(answer.sent[0]))


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
@pytest.mark.parametrize("format_name", READERS)
def test_t05_a_file_that_was_cut_is_no_file(gateway, big, format_name, encoding):
    for _ in range(amount(1, 10)):
        assert gateway.get("Label?$top=1").status == 200
        answer = cut(gateway, big, format_name, encoding)
        big.resume()
        wait_until(lambda: accepts(big), 60)
        wait_until(lambda: gateway.get("Label?$top=1").status == 200, 30)
        if format_name in HELD_BACK and answer.is_whole:
            check_held_back(answer, format_name)
            continue
        assert answer.status == 200 and answer.end != "timeout"
        assert not answer.is_whole, format_name
        with pytest.raises(NO_FILE):
            rows_of(answer, format_name, cast(BinaryIO, answer.response()))
        if format_name not in END_ANYWHERE or answer.header("content-encoding") is not None:
            with pytest.raises(NO_FILE):
                rows_of(answer, format_name, io.BytesIO(answer.sent[0]))
        record("T5", "files cut by a killed Postgres", 1, how="sum", at_least=amount(10, 100))


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
@pytest.mark.parametrize("format_name", READERS)
def test_t05_a_whole_file_is_whole(gateway, big, format_name, encoding):
    """The judges above do not say 'cut' to everything."""
    with RawClient(gateway.port, timeout_s=60) as raw:
        raw.get(f"{TARGET}&$top=3000&$format={format_name}", version="1.1", headers=(("Accept-Encoding", encoding),))
        answer = raw.finish()
    packed = {"xlsx", "parquet"}  # compressed in themselves
    assert answer.is_whole and answer.header("content-encoding") == (None if format_name in packed or encoding == "identity" else encoding)
    body = answer.sent[0]
    for stream in (answer.response(), io.BytesIO(body)):
        assert len(rows_of(answer, format_name, cast(BinaryIO, stream))) == 3000
    if format_name not in END_ANYWHERE or answer.header("content-encoding") is not None:
        for part in (1, 2, 3):  # whoever cuts it
            with pytest.raises(NO_FILE):
                rows_of(answer, format_name, io.BytesIO(body[: len(body) * part // 4]))
