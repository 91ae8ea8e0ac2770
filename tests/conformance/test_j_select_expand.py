"""$select, $expand and $compute."""

import json

import pytest

V401 = {"OData-MaxVersion": "4.01"}


@pytest.fixture(scope="module")
def messages(sample):
    """The messages of each conversation that has any: conversation id to message ids in order."""
    found: dict[int, list[int]] = {}
    for conversation, message in sample.rows("SELECT conversation_id, id FROM message ORDER BY id"):
        found.setdefault(conversation, []).append(message)
    return found


@pytest.mark.parametrize("select", ["inbox_id,account_id", "inbox_id, account_id", "account_id,inbox_id,account_id"])
def test_j01_select_of_properties(ask, sample, select):
    rows = ask(f"Conversation?$select={select}&$top=2").rows
    assert [{name: value for name, value in row.items() if "@" not in name} for row in rows] == [
        {"inbox_id": inbox, "account_id": account}
        for inbox, account in sample.rows("SELECT inbox_id, account_id FROM conversation ORDER BY id LIMIT 2")
    ]


def test_j02_select_star_is_all_properties_and_no_navigation(ask):
    assert ask("Label?$select=*").rows == ask("Label").rows
    assert ask("Label?$select=*,conversations&$top=1").rows[0]["conversations@odata.navigationLink"] == "Label(1)/conversations"


@pytest.mark.parametrize("select", ["nope", "", "id,", ",id", "id title", "id/title", "title/$value", "inbox/name"])
def test_j03_an_unknown_item_is_refused(ask, select):
    ask.error(f"Label?$select={select}", 400)


def test_j04_a_selected_navigation_property_shows_as_a_link(ask):
    row = ask("Conversation?$select=id,inbox&$top=1").rows[0]
    assert row == {"id": row["id"], "inbox@odata.navigationLink": f"Conversation({row['id']})/inbox"}
    assert ask("Conversation?$select=id,inbox&$top=1", headers={"Accept": "application/json;odata.metadata=none"}).rows == [
        {"id": row["id"]}
    ]


@pytest.mark.parametrize("select", ["title($select=x)", "title($top=1)"])
def test_j05_a_primitive_property_takes_no_nested_select(ask, select):
    ask.error(f"Label?$select={select}", 400)


def test_j06_expand_of_single_and_collection_properties(ask, sample, messages):
    rows = ask("Conversation?$expand=inbox,messages,assignee").rows
    assert [row["id"] for row in rows] == sample.ids("Conversation")
    inboxes, people = set(sample.ids("Inbox")), set(sample.ids("User"))
    for row in rows:
        assert (row["inbox"] or {}).get("id") == (row["inbox_id"] if row["inbox_id"] in inboxes else None)
        assert (row["assignee"] or {}).get("id") == (row["assignee_id"] if row["assignee_id"] in people else None)
        assert [m["id"] for m in row["messages"]] == messages.get(row["id"], [])
    assert {row["assignee"] is None for row in rows} == {True, False} and any(row["messages"] == [] for row in rows)


def test_j06_expand_through_link_tables(ask, sample):
    labels, members = {}, {}
    for conversation, label in sample.rows("SELECT conversation_id, label_id FROM conversation_label ORDER BY label_id"):
        labels.setdefault(conversation, []).append(label)
    for inbox, user in sample.rows("SELECT inbox_id, user_id FROM inbox_person ORDER BY user_id"):
        members.setdefault(inbox, []).append(user)
    for row in ask("Conversation?$select=id&$expand=labels($select=id)").rows:
        assert [label["id"] for label in row["labels"]] == labels.get(row["id"], [])
    for row in ask("Inbox?$select=id&$expand=members($select=id)").rows:
        assert [user["id"] for user in row["members"]] == members.get(row["id"], [])


def test_j07_what_is_expanded_is_shown_though_not_selected(ask):
    row = ask("Conversation?$select=id&$expand=inbox&$filter=inbox ne null&$top=1").rows[0]
    assert set(row) == {"id", "inbox"}
    assert row["inbox"] == {name: value for name, value in ask.json(f"Inbox({row['inbox']['id']})").items() if "@" not in name}


def test_j08_a_nested_filter(ask, sample):
    rows = ask("Conversation?$select=id&$expand=messages($filter=private eq true;$select=id)").rows
    assert [row["id"] for row in rows] == sample.ids("Conversation")
    for row in rows:
        assert [m["id"] for m in row["messages"]] == sample.ids("Message", f"private AND conversation_id = {row['id']}")


def test_j09_nested_order_and_page_act_per_parent(ask, sample, messages):
    rows = ask("Conversation?$select=id&$expand=messages($orderby=created_at desc,id desc;$top=1;$select=id)").rows
    latest = dict(
        sample.rows(
            "SELECT DISTINCT ON (conversation_id) conversation_id, id FROM message ORDER BY conversation_id, created_at DESC, id DESC"
        )
    )
    assert {row["id"]: [m["id"] for m in row["messages"]] for row in rows} == {
        id_: [latest[id_]] if id_ in latest else [] for id_ in sample.ids("Conversation")
    }
    for row in ask("Conversation?$select=id&$expand=messages($skip=2;$top=3;$select=id)&$top=50").rows:
        assert [m["id"] for m in row["messages"]] == messages.get(row["id"], [])[2:5]


def test_j10_a_nested_count(ask, messages):
    for row in ask("Conversation?$select=id&$expand=messages($count=true;$top=1;$select=id)&$top=100").rows:
        assert list(row) == ["id", "messages@odata.count", "messages"]
        assert row["messages@odata.count"] == len(messages.get(row["id"], []))
        assert [m["id"] for m in row["messages"]] == messages.get(row["id"], [])[:1]


def test_j11_a_nested_search_with_pages_of_its_own(ask, sample):
    wanted = dict(sample.rows("SELECT conversation_id, array_agg(id ORDER BY id) FROM message WHERE content ILIKE '%e%' GROUP BY 1"))
    target = "Conversation?$select=id&$expand=messages($search=E;$select=id)"
    rows = ask(target).rows
    assert {row["id"]: [m["id"] for m in row["messages"]] for row in rows} == {i: wanted.get(i, []) for i in sample.ids("Conversation")}
    counted = ask("Conversation?$select=id&$expand=messages/$count($search=E)").rows
    assert [row["messages@odata.count"] for row in counted] == [len(row["messages"]) for row in rows]
    id_, link = next((r["id"], r["messages@odata.nextLink"]) for r in ask(target, headers={"Prefer": "odata.maxpagesize=2"}).rows
                     if "messages@odata.nextLink" in r)  # fmt: skip
    assert wanted[id_][:2] + ask.ids(link.partition(ask.root)[2]) == wanted[id_]


def test_j12_nested_select_and_expand_to_depth(ask, sample):
    target = "Inbox?$select=id&$expand=conversations($select=id;$expand=messages($select=id;$expand=conversation($select=id)))"
    rows = ask(target).rows
    assert [row["id"] for row in rows] == sample.ids("Inbox")
    found = {(row["id"], c["id"], m["id"], m["conversation"]["id"]) for row in rows for c in row["conversations"] for m in c["messages"]}
    expected = sample.rows(
        "SELECT i.id, c.id, m.id, c.id FROM inbox AS i JOIN conversation AS c ON c.inbox_id = i.id JOIN message AS m ON m.conversation_id = c.id"
    )
    assert found == set(expected)


def test_j12_too_deep_is_refused(ask):
    inner = "conversation"
    for level in range(12):
        inner = f"{'messages' if level % 2 == 0 else 'conversation'}($expand={inner})"
    target = f"Conversation?$expand={inner}" if inner.startswith("messages") else f"Message?$expand={inner}"
    assert ask.error(target, 400)["code"] == "Limit.Depth"


def test_j13_references_and_their_options(ask, sample, messages):
    for row in ask("Conversation?$select=id&$expand=messages/$ref&$top=20").rows:
        assert row["messages"] == [{"@odata.id": f"Message({id_})"} for id_ in messages.get(row["id"], [])]
    for row in ask("Conversation?$select=id&$expand=messages/$ref($filter=message_type eq 0;$top=1)&$top=20").rows:
        expected = sample.ids("Message", f"message_type = 0 AND conversation_id = {row['id']}")[:1]
        assert row["messages"] == [{"@odata.id": f"Message({id_})"} for id_ in expected]
    assert ask.json("Message(1)?$expand=conversation/$ref")["conversation"] == {"@odata.id": "Conversation(1)"}


def test_j14_counts_in_place_of_entities(ask, sample, messages):
    for row in ask("Conversation?$select=id&$expand=messages/$count&$top=20").rows:
        assert row == {"id": row["id"], "messages@odata.count": len(messages.get(row["id"], []))}
    for row in ask("Conversation?$select=id&$expand=messages/$count($filter=message_type eq 0)&$top=20").rows:
        assert row["messages@odata.count"] == len(sample.ids("Message", f"message_type = 0 AND conversation_id = {row['id']}"))


def test_j15_star_expands_all_and_named_items_win(ask, messages):
    body = ask.json("Conversation(1)?$expand=*")
    assert {"messages", "inbox", "assignee", "labels"} <= set(body)
    assert [m["id"] for m in body["messages"]] == messages[1] and body["inbox"]["id"] == body["inbox_id"]
    body = ask.json("Conversation(1)?$expand=*/$ref,inbox")
    assert body["messages"] == [{"@odata.id": f"Message({id_})"} for id_ in messages[1]]
    assert body["inbox"]["name"] and body["assignee"] == {"@odata.id": f"User({body['assignee_id']})"}


@pytest.mark.parametrize(
    ("expand", "statuses"),
    [("messages($levels=2)", (400,)), ("*($levels=0)", (400,)), ("messages($levels=0)", (400,)), ("messages($levels=04)", (400,)), ("messages($levels=max)", (400,)),
     ("*($levels=9)", (400,)), ("inbox/$ref($levels=2)", (400,))],
)  # fmt: skip
def test_j16_levels_need_a_recursive_property(ask, expand, statuses):
    """The model has none; for an example of one see tests/unit/plan/projection/test_levels.py."""
    ask.error(f"Conversation?$expand={expand}", *statuses)


def test_j16_levels_of_star(ask):
    assert ask.json("Label(1)?$expand=*($levels=1)") == ask.json("Label(1)?$expand=*")
    nested = "conversations($expand=messages,inbox,assignee,labels)"
    assert ask.json("Label(1)?$expand=*($levels=2)") == ask.json(f"Label(1)?$expand={nested}")
    assert ask.json("Label(1)?$expand=*($levels=2),conversations($select=id)") == ask.json("Label(1)?$expand=conversations($select=id)")
    assert ask.context("Label(1)?$expand=*($levels=2)", V401) == "#Label(conversations(messages(),inbox(),assignee(),labels()))/$entity"


def test_j16_the_most_levels_are_as_many_as_the_limits_allow(ask):
    row = ask.json("Message(1)?$expand=*($levels=max)")
    assert row["conversation"]["inbox"]["members"] and "@odata.context" in row
    assert row == ask.json("Message(1)?$expand=*($levels=MAX)")


@pytest.mark.parametrize(
    "expand",
    ["messages,messages($top=1)", "nope", "status", "messages/nope", "*,*($levels=2)", "messages;inbox", "messages()", "messages($nope=1)"],
)
def test_j17_bad_items_are_refused(ask, expand):
    ask.error(f"Conversation?$expand={expand}", 400)


@pytest.mark.parametrize("expand", ["messages/$ref($select=id)", "messages/$count($count=true)", "messages/$ref($levels=2)", "messages/$count($top=1)", "inbox/$count", "inbox($top=1)"])  # fmt: skip
def test_j18_options_that_do_not_apply_are_refused(ask, expand):
    ask.error(f"Conversation?$expand={expand}", 400)


def test_j19_this_and_it_in_nested_filters(ask, sample):
    """$it is the conversation, also where the expand is nested, $this the message."""
    body = ask.json("Conversation(1)?$expand=messages($filter=$this/message_type eq 0;$select=id)")
    assert [m["id"] for m in body["messages"]] == sample.ids("Message", "conversation_id = 1 AND message_type = 0")
    for row in ask("Conversation?$select=id,inbox_id&$expand=messages($select=id;$filter=$this/inbox_id ne $it/inbox_id)").rows:
        wanted = sample.ids("Message", f"conversation_id = {row['id']} AND inbox_id IS DISTINCT FROM {row['inbox_id']}")
        assert [m["id"] for m in row["messages"]] == wanted
    for row in ask("Conversation?$select=id,status&$expand=messages($select=id;$filter=$this/message_type eq $it/status)").rows:
        assert [m["id"] for m in row["messages"]] == sample.ids(
            "Message", f"conversation_id = {row['id']} AND message_type = {row['status']}"
        )
    target = "Conversation?$select=id,status&$expand=inbox($select=id;$expand=conversations($select=id;$filter=status eq $it/status and id ne $it/id))"
    for row in ask(target + "&$top=20").rows:
        wanted = sample.ids("Conversation", f"inbox_id = {row['inbox']['id']} AND status = {row['status']} AND id <> {row['id']}")
        assert [c["id"] for c in row["inbox"]["conversations"]] == wanted


def links_of(value):
    """Every next link of an expanded collection in a row, with the rows before it."""
    for name, rows in value.items():
        if name.endswith("@odata.nextLink"):
            yield rows, value[name.partition("@")[0]]
        elif isinstance(rows, dict):
            yield from links_of(rows)
        elif isinstance(rows, list):
            for row in rows:
                yield from links_of(row)


def test_j19_next_links_say_what_it_was(ask):
    """The link of a nested collection is read without the row around it, and its own nested links again."""
    inner = "conversations($select=id;$filter=status eq $it/status;$expand=messages($select=id;$filter=id ne $it/id and $it/inbox_id ne 0))"
    target, seen = f"Conversation(1)?$select=id&$expand=inbox($select=id;$expand={inner})", 0
    whole = ask.json(target)["inbox"]["conversations"]
    assert len(whole) > 2
    body = ask.json(target, {"Prefer": "maxpagesize=1"})
    rows, link = body["inbox"]["conversations"], body["inbox"]["conversations@odata.nextLink"]
    while link:
        page = ask.json(link, {"Prefer": "maxpagesize=1"})
        rows, link = rows + page["value"], page.get("@odata.nextLink")
    assert [row["id"] for row in rows] == [row["id"] for row in whole]
    for row, wanted in zip(rows, whole, strict=True):
        for nested, before in links_of(row):
            found = before + [m for page in ask.gateway.pages(nested, headers={"Prefer": "maxpagesize=50"}) for m in page]
            assert found == wanted["messages"]
            seen += 1
    assert seen > 0


def test_j19_a_link_is_bound_to_what_it_was(ask):
    body = ask.json("Conversation(1)?$expand=messages($filter=inbox_id eq $it/inbox_id)", {"Prefer": "maxpagesize=1"})
    link = body["messages@odata.nextLink"]
    assert link.endswith("&@__it=1")
    for other in ("2", "null", "'1'", "[1]"):
        ask.error(link.removesuffix("1") + other, 400)
    ask.unsupported("Conversation?$expand=messages($filter=$it/id eq 1)&@__it=1", "@__it")


def test_j20_expand_on_one_entity_and_on_related_entities(ask, messages):
    assert [m["id"] for m in ask.json("Conversation(1)?$expand=messages")["messages"]] == messages[1]
    body = ask.json("Message(1)/conversation?$expand=inbox")
    assert (body["id"], body["inbox"]["id"]) == (1, body["inbox_id"])
    rows = ask("Conversation(1)/messages?$expand=conversation($select=id)").rows
    assert [(m["id"], m["conversation"]) for m in rows] == [(id_, {"id": 1}) for id_ in messages[1]]


@pytest.mark.parametrize(
    "expand",
    ["messages", "messages($select=id)", "messages($orderby=created_at desc,id desc;$filter=message_type ne 3;$select=id)", "messages($skip=1;$select=id)", "messages/$ref"],
)  # fmt: skip
def test_j21_a_partial_collection_has_its_own_next_link(ask, expand):
    def identity(row):
        return row.get("id") or row["@odata.id"]

    whole = {row["id"]: [identity(m) for m in row["messages"]] for row in ask(f"Conversation?$select=id&$expand={expand}&$top=3").rows}
    link, seen = f"Conversation?$select=id&$expand={expand}&$top=3", {}
    while link:
        body = ask.json(link, {"Prefer": "odata.maxpagesize=1"})
        assert len(body["value"]) <= 1
        for row in body["value"]:
            assert len(row["messages"]) <= 1
            next_link = row.get("messages@odata.nextLink", "")
            assert not next_link or next_link.startswith(f"{ask.root}Conversation({row['id']})/messages")
            rest = [m for page in ask.gateway.pages(next_link, headers={"Prefer": "maxpagesize=2"}) for m in page]
            seen[row["id"]] = [identity(m) for m in row["messages"] + rest]
        link = body.get("@odata.nextLink", "")
    assert seen == whole and max(len(ids) for ids in whole.values()) > 1


def test_j22_computed_properties_in_select_filter_and_orderby(ask, sample):
    rows = ask("Label?$compute=length(title) as len&$select=title,len&$filter=len gt 3&$orderby=len desc,title").rows
    expected = sample.rows('SELECT title, length(title) FROM label WHERE length(title) > 3 ORDER BY 2 DESC, title COLLATE "C"')
    assert sorted((row["len"], row["title"]) for row in rows) == sorted((length, title) for title, length in expected)
    assert [row["len"] for row in rows] == [length for _, length in expected]
    assert all(row["len@odata.type"] == "#Int32" for row in rows)


def test_j23_computed_properties_by_name_or_star_and_new_names(ask):
    for query in (
        "$compute=length(title) as len&$select=*",
        "$compute=length(title) as len",
        "$compute=length(title) as len,len add 1 as more&$select=*",
    ):
        row = ask(f"Label?{query}&$top=1").rows[0]
        assert row["len"] == len(row["title"]) and row["title"] == "vip"
    assert "len" not in ask("Label?$compute=length(title) as len&$select=title&$top=1").rows[0]
    for compute in ("1 as title", "length(title)", "length(title) as", "1 as a,2 as a", "1 as conversations", "nope as x"):
        ask.error(f"Label?$compute={compute}", 400)


def test_j24_compute_inside_expand(ask, sample):
    body = ask.json("Conversation(1)?$expand=messages($compute=length(content) as len;$select=id,len)")
    assert [(m["id"], m["len"]) for m in body["messages"]] == sample.rows(
        "SELECT id, length(content) FROM message WHERE conversation_id = 1 ORDER BY id"
    )


def test_j06_a_row_of_every_expand_is_strict_json(ask):
    for entity_set in ("Message", "Conversation", "User", "Label", "Inbox"):
        for level in ("full", "none", "minimal"):
            reply = ask(f"{entity_set}?$expand=*&$top=3", headers={"Accept": f"application/json;odata.metadata={level}"} | V401)
            assert json.loads(reply.body)["value"]
