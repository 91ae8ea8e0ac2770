"""Preferences."""

import pytest


@pytest.mark.parametrize(
    "value", ["foo=bar, odata.maxpagesize=0, =", "odata.maxpagesize=-1", "maxpagesize=abc", "maxpagesize", ",,;", "odata.maxpagesize=1.5"]
)
def test_l01_what_is_unknown_or_malformed_is_ignored(ask, value):
    reply = ask("Message?$top=3", headers={"Prefer": value})
    assert len(reply.rows) == 3 and "preference-applied" not in reply.headers


def test_l02_maxpagesize_limits_each_collection(ask):
    body = ask.json("Conversation?$expand=messages", {"Prefer": "maxpagesize=2"})
    assert len(body["value"]) == 2 and all(len(row["messages"]) <= 2 for row in body["value"])
    assert "messages@odata.nextLink" in body["value"][0] and "@odata.nextLink" in body


def test_l03_omit_values_is_applied_wholly_or_not_at_all(ask):
    reply = ask("Conversation(2)", headers={"Prefer": "omit-values=nulls"})
    nulls = [name for name, value in reply.json().items() if value is None]
    assert bool(nulls) is ("omit-values=nulls" not in reply.headers.get("preference-applied", ""))
    assert nulls or "prefer" in reply.headers["vary"].lower()


def test_l04_include_annotations_is_a_hint(ask):
    assert len(ask("Message?$top=1", headers={"Prefer": 'odata.include-annotations="*"'}).rows) == 1


@pytest.mark.parametrize("value", ["minimal", "representation"])
def test_l05_return_has_no_effect_on_reading(ask, value):
    assert ask("Message?$top=1", headers={"Prefer": f"return={value}"}).json() == ask.json("Message?$top=1")


def test_l06_respond_async_gets_a_plain_answer(ask):
    reply = ask("Message?$top=1", headers={"Prefer": "respond-async"})
    assert len(reply.rows) == 1 and "respond-async" not in reply.headers.get("preference-applied", "")


def test_l07_track_changes_leaves_no_sign(ask):
    reply = ask("Message?$top=1", headers={"Prefer": "odata.track-changes"})
    assert "@odata.deltaLink" not in reply.json() and "track-changes" not in reply.headers.get("preference-applied", "")


def test_l08_a_delta_token_is_refused(ask):
    ask.error("Message?$deltatoken=x", 400, 410, 501)


def test_l09_entities_are_never_replaced_by_references(ask):
    rows = ask("Conversation?$expand=inbox&$filter=inbox_id eq 2&$top=3").rows
    assert len(rows) == 3 and all(row["inbox"] == rows[0]["inbox"] and row["inbox"]["name"] for row in rows)
