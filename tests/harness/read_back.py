"""Files as independent readers have them, and whether a cell is what a value of the oracle's is written as.

Readers: an own one of RFC 4180, because Python's cannot tell null from an empty text; openpyxl and calamine; pyarrow.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
from python_calamine import CalamineWorkbook
from tests.oracle import type_values

Table = tuple[list[str], list[list[Any]]]
_SHEET_DAY = date(1899, 12, 30)
NO_XML = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

# --- CSV ----------------------------------------------------------------------------------------------------------------------

_CELL = re.compile(r'("(?:[^"]|"")*"|[^,"\r\n]*)(,|\r\n)')


def csv_table(body: bytes) -> Table:
    """Names and rows; a cell without quotes and content is None."""
    names, *rows = _csv_lines(body.decode().removeprefix("\ufeff"))
    return [str(name) for name in names], rows


def _csv_lines(text: str) -> Iterator[list[str | None]]:
    row: list[str | None] = []
    at = 0
    while at < len(text):
        match = _CELL.match(text, at)
        assert match is not None, text[at : at + 50]
        cell, end, at = match[1], match[2], match.end()
        row.append(cell[1:-1].replace('""', '"') if cell.startswith('"') else cell or None)
        if end != ",":
            yield row
            row = []


def csv_shows(cell: str | None, value: Any, kind: str) -> bool:
    return type_values.shows(_as_json(cell, kind), value, kind)


def _as_json(cell: Any, kind: str) -> Any:
    """A text as JSON would have it."""
    if cell is None:
        return None
    if kind in ("dbl", "sgl"):
        return cell if cell in ("NaN", "INF", "-INF") else float(cell)
    read: dict[str, Any] = {"int": int, "dec": Decimal, "bool": {"true": True, "false": False}.get}
    return read[kind](cell) if kind in read else cell


# --- workbooks ----------------------------------------------------------------------------------------------------------------


def sheet_table(body: bytes) -> Table:
    """The sheet as openpyxl reads it."""
    sheet = openpyxl.load_workbook(io.BytesIO(body)).worksheets[0]
    names, *rows = ([*row] for row in sheet.iter_rows(values_only=True))
    return [str(name) for name in names], rows


def calamine_table(body: bytes) -> Table:
    """The sheet as calamine reads it, for which null and an empty text are the same."""
    names, *rows = CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).to_python()
    return [str(name) for name in names], rows


def sheet_shows(cell: Any, value: Any, kind: str) -> bool:
    """Whether a cell is what a value is written as; of times, milliseconds count."""
    if kind in ("str", "own"):
        wanted = value if kind == "str" or value is None else value.text
        return bool(cell == (wanted if wanted is None else NO_XML.sub("", wanted)))
    if value is None or cell is None or isinstance(cell, str):
        return type_values.shows(_as_json(cell, kind), value, kind)
    match kind:
        case "dt" | "date":
            moment = cell if isinstance(cell, datetime) else datetime.combine(cell, time())
            micros = value if kind == "dt" else value * 86_400_000_000
            return abs((moment - datetime(1970, 1, 1)) // timedelta(microseconds=1) - micros) <= 1000
        case "tod":
            moment = cell if isinstance(cell, datetime) else datetime.combine(_SHEET_DAY, cell)
            found = moment - datetime.combine(_SHEET_DAY, time())
            return abs(found // timedelta(microseconds=1) - value) <= 1000
        case "bool":
            return cell is value
        case "dbl" | "sgl":
            return type_values.shows(float(cell), value, kind)
        case _:
            return Fraction(repr(cell)) == value


# --- Arrow --------------------------------------------------------------------------------------------------------------------


def arrow_table(body: bytes) -> Table:
    return _values(pa.ipc.open_stream(body).read_all())


def parquet_table(body: bytes) -> Table:
    return _values(pyarrow.parquet.read_table(io.BytesIO(body)))


def _values(table: pa.Table) -> Table:
    """Times are whole numbers: Python's own end with the year 9999."""
    columns = [_whole_times(column).to_pylist() for column in table.columns]
    return list(table.schema.names), [list(row) for row in zip(*columns, strict=True)]


def _whole_times(column: Any) -> Any:
    types = pa.types
    if types.is_timestamp(column.type) or types.is_time64(column.type) or types.is_duration(column.type):
        return column.cast(pa.int64())
    return column.cast(pa.int32()) if types.is_date32(column.type) else column


def arrow_shows(cell: Any, value: Any, kind: str) -> bool:
    """Whether a cell is the value itself: its type is the model's."""
    if value is None or cell is None:
        return value is None and cell is None
    match kind:
        case "own":
            return bool(cell == value.text)
        case "dbl" | "sgl":
            return type(cell) is float and type_values.same(cell) == type_values.same(value)
        case "dec":
            return type(cell) in (str, Decimal) and Fraction(cell) == value
        case _:
            return type(cell) is type(value) and bool(cell == value)


READERS = {
    "csv": (csv_table, csv_shows),
    "xlsx": (sheet_table, sheet_shows),
    "arrow": (arrow_table, arrow_shows),
    "parquet": (parquet_table, arrow_shows),
}
