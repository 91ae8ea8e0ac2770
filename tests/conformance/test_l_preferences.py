"""Preferences."""

import pytest
from tests.harness.batch import ask_json, multipart, parts_of, post
from tests.harness.gateway import start_gateway


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


OMIT = {"Prefer": "odata.omit-values=nulls"}


def without_nulls(row):
    return {name: value for name, value in row.items() if value is not None}


@pytest.mark.parametrize(
    "target",
    [
        "Conversation(2)",
        "Conversation(2)?$select=assignee_id",
        "User(1)",
        "Message(1)/conversation",
        "Conversation(2)?$format=application/json;odata.metadata=none",
    ],
)
def test_l03_nulls_of_an_entity_are_left_out(ask, target):
    reply = ask(target, headers=OMIT)
    assert reply.json() == without_nulls(ask.json(target)) != ask.json(target)
    assert reply.headers["preference-applied"] == "odata.omit-values=nulls" and "prefer" in reply.headers["vary"].lower()


@pytest.mark.parametrize(
    "target",
    [
        "Conversation",
        "Message?$count=true&$orderby=content desc",
        "Conversation?$select=assignee_id",
    ],
)
def test_l03_nulls_of_rows_are_left_out(ask, target):
    found, full = ask(target, headers=OMIT), ask.json(target)
    assert found.rows == [without_nulls(row) for row in full["value"]] != full["value"]
    assert {k: v for k, v in found.json().items() if k != "value"} == {k: v for k, v in full.items() if k != "value"}
    assert found.headers["preference-applied"] == "odata.omit-values=nulls"


def test_l03_a_left_out_null_leaves_its_type_out_too(ask):
    target = "Conversation(2)?$format=application/json;odata.metadata=full"
    full, found = ask.json(target), ask(target, headers=OMIT).json()
    nulls = {name for name, value in full.items() if value is None}
    assert nulls and found == {name: value for name, value in full.items() if name.partition("@")[0] not in nulls or name.startswith("@")}


def test_l03_nulls_of_expanded_entities_are_left_out_and_their_absence_stays(ask):
    target = "Conversation?$expand=assignee,messages($top=2)&$top=5"
    for found, full in zip(ask(target, headers=OMIT).rows, ask(target).rows, strict=True):
        expected = without_nulls(full) | {"assignee": full["assignee"] and without_nulls(full["assignee"])}
        assert found == expected | {"messages": [without_nulls(row) for row in full["messages"]]}


def test_l03_hundreds_of_members(ask):
    names = [f"n{number}" for number in range(200)]
    computed = ",".join(f"assignee_id add {number} as {name}" for number, name in enumerate(names))
    target = f"Conversation?$compute={computed}&$select=id,{','.join(names)}&$top=3&$format=application/json;odata.metadata=none"
    found, full = ask(target, headers=OMIT).rows, ask(target).rows
    assert found == [without_nulls(row) for row in full] and {len(row) for row in found} == {1, 201}


@pytest.mark.parametrize("value", ["omit-values=defaults", "omit-values", "omit-values=nulls;x", "Omit-Values=NULLS"])
def test_l03_only_nulls_can_be_left_out(ask, value):
    applied = "nulls" in value.lower()
    reply = ask("Conversation(2)", headers={"Prefer": value})
    assert ("preference-applied" in reply.headers, None in reply.json().values()) == (applied, not applied)


@pytest.mark.parametrize("target", ["Message/$count", "Conversation(2)/inbox_id", "Conversation(1)/messages/$ref", ""])
def test_l03_what_has_no_nulls_to_leave_out_applies_nothing(ask, target):
    assert "preference-applied" not in ask(target, headers=OMIT).headers


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


def test_l03_rows_that_apply_made_keep_their_nulls(ask):
    reply = ask("Conversation?$apply=groupby((assignee_id))", headers=OMIT)
    assert "preference-applied" not in reply.headers and None in [row["assignee_id"] for row in reply.rows]


@pytest.mark.parametrize(
    ("preference", "applied", "rows"),
    [
        ("maxpagesize=1000000", "maxpagesize=5", 5),
        ("odata.maxpagesize=6", "odata.maxpagesize=5", 5),
        ("odata.maxpagesize=5", "odata.maxpagesize=5", 5),
        ('maxpagesize="7"', "maxpagesize=5", 5),
        ('maxpagesize="3"', 'maxpagesize="3"', 3),
        ("MaxPageSize = 99", "MaxPageSize=5", 5),
        ("maxpagesize=99999999999999999999999", "maxpagesize=5", 5),
        ("maxpagesize=0000000000000000000000004", "maxpagesize=0000000000000000000000004", 4),
        ("respond-async, odata.maxpagesize=9;x=y, omit-values=nulls", "odata.maxpagesize=5, omit-values=nulls", 5),
    ],
)
def test_l02_preference_applied_says_the_page_size_that_was_applied(capped, preference, applied, rows):
    headers = {"Prefer": preference}
    for target in ("Label", "Label?$orderby=title", "Label?$top=6", "Label?$skip=1", "Conversation(1)/messages"):
        reply = capped.get(target, headers=headers)
        assert (len(reply.rows), reply.headers["preference-applied"]) == (rows, applied), target
    assert capped.get("Label/$ref", headers=headers).headers["preference-applied"] == applied.partition(", ")[0]
    assert capped.get("$all", headers=headers).headers["preference-applied"].startswith(applied.partition(", ")[0])
    [part] = parts_of(post(capped, multipart(f"GET Label\nPrefer: {preference}")))
    assert (len(part.json()["value"]), part.headers["preference-applied"]) == (rows, applied)
    [answer] = ask_json(capped, {"id": "1", "method": "GET", "url": "Label", "headers": {"prefer": preference}})
    assert (len(answer["body"]["value"]), answer["headers"]["preference-applied"]) == (rows, applied)


def test_l02_what_has_no_pages_applies_no_page_size(capped):
    for target in ("Label(1)", "Label/$count", "Label(1)/title"):
        assert "preference-applied" not in capped.get(target, headers={"Prefer": "maxpagesize=1000000"}).headers


@pytest.fixture(scope="module")
def capped(reader_dsn):
    """The program with pages of at most five rows."""
    with start_gateway(ODATA_DSN=reader_dsn, ODATA_MAX_PAGE_ROWS="5", ODATA_PAGE_ROWS="2") as gateway:
        yield gateway
