"""Cells of every format: a computed value is computed once, and what a cell has no room for is cut before it is made a text."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from urllib.parse import quote

import openpyxl
import pytest
from odata_gateway.formats.encoding import ExportedRows
from odata_gateway.formats.registry import FORMATS
from odata_gateway.formats.tables.columns import FieldCell
from odata_gateway.plan.tree.projection import Field, ValueProjection
from odata_gateway.protocol.headers.format import negotiate
from odata_gateway.sql.fragment import Sql
from odata_gateway.types.families.structured import collection_type
from odata_gateway.types.registry import PRIMITIVE_TYPES
from tests.harness import cases
from tests.harness.inside import inside

TABLES = ("csv", "text/csv;excel=true", "xlsx", "arrow", "parquet", "table")
TYPES = (*PRIMITIVE_TYPES.values(), collection_type("Edm.String"))
VALUE = Sql(("VALUE",))


@dataclass(frozen=True)
class Blocks:
    """Stands for the renderer of a statement that has one value."""

    zoned: bool

    @property
    def expressions(self):
        return self

    def value(self, expression):
        return VALUE


@pytest.fixture
async def served(reader_dsn):
    async with inside(reader_dsn, ODATA_MAX_URL_BYTES="1000000") as service:
        yield service


@pytest.mark.parametrize("format_name", TABLES)
@pytest.mark.parametrize("zoned", [False, True])
def test_a_computed_value_is_computed_once(format_name, zoned):
    """However often its cell names it: it may be a subquery, or an array of a million items."""
    encoding = negotiate({}, format_name, FORMATS)
    for type_ in TYPES:
        row = encoding.row(ValueProjection(Field("x", object(), type_)), Blocks(zoned))
        assert row.parts.count("VALUE") == 1, (type_.name, "".join(row.parts))


async def sheet(served, target):
    answer = await served.ask(f"{target}&$format=xlsx", way="query")
    assert answer.status == 200, answer.body
    return openpyxl.load_workbook(io.BytesIO(answer.body)).worksheets[0]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("ä" * 32_766 + "&", 32_767),
        ("<" * 32_768, 32_767),
        ("日" * 20_000 + "\U0001f600", 20_001),
        ("a" * 32_766 + "\U0001f600", 32_766),
        ("a" * 32_765 + "\U0001f600", 32_766),
    ],
)
async def test_a_text_is_cut_where_excel_counts_more_than_it_has_room_for(served, text, kept):
    """It counts units of UTF-16, of which an emoji has two, and half of one is left out."""
    half = len(text) // 2
    found = await sheet(served, f"Label?$top=1&$select=x&$compute=concat('{quote(text[:half])}','{quote(text[half:])}') as x")
    assert found["A2"].value == text[:kept]
    assert (found.max_row == 3) == (kept < len(text))


async def test_a_long_decimal_is_cut_as_texts_are(served):
    nines = "9" * 3_000
    product = " mul ".join([nines] * 12)
    found = await sheet(served, f"Label?$top=1&$select=x&$compute=id mul {product} as x")
    assert len(found["A2"].value) == 32_767 and found["A2"].fill.fgColor.rgb == "FFFFE699"
    assert found["A3"].value.startswith("1 texts were cut")


def cost(format_name, columns):
    """The processor time of a file of some chunks, the least of three."""
    numbers = Field("n", None, PRIMITIVE_TYPES["Edm.Int32"])
    cells = tuple(FieldCell(f"c{number}", numbers) for number in range(columns))
    encoding = negotiate({}, format_name, FORMATS)
    writer = encoding.writer
    row = writer.row_start + writer.separator.join(['"7"' if format_name == "table" else "7"] * columns) + writer.row_end
    took = []
    for _ in range(3):
        body = encoding.make_file(ExportedRows("Wide", cases.bound("Label")), cells)
        started = time.process_time()
        body.head()
        for _ in range(2):
            body.rows(writer.row_separator.join([row] * 20).encode(), 20)
        body.tail(more=False)
        took.append(time.process_time() - started)
    return min(took)


@pytest.mark.parametrize("format_name", TABLES)
def test_four_times_the_columns_cost_about_four_times_as_much(format_name):
    """Not sixteen times: a table of Postgres has up to 1,600 columns."""
    cost(format_name, 10)
    assert cost(format_name, 1_600) < 10 * cost(format_name, 400) + 0.01
