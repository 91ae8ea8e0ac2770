"""Rows of 100 MB: an answer costs a few copies of one row, however many rows it has; a cell of a workbook or a table has its first characters."""

from __future__ import annotations

import http.client
import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from typing import IO
from urllib.parse import quote

import openpyxl
import pyarrow as pa
import pyarrow.compute
import pyarrow.ipc
import pyarrow.parquet
import pytest
from tests.bench.meter import Meter, memory_mb
from tests.harness.cluster import READER, Cluster
from tests.harness.gateway import Gateway, start_gateway
from tests.harness.own_model import document, entity

DATABASE = "giants"
WORD, WORDS = 'ten words"', 10_000_000
BYTES = len(WORD) * WORDS
SMALL, GIANTS = 100, (60, 61)
TYPES = {
    "Row": entity("id", {"id": "Int32", "words": "String?"}, "rows"),
    "Many": entity("id", {"id": "Int32", "words": "String?"}, "manys"),
    "Value": entity("id", {"id": "Int32", "words": "String?", "octets": "Binary?"}, "vals"),
}
SIZES = {  # of the body, of a giant row: its quotes are written as two characters in the formats of text
    "json": (1.0, 1.2),
    "csv": (1.0, 1.2),
    "ndjson": (1.0, 1.2),
    "arrow": (1.0, 1.01),
    "parquet": (0.0, 1.01),
}
MOST_COPIES = {"json": 4.0, "csv": 4.0, "ndjson": 4.0, "arrow": 5.0, "parquet": 7.0}


@pytest.fixture(scope="module")
def gateway(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    cluster.load(DATABASE)
    giant = f"repeat('{WORD}', {WORDS})"
    cluster.psql(
        DATABASE,
        f"CREATE SCHEMA own; GRANT USAGE ON SCHEMA own TO {READER}; CREATE TABLE own.rows (id int PRIMARY KEY, words text);"
        f"INSERT INTO own.rows SELECT i, CASE WHEN i IN {GIANTS} THEN {giant} ELSE 'small' END FROM generate_series(1, {SMALL}) AS i;"
        f"CREATE TABLE own.manys AS SELECT i AS id, {giant} AS words FROM generate_series(1, 12) AS i; ALTER TABLE own.manys ADD PRIMARY KEY (id);"
        f"CREATE TABLE own.vals AS SELECT 1 AS id, {giant} AS words, convert_to({giant}, 'UTF8') AS octets; INSERT INTO own.vals SELECT 2, {giant} || '\U0001f600'; ALTER TABLE own.vals ADD PRIMARY KEY (id);"
        f"GRANT SELECT ON ALL TABLES IN SCHEMA own TO {READER}",
    )
    path = tmp_path_factory.mktemp("giants") / "model.json"
    path.write_text(json.dumps(document(TYPES)))
    with start_gateway(
        ODATA_DSN=cluster.dsn(user=READER, database=DATABASE), ODATA_MODEL=str(path), ODATA_STATEMENT_TIMEOUT_S="300"
    ) as found:
        yield found
    cluster.psql("postgres", f"DROP DATABASE {DATABASE} WITH (FORCE)")


def fetched(gateway: Gateway, target: str, file: IO[bytes], encoding: str = "identity", prefer: Mapping[str, str] | None = None) -> int:
    """The status of an answer, whose body goes to a file as it comes."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=300)
    try:
        connection.request(
            "GET",
            f"/v1.0/odata/{target}",
            headers={"Authorization": f"Bearer {gateway.tokens.ADMIN}", "Accept-Encoding": encoding, **(prefer or {})},
        )
        response = connection.getresponse()
        while piece := response.read(1 << 20):  # raises IncompleteRead for a body that was cut
            file.write(piece)
        return response.status
    finally:
        connection.close()


def copies(gateway: Gateway, target: str, file: IO[bytes], encoding: str = "identity", prefer: Mapping[str, str] | None = None) -> float:
    """How many giant rows the memory for an answer had room for, above what the program had before."""
    idle_mb = memory_mb(gateway.process.pid, "VmRSS")
    with Meter(gateway.process.pid, None) as used:
        assert fetched(gateway, target, file, encoding, prefer) == 200
    return (used.peak_mb - idle_mb) * 1e6 / BYTES


def lengths(format_name: str, path: str) -> list[int]:
    """The octets of each text in a file of Arrow's formats."""
    if format_name == "parquet":
        column = pyarrow.parquet.ParquetFile(path).read(["words"]).column(0)
    else:
        column = pa.ipc.open_stream(pa.memory_map(path)).read_all().column("words")
    return [int(n) for n in pyarrow.compute.binary_length(column).to_pylist()]


@pytest.mark.parametrize("format_name", SIZES)
def test_giant_rows_among_small_ones_cost_a_few_copies_of_one(gateway, format_name):
    """Nothing is known of their size beforehand, and a chunk of small rows has both of them."""
    least, most = SIZES[format_name]
    with tempfile.NamedTemporaryFile() as warm, tempfile.NamedTemporaryFile() as file:
        assert fetched(gateway, f"Rows?$top=3&$format={format_name}", warm) == 200
        used = copies(gateway, f"Rows?$format={format_name}", file)
        file.flush()
        size = file.tell()
        assert len(GIANTS) * least * BYTES <= size <= len(GIANTS) * most * BYTES
        if format_name in ("arrow", "parquet"):
            wanted = [BYTES if i in GIANTS else len("small") for i in range(1, SMALL + 1)]
            assert lengths(format_name, file.name) == wanted
    assert used < MOST_COPIES[format_name]


def test_compressing_giant_rows_costs_no_more(gateway):
    with tempfile.NamedTemporaryFile() as file:
        assert copies(gateway, "Rows?$filter=id%20gt%2060", file, "zstd") < MOST_COPIES["json"]


def test_a_workbook_and_a_table_never_hold_what_a_cell_has_no_room_for(gateway):
    with tempfile.NamedTemporaryFile() as file:
        assert copies(gateway, "Rows?$format=xlsx", file) < 0.5
        rows = list(openpyxl.load_workbook(file).worksheets[0].values)
    assert {len(row[1]) for row in rows[1:-1]} == {len("small"), 32_767}
    assert rows[-1][0] == f"{len(GIANTS)} texts were cut, since a cell has 32,767 characters at most; these cells are coloured."
    with tempfile.NamedTemporaryFile() as file:
        assert copies(gateway, "Rows?$format=table", file) < 0.5
        assert file.tell() < 1e6


@pytest.mark.parametrize("column", ["words", "octets", "concat(words,'x')"])
def test_a_workbook_and_a_table_never_make_a_text_of_what_a_cell_has_no_room_for(cluster, gateway, column):
    """In Postgres's processor time, beside that of CSV, which has all of the value."""
    took: dict[str, float] = {}
    target = (
        f"Values?$filter=id%20eq%201&$select=x&$compute={quote(column)}%20as%20x"
        if "(" in column
        else f"Values?$filter=id%20eq%201&$select={column}"
    )
    for format_name in ("csv", "xlsx", "table"):
        with tempfile.NamedTemporaryFile() as file, Meter(None, cluster.pid) as used:
            assert fetched(gateway, f"{target}&$format={format_name}", file) == 200
        took[format_name] = used.postgres
    share = 0.9 if "(" in column else 0.2  # what is computed is computed, but only once
    assert max(took["xlsx"], took["table"]) < share * took["csv"], took


@pytest.mark.parametrize("format_name", ["csv", "ndjson", "arrow"])
def test_a_page_that_ends_with_a_giant_row_costs_a_few_copies_of_it(gateway, format_name):
    """It ends there, and its link leads on; what has been sent of it is held no longer."""
    prefer = {"Prefer": f"maxpagesize={SMALL}"}
    with tempfile.NamedTemporaryFile() as file:
        assert copies(gateway, f"Rows?$format={format_name}", file, prefer=prefer) < MOST_COPIES[format_name]
        file.flush()
        assert file.tell() >= BYTES
        if format_name == "arrow":
            assert lengths("arrow", file.name) == [len("small")] * (GIANTS[0] - 1) + [BYTES]


def test_what_is_one_row_costs_a_few_copies(gateway):
    for target in (f"Rows({GIANTS[0]})", f"Rows({GIANTS[0]})/words", f"Rows({GIANTS[0]})/words/$value"):
        with tempfile.NamedTemporaryFile() as file:
            assert copies(gateway, target, file) < 5, target
            assert file.tell() >= BYTES


@pytest.mark.parametrize(
    "target", ["Values(2)", "Values(2)/words", "Values(2)/words/$value", "Values(2)?$format=csv", "Values(2)?$format=ndjson"]
)
def test_one_wide_character_makes_no_text_four_times_as_large(gateway, target):
    """Python has four octets for each character of a text with an emoji; what is one row is never a text there."""
    with tempfile.NamedTemporaryFile() as file:
        assert copies(gateway, target, file) < MOST_COPIES["json"]
        assert file.tell() >= BYTES


def test_more_rows_than_one_text_of_postgres_holds_are_counted(gateway):
    """Twelve rows have more than 1 GB: the statement that joins them fails, and ends the snapshot in which they were counted."""
    idle_mb = memory_mb(gateway.process.pid, "VmRSS")
    with Meter(gateway.process.pid, None) as used:
        answer = gateway.get("Manys?$count=true", method="HEAD")
    assert answer.status == 200
    assert (used.peak_mb - idle_mb) * 1e6 / BYTES < MOST_COPIES["json"]


def test_what_is_read_is_what_stands_in_the_table(gateway):
    """Small and giant rows, across the chunks that were read again with fewer rows."""
    body = io.BytesIO()
    assert fetched(gateway, "Rows?$format=application/json;odata.metadata=none", body) == 200
    rows = json.loads(body.getvalue())["value"]
    assert [row["id"] for row in rows] == list(range(1, SMALL + 1))
    assert all(row["words"] == (WORD * WORDS if row["id"] in GIANTS else "small") for row in rows)
