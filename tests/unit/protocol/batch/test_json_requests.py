"""JSON batches: what spoils the whole, and what is one request's own fault."""

import orjson
import pytest
from odata_gateway.errors import LimitParts, UrlDependency, UrlHeader, UrlMethod, UrlSyntax
from odata_gateway.protocol.batch.json_requests import read_json


def request(id_="1", **members):
    return {"id": id_, "method": "get", "url": "Message(1)", **members}


def read(*requests, most=100):
    return read_json(orjson.dumps({"requests": requests}), most=most)


def test_a_request_has_what_its_object_says():
    group = request("a", atomicityGroup="g")
    full = request("b", headers={"Accept": "x", "ACCEPT": "y"}, dependsOn=["a", "g"], **{"if": "$a/$succeeded"})
    [_, found] = read(group, full)
    assert found == ("b", "GET", "Message(1)", {"accept": "x, y"}, b"", ("a", "g"), None, "$a/$succeeded", None)


@pytest.mark.parametrize("name", ["headers", "body", "dependsOn", "atomicityGroup", "if"])
def test_null_is_as_if_a_member_were_absent(name):
    assert read(request(**{name: None})) == read(request())


@pytest.mark.parametrize(
    ("content", "expected"), [("text", b"text"), ({"a": 1}, b'{"a":1}'), ([1, None], b"[1,null]"), (False, b"false"), ("", b"")]
)
def test_a_body_is_text_or_json(content, expected):
    [found] = read(request(method="POST", body=content))
    assert (found.body, found.fault) == (expected, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not valid JSON"), (b"{", "not valid JSON"), (b"\xff", "not valid JSON"), (b"[]", "an object with an array 'requests'"),
        (b"{}", "an object with an array 'requests'"), (b'{"requests":{}}', "an object with an array 'requests'"),
    ],
)  # fmt: skip
def test_a_text_that_is_no_batch_is_refused(text, words):
    with pytest.raises(UrlSyntax, match=words):
        read_json(text, most=10)


def test_a_batch_has_a_limit():
    with pytest.raises(LimitParts) as caught:
        read(request("1"), request("2"), most=1)
    assert caught.value.hint == "raise ODATA_MAX_BATCH_PARTS to allow more"


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (7, "a request must be an object"),
        ({"id": "2", "method": "GET"}, "must have a string 'url' that is not empty"),
        (request(""), "must have a string 'id' that is not empty"),
        (request(2), "must have a string 'id' that is not empty"),
        (request("1"), "the id '1' is used twice"),
        (request("g"), "the id 'g' is used twice"),
        (request("2", atomicityGroup=1), "'atomicityGroup' must be a string"),
        (request("2", **{"if": True}), "'if' must be a string"),
        (request("2", dependsOn="1"), "'dependsOn' must be an array of ids of earlier requests"),
        (request("2", dependsOn=["2"]), "'dependsOn' must be an array of ids of earlier requests"),
        (request("2", headers=[]), "'headers' must be an object of strings"),
        (request("2", headers={"a": 1}), "'headers' must be an object of strings"),
        (request("2", atomicityGroup="1"), "'1' is the name of a group and of a request"),
        (request("2", atomicityGroup="2"), "'2' is the name of a group and of a request"),
    ],
)
def test_a_request_that_cannot_be_told_spoils_the_batch(second, words):
    with pytest.raises(UrlSyntax) as caught:
        read(request("1", atomicityGroup="g"), second)
    assert words in str(caught.value) and caught.value.target == "requests/1"


def test_a_group_is_in_one_piece():
    read(request("1", atomicityGroup="g"), request("2", atomicityGroup="g"), request("3"), request("4", atomicityGroup="h"))
    with pytest.raises(UrlSyntax, match="must be adjacent"):
        read(request("1", atomicityGroup="g"), request("2"), request("3", atomicityGroup="g"))


@pytest.mark.parametrize(
    ("members", "error", "words"),
    [
        ({"nonsense": 1}, UrlSyntax, "cannot have a member 'nonsense'"),
        ({"body": {}}, UrlSyntax, "a GET request cannot have a body"),
        ({"headers": {"Accept": "x" * 33_000}}, UrlHeader, "at most 32768 characters"),
        ({"method": "DELETE", "atomicityGroup": "g"}, UrlMethod, "a group cannot change data"),
    ],
)
def test_another_fault_is_the_request_s_own(members, error, words):
    before, found = read(request("0"), request("1", **members))
    assert before.fault is None
    assert type(found.fault) is error and words in str(found.fault)


def test_annotations_are_ignored():
    assert read(request(**{"a@b.c": 1}))[0].fault is None


def test_a_fault_in_a_group_is_a_fault_of_the_group():
    parts = read(request("1", atomicityGroup="g"), request("2", atomicityGroup="g", nonsense=1), request("3"))
    assert [type(part.fault) for part in parts] == [UrlDependency, UrlSyntax, type(None)]
