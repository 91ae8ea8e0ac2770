"""CSV as clients read it: the same rows as JSON's, null apart from an empty text, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import math

import pytest
from tests.harness.inside import inside

STREAMED = "Message?$select=id,content,status,created_at,private,sender_id"


@pytest.fixture
async def served(reader_dsn):
    async with inside(reader_dsn, ODATA_PAGE_ROWS="40") as service:
        yield service


def table(body):
    """The names of the columns, and the rows; an unquoted empty cell is None."""
    reader = csv.reader(io.StringIO(body.decode(), newline=""), strict=True)
    return next(reader), list(reader)


def shown(value):
    """A value of JSON as a cell has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def header(answer, name):
    return dict(answer.headers).get(name)


async def test_a_file_has_all_rows_of_all_pages(served):
    rows = [row for page in await served.pages(STREAMED) for row in page]
    answer = await served.ask(f"{STREAMED}&$format=csv")
    names, found = table(answer.body)
    assert len(rows) > 4000 and names == list(rows[0])
    assert found == [[shown(value) for value in row.values()] for row in rows]
    assert header(answer, "Content-Type") == "text/csv; header=present; charset=utf-8"
    assert header(answer, "Content-Disposition") == 'attachment; filename="Message.csv"'


async def test_lines_end_as_the_standard_says(served):
    assert (await served.ask("Label?$select=id&$format=csv")).body.startswith(b'"id"\r\n1\r\n')


async def test_null_is_an_empty_cell_and_an_empty_text_has_quotes(served):
    target = "Message?$filter=source_id eq null or source_id eq ''&$select=source_id,id"
    rows = (await served.ask(f"{target}&$top=40")).json()["value"]
    lines = (await served.ask(f"{target}&$top=40&$format=csv")).body.decode().split("\r\n")[1:-1]
    assert {row["source_id"] for row in rows} == {None, ""}
    assert lines == [f"{row['id']}," + ("" if row["source_id"] is None else '""') for row in rows]


@pytest.mark.parametrize("parameters", ("csv", "text/csv;header=absent", "text/csv;excel=true"))
async def test_the_only_column_of_a_file_has_no_blank_lines(served, parameters):
    """Readers pass over them; in such a file null and an empty text are both ""."""
    for target in (
        "Message?$filter=id le 60&$select=source_id",
        "Message?$filter=id le 60&$apply=groupby((id,source_id))&$select=source_id",
    ):
        rows = (await served.ask(target)).json()["value"]
        lines = (await served.ask(f"{target}&$format={parameters}")).body.decode().split("\r\n")[:-1]
        assert len(rows) > 20 and [row["source_id"] for row in rows].count(None) > 3
        assert lines[-len(rows) :] == [f'"{row["source_id"] or ""}"' for row in rows] and "" not in lines


async def test_a_column_for_each_property_of_an_expanded_entity(served):
    answer = await served.ask(
        "Message?$top=40&$select=id&$expand=sender($select=id,name),inbox($select=id;$expand=members/$count)&$format=csv"
    )
    assert answer.status == 406
    target = "Message?$top=40&$select=id&$expand=sender($select=id,name),inbox($select=name)"
    rows = (await served.ask(target)).json()["value"]
    names, found = table((await served.ask(f"{target}&$format=csv")).body)
    assert names == ["id", "sender/id", "sender/name", "inbox/name"]
    expected = [
        (row["id"], *((row["sender"] or {}).get(name) for name in ("id", "name")), (row["inbox"] or {}).get("name")) for row in rows
    ]
    assert any(row["sender"] for row in rows) and any(row["sender"] is None for row in rows)
    assert found == [[shown(value) for value in row] for row in expected]


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("Message?$apply=groupby((status,inbox/name),aggregate($count as n,id with max as last))", ["status", "inbox/name", "last", "n"]),
        ("Message?$apply=concat(groupby((status)),aggregate($count as n))", ["status", "n"]),
        ("Message?$apply=concat(groupby((inbox/id),aggregate($count as n)),aggregate($count as n))", ["inbox/id", "n"]),
        ("Inbox(2)/messages?$select=id,twice&$compute=id mul 2 as twice", ["id", "twice"]),
        ("$crossjoin(Inbox,Label)?$expand=Inbox($select=id),Label($select=title)", ["Inbox/id", "Label/title"]),
    ],
)
async def test_rows_of_every_kind_are_tables(served, target, names):
    rows = [row for page in await served.pages(target) for row in page]
    found, cells = table((await served.ask(f"{target}&$format=csv")).body)

    def value(row, name):
        for part in name.split("/"):
            row = (row or {}).get(part)
        return row

    assert len(rows) > 1 and sorted(found) == sorted(names)
    assert cells == [[shown(value(row, name)) for name in found] for row in rows]


@pytest.mark.parametrize("formula", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
async def test_excel_runs_no_text(served, formula):
    literal = formula.replace("'", "''").replace("+", "%2B").replace("\t", "%09").replace("\r", "%0D")
    target = f"Label?$top=1&$select=f,n&$compute='{literal}' as f,-1 as n&$format=text/csv"
    plain, safe = (await served.ask(target)).body, (await served.ask(f"{target};excel=true")).body
    assert table(plain)[1] == [[formula, "-1"]]
    assert safe.startswith(b'\xef\xbb\xbf"f","n"\r\n')
    assert table(safe.removeprefix(b"\xef\xbb\xbf"))[1] == [[f"\t{formula}", "-1"]]


@pytest.mark.parametrize(
    "value", ["duration'-PT1S'", "-INF", "-0044-03-15", "-0044-03-15T00:00:00Z", "-1.5e300", "-1", "-0.25", "INF", "true"]
)
async def test_excel_computes_nothing_but_numbers(served, value):
    """It would take the minus of a duration or of a year for its own."""
    target = f"Label?$top=1&$select=f,n&$compute={value} as f,1 as n&$format=text/csv"
    ((plain, _),) = table((await served.ask(target)).body)[1]
    ((safe, _),) = table((await served.ask(f"{target};excel=true")).body.removeprefix(b"\xef\xbb\xbf"))[1]
    try:
        is_number = math.isfinite(float(plain))
    except ValueError:
        is_number = False
    assert safe == (f"\t{plain}" if plain.startswith("-") and not is_number else plain)


async def test_a_page_is_asked_for_and_its_link_is_a_header(served):
    expected = [row["id"] for page in await served.pages("Message?$select=id&$top=130") for row in page]
    link, found, sizes = "Message?$select=id&$top=130&$format=csv", [], []
    preferred: dict[str, str] = {"Prefer": "maxpagesize=50"}
    while link:
        answer = await served.ask(link, headers=preferred)
        rows = [int(row[0]) for row in table(answer.body)[1]]
        sizes.append(len(rows))
        found += rows
        link, preferred = (header(answer, "Link") or "").removeprefix("<").removesuffix('>; rel="next"'), {}
    assert found == expected and sizes == [50, 50, 30]


async def test_a_count_is_a_header(served):
    number = (await served.ask("Message/$count")).body.decode()
    assert header(await served.ask("Message?$count=true&$top=1&$format=csv"), "OData-Count") == number


async def test_one_entity_and_one_value_are_tables_of_one_row(served):
    row = (await served.ask("Message(1)?$select=id,content")).json()
    assert table((await served.ask("Message(1)?$select=id,content&$format=csv")).body) == (["id", "content"], [["1", row["content"]]])
    assert table((await served.ask("Message(1)/content?$format=csv")).body) == (["content"], [[row["content"]]])
    nothing = (await served.ask("Message?$filter=sender_id eq null&$top=1&$select=id")).json()["value"][0]["id"]
    assert (await served.ask(f"Message({nothing})/sender_id?$format=csv")).status == 204
    assert (await served.ask("Message(999999)?$format=csv")).status == 404
    assert (await served.ask("Inbox(999999)/messages?$format=csv")).status == 404


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("Inbox?$expand=messages", "the expanded collection 'messages'; ask for Message and expand what leads back"),
        ("Message?$expand=inbox($expand=messages)", "the expanded collection 'messages'"),
        ("Message?$expand=sender/$ref", "'sender/$ref'"),
        ("Message?$select=id,sender", "the link 'sender'"),
        ("Message/$ref", "references"),
        ("Message(1)/$ref", "references"),
        ("$crossjoin(Inbox,Label)", "the link 'Inbox'"),
        ("$all", "entities of several sets"),
    ],
)
async def test_what_has_no_column_is_refused(served, target, what):
    answer = await served.ask(f"{target}{'&' if '?' in target else '?'}$format=csv")
    assert answer.status == 406 and answer.json()["error"]["message"].startswith(f"$format: csv cannot show {what}")


@pytest.mark.parametrize("parameters", [";header=absent", ";header=present;charset=utf-8", ";charset=utf8"])
async def test_parameters(served, parameters):
    answer = await served.ask(f"Label?$select=id&$format=text/csv{parameters}")
    assert answer.body.startswith(b"1\r\n" if "absent" in parameters else b'"id"\r\n')
    for unknown in ("header=perhaps", "charset=latin1", "delimiter=x"):
        assert (await served.ask(f"Label?$format=text/csv;{unknown}")).code == "Url.Format"


async def test_accept_chooses_it_and_batches_have_it(served):
    assert header(await served.ask("Label", headers={"Accept": "text/csv"}), "Content-Type").startswith("text/csv")
    assert header(await served.ask("Label", headers={"Accept": "*/*"}), "Content-Type").startswith("application/json")
    for way in ("query", "json batch", "multipart batch"):
        alone, inside_batch = await served.ask(f"{STREAMED}&$format=csv"), await served.ask(f"{STREAMED}&$format=csv", way=way)
        assert alone.body == inside_batch.body, way


async def test_more_rows_than_the_operator_allows_are_refused(reader_dsn):
    async with inside(reader_dsn, ODATA_MAX_EXPORT_ROWS="3000") as service:
        answer = await service.ask("Message?$select=id&$format=csv")
        assert (answer.status, answer.code) == (400, "Limit.Rows")
        assert answer.json()["error"]["details"][0]["message"].endswith("raise ODATA_MAX_EXPORT_ROWS to allow more")
        assert len(table((await service.ask("Message?$select=id&$top=3000&$format=csv")).body)[1]) == 3000
        assert (await service.ask("Message?$select=id&$top=3001&$format=csv")).code == "Limit.Rows"
        assert (await service.ask("Message?$apply=groupby((id))&$format=csv")).code == "Limit.Rows"
        assert header(await service.ask("Message?$format=csv", headers={"Prefer": "maxpagesize=10"}), "Link")
        assert len((await service.ask("Message?$select=id&$top=4000")).json()["value"]) == 4000


@pytest.mark.parametrize("rows", [1, 2, 300])
async def test_a_row_of_null_is_a_line_all_the_same(served, rows):
    body = (await served.ask(f"Message?$filter=sender_id eq null&$select=sender_id&$top={rows}&$format=csv")).body
    number = int((await served.ask("Message/$count?$filter=sender_id eq null")).body)
    assert number > 50 and body == b'"sender_id"\r\n' + b'""\r\n' * min(rows, number)
