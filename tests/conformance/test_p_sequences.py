"""P: $apply (Data Aggregation 4.0): some of the rows by their values, sequences within groups, concat, rollup and from."""

import pytest
from tests.harness.csdl import read_xml

FULL = {"Accept": "application/json;odata.metadata=full"}


def plain(row):
    """A row without its annotations."""
    return {k: plain(v) if isinstance(v, dict) else v for k, v in row.items() if "@" not in k}


def plains(ask, target):
    return [plain(row) for page in ask.gateway.pages(target) for row in page]


def ids(ask, apply):
    return sorted(r["id"] for r in plains(ask, f"Conversation?$apply={apply}&$select=id"))


def own(sample):
    return [i for (i,) in sample.rows("SELECT id FROM conversations WHERE account_id = 1 ORDER BY id")]


@pytest.mark.parametrize("limit", [1, 600, 5000, 1_000_000])
def test_p13_topsum_and_bottomsum_stop_where_the_sum_is_reached(ask, sample, limit):
    for name, looked_at in (("topsum", own(sample)[::-1]), ("bottomsum", own(sample))):
        wanted, total = [], 0
        for i in looked_at:
            if total >= limit:
                break
            wanted.append(i)
            total += i
        assert ids(ask, f"{name}({limit},id)") == sorted(wanted)


def test_p13_a_sum_that_rises_and_falls_stops_the_first_time(ask):
    values = "compute(3 sub id as v)/filter(id le 6)"
    assert ids(ask, f"{values}/topsum(2,v)") == [1]
    assert ids(ask, f"{values}/topsum(3,v)") == [1, 2]
    assert ids(ask, f"{values}/topsum(4,v)") == [1, 2, 4, 6]
    assert ids(ask, f"{values}/bottomsum(0,v)") == ids(ask, f"{values}/topsum(-1.5,v)") == []
    assert ids(ask, f"{values}/toppercent(100,v)") == [1, 2, 4, 6] and ids(ask, f"{values}/bottompercent(100,v)") == [6]


def test_p13_toppercent_and_bottompercent(ask, sample):
    known = own(sample)
    for name, looked_at in (("toppercent", known[::-1]), ("bottompercent", known)):
        wanted, total = [], 0
        for i in looked_at:
            if total * 100 >= 33 * sum(known):
                break
            wanted.append(i)
            total += i
        assert ids(ask, f"{name}(33,id)") == sorted(wanted)
    assert ids(ask, "compute(id sub id as v)/toppercent(1,v)") == known, "of nothing there is no share"


def test_p13_nulls_are_least_and_add_nothing(ask, sample):
    nulls = {i for (i,) in sample.rows("SELECT id FROM conversations WHERE account_id = 1 AND assignee_id IS NULL")}
    assert nulls and not nulls & set(ids(ask, "topsum(3,assignee_id)")) and nulls < set(ids(ask, "bottomsum(3,assignee_id)"))


@pytest.mark.parametrize(
    "apply", ["topsum(5,status)", "toppercent(20,id)", "groupby((inbox_id),aggregate(id with sum as s))/topsum(90000,s)"]
)
def test_p13_pages_and_options_after_it(ask, apply):
    whole = plains(ask, f"Conversation?$apply={apply}")
    pages = list(ask.gateway.pages(f"Conversation?$apply={apply}", headers={"Prefer": "odata.maxpagesize=1"}))
    assert len(pages) > 1 and [plain(row) for page in pages for row in page] == whole
    assert int(ask(f"Conversation/$count?$apply={apply}").body) == len(whole)


def test_p13_mistakes(ask):
    for mistake in ("topsum(content,id)", "topsum('1',id)", "topsum(1,content)", "topsum(1)", "toppercent(101,id)", "toppercent(0,id)",
                    "bottompercent(-1,id)", "topcount(0,id)", "topcount(1.5,id)", "toppercent(null,id)", "topsum(1,null)"):  # fmt: skip
        ask.error(f"Message?$apply={mistake}", 400, 501)
    for secret in (
        "topsum(1,length(tokens))",
        "topcount(1,tokens)",
        "groupby((id),topcount(1,tokens))",
        "concat(identity,filter(tokens eq ''))",
    ):
        ask.error(f"User?$apply={secret}", 400)
    ask.unsupported("Message?$apply=topcount(id,id)", "number")


def test_p08_any_sequence_within_groups(ask, sample):
    first = dict(sample.rows("SELECT status, max(id) FROM conversations WHERE account_id = 1 GROUP BY 1"))
    assert {r["status"]: r["id"] for r in plains(ask, "Conversation?$apply=groupby((status),topcount(1,id))")} == first
    assert {
        r["status"]: r["id"] for r in plains(ask, "Conversation?$apply=groupby((status),orderby(id desc)/skip(0)/top(1))&$expand=inbox")
    } == first
    found = plains(ask, "Conversation?$apply=groupby((status),groupby((inbox_id),aggregate($count as n))/topcount(1,n))")
    query = """SELECT DISTINCT ON (status) status, inbox_id, count(*) FROM conversations WHERE account_id = 1
               GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2 NULLS FIRST"""
    assert [(r["status"], r["inbox_id"], r["n"]) for r in found] == sample.rows(query)
    assert ask.context("Conversation?$apply=groupby((status),topcount(1,id))") == "#Conversation"


def test_p08_a_group_of_which_nothing_is_left_still_aggregates(ask):
    assert {r["n"] for r in plains(ask, "Conversation?$apply=groupby((status),top(0)/aggregate($count as n))")} == {0}
    assert {
        r["n"] for r in plains(ask, "Conversation?$apply=groupby((status),filter(id lt 0)/groupby((inbox_id))/aggregate($count as n))")
    } == {0}
    assert plains(ask, "Conversation?$apply=groupby((status),filter(id lt 0)/groupby((inbox_id)))") == []
    assert plains(ask, "Conversation?$apply=groupby((status),aggregate($count as n)/filter(n lt 0))") == []


def test_p14_concat_keeps_what_each_row_has(ask):
    target = "Conversation?$apply=concat(topcount(2,id),groupby((status,inbox/name),aggregate($count as n)),aggregate($count as n))"
    whole = plains(ask, target)
    entity = set(plain(ask.json("Conversation?$top=1")["value"][0]))
    assert [set(row) for row in whole[:2]] == [entity] * 2 and set(whole[-1]) == {"n"}
    assert all(set(row) == {"status", "inbox", "n"} and set(row["inbox"]) == {"name"} for row in whole[2:-1])
    assert whole[0]["id"] > whole[1]["id"] and sum(row["n"] for row in whole[2:-1]) == whole[-1]["n"]
    assert ask.context(target) == "#Conversation(@Core.AnyStructure)"
    assert ask.context("Conversation?$apply=concat(identity,groupby((status,inbox_id)))") == "#Conversation(inbox_id,status)"
    assert ask.context("Conversation?$apply=concat(top(1),skip(1))") == "#Conversation"
    nested = "Conversation?$apply=concat(groupby((inbox/id,inbox/name,status)),groupby((inbox/name)))"
    assert ask.context(nested) == "#Conversation(inbox(name))"


def test_p14_concat_may_hold_an_entity_twice(ask):
    assert [r["id"] for r in plains(ask, "Conversation?$apply=concat(top(2),top(3))&$select=id")] == [1, 2, 1, 2, 4]
    assert ask.json("Conversation?$apply=concat(top(2),top(3))&$count=true")["@odata.count"] == 5


def test_p14_options_after_concat(ask):
    mixed = "Conversation?$apply=concat(top(3),groupby((status),aggregate($count as n)))"
    assert [r["status"] for r in plains(ask, f"{mixed}&$filter=status eq 1 or isdefined(id)&$select=status")].count(1) >= 1
    assert all("id" not in r for r in plains(ask, f"{mixed}&$filter=not isdefined(id)"))
    assert all(set(r) == {"id"} or set(r) == {"n"} for r in plains(ask, f"{mixed}&$select=id,n"))
    expanded = plains(ask, f"{mixed}&$expand=inbox($select=name),messages($top=1;$select=id)&$select=id,n")
    assert [set(r) for r in expanded[:3]] == [{"id", "inbox", "messages"}] * 3 and all(set(r) == {"n"} for r in expanded[3:])
    by_inbox = plains(ask, f"{mixed}&$filter=inbox/name ne null&$orderby=inbox/name desc,id&$select=id")
    assert len(by_inbox) == 3
    computed = plains(ask, f"{mixed}&$compute=status add 1 as next&$select=status,next&$orderby=status desc,n")
    assert all(r["next"] == r["status"] + 1 for r in computed) and computed == sorted(computed, key=lambda r: -r["status"])
    again = plains(ask, f"{mixed}/groupby((n),aggregate($count as rows))")
    assert {"rows": 3} in again and all(set(r) in ({"n", "rows"}, {"rows"}) for r in again)
    ask.error(f"{mixed}&$select=nothing", 400)
    ask.error(f"{mixed}&$expand=nothing", 400)
    ask.unsupported("Conversation?$apply=concat(aggregate($count as x),aggregate(id with max as x))", "several types")


def test_p14_pages_of_concat_lose_and_double_none(ask):
    for apply in ("concat(orderby(status desc)/top(60),groupby((status,assignee_id)),bottomcount(9,created_at))",
                  "groupby((status),concat(topcount(9,id),aggregate($count as n)))",
                  "groupby((rollup(status,assignee_id,inbox_id)),aggregate($count as n))"):  # fmt: skip
        target = f"Conversation?$apply={apply}"
        pages = list(ask.gateway.pages(target, headers={"Prefer": "odata.maxpagesize=7"}))
        assert len(pages) > 4 and [plain(row) for page in pages for row in page] == plains(ask, target)


def test_p14_full_metadata_of_mixed_rows(ask):
    entity, row = ask.json("Conversation?$apply=concat(top(1),aggregate($count as n))", FULL)["value"]
    assert (
        entity["@odata.id"] == f"Conversation({entity['id']})" and entity["@odata.type"] == row["@odata.type"] == "#LiveAgent.Conversation"
    )
    assert row["@odata.id"] is None and row["n@odata.type"] == "#Decimal" and set(plain(row)) == {"n"}


def test_p14_nulls_of_mixed_rows_are_not_left_out(ask):
    reply = ask("Message?$apply=concat(top(1),groupby((status)))", headers={"Prefer": "omit-values=nulls"})
    assert "preference-applied" not in reply.headers and reply.json()["value"][1]["status"] is None
    assert "private" in reply.json()["value"][0]


def test_p15_rolled_up_properties_are_absent_and_not_null(ask, sample):
    target = "Conversation?$apply=groupby((rollup(inbox_id,assignee_id)),aggregate($count as n))"
    found = plains(ask, target)
    query = "SELECT inbox_id, assignee_id, count(*) FROM conversations WHERE account_id = 1 GROUP BY ROLLUP (1, 2) HAVING grouping(inbox_id) = 0"
    fine = [r for r in found if "assignee_id" in r]
    assert any(r["assignee_id"] is None for r in fine)
    rows = [(r["inbox_id"], r.get("assignee_id"), r["n"]) for r in found]
    assert sorted(rows, key=str) == sorted(sample.rows(query), key=str)
    assert ask.context(target) == "#Conversation(inbox_id,n)"
    assert plains(ask, f"{target}&$filter=not isdefined(assignee_id)") == [r for r in found if "assignee_id" not in r]
    several = plains(ask, "Conversation?$apply=groupby((rollup(account_id,inbox_id),rollup(status,assignee_id)))")
    assert {frozenset(r) for r in several} == {frozenset(s.split()) for s in (
        "account_id inbox_id status assignee_id", "account_id inbox_id status", "account_id status assignee_id", "account_id status")}  # fmt: skip
    ask.error("Conversation?$apply=groupby((rollup(ByInbox)))", 400)
    ask.error("Conversation?$apply=groupby((rollup($all,status)))", 400)
    ask.error("Conversation?$apply=groupby((rollup(status,nothing)))", 400)


def test_p16_from(ask):
    short = plains(ask, "Conversation?$apply=groupby((inbox_id),aggregate(id with sum from status,assignee_id with average as a))")
    steps = "groupby((inbox_id,status,assignee_id),aggregate(id with sum as s))/groupby((inbox_id),aggregate(s with average as a))"
    assert short == plains(ask, f"Conversation?$apply={steps}")
    [row] = plains(
        ask, "Conversation?$apply=aggregate(messages/$count from inbox with max as m,$count from status with sum as n,$count as own)"
    )
    counts = plains(ask, "Conversation?$apply=groupby((inbox),aggregate(messages/$count as n))")
    assert row["m"] == max(r["n"] for r in counts) and row["n"] == row["own"]
    ask.error("Conversation?$apply=aggregate(id with sum from status as a)", 400)
    ask.error("Conversation?$apply=aggregate(id with sum from nothing with max as a)", 400)


def test_p22_rollup_and_from_are_advertised(ask):
    for entity_set in read_xml(ask("$metadata", headers={"OData-MaxVersion": "4.01"}).body)["sets"].values():
        supported = entity_set["annotations"]["Org.OData.Aggregation.V1.ApplySupported"]
        assert supported["Rollup"] == "MultipleHierarchies" and supported["From"] is True


@pytest.mark.parametrize(("step", "times"), [
    ("concat(identity,identity)", 7), ("groupby((rollup(id,status,inbox_id)))", 7), ("groupby((id),top(1))", 20), ("topsum(1,id)", 20),
])  # fmt: skip
def test_what_repeats_its_input_is_bounded(ask, step, times):
    for number in (times, 200):
        assert ask.error("Conversation?$apply=" + "/".join([step] * number), 400)["code"].startswith("Limit.")
    nested = "top(1)"
    for _ in range(40):
        nested = f"groupby((id),{nested})"
    assert ask.error(f"Conversation?$apply={nested}", 400)["code"].startswith("Limit.")


def test_a_failing_value_of_a_row_that_is_gone_does_not_matter(ask):
    assert plains(ask, "Conversation?$apply=groupby((status),filter(id lt 0)/topsum(1,1 div (id sub id)))") == []


def test_p12_entities_that_groups_have_left_lead_on(ask):
    [row] = plains(
        ask, "Conversation?$apply=concat(top(2),top(3))/aggregate(messages/$count as m,inbox/account_id with sum as s,$count as n)"
    )
    known = [r["id"] for r in plains(ask, "Conversation?$top=3&$select=id,inbox_id")]
    assert row["m"] == sum(int(ask(f"Conversation({i})/messages/$count").body) for i in known) and row["n"] == 5
    found = plains(ask, "Conversation?$apply=groupby((status),topcount(2,id)/aggregate(messages/id with max as m,messages/$count as n))")
    by_status = plains(ask, "Conversation?$apply=groupby((status),topcount(2,id))&$select=status&$expand=messages($select=id)")
    for r in found:
        ids_of = [m["id"] for entity in by_status if entity["status"] == r["status"] for m in entity["messages"]]
        assert (r["m"], r["n"]) == (max(ids_of, default=None), len(ids_of))


def test_p23_sequences_within_expand(ask):
    found = plains(
        ask, "Conversation?$top=3&$select=id&$expand=messages($apply=concat(topcount(1,id),aggregate($count as n,id with max as m)))"
    )
    for row in found:
        *entities, whole = row["messages"]
        assert whole["n"] == int(ask(f"Conversation({row['id']})/messages/$count").body)
        assert [e["id"] for e in entities] == ([] if whole["m"] is None else [whole["m"]])
    several = "messages($apply=groupby((rollup(status,sender_id)),aggregate(id with sum from message_type with max as s)))"
    [row] = ask.json(f"Conversation?$filter=id eq 1&$select=id&$expand={several}", {"Prefer": "odata.maxpagesize=3"})["value"]
    rest = [r for page in ask.gateway.pages(row["messages@odata.nextLink"].removeprefix(ask.root)) for r in page]
    steps = "groupby((rollup(status,sender_id)),aggregate(id with sum from message_type with max as s))"
    assert [plain(r) for r in (*row["messages"], *rest)] == plains(ask, f"Conversation(1)/messages?$apply={steps}")


def test_p14_search_looks_at_entities_wherever_they_are(ask):
    hello = {r["id"] for r in plains(ask, "Message?$search=hello&$select=id")}
    assert hello and {r["id"] for r in plains(ask, "Message?$apply=concat(identity,top(9))/search(hello)&$select=id")} == hello
    last = {r["id"] for r in plains(ask, "Message?$apply=groupby((conversation_id),topcount(3,id)/search(hello))&$select=id")}
    assert last < hello
    ask.unsupported("Message?$apply=concat(top(3),aggregate($count as n))/search(hello)", "$search")
    ask.unsupported("Message?$apply=groupby((status))&$search=hello", "$search")
