"""The parts of a workbook besides its rows (ECMA-376, part 1, chapter 18), of one sheet."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from odata_gateway.types.forms.cell import SheetNumber

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"

STYLES: dict[SheetNumber, int] = {"number": 0, "boolean": 0, "date": 1, "datetime": 2, "time": 3}
"""The style of a cell, by how its number is shown: its position in `cellXfs` below."""
CUT_STYLE, HEAD_STYLE = 4, 5
_FORMATS = (
    '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/>'
    '<numFmt numFmtId="166" formatCode="hh:mm:ss"/>'
)


def _style(number_format: int = 0, font: int = 0, fill: int = 0) -> str:
    applied = ' applyNumberFormat="1"' if number_format else ""
    ids = f'numFmtId="{number_format}" fontId="{font}" fillId="{fill}" borderId="0" xfId="0"'
    return f"<xf {ids}{applied}/>"


_CELL_STYLES = (_style(), _style(164), _style(165), _style(166), _style(fill=2), _style(font=1))
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="3">{_FORMATS}</numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="3"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill>'
    '<fill><patternFill patternType="solid"><fgColor rgb="FFFFE699"/></patternFill></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    f'<cellXfs count="{len(_CELL_STYLES)}">{"".join(_CELL_STYLES)}</cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)
_CONTENT_TYPES = (
    f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/></Types>'
)
_RELATIONS = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>"
)
_SHEET_RELATIONS = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
)
SHEET = "xl/worksheets/sheet1.xml"


def parts(set_name: str) -> tuple[tuple[str, bytes], ...]:
    """The members of the archive before the sheet: name and content."""
    name = re.sub(r"[\[\]:*?/\\']", "_", set_name)[:31]
    workbook = (
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        f'<sheet name={quoteattr(name)} sheetId="1" r:id="rId1"/></sheets></workbook>'
    )
    texts = {
        "[Content_Types].xml": _CONTENT_TYPES,
        "_rels/.rels": _RELATIONS,
        "xl/workbook.xml": workbook,
        "xl/_rels/workbook.xml.rels": _SHEET_RELATIONS,
        "xl/styles.xml": _STYLES,
    }
    return tuple((name, text.encode()) for name, text in texts.items())


def sheet_head(names: list[str]) -> bytes:
    """The sheet up to its first row of data: the names, in a row that stays in sight."""
    cells = "".join(text_cell(name, HEAD_STYLE) for name in names)
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        f'</sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/>'
        f"<sheetData><row>{cells}</row>"
    ).encode()


def sheet_tail(columns: int, rows: int, note: str | None) -> bytes:
    """The sheet from behind its last row of data, with a filter over all of them.

    note  what the file does not have, in a row of its own
    """
    said = "" if note is None else f"<row>{text_cell(note, CUT_STYLE)}</row>"
    place = f"A1:{column_letters(columns)}{rows + 1}"
    filtered = f'<autoFilter ref="{place}"/>' if columns else ""
    return f"{said}</sheetData>{filtered}</worksheet>".encode()


def text_cell(text: str, style: int) -> str:
    """A cell with a text of this program or of the model."""
    return f'<c s="{style}" t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def column_letters(number: int) -> str:
    """The name of a column, counted from 1: A, ..., Z, AA."""
    letters = ""
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters
