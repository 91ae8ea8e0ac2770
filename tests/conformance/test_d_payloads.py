"""JSON payloads."""

import json
from urllib.parse import urljoin

import pytest
from tests.harness.sample import instant

V401 = {"OData-MaxVersion": "4.01"}


def test_d01_a_collection_is_an_object_with_context_and_value(ask, sample):
    body = ask.json("Label")
    assert list(body) == ["@odata.context", "value"]
    assert body["@odata.context"] == f"{ask.root}$metadata#Label"
    assert [row["id"] for row in body["value"]] == sample.ids("Label")
    assert ask.json("Label?$filter=false") == {"@odata.context": f"{ask.root}$metadata#Label", "value": []}


def test_d02_an_entity_is_one_object(ask):
    body = ask.json("Label(1)")
    assert list(body)[:2] == ["@odata.context", "id"]
    assert body == {"@odata.context": f"{ask.root}$metadata#Label/$entity"} | ask("Label?$filter=id eq 1").rows[0]


def test_d03_null_properties_are_not_left_out(ask, sample):
    body = ask.json("Conversation(2)")
    assert body["assignee_id"] is None
    columns = sample.column(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'conversations' AND table_schema = 'public'"
    )
    assert set(body) - {"@odata.context"} <= set(columns) and len(body) == 22


def test_d04_primitive_formats(ask, sample):
    expected = sample.rows(f"SELECT id, uuid::text, {instant('created_at')}, {instant('updated_at')} FROM conversation WHERE id = 1")
    body = ask.json("Conversation(1)")
    assert [(body["id"], body["uuid"], body["created_at"], body["updated_at"])] == expected
    flags = dict(sample.rows("SELECT id, private FROM message WHERE id <= 100"))
    assert {row["id"]: row["private"] for row in ask("Message?$filter=id le 100&$select=id,private").rows} == flags


@pytest.mark.parametrize("value", ["INF", "-INF", "NaN"])
def test_d05_infinite_doubles_are_strings(ask, value):
    row = ask(f"Message?$compute=cast('{value}',Edm.Double) as x&$select=id,x&$top=1").rows[0]
    assert row["x"] == value
    assert row.get("x@odata.type", "#Double") == "#Double"


@pytest.mark.parametrize(
    ("expression", "type_name", "value"),
    [
        ("id mul 2", "Int64", 2),
        ("id mod 2", "Int32", 1),
        ("sender_id add 1", "Decimal", 3),
        ("sender_id mod 2147483648", "Int64", 2),
        ("id mul 1.5", "Decimal", 1.5),
        ("date(created_at)", "Date", "2021-11-01"),
        ("created_at", "DateTimeOffset", "2021-11-01T08:20:00.000001Z"),
        ("duration'PT90S'", "Duration", "PT90"),
    ],
)
def test_d06_a_computed_value_says_its_type(ask, expression, type_name, value):
    row = ask(f"Message?$filter=id eq 1&$compute={expression} as x&$select=id,x").rows[0]
    assert row["x@odata.type"] == f"#{type_name}"
    assert row["x"] == value or str(row["x"]).startswith(str(value))
    names = list(row)
    assert names.index("x@odata.type") + 1 == names.index("x")
    newer = ask(f"Message?$filter=id eq 1&$compute={expression} as x&$select=id,x", headers=V401).rows[0]
    assert newer["x@type"] == type_name


def test_d07_a_payload_of_4_01_has_no_prefixes(ask):
    body = ask.json(
        "Message?$count=true&$compute=id mul 2 as x", headers=V401 | {"Prefer": "maxpagesize=1", "Accept": "application/json;metadata=full"}
    )
    assert list(body) == ["@context", "@metadataEtag", "@count", "value", "@nextLink"]
    assert "@odata." not in json.dumps(body)
    assert body["value"][0]["@type"] == "#LiveAgent.Message" and body["value"][0]["x@type"] == "Int64"


def test_d08_entities_without_their_keys_have_an_id(ask):
    rows = ask("Conversation?$select=inbox_id,account_id&$top=3").rows
    assert [row["@odata.id"] for row in rows] == [f"Conversation({row['id']})" for row in ask("Conversation?$select=id&$top=3").rows]
    assert "@odata.id" not in ask("Conversation?$select=id,account_id&$top=1").rows[0]


def test_d09_what_apply_made_has_no_id(ask):
    rows = ask("Conversation?$apply=groupby((status))").rows
    assert rows and all(list(row) == ["@odata.id", "status"] and row["@odata.id"] is None for row in rows)


def test_d10_links_resolve_against_the_context_url(ask):
    body = ask.json("Message(1)?$format=application/json;odata.metadata=full")
    links = [value for name, value in body.items() if name.endswith(("Link", ".id"))]
    assert len(links) == 2 + 2 * 3
    for link in links:
        assert ask.gateway.get(urljoin(body["@odata.context"], link)).status in (200, 204), link


def test_d11_json_is_strict_and_values_equal_the_database(ask, sample):
    def pairs(members):
        assert len({name for name, _ in members}) == len(members), "a name comes twice"
        return dict(members)

    texts = {}
    link = "Message?$select=id,content,content_attributes,external_source_ids"
    while link:
        reply = ask(link)
        assert not reply.body.startswith(b"\xef\xbb\xbf")
        page = json.loads(reply.body.decode("utf-8", "strict"), object_pairs_hook=pairs)
        texts |= {row["id"]: (row["content"], row["content_attributes"], row["external_source_ids"]) for row in page["value"]}
        link = page.get("@odata.nextLink", "")
    expected = sample.rows("SELECT id, content, content_attributes #>> '{}', external_source_ids #>> '{}' FROM message")
    assert texts == {id_: tuple(rest) for id_, *rest in expected}
    contents = "".join(text for text, *_ in texts.values() if text)
    assert all(c in contents for c in '"\\\n\t\r\b\f\x01\x7f\u2028\ufeff👩e\u0301')


@pytest.mark.parametrize("value", ["NaN", "INF", "-INF"])
@pytest.mark.parametrize("type_", ["Double", "Single"])
@pytest.mark.parametrize(("version", "name"), [("4.0", "x@odata.type"), ("4.01", "x@type")])
def test_d_a_number_that_is_written_as_a_string_has_its_type(ask, value, type_, version, name):
    """JSON Format 4.5.3. Where the type is told by $metadata or not wanted, it is not there; a Double that is a JSON number needs none."""
    marked = f"#{type_}" if version == "4.0" else type_
    headers = {"OData-MaxVersion": version}
    for target in (
        f"Label?$compute=cast('{value}',Edm.{type_}) as x&$select=id,x&$top=1",
        f"Label?$compute=cast('{value}',Edm.{type_}) add id as x&$select=id,x&$top=1",
        f"Label?$apply=aggregate(cast('{value}',Edm.{type_}) with max as x)",
        f"Label?$compute=cast('{value}',Edm.{type_}) as x&$select=x&$top=1&$format=application/json;odata.metadata=full",
        f"Label?$compute=cast('{value}',Edm.{type_}) as x&$select=x&$top=1&$format=application/json;IEEE754Compatible=true",
    ):
        [row] = ask(target, headers=headers).rows
        shown = marked if "$apply" not in target else row[name]
        assert row["x"] == value and row[name] == shown, target
        names = list(row)
        assert names.index(name) + 1 == names.index("x")
    [row] = ask(
        f"Label?$compute=cast('{value}',Edm.{type_}) as x&$select=x&$top=1", headers={**headers, "Prefer": "omit-values=nulls"}
    ).rows
    assert row["x"] == value and row[name] == marked
    [row] = ask(
        f"Label?$compute=cast('{value}',Edm.{type_}) as x&$select=x&$top=1&$format=application/json;odata.metadata=none", headers=headers
    ).rows
    assert row == {"x": value}


def test_d_a_double_that_is_a_json_number_needs_no_type(ask):
    for level in ("minimal", "full"):
        [row] = ask(f"Label?$compute=id mul 1e0 as x&$select=x&$top=1&$format=application/json;odata.metadata={level}").rows
        assert "x@odata.type" not in row
