"""Files as independent programs read them, and whether each cell is the value that it stands for: one comparison for all formats and readers.

A value is as `tests.oracle.type_values` has it; its shape says its kind, or what it is made of. `READERS` has the readers that the extra `test`
brings: Python's csv and json, openpyxl, calamine and pyarrow; and own ones of RFC 4180, because Python's cannot tell null from an empty text, and
of the table for terminals. Those of other programs are in `other_readers`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from math import inf
from typing import Any
from unicodedata import combining, east_asian_width

import openpyxl
import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet
from python_calamine import CalamineWorkbook
from tests.oracle import type_values

Table = tuple[list[str], list[list[Any]]]
NO_XML = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_SHEET_DAY = date(1899, 12, 30)
_EXCEL_DAYS = (-25_508, 2_932_897)
"""The first of March 1900, and the first day after the year 9999."""
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)

# --- shapes -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Members:
    """An object, or an entity that is expanded; the latter's members are columns in every table."""

    of: Mapping[str, Shape]
    is_entity: bool = False


@dataclass(frozen=True)
class Items:
    """A collection."""

    of: Shape


Shape = str | Members | Items
"""What a value is: its kind, or what it is made of."""
Columns = dict[str, tuple[Shape, Any]]


def value_of(shown: Any, shape: Shape) -> Any:
    """The value that JSON shows."""
    if shown is None:
        return None
    match shape:
        case Members(of=members):
            return {name: value_of(shown[name], inner) for name, inner in members.items()}
        case Items(of=inner):
            return [value_of(each, inner) for each in shown]
    return type_values.value_of(shown, shape)


def columns(members: Mapping[str, Shape], row: Mapping[str, Any] | None, reader: Reader, prefix: str = "") -> Columns:
    """The columns of a row for a reader, by name; an object and an expanded entity are the columns of their members, where its format has it so."""
    found: Columns = {}
    for name, shape in members.items():
        value = None if row is None else row[name]
        if isinstance(shape, Members) and reader.nests != "all" and (shape.is_entity or reader.nests == "nothing"):
            found |= columns(shape.of, value, reader, f"{prefix}{name}/")
        else:
            found[prefix + name] = shape, value
    return found


# --- one comparison -----------------------------------------------------------------------------------------------------------


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True)
class Reader:
    """A program that reads the files of a format.

    table     the names and rows of a body
    nulls     what it has for null; `lone_nulls` also in the only column of a file
    nests     what is one cell: "all" objects and entities, "objects" only, "nothing"
    text      what it has of a text
    as_text   whether it may have a value of a kind as a text; one of the kinds that are texts it always has
    error_us  by how much a time may be wrong
    by_kinds  whether `table` takes the shapes of the columns too
    clock_unit  what a time of day counts, of which so many are a microsecond
    digits    how many digits of a number it has; None for all
    blank_is_null  whether it has an empty text as null
    is_cut    whether it leaves out empty rows at the end
    """

    name: str
    table: Callable[..., Table]
    nulls: tuple[Any, ...] = (None,)
    lone_nulls: tuple[Any, ...] = ()
    nests: str = "nothing"
    text: Callable[[str], str] = _as_it_is
    as_text: Callable[[Any, str], bool] = lambda value, kind: True
    error_us: int = 0
    by_kinds: bool = False
    clock_unit: int = 1
    digits: int | None = None
    blank_is_null: bool = False
    is_cut: bool = False

    def has(self, cell: Any, value: Any, shape: Shape) -> bool:
        """Whether a cell is what the reader must have of a value."""
        if value is None:
            return cell in self.nulls
        if cell is None:
            return self.blank_is_null and self._text_of(value) == ""
        match shape:
            case Members(of=members):
                return cell.keys() == members.keys() and all(self.has(cell[name], value[name], inner) for name, inner in members.items())
            case Items(of=inner) if not isinstance(cell, str):
                return len(cell) == len(value) and all(self.has(*pair, inner) for pair in zip(cell, value, strict=True))
            case Items():
                return _is_json_of(cell, value, shape, self)
        if shape in ("str", "own"):
            return bool(cell == self._text_of(value))
        if isinstance(cell, str) and cell in self.nulls:
            return value == b"" == cell.encode()
        if isinstance(cell, str):
            cell = cell.removeprefix("\t") if self.text is for_excel else cell
            if shape == "dt" and not cell.endswith("Z"):  # in another zone than UTC
                return self.as_text(value, shape) and value_of(cell, shape) == value
            return self.as_text(value, shape) and type_values.shows(_as_json(cell, shape), value, shape)
        return self._is_value(cell, value, shape)

    def _text_of(self, value: Any) -> str:
        """What it has of a text, one of an order of its own, or no octets."""
        return self.text(value if isinstance(value, str) else getattr(value, "text", "" if value == b"" else " "))

    def _is_value(self, cell: Any, value: Any, kind: str) -> bool:
        """The same of a cell that has a type of its own."""
        if self.digits is not None and kind in type_values.NUMBERS and not isinstance(cell, bool):
            found, wanted = (float(f"{float(number):.{self.digits}g}") for number in (cell, value))
            return found == wanted or (kind == "sgl" and type_values.single(found) == value)
        match cell:
            case bool():
                return kind == "bool" and cell is value
            case bytes():
                return kind == "bin" and cell == value
            case date() | time() | timedelta():
                return kind in type_values.TIMES and abs(micros(cell) - value * (type_values.DAY if kind == "date" else 1)) <= self.error_us
            case int() | float() | Decimal() if kind in ("dbl", "sgl"):
                return bool(type_values.same(type_values.as_kind(cell, kind)) == type_values.same(value))
            case float():
                return kind in ("int", "dec") and Fraction(repr(cell)) == value
            case int() if kind == "tod":
                return cell == value * self.clock_unit
            case int():
                return kind != "bool" and bool(cell == value)
            case Decimal():
                return kind in ("int", "dec") and Fraction(cell) == value
        return kind == "guid" and str(cell) == value

    def wrong(self, body: bytes, members: Mapping[str, Shape], rows: list[dict[str, Any]], *, is_ordered: bool = True) -> list[str]:
        """What a file has otherwise than these rows."""
        shapes = {name: shape for name, (shape, _) in columns(members, None, self).items()}
        names, found = self.table(body, shapes) if self.by_kinds else self.table(body)
        if len(names) == 1 and self.lone_nulls:
            return replace(self, nulls=(*self.nulls, *self.lone_nulls), lone_nulls=()).wrong(body, members, rows, is_ordered=is_ordered)
        wanted = [columns(members, row, self) for row in rows]
        while self.is_cut and len(found) < len(wanted) and all(value in (None, "") for _, value in wanted[len(found)].values()):
            found.append([self.nulls[0]] * len(names))
        if (names and sorted(names) != sorted(shapes)) or len(found) != len(rows):
            return [f"{self.name}: columns {names} for {list(shapes)}, {len(found)} rows for {len(rows)}"]
        if not is_ordered:
            return self._without_partner([dict(zip(names, row, strict=True)) for row in found], wanted)
        cells = [(at, name, cell) for at, row in enumerate(found) for name, cell in zip(names, row, strict=True)]
        return [
            f"{self.name}: row {at}, {name}: {cell!r} for {wanted[at][name][1]!r}"
            for at, name, cell in cells
            if not self.has(cell, wanted[at][name][1], wanted[at][name][0])
        ]

    def _without_partner(self, found: list[dict[str, Any]], wanted: list[Columns]) -> list[str]:
        """The rows that are none of those, each of which may be one row only."""
        wrong, left = [], list(wanted)
        for row in found:
            at = next((i for i, each in enumerate(left) if all(self.has(cell, *reversed(each[name])) for name, cell in row.items())), None)
            if at is None:
                wrong.append(f"{self.name}: {row} is none of {left[:2]}")
            else:
                del left[at]
        return wrong


def micros(cell: date | time | timedelta) -> int:
    """Microseconds since 1970, since midnight, or of a duration."""
    match cell:
        case datetime():
            return (cell.replace(tzinfo=None) - (cell.utcoffset() or timedelta()) - _EPOCH) // _MICROSECOND
        case date():
            return (datetime.combine(cell, time()) - _EPOCH) // _MICROSECOND
        case time():
            return timedelta(hours=cell.hour, minutes=cell.minute, seconds=cell.second, microseconds=cell.microsecond) // _MICROSECOND
    return cell // _MICROSECOND


def _as_json(cell: str, kind: str) -> Any:
    """A text as JSON would have it."""
    if kind in ("dbl", "sgl"):
        return cell if cell in ("NaN", "INF", "-INF") else float(cell)
    read: dict[str, Any] = {"int": int, "dec": Decimal, "bool": {"true": True, "false": False}.get}
    return read[kind](cell) if kind in read else cell


_ESCAPED = re.compile(r"\\x(..)|\\U(........)")


def _is_json_of(cell: str, value: list[Any], shape: Items, reader: Reader) -> bool:
    """Whether a text is the JSON of a collection, of which the reader has what it has of any text."""
    if reader.text is on_a_terminal:
        if cell.endswith("…"):
            return len(cell) >= 200
        cell = _ESCAPED.sub(lambda found: json.dumps(chr(int(found[1] or found[2], 16)))[1:-1], cell)
    found = value_of(json.loads(cell, parse_float=Decimal), shape)
    return repr(found) == repr(value) or repr(found) == repr(_in_json(value, reader))


def _in_json(value: Any, reader: Reader) -> Any:
    """A value whose texts are what the reader has of their JSON."""
    match value:
        case str():
            return json.loads(reader.text(json.dumps(value, ensure_ascii=False)))
        case list():
            return [_in_json(item, reader) for item in value]
        case dict():
            return {name: _in_json(item, reader) for name, item in value.items()}
    return value


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


def for_excel(text: str) -> str:
    """A text with a tab before what a spreadsheet would run."""
    return f"\t{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def python_csv_table(body: bytes) -> Table:
    """As Python's csv reads it, for which null and an empty text are the same."""
    names, *rows = csv.reader(io.StringIO(body.decode(), newline=""), strict=True)
    return names, [list[Any](row) for row in rows]


def arrow_csv_table(body: bytes) -> Table:
    """As pyarrow's reader of CSV reads it, all of it as texts."""
    names = csv_table(body)[0]
    found = pyarrow.csv.read_csv(
        io.BytesIO(body),
        read_options=pyarrow.csv.ReadOptions(block_size=len(body) + 1),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    return list(found.schema.names), _rows(column.to_pylist() for column in found.columns)


# --- lines of JSON, tables for a terminal -------------------------------------------------------------------------------------


def lines_table(body: bytes) -> Table:
    """Lines of JSON as Python's json reads them; numbers with a fraction are decimals."""
    rows = [json.loads(line, parse_float=Decimal) for line in body.split(b"\n")[:-1]]
    rows = [row if isinstance(row, dict) else {"value": row} for row in rows]
    names = list(rows[0]) if rows else []
    assert all(list(row) == names for row in rows)
    return names, [list(row.values()) for row in rows]


def terminal_table(body: bytes) -> Table:
    """A table for a terminal: the line under its types says how wide its columns are. Blanks at the ends of a cell are lost."""
    names, types, rule, *lines = body.decode().split("\n")
    summary = lines[-2]
    rows = lines[:-3]
    assert (lines[-3], lines[-1]) == ("", "") and summary == f"{len(rows):,} row{'' if len(rows) == 1 else 's'}", summary
    widths = [len(each) for each in rule.split("  ")]
    assert len(_places(types, widths)) == len(widths)
    return [each.strip(" ") for each in _places(names, widths)], [_places(line, widths) for line in rows]


def _places(line: str, widths: list[int]) -> list[Any]:
    """What stands in each column of a line."""
    found, at = [], 0
    for width in widths:
        cell, taken = "", 0
        while at < len(line) and (taken < width or combining(line[at])):
            cell += line[at]
            taken += _places_of(line[at])
            at += 1
        found.append(cell.strip(" "))
        at += 2
    return found


def _places_of(character: str) -> int:
    return 0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1


def on_a_terminal(text: str) -> str:
    """A text of a table for a terminal: cut, with escapes for what a terminal would obey."""
    cut = text if len(text) <= 200 else text[:199] + "…"
    escapes = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return "".join(c if c.isprintable() else escapes.get(c) or c.encode("unicode_escape").decode() for c in cut).strip(" ")


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


def in_a_sheet(text: str) -> str:
    """A text without the characters that XML has not."""
    return NO_XML.sub("", text)


def sheet_has_as_text(value: Any, kind: str) -> bool:
    """What a double, or Excel's calendar, does not say exactly."""
    match kind:
        case "int" | "dec":
            return len(str(value).strip("-0")) > 15 or not isinstance(value, int)
        case "dbl" | "sgl":
            return value in (inf, -inf) or value != value
        case "dt" | "date" | "tod":
            moment = value * type_values.DAY if kind == "date" else value
            if kind == "tod":
                return moment >= type_values.DAY - 1000
            return not _EXCEL_DAYS[0] * type_values.DAY <= moment < _EXCEL_DAYS[1] * type_values.DAY - 1_000_000
    return kind != "bool"


def for_openpyxl(text: str) -> str:
    """The same; openpyxl does not read Excel's escape of what looks like an escape (ECMA-376, part 1, 22.9.2.19)."""
    return re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", in_a_sheet(text))


# --- Arrow --------------------------------------------------------------------------------------------------------------------


def opened_stream(body: bytes) -> pa.Table:
    return pa.ipc.open_stream(body).read_all()


def arrow_table(body: bytes) -> Table:
    return arrow_values(opened_stream(body))


def parquet_table(body: bytes) -> Table:
    return arrow_values(pyarrow.parquet.read_table(io.BytesIO(body)))


def _rows(found: Iterator[list[Any]]) -> list[list[Any]]:
    return [list(row) for row in zip(*found, strict=True)]


def arrow_values(table: pa.Table) -> Table:
    """Times and dates are whole numbers: Python's own end with the year 9999."""
    return list(table.schema.names), _rows(column.cast(whole_times(column.type)).to_pylist() for column in table.columns)


def whole_times(type_: Any) -> Any:
    """A type with whole numbers in place of times and dates, also inside."""
    types = pa.types
    if types.is_struct(type_):
        return pa.struct([pa.field(field.name, whole_times(field.type)) for field in type_])
    if types.is_list(type_) or types.is_large_list(type_):
        return pa.list_(whole_times(type_.value_type))
    if types.is_timestamp(type_) or types.is_time64(type_) or types.is_duration(type_):
        return pa.int64()
    return pa.int32() if types.is_date32(type_) else type_


def arrow_has_as_text(value: Any, kind: str) -> bool:
    return kind in ("guid", "dec")


READERS: dict[str, tuple[Reader, ...]] = {
    "csv": (
        Reader("RFC 4180", csv_table, lone_nulls=("",)),
        Reader("csv", python_csv_table, nulls=("",)),
        Reader("pyarrow.csv", arrow_csv_table, lone_nulls=("",)),
    ),
    "text/csv;excel=true": (Reader("RFC 4180", csv_table, lone_nulls=("",), text=for_excel),),
    "ndjson": (Reader("json", lines_table, nests="all"),),
    "table": (Reader("terminal", terminal_table, nulls=("null",), text=on_a_terminal),),
    "xlsx": (
        Reader("openpyxl", sheet_table, text=for_openpyxl, error_us=1000, as_text=sheet_has_as_text),
        Reader("calamine", calamine_table, nulls=("",), text=in_a_sheet, error_us=1000, as_text=sheet_has_as_text, is_cut=True),
    ),
    "arrow": (Reader("pyarrow.ipc", arrow_table, nests="objects", as_text=arrow_has_as_text),),
    "parquet": (Reader("pyarrow.parquet", parquet_table, nests="objects", as_text=arrow_has_as_text),),
}
"""The readers of each format."""
