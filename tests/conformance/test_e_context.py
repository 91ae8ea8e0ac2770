"""Context URLs."""

import pytest

V40 = {"OData-MaxVersion": "4.0"}
V401 = {"OData-MaxVersion": "4.01"}


def test_e01_a_collection_of_entities(ask):
    assert ask.context("Message?$top=1") == "#Message"


def test_e02_a_single_entity(ask):
    assert ask.context("Message(1)") == "#Message/$entity"


@pytest.mark.parametrize(
    ("target", "fragment"),
    [
        ("Conversation?$select=inbox_id,account_id&$top=1", "#Conversation(inbox_id,account_id)"),
        ("Conversation(1)?$select=inbox_id,account_id", "#Conversation(inbox_id,account_id)/$entity"),
        ("Conversation(1)?$select=*", "#Conversation(*)/$entity"),
        ("Conversation(1)?$select=inbox_id, account_id", "#Conversation(inbox_id,account_id)/$entity"),
    ],
)
def test_e03_a_projection(ask, target, fragment):
    assert ask.context(target) == fragment


def test_e04_an_expanded_property_is_not_listed_in_4_0(ask):
    assert ask.context("Conversation?$expand=messages&$top=1", V40) == "#Conversation"
    assert ask.context("Conversation?$expand=*&$top=1", V40) == "#Conversation"


def test_e05_an_expanded_property_has_empty_parentheses_in_4_01(ask):
    assert ask.context("Conversation?$expand=messages&$top=1", V401) == "#Conversation(messages())"


def test_e06_a_nested_select_shows_in_the_parentheses(ask):
    target = "Conversation?$expand=messages($select=id,content)&$top=1"
    assert ask.context(target, V40) == ask.context(target, V401) == "#Conversation(messages(id,content))"
    deep = "Inbox?$expand=conversations($select=id;$expand=messages($select=id))&$top=1"
    assert ask.context(deep) == "#Inbox(conversations(id,messages(id)))"


@pytest.mark.parametrize(
    ("options", "older", "newer"),
    [
        ("$select=id&$expand=inbox", "#Conversation(id)", "#Conversation(id,inbox())"),
        ("$select=id,inbox&$expand=inbox", "#Conversation(id,inbox)", "#Conversation(id,inbox,inbox())"),
        ("$select=id&$expand=inbox($select=name)", "#Conversation(id,inbox(name))", "#Conversation(id,inbox(name))"),
    ],
)
def test_e07_select_and_expand_together(ask, options, older, newer):
    assert ask.context(f"Conversation?{options}&$top=1", V40) == older
    assert ask.context(f"Conversation?{options}&$top=1", V401) == newer


@pytest.mark.parametrize("headers", [V40, V401])
def test_e08_expanded_references_are_not_shown(ask, headers):
    assert ask.context("Conversation?$expand=messages/$ref&$top=1", headers) == "#Conversation"


def test_e09_references(ask):
    assert ask.context("Conversation(1)/messages/$ref") == "#Collection($ref)"
    assert ask.context("Message(1)/conversation/$ref") == "#$ref"


def test_e10_related_entities_carry_their_own_set(ask):
    assert ask.context("Conversation(1)/messages") == "#Message"
    assert ask.context("Message(1)/conversation") == "#Conversation/$entity"
    assert ask.context("Conversation(1)/messages(1)") == "#Message/$entity"
    assert ask.context("Conversation(1)/assignee") == "#User/$entity"


def test_e11_a_property(ask):
    assert ask.context("Conversation(1)/status") == "#Conversation(1)/status"


@pytest.mark.parametrize(
    "target", ["Conversation(id=1)/status", "Conversation/1/status", "Conversation(@k)/status?@k=1", "Conversation(1L)/status"]
)
def test_e12_keys_are_canonical_whatever_the_request_used(ask, target):
    assert ask.context(target) == "#Conversation(1)/status"


@pytest.mark.parametrize("headers", [V40, V401])
def test_e13_apply_lists_the_properties_that_are_there(ask, headers):
    target = "Conversation?$apply=groupby((inbox/name,status),aggregate($count as n))"
    assert ask.context(target, headers) == "#Conversation(inbox(name),status,n)"
    assert ask.context("Conversation?$apply=filter(status eq 0)/top(1)", headers) == "#Conversation"


@pytest.mark.parametrize("headers", [V40, V401])
def test_e14_compute_without_select_adds_to_all(ask, headers):
    assert ask.context("Label?$compute=length(title) as len", headers) == "#Label(*,len)"
    assert ask.context("Label?$compute=length(title) as len&$select=title,len", headers) == "#Label(title,len)"


def test_e15_all_and_crossjoin_have_the_built_in_types(ask):
    assert ask.context("$all?$top=1") == "#Collection(Edm.EntityType)"
    [entity] = ask.json("$all?$top=1", V401)["value"]
    assert entity["@context"] == f"{ask.root}$metadata#{entity['@id'].partition('(')[0]}/$entity" and entity["@type"].startswith(
        "#LiveAgent."
    )
    assert not [name for name in ask.json("$all?$top=1&$format=application/json;odata.metadata=none")["value"][0] if "@" in name]
    full = ask.json("$all?$top=1&$format=application/json;odata.metadata=full")["value"][0]
    assert list(full)[:4] == ["@odata.context", "@odata.type", "@odata.id", "@odata.readLink"]
    assert ask.context("$crossjoin(Label,Inbox)?$top=1") == "#Collection(Edm.ComplexType)"
    assert ask.context("$crossjoin(Label,Inbox)?$top=1&$expand=Label($select=id)", V401) == "#Collection(Edm.ComplexType)"
    assert ask.json("$crossjoin(Label,Inbox)?$top=1", V401)["value"][0].keys() == {"Label@navigationLink", "Inbox@navigationLink"}


def test_e16_an_entity_by_its_id(ask):
    assert ask.context("$entity?$id=Message(1)") == "#Message/$entity"
