"""$orderby, $top, $skip, $count, paging, $search."""

from urllib.parse import parse_qsl, urlsplit

import pytest

ADMIN = "demoAdminOfAccountOne001"


def page_of(rows):
    return {"Prefer": f"odata.maxpagesize={rows}"}


@pytest.mark.parametrize(
    ("orderby", "sql"),
    [
        ("conversation_id desc,id", "conversation_id DESC, id"),
        ("conversation_id desc, id", "conversation_id DESC, id"),
        ("conversation_id,id desc", "conversation_id, id DESC"),
        ("message_type asc,created_at desc,id asc", "message_type, created_at DESC, id"),
    ],
)
def test_k01_ascending_is_the_default(ask, sample, orderby, sql):
    assert ask.ids(f"Message?$orderby={orderby}&$select=id") == sample.ids("Message", order=sql)


def test_k02_null_is_the_smallest(ask, sample):
    assert ask.ids("Conversation?$orderby=assignee_id&$select=id") == sample.ids("Conversation", order="assignee_id NULLS FIRST, id")
    assert ask.ids("Conversation?$orderby=assignee_id desc,id&$select=id") == sample.ids(
        "Conversation", order="assignee_id DESC NULLS LAST, id"
    )
    values = [row["assignee_id"] for row in ask("Conversation?$orderby=assignee_id desc").rows]
    assert values[0] is not None and values[-1] is None


@pytest.mark.parametrize(
    ("entity_set", "orderby", "sql"),
    [
        ("Message", "private,id", "private NULLS FIRST, id"),
        ("Message", "private desc,id", "private DESC NULLS LAST, id"),
        (
            "Message",
            "conversation/inbox/name desc,id",
            "(SELECT i.name FROM conversation AS c JOIN inbox AS i ON i.id = c.inbox_id WHERE c.id = message.conversation_id) DESC NULLS LAST, id",
        ),
        ("Label", "length(title) desc,id", "length(title) DESC NULLS LAST, id"),
        ("Label", "id mod 3,id desc", "id % 3, id DESC"),
        (
            "Conversation",
            "messages/$count desc,id",
            "(SELECT count(*) FROM message AS m WHERE m.conversation_id = conversation.id) DESC, id",
        ),
        ("Conversation", "status eq 1 desc,id", "(status = 1) DESC, id"),
        ("Label", "null eq null,id gt null,id desc", "id DESC"),
    ],
)
def test_k03_order_by_booleans_paths_expressions_and_counts(ask, sample, entity_set, orderby, sql):
    assert ask.ids(f"{entity_set}?$orderby={orderby}&$select=id") == sample.ids(entity_set, order=sql)


@pytest.mark.parametrize("orderby", ["nope", "id up", "conversation", "id asc desc", "id,", ",id", "conversation/nope", "desc desc desc"])
def test_k04_a_bad_order_is_refused(ask, orderby):
    ask.error(f"Message?$orderby={orderby}", 400)


def test_k05_top(ask, sample):
    ids = sample.ids("Message")
    assert [row["id"] for row in ask("Message?$top=2").rows] == ids[:2]
    body = ask.json("Message?$top=0&$count=true")
    assert (body["value"], body["@odata.count"], "@odata.nextLink" in body) == ([], len(ids), False)
    assert ask.ids("Message?$top=2147483648&$select=id") == ids
    assert ask.ids("Message?$top=9223372036854775807&$select=id") == ids


def test_k06_skip_comes_before_top(ask, sample):
    assert [row["id"] for row in ask("Message?$top=2&$skip=1&$orderby=id").rows] == sample.ids("Message")[1:3]
    assert ask("Message?$skip=100000000").rows == []
    assert ask("Message?$skip=9223372036854775807").rows == []
    assert ask.ids("Message?$skip=4900&$select=id") == sample.ids("Message")[4900:]


@pytest.mark.parametrize(
    ("options", "sql"),
    [("$orderby=message_type", "message_type, id"), ("", "id"), ("$orderby=private desc", "private DESC NULLS LAST, id")],
)
def test_k07_the_order_is_total_and_the_same_in_each_request(ask, sample, options, sql):
    found = []
    for skip in range(0, 60, 7):
        found += [row["id"] for row in ask(f"Message?{options}&$filter=id le 120&$top=7&$skip={skip}").rows]
    assert found == sample.ids("Message", "id <= 120", sql)[: len(found)] and len(found) >= 60


def test_k08_count_is_of_all_matches(ask, sample):
    expected = sample.ids("Message", "private = false")
    body = ask.json("Message?$count=true&$filter=private eq false&$top=1&$skip=1")
    assert (body["@odata.count"], [row["id"] for row in body["value"]]) == (len(expected), expected[1:2])


@pytest.mark.parametrize("value", ["yes", "1", "", "True x"])
def test_k09_count_is_true_or_false(ask, value):
    ask.error(f"Message?$count={value}", 400)
    assert "@odata.count" not in ask.json("Message?$count=false&$top=1")


def test_k10_pages_together_are_the_whole(ask, sample):
    reply = ask("Label", headers=page_of(2))
    assert reply.headers["preference-applied"] == "odata.maxpagesize=2"
    pages = ask.gateway.pages("Label", headers=page_of(2))
    assert [len(page) for page in pages] == [2, 2, 2, 2, 2, 1]
    assert [row["id"] for page in pages for row in page] == sample.ids("Label")
    whole = ask.gateway.pages("Message?$select=id")
    assert [len(page) for page in whole] == [1000, 1000, 1000, 1000, len(sample.ids("Message")) - 4000]
    assert [row["id"] for page in whole for row in page] == sample.ids("Message")


def test_k10_a_page_that_ends_with_the_set_has_no_link(ask, sample):
    count = len(sample.ids("Label"))
    assert "@odata.nextLink" not in ask.json("Label", page_of(count))
    assert "@odata.nextLink" in ask.json("Label", page_of(count - 1))


def test_k11_the_next_link_carries_every_option(ask, sample):
    target = f"Message?$filter=private eq false and id le 30&$select=id&$orderby=created_at desc,id&$count=true&apikey={ADMIN}&utm=a%26b&$format=application/json;odata.metadata=none"
    ids, link = [], target
    while link:
        reply = ask.gateway.get(link, token=None, headers=page_of(4) if link == target else None)
        assert reply.status == 200, reply.body
        body = reply.json()
        assert set(body) <= {"@odata.count", "value", "@odata.nextLink"} and len(body["value"]) <= 4
        assert all(set(row) == {"id"} for row in body["value"])
        ids += [row["id"] for row in body["value"]]
        link = body.get("@odata.nextLink", "")
        if link:
            query = parse_qsl(urlsplit(link).query)
            assert [value for name, value in query if name == "apikey"] == [ADMIN]
            assert (
                dict(query)["utm"] == "a&b"
                and dict(query)["$select"] == "id"
                and dict(query)["$format"] == "application/json;odata.metadata=none"
            )
            assert len(dict(query)) == len(query)
    assert ids == sample.ids("Message", "private = false AND id <= 30", "created_at DESC, id")


@pytest.mark.parametrize(
    ("entity_set", "orderby", "sql", "rows"),
    [
        ("Conversation", "assignee_id,status desc", "assignee_id NULLS FIRST, status DESC, id", 7),
        ("Conversation", "assignee_id desc,status", "assignee_id DESC NULLS LAST, status, id", 7),
        ("Conversation", "inbox/name desc,assignee/name", None, 11),
        ("Message", "sender/name,content desc", None, 500),
        ("Label", "description desc", None, 1),
        ("Conversation", "contact_last_seen_at desc,agent_last_seen_at", None, 7),
        ("Conversation", "uuid", None, 50),
        ("Conversation", "messages/$count,status eq 1", None, 9),
        ("Message", "private,status desc,updated_at", None, 400),
    ],
)
def test_k12_pages_over_nulls_ties_and_paths(ask, sample, entity_set, orderby, sql, rows):
    """In the order of one whole page, which SQL gives too where collation plays no part; each row once."""
    whole = ask.ids(f"{entity_set}?$orderby={orderby}&$select=id", page_of(10_000))
    assert sorted(whole) == sample.ids(entity_set)
    assert sql is None or whole == sample.ids(entity_set, order=sql)
    assert ask.ids(f"{entity_set}?$orderby={orderby}&$select=id", page_of(rows)) == whole


@pytest.mark.parametrize(
    ("options", "first", "last"),
    [("$top=5&$skip=1", 1, 6), ("$top=4", 0, 4), ("$top=1", 0, 1), ("$skip=5", 5, None), ("$top=3&$skip=8", 8, 11)],
)
def test_k13_top_and_skip_hold_over_all_pages(ask, sample, options, first, last):
    pages = ask.gateway.pages(f"Label?{options}&$orderby=id desc", headers=page_of(2))
    assert [row["id"] for page in pages for row in page] == sample.ids("Label", order="id DESC")[first:last]
    assert all(len(page) == 2 for page in pages[:-1]) and pages[-1]


def test_k14_the_count_is_on_the_first_page(ask, sample):
    assert ask.json("Message?$count=true", page_of(2))["@odata.count"] == len(sample.ids("Message"))


@pytest.mark.parametrize("token", ["garbage", "", "W10.0000000000000000", "..", "%00", "WzIsMixbIjIiXV0.ffffffffffffffff", "a" * 3000])
def test_k15_a_damaged_token_fails(ask, token):
    assert ask.error(f"Message?$skiptoken={token}", 400)["target"] == "$skiptoken"


def test_k15_a_token_of_another_query_fails(ask):
    link = ask.json("Message?$orderby=created_at&$filter=private eq false", page_of(2))["@odata.nextLink"]
    token = dict(parse_qsl(urlsplit(link).query))["$skiptoken"]
    ask(f"Message?$orderby=created_at&$filter=private eq false&$skiptoken={token}")
    for target in (
        "Message?",
        "Conversation?",
        "Message?$orderby=created_at&$filter=private eq true&",
        "Message?$orderby=created_at desc&$filter=private eq false&",
    ):
        ask.error(f"{target}$skiptoken={token}", 400)
    for changed in (token[1:], token[:-1], token[:-1] + ("0" if token[-1] != "0" else "1"), token.swapcase()):
        ask.error(f"Message?$orderby=created_at&$filter=private eq false&$skiptoken={changed}", 400)


def test_k16_links_have_the_origin_the_client_used(gateways, ask, reader_dsn):
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "odata.example.com"}
    target = "Message?$select=id&$expand=conversation($expand=messages)"
    body = ask.json(target, forwarded | page_of(1))
    assert body["@odata.context"].startswith("https://odata.example.com/v1.0/odata/$metadata#")
    assert body["@odata.nextLink"].startswith("https://odata.example.com/v1.0/odata/Message?")
    assert body["value"][0]["conversation"]["messages@odata.nextLink"].startswith(
        "https://odata.example.com/v1.0/odata/Conversation(1)/messages"
    )
    named = ask.gateway.get(target, headers={"Host": "data.example:8080"} | page_of(2)).json()
    assert named["@odata.nextLink"].startswith("http://data.example:8080/v1.0/odata/Message?")
    alone = gateways(ODATA_DSN=reader_dsn, ODATA_TRUSTED_PROXIES="none")
    assert alone.get(target, headers=forwarded | page_of(1)).json()["@odata.nextLink"].startswith(alone.base_url)


@pytest.mark.parametrize(
    ("search", "sql"),
    [
        ("hello", "content ILIKE '%hello%'"),
        ('"kind REGARDS,"', "content ILIKE '%kind regards,%'"),
        ("order AND question", "content ILIKE '%order%' AND content ILIKE '%question%'"),
        ("order question", "content ILIKE '%order%' AND content ILIKE '%question%'"),
        ("order OR parcel", "content ILIKE '%order%' OR content ILIKE '%parcel%'"),
        ("NOT order", "(content ILIKE '%order%') IS NOT TRUE"),
        ("(order OR parcel) AND NOT yet", "(content ILIKE '%order%' OR content ILIKE '%parcel%') AND (content ILIKE '%yet%') IS NOT TRUE"),
        ("order OR parcel NOT yet", "content ILIKE '%order%' OR content ILIKE '%parcel%' AND content NOT ILIKE '%yet%'"),
        ("NOT NOT order", "content ILIKE '%order%'"),
        ("or", "content ILIKE '%or%'"),
        ("AND", "content ILIKE '%and%'"),
        ("100%25", "content ILIKE '%100\\%%'"),
        ("under_score", "content ILIKE '%under\\_score%'"),
        ("gröSSe OR GRÖßE", "content ILIKE '%größe%'"),
        ("'kind regards'", "content ILIKE '%kind regards%'"),
        ("nowhere-to-be-found", "false"),
    ],
)
def test_k17_search_finds_words_phrases_and_what_is_not_there(ask, sample, search, sql):
    """A text has a word where it has it anywhere, in any case; a text that is null has none."""
    assert ask.ids(f"Message?$select=id&$search={search}") == sample.ids("Message", sql)


@pytest.mark.parametrize(
    ("entity_set", "columns"),
    [("Message", "content"), ("Inbox", "name email_address"), ("Label", "title description"), ("User", "name display_name email"),
     ("Conversation", "identifier")],
)  # fmt: skip
def test_k17_any_text_of_the_entity_may_have_the_word(ask, sample, entity_set, columns):
    condition = " OR ".join(f"{column} ILIKE '%a%'" for column in columns.split())
    assert ask.ids(f"{entity_set}?$select=id&$search=A") == sample.ids(entity_set, condition)
    assert ask.ids(f"{entity_set}?$select=id&$search=NOT A") == sample.ids(entity_set, f"({condition}) IS NOT TRUE")


def test_k18_search_and_filter_hold_together(ask, sample):
    wanted = sample.ids("Message", "content ILIKE '%hello%' AND NOT private")
    target = "Message?$search=hello&$filter=private eq false&$select=id"
    body = ask.json(f"{target}&$count=true&$orderby=id desc&$top=3&$skip=1")
    assert [row["id"] for row in body["value"]] == wanted[::-1][1:4]
    assert body["@odata.count"] == len(wanted) > 4
    assert ask("Message/$count?$search=hello&$filter=private eq false").body == str(len(wanted)).encode()
    assert [len(ask(f"Message/$ref?$search=hello&$top={n}").rows) for n in (1, 5)] == [1, 5]
    assert ask.ids(target, page_of(7)) == wanted


def test_k18_a_page_of_a_search_goes_on_with_that_search_only(ask):
    link = ask.json("Message?$search=hello&$select=id", page_of(5))["@odata.nextLink"]
    ask.error(link.replace("hello", "order").partition(ask.root)[2], 400)


@pytest.mark.parametrize("search", ["", '"open', "a;b", "(a", "a)"])
def test_k19_malformed_search_is_malformed_first(ask, search):
    ask.error(f"Message?$search={search}", 400)
