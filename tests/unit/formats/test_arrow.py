"""Arrow and Parquet: columns typed by the model, and 406 with what to install where pyarrow is missing."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest
from odata_gateway.formats.tables import arrow
from odata_gateway.protocol.headers.format import _negotiate
from tests.harness.inside import inside


@pytest.fixture
async def served(reader_dsn):
    async with inside(reader_dsn) as service:
        yield service


async def test_a_stream_has_the_types_of_the_model_and_all_rows(served):
    answer = await served.ask("Message?$select=id,content,created_at,private,sender_id&$format=arrow")
    table = pa.ipc.open_stream(answer.body).read_all()
    assert [str(type_) for type_ in table.schema.types] == ["int32", "string", "timestamp[us, tz=UTC]", "bool", "int64"]
    assert table.num_rows == int((await served.ask("Message/$count")).body)
    assert dict(answer.headers)["Content-Type"] == "application/vnd.apache.arrow.stream"


async def test_an_answer_without_rows_has_its_types_too(served):
    for name, read in (
        ("arrow", lambda body: pa.ipc.open_stream(body).read_all()),
        ("parquet", lambda body: pyarrow.parquet.read_table(body)),
    ):
        answer = await served.ask(f"Message?$filter=id lt 0&$select=created_at&$format={name}")
        table = read(io.BytesIO(answer.body))
        assert table.num_rows == 0 and str(table.schema.types[0]) == "timestamp[us, tz=UTC]"


async def test_a_stream_that_was_cut_is_noticed(served):
    body = (await served.ask("Message?$format=arrow")).body
    with pytest.raises((pa.ArrowInvalid, OSError)):
        pa.ipc.open_stream(body[: len(body) // 2]).read_all()
    assert body.endswith(b"\xff\xff\xff\xff\x00\x00\x00\x00")  # the marker that a cut one lacks


async def test_a_stream_breaks_wherever_sending_stops(served):
    """The law for all pieces: a reader takes a stream that ends between two messages for a whole one."""
    parts = await served.parts("Message?$format=arrow")
    assert len(parts) > 5
    for count in range(1, len(parts)):
        with pytest.raises((pa.ArrowInvalid, OSError)):
            pa.ipc.open_stream(b"".join(parts[:count])).read_all()
    assert pa.ipc.open_stream(b"".join(parts)).read_all().num_rows == int((await served.ask("Message/$count")).body)


async def test_parquet_has_row_groups_of_many_chunks(served, monkeypatch):
    monkeypatch.setattr(arrow, "ROW_GROUP_BYTES", 300_000)
    body = (await served.ask("Message?$format=parquet")).body
    file = pyarrow.parquet.ParquetFile(io.BytesIO(body))
    assert 1 < file.num_row_groups < 20 and file.metadata.row_group(0).column(0).compression == "ZSTD"
    with pytest.raises((pa.ArrowInvalid, OSError)):
        pyarrow.parquet.ParquetFile(io.BytesIO(body[: len(body) // 2]))


async def test_one_column_with_nulls_has_all_its_rows(served):
    rows = (await served.ask("Message?$select=sender_id&$top=300")).json()["value"]
    body = (await served.ask("Message?$select=sender_id&$top=300&$format=arrow")).body
    assert pa.ipc.open_stream(body).read_all().column(0).to_pylist() == [row["sender_id"] for row in rows]


async def test_without_pyarrow_the_answer_says_what_to_install(served, monkeypatch):
    monkeypatch.setattr(arrow, "has_pyarrow", lambda: False)
    _negotiate.cache_clear()
    for target, accept in (("Label?$format=parquet", ""), ("Label?$top=1", "application/vnd.apache.arrow.stream;v=1")):
        answer = await served.ask(target, headers={"Accept": accept})
        assert answer.status == 406
        assert "(after: pip install 'odata-gateway[arrow]')" in answer.json()["error"]["details"][0]["message"]
    answer = await served.ask("Label?$top=1", headers={"Accept": "application/vnd.apache.parquet, application/json;q=0.5"})
    assert answer.status == 200 and answer.json()["value"]
    _negotiate.cache_clear()
