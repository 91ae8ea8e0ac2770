"""Every example URL of the product's page, with another host and token."""

import csv
from pathlib import Path

import pytest
from tests.harness.ask import ADMIN
from tests.harness.sample import instant

COLUMNS = Path(__file__).parent.parent / "data" / "columns.csv"
TABLES = {"Message": "message", "Conversation": "conversation", "User": "person", "Label": "label", "Inbox": "inbox"}
SECRETS = {"encrypted_password", "reset_password_token", "confirmation_token", "tokens", "pubsub_tokens"}


def columns(entity_set):
    with COLUMNS.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["collection"] == entity_set]


def both_ways(ask, target):
    """The same answer for the token as apikey and as Bearer token."""
    reply = ask(f"{target}{'&' if '?' in target else '?'}apikey={ADMIN}", token=None)
    body, other = reply.json(), ask.json(target)
    assert body["@odata.context"] == other["@odata.context"] and body.get("value", {}) == other.get("value", {})
    return body


def test_ping_of_the_available_models(ask):
    assert {row["name"] for row in ask.json("")["value"]} == set(TABLES)
    assert {row["name"] for row in ask(f"?apikey={ADMIN}", token=None).rows} == set(TABLES)


def test_columns_of_one_conversation(ask, sample):
    body = both_ways(ask, "Conversation(1)?$select=inbox_id,account_id")
    assert [(body["inbox_id"], body["account_id"])] == sample.rows("SELECT inbox_id, account_id FROM conversation WHERE id = 1")


def test_columns_of_all_conversations(ask, sample):
    body = both_ways(ask, "Conversation?$select=id,account_id")
    assert [(row["id"], row["account_id"]) for row in body["value"]] == sample.rows("SELECT id, account_id FROM conversation ORDER BY id")


def test_conversations_up_to_a_day(ask, sample):
    body = both_ways(ask, "Conversation?$select=id,account_id&$filter=created_at le '2021-11-23T00:00:00'")
    expected = sample.rows("SELECT id, account_id FROM conversation WHERE created_at <= '2021-11-23' ORDER BY id")
    assert [(row["id"], row["account_id"]) for row in body["value"]] == expected


@pytest.mark.parametrize("entity_set", TABLES)
def test_a_whole_collection(ask, sample, entity_set):
    """`Message?` as the page writes it: every row, and every property of the page in its place, secrets as null."""
    names = [column["property"] for column in columns(entity_set)]
    shown = ", ".join(expected_value(column) for column in columns(entity_set))
    expected = [dict(zip(names, row, strict=True)) for row in sample.rows(f"SELECT {shown} FROM {TABLES[entity_set]} ORDER BY id")]
    for first, token in ((f"{entity_set}?", ADMIN), (f"{entity_set}?&apikey={ADMIN}", None)):
        rows = [row for page in ask.gateway.pages(first, token=token) for row in page]
        assert rows == expected
        assert all(list(row) == names for row in rows)


def expected_value(column):
    """SQL for a column's value as JSON shows it; columns.csv maps the page's own names to columns."""
    name = column["pg_column"]
    if column["property"] in SECRETS:
        return "NULL"
    if column["edm_type_you_recommend"] == "Edm.DateTimeOffset":
        return f"CASE WHEN isfinite({name}) THEN {instant(name)} END"
    if column["pg_type"] in ("json", "jsonb"):
        return f"{name} #>> '{{}}'"
    return f"{name}::text" if column["edm_type_you_recommend"] == "Edm.String" else name


def test_select_skip_top_orderby_and_expand_are_supported(ask, sample):
    rows = ask(
        "Message?$select=id,content&$expand=conversation($select=id)&$orderby=created_at desc,id&$skip=5&$top=3&$filter=status eq 1"
    ).rows
    expected = sample.rows(
        "SELECT id, content, conversation_id FROM message WHERE status = 1 ORDER BY created_at DESC, id LIMIT 3 OFFSET 5"
    )
    assert [(row["id"], row["content"], row["conversation"] and row["conversation"]["id"]) for row in rows] == expected
