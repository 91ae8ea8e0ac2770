"""Syntax errors name the place of what is wrong, which stands behind ^ in the requests of these tests, and the option in parentheses that it is in."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.errors import ODataError
from odata_gateway.plan.scope.limits import Limits
from tests.harness.cases import MODEL

COMPILER = Compiler(MODEL, limits=Limits(), max_url_bytes=16_384, cache_entries=1)


def refused(marked: str) -> ODataError:
    url = marked.replace("^", "")
    with pytest.raises(ODataError) as caught:
        parsed = COMPILER.parse(url)
        if url.startswith("$entity"):
            COMPILER.compile_entity_id(parsed, parsed.template.transport.id or "")
        elif url.startswith("$all"):
            COMPILER.compile_all(parsed)
        else:
            COMPILER.compile(url)
    return caught.value


def place(marked: str) -> tuple[str, int]:
    path, _, options = marked.partition("?")
    if "^" in path:
        return "path", unquote(path).index("^")
    [option] = [option for option in options.split("&") if "^" in option]
    name, _, text = option.partition("=")
    return name, unquote(text).index("^")


# With the nested option that the error names, if any.
PLACES = {
    # a blank before what is wrong
    "Message?$filter=status eq 1 ^)": None,
    "Message?$filter=(status eq 1 ^,id eq 2)": None,
    "Message?$filter=status ^in": None,
    "Message?$filter=status eq 1   ^foo": None,
    "Message?$select=id ^[": None,
    "Message?$filter=id eq   ^}": None,
    "Message?$orderby=id ^:": None,
    "Conversation?$filter=messages/any(m:m/private ^]": None,
    "Message?$apply=aggregate(^id  as n)": None,
    # directions
    "Message?$orderby=id ^asc desc": None,
    "Message?$orderby=id ^desc asc,status": None,
    "Message?$orderby=id ^ascending": None,
    "Message?$orderby=length(content)^desc": None,
    # nested options
    "Conversation?$expand=messages($filter=id gt ^)": "$filter",
    "Conversation?$expand=messages($filter=id ^foo 1)": "$filter",
    "Conversation?$expand=messages($filter=id eq ^5x;$top=1)": "$filter",
    "Conversation?$expand=messages($orderby=id ^foo)": "$orderby",
    "Conversation?$expand=messages($top=1;$expand=inbox($filter=id ^bar))": "$filter",
    "Conversation?$expand=messages($expand=inbox($select=id);$orderby=id ^bar)": "$orderby",
    "Conversation?$expand=messages($apply=^foo(x))": "$apply",
    "Conversation?$expand=messages($filter=^2021-13-01 eq date(created_at))": "$filter",
    "Conversation?$expand=messages($levels=^x)": "$levels",
    "Conversation?$expand=messages($levels= ^0)": "$levels",
    "Label?$expand=*(levels=^-1)": "$levels",
    "Conversation?$expand=messages($count=^x)": "$count",
    "Conversation?$expand=messages($count=^1)": "$count",
    "Conversation?$expand=messages($top=^x)": "$top",
    "Conversation?$expand=messages($skip=^1.5)": "$skip",
    "Conversation?$expand=messages(@p=id ^foo;$filter=@p)": "@p",
    "Conversation?$filter=messages/$count($filter=id ^foo) gt 1": "$filter",
    "Conversation?$expand=messages^{": None,
    "Conversation?$expand=inbox(^$top=1)": None,
    # aliases assigned where none can be
    "Conversation?$filter=messages/$count($filter=id eq @p;^@p=1) gt 1": "@p",
    "Conversation?$filter=messages/$count(^@p=1) gt 1": "@p",
    "Conversation?$filter=id gt 1 and messages/$count($search=x;^@p=1) gt 1": "@p",
    # names that are taken, and keys
    "Message?$apply=aggregate(id with sum as ^content)": None,
    "Message?$apply=groupby((status),aggregate($count as n,id mul 2 with max as ^status))": None,
    "Message(^nope=1)": None,
    "Message(id=1,^id2=2)": None,
    "Conversation(1)/messages(^nope=1)": None,
    "Conversation?$filter=$root/User(^nope=1)/id eq 1": None,
    # entity-ids
    "$entity?$id=^Nope(1)": None,
    "$entity?$id=Message(^x)": None,
    "$entity?$id=Message(^'x')": None,
    "$entity?$id=Message(^nope=1)": None,
    "$entity?$id=Message(1)/^nope": None,
    "$entity?$id=Message(1^": None,
    "$entity/^LiveAgent.Nope?$id=Message(1)": None,
    "$entity?$id=Message(1)&$select=^nope": None,
    # paths
    "$all/^T(1)": None,
    "$all/^LiveAgent.Message(1)": None,
    "^$crossjoin": None,
    "Message/^$filter": None,
    "^$metadata(1)": None,
}  # fmt: skip


@pytest.mark.parametrize("marked", PLACES)
def test_an_error_is_at_what_is_wrong_and_names_the_nested_option(marked):
    error = refused(marked)
    assert (error.status in (400, 404), error.target, error.at, error.nested) == (True, *place(marked), PLACES[marked]), str(error)


def test_a_group_by_what_is_computed_has_the_way_out_that_is_answered():
    error = refused("Message?$apply=groupby((^year(created_at)),aggregate($count as n))")
    way = error.hint.partition(": ")[2]
    assert COMPILER.compile(f"Message?$apply={way}").query.is_made


@pytest.mark.parametrize("marked", PLACES)
def test_no_hint_says_what_the_client_wrote(marked):
    error, (name, at) = refused(marked), place(marked)
    url = marked.replace("^", "")
    suggested = (error.hint or "").removeprefix("did you mean '").removesuffix("'?")
    assert not (error.hint or "").startswith("did you mean") or suggested not in url[-len(suggested) :], (name, at)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("Conversation?$expand=messages($count=x)", "true or false"),
        ("Conversation?$expand=messages($top=x)", "a number"),
        ("Conversation?$expand=messages($skip=)", "a number"),
        ("Message?$apply=top(x)", "a number"),
        ("Message?$select=", "has no value"),
        ("Conversation?$expand=messages($select=)", "a name"),
        ("Message?$filter=contains(content,\u2018a\u2019)", "straight single quotes"),
        ("Message?$filter=content eq \u201ca\u201d", "straight single quotes"),
        ("$crossjoin", "must have parentheses"),
        ("$all(1)", "cannot have parentheses"),
        ("Message?$orderby=id descending", "write asc or desc"),
        ("Message?$select=inbox/name", "write $expand=inbox($select=name)"),
    ],
)
def test_the_message_says_what_is_expected_or_what_to_write(url, words):
    assert words in str(refused(url))
