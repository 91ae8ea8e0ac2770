"""A navigation property leads to entities of the same account only, also if its caller may read both accounts (docs/odata.md)."""

import pytest
from odata_gateway.demo import tokens

# Rows of account 1 in the sample data whose key names an entity of account 2; `BOTH_ADMIN` may read both.
CROSSING = [
    ("Conversation", 89, "inbox_id", "inbox", "Inbox", "conversations"),
    ("Conversation", 267, "inbox_id", "inbox", "Inbox", "conversations"),
    ("Message", 86, "inbox_id", "inbox", "Inbox", "messages"),
    ("Message", 1982, "conversation_id", "conversation", "Conversation", "messages"),
]


@pytest.mark.parametrize(("entity_set", "key", "column", "navigation", "target", "back"), CROSSING)
def test_a_key_of_another_account_is_null_to_navigation(gateway, entity_set, key, column, navigation, target, back):
    def ask(text):
        return gateway.get(text, token=tokens.BOTH_ADMIN)

    row = ask(f"{entity_set}({key})?$select=account_id,{column}&$expand={navigation}").json()
    assert (row["account_id"], row[navigation]) == (1, None)
    other = ask(f"{target}({row[column]})?$select=account_id").json()
    assert other["account_id"] == 2

    path = f"{entity_set}({key})/{navigation}"
    assert ask(path).status == 204 and ask(f"{path}/$ref").status == 204
    assert ask(f"{path}/id").status == 404
    assert ask(f"{entity_set}?$filter=id eq {key} and {navigation} eq null&$select=id").rows[0]["id"] == key
    assert ask(f"{entity_set}?$filter=id eq {key} and {navigation}/id eq {row[column]}").rows == []
    grouped = ask(f"{entity_set}?$apply=filter(id eq {key})/groupby(({navigation}/id))").rows
    assert [group[navigation] for group in grouped] in ([None], [{"id": None}])

    assert ask(f"{target}({row[column]})/{back}?$filter=id eq {key}").rows == []
    assert ask(f"{target}?$filter=id eq {row[column]} and {back}/any(x:x/id eq {key})").rows == []
    assert ask(f"{entity_set}/$count?$filter=id eq {key} and {column} eq {row[column]}").body == b"1"


def test_a_key_of_the_same_account_is_followed(gateway):
    for account in (1, 2):
        rows = gateway.get(f"Conversation?$filter=account_id eq {account} and inbox ne null&$expand=inbox", token=tokens.BOTH_ADMIN).rows
        assert rows and all(row["inbox"]["account_id"] == account for row in rows)
