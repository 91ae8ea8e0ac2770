"""A page as aligned text for a terminal: names, types under them, rows, and how many there are.

It has a page of rows, as JSON has, because the widths of its columns are known after the last one.
A long value is cut where it is read. What a terminal would obey is written as an escape.
"""

from __future__ import annotations

from functools import cache
from unicodedata import combining, east_asian_width

import orjson

from odata_gateway.formats.encoding import BodyPieces, ExportedRows
from odata_gateway.formats.tables.cell_rows import COMPUTED, cell_text, once, text_beginning
from odata_gateway.formats.tables.columns import FieldCell
from odata_gateway.formats.tables.encoding import TableEncoding
from odata_gateway.protocol.headers.format import Parameters
from odata_gateway.protocol.headers.version import ODataVersion
from odata_gateway.sql.fragment import Sql, build
from odata_gateway.types.primitive import PrimitiveType

_NULL, _MOST = "null", 200
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class TextCells:
    """Cells as JSON, a row an array: so any text is safe on its way to the columns."""

    format_name = "table"
    nests = False
    separator = ","
    blank = lone_blank = "null"
    row_start = "["
    row_end = "]\n"
    row_separator = ""

    def cell(self, value: Sql, type_: PrimitiveType, *, zoned: bool) -> Sql:
        """The text of a cell; never NULL."""
        form, text = type_.family.cell, cell_text(value, type_, zoned=zoned)
        if not form.is_plain or form.is_long:
            begun = text_beginning(value, type_, _MOST + 1, zoned=zoned)
            is_cheap = form.is_plain or text == value
            text = _cut(begun) if is_cheap else once(_cut(COMPUTED), begun)
        return build("coalesce(to_json({0})::text, 'null')", text)


def _cut(text: Sql) -> Sql:
    return build(
        "CASE WHEN length({0}) > {1} THEN left({0}, {1} - 1) || U&'\\2026' ELSE {0} END",
        text,
        Sql((f"{_MOST:d}",)),
    )


class TextBody:
    """A table as its page comes: all of it is written at its end."""

    is_costly = True

    def __init__(self, rows: ExportedRows, columns: tuple[FieldCell, ...]) -> None:
        self._total = rows.total
        self._names = [_visible(column.name) for column in columns]
        self._types = [column.field.type.name.removeprefix("Edm.") for column in columns]
        self._is_right = [_is_number(column.field.type) for column in columns]
        self._rows: list[list[str]] = []

    def head(self) -> bytes:
        return b""

    def rows(self, text: bytes, number: int) -> BodyPieces:
        for line in text.splitlines():
            values = orjson.loads(line)
            self._rows.append([_NULL if v is None else _visible(v) for v in values])
        return ()

    def tail(self, *, more: bool) -> bytes:
        """The whole table; its last line says how many rows there are, and how to get the rest."""
        table = [self._names, self._types, *self._rows]
        widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
        lines = [self._line(row, widths) for row in table]
        lines.insert(2, "  ".join("-" * width for width in widths))
        return ("\n".join([*lines, "", self._summary(more)]) + "\n").encode()

    def _line(self, row: list[str], widths: list[int]) -> str:
        cells = zip(row, widths, self._is_right, strict=True)
        return "  ".join([_padded(*cell) for cell in cells]).rstrip()

    def _summary(self, more: bool) -> str:
        number = len(self._rows)
        found = f"{number:,} row" + ("" if number == 1 else "s")
        if self._total is not None:
            found += f" of {self._total:,}"
        if not more:
            return found
        return f"{found}, and more: follow the header Link, or ask for csv, which has all rows"


def _is_number(type_: PrimitiveType) -> bool:
    form = type_.family.cell
    return form.number is not None and form.number_format == "number"


def _visible(text: str) -> str:
    """A text without what a terminal would obey: control characters, and those that change the
    direction."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else _ESCAPES.get(c) or c.encode("unicode_escape").decode()
        for c in text
    )


def _width(text: str) -> int:
    """The places that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(combining(c) != 0 for c in text)


def _padded(text: str, width: int, is_right: bool) -> str:
    blanks = " " * (width - _width(text))
    return blanks + text if is_right else text + blanks


class TextOffer:
    """Text tables in negotiation."""

    media_types = ("text/plain",)
    abbreviations = ("table",)
    hint = "text/plain for a table to read"

    def encoding(self, parameters: Parameters, version: ODataVersion) -> TableEncoding | None:
        return _encoding(version) if set(parameters) <= {("charset", "utf-8")} else None


@cache
def _encoding(version: ODataVersion) -> TableEncoding:
    content_type = "text/plain; charset=utf-8"
    return TableEncoding(TextCells(), TextBody, version, content_type, "", is_paged=True)


TEXT_TABLE = TextOffer()
