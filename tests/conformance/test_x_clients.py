"""The product's own rules, and what its BI clients send."""

import base64
import json

import pytest
from tests.harness.ask import ADMIN

POWER_QUERY = {
    "Accept": "application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;q=0.9,application/atomsvc+xml;q=0.8,"
    "application/atom+xml;q=0.8,application/xml;q=0.7,text/plain;q=0.7",
    "OData-MaxVersion": "4.0",
    "MaxDataServiceVersion": "3.0",
}


@pytest.mark.parametrize("target", ["?", "$metadata?", "Message?", "Message(1)?", "Message/$count?", "Conversation(1)/messages?"])
def test_x01_apikey_works_everywhere(ask, target):
    reply = ask(f"{target}apikey={ADMIN}", token=None)
    assert b"apikey" not in reply.body.partition(b"@odata.nextLink")[0]


def test_x01_apikey_is_in_every_link_once_and_in_no_log(ask, sample):
    link, ids = f"Message?$select=id&apikey={ADMIN}&apikey={ADMIN}", []
    while link:
        body = ask(link, token=None).json()
        assert ADMIN not in body["@odata.context"]
        ids += [row["id"] for row in body["value"]]
        link = body.get("@odata.nextLink", "")
        assert not link or link.count(f"apikey={ADMIN}") == 1
        link = link and f"{link}&apikey={ADMIN}"
    assert ids == sample.ids("Message")
    assert ADMIN not in ask.gateway.log()


def test_x01_apikey_is_in_links_of_expanded_collections_only_if_it_came_so(ask):
    target, headers = "Conversation(1)?$expand=messages($select=id)", {"Prefer": "maxpagesize=1"}
    link = ask(f"{target}&apikey={ADMIN}", token=None, headers=headers).json()["messages@odata.nextLink"]
    assert link.count(f"apikey={ADMIN}") == 1 and len(ask(link, token=None).rows) == 1
    assert ADMIN not in json.dumps(ask.json(target, headers)) and ADMIN not in json.dumps(ask.json("Message", headers))


def test_x02_a_token_in_the_header_wins(ask):
    assert len(ask(f"Message?$top=1&apikey={ask.gateway.tokens.UNKNOWN}").rows) == 1
    ask.error(f"Message?$top=1&apikey={ADMIN}", 401, token=ask.gateway.tokens.UNKNOWN)


def test_x02_basic_authentication_with_the_token_as_password(ask):
    headers = {"Authorization": "Basic " + base64.b64encode(f"anyone:{ADMIN}".encode()).decode()}
    assert len(ask("Message?$top=1", token=None, headers=headers).rows) == 1


def test_x03_the_first_example(ask, sample):
    body = ask(f"Conversation(1)?$select=inbox_id,account_id&apikey={ADMIN}", token=None).json()
    assert [(body["inbox_id"], body["account_id"])] == sample.rows("SELECT inbox_id, account_id FROM conversation WHERE id = 1")


def test_x04_the_second_example(ask, sample):
    rows = ask(f"Conversation?$select=id,account_id&apikey={ADMIN}", token=None).rows
    assert [(row["id"], row["account_id"]) for row in rows] == sample.rows("SELECT id, account_id FROM conversation ORDER BY id")


def test_x05_the_third_example(ask, sample):
    """A quoted time without offset, compared with a time, is read as UTC; other mixtures of types stay mistakes."""
    rows = ask(f"Conversation?$select=id,account_id&$filter=created_at le '2021-11-23T00:00:00'&apikey={ADMIN}", token=None).rows
    expected = sample.ids("Conversation", "created_at <= '2021-11-23'")
    assert [row["id"] for row in rows] == expected and 0 < len(expected) < len(sample.ids("Conversation"))
    for odata in ("created_at le 'yesterday'", "id eq '1'", "created_at le 5", "content eq 2021-11-23T00:00:00Z", "private eq 'true'"):
        ask.error(f"Message?$filter={odata}", 400)


def test_x06_power_query_gets_xml_for_metadata_and_json_for_data(ask):
    assert ask("$metadata", headers=POWER_QUERY).headers["content-type"] == "application/xml"
    assert ask("Message?$top=1", headers=POWER_QUERY).headers["content-type"].startswith("application/json")


def test_x07_an_unknown_parameter_in_one_member_spoils_nothing(ask):
    assert ask("Message?$top=1", headers=POWER_QUERY).headers["content-type"] == "application/json;odata.metadata=minimal"


def test_x08_json_columns_are_strings(ask, sample):
    rows = ask("Message?$select=id,content_attributes&$top=50").rows
    expected = sample.rows("SELECT id, content_attributes #>> '{}' FROM message ORDER BY id LIMIT 50")
    assert [(row["id"], row["content_attributes"]) for row in rows] == expected
    assert any(isinstance(json.loads(text), dict) for _, text in expected if text)


@pytest.mark.parametrize(
    "target", ["Message/?$top=1", "Message?&$top=1", "Message?$top=1&", "Message(1L)", "Message(id=1L)", "Message?$filter=id gt 5L&$top=1"]
)
def test_spellings_of_single_clients_are_taken(ask, target):
    ask(target)


def test_a_caller_sees_the_rows_of_every_account_administered_and_no_other(ask, sample):
    tokens = ask.gateway.tokens
    for token, accounts in ((tokens.ADMIN, [1]), (tokens.OTHER_ADMIN, [2]), (tokens.BOTH_ADMIN, [1, 2]), (tokens.ADMIN_AND_AGENT, [1])):
        for name, table in (("Message", "messages"), ("Conversation", "conversations"), ("Inbox", "inboxes"), ("Label", "labels")):
            found = [row["id"] for page in ask.gateway.pages(f"{name}?$select=id", token=token) for row in page]
            assert found == sample.column(f"SELECT id FROM {table} WHERE account_id = ANY($1) ORDER BY id", accounts)
        users = "SELECT id FROM users WHERE id IN (SELECT user_id FROM account_users WHERE account_id = ANY($1)) ORDER BY id"
        assert [row["id"] for row in ask("User?$select=id", token=token).rows] == sample.column(users, accounts)
