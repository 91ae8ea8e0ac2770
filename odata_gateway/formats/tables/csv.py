"""CSV (RFC 4180): a line of names, CRLF, texts in quotes. Null is an empty cell.

An empty text is `""`, so that it differs from null. In a file of one column null is `""` too:
readers pass over a line with nothing on it, and would have fewer rows. With `excel=true` the file
begins with a byte order mark, by which Excel knows UTF-8, and a tab stands before what Excel
would run as a formula.
"""

from __future__ import annotations

from functools import cache

from odata_gateway.formats.encoding import ExportedRows
from odata_gateway.formats.tables.cell_rows import cell_text, text_beginning
from odata_gateway.formats.tables.columns import FieldCell
from odata_gateway.formats.tables.encoding import PlainBody, TableEncoding
from odata_gateway.protocol.headers.format import Parameters
from odata_gateway.protocol.headers.version import ODataVersion
from odata_gateway.sql.fragment import Sql, build
from odata_gateway.types.primitive import PrimitiveType

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SWITCH = {"true": True, "false": False}
_PARAMETERS: dict[str, dict[str, bool]] = {
    "header": {"present": True, "absent": False},
    "charset": {"utf-8": True, "utf8": True},
    "excel": _SWITCH,
}


class CsvCells:
    """Cells of CSV. A text is always in quotes: so an empty one is no null, and it costs less than
    a look whether it needs them.

    for_excel  a tab stands before what Excel would run
    """

    format_name = "csv"
    nests = False
    separator = ","
    blank = ""
    lone_blank = '""'
    row_start = ""
    row_end = ""
    row_separator = "\r\n"

    def __init__(self, *, for_excel: bool = False) -> None:
        self.for_excel = for_excel

    def cell(self, value: Sql, type_: PrimitiveType, *, zoned: bool) -> Sql:
        """The text of a cell; never NULL."""
        form, text = type_.family.cell, cell_text(value, type_, zoned=zoned)
        if form.is_plain:
            return _plain(text, for_excel=self.for_excel and not _is_finite_number(type_))
        quoted_text = build("""'"' || replace({0}, '"', '""') || '"'""", text)
        if not self.for_excel:
            return build("coalesce({0}, '')", quoted_text)
        return build(
            "coalesce(CASE WHEN left({0}, 1) IN ('=', '+', '-', '@', E'\\t', E'\\r') "
            """THEN '"' || E'\\t' || replace({1}, '"', '""') || '"' ELSE {2} END, '')""",
            text_beginning(value, type_, 1, zoned=zoned),
            text,
            quoted_text,
        )


def _plain(text: Sql, *, for_excel: bool) -> Sql:
    """A cell with a text that needs no quotes. Excel would compute `-PT1S`, `-0044-03-15` and
    `-INF`."""
    if not for_excel:
        return build("coalesce({0}, '')", text)
    return build(
        "coalesce(CASE WHEN left({0}, 1) = '-' AND {0} !~ '^-[0-9.]+(e[-+]?[0-9]+)?$' "
        """THEN '"' || E'\\t' || {0} || '"' ELSE {0} END, '')""",
        build("({0})", text),
    )


def _is_finite_number(type_: PrimitiveType) -> bool:
    """Whether each value is a number as spreadsheets write it."""
    family = type_.family
    is_number = family.cell.number is not None and family.cell.number_format == "number"
    return is_number and not family.has_nan


class CsvOffer:
    """CSV in negotiation."""

    media_types = ("text/csv",)
    abbreviations = ("csv",)
    hint = "text/csv with header=present or absent, and excel=true for Excel"

    def encoding(self, parameters: Parameters, version: ODataVersion) -> TableEncoding | None:
        """The encoding of known parameters, none of them twice with different values."""
        values: dict[str, bool] = {}
        for name, text in parameters:
            known = _PARAMETERS.get(name, {})
            if text not in known or values.get(name, known[text]) != known[text]:
                return None
            values[name] = known[text]
        has_header, for_excel = values.get("header", True), values.get("excel", False)
        return _encoding(version, has_header=has_header, for_excel=for_excel)


@cache
def _encoding(version: ODataVersion, *, has_header: bool, for_excel: bool) -> TableEncoding:
    def file(rows: ExportedRows, columns: tuple[FieldCell, ...]) -> PlainBody:
        names = ",".join(f'"{column.name}"' for column in columns) + "\r\n" if has_header else ""
        return PlainBody(b"\r\n", (_BYTE_ORDER_MARK if for_excel else b"") + names.encode())

    header = "present" if has_header else "absent"
    excel = "; excel=true" if for_excel else ""
    content_type = f"text/csv; header={header}; charset=utf-8{excel}"
    return TableEncoding(CsvCells(for_excel=for_excel), file, version, content_type, "csv")


CSV = CsvOffer()
