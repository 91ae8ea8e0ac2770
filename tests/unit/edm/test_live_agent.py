"""The built-in model against the list of columns and the list of joins it was written from."""

import csv
import json
import time
from importlib.resources import files

import pytest
from odata_gateway.edm.csdl import load_model
from odata_gateway.edm.model import AccountColumn, Join, JoinColumn, JoinConstant, Membership, Model, Table
from tests.harness.csdl import DATA, assert_valid_json


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model()


def _columns() -> list[dict[str, str]]:
    with (DATA / "columns.csv").open(newline="") as file:
        return list(csv.DictReader(file))


PG_TYPES = {
    "integer": "int4",
    "bigint": "int8",
    "text": "text",
    "character varying": "text",
    "boolean": "bool",
    "timestamp without time zone": "timestamp",
    "timestamp(6) without time zone": "timestamp",
    "uuid": "uuid",
    "json": "json",
    "jsonb": "jsonb",
    "unknown (Cognigy)": "text",
    "boolean (assumed)": "bool",
    "character varying (assumed)": "text",
}

# How Live Agent's tables refer to each other. A column of the entity's own table is `s`, of the related one `t`.
NAVIGATION = {
    ("Message", "conversation"): ("Conversation", False, "messages", {"s.conversation_id=t.id", "s.account_id=t.account_id"}),
    ("Message", "inbox"): ("Inbox", False, "messages", {"s.inbox_id=t.id", "s.account_id=t.account_id"}),
    ("Message", "sender"): ("User", False, "messages", {"s.sender_id=t.id", "s.sender_type='User'"}),
    ("Conversation", "messages"): ("Message", True, "conversation", {"s.id=t.conversation_id", "s.account_id=t.account_id"}),
    ("Conversation", "inbox"): ("Inbox", False, "conversations", {"s.inbox_id=t.id", "s.account_id=t.account_id"}),
    ("Conversation", "assignee"): ("User", False, "assigned_conversations", {"s.assignee_id=t.id"}),
    ("Conversation", "labels"): (
        "Label",
        True,
        "conversations",
        {
            "s.id=tagging.taggable_id",
            "tagging.taggable_type='Conversation'",
            "tagging.context='labels'",
            "tag.id=tagging.tag_id",
            "lower(tag.name)=t.title",
            "s.account_id=t.account_id",
        },
    ),
    ("Inbox", "conversations"): ("Conversation", True, "inbox", {"s.id=t.inbox_id", "s.account_id=t.account_id"}),
    ("Inbox", "messages"): ("Message", True, "inbox", {"s.id=t.inbox_id", "s.account_id=t.account_id"}),
    ("Inbox", "members"): ("User", True, "inboxes", {"member.inbox_id=s.id", "member.user_id=t.id"}),
    ("User", "assigned_conversations"): ("Conversation", True, "assignee", {"s.id=t.assignee_id"}),
    ("User", "messages"): ("Message", True, "sender", {"s.id=t.sender_id", "t.sender_type='User'"}),
    ("User", "inboxes"): ("Inbox", True, "members", {"member.inbox_id=t.id", "member.user_id=s.id"}),
    ("Label", "conversations"): (
        "Conversation",
        True,
        "labels",
        {
            "t.id=tagging.taggable_id",
            "tagging.taggable_type='Conversation'",
            "tagging.context='labels'",
            "tag.id=tagging.tag_id",
            "lower(tag.name)=s.title",
            "s.account_id=t.account_id",
        },
    ),
}


def test_the_properties_are_those_of_the_list_in_its_order(model):
    expected: dict[str, list[str]] = {}
    for row in _columns():
        expected.setdefault(row["collection"], []).append(row["property"])
    assert {name: list(t.properties) for name, t in model.entity_types.items()} == expected
    assert sum(map(len, expected.values())) == 92


@pytest.mark.parametrize("row", _columns(), ids=lambda row: f"{row['collection']}.{row['property']}")
def test_property_equals_its_row_of_the_list(model, row):
    entity_type = model.entity_types[row["collection"]]
    prop = entity_type.properties[row["property"]]
    assert prop.type.name == row["edm_type_you_recommend"]
    assert prop.column == row["pg_column"]
    assert prop.pg_type == PG_TYPES[row["pg_type"]]
    assert prop.secret == (row["secret"] == "yes")
    assert prop.is_key == (row["property"] == "id")
    assert prop.nullable == (not prop.is_key)
    assert prop.precision == (6 if prop.type.name == "Edm.DateTimeOffset" else None)
    assert entity_type.table == Table("public", row["pg_table"])


def test_every_type_has_the_row_policy_of_its_table(model):
    policies = {name: t.policy for name, t in model.entity_types.items()}
    membership = Membership(Table("public", "account_users"), member="user_id", column="id", account="account_id")
    assert policies.pop("User") == membership
    assert set(policies.values()) == {AccountColumn("account_id")}


def _side(column: JoinColumn) -> str:
    text = f"{ {'source': 's', 'target': 't'}.get(column.side, column.side) }.{column.column}"
    return f"lower({text})" if column.lower else text


def _terms(join: Join) -> set[frozenset[str]]:
    found = set()
    for term in join.terms:
        right = f"'{term.right.value}'" if isinstance(term.right, JoinConstant) else _side(term.right)
        found.add(frozenset((_side(term.left), right)))
    return found


def test_the_navigation_properties_are_those_of_the_design(model):
    assert {(t.name, n) for t in model.entity_types.values() for n in t.navigation} == set(NAVIGATION)


@pytest.mark.parametrize("key", NAVIGATION, ids="/".join)
def test_navigation_property_joins_as_the_database_does(model, key):
    target, collection, partner, terms = NAVIGATION[key]
    navigation = model.entity_types[key[0]].navigation[key[1]]
    assert (navigation.target, navigation.collection, navigation.partner) == (target, collection, partner)
    assert navigation.nullable
    assert _terms(navigation.join) == {frozenset(t.split("=")) for t in terms}


def test_links_are_the_tables_between(model):
    links = {link.table.name for t in model.entity_types.values() for n in t.navigation.values() for link in n.join.links}
    assert links == {"taggings", "tags", "inbox_members"}


def test_a_constraint_is_declared_only_where_the_reference_is_plain(model):
    constraints = {
        f"{t.name}/{n.name}": dict(n.constraint) for t in model.entity_types.values() for n in t.navigation.values() if n.constraint
    }
    assert constraints == {
        "Message/conversation": {"conversation_id": "id"},
        "Message/inbox": {"inbox_id": "id"},
        "Conversation/inbox": {"inbox_id": "id"},
        "Conversation/assignee": {"assignee_id": "id"},
    }


def test_the_sets_are_the_five_collections_and_bind_every_navigation_property(model):
    assert set(model.entity_sets) == {"Message", "Conversation", "User", "Label", "Inbox"}
    for entity_set in model.entity_sets.values():
        assert model.set_of_type[entity_set.entity_type.name] is entity_set
        assert dict(entity_set.bindings) == {n.name: n.target for n in entity_set.entity_type.navigation.values()}


def test_the_file_is_valid_csdl_json():
    assert_valid_json(files("odata_gateway.edm").joinpath("models", "live_agent.json").read_bytes())


def test_the_file_is_read_in_less_than_50_ms():
    def once() -> float:
        start = time.perf_counter()
        load_model()
        return time.perf_counter() - start

    assert min(once() for _ in range(5)) < 0.05


def test_the_version_is_stable_and_short(model):
    assert load_model().version == model.version
    assert len(model.version) == 12


def test_no_name_in_one_scope_differs_from_another_in_case_alone(model):
    scopes = [model.entity_sets, *({**t.properties, **t.navigation} for t in model.entity_types.values())]
    for scope in scopes:
        assert len({name.lower() for name in scope}) == len(scope)


def test_the_file_has_no_two_members_of_one_name():
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    json.loads(files("odata_gateway.edm").joinpath("models", "live_agent.json").read_text(), object_pairs_hook=unique)
