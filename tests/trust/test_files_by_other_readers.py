"""Files of every type, read by programs of other people: DuckDB, polars and LibreOffice have the same cells as Python's readers."""

from __future__ import annotations

import csv
import io
import subprocess
import tempfile
from decimal import Decimal

import openpyxl
import pytest
from tests.harness.inside import inside
from tests.harness.read_back import NO_XML, csv_table
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


@pytest.mark.parametrize("name", ["i8", "txt", "day", "flag"])
async def test_a_file_of_one_column_has_as_many_rows_for_every_reader(served, name):
    """Readers pass over blank lines, so null is \"\" there."""
    import duckdb
    import pandas
    import polars

    target = f"Beasts?$select={name}&$filter=ts le 9999-12-31T00:00:00Z or ts eq null"
    body = (await served.ask(f"{target}&$format=csv")).body
    wanted = [row[name] for row in (await served.ask(f"{target}&$format=application/json;odata.metadata=none")).json()["value"]]
    assert None in wanted
    kept = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    counts = [len(kept), len(pandas.read_csv(io.BytesIO(body))), len(polars.read_csv(io.BytesIO(body), infer_schema=False))]
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(body)
        file.flush()
        counts.append(len(duckdb.sql(f"SELECT * FROM read_csv('{file.name}', header=true, all_varchar=true)").fetchall()))
    assert counts == [len(wanted)] * 4
    assert [row[name] == "" for row in kept] == [value in (None, "") for value in wanted]


async def test_decimals_are_decimals_for_every_reader(served, tmp_path):
    import duckdb
    import pandas
    import polars

    (tmp_path / "rows.parquet").write_bytes((await served.ask("Beasts?$select=id,n2&$format=parquet")).body)
    rows = (await served.ask("Beasts?$select=id,n2&$format=application/json;odata.metadata=none;IEEE754Compatible=true")).json()["value"]
    wanted = {row["id"]: None if row["n2"] is None else Decimal(row["n2"]) for row in rows}
    read = duckdb.sql(f"SELECT id, n2 FROM '{tmp_path}/rows.parquet'").fetchall()
    frames = [polars.read_parquet(tmp_path / "rows.parquet"), pandas.read_parquet(tmp_path / "rows.parquet")]
    tables = [dict(read), *(dict(zip(frame["id"].to_list(), frame["n2"].to_list(), strict=True)) for frame in frames[:1])]
    tables.append(
        {key: None if pandas.isna(value) else value for key, value in zip(frames[1]["id"].tolist(), frames[1]["n2"].tolist(), strict=True)}
    )
    assert all(table == wanted for table in tables)
    assert {type(value) for table in tables for value in table.values()} == {Decimal, type(None)}


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


async def test_libreoffice_opens_csv(served, tmp_path):
    """Quoted cells are texts, also those that begin with `=`; it has no text with control characters, which a workbook has no place for."""
    body = (await served.ask("Beasts?$select=id,txt&$format=csv")).body
    (tmp_path / "rows.csv").write_bytes(body)
    command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--infilter=CSV:44,34,76,1,,0,true,false"]
    command += ["--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(tmp_path / "out"), str(tmp_path / "rows.csv")]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    sheet = openpyxl.load_workbook(tmp_path / "out" / "rows.xlsx").worksheets[0]
    theirs = [[cell.value for cell in row] for row in sheet.iter_rows()]
    names, ours = csv_table(body)
    assert theirs[0] == names and len(theirs) == len(ours) + 1
    at = names.index("txt")
    plain = [i for i, row in enumerate(ours) if not NO_XML.search(row[at] or "") and "\r" not in (row[at] or "")]
    assert len(plain) > len(ours) / 2
    assert [theirs[i + 1][at] or "" for i in plain] == [ours[i][at] or "" for i in plain]
    at = names.index("id")
    assert [str(row[at]) for row in theirs[1:]] == [row[at] for row in ours]
