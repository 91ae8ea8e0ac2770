"""$batch: multipart/mixed and JSON."""

import json
from base64 import urlsafe_b64decode
from urllib.parse import quote

import pytest
from tests.harness.batch import ask_json, multipart, parts_of, post


@pytest.fixture
def batch(ask):
    """The parts of the answer to a multipart batch."""
    return lambda body, **headers: parts_of(post(ask.gateway, body, **headers))


def alone(ask, target, **headers):
    return ask.gateway.get(target, headers=headers)


def test_o01_the_parts_are_answered_in_order_and_as_alone(ask, batch):
    targets = ["Message(1)", "Label", "Message?$top=3&$count=true&$expand=conversation", "Message?$select=id"]
    parts = batch(multipart(*(f"GET {target}" for target in targets)))
    for target, part in zip(targets, parts, strict=True):
        reply = alone(ask, target)
        assert (part.status, part.body) == (reply.status, reply.body)
        assert part.headers["content-type"] == reply.headers["content-type"]


@pytest.mark.parametrize(
    "form", ["{root}Message(1)", "/v1.0/odata/Message(1)\nHost: {host}", "/v1.0/odata/Message(1)", "Message(1)", "/Message(1)"]
)
def test_o02_urls_in_every_form(ask, batch, form):
    request = "GET " + form.format(root=ask.root, host=f"127.0.0.1:{ask.gateway.port}")
    [part] = batch(multipart(request))
    assert part.body == ask("Message(1)").body


@pytest.mark.parametrize(
    "form", ["https://other.example/v1.0/odata/Message(1)", "/v1.0/odata/Message(1)\nHost: other.example", "{origin}/other/Message(1)"]
)
def test_o02_urls_of_other_services_are_refused(ask, batch, form):
    [part] = batch(multipart("GET " + form.format(origin=ask.gateway.origin)))
    assert (part.status, part.json()["error"]["code"]) == (404, "Bind.Segment")


@pytest.mark.parametrize(
    ("prefer", "statuses"),
    [
        ("", [404]),
        ("odata.continue-on-error", [404, 200]),
        ("continue-on-error=true", [404, 200]),
        ("odata.continue-on-error=false", [404]),
    ],
)
def test_o03_it_stops_at_the_first_error_unless_told_to_go_on(ask, batch, prefer, statuses):
    body = multipart("GET Nope", "GET Label")
    assert [part.status for part in batch(body, Prefer=prefer)] == statuses
    assert post(ask.gateway, body, Prefer=prefer).headers.get("preference-applied", "") == prefer


def test_o04_a_change_set_is_refused_in_one_part(batch):
    changes = multipart("POST Message", "PATCH Message(1)", boundary="c")
    whole = b"--b\r\nContent-Type: multipart/mixed;boundary=c\r\nContent-Length: 9\r\n\r\n" + changes + b"\r\n" + multipart("GET Label(1)")
    refused, label = batch(whole, Prefer="continue-on-error")
    assert (refused.status, refused.json()["error"]["code"], label.status) == (405, "Url.Method", 200)


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE", "HEAD"])
def test_o04_other_methods_are_refused(batch, method):
    [part] = batch(multipart(f"{method} Message(1)"))
    assert part.status == 405


def test_o05_content_id_is_echoed(batch):
    first, second, third = batch(multipart("Content-ID: q1\nGET Label(1)", "GET Label(2)", "Content-ID: q2\nGET Nope"))
    assert first.mime["content-id"] == "q1" and "content-id" not in second.mime and third.mime["content-id"] == "q2"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "multipart/mixed"}, 400), ({"Content-Type": "multipart/mixed;boundary="}, 400), ({"If-Match": "*"}, 400),
        ({"If-None-Match": '"x"'}, 400), ({"OData-Version": "9.9"}, 400), ({"Content-Type": "text/plain"}, 415), ({"Content-Type": ""}, 415),
        ({"OData-MaxVersion": "3.0"}, 400), ({"OData-Isolation": "snapshot"}, 412), ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
    ],
)  # fmt: skip
def test_o06_bad_headers_refuse_the_whole(ask, headers, status):
    reply = post(ask.gateway, multipart("GET Label(1)"), **headers)
    assert reply.status == status and reply.json()["error"]["code"]


@pytest.mark.parametrize("path", ["$batch?$filter=true", "$batch?$format=json", "$batch?$schemaversion=x"])
def test_o06_options_that_a_batch_has_not_are_refused(ask, path):
    assert post(ask.gateway, multipart("GET Label(1)"), path="/v1.0/odata/" + path).status in (400, 404, 501)


@pytest.mark.parametrize("eol", ["\r\n", "\n"])
def test_o07_preamble_epilogue_and_line_ends(ask, batch, eol):
    body = b"a preamble" + eol.encode() * 2 + multipart("GET Label(1)", "GET Label(2)", eol=eol) + b"an epilogue: --b"
    assert [part.body for part in batch(body)] == [ask("Label(1)").body, ask("Label(2)").body]


def test_o07_parts_without_empty_lines_behind_them(ask, batch):
    head = b"--b\r\nContent-Type:application/http\r\nContent-Transfer-Encoding:binary\r\n\r\n"
    body = head + b"GET Label(1) HTTP/1.1\r\n" + head + b"GET Label(2) HTTP/1.1\r\nAccept:application/json\r\n--b--"
    assert [part.body for part in batch(body)] == [ask("Label(1)").body, ask("Label(2)").body]


def test_o08_json(ask):
    first, second, third = ask_json(
        ask.gateway, {"id": "1", "method": "get", "url": "Message(1)"}, {"id": "2", "method": "GET", "url": "/v1.0/odata/Label"},
        {"id": "x", "method": "GET", "url": "Message?$select=id", "headers": {"Accept": "application/json;odata.metadata=none"}},
    )  # fmt: skip
    assert (first["id"], first["status"], first["body"]) == ("1", 200, ask.json("Message(1)"))
    assert first["headers"]["content-type"] == "application/json;odata.metadata=minimal"
    assert (second["id"], second["body"]) == ("2", ask.json("Label"))
    assert third["id"] == "x" and next(iter(third["body"])) == "value" and len(third["body"]["value"]) > 100


def test_o09_json_goes_on_and_what_depends_on_a_failure_fails(ask):
    requests = [
        {"id": "1", "method": "GET", "url": "Nope"}, {"id": "2", "method": "GET", "url": "Label"},
        {"id": "3", "method": "GET", "url": "Label", "dependsOn": ["1"]}, {"id": "4", "method": "GET", "url": "Label", "dependsOn": ["2"]},
        {"id": "5", "method": "GET", "url": "Label", "dependsOn": ["3"]},
    ]  # fmt: skip
    answers = ask_json(ask.gateway, *requests)
    assert [(a["id"], a["status"]) for a in answers] == [("1", 404), ("2", 200), ("3", 424), ("4", 200), ("5", 424)]
    assert answers[2]["body"]["error"]["code"] == "Url.Dependency"
    assert len(ask_json(ask.gateway, *requests, Prefer="continue-on-error=false")) == 1


GET = {"id": "1", "method": "GET", "url": "Label(1)"}


@pytest.mark.parametrize(
    "requests",
    [
        [GET, GET], [{**GET, "dependsOn": ["2"]}, {**GET, "id": "2"}], [{**GET, "dependsOn": ["1"]}], [{"id": "1", "method": "GET"}],
        [{"method": "GET", "url": "Label"}], [{"id": "1", "url": "Label"}], [{**GET, "id": 1}], [{**GET, "url": ""}], ["Label"], [None],
        [{**GET, "dependsOn": "1"}], [{**GET, "headers": {"Accept": 1}}], [{**GET, "headers": []}], [{**GET, "atomicityGroup": 1}],
        [{**GET, "if": 1}], [{**GET, "atomicityGroup": "1"}], [GET, {**GET, "id": "2", "atomicityGroup": "1"}],
        [{**GET, "atomicityGroup": "2"}, {**GET, "id": "2"}],
        [{**GET, "atomicityGroup": "g"}, {**GET, "id": "2"}, {**GET, "id": "3", "atomicityGroup": "g"}],
    ],
)  # fmt: skip
def test_o10_bad_json_refuses_the_whole(ask, requests):
    reply = post(ask.gateway, json.dumps({"requests": requests}).encode(), **{"Content-Type": "application/json"})
    assert (reply.status, reply.json()["error"]["code"]) == (400, "Url.Syntax")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"requests":{}}', b'{"requests":[}', b"\xff", b"[" * 100_000])
def test_o10_what_is_no_json_batch_is_refused(ask, body):
    assert post(ask.gateway, body, **{"Content-Type": "application/json"}).status == 400


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"url": "$batch"}, 400), ({"url": "%24batch"}, 400), ({"body": {"a": 1}}, 400), ({"method": "POST"}, 405), ({"method": "DELETE"}, 405),
        ({"atomicityGroup": "g"}, 200), ({"atomicityGroup": "g", "method": "PATCH"}, 405), ({"if": "$1/x"}, 424), ({"unknown": 1}, 400),
        ({"headers": {"Accept": "x" * 33_000}}, 400),
    ],
)  # fmt: skip
def test_o10_a_bad_request_fails_alone(ask, change, status):
    first, second = ask_json(ask.gateway, GET | change, {**GET, "id": "2"})
    assert (first["status"], second["status"]) == (status, 200) and first["body"]


@pytest.mark.parametrize("accept", ["", "*/*", "multipart/mixed", "multipart/mixed, application/json", "application/json;q=0.5, */*;q=0.1"])
def test_o11_the_answer_has_the_form_of_the_batch(ask, batch, accept):
    [part] = batch(multipart("GET Label(1)"), Accept=accept)
    assert part.body == ask("Label(1)").body
    if "multipart" not in accept:
        [answer] = ask_json(ask.gateway, GET, Accept=accept)
        assert answer["body"] == ask.json("Label(1)")


def test_o11_accept_decides_where_it_excludes_the_form_of_the_batch(ask, batch):
    requests = "GET Label(1)", "Content-ID: 1\nGET Label/$count", "GET Nope", "GET Label(2)"
    reply = post(ask.gateway, multipart(*requests), Accept="application/json", Prefer="continue-on-error")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    answers = reply.json()["responses"]
    assert [(a["id"], a["status"]) for a in answers] == [("2", 200), ("1", 200), ("3", 404), ("4", 200)]
    assert answers[0]["body"] == ask.json("Label(1)") and answers[1]["body"] == ask("Label/$count").body.decode()
    sent = json.dumps({"requests": [GET, {"id": "x", "method": "GET", "url": "Label/$count"}]}).encode()
    parts = parts_of(post(ask.gateway, sent, **{"Content-Type": "application/json", "Accept": "multipart/mixed"}))
    assert [(part.mime["content-id"], part.status) for part in parts] == [("1", 200), ("x", 200)]
    assert [part.body for part in parts] == [ask("Label(1)").body, ask("Label/$count").body]


@pytest.mark.parametrize("accept", ["text/html", "application/xml, */*;q=0", "application/atom+xml"])
def test_o11_a_batch_that_has_no_acceptable_answer_is_refused(ask, accept):
    for body, kind in (
        (multipart("GET Label(1)"), "multipart/mixed;boundary=b"),
        (json.dumps({"requests": [GET]}).encode(), "application/json"),
    ):
        reply = post(ask.gateway, body, **{"Content-Type": kind, "Accept": accept})
        assert (reply.status, reply.json()["error"]["code"]) == (406, "Url.Format")


def test_o12_parts_inherit_accept_and_version_and_may_have_their_own(batch):
    parts = batch(multipart("GET Label(1)", "GET Label(1)\nOData-MaxVersion: 4.0\nAccept: application/json;odata.metadata=full"), **{
        "OData-MaxVersion": "4.01", "Accept": "multipart/mixed, application/json;odata.metadata=none"})  # fmt: skip
    assert [part.headers["odata-version"] for part in parts] == ["4.01", "4.0"]
    assert [part.headers["content-type"] for part in parts] == ["application/json;metadata=none", "application/json;odata.metadata=full"]
    assert "@odata.context" in parts[1].json() and "@context" not in parts[0].json()


def test_o13_other_kinds_of_answers(ask, batch):
    metadata, count, nothing, root, value = batch(
        multipart("GET $metadata", "GET Message/$count", "GET Conversation(2)/assignee", "GET /", "GET Inbox(1)/name/$value")
    )
    assert metadata.body == ask("$metadata").body and metadata.headers["content-type"] == "application/xml"
    assert (count.body, count.headers["content-type"]) == (ask("Message/$count").body, "text/plain")
    assert (nothing.status, nothing.body, root.body) == (204, b"", ask("").body)
    assert value.body == ask("Inbox(1)/name/$value").body


def test_o13_other_kinds_of_answers_in_json(ask):
    targets = ["$metadata", "Message/$count", "Conversation(2)/assignee", "Inbox(1)/name/$value"]
    metadata, count, nothing, value = ask_json(ask.gateway, *({"id": t, "method": "GET", "url": t} for t in targets))
    assert urlsafe_b64decode(metadata["body"] + "==") == ask("$metadata").body
    assert count["body"] == ask("Message/$count").body.decode() and value["body"] == ask("Inbox(1)/name/$value").body.decode()
    assert nothing["status"] == 204 and "body" not in nothing


def test_o14_the_number_of_parts_is_limited(ask):
    reply = post(ask.gateway, multipart(*["GET Label(1)"] * 1001))
    assert (reply.status, reply.json()["error"]["code"]) == (413, "Limit.Parts")
    requests = [{"id": str(n), "method": "GET", "url": "Label(1)"} for n in range(1001)]
    reply = post(ask.gateway, json.dumps({"requests": requests}).encode(), **{"Content-Type": "application/json"})
    assert (reply.status, reply.json()["error"]["code"]) == (413, "Limit.Parts")
    assert post(ask.gateway, b"--b--" + b" " * 1_100_000).json()["error"]["code"] == "Limit.Body"


def test_o14_a_batch_of_nothing(ask):
    reply = post(ask.gateway, b"--b--")
    assert reply.status == 200 and reply.body.startswith(b"--batchresponse_") and ask_json(ask.gateway) == []


def statuses(ask, *requests, **headers):
    return [answer["status"] for answer in ask_json(ask.gateway, *requests, **headers)]


def get(id_, url="Label(1)", **members):
    return {"id": id_, "method": "GET", "url": url, **members}


def test_o09_a_group_of_requests_succeeds_or_fails_as_a_whole(ask):
    """Its requests only read, so that nothing is to be undone; which of them were answered before one failed is known by then."""
    good = [get("1", atomicityGroup="g"), get("2", "Message(1)", atomicityGroup="g"), get("3", dependsOn=["g"])]
    answers = ask_json(ask.gateway, *good)
    assert [(a["status"], a.get("atomicityGroup")) for a in answers] == [(200, "g"), (200, "g"), (200, None)]
    bad = [get("0", atomicityGroup="g"), get("1", "Nope", atomicityGroup="g"), get("2", atomicityGroup="g"), get("3", dependsOn=["g"]),
           get("4", dependsOn=["0"]), get("5")]  # fmt: skip
    assert statuses(ask, *bad) == [200, 404, 424, 424, 424, 200]
    write = [get("0", atomicityGroup="g"), get("1", atomicityGroup="g") | {"method": "DELETE"}, get("2", atomicityGroup="h")]
    assert statuses(ask, *write) == [424, 405, 200]


def test_o09_a_part_of_another_method_is_told_which_methods_there_are(ask):
    """RFC 9110, 15.5.6."""
    parts = [
        get("1") | {"method": "DELETE"},
        get("2", atomicityGroup="g") | {"method": "PATCH"},
        get("3", "Label/$query"),
        get("4") | {"method": "HEAD"},
    ]
    found = [(a["status"], a["headers"]["allow"]) for a in ask_json(ask.gateway, *parts)]
    assert found == [(405, "GET, HEAD, OPTIONS"), (405, "GET, HEAD, OPTIONS"), (405, "POST, OPTIONS"), (405, "GET, HEAD, OPTIONS")]


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("$1/$succeeded", 424), ("not $1/$succeeded", 200), ("$1/$succeeded or $2/$succeeded", 200), ("$1/$succeeded and $2/$succeeded", 424),
        ("not ($1/$succeeded and $2/$succeeded)", 200), ("$1/$succeeded eq false", 200), ("$2/$succeeded ne true", 424), ("true", 200), ("false", 424),
        ("not $1/$succeeded and $2/$succeeded or false", 200), (" ( not false ) ", 200), ("$g/$succeeded", 424), ("NOT $g/$succeeded", 200),
        ("$2/id eq 1", 424), ("$2", 424), ("(true", 424), ("true false", 424), ("", 424), ("not", 424), ("(" * 500 + "true" + ")" * 500, 424),
        ("$nope/$succeeded", 400), ("$3/$succeeded", 400), ("$2/$succeededx", 424),
    ],
)  # fmt: skip
def test_o09_a_condition_takes_the_place_of_success(ask, condition, status):
    """Conditions of other kinds fail as the standard says for a service without them."""
    requests = [
        get("1", "Nope"),
        get("2"),
        get("3"),
        get("4", "Nope", atomicityGroup="g"),
        get("5", dependsOn=["1", "2", "g"], **{"if": condition}),
    ]
    assert statuses(ask, *requests) == [404, 200, 200, 404, status]


@pytest.mark.parametrize(
    ("first", "query", "same_as"),
    [
        ("Message(1)", "Message?$select=id&$filter=conversation_id eq $m/conversation_id", "conversation_id eq {conversation_id}"),
        ("Message(1)?$select=conversation_id", "Message?$select=id&$filter=conversation_id%20eq%20%24m/conversation_id", "conversation_id eq {conversation_id}"),
        ("Message(1)", "Message?$select=id&$filter=id in ($m/id,3) or content eq $m/content", "id in (1,3) or content eq '{content}'"),
        ("Message(1)", "Message?$select=id&$filter=created_at le $m/created_at and private eq $m/private", "created_at le {created_at} and private eq {private}"),
        ("Message(1)?$expand=conversation", "Message?$select=id&$filter=inbox_id eq $m/conversation/inbox_id", "inbox_id eq {inbox_id}"),
        ("Message(1)?$compute=id mul 3 as x&$select=x", "Message?$select=id&$filter=id eq $m/x", "id eq 3"),
        ("Message(1)", "Message?$select=id&$filter=content eq '$m/id' or id eq 3", "content eq '$m/id' or id eq 3"),
        ("Message(1)", "Message?$select=id&$filter=$it/id eq $m/id", "id eq 1"),
        ("Message(1)?$format=application/json;odata.metadata=full;IEEE754Compatible=true", "Message?$select=id&$filter=id eq @p&@p=$m/id", "id eq 1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["json", "multipart"])
def test_o02_values_of_an_earlier_answer(ask, batch, first, query, same_as, form):
    row = ask.json("Message(1)")
    row |= {"content": quote(row["content"].replace("'", "''")), "private": json.dumps(row["private"])}
    wanted = ask.ids("Message?$select=id&$filter=" + same_as.format(**row | {"inbox_id": ask.json("Message(1)/conversation")["inbox_id"]}))
    if form == "json":
        body = ask_json(ask.gateway, get("m", first), get("2", query, dependsOn=["m"]))[1]["body"]
    else:
        body = batch(multipart(f"Content-ID: m\nGET {first}", f"GET {query.replace(' ', '%20')}"))[1].json()
    assert [row["id"] for row in body["value"]] == wanted[:1000]
    assert "$m" not in body.get("@odata.nextLink", "")


def test_o02_values_that_are_null_or_quoted(ask):
    found = ask_json(ask.gateway, get("c", "Conversation(2)"), get("l", "Label(1)"), get("1", "Conversation?$filter=assignee_id eq $c/assignee_id"),
                     get("2", "Label?$filter=title eq $l/title and created_at eq $l/created_at"))  # fmt: skip
    assert found[2]["body"]["value"] == ask.json("Conversation?$filter=assignee_id eq null")["value"]
    assert [row["id"] for row in found[3]["body"]["value"]] == [1]


@pytest.mark.parametrize(
    ("first", "reference", "status"),
    [
        ("Message", "$m/id", 400), ("Message(1)", "$m/nope", 400), ("Message(1)?$select=content", "$m/id", 400), ("Message(1)", "$n/id", 400),
        ("Message(1)", "$z/id", 400), ("Message(999999)", "$m/id", 424), ("Message(1)/id", "$m/value", 400), ("Conversation(2)/assignee", "$m/id", 400),
        ("Message(1)?$expand=conversation", "$m/conversation", 400), ("Conversation(1)?$expand=messages", "$m/messages/id", 400),
        ("User(1)", "$m/tokens", 200),
    ],
)  # fmt: skip
def test_o02_values_that_are_not_there(ask, first, reference, status):
    """A later part cannot be referred to, and a secret reads as null here too."""
    requests = [get("m", first), get("2", f"Message?$top=1&$filter=id eq {reference}"), get("n", "Label(1)")]
    assert statuses(ask, *requests)[1] == status
