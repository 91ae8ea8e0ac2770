"""Resource paths."""

import pytest
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.edm.csdl import load_model
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.protocol.links import Continuation, TokenScope, skiptoken
from tests.harness.ask import ADMIN
from tests.harness.sample import instant


@pytest.fixture(scope="module")
def compiler():
    return Compiler(load_model(), limits=Limits(), max_url_bytes=16_384, cache_entries=8)


@pytest.fixture(scope="module")
def first(sample):
    """Message 1 as the database has it: content, conversation, and that conversation's inbox with its name."""
    ((content, conversation, inbox, name),) = sample.rows(
        "SELECT m.content, c.id, i.id, i.name FROM message AS m JOIN conversation AS c ON c.id = m.conversation_id JOIN inbox AS i ON i.id = c.inbox_id "
        "WHERE m.id = 1"
    )
    return {"content": content, "conversation": conversation, "inbox": inbox, "inbox_name": name}


def test_f01_an_entity_by_positional_and_named_key(ask, first):
    entity = ask.json("Message(1)")
    assert entity == ask.json("Message(id=1)")
    assert (entity["id"], entity["content"]) == (1, first["content"])


def test_f02_what_does_not_exist_is_404(ask):
    assert ask.error("Message(999999999)", 404)["code"] == "Bind.NoEntity"
    assert ask.error("Nope", 404)["code"] == "Bind.Segment"


@pytest.mark.parametrize(
    "target", ["Message('1')", "Message()", "Message(1,2)", "Message(nope=1)", "Message(1.5)", "Message(null)", "Message(true)"]
)
def test_f03_a_key_of_the_wrong_type_or_form(ask, target):
    ask.error(target, 400, 404)


@pytest.mark.parametrize("key", ["99999999999999999999", "3000000000", "-1", "9223372036854775808", "9" * 400])
def test_f04_an_integer_key_out_of_range(ask, key):
    ask.error(f"Message({key})", 400, 404)
    ask.error(f"Message({key})/conversation", 400, 404)


def test_f05_a_parameter_alias_as_key(ask):
    assert ask.json("Message(@k)?@k=1") == ask.json("Message(1)")
    assert ask.json("Message(id=@k)?@k=1") == ask.json("Message(1)")
    ask.error("Message(@k)", 400, 404)


def test_f06_a_key_as_segment_and_dollar_segments_win(ask, sample):
    assert ask.json("Conversation/1") == ask.json("Conversation(1)")
    assert ask("Conversation/$count").body == str(len(sample.ids("Conversation"))).encode()
    ask.error("Conversation/abc", 404)


def test_f07_an_alternate_key_is_not_known(ask, sample):
    uuid = sample.value("SELECT uuid::text FROM conversation WHERE id = 1")
    assert "(id=...)" in ask.error(f"Conversation(uuid={uuid})", 400, 404)["message"]


def test_f08_single_navigation_properties_over_many_hops(ask, first):
    assert ask.json("Message(1)/conversation")["id"] == first["conversation"]
    assert ask.json("Message(1)/conversation/inbox")["id"] == first["inbox"]
    assert ask.json("Message(1)/conversation/inbox/name")["value"] == first["inbox_name"]


def test_f09_nothing_related_is_204(ask, sample):
    assert ask("Conversation(2)/assignee", 204).body == b""
    dangling = sample.value(
        "SELECT min(id) FROM conversation AS c WHERE assignee_id IS NOT NULL AND NOT EXISTS (SELECT FROM person AS p WHERE p.id = c.assignee_id)"
    )
    assert ask(f"Conversation({dangling})/assignee", 204).body == b""


def test_f10_collections_of_related_entities(ask, sample):
    expected = sample.ids("Message", "conversation_id = 1")
    assert expected and [row["id"] for row in ask("Conversation(1)/messages").rows] == expected
    assert ask("Conversation(2)/messages").rows == []
    filtered = ask("Conversation(1)/messages?$filter=message_type eq 0&$orderby=id desc&$select=id").rows
    assert [row["id"] for row in filtered] == sample.ids("Message", "conversation_id = 1 AND message_type = 0", "id DESC")


@pytest.mark.parametrize(
    "rest", ["messages", "assignee", "status", "messages/$count", "messages(1)", "assignee/name", "messages/$ref", "status/$value"]
)
def test_f11_below_what_does_not_exist_is_404(ask, sample, rest):
    foreign = sample.value("SELECT min(id) FROM conversations WHERE account_id <> 1")
    missing = ask.error(f"Conversation(999999)/{rest}", 404)
    hidden = ask.error(f"Conversation({foreign})/{rest}", 404)
    assert missing["message"] == hidden["message"]


def test_f12_a_member_of_a_related_collection_by_key(ask, sample):
    assert ask.json("Conversation(1)/messages(1)")["id"] == 1
    other = sample.value("SELECT min(id) FROM message WHERE conversation_id <> 1")
    ask.error(f"Conversation(1)/messages({other})", 404)


def test_f13_a_property_and_204_for_null(ask, sample):
    body = ask.json("Inbox(2)/name")
    assert body == {"@odata.context": f"{ask.root}$metadata#Inbox(2)/name", "value": sample.value("SELECT name FROM inbox WHERE id = 2")}
    assert ask("Conversation(2)/assignee_id", 204).body == b""


@pytest.mark.parametrize(
    ("target", "sql"),
    [
        ("Inbox(2)/name/$value", "SELECT name FROM inbox WHERE id = 2"),
        ("Inbox(5)/name/$value", "SELECT name FROM inbox WHERE id = 5"),
        ("Message(1)/created_at/$value", f"SELECT {instant('created_at')} FROM message WHERE id = 1"),
        ("Conversation(1)/uuid/$value", "SELECT uuid::text FROM conversation WHERE id = 1"),
        ("Message(3)/private/$value", "SELECT private::text FROM message WHERE id = 3"),
        ("Conversation(1)/status/$value", "SELECT status::text FROM conversation WHERE id = 1"),
        ("Conversation(1)/additional_attributes/$value", "SELECT additional_attributes #>> '{}' FROM conversation WHERE id = 1"),
    ],
)
def test_f14_value_is_the_raw_text(ask, sample, target, sql):
    reply = ask(target)
    assert reply.headers["content-type"].startswith("text/plain")
    assert reply.body.decode() == sample.value(sql)


def test_f15_value_of_null_and_of_an_entity(ask):
    assert ask("Conversation(2)/assignee_id/$value", 204).body == b""
    ask.error("Message(1)/$value", 400)


@pytest.mark.parametrize(
    "target",
    [
        "Message/$count/foo",
        "Message/$value",
        "Inbox(1)/name/$value/x",
        "Message(1)/nope",
        "Message(1)/$count",
        "Message/content",
        "Message(1)/content/conversation",
        "Message(1)/conversation(1)",
        "Message(1)(2)",
        "Message(1)/content(1)",
        "Message//$count",
        "Message(1",
        "$count",
    ],
)
def test_f16_unknown_or_misplaced_segments(ask, target):
    ask.error(target, 400, 404)


def test_f17_count_is_a_plain_number(ask, sample):
    for target, ids in (
        ("Message/$count", sample.ids("Message")),
        ("Conversation(1)/messages/$count", sample.ids("Message", "conversation_id = 1")),
        ("Conversation(2)/messages/$count", []),
    ):
        reply = ask(target)
        assert reply.headers["content-type"].startswith("text/plain")
        assert reply.body == str(len(ids)).encode()


def test_f18_count_obeys_the_filter_and_no_page(ask, sample):
    assert ask("Message/$count?$filter=private eq true").body == str(len(sample.ids("Message", "private"))).encode()
    everything = str(len(sample.ids("Message"))).encode()
    for options in ("$top=1", "$skip=10", "$orderby=id", "$expand=inbox", "$top=0"):
        assert ask(f"Message/$count?{options}").body == everything
    assert ask("Message/$count?$search=hello").body == str(len(sample.ids("Message", "content ILIKE '%hello%'"))).encode()


def test_f19_references_of_related_entities(ask, sample):
    body = ask.json("Conversation(1)/messages/$ref")
    assert list(body) == ["@odata.context", "value"]
    assert body["value"] == [{"@odata.id": f"Message({id_})"} for id_ in sample.ids("Message", "conversation_id = 1")]
    body = ask.json("Message(1)/conversation/$ref")
    assert list(body) == ["@odata.context", "@odata.id"] and body["@odata.id"] == "Conversation(1)"
    filtered = ask.json("Conversation(1)/messages/$ref?$filter=message_type eq 0&$orderby=id desc&$top=2")["value"]
    assert filtered == [
        {"@odata.id": f"Message({i})"} for i in sample.ids("Message", "conversation_id = 1 AND message_type = 0", "id DESC")[:2]
    ]


def test_f20_references_of_nothing(ask):
    reply = ask.gateway.get("Conversation(2)/assignee/$ref")
    assert reply.status in (204, 404)
    ask.error("Inbox(1)/name/$ref", 400, 404)


def test_f21_an_entity_by_its_id(ask):
    entity = ask.json("Message(1)")
    for id_ in ("Message(1)", f"{ask.root}Message(1)", "/v1.0/odata/Message(1)", "Message(id=1)"):
        assert ask.json(f"$entity?$id={id_}") == entity
    assert ask.json("$entity?$id=Message%281%29") == entity
    ask.error("$entity?$id=https://other.example/v1.0/odata/Message(1)", 404)
    ask.error("$entity?$id=Message(999999999)", 404)
    ask.error("$entity?$id=Message", 400, 404)
    for nothing in ("", "?", "?id=1", "/", "%3F"):
        ask.error(f"$entity?$id={nothing}", 400, 404)


def test_f22_entity_needs_an_id_and_a_cast_for_projections(ask):
    ask.error("$entity", 400)
    ask.error("$entity?$id=Message(1)&$select=id", 400)
    assert list(ask.json("$entity/LiveAgent.Message?$id=Message(1)&$select=id")) == ["@odata.context", "id"]
    ask.error("$entity/LiveAgent.Label?$id=Message(1)", 404)


@pytest.fixture(scope="module")
def everything(ask, sample):
    """The ids of all entities by set, in the order of the service document."""
    return [f"{s['name']}({i})" for s in ask.json("")["value"] for i in sample.ids(s["name"])]


@pytest.mark.parametrize("size", [None, 7, 100])
def test_f23_all_has_the_entities_of_all_sets(ask, everything, size):
    pages = list(ask.gateway.pages("$all", headers={} if size is None else {"Prefer": f"maxpagesize={size}"}))
    rows = [row for page in pages for row in page]
    assert [row["@odata.id"] for row in rows] == everything
    assert size is None or [len(page) for page in pages] == [size] * (len(everything) // size) + [len(everything) % size] * (
        len(everything) % size > 0
    )
    for row in (rows[0], rows[-1]):
        name = row["@odata.id"].partition("(")[0]
        assert list(row)[:3] == ["@odata.context", "@odata.type", "@odata.id"] and row["@odata.type"] == f"#LiveAgent.{name}"
        assert row == ask.json(row["@odata.id"]) | {"@odata.type": row["@odata.type"], "@odata.id": row["@odata.id"]}


@pytest.mark.parametrize(("skip", "top"), [(0, 3), (5, 0), (40, 120), (300, 5), (100_000, 5)])
def test_f23_all_has_skip_top_and_count(ask, everything, skip, top):
    body = ask.json(f"$all?$skip={skip}&$top={top}&$count=true")
    assert [row["@odata.id"] for row in body["value"]] == everything[skip : skip + top]
    assert body["@odata.count"] == len(everything) and "@odata.nextLink" not in body
    pages = ask.gateway.pages(f"$all?$skip={skip}&$top={top}", headers={"Prefer": "maxpagesize=17"})
    assert [row["@odata.id"] for page in pages for row in page] == everything[skip : skip + top]


def test_f23_all_is_searched(ask):
    count = ask.json("$all?$search=a&$count=true&$top=1")["@odata.count"]
    found = [row["@odata.id"] for page in ask.gateway.pages("$all?$search=a") for row in page]
    assert found == [f"{s['name']}({i})" for s in ask.json("")["value"] for i in ask.ids(f"{s['name']}?$search=a&$select=id")]
    assert count == len(found) > 20


def test_f23_all_of_one_type_is_its_set(ask):
    assert ask.json("$all/LiveAgent.Label?$filter=id gt 1&$select=title") == ask.json("Label?$filter=id gt 1&$select=title")
    assert ask.json("$all/Label") == ask.json("Label")
    link = ask.json("$all/LiveAgent.Message", headers={"Prefer": "maxpagesize=5"})["@odata.nextLink"]
    assert ask.json(link.removeprefix(ask.root))["value"]


@pytest.mark.parametrize(
    ("target", "status", "word"),
    [
        ("$all?$filter=true", 400, "$filter"),
        ("$all?$orderby=id", 400, "$orderby"),
        ("$all?$select=id", 400, "$select"),
        ("$all?$expand=*", 400, "$expand"),
        ("$all?$compute=1 as x", 400, "$compute"),
        ("$all?$deltatoken=x", 501, "$deltatoken"),
        ("$all/LiveAgent.Nope", 404, "Nope"),
        ("$all/$count", 400, "$count"),
        ("$all/LiveAgent.Label/$count", 400, "type"),
        ("$all(1)", 400, ""),
        ("$all?$skiptoken=x", 400, ""),
        ("$entity?$id=$all", 404, ""),
    ],
)
def test_f23_what_all_has_not(ask, target, status, word):
    assert word in ask.error(target, status)["message"]


def test_f23_a_next_link_of_all_belongs_to_its_query(ask, compiler):
    token = ask.json("$all?$search=a", headers={"Prefer": "maxpagesize=1"})["@odata.nextLink"].partition("$skiptoken=")[2]
    assert ask.json(f"$all?$search=a&$skiptoken={token}")["value"]
    for target in ("$all?$search=b", "$all", "Message?$search=a"):
        assert ask.error(f"{target}{'&' if '?' in target else '?'}$skiptoken={token}", 400)["code"] == "Url.Skiptoken"
    url = compiler.parse("$all")
    for keys in (("Message",), ("Message", None), ("Nope", "1"), (None, "1"), ("Message", "1", "2")):
        forged = skiptoken(Continuation(0, 5, keys), TokenScope(url.query_digest(), ""))
        assert ask.error(f"$all?$skiptoken={forged}", 400)["code"] == "Url.Skiptoken"
    forged = skiptoken(Continuation(0, 5, ("Message", "x")), TokenScope(url.query_digest(), ""))
    ask.error(f"$all?$skiptoken={forged}", 400)


def pairs(sample, where="true"):
    return sample.rows(
        f"SELECT c.id, l.id FROM conversation AS c CROSS JOIN label AS l WHERE c.account_id = 1 AND l.account_id = 1 AND {where} ORDER BY c.id, l.id"
    )


def test_f24_crossjoin_is_every_entity_beside_every_other(ask, sample):
    rows = [row for page in ask.gateway.pages("$crossjoin(Conversation,Label)", headers={"Prefer": "maxpagesize=100"}) for row in page]
    links = [
        {"Conversation@odata.navigationLink": f"Conversation({c})", "Label@odata.navigationLink": f"Label({n})"} for c, n in pairs(sample)
    ]
    assert rows == links and len(rows) > 100
    assert ask("$crossjoin(Conversation,Label)/$count").body == str(len(rows)).encode()
    assert ask.json(f"{links[7]['Label@odata.navigationLink']}")["id"] == pairs(sample)[7][1]
    assert ask.json("$crossjoin(Label)?$top=1")["value"] == [{"Label@odata.navigationLink": f"Label({sample.ids('Label')[0]})"}]


def test_f24_crossjoin_has_filter_order_and_expand(ask, sample):
    target = (
        "$crossjoin(Conversation,Label)?$filter=Conversation/account_id eq Label/account_id and Conversation/id mod 7 eq Label/id mod 3"
        "&$expand=Label($select=title)&$orderby=Label/title desc,Conversation/id desc&$top=9&$skip=2&$count=true"
    )
    body = ask.json(target)
    wanted = sample.rows(
        "SELECT c.id, l.title, l.id FROM conversation AS c, label AS l WHERE c.account_id = 1 AND l.account_id = 1 AND c.id % 7 = l.id % 3 "
        "ORDER BY l.title DESC NULLS LAST, c.id DESC, l.id"
    )
    assert body["@odata.count"] == len(wanted)
    assert body["value"] == [
        {"Conversation@odata.navigationLink": f"Conversation({c})", "Label": {"@odata.id": f"Label({n})", "title": title}}
        for c, title, n in wanted[2:11]
    ]


def test_f24_crossjoin_has_select_compute_search_and_references(ask, sample):
    tied = "$crossjoin(Message,Inbox)?$filter=Message/inbox_id eq $it/Inbox/id"
    [row] = ask.json(f"{tied}&$select=Inbox,pair&$compute=Message/id add Inbox/id as pair&$top=1")["value"]
    message, inbox = sample.rows("SELECT id, inbox_id FROM message WHERE account_id = 1 ORDER BY id LIMIT 1")[0]
    assert row == {"Inbox@odata.navigationLink": f"Inbox({inbox})", "pair@odata.type": "#Int64", "pair": message + inbox}
    assert ask.json(f"{tied}&$expand=*/$ref&$top=1")["value"] == [
        {"Message": {"@odata.id": f"Message({message})"}, "Inbox": {"@odata.id": f"Inbox({inbox})"}}
    ]
    [row] = ask.json(
        f"{tied}&$expand=Message($expand=conversation($select=id;$expand=messages($top=1;$select=id)))&$top=1&$select=Message"
    )["value"]
    assert list(row) == ["Message"] and row["Message"]["id"] == message and row["Message"]["conversation"]["messages"][0]["id"]
    full = ask.json(f"{tied}&$compute=Inbox/name as name&$select=name&$top=1&$format=application/json;odata.metadata=full")["value"]
    assert full == [{"name": sample.value(f"SELECT name FROM inbox WHERE id = {inbox}")}]
    name = sample.value("SELECT min(name) FROM inbox WHERE account_id = 1 AND name ~ '^[A-Za-z]{2,}$'")
    found = ask(f"$crossjoin(Label,Inbox)/$count?$search={name}").body
    assert int(found) == sample.value(
        "SELECT count(*) FROM label AS l, inbox AS i WHERE l.account_id = 1 AND i.account_id = 1 AND "
        f"concat_ws('|', l.title, l.description, i.name, i.email_address) ILIKE '%{name}%'"
    )
    full = ask.json("$crossjoin(Label,Inbox)?$top=1&$expand=Label&$format=application/json;odata.metadata=full")["value"][0]
    assert (
        list(full) == ["Label@odata.navigationLink", "Label", "Inbox@odata.navigationLink"]
        and full["Label"]["@odata.type"] == "#LiveAgent.Label"
    )
    none = ask.json("$crossjoin(Label,Inbox)?$top=1&$format=application/json;odata.metadata=none")
    assert list(none) == ["value"] and len(none["value"][0]) == 2


@pytest.mark.parametrize(
    ("target", "status", "word"),
    [
        ("$crossjoin(Label,Label)", 400, "twice"),
        ("$crossjoin(Label,Nope)", 404, "Nope"),
        ("$crossjoin(Label,Inbox)?$filter=title eq 'x'", 400, "$crossjoin"),
        ("$crossjoin(Label,Inbox)?$filter=Label eq 'x'", 400, "as a value"),
        ("$crossjoin(Label,Inbox)?$filter=User/id eq 1", 400, "User"),
        ("$crossjoin(Label,Inbox)?$orderby=id", 400, "$crossjoin"),
        ("$crossjoin(Label,Inbox)?$select=id", 400, "$crossjoin"),
        ("$crossjoin(Label,Inbox)?$select=Label/id", 400, "whole"),
        ("$crossjoin(Label,Inbox)?$expand=messages", 400, "messages"),
        ("$crossjoin(Label,Inbox)?$expand=Label,Label($select=id)", 400, "twice"),
        ("$crossjoin(Label,Inbox)?$expand=Label($filter=id eq 1)", 400, "$filter"),
        ("$crossjoin(Label,Inbox)?$expand=Label($levels=2)", 400, "$levels"),
        ("$crossjoin(Label,Inbox)?$expand=Label/$count", 400, "$count"),
        ("$crossjoin(Label,Inbox)?$expand=Label/conversations", 400, "nest"),
        ("$crossjoin(Label,User)?$filter=User/tokens eq Label/title", 400, "secret"),
        ("$crossjoin(Label,Inbox)(1)", 400, ""),
        ("$crossjoin(Label,Inbox)/$value", 400, ""),
        ("$crossjoin(Label,Inbox)/Label", 400, ""),
        ("$crossjoin()", 400, ""),
        ("$crossjoin", 400, ""),
        ("$crossjoin(Label,Inbox)?$expand=Label($expand=conversations($filter=id gt $it/Label/id))", 501, "$it"),
    ],
)
def test_f24_what_a_crossjoin_has_not(ask, target, status, word):
    error = ask.error(target, status)
    assert word in error["message"] + str(error["details"]), error


def test_f24_a_next_link_of_a_crossjoin_belongs_to_its_sets(ask):
    link = ask.json("$crossjoin(Label,Inbox)", headers={"Prefer": "maxpagesize=1"})["@odata.nextLink"]
    token = link.partition("$skiptoken=")[2]
    assert ask.json(f"$crossjoin(Label,Inbox)?$skiptoken={token}")["value"]
    assert ask.error(f"$crossjoin(Inbox,Label)?$skiptoken={token}", 400)["code"] == "Url.Skiptoken"


def test_f25_filter_as_a_segment(ask, sample):
    private = sample.ids("Message", "private")
    assert ask.ids("Message/$filter(@f)?@f=message_type eq 0") == sample.ids("Message", "message_type = 0")
    assert ask("Message/$filter(@f)/$count?@f=private eq true").body == str(len(private)).encode()
    assert ask.ids("Message/$filter(private)/$filter(id gt 100)?$filter=id lt 500") == [i for i in private if 100 < i < 500]
    assert ask.ids("Message/$filter(conversation/inbox/name eq 'a/b' or private)") == private
    assert ask.context("Message/$filter(private)?$top=1") == "#Message"


def test_f25_what_follows_a_filter_segment(ask, sample):
    [first, *_], other = sample.ids("Message", "private AND conversation_id IS NOT NULL"), sample.ids("Message", "NOT private")[0]
    found = sample.value(f"SELECT conversation_id FROM message WHERE id = {first}")
    for key in (f"({first})", f"/{first}", f"(id={first})"):
        assert ask.json(f"Message/$filter(private){key}")["id"] == first
        assert ask.json(f"Message/$filter(conversation ne null){key}/conversation")["id"] == found
    ask.error(f"Message/$filter(private)({other})", 404)
    ask.error(f"Message/$filter(private)({other})/conversation", 404)
    rows = ask.json("Conversation(1)/messages/$filter(message_type eq 0)/$ref")["value"]
    assert rows == [{"@odata.id": f"Message({i})"} for i in sample.ids("Message", "conversation_id = 1 AND message_type = 0")]
    assert ask.json("Conversation(1)/messages/$filter(false)")["value"] == []
    ask.error("Conversation(999999)/messages/$filter(true)", 404)


def test_f25_pages_of_a_filter_segment_belong_to_its_condition(ask, sample):
    first = ask.json("Message/$filter(message_type eq 0)?$select=id", {"Prefer": "maxpagesize=5"})
    rest = ask.gateway.pages(first["@odata.nextLink"])
    assert [r["id"] for r in first["value"]] + [r["id"] for page in rest for r in page] == sample.ids("Message", "message_type = 0")
    for other in ("message_type eq 1", "status eq 0"):
        ask.error(first["@odata.nextLink"].replace("message_type%20eq%200", other.replace(" ", "%20")), 400)


@pytest.mark.parametrize("target", ["Message(1)/$filter(true)", "Message(1)/content/$filter(true)", "Message/$filter", "Message/$filter()", "Message/$filter(content)",
                                    "Message/$filter(true)/conversation", "Message/$filter(nope)", "$filter(true)", "Message/$count/$filter(true)",
                                    "Message/$filter(true)/$value", "Message/$FILTER(true)"])  # fmt: skip
def test_f25_bad_filter_segments(ask, target):
    ask.error(target, 400, 404)


def test_a_cast_to_the_type_itself_changes_nothing(ask):
    for target in (
        "Message/LiveAgent.Message(1)",
        "Message/LiveAgent.Message/1",
        "Message(1)/LiveAgent.Message",
        "Message/LiveAgent.Message(id=1)",
    ):
        assert ask.json(target) == ask.json("Message(1)")
    assert ask.json("Conversation(1)/messages/LiveAgent.Message(1)/content") == ask.json("Message(1)/content")
    assert ask("Message/LiveAgent.Message/$count").body == ask("Message/$count").body
    for target in (
        "Message/LiveAgent.User(1)",
        "Message(1)/LiveAgent.Message(1)",
        "Message(1)/LiveAgent.User",
        "Message/LiveAgent.Message()",
    ):
        ask.error(target, 400, 404)


def test_each_is_for_changes_and_refused(ask):
    ask.unsupported("Message/$each", "$each")
    ask.unsupported("Message/$filter(private)/$each", "$each")


def posted(ask, path, body, media_type="text/plain"):
    headers = {"Content-Type": media_type, "Authorization": f"Bearer {ADMIN}"}
    return ask.gateway.ask("POST", f"/v1.0/odata/{path}", headers, body)


@pytest.mark.parametrize(
    ("path", "body", "target"),
    [
        ("Message/$query", b"$top=1", "Message?$top=1"), ("Message/$query", b"$filter=id%20eq%201&$select=id\r\n", "Message?$filter=id eq 1&$select=id"),
        ("Message/$query?$select=id", b"$top=2&$count=true", "Message?$select=id&$top=2&$count=true"), ("Label(1)/$query", b"$select=title", "Label(1)?$select=title"),
        ("Conversation(1)/messages/$query", b"$orderby=id%20desc", "Conversation(1)/messages?$orderby=id desc"), ("Label/%24query/", b"", "Label"),
        ("$crossjoin(Label,Inbox)/$query", b"$top=2", "$crossjoin(Label,Inbox)?$top=2"), ("$all/LiveAgent.Label/$query", b"$top=2", "Label?$top=2"),
        ("Message/$query", "$filter=content eq 'é'".encode(), "Message?$filter=content eq 'é'"),
        ("Message/$query", b"$filter=id%20in%20(" + b",".join(b"%d" % n for n in range(2500)) + b")&$select=id", None),
    ],
)  # fmt: skip
def test_f26_query_options_can_come_in_the_body(ask, path, body, target):
    reply = posted(ask, path, body)
    expected = ask(target or f"Message?{body.decode()}")
    assert (reply.status, reply.body) == (200, expected.body)


@pytest.mark.parametrize(
    ("path", "body", "media_type", "status"),
    [
        ("Message/$query", b"$top=1", "application/json", 415), ("Message/$query", b"$top=1", "text/plain;charset=utf-16", 415),
        ("Message/$query", b"$top=1&$top=2", "text/plain", 400), ("Message/$query?$top=1", b"$top=2", "text/plain", 400),
        ("Message/$query", b"?$top=1", "text/plain", 400), ("Message/$query", b"$top=1\n&$skip=1", "text/plain", 400),
        ("Message/$query", b"\xff", "text/plain", 400), ("Message/$query", b"$top=1#x", "text/plain", 400),
        ("Message/$query", b"$filter=" + b"x" * 20_000, "text/plain", 414), ("$metadata/$query", b"$format=json", "text/plain", 405),
        ("$query", b"", "text/plain", 405), ("Message/$query/$query", b"$top=1", "text/plain", 405),
    ],
)  # fmt: skip
def test_f26_what_is_no_query_is_refused(ask, path, body, media_type, status):
    reply = posted(ask, path, body, media_type)
    assert (reply.status, bool(reply.json()["error"]["code"])) == (status, True), reply.body


def test_f26_pages_of_a_posted_query_follow_by_url(ask):
    first = posted(ask, "Message/$query", b"$select=id&$filter=id%20gt%205").json()
    assert first == ask.json("Message?$select=id&$filter=id%20gt%205") and "$query" not in first["@odata.nextLink"]
    assert ask(first["@odata.nextLink"]).rows


def test_f26_query_takes_post_only(ask):
    assert ask.error("Message/$query", 405)["code"] == "Url.Method"


@pytest.mark.parametrize("target", ["$Metadata", "Message/$COUNT", "$ENTITY?$id=Message(1)", "Message(1)/content/$VALUE"])
def test_f27_dollar_segments_are_case_sensitive(ask, target):
    ask.error(target, 400, 404)


def test_f28_segments_are_cut_and_then_decoded_once(ask, sample):
    assert ask.json("Message%281%29") == ask.json("Message(1)")
    assert ask("Label?$filter=title eq '100%25'").rows[0]["id"] == 3
    assert ask("Label?$filter=title eq '100%2525'").rows == []
    ask.error("Message%2F1%2Fcontent%2F$value", 400, 404)


def test_f29_quotes_and_slashes_in_string_keys(ask):
    """No set has a string key: a well-formed one is of the wrong type, not a syntax error."""
    assert ask.error("Label('it''s%2Fbad')", 400, 404)["code"].startswith("Bind.")


def test_f30_type_casts(ask):
    ask.error("Message/LiveAgent.Nope", 400, 404)
    ask.error("Message/LiveAgent.Label", 400, 404)
    assert ask.json("Message/LiveAgent.Message?$top=2")["value"] == ask.json("Message?$top=2")["value"]
