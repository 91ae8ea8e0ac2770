"""References to values of earlier answers: where they stand in a query, and which literal takes their place."""

import orjson
import pytest
from odata_gateway.edm.csdl import load_model
from odata_gateway.errors import UrlSyntax
from odata_gateway.protocol.batch.references import literals, paths_in, with_values

MODEL = load_model()
MESSAGE = MODEL.entity_sets["Message"].entity_type


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("$filter=id eq $1/conversation_id", {"1": {("conversation_id",)}}),
        ("$filter=id%20eq%20%241%2Fconversation_id", {"1": {("conversation_id",)}}),
        ("$filter=a eq $x/n/b or c in ($x/d,$y/e)", {"x": {("n", "b"), ("d",)}, "y": {("e",)}}),
        ("$filter=a eq '$1/b' and c eq %27$1/b%27", {}),
        ("$filter=a eq '''' and b eq $1/c", {"1": {("c",)}}),
        ("$filter=$it/a eq $this/b and $root/X(1)/a eq 1 and $these/aggregate(a with sum) gt 1", {}),
        ("$filter=a/$count gt 1", {}),
        ("$filter=a eq 1$1/b", {}),
        ("$top=1", {}),
        ("", {}),
    ],
)
def test_references_are_found_outside_of_strings(query, expected):
    assert paths_in(query) == expected


def test_a_reference_is_replaced_by_its_literal():
    values = {("1", ("a",)): "5", ("1", ("n", "b")): "'O''Neil & Söhne'"}
    found = with_values("$filter=x eq $1/a and y eq $1/n/b and z eq $2/a and '$1/a' ne $it/a", lambda name, path: values.get((name, path)))
    assert found == "$filter=x eq 5 and y eq %27O%27%27Neil%20%26%20S%C3%B6hne%27 and z eq $2/a and '$1/a' ne $it/a"


def found(document, *path):
    [literal] = literals(orjson.dumps(document), [path], MESSAGE, MODEL).values()
    return literal


@pytest.mark.parametrize(
    ("document", "path", "literal"),
    [
        ({"id": 7}, ("id",), "7"),
        ({"id": None}, ("id",), "null"),
        ({"content": "O'Neil"}, ("content",), "'O''Neil'"),
        ({"content": "7"}, ("content",), "'7'"),
        ({"private": True}, ("private",), "true"),
        ({"created_at": "2021-11-23T00:00:00Z"}, ("created_at",), "2021-11-23T00:00:00Z"),
        ({"conversation": {"id": 3}}, ("conversation", "id"), "3"),
        ({"conversation": None}, ("conversation", "id"), "null"),
        ({"n": 1e22}, ("n",), "1e+22"),
        ({"n": "x"}, ("n",), "'x'"),
        ({"n": True}, ("n",), "true"),
        ({"n": 1.50, "n@odata.type": "#Decimal"}, ("n",), "1.5"),
        ({"n": "2021-11-23", "n@type": "Date"}, ("n",), "2021-11-23"),
        ({"n": "P1D", "n@odata.type": "#Duration"}, ("n",), "duration'P1D'"),
    ],
)
def test_a_literal_has_the_type_of_its_property(document, path, literal):
    assert found(document, *path) == literal


def test_a_number_keeps_its_digits():
    [literal] = literals(b'{"n":0.10000000000000000000001}', [("n",)], MESSAGE, MODEL).values()
    assert literal == "0.10000000000000000000001"


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, ("id",)), ({"id": [1]}, ("id",)), ({"id": {}}, ("id",)), ([], ("id",)), (7, ("id",)), ({"conversation": []}, ("conversation", "id")),
        ({"conversation": {}}, ("conversation", "id")), ({"id": 1}, ("id", "x")), ({"content": {"x": 1}}, ("content", "x")),
        ({"n": 1, "n@odata.type": "#Nonsense"}, ("n",)),
    ],
)  # fmt: skip
def test_a_path_without_a_primitive_value_is_an_error(document, path):
    error = found(document, *path)
    assert isinstance(error, UrlSyntax) and "no primitive value" in str(error)


@pytest.mark.parametrize("body", [b"1\tsome text", b"1", b"[1]", b""])
def test_an_answer_that_is_not_a_json_object_has_no_values(body):
    [error] = literals(body, [("id",)], MESSAGE, MODEL).values()
    assert isinstance(error, UrlSyntax)
