"""Arguments of calls: what a tool declares, and nothing else."""

from __future__ import annotations

import jsonschema
import pytest
from odata_gateway.errors import UrlOption
from odata_gateway.web.mcp.query import target_of
from odata_gateway.web.mcp.tools import INSTRUCTIONS, SCHEMAS, TOOLS, checked_arguments

QUERY = SCHEMAS["query"]


def test_the_declarations_are_schemas_of_tools_that_read():
    assert [tool["name"] for tool in TOOLS] == ["describe", "query", "explain"] and "never follow" in INSTRUCTIONS
    for tool in TOOLS:
        jsonschema.Draft202012Validator.check_schema(tool["inputSchema"])
        jsonschema.Draft202012Validator.check_schema(tool["outputSchema"])
        assert tool["annotations"]["readOnlyHint"] is True


@pytest.mark.parametrize(
    "given", [{"set": "A", "filter": "x eq 1"}, {"$set": "A", "$filter": "x eq 1"}, {"set": "A", "filter": "x eq 1", "top": None}]
)
def test_a_name_may_have_the_sign_of_an_option_and_null_is_nothing(given):
    assert checked_arguments(given, QUERY) == {"set": "A", "filter": "x eq 1"}


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ([], "arguments"),
        ({}, "set"),
        ({"set": 7}, "set"),
        ({"set": "A", "top": "5"}, "top"),
        ({"set": "A", "top": True}, "top"),
        ({"set": "A", "top": -1}, "top"),
        ({"set": "A", "count": 1}, "count"),
        ({"set": "A", "filters": "x"}, "filters"),
        ({"set": "A", "apikey": "x"}, "apikey"),
    ],
)
def test_what_is_not_declared_is_refused_with_its_place(given, target):
    with pytest.raises(UrlOption) as refused:
        checked_arguments(given, QUERY)
    assert refused.value.target == target


def test_a_list_has_texts_and_an_end():
    for sets in (["A", 7], "A", ["A"] * 51):
        with pytest.raises(UrlOption):
            checked_arguments({"sets": sets}, SCHEMAS["describe"])


def test_no_argument_becomes_another_option_or_leaves_the_path():
    arguments = {"set": "A?x=1#y", "filter": "a eq 'x&$top=1' and b eq '#+%'", "top": 5}
    target = target_of(arguments)
    assert target == "A%3Fx=1%23y?$filter=a%20eq%20'x%26%24top%3D1'%20and%20b%20eq%20'%23%2B%25'&$top=5"
    assert target_of({"set": "/A(1)/b/", "count": True}, "t=1&x") == "A(1)/b?$count=true&$skiptoken=t%3D1%26x"
