"""Lines of JSON: each is the row that JSON has."""

from __future__ import annotations

import json

import pytest
from tests.harness.inside import inside


@pytest.fixture
async def served(reader_dsn):
    async with inside(reader_dsn, ODATA_PAGE_ROWS="40") as service:
        yield service


def lines(body):
    assert not body or body.endswith(b"\n")
    return [json.loads(line) for line in body.splitlines()]


@pytest.mark.parametrize(
    "target",
    [
        "Message",
        "Inbox?$expand=messages($top=3;$select=id),members($count=true)",
        "Message?$apply=groupby((status,inbox/name),aggregate($count as n))",
        "Message?$apply=concat(groupby((status)),aggregate($count as n))",
        "$crossjoin(Inbox,Label)?$expand=Inbox",
        "Inbox(2)/messages?$select=content",
    ],
)
async def test_lines_are_the_rows_of_json_without_metadata(served, target):
    option = "&" if "?" in target else "?"
    rows = [row for page in await served.pages(target, headers={"Accept": "application/json;odata.metadata=none"}) for row in page]
    answer = await served.ask(f"{target}{option}$format=ndjson")
    assert len(rows) > 1 and lines(answer.body) == rows
    assert dict(answer.headers)["Content-Type"] == "application/x-ndjson"


async def test_an_expanded_collection_is_a_page_with_a_link_as_in_json(served):
    [row] = lines((await served.ask("Inbox?$filter=id eq 2&$select=id&$expand=messages($select=id)&$format=ndjson")).body)
    assert len(row["messages"]) == 40 and row["messages@odata.nextLink"].startswith("http://")


async def test_parameters_and_preferences_are_those_of_json(served):
    target = "Message?$top=2&$select=id,sender_id&$filter=sender_id eq null"
    answer = await served.ask(target, headers={"Accept": "application/x-ndjson;IEEE754Compatible=true", "Prefer": "omit-values=nulls"})
    assert [set(row) for row in lines(answer.body)] == [{"id"}, {"id"}]
    assert dict(answer.headers)["Preference-Applied"] == "omit-values=nulls"
    full = await served.ask(target, headers={"Accept": "application/x-ndjson;odata.metadata=full"})
    assert "@odata.type" in lines(full.body)[0]


async def test_references_entities_and_values(served):
    assert lines((await served.ask("Label/$ref?$top=1&$format=ndjson")).body) == [{"@odata.id": "Label(1)"}]
    assert lines((await served.ask("Label(1)?$select=id&$format=ndjson")).body) == [{"id": 1}]
    assert lines((await served.ask("Label(1)/id?$format=ndjson")).body) == [1]
    assert (await served.ask("Label(1)?$select=id&$format=jsonl")).status == 200
    assert (await served.ask("$all?$format=ndjson")).code == "Url.Format"
