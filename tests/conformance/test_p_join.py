"""P16: join and outerjoin (Data Aggregation 4.0, section 3.5.1)."""

from __future__ import annotations

import pytest
from tests.conformance.test_p_apply import plain, plains, rows

PAIRS = """SELECT c.id, m.id FROM conversations c {} JOIN messages m ON m.conversation_id = c.id AND m.account_id = c.account_id
           WHERE c.account_id = 1"""


def test_p16_join_has_a_row_for_each_pair(ask, sample):
    target = "Conversation?$apply=join(messages as m)&$select=id&$expand=m($select=id)"
    assert ask.context(target) == "#Conversation(id,m(id))"
    found = [(r["id"], r["m"]["id"]) for page in ask.gateway.pages(target) for r in page]
    assert found == sorted(sample.rows(PAIRS.format("")))
    assert ask.json(f"{target}&$count=true&$top=0")["@odata.count"] == len(found) == int(
        ask("Conversation/$count?$apply=join(messages as m)").body)  # fmt: skip


def test_p16_outerjoin_keeps_what_is_related_to_nothing(ask, sample):
    target = "Conversation?$apply=outerjoin(messages as m)&$select=id&$expand=m($select=id)"
    found = [(r["id"], r["m"] and r["m"]["id"]) for page in ask.gateway.pages(target) for r in page]
    assert sorted(found, key=str) == sorted(sample.rows(PAIRS.format("LEFT")), key=str) and any(m is None for _, m in found)
    assert {r["m"] for r in rows(ask, f"{target}&$filter=m eq null")} == {None}


def test_p16_the_alias_is_shown_where_it_is_expanded_or_grouped_by(ask):
    joined = "Conversation?$apply=join(messages as m)"
    first = rows(ask, f"{joined}&$top=1")[0]
    assert "m" not in first and plain(first) == plain(ask.json(f"Conversation({first['id']})"))
    shown = rows(ask, f"{joined}&$top=1&$expand=m,inbox($select=name)")[0]
    assert shown["m"]["@odata.context"] == "#Message/$entity" and set(shown["inbox"]) == {"@odata.id", "name"}
    assert plain(shown["m"]) == plain(ask.json(f"Message({shown['m']['id']})"))
    assert set(rows(ask, f"{joined}&$top=1&$expand=*/$ref")[0]["m"]) == {"@odata.id"}
    grouped = "Conversation?$apply=join(messages as m)/groupby((m,status),aggregate($count as n))"
    assert ask.context(grouped) == "#Conversation(m,status,n)"
    assert all(set(r) == {"m", "status", "n"} and r["n"] == 1 for r in plains(ask, f"{grouped}&$top=3"))
    full = rows(ask, f"{joined}&$top=1&$expand=m&$format=application/json;odata.metadata=full")[0]
    assert not any(name.startswith("m@odata") for name in full) and full["m"]["@odata.id"] == f"Message({full['m']['id']})"


def test_p16_a_sequence_picks_or_makes_what_is_joined(ask, sample):
    newest = "Conversation?$apply=join(messages as m,filter(private eq false)/topcount(1,id))&$select=id&$expand=m($select=id)"
    query = "SELECT conversation_id, max(id) FROM messages WHERE account_id = 1 AND private = false GROUP BY 1"
    visible = {i for (i,) in sample.rows("SELECT id FROM conversations WHERE account_id = 1")}
    assert [(r["id"], r["m"]["id"]) for r in rows(ask, newest)] == sorted((c, m) for c, m in sample.rows(query) if c in visible)
    counts = rows(ask, "Conversation?$apply=outerjoin(messages as m,aggregate($count as n))&$select=id&$expand=m")
    assert all(r["m"]["n"] == int(ask(f"Conversation({r['id']})/messages/$count").body) for r in counts[:40])
    spread = "Conversation?$apply=outerjoin(messages as m,aggregate($count as n))/groupby((m/n),aggregate($count as k))"
    assert sum(r["k"] for r in rows(ask, spread)) == len(visible)
    groups = rows(ask, "Conversation?$apply=outerjoin(messages as m,groupby((status),aggregate($count as n)))&$select=id&$expand=m")
    assert {r["id"] for r in groups} == visible and {set(plain(r["m"])) == {"status", "n"} for r in groups if r["m"] is not None} == {True}
    assert {r["id"] for r in groups if r["m"] is None} == {r["id"] for r in counts if r["m"]["n"] == 0}
    with_it = "Conversation?$apply=join(messages as m,filter(id gt $it/id))/aggregate($count as n)"
    paths = "Conversation?$apply=join(messages as m)/filter(m/id gt id)/aggregate($count as n)"
    assert plains(ask, with_it) == plains(ask, paths)


def test_p16_aggregates_count_each_entity_behind_the_alias_once(ask):
    several = (
        "Conversation?$apply=join(messages as m)/join(labels as l)/aggregate($count as n,m/$count as ms,l/$count as ls,m/id with max as x)"
    )
    [row] = plains(ask, several)
    distinct = "Conversation?$apply=filter(labels/any())/aggregate(messages/$count as ms,messages/id with max as x)"
    [wanted] = plains(ask, distinct)
    assert (row["ms"], row["x"]) == (wanted["ms"], wanted["x"]) and row["n"] > row["ms"] > row["ls"] > 0
    [row] = plains(ask, "Conversation?$apply=join(messages as m)/aggregate(m/id with max as x)")
    [wanted] = plains(ask, "Conversation?$apply=aggregate(messages/id with max as x)")
    assert row == wanted
    groups = plains(ask, "Inbox?$apply=groupby((name),outerjoin(conversations as c)/aggregate(c/$count as n))")
    assert sorted(map(str, groups)) == sorted(map(str, plains(ask, "Inbox?$apply=groupby((name),aggregate(conversations/$count as n))")))


def test_p16_entities_that_groups_have_as_a_whole(ask):
    """What a sequence within the groups of an entity has of it gives way to the entity."""
    for steps in ("join(labels as l)/groupby((l),groupby((l/title)))", "groupby((inbox),groupby((inbox/name,inbox/id)))"):
        alias = steps.partition("groupby((")[2].partition(")")[0]
        found = plains(ask, f"Conversation?$apply={steps}")
        assert found and all(set(r) == {alias} for r in found)
        shorter = steps.replace(",groupby((l/title))", "").replace(",groupby((inbox/name,inbox/id))", "")
        assert sorted(map(str, found)) == sorted(map(str, plains(ask, f"Conversation?$apply={shorter}")))


@pytest.mark.parametrize("target", [
    "Conversation?$apply=join(messages as m)&$select=id&$expand=m($select=id)&$orderby=m/content desc",
    "Conversation?$apply=outerjoin(labels as l)&$select=id&$expand=l&$orderby=l/title,status desc",
    "Conversation?$apply=outerjoin(messages as m,groupby((content)))&$select=id&$expand=m",
    "Conversation?$apply=join(messages as m)/skip(5)/top(500)/compute(m/id mul 2 as d)&$select=id,d&$expand=m($select=id)",
])  # fmt: skip
def test_p16_pages_of_joins_lose_and_double_none(ask, target):
    whole = [row for page in ask.gateway.pages(target) for row in page]
    pages = list(ask.gateway.pages(target, headers={"Prefer": "odata.maxpagesize=97"}))
    assert len(pages) > 2 and [row for page in pages for row in page] == whole


@pytest.mark.parametrize("steps", [
    "join(inbox as m)", "join(id as m)", "join(nothing as m)", "join(messages as id)", "join(messages as labels)", "join(messages/sender as m)",
    "join(messages as m)/join(labels as m)", "groupby((status))/join(messages as m)", "join(messages as m)/filter(m eq 1)",
    "join(messages as m,filter(nothing))", "join(messages as m)/groupby((m/nothing))", "join(messages as m)/aggregate($count as m)",
])  # fmt: skip
def test_p17_mistakes_in_joins(ask, steps):
    ask.error(f"Conversation?$apply={steps}", 400)


def test_p16_secrets_behind_an_alias_stay_secret(ask):
    for steps in ("filter(m/tokens ne null)", "groupby((m/tokens))", "aggregate(m/tokens with max as x)", "orderby(m/tokens)"):
        ask.error(f"Inbox?$apply=join(members as m)/{steps}", 400)
    found = rows(ask, "Inbox?$apply=join(members as m)&$select=id&$expand=m($select=tokens,id)&$top=30")
    assert found and all(r["m"]["tokens"] is None for r in found)


def test_p16_joins_of_several_kinds_are_refused(ask):
    ask.unsupported("Conversation?$apply=join(messages as m,compute(id mul 2 as d))", "computed names")
    ask.unsupported("Conversation?$apply=join(messages as m,concat(top(1),aggregate($count as n)))", "several kinds")
    ask.unsupported("Label?$apply=join(conversations as c,join(messages as m)/groupby((m)))", "alias of their own")
    kinds = "Inbox?$apply=concat(join(conversations as x),join(messages as x))"
    ask.unsupported(kinds, "one alias")


def test_p16_joins_are_bounded(ask):
    steps = "/".join(f"join(conversations as a{i})" for i in range(70))
    assert ask.error(f"Label?$apply={steps}", 400)["code"].startswith("Limit.")
