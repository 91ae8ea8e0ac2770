"""Workbooks for Excel: one sheet, its names frozen and filterable, real numbers and dates.

Postgres writes the XML of the rows. XlsxWriter costs 91 us a row of 16 columns in this process.

A text is an inline string, which no program takes for a formula. Characters that XML has not are
left out. What a double does not say exactly is a text: whole numbers beyond 2**53, long decimals,
NaN, and times before March 1900 or after 9999.
"""

from __future__ import annotations

import re
from functools import cache
from typing import LiteralString
from xml.sax.saxutils import escape, unescape

from odata_gateway.formats.encoding import BodyPieces, ExportedRows, cannot_show
from odata_gateway.formats.tables import workbook
from odata_gateway.formats.tables.cell_rows import COMPUTED, cell_text, once, text_beginning
from odata_gateway.formats.tables.columns import FieldCell
from odata_gateway.formats.tables.encoding import TableEncoding
from odata_gateway.formats.tables.zip_stream import ZipStream
from odata_gateway.protocol.headers.format import Parameters
from odata_gateway.protocol.headers.version import ODataVersion
from odata_gateway.sql.fragment import Sql, build, fill, quoted
from odata_gateway.sql.pg_types import has_zone, in_zone
from odata_gateway.types.primitive import PrimitiveType

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS, MOST_COLUMNS, MOST_CHARACTERS = 1_048_574, 16_384, 32_767
"""Excel's limits; two of its 1,048,576 rows are for the names and for what was cut."""
SHEET_BYTES = 4 * 1024**3 - 64 * 1024**2
"""The sheet ends before the archive would need sizes of 64 bits."""
_NO_XML = bytes(code for code in range(32) if code not in b"\t\n\r")
_NO_CHARACTER = re.compile(rb"\xef\xbf[\xbe\xbf]")
_LIKE_ESCAPE = re.compile(rb"_(?=x[0-9A-Fa-f]{4}_)")
_UNMARKED = b'<c t="inlineStr"><is><t xml:space="preserve">'
_MARKED = _UNMARKED.replace(b"<c", f'<c s="{workbook.CUT_STYLE}"'.encode())
_MARKED_CELL = re.compile(_MARKED + b"([^<]*)")
_MOST = Sql((f"{MOST_CHARACTERS:d}",))


class SheetCells:
    """Cells of a sheet, without their places: they follow each other."""

    format_name = "xlsx"
    nests = False
    separator = ""
    blank = lone_blank = "<c/>"
    row_start = "<row>"
    row_end = "</row>"
    row_separator = ""

    def cell(self, value: Sql, type_: PrimitiveType, *, zoned: bool) -> Sql:
        """The text of a cell; never NULL."""
        form = type_.family.cell
        inline = _text(value, type_, zoned=zoned)
        if form.number is None:
            return build("coalesce({0}, '<c/>')", inline)
        attributes = ' t="b"' if form.number_format == "boolean" else ""
        style = workbook.STYLES[form.number_format]
        attributes += f' s="{style}"' if style else ""
        clock = in_zone(value) if zoned and has_zone(type_) else value
        number = fill(form.number, (clock,))
        start = quoted(f"<c{attributes}><v>")
        return build("coalesce({0} || ({1}) || '</v></c>', {2}, '<c/>')", start, number, inline)


def _text(value: Sql, type_: PrimitiveType, *, zoned: bool) -> Sql:
    """A cell with a text."""
    form, text = type_.family.cell, cell_text(value, type_, zoned=zoned)
    if form.is_plain and not form.is_long:
        return _plain(text)
    begun = text_beginning(value, type_, MOST_CHARACTERS + 1, zoned=zoned)
    if form.is_plain or text == value:
        return _any(text, begun)
    return once(_any(COMPUTED, COMPUTED), begun)


def _plain(text: Sql) -> Sql:
    """A cell with a text that needs no care."""
    return build("""'<c t="inlineStr"><is><t>' || ({0}) || '</t></is></c>'""", text)


def _any(text: Sql, begun: Sql) -> Sql:
    """A cell with any text. One that may have no room has only its beginning, and is marked: it is
    cut when its characters are counted."""
    return build(
        "CASE WHEN octet_length({0}) > {1} THEN {2} || {3} ELSE {4} || {5} END || '</t></is></c>'",
        text,
        _MOST,
        quoted(_MARKED.decode()),
        _escaped(begun),
        quoted(_UNMARKED.decode()),
        _escaped(text),
    )


def _escaped(text: Sql) -> Sql:
    template: LiteralString = (
        "replace(replace(replace({0}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')"
    )
    return build(template, text)


def _fitting(cell: re.Match[bytes]) -> bytes:
    """A marked cell up to the end of its text, with as much of it as it has room for; unmarked
    where that is all. Excel counts units of UTF-16, of which some characters have two."""
    units = unescape(cell[1].decode()).encode("utf-16-le")
    if len(units) <= 2 * MOST_CHARACTERS:
        return _UNMARKED + cell[1]
    cut = units[: 2 * MOST_CHARACTERS].decode("utf-16-le", errors="ignore")
    return _MARKED + escape(cut).encode()


class SheetBody:
    """A workbook as its rows come."""

    is_costly = True

    def __init__(self, rows: ExportedRows, columns: tuple[FieldCell, ...]) -> None:
        self._archive = ZipStream()
        self._name = rows.name
        self._names = [column.name for column in columns]
        self._rows = self._cut_cells = 0
        self._is_full = False

    def head(self) -> bytes:
        """The archive up to the first row of data."""
        pieces = [self._archive.member(name, text) for name, text in workbook.parts(self._name)]
        pieces.append(self._archive.begin(workbook.SHEET))
        pieces.append(self._archive.write(workbook.sheet_head(self._names)))
        return b"".join(pieces)

    def rows(self, text: bytes, number: int) -> BodyPieces:
        """Some rows. What XML has not is left out, a carriage return is written so that it stays
        one, and a text that looks like an escape of Excel's is escaped."""
        text = text.translate(None, _NO_XML)
        cut_cells = 0
        if _MARKED in text:
            text = _MARKED_CELL.sub(_fitting, text)
            cut_cells = text.count(_MARKED)
        text = text.replace(b"\r", b"&#13;")
        if b"\xef\xbf" in text:
            text = _NO_CHARACTER.sub(b"", text)
        if b"_x" in text:
            text = _LIKE_ESCAPE.sub(b"_x005F_", text)
        if self._is_full or self._archive.size + len(text) > SHEET_BYTES:
            self._is_full = True
            return ()
        self._rows += number
        self._cut_cells += cut_cells
        return (self._archive.write(text),)

    def tail(self, *, more: bool) -> bytes:
        """The end of the sheet and of the archive, with what the file does not have."""
        said = []
        if more or self._is_full:
            said.append(f"There are more rows than these {self._rows:,}, which fill the file.")
        if self._cut_cells:
            cut = f"{self._cut_cells:,} texts were cut, since a cell has {MOST_CHARACTERS:,}"
            said.append(f"{cut} characters at most; these cells are coloured.")
        note = " ".join(said) or None
        end = workbook.sheet_tail(len(self._names), self._rows, note)
        return self._archive.write(end) + self._archive.end() + self._archive.close()


class SheetOffer:
    """Workbooks in negotiation."""

    media_types = (MEDIA_TYPE,)
    abbreviations = ("xlsx",)
    hint = MEDIA_TYPE

    def encoding(self, parameters: Parameters, version: ODataVersion) -> TableEncoding | None:
        return None if parameters else _encoding(version)


@cache
def _encoding(version: ODataVersion) -> TableEncoding:
    def file(rows: ExportedRows, columns: tuple[FieldCell, ...]) -> SheetBody:
        if len(columns) > MOST_COLUMNS:
            raise cannot_show("xlsx", f"more than {MOST_COLUMNS:,} columns", "choose with $select")
        return SheetBody(rows, columns)

    limits = f"rows={MOST_ROWS}, characters={MOST_CHARACTERS}"
    return TableEncoding(
        SheetCells(),
        file,
        version,
        MEDIA_TYPE,
        "xlsx",
        most_rows=MOST_ROWS,
        notes=(("OData-Gateway-Limits", limits),),
    )


XLSX = SheetOffer()
