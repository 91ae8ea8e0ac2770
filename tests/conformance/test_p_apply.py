"""P: $apply (Data Aggregation 4.0)."""

from fractions import Fraction

import pytest
from tests.harness.csdl import read_xml

FULL = {"Accept": "application/json;odata.metadata=full"}


def rows(ask, target):
    return ask.json(target)["value"]


def plain(row):
    """A row without its annotations."""
    return {k: plain(v) if isinstance(v, dict) else v for k, v in row.items() if "@" not in k}


def plains(ask, target):
    return [plain(row) for row in rows(ask, target)]


def test_p01_sum_min_max_average(ask, sample):
    [row] = rows(ask, "Message?$apply=aggregate(id with sum as s,id with min as lo,id with max as hi,id with average as av)")
    assert row["@odata.id"] is None and row["s@odata.type"] == "#Int64" and row["av@odata.type"] == "#Decimal"
    [(total, low, high, count)] = sample.rows("SELECT sum(id)::int8, min(id), max(id), count(*) FROM messages WHERE account_id = 1")
    assert (row["s"], row["lo"], row["hi"]) == (total, low, high)
    assert abs(Fraction(row["av"]) - Fraction(total, count)) < Fraction(1, 1000)
    assert ask.context("Message?$apply=aggregate(id with sum as s,$count as n)") == "#Message(s,n)"


def test_p02_countdistinct_and_count(ask, sample):
    [row] = rows(ask, "Conversation?$apply=aggregate(assignee_id with countdistinct as c,$count as n)")
    assert row["n@odata.type"] == row["c@odata.type"] == "#Decimal"
    assert [(row["c"], row["n"])] == sample.rows("SELECT count(DISTINCT assignee_id), count(*) FROM conversations WHERE account_id = 1")


def test_p03_nulls_are_not_aggregated_and_no_rows_make_one(ask):
    [row] = plains(
        ask, "Conversation?$apply=filter(id lt 0)/aggregate(assignee_id with sum as s,$count as n,id with max as m,id with average as a)"
    )
    assert row == {"s": None, "n": 0, "m": None, "a": None}
    [row] = plains(
        ask, "Conversation?$apply=filter(assignee_id eq null)/aggregate(assignee_id with sum as s,assignee_id with countdistinct as d)"
    )
    assert row == {"s": None, "d": 0}
    assert rows(ask, "Conversation?$apply=filter(id lt 0)/groupby((status),aggregate($count as n))") == []


def test_p04_sums_do_not_overflow_and_averages_have_fractions(ask):
    big = "compute(9223372036854775807 sub id sub 1 as big)/aggregate(big with sum as s)"
    [row] = rows(ask, f"Message?$apply=filter(id le 3)/{big}")
    assert row["s@odata.type"] == "#Decimal" and row["s"] > 2**63
    [row] = rows(
        ask,
        "Message?$apply=filter(status in (0,1))/top(3)/aggregate(status add id mod 2 with average as a,status add id mod 2 with sum as s)",
    )
    assert abs(row["a"] - row["s"] / 3) < 1e-9
    assert [r["a"] for r in rows(ask, "Message?$apply=groupby((id),aggregate(id divby 2 with average as a))&$top=2&$orderby=id")] == [
        i / 2 for i in ask.ids("Message?$top=2&$select=id")
    ]


def test_p05_groupby_makes_one_row_for_each_combination_and_null_is_a_group(ask, sample):
    found = [(r["assignee_id"], r["status"]) for r in rows(ask, "Conversation?$apply=groupby((assignee_id,status))")]
    assert len(found) == len(set(found)) and any(a is None for a, _ in found)
    assert set(found) == set(sample.rows("SELECT DISTINCT assignee_id, status FROM conversations WHERE account_id = 1"))


def test_p06_groupby_over_paths_nests_the_result(ask, sample):
    target = "Message?$apply=groupby((conversation/inbox/name,message_type),aggregate($count as n))"
    assert ask.context(target) == "#Message(conversation(inbox(name)),message_type,n)"
    found = {(r["conversation"]["inbox"]["name"], r["message_type"]): r["n"] for r in plains(ask, target)}
    query = """SELECT i.name, m.message_type, count(*) FROM messages m
               LEFT JOIN conversations c ON c.id = m.conversation_id AND c.account_id = 1
               LEFT JOIN inboxes i ON i.id = c.inbox_id AND i.account_id = 1 WHERE m.account_id = 1 GROUP BY 1, 2"""
    assert found == {(name, type_): n for name, type_, n in sample.rows(query)}


def test_p07_groupby_a_navigation_property_has_the_entity_in_it(ask, sample):
    target = "Message?$apply=groupby((conversation),aggregate($count as n))"
    assert ask.context(target) == "#Message(conversation,n)"
    assert ask.context(target, {"OData-MaxVersion": "4.01"}) == "#Message(conversation(),n)"
    query = """SELECT c.id, c.status, count(*) FROM messages m LEFT JOIN conversations c ON c.id = m.conversation_id AND c.account_id = 1
               WHERE m.account_id = 1 GROUP BY 1, 2"""
    found = [(r["conversation"] and (r["conversation"]["id"], r["conversation"]["status"]), r["n"]) for r in plains(ask, target)]
    assert sorted(found, key=str) == sorted((((c, s) if c else None, n) for c, s, n in sample.rows(query)), key=str)
    [row] = rows(ask, "Message?$apply=groupby((conversation/inbox))&$filter=conversation/inbox ne null&$top=1")
    inbox = plain(row["conversation"]["inbox"])
    assert inbox == plain(ask.json(f"Inbox({inbox['id']})"))
    assert ask.context("Message?$apply=groupby((conversation/inbox,status))") == "#Message(conversation(inbox),status)"


def test_p07_what_an_entity_has_splits_its_group_no_further(ask):
    whole = plains(ask, "Message?$apply=groupby((conversation),aggregate($count as n))")
    for more in (
        "conversation,conversation",
        "conversation/status,conversation",
        "conversation,conversation/inbox,conversation/inbox/name",
    ):
        assert plains(ask, f"Message?$apply=groupby(({more}),aggregate($count as n))") == whole


def test_p07_expand_and_select_of_grouped_entities(ask):
    grouped = "Message?$apply=groupby((conversation,sender),aggregate($count as n))&$filter=conversation/id eq 1 and sender ne null"
    rows_of = [set(r) for r in plains(ask, grouped)]
    assert rows_of and all(r == {"conversation", "sender", "n"} for r in rows_of)
    [row, *_] = plains(ask, f"{grouped}&$expand=conversation($select=status;$expand=inbox($select=name),messages($top=1;$select=id))")
    assert set(row) == {"conversation", "n"} and set(row["conversation"]) == {"status", "inbox", "messages"}
    assert ask.context(f"{grouped}&$expand=conversation($select=status)") == "#Message(conversation(status),n)"
    [row, *_] = plains(ask, f"{grouped}&$select=conversation/status,n")
    assert set(row) == {"conversation", "n"} and set(row["conversation"]) == {"status"}
    [row, *_] = plains(ask, f"{grouped}&$select=n")
    assert set(row) == {"n"}
    [row, *_] = plains(ask, f"{grouped}&$select=n&$expand=sender/$ref")
    assert set(row) == {"n", "sender"} and set(rows(ask, f"{grouped}&$expand=*/$ref")[0]["sender"]) == {"@odata.id"}
    [row] = plains(
        ask,
        "Message?$apply=groupby((conversation/inbox))&$filter=conversation/inbox ne null&$top=1&$expand=conversation($expand=inbox($select=name))",
    )
    assert set(row["conversation"]["inbox"]) == {"name"}
    for mistake in ("$expand=inbox", "$expand=n", "$expand=conversation/inbox", "$expand=conversation,conversation($select=id)", "$expand=conversation($top=1)",
                    "$expand=nothing", "$select=conversation/inbox/name", "$select=conversation/nothing", "$expand=*($levels=2)"):  # fmt: skip
        ask.error(f"Message?$apply=groupby((conversation))&{mistake}", 400)
    ask.error("Message?$apply=groupby((conversation/status))&$expand=conversation($filter=status eq 1)", 400)


def test_p07_paths_lead_through_grouped_entities(ask):
    whole = {r["conversation"]["inbox"]["name"]: r["t"] for r in plains(
        ask, "Message?$apply=groupby((conversation/inbox/name),aggregate($count as t))")}  # fmt: skip
    first = "groupby((conversation),aggregate($count as n))"
    again = f"Message?$apply={first}/groupby((conversation/inbox/name),aggregate(n with sum as t,conversation/$count as c))"
    found = plains(ask, again)
    assert {r["conversation"]["inbox"]["name"]: r["t"] for r in found} == whole
    [row] = plains(ask, f"Message?$apply={first}/aggregate(conversation/id with countdistinct as c,conversation/messages/$count as m)")
    assert row["c"] == sum(r["c"] for r in found) and row["m"] == int(ask("Message/$count?$filter=conversation ne null").body)
    entities = plains(ask, f"Message?$apply={first}/groupby((conversation/inbox))")
    assert {r["conversation"]["inbox"] and r["conversation"]["inbox"]["name"] for r in entities} == set(whole)
    target = "Message?$apply=groupby((conversation/status,conversation/inbox/name))/groupby((conversation))"
    assert sorted(map(str, plains(ask, target))) == sorted(map(str, plains(ask, target.rpartition("/")[0])))
    ordered = plains(ask, f"Message?$apply={first}/topcount(3,conversation/id)&$orderby=conversation/created_at desc")
    assert len(ordered) == 3 and all(r["conversation"]["id"] for r in ordered)
    ask.error("Message?$apply=groupby((status))/groupby((conversation))", 400)
    ask.error("Message?$apply=groupby(($it))", 400)
    ask.error("Conversation?$apply=groupby((messages))", 400)


def test_p08_filter_before_and_after(ask, sample):
    target = "Message?$apply=filter(private eq false)/groupby((conversation_id),aggregate($count as n))/filter(n gt 1)"
    found = {r["conversation_id"]: r["n"] for r in rows(ask, target)}
    query = "SELECT conversation_id, count(*) FROM messages WHERE account_id = 1 AND private = false GROUP BY 1 HAVING count(*) > 1"
    assert found == dict(sample.rows(query))


def test_p08_filter_within_groups_keeps_the_groups(ask, sample):
    target = "Message?$apply=groupby((conversation_id),filter(private)/aggregate($count as n,id with max as last))"
    found = {r["conversation_id"]: (r["n"], r["last"]) for r in rows(ask, target)}
    query = """SELECT conversation_id, count(*) FILTER (WHERE private), max(id) FILTER (WHERE private)
               FROM messages WHERE account_id = 1 GROUP BY 1"""
    assert found == {c: (n, last) for c, n, last in sample.rows(query)}
    assert any(n == 0 for n, _ in found.values())


def test_p09_options_act_on_the_result(ask, sample):
    body = ask.json("Message?$apply=groupby((conversation_id),aggregate($count as n))&$filter=n gt 1&$orderby=n desc&$top=3&$count=true")
    groups = sample.rows(
        "SELECT conversation_id, count(*) FROM messages WHERE account_id = 1 GROUP BY 1 HAVING count(*) > 1 ORDER BY 2 DESC, 1"
    )
    assert body["@odata.count"] == len(groups)
    assert [(r["conversation_id"], r["n"]) for r in body["value"]] == groups[:3]
    computed = plains(ask, "Message?$apply=groupby((status),aggregate($count as n))&$compute=n mul 2 as m&$select=m")
    assert all(set(row) == {"m"} for row in computed)
    nested = "Message?$apply=groupby((conversation/status,conversation/id),aggregate($count as n))&$select=conversation/status,n&$top=2"
    assert ask.context(nested) == "#Message(conversation(status),n)"


def test_p09_pages_of_groups_lose_and_double_none(ask):
    for target in ("Message?$apply=groupby((conversation_id,content),aggregate($count as n))",
                   "Message?$apply=groupby((content,sender_id))&$orderby=content desc",
                   "Message?$apply=groupby((created_at,private),aggregate(id with max as m))&$orderby=private,m desc"):  # fmt: skip
        whole = [row for page in ask.gateway.pages(target) for row in page]
        pages = list(ask.gateway.pages(target, headers={"Prefer": "odata.maxpagesize=137"}))
        assert len(pages) > 3 and [row for page in pages for row in page] == whole
        assert len(whole) == int(ask(target.replace("Message?", "Message/$count?")).body)


def test_p10_what_was_aggregated_away_is_null_in_filters_and_cannot_be_selected(ask):
    assert rows(ask, "Message?$apply=aggregate($count as n)&$filter=content ne null") == []
    assert len(rows(ask, "Message?$apply=aggregate($count as n)&$filter=content eq null")) == 1
    ask.error("Message?$apply=aggregate($count as n)&$select=content", 400)
    ask.error("Message?$apply=aggregate($count as n)&$filter=contents eq null", 400)
    assert rows(ask, "Message?$apply=aggregate($count as n)&$filter=isdefined(content)") == []
    assert len(rows(ask, "Message?$apply=aggregate($count as n)&$filter=isdefined(n) and not isdefined(conversation/inbox/name)")) == 1
    groups = "Message?$apply=groupby((conversation/status,private))/compute(private as p)"
    filters = "$filter=isdefined(conversation/status) and isdefined(conversation) and isdefined(private) and isdefined(p) and not isdefined(sender)"
    assert len(rows(ask, f"{groups}&{filters}")) == len(rows(ask, groups)) > 1
    assert ask.ids("Message?$filter=isdefined(content)&$top=2") == ask.ids("Message?$top=2")
    ask.error("Message?$filter=isdefined(contents)", 400)
    ask.error("Message?$filter=isdefined(1)", 400)
    ask.error("Message?$filter=isdefined()", 400)


def test_p11_compute_and_arithmetic_inside_aggregate(ask, sample):
    [row] = plains(ask, "Message?$apply=compute(length(content) as len)/aggregate(len with max as m,id mul 2 with sum as s2)")
    assert [(row["m"], row["s2"])] == sample.rows("SELECT max(length(content)), sum(id::int8 * 2)::int8 FROM messages WHERE account_id = 1")


def test_p12_a_path_counts_each_entity_once(ask, sample):
    target = "Inbox?$apply=groupby((id),aggregate(conversations/$count as n,conversations/messages/id with max as last,$count as own))"
    query = """SELECT i.id, (SELECT count(*) FROM conversations c WHERE c.inbox_id = i.id AND c.account_id = 1),
                 (SELECT max(m.id) FROM messages m JOIN conversations c ON c.id = m.conversation_id
                  WHERE c.inbox_id = i.id AND c.account_id = 1 AND m.account_id = 1), 1
               FROM inboxes i WHERE account_id = 1"""
    assert sorted((r["id"], r["n"], r["last"], r["own"]) for r in rows(ask, target)) == sorted(sample.rows(query))
    [row] = plains(
        ask,
        "Message?$apply=aggregate(conversation/status with sum as s,conversation/$count as n,conversation/status mul 1 with sum as each)",
    )
    query = """SELECT (SELECT sum(status) FROM conversations c WHERE account_id = 1 AND EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = c.id
                 AND m.account_id = 1)), (SELECT count(*) FROM conversations c WHERE account_id = 1 AND EXISTS (SELECT 1 FROM messages m
                 WHERE m.conversation_id = c.id AND m.account_id = 1)), (SELECT sum(c.status) FROM messages m JOIN conversations c ON
                 c.id = m.conversation_id AND c.account_id = 1 WHERE m.account_id = 1)"""
    assert [(row["s"], row["n"], row["each"])] == sample.rows(query)


def test_p13_topcount_and_bottomcount(ask, sample):
    [(first, second), (last, before)] = sample.rows("SELECT min(id), min(id) FILTER (WHERE id > (SELECT min(id) FROM messages WHERE account_id = 1)) "
                                               "FROM messages WHERE account_id = 1 UNION ALL SELECT max(id), max(id) FILTER (WHERE id < "
                                               "(SELECT max(id) FROM messages WHERE account_id = 1)) FROM messages WHERE account_id = 1")  # fmt: skip
    assert {r["id"] for r in rows(ask, "Message?$apply=topcount(2,id)")} == {last, before}
    assert {r["id"] for r in rows(ask, "Message?$apply=bottomcount(2,id)")} == {first, second}
    groups = rows(ask, "Message?$apply=groupby((conversation_id),aggregate($count as n))/topcount(2,n)")
    assert sorted((r["n"] for r in groups), reverse=True) == [
        n for (n,) in sample.rows("SELECT count(*) FROM messages WHERE account_id = 1 GROUP BY conversation_id ORDER BY 1 DESC LIMIT 2")
    ]


def test_p14_orderby_top_skip_identity_search(ask, sample):
    ids = [i for (i,) in sample.rows("SELECT id FROM messages WHERE account_id = 1 ORDER BY id DESC LIMIT 3")]
    assert ask.ids("Message?$apply=orderby(id desc)/skip(1)/top(2)") == ids[1:]
    assert ask.context("Message?$apply=identity&$top=1") == "#Message"
    assert ask.ids("Message?$apply=identity/filter(id gt 5)&$top=4") == ask.ids("Message?$filter=id gt 5&$top=4")
    [row] = plains(ask, "Message?$apply=search(hello)/aggregate($count as n)")
    assert row["n"] == int(ask("Message/$count?$search=hello").body)
    expanded = rows(ask, "Conversation?$apply=topcount(2,id)/compute(id mul 2 as twice)&$expand=inbox($select=name)&$select=id,twice")
    assert all(r["twice"] == 2 * r["id"] and set(r["inbox"]) <= {"name", "@odata.id"} for r in expanded) and len(expanded) == 2


def test_p23_apply_in_expand(ask, sample):
    target = "Conversation?$select=id&$expand=messages($apply=aggregate($count as n,id with max as last))"
    assert ask.context(target) == "#Conversation(id,messages(n,last))"
    query = """SELECT c.id, count(m.id), max(m.id) FROM conversations c LEFT JOIN messages m ON m.conversation_id = c.id AND m.account_id = 1
               WHERE c.account_id = 1 GROUP BY 1"""
    assert sorted((r["id"], r["messages"][0]["n"], r["messages"][0]["last"]) for r in rows(ask, target)) == sorted(sample.rows(query))
    [row] = plains(
        ask, "Conversation?$filter=id eq 1&$select=id&$expand=messages($apply=groupby((sender),aggregate($count as n));$count=true)"
    )
    query = """SELECT u.id, count(*) FROM messages m LEFT JOIN users u ON u.id = m.sender_id AND m.sender_type = 'User' AND EXISTS
               (SELECT 1 FROM account_users a WHERE a.user_id = u.id AND a.account_id = 1)
               WHERE m.account_id = 1 AND m.conversation_id = 1 GROUP BY 1"""
    found = [(r["sender"] and r["sender"]["id"], r["n"]) for r in row["messages"]]
    assert sorted(found, key=str) == sorted(sample.rows(query), key=str) and len(found) > 1


def test_p23_rows_of_apply_in_expand_stay_entities(ask):
    picked = "Conversation?$select=id&$top=20&$expand=messages($apply=filter(private eq false)/topcount(2,id)/compute(id mul 2 as twice)"
    same = "Conversation?$select=id&$top=20&$expand=messages($filter=private eq false;$orderby=id desc;$top=2;$compute=id mul 2 as twice"
    shown = ";$select=id,twice;$expand=sender($select=name))"
    assert plains(ask, picked + shown) == plains(ask, same + shown)
    nested = "Inbox?$select=id&$expand=conversations($apply=topcount(3,id);$select=id;$expand=messages($apply=aggregate($count as n)))"
    for inbox in rows(ask, nested):
        for conversation in inbox["conversations"]:
            assert conversation["messages"][0]["n"] == int(ask(f"Conversation({conversation['id']})/messages/$count").body)


def test_p23_it_is_the_outer_resource(ask):
    target = "Conversation?$select=id&$top=30&$expand=messages($apply=filter(id gt $it/id)/aggregate($it/id with max as own,$count as n))"
    for row in rows(ask, target):
        [made] = row["messages"]
        wanted = int(ask(f"Conversation({row['id']})/messages/$count?$filter=id gt {row['id']}").body)
        assert made["n"] == wanted and made["own"] == (row["id"] if wanted else None)
    kept = "Conversation?$filter=id eq 1&$expand=messages($apply=groupby((status),filter($it/id eq {})/aggregate($it/id with sum as s)))"
    assert {r["s"] is None for r in rows(ask, kept.format(1))[0]["messages"]} == {False}
    assert {r["s"] is None for r in rows(ask, kept.format(2))[0]["messages"]} == {True}


@pytest.mark.parametrize("steps", [
    "groupby((content,private),aggregate($count as n))", "topcount(9,id)/groupby((id,$x))".replace(",$x", ",sender"), "filter(id gt $it/id)/groupby((created_at))",
    "skip(2)", "concat(top(3),groupby((status),aggregate($count as n)))",
])  # fmt: skip
def test_p23_pages_of_apply_in_expand(ask, steps):
    target = f"Conversation?$filter=id in (1,4)&$select=id&$expand=messages($apply={steps};$orderby=status desc)"
    whole = {r["id"]: r["messages"] for r in rows(ask, target)}
    paged = ask.gateway.get(target, headers={"Prefer": "odata.maxpagesize=4"}).json()
    assert any("messages@odata.nextLink" in row for row in paged["value"])
    for row in paged["value"]:
        found, link = row["messages"], row.get("messages@odata.nextLink")
        if link is not None:
            found = found + [r for page in ask.gateway.pages(link) for r in page]
        assert found == whole[row["id"]]


def test_p23_mistakes_of_apply_in_expand(ask):
    for mistake in ("messages($apply=groupby(($it/status)))", "inbox($apply=identity)", "messages/$count($apply=identity)", "*($apply=identity)",
                    "messages($apply=aggregate($count as n);$select=id)", "messages($apply=aggregate($count as id))"):  # fmt: skip
        ask.error(f"Conversation?$expand={mistake}", 400)
    ask.error("Inbox?$expand=members($apply=groupby((tokens)))", 400)
    ask.error("Inbox?$expand=members($apply=aggregate(tokens with max as t))", 400)


@pytest.mark.parametrize(
    ("target", "feature"),
    [
        ("Conversation?$apply=nest(groupby((status)) as x)", "nest"),
        ("Conversation?$apply=addnested(messages,filter(private) as x)", "addnested"),
    ],
)
def test_p13_to_p16_and_p23_what_is_not_supported_is_named(ask, target, feature):
    ask.unsupported(target, feature)


@pytest.mark.parametrize(
    "target",
    [
        "Message?$apply=aggregate(id with sum)",
        "Message?$apply=aggregate(id with sum as content)",
        "Message?$apply=aggregate(id with sum as conversation)",
        "Message?$apply=aggregate(id with sum as x,id with max as x)",
        "Message?$apply=groupby((status),aggregate($count as n))/aggregate(n with sum as n)",
        "Message?$apply=aggregate($count with sum as n)",
        "Message?$apply=aggregate(id as x)",
        "Message?$apply=aggregate()",
        "Message?$apply=aggregate(nothing)",
        "Message?$apply=aggregate(content with sum as s)",
        "Message?$apply=aggregate(conversation with max as s)",
        "Message?$apply=compute(id as status)",
        "Message?$apply=groupby((conversation_id,nothing))",
        "Message?$apply=groupby((status))/groupby((content))",
        "Message?$apply=groupby((conversation/status))/groupby((conversation/id))",
        "Message?$apply=groupby((status))&$expand=conversation",
        "Conversation?$apply=groupby((messages/id))",
        "Message?$apply=",
        "Message?$apply=groupby(",
        "Message?$apply=filter()",
        "Message?$apply=filter(status)",
        "Message?$apply=top(-1)",
        "User?$apply=groupby((tokens))",
        "User?$apply=aggregate(tokens with max as t)",
        "User?$apply=aggregate(tokens with countdistinct as t)",
        "Message?$apply=aggregate(sender/tokens with max as t)",
        "Inbox?$apply=aggregate(members/tokens with max as t)",
        "User?$apply=groupby((id))&$filter=tokens eq null",
        "Message/$ref?$apply=aggregate($count as n)",
    ],
)
def test_p17_mistakes_in_apply(ask, target):
    ask.error(target, 400)


def test_p18_an_unknown_transformation_is_a_clean_error(ask):
    ask.error("Message?$apply=frobnicate(1)", 400, 501)
    ask.error("Message?$apply=aggregate(id with median as m)", 400, 501)
    ask.error("Message?$apply=aggregate(id with Custom.median as m)", 501)


def test_p19_apply_on_a_single_instance_is_a_mistake(ask):
    ask.error("Message(1)?$apply=identity", 400)


def test_p20_apply_on_all_is_refused(ask):
    ask.error("$all?$apply=aggregate($count as n)", 501)


def test_p21_count_counts_the_result(ask, sample):
    reply = ask("Message/$count?$apply=groupby((conversation_id))")
    assert reply.headers["content-type"].startswith("text/plain")
    assert [(int(reply.body),)] == sample.rows(
        "SELECT count(DISTINCT conversation_id) + max((conversation_id IS NULL)::int) FROM messages WHERE account_id = 1"
    )
    ask.error("Conversation(999999)/messages?$apply=aggregate($count as n)", 404)
    ask.error("Conversation(999999)/messages/$count?$apply=aggregate($count as n)", 404)
    [row] = plains(ask, "Conversation(1)/messages?$apply=aggregate($count as n)")
    assert row["n"] == int(ask("Conversation(1)/messages/$count").body)


EXAMPLES = {
    "aggregate": "aggregate($count as n)", "bottomcount": "bottomcount(1,id)", "compute": "compute(id as x)", "filter": "filter(id gt 1)",
    "groupby": "groupby((id))", "identity": "identity", "orderby": "orderby(id)", "search": "search(x)", "skip": "skip(1)", "top": "top(1)",
    "topcount": "topcount(1,id)", "bottompercent": "bottompercent(5,id)", "bottomsum": "bottomsum(5,id)", "concat": "concat(identity,top(1))",
    "toppercent": "toppercent(5,id)", "topsum": "topsum(5,id)",
}  # fmt: skip

JOINED = {"Conversation": "messages", "Inbox": "members", "Label": "conversations", "User": "inboxes"}


def test_p22_all_that_is_advertised_works(ask):
    document = read_xml(ask("$metadata", headers={"OData-MaxVersion": "4.01"}).body)
    for name, entity_set in document["sets"].items():
        notes = entity_set["annotations"]
        supported = notes["Org.OData.Aggregation.V1.ApplySupported"]
        collections = [n for n in document["types"][entity_set["type"]]["navigation"].values() if n["collection"]]
        assert set(supported["Transformations"]) - {"join", "outerjoin"} == EXAMPLES.keys()
        assert {"join", "outerjoin"}.issubset(supported["Transformations"]) == bool(collections)
        for transformation in supported["Transformations"]:
            if transformation in ("join", "outerjoin"):
                ask(f"{name}?$apply={transformation}({JOINED[name]} as x)&$top=1")
            elif transformation != "search" or notes["Org.OData.Capabilities.V1.SearchRestrictions"]["Searchable"]:
                ask(f"{name}?$apply={EXAMPLES[transformation]}&$top=1")


def test_types_and_ids_with_full_metadata(ask):
    body = ask.json("Message?$apply=groupby((status,created_at),aggregate($count as n))&$top=1", FULL)
    row = body["value"][0]
    assert row["@odata.type"] == "#LiveAgent.Message" and row["@odata.id"] is None and row["n@odata.type"] == "#Decimal"
    assert row["created_at@odata.type"] == "#DateTimeOffset"
    row = ask.json("Message?$apply=groupby((id,status))&$top=1", FULL)["value"][0]
    assert row["@odata.id"] == f"Message({row['id']})"
    assert "@odata.id" not in ask.json("Message?$apply=groupby((id,status))&$top=1")["value"][0]


def test_division_by_zero_in_apply_is_a_mistake_of_the_request(ask):
    ask.error("Message?$apply=groupby((status),aggregate($count as n))/compute(1 div (n sub n) as x)", 400)
    ask.error("Message?$apply=aggregate(id div (id sub id) with sum as x)", 400)


@pytest.mark.parametrize("step", ["groupby((status))", "top(5)", "skip(1)", "topcount(3,id)"])
def test_transformations_that_nest_are_bounded(ask, step):
    assert ask.error("Message?$apply=" + "/".join([step] * 200), 400)["code"] in ("Limit.Depth", "Limit.Nodes")
    deep = "not " * 90 + "private"
    ask(f"Message?$apply=filter({deep})/" + "/".join([step] * 16))


def test_a_cast_to_the_type_itself_is_no_member_of_a_group(ask):
    target = "Message?$apply=groupby((LiveAgent.Message/status))&$top=1"
    assert plains(ask, target) == plains(ask, "Message?$apply=groupby((status))&$top=1")
    target = "Message?$apply=aggregate(LiveAgent.Message/conversation/LiveAgent.Conversation/status with sum as s)"
    assert plains(ask, target) == plains(ask, "Message?$apply=aggregate(conversation/status with sum as s)")


def test_search_of_groups_is_refused(ask):
    ask.unsupported("Message?$apply=groupby((status))&$search=x", "$search")
    ask.unsupported("Message?$apply=groupby((status))/search(x)", "$search")
