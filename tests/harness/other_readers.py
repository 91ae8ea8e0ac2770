"""Programs of other people that read files: polars, DuckDB and LibreOffice. They are no part of the extra `test`; see `read_back`.

LibreOffice starts once for many files: `converted` gives what it makes of each, and its readers read that.
"""

from __future__ import annotations

import io
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars
from tests.harness.read_back import (
    Reader,
    Shape,
    Table,
    arrow_has_as_text,
    arrow_values,
    in_a_sheet,
    opened_stream,
    python_csv_table,
    sheet_has_as_text,
    sheet_table,
)

_POLARS = {"int": polars.Int64, "dbl": polars.Float64, "sgl": polars.Float32, "bool": polars.Boolean}
_IN_MICROSECONDS = {"INTERVAL": "epoch_us({0}) AS {0}", "INTERVAL[]": "list_transform({0}, lambda each: epoch_us(each)) AS {0}"}
_DUCKDB = {"int": "BIGINT", "dbl": "DOUBLE", "sgl": "FLOAT", "bool": "BOOLEAN", "guid": "UUID"}

# --- polars -------------------------------------------------------------------------------------------------------------------


def polars_csv(body: bytes, kinds: Mapping[str, Shape]) -> Table:
    types = {name: _POLARS[kind] for name, kind in kinds.items() if isinstance(kind, str) and kind in _POLARS}
    return _of_frame(polars.read_csv(body, infer_schema=False, schema_overrides=types))


def polars_lines(body: bytes) -> Table:
    return _of_frame(polars.read_ndjson(body, infer_schema_length=None)) if body else ([], [])


def polars_arrow(body: bytes) -> Table:
    return _of_frame(polars.read_ipc_stream(io.BytesIO(body)))


def polars_parquet(body: bytes) -> Table:
    return _of_frame(polars.read_parquet(io.BytesIO(body)))


def _of_frame(frame: polars.DataFrame) -> Table:
    return arrow_values(frame.to_arrow())


# --- DuckDB -------------------------------------------------------------------------------------------------------------------


def _asked_duckdb(body: bytes, suffix: str, source: str) -> Table:
    """The rows of a file that `source` reads, in SQL with its path as {}."""
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(body)
        file.flush()
        return _of_relation(duckdb.sql(f"SELECT * FROM {source.format(file.name)}"))


def _of_relation(relation: duckdb.DuckDBPyRelation) -> Table:
    """Intervals as microseconds: in Arrow, DuckDB counts nanoseconds, which end after 292 years."""
    columns = ", ".join(
        _IN_MICROSECONDS.get(str(type_), "{}").format(f'"{name}"') for name, type_ in zip(relation.columns, relation.types, strict=True)
    )
    return arrow_values(relation.project(columns).to_arrow_table())


def duckdb_csv(body: bytes, kinds: Mapping[str, Shape]) -> Table:
    types = ", ".join(f"'{name}': '{_DUCKDB.get(kind, 'VARCHAR') if isinstance(kind, str) else 'VARCHAR'}'" for name, kind in kinds.items())
    options = f"header=true, delim=',', quote='\"', escape='\"', nullstr='', allow_quoted_nulls=false, types={{{{{types}}}}}"
    return _asked_duckdb(body, ".csv", f"read_csv('{{}}', {options})")


def duckdb_lines(body: bytes, kinds: Mapping[str, Shape]) -> Table:
    types = ", ".join(f"'{name}': '{_duckdb_type(shape)}'" for name, shape in kinds.items())
    return _asked_duckdb(body, ".ndjson", f"read_json('{{}}', format='newline_delimited', columns={{{{{types}}}}})")


def _duckdb_type(shape: Shape) -> str:
    match shape:
        case str():
            return _DUCKDB.get(shape, "VARCHAR")
    if hasattr(shape.of, "items"):
        return "STRUCT(" + ", ".join(f'"{name}" {_duckdb_type(inner)}' for name, inner in shape.of.items()) + ")"
    return _duckdb_type(shape.of) + "[]"


def duckdb_arrow(body: bytes) -> Table:
    return _of_relation(duckdb.from_arrow(opened_stream(body)))


def duckdb_parquet(body: bytes) -> Table:
    return _asked_duckdb(body, ".parquet", "read_parquet('{}')")


# --- LibreOffice --------------------------------------------------------------------------------------------------------------

TEXT_COLUMNS = "/".join(f"{at}/2" for at in range(1, 200))
_AS_CSV = "44,34,76,1,{},0,true,false"


def converted(bodies: Sequence[bytes], suffix: str, to: str) -> list[bytes]:
    """What LibreOffice writes as xlsx or csv after it has read each of the files. Columns of CSV are texts."""
    filters = {"csv": f"csv:Text - txt - csv (StarCalc):{_AS_CSV.format('')}", "xlsx": "xlsx:Calc MS Excel 2007 XML"}
    reading = [f"--infilter=CSV:{_AS_CSV.format(TEXT_COLUMNS)}"] if suffix == "csv" else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [folder / f"{at}.{suffix}" for at in range(len(bodies))]
        for path, body in zip(paths, bodies, strict=True):
            path.write_bytes(body)
        command = ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", *reading, "--convert-to", filters[to]]
        command += ["--outdir", str(folder / "out"), *map(str, paths)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        return [(folder / "out" / f"{path.stem}.{to}").read_bytes() for path in paths]


def with_line_feeds(text: str) -> str:
    """A text as LibreOffice has it after it has read it from CSV: each end of a line is a line feed."""
    return re.sub("\r\n|\n\r|\r", "\n", text)


def in_its_sheet(text: str) -> str:
    """A text as LibreOffice has it after it has read it from a workbook: as in CSV, but for one that has carriage returns only."""
    return with_line_feeds(in_a_sheet(text)) if "\n" in text else in_a_sheet(text)


def csv_of_libreoffice(body: bytes) -> Table:
    """CSV that LibreOffice has written, in which the line of an empty row is blank."""
    names, rows = python_csv_table(body)
    return names, [row or [""] for row in rows]


def sheet_of_libreoffice(body: bytes) -> Table:
    """A sheet that LibreOffice has written, which has Booleans as formulas."""
    names, rows = sheet_table(body)
    booleans: dict[Any, bool] = {"=TRUE()": True, "=FALSE()": False}
    return names, [[booleans.get(cell, cell) if isinstance(cell, str) else cell for cell in row] for row in rows]


LIBREOFFICE_CSV = Reader("LibreOffice", csv_of_libreoffice, nulls=("",), text=with_line_feeds, is_cut=True)
LIBREOFFICE_SHEET = Reader(
    "LibreOffice",
    sheet_of_libreoffice,
    text=in_its_sheet,
    error_us=1000,
    as_text=sheet_has_as_text,
    digits=15,
    blank_is_null=True,
    is_cut=True,
)
OTHER_READERS: dict[str, tuple[Reader, ...]] = {
    "csv": (
        Reader("polars", polars_csv, lone_nulls=("",), by_kinds=True),
        Reader("DuckDB", duckdb_csv, lone_nulls=("",), by_kinds=True),
    ),
    "application/x-ndjson;IEEE754Compatible=true": (
        Reader("polars", polars_lines, nests="all"),
        Reader("DuckDB", duckdb_lines, nests="all", by_kinds=True),
    ),
    "arrow": (
        Reader("polars", polars_arrow, nests="objects", as_text=arrow_has_as_text, clock_unit=1000),
        Reader("DuckDB", duckdb_arrow, nests="objects", as_text=arrow_has_as_text),
    ),
    "parquet": (
        Reader("polars", polars_parquet, nests="objects", as_text=arrow_has_as_text, clock_unit=1000),
        Reader("DuckDB", duckdb_parquet, nests="objects", as_text=arrow_has_as_text),
    ),
}
"""The readers of each format that read a file by themselves."""
