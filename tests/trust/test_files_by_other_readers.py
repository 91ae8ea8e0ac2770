"""Files of every type, read by programs of other people: DuckDB, polars and LibreOffice have the same cells as Python's readers."""

from __future__ import annotations

import io
import subprocess

import openpyxl
import pytest
from tests.harness.inside import inside
from tests.harness.read_back import csv_table
from tests.live.test_files_of_types import zoo

__all__ = ("zoo",)
TARGET = "Beasts?$select=id,i8,n,f8,flag,txt,doc,ts,day,gid&$filter=ts le 9999-12-31T00:00:00Z or ts eq null"


@pytest.fixture
async def served(zoo):
    async with inside(zoo.dsn, ODATA_MODEL=str(zoo.model), ODATA_STATEMENT_TIMEOUT_S="600") as gateway:
        yield gateway


async def test_duckdb_and_polars_read_csv_and_parquet(served, tmp_path):
    import duckdb
    import polars

    names, cells = csv_table((await served.ask(f"{TARGET}&$format=csv")).body)
    (tmp_path / "rows.csv").write_bytes((await served.ask(f"{TARGET}&$format=csv")).body)
    (tmp_path / "rows.parquet").write_bytes((await served.ask(f"{TARGET}&$format=parquet")).body)
    read = duckdb.sql(
        f"SELECT id, txt, i8 FROM read_csv('{tmp_path}/rows.csv', all_varchar=true, nullstr='', allow_quoted_nulls=false) ORDER BY id::int"
    )
    at = [names.index(name) for name in ("id", "txt", "i8")]
    expected = sorted((tuple(row[i] for i in at) for row in cells), key=lambda row: int(row[0]))
    assert read.fetchall() == expected
    found = duckdb.sql(f"SELECT id::varchar, txt, i8::varchar FROM read_parquet('{tmp_path}/rows.parquet') ORDER BY id").fetchall()
    assert found == expected
    frame = polars.read_parquet(tmp_path / "rows.parquet").sort("id")
    assert frame["txt"].to_list() == [row[1] for row in expected] and str(frame.schema["ts"]).startswith(
        "Datetime(time_unit='us', time_zone='UTC'"
    )
    stream = polars.read_ipc_stream(io.BytesIO((await served.ask(f"{TARGET}&$format=arrow")).body)).sort("id")
    assert stream.equals(frame)


async def test_libreoffice_opens_a_workbook(served, tmp_path):
    body = (await served.ask(f"{TARGET}&$format=xlsx")).body
    (tmp_path / "rows.xlsx").write_bytes(body)
    command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "xlsx:Calc MS Excel 2007 XML"]
    subprocess.run([*command, "--outdir", str(tmp_path / "out"), str(tmp_path / "rows.xlsx")], check=True, capture_output=True, timeout=180)
    sheets = [openpyxl.load_workbook(path).worksheets[0] for path in (io.BytesIO(body), tmp_path / "out" / "rows.xlsx")]
    ours, theirs = ([[cell.value for cell in row] for row in sheet.iter_rows()] for sheet in sheets)
    names = ours[0]
    assert theirs[0] == names and len(theirs) == len(ours)
    booleans = {"=TRUE()": True, "=FALSE()": False}  # as LibreOffice writes them
    at = names.index("flag")
    assert [booleans.get(row[at], row[at]) for row in theirs] == [row[at] for row in ours]
    for name in ("id", "i8", "day", "gid"):
        at = names.index(name)
        assert [row[at] for row in theirs] == [row[at] for row in ours], name
    at = names.index("txt")
    assert [row[at] or "" for row in theirs] == [row[at] or "" for row in ours]
