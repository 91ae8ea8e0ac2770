"""The service document and the one shape of every error body."""

import json
from typing import Any

import pytest
from odata_gateway.edm.csdl import load_model
from odata_gateway.errors import BindName, DbTimeout, ODataError, UrlSyntax, all_codes
from odata_gateway.protocol.documents import error_document, service_document
from odata_gateway.protocol.json_format import JsonFormat
from tests.harness.csdl import DATA

ROOT = "http://host:3001/v1.0/odata/"
SETS = ["Message", "Conversation", "User", "Label", "Inbox"]


def test_a01_the_service_document_lists_every_set_after_its_context():
    document = json.loads(service_document(load_model(), ROOT, JsonFormat()))
    assert list(document) == ["@odata.context", "value"]
    assert document["@odata.context"] == f"{ROOT}$metadata"
    assert document["value"] == [{"name": name, "kind": "EntitySet", "url": name} for name in SETS]


def test_the_context_follows_version_and_level():
    model = load_model()
    assert list(json.loads(service_document(model, ROOT, JsonFormat(version="4.01")))) == ["@context", "value"]
    assert list(json.loads(service_document(model, ROOT, JsonFormat("full")))) == ["@odata.context", "value"]
    assert list(json.loads(service_document(model, ROOT, JsonFormat("none")))) == ["value"]
    assert list(json.loads(service_document(model, ROOT, JsonFormat("none", "4.01")))) == ["value"]


def test_another_model_lists_its_own_sets():
    document = json.loads(service_document(load_model(DATA / "depot.json"), ROOT, JsonFormat()))
    assert [item["name"] for item in document["value"]] == ["Warehouses", "Items", "Suppliers"]


def _error(error: ODataError, request_id: str | None = None) -> Any:
    document = json.loads(error_document(error, request_id=request_id))
    assert list(document) == ["error"]
    return document["error"]


def test_an_error_names_its_code_place_and_way_out():
    error = BindName("Message has no property 'statuss'", target="$filter", at=0, hint="did you mean 'status'?")
    assert _error(error) == {
        "code": "Bind.Name",
        "message": "$filter at 0: Message has no property 'statuss'; did you mean 'status'?",
        "target": "$filter",
        "details": [{"code": "Bind.Name", "message": "did you mean 'status'?", "target": "$filter"}],
    }


def test_a_nested_option_that_is_wrong_is_a_detail():
    error = BindName("Message has no property 'nope'", target="$expand", at=17)
    error.nested = "$filter"
    assert _error(error) == {
        "code": "Bind.Name",
        "message": "$expand at 17, nested $filter: Message has no property 'nope'",
        "target": "$expand",
        "details": [{"code": "Bind.Name", "message": "the error is in the nested option $filter of $expand", "target": "$filter"}],
    }


def test_an_error_without_place_or_hint_has_the_same_members():
    assert _error(DbTimeout("the statement took too long")) == {
        "code": "Db.Timeout",
        "message": "the statement took too long",
        "target": "",
        "details": [],
    }


@pytest.mark.parametrize("cls", all_codes().values(), ids=lambda cls: cls.code)
def test_every_error_has_one_shape_and_a_message(cls):
    for error in (cls("why"), cls(""), cls("why", target="$top"), cls("why", target="$top", at=3, hint="try 3")):
        body = _error(error)
        assert list(body) == ["code", "message", "target", "details"]
        assert body["code"] == cls.code
        assert body["message"]
        assert all(detail["code"] and detail["message"] for detail in body["details"])


def test_the_request_id_is_an_inner_error():
    assert _error(UrlSyntax("bad"), "r-17")["innererror"] == {"request_id": "r-17"}


def test_text_that_utf8_cannot_hold_is_replaced():
    body = _error(UrlSyntax("bad \ud800", target="$filter\udfff", hint="\ud83d"))
    assert body["message"] == "$filter?: bad ?; ?"
