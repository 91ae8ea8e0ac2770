"""A workbook: its sheet, what Excel's limits cut, and texts that Excel would take for something else."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest
from odata_gateway.formats.encoding import ExportedRows
from odata_gateway.formats.tables import xlsx
from odata_gateway.formats.tables.workbook import column_letters
from odata_gateway.formats.tables.zip_stream import ZipStream
from tests.harness import cases
from tests.harness.inside import inside
from tests.harness.read_back import calamine_table, sheet_table


@pytest.fixture
async def served(reader_dsn):
    async with inside(reader_dsn) as service:
        yield service


async def test_a_sheet_named_after_the_set_with_its_names_in_sight(served):
    answer = await served.ask("Label?$select=id,title&$format=xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.body)).worksheets[0]
    assert (sheet.title, sheet.freeze_panes, sheet.auto_filter.ref) == ("Label", "A2", f"A1:B{sheet.max_row}")
    assert [cell.font.b for cell in sheet[1]] == [True, True]
    assert zipfile.ZipFile(io.BytesIO(answer.body)).testzip() is None
    assert dict(answer.headers)["Content-Disposition"] == 'attachment; filename="Label.xlsx"'


async def test_a_sheet_has_all_rows(served):
    number = int((await served.ask("Message/$count")).body)
    answer = await served.ask("Message?$expand=inbox($select=name)&$format=xlsx")
    for read in (sheet_table, calamine_table):
        names, rows = read(answer.body)
        assert len(rows) == number and names[-1] == "inbox/name"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "=1+1"),
        ("a\r\nb\rc", "a\r\nb\rc"),
        (" <b> & ]]>\t", " <b> & ]]>\t"),
        ("a\x01\x1fb\ufffe", "ab"),
        ("\U0001f600", "\U0001f600"),
        ("", ""),
    ],
)
async def test_texts_stay_texts(served, text, shown):
    literal = "".join(f"%{byte:02X}" for byte in text.encode())
    answer = await served.ask(f"Label?$top=1&$select=x,n&$compute='{literal}' as x,1 as n&$format=xlsx")
    cell = openpyxl.load_workbook(io.BytesIO(answer.body)).worksheets[0]["A2"]
    assert (cell.value, cell.data_type) == (shown, "s")
    assert calamine_table(answer.body)[1][0][0] == shown


async def test_what_looks_like_an_escape_of_excel_is_escaped(served):
    answer = await served.ask("Label?$top=1&$select=x&$compute='_x0041_' as x&$format=xlsx")
    sheet = zipfile.ZipFile(io.BytesIO(answer.body)).read("xl/worksheets/sheet1.xml")
    assert b">_x005F_x0041_<" in sheet
    assert calamine_table(answer.body)[1][0][0] == "_x0041_"


@pytest.mark.parametrize(("character", "kept"), [("x", 32_767), ("ä", 32_767), ("\U0001f600", 16_383)])
async def test_a_long_text_is_cut_and_the_file_says_so(served, character, kept):
    doubled = "@a"
    for _ in range(6):
        doubled = f"concat({doubled},{doubled})"
    long = f"Label?$top=1&$select=x&$compute={doubled} as x&$format=xlsx&@a="
    answer = await served.ask(f"{long}'{character * 600}'", way="query")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.body)).worksheets[0]
    assert sheet["A2"].value == character * kept and sheet["A2"].fill.fgColor.rgb == "FFFFE699"
    assert sheet["A3"].value == "1 texts were cut, since a cell has 32,767 characters at most; these cells are coloured."
    answer = await served.ask(f"{long}'{character * 255}'", way="query")
    assert len(sheet_table(answer.body)[1]) == 1
    assert dict(answer.headers)["OData-Gateway-Limits"] == "rows=1048574, characters=32767"


def body():
    return xlsx.SheetBody(ExportedRows("Label", cases.bound("Label")), ())


def test_rows_beyond_the_limit_are_told_in_the_last_row(monkeypatch):
    """Also where the sheet would be too large for the archive."""
    for more, size in ((True, xlsx.SHEET_BYTES), (False, 1_000)):
        monkeypatch.setattr(xlsx, "SHEET_BYTES", size)
        file = body()
        row = b'<row><c t="inlineStr"><is><t>' + b"x" * 400 + b"</t></is></c></row>"
        pieces = [file.head(), *file.rows(row, 1), *file.rows(row, 1), file.tail(more=more)]
        rows = sheet_table(b"".join(pieces))[1]
        assert rows[-1][0] == f"There are more rows than these {len(rows) - 1}, which fill the file."


def test_a_cut_archive_is_no_archive():
    archive = ZipStream()
    whole = archive.member("a", b"x" * 1000) + archive.begin("b") + archive.write(b"y") + archive.end() + archive.close()
    found = zipfile.ZipFile(io.BytesIO(whole))
    assert [found.read(name) for name in found.namelist()] == [b"x" * 1000, b"y"]
    for size in (len(whole) - 30, len(whole) // 2):
        with pytest.raises(zipfile.BadZipFile):
            zipfile.ZipFile(io.BytesIO(whole[:size]))


def test_letters_of_columns():
    assert [column_letters(number) for number in (1, 26, 27, 702, 703, 16_384)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]
