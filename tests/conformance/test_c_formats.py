"""Format negotiation."""

import json
from decimal import Decimal

import pytest

V401 = {"OData-MaxVersion": "4.01"}
MINIMAL = "application/json;odata.metadata=minimal"


def accept(value):
    return {"Accept": value}


def test_c01_json_is_supported(ask):
    assert ask("Message?$top=1", headers=accept("application/json")).headers["content-type"] == MINIMAL


@pytest.mark.parametrize("value", ["application/atom+xml", "text/rtf", "application/json;q=0", "image/png, text/html"])
def test_c02_a_type_that_is_not_available_is_406(ask, value):
    ask.error("Message", 406, headers=accept(value))


@pytest.mark.parametrize(
    "value", ["application/json;foo=bar", "application/json;odata.metadata=some", "application/json;IEEE754Compatible=maybe"]
)
def test_c03_an_unknown_format_parameter_is_406(ask, value):
    ask.error("Message", 406, headers=accept(value))
    assert ask("Message?$top=1", headers=accept(f"{value}, application/json;q=0.1")).headers["content-type"] == MINIMAL


@pytest.mark.parametrize(
    ("value", "level"),
    [
        ("application/atom+xml, application/json;q=0.5", "minimal"),
        ("application/json;odata.metadata=none;q=0.5, application/json;odata.metadata=full", "full"),
        ("*/*;q=0.1", "minimal"),
        ("application/*", "minimal"),
        ("application/json;odata.metadata=full;q=0, */*", "minimal"),
    ],
)
def test_c04_qualities_and_ranges(ask, value, level):
    assert ask("Message?$top=1", headers=accept(value)).headers["content-type"] == f"application/json;odata.metadata={level}"


def test_c05_format_wins_over_accept(ask):
    assert ask("Message?$top=1&$format=json", headers=accept("application/xml")).headers["content-type"] == MINIMAL


@pytest.mark.parametrize(
    "value",
    ["application/json;odata.metadata=full", "application/json%3Bodata.metadata=full", "application%2Fjson%3Bodata.metadata%3Dfull"],
)
def test_c06_format_with_parameters(ask, value):
    assert ask(f"Message?$top=1&$format={value}").headers["content-type"] == "application/json;odata.metadata=full"


def test_c07_the_abbreviation_json_ignores_case_and_takes_no_parameters(ask):
    assert ask("Message?$top=1&$format=JSON").headers["content-type"] == MINIMAL
    ask.error("Message?$top=1&$format=json;odata.metadata=full", 400, 406)


@pytest.mark.parametrize(
    ("value", "statuses"), [("atom", (406,)), ("nonsense", (400, 406)), ("", (400,)), ("text/rtf", (406,)), ("xml", (406,))]
)
def test_c08_a_format_that_is_not_available(ask, value, statuses):
    ask.error(f"Message?$format={value}", *statuses)


def test_c09_minimal_leaves_out_what_can_be_computed(ask):
    body = ask.json("Message?$top=1&$count=true", headers={"Prefer": "maxpagesize=1"})
    assert list(body) == ["@odata.context", "@odata.count", "value"]
    assert not [name for name in body["value"][0] if "@" in name]
    assert list(ask.json("Message", headers={"Prefer": "maxpagesize=1"})) == ["@odata.context", "value", "@odata.nextLink"]


def test_c10_full_has_all_control_information(ask):
    reply = ask("Message?$top=1", headers=accept("application/json;odata.metadata=full"))
    assert reply.headers["content-type"] == "application/json;odata.metadata=full"
    row = reply.rows[0]
    assert row["@odata.type"] == "#LiveAgent.Message"
    assert row["@odata.id"] == row["@odata.readLink"] == f"Message({row['id']})"
    assert (row["id@odata.type"], row["created_at@odata.type"], row["sender_id@odata.type"]) == ("#Int32", "#DateTimeOffset", "#Int64")
    assert "content@odata.type" not in row and "private@odata.type" not in row
    names = list(row)
    for navigation in ("conversation", "inbox", "sender"):
        assert row[f"{navigation}@odata.associationLink"] == f"Message({row['id']})/{navigation}/$ref"
        assert row[f"{navigation}@odata.navigationLink"] == f"Message({row['id']})/{navigation}"
        assert names.index(f"{navigation}@odata.navigationLink") == names.index(f"{navigation}@odata.associationLink") + 1
    assert names.index("created_at@odata.type") + 1 == names.index("created_at")


def test_c11_none_keeps_next_link_and_count(ask):
    reply = ask("Message?$count=true", headers=accept("application/json;odata.metadata=none") | {"Prefer": "odata.maxpagesize=1"})
    assert reply.headers["content-type"] == "application/json;odata.metadata=none"
    assert list(reply.json()) == ["@odata.count", "value", "@odata.nextLink"]
    assert not [name for name in reply.rows[0] if "@" in name]


def test_c12_the_prefix_of_metadata_follows_the_version(ask):
    full = accept("application/json;metadata=full")
    assert (
        ask("Message?$top=1", headers=full | {"OData-MaxVersion": "4.0"}).headers["content-type"] == "application/json;odata.metadata=full"
    )
    assert ask("Message?$top=1", headers=full | V401).headers["content-type"] == "application/json;metadata=full"


def test_c13_parameters_ignore_case(ask):
    reply = ask("Message?$top=1", headers=accept("application/json;OData.Metadata=NONE"))
    assert reply.headers["content-type"] == "application/json;odata.metadata=none"
    assert list(reply.json()) == ["value"]


@pytest.mark.parametrize("prefix", ["@odata.", "@"])
def test_c14_ieee754_compatible_writes_wide_numbers_as_strings(ask, sample, prefix):
    headers = accept("application/json;IEEE754Compatible=true") | ({} if prefix == "@odata." else V401)
    reply = ask("Message?$top=1&$count=true&$orderby=id&$compute=id mul 1.5 as wide", headers=headers)
    assert "IEEE754Compatible=true" in reply.headers["content-type"]
    body = reply.json()
    assert body[f"{prefix}count"] == str(len(sample.ids("Message")))
    row = body["value"][0]
    assert (row["id"], row["sender_id"], row["wide"]) == (1, str(sample.value("SELECT sender_id FROM message WHERE id = 1")), "1.5")


def test_c14_ieee754_compatible_holds_for_expanded_counts(ask):
    body = ask.json("Conversation(1)?$expand=messages($count=true;$top=1)", headers=accept("application/json;IEEE754Compatible=true"))
    assert isinstance(body["messages@odata.count"], str)


def test_c15_otherwise_numbers_keep_their_digits(ask, sample):
    target = "Conversation?$filter=campaign_id ne null&$select=id,campaign_id&$count=true&$compute=campaign_id add 1 as next"
    reply = ask(target, token=ask.gateway.tokens.THIRD_ADMIN)
    assert "ieee754compatible=true" not in reply.headers["content-type"].lower()
    expected = sample.rows("SELECT id, campaign_id FROM conversations WHERE campaign_id IS NOT NULL AND account_id = 3 ORDER BY id")
    assert expected and all(campaign > 2**53 for _, campaign in expected)
    assert [(row["id"], row["campaign_id"]) for row in reply.rows] == expected
    assert reply.json()["@odata.count"] == len(expected)


def test_c16_decimals_have_no_exponent(ask):
    body = ask("Message?$compute=cast('0.0000001',Edm.Decimal) as d&$select=id,d&$top=1").body
    assert b'"d":0.0000001' in body
    row = json.loads(ask("Message?$compute=id mul 100000000000000000000000.0 as big&$select=id,big&$top=1").body, parse_float=Decimal)[
        "value"
    ][0]
    assert row["big"] == row["id"] * Decimal(10) ** 23


def test_c17_streaming_is_ordered_and_named(ask):
    reply = ask("Message?$count=true&$top=1", headers=accept("application/json;odata.streaming=true"))
    assert "odata.streaming=true" in reply.headers["content-type"]
    assert list(reply.json()) == ["@odata.context", "@odata.count", "value"]


def test_c18_a_maximum_version_alone_gives_minimal(ask):
    assert "@odata.context" in ask.json("Message?$top=1", headers={"OData-MaxVersion": "4.0"})


def test_c19_answers_are_compressed_on_request(ask):
    reply = ask("Message", headers={"Accept-Encoding": "gzip"})
    assert reply.headers["content-encoding"] == "gzip" and "accept-encoding" in reply.headers["vary"].lower()


def test_c20_a_body_of_an_unknown_type_is_refused(ask):
    reply = ask.gateway.ask("POST", "/v1.0/odata/$batch", {"Content-Type": "text/plain"}, b"x")
    assert (reply.status, reply.json()["error"]["code"]) == (415, "Url.MediaType")


@pytest.mark.parametrize("version", ["4.0", "4.01"])
@pytest.mark.parametrize("form", ["", ";ExponentialDecimals=true", ";exponentialdecimals=FALSE"])
def test_c16_decimals_have_no_exponent_whatever_is_allowed(ask, version, form):
    """With the parameter a service may write exponents (JSON Format 3.2); one that does not need not name it, and a Double has them always."""
    target = "Label?$compute=cast('0.0000001',Edm.Decimal) as d,1e20 as e&$select=d,e&$top=1"
    reply = ask(target, headers={"OData-MaxVersion": version, "Accept": f"application/json{form}"})
    assert b'"d":0.0000001,' in reply.body and b'"e":1e+20' in reply.body and "xponential" not in reply.headers["content-type"]
