"""T5: Postgres dies by SIGKILL in the middle of a file. HTTP's framing says so; and where a format has an end of its own, its reader misses it."""

from __future__ import annotations

import io
import zipfile

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest
from tests.harness.cluster import READER, Cluster
from tests.harness.faults import accepts, crash, wait_until
from tests.harness.figures import amount, record
from tests.harness.gateway import Gateway
from tests.harness.raw import RawClient

TARGET = "Message?$select=id,content,content_attributes&$orderby=id"
READERS = {
    "csv": None,  # a text ends anywhere: HTTP alone says that it was cut
    "ndjson": None,
    "xlsx": lambda body: zipfile.ZipFile(io.BytesIO(body)),
    "arrow": lambda body: pa.ipc.open_stream(body).read_all(),
    "parquet": lambda body: pyarrow.parquet.read_table(io.BytesIO(body)),
}
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


@pytest.fixture
def gateway(gateways, big: Cluster) -> Gateway:
    return gateways(ODATA_DSN=big.dsn(user=READER))


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
@pytest.mark.parametrize("format_name", READERS)
def test_t05_a_file_that_was_cut_is_no_file(gateway, big, format_name, encoding):
    for _ in range(amount(1, 10)):
        assert gateway.get("Label?$top=1").status == 200
        with RawClient(gateway.port, receive_bytes=65536, timeout_s=60) as raw:
            raw.get(f"{TARGET}&$format={format_name}", version="1.1", headers=(("Accept-Encoding", encoding),))
            assert raw.read_until(100_000) >= 100_000
            crash(big)
            answer = raw.finish()
        big.resume()
        wait_until(lambda: accepts(big), 60)
        wait_until(lambda: gateway.get("Label?$top=1").status == 200, 30)
        assert answer.status == 200 and answer.end != "timeout"
        assert not answer.is_whole, format_name
        read = READERS[format_name]
        if read is not None and encoding == "identity":
            with pytest.raises((zipfile.BadZipFile, pa.ArrowInvalid, OSError)):
                read(answer.body)
        record("T5", "files cut by a killed Postgres", 1, how="sum", at_least=amount(10, 100))


@pytest.mark.parametrize("format_name", READERS)
def test_t05_a_whole_file_is_whole(gateway, big, format_name):
    """The judge above does not say 'cut' to everything."""
    with RawClient(gateway.port, timeout_s=60) as raw:
        raw.get(f"{TARGET}&$top=3000&$format={format_name}", version="1.1")
        answer = raw.finish()
    read = READERS[format_name]
    assert answer.is_whole and (read is None or read(answer.body))
