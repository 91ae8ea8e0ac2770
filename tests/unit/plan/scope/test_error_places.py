"""Errors name the option that the URL has and the offset in its text, also for nested options and parameter aliases.

In the requests of these tests, ^ stands before the place that an error must name.
"""

import pytest
from odata_gateway.errors import ODataError
from odata_gateway.plan.scope.error_places import ErrorPlaces, with_moved_offsets
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.url import ast
from tests.harness.binding import bound


def place(marked: str) -> tuple[str, int]:
    """The option that ^ is in, and its offset in the option's text."""
    path, _, options = marked.partition("?")
    if "^" in path:
        return "path", path.index("^")
    [option] = [option for option in options.split("&") if "^" in option]
    name, _, text = option.partition("=")
    return name, text.index("^")


def refused(marked: str, limits: Limits | None = None) -> ODataError:
    with pytest.raises(ODataError) as caught:
        bound(marked.replace("^", ""), limits)
    return caught.value


OPTIONS = {
    "Message?$filter=status eq 1 and ^nope eq 2": "Bind.Name",
    "Message?$orderby=id,^nope": "Bind.Name",
    "Message?$compute=id as a,^nope as b": "Bind.Name",
    "Message?$compute=id as a,id as ^status": "Bind.Name",
    "Message?$select=id,^nope": "Bind.Name",
    "Message?$expand=sender,^nope": "Bind.Name",
    "Message?$top=1&$filter=^nope eq 1": "Bind.Name",
    "Message?$apply=filter(status eq 1)/groupby((^nope))": "Bind.Name",
    "Message?$apply=groupby((status))/search(^x)": "Unsupported.Feature",
    "Message?$apply=aggregate(^content with sum as n)": "Bind.Type",
    "Message?$apply=topsum(^content,id)": "Unsupported.Feature",
    "Message?$apply=topsum(1,^content)": "Bind.Type",
    "Message?$apply=concat(groupby((status)),groupby((^nope)))": "Bind.Name",
    "Message?$apply=groupby((status),topcount(1,^nope))": "Bind.Name",
    "Conversation?$apply=join(messages as m,filter(^nope eq 1))": "Bind.Name",
    "Message?$apply=groupby((status))&$filter=sender/^nope eq 1": "Bind.Name",
    "Message?$apply=groupby((status))&$select=^content": "Bind.Name",
    "Message?$apply=groupby((sender))&$select=^sender/nope": "Bind.Name",
    "Message?$apply=groupby((status))&$expand=^sender": "Bind.Name",
    "Message?$apply=concat(identity,groupby((status)))&$select=id,^nope": "Bind.Name",
    "Message?$apply=concat(identity,groupby((status)))&$expand=^nope": "Bind.Name",
    "Message?$apply=groupby((status))&$search=^x": "Unsupported.Feature",
    "Message(1)/^nope": "Bind.Segment",
    "Message(^'x')": "Bind.Type",
    "Message/$filter(^nope eq 1)": "Bind.Name",
    "^Nope": "Bind.Segment",
    "$crossjoin(Message,^Nope)": "Bind.Segment",
    "$crossjoin(Message,User)?$filter=^id eq 1": "Bind.Name",
    "$crossjoin(Message,User)?$select=Message,^nope": "Bind.Name",
    "$crossjoin(Message,User)?$expand=^nope": "Bind.Name",
}


@pytest.mark.parametrize("marked", OPTIONS)
def test_an_error_names_its_option_and_the_offset_there(marked):
    error = refused(marked)
    assert (error.code, error.target, error.at) == (OPTIONS[marked], *place(marked))
    assert error.nested is None


NESTED = {
    "Conversation?$expand=messages($filter=id gt ^'x')": "$filter",
    "Conversation?$expand=messages($compute=^nope as x)": "$compute",
    "Conversation?$expand=messages($orderby=id,^nope)": "$orderby",
    "Conversation?$expand=messages($apply=groupby((status));$search=^x)": "$search",
    "Conversation?$expand=messages($select=id,^nope)": "$select",
    "Conversation?$expand=messages(^$levels=2)": "$levels",
    "Conversation?$expand=messages($apply=groupby((^nope)))": "$apply",
    "Conversation?$expand=messages($apply=groupby((status),topcount(1,^nope)))": "$apply",
    "Conversation?$expand=messages($apply=groupby((status));$orderby=sender/^nope)": "$orderby",
    "Conversation?$expand=messages($expand=sender($select=^nope))": "$select",
    "Conversation?$expand=inbox,messages($top=1;$expand=^nope)": "$expand",
    "Conversation?$expand=*,messages($filter=^nope eq 1)": "$filter",
    "Conversation?$expand=messages($filter=sender/inboxes/$count($filter=^nope eq 1) gt 1)": "$filter",
    "Conversation?$filter=messages/$count($filter=^nope eq 1) gt 1": "$filter",
    "Conversation?$orderby=messages/$count($filter=^nope eq 1)": "$filter",
    "Conversation?$apply=groupby((inbox))&$expand=inbox($select=^nope)": "$select",
    "Conversation?$apply=groupby((inbox/id))&$expand=inbox($select=^nope)": "$select",
    "Conversation?$apply=concat(identity,groupby((status)))&$expand=messages($filter=^nope eq 1)": "$filter",
    "$crossjoin(Message,User)?$expand=Message($select=^nope)": "$select",
    "$crossjoin(Message,User)?$expand=Message,User($expand=messages($filter=^nope eq 1))": "$filter",
}


@pytest.mark.parametrize("marked", NESTED)
def test_an_error_in_a_nested_option_names_the_option_that_the_url_has(marked):
    error = refused(marked)
    assert (error.target, error.at) == place(marked)
    assert error.nested == NESTED[marked]
    assert str(error).startswith(f"{error.target} at {error.at}, nested {error.nested}: ")


ALIASES = {
    "Message?$filter=@a eq 1&@a=^nope": None,
    "Message?$filter=1 eq @a&@a=^nope": None,
    "Message?$filter=id eq @a&@a=^'x'": None,
    "Message?$filter=id ^eq @a&@a=content": None,
    "Message?$filter=id in @a&@a=[1,^'x']": None,
    "Message?$filter=contains(content,@a)&@a=concat(^nope,content)": None,
    "Message?$filter=matchesPattern(content,@a)&@a=^content": None,
    "Message?$filter=cast(@a,Edm.Int32) eq 1&@a=^nope": None,
    "Message?$filter=@a&@a=^status": None,
    "Message?$filter=@a and @b&@b=@c&@a=private&@c=private and ^nope": None,
    "Message?$filter=@a eq 1&@a=@b&@b=^@a": None,
    "Message?$filter=[@a] eq [1]&@a=^nope": None,
    "Message?$orderby=@a&@a=length(^nope)": None,
    "Message?$compute=@a as x&@a=^nope": None,
    "Message?$apply=filter(@a eq 1)&@a=^nope": None,
    "Message?$apply=topcount(@a,id)&@a=^'x'": None,
    "Message?$apply=aggregate(@a with max as n)&@a=^nope": None,
    "Message/$filter(@a eq 1)?@a=^nope": None,
    "Message(@k)?@k=^'x'": None,
    "Message(@k)?@k=^null": None,
    "Message(@k)?@k=^['a',null]": None,
    "Message(^@k)": None,
    "Conversation(1)/messages(id=@k)?@k=^1.5": None,
    "Message?$filter=$root/User(@k)/id eq 1&@k=^'x'": None,
    "Conversation?$expand=messages($filter=id eq @a)&@a=^'x'": None,
    "Conversation?$expand=messages($filter=id eq @a;@a=^'x')": "@a",
    "Conversation?$expand=messages($expand=sender($select=id;$compute=@a as x);@a=^nope)": "@a",
    "Conversation?$expand=messages($filter=id eq @a;@a=@b)&@b=^'x'": None,
    "Conversation?$expand=messages($apply=filter(id eq @a)/groupby((status));@a=^'x')": "@a",
    "Conversation?$expand=inbox($compute=@a as x;@a=^nope)&@a=1": "@a",
    "$crossjoin(Message,User)?$filter=Message/id eq @a&@a=^'x'": None,
    "$crossjoin(Message,User)?$expand=Message($compute=@a as x;@a=^nope)": "@a",
}


@pytest.mark.parametrize("marked", ALIASES)
def test_an_error_in_the_value_of_an_alias_names_the_alias(marked):
    error = refused(marked)
    assert (error.target, error.at) == place(marked)
    assert error.nested == ALIASES[marked]


LIMITS = {
    "Message?$filter=private and ^private": Limits(nodes=2),
    "Message?$orderby=id,^id": Limits(nodes=1),
    "Message?$compute=id add 1 as x&$filter=x eq 1 or ^x eq 2": Limits(nodes=9),
    "Message?$filter=not(not(not(^private)))": Limits(depth=3),
    "Message?$filter=@a&@a=not(not(^private))": Limits(depth=3),
    "Message?$filter=status in [1,^id]": Limits(nodes=2),
    "Message?$filter=id in ^[1,id]": Limits(list_items=1),
    "Message?$filter=id in @a&@a=^[1,id]": Limits(list_items=1),
    "Conversation?$filter=messages/any(m:m/conversation/messages/^any())": Limits(lambda_depth=1),
    "Conversation?$expand=inbox,^assignee": Limits(expands=1),
    "Conversation?$expand=messages($expand=^sender)": Limits(expand_depth=1),
    "$crossjoin(Message,^User)": Limits(expands=1),
}


@pytest.mark.parametrize("marked", LIMITS)
def test_a_limit_names_the_place_where_it_is_exceeded(marked):
    assert bound(marked.replace("^", ""))
    error = refused(marked, LIMITS[marked])
    assert error.code.startswith("Limit.")
    assert (error.target, error.at) == place(marked)


# --- the place itself -------------------------------------------------------------------------------


def failing(places: ErrorPlaces, *options: str, error: ODataError) -> ODataError:
    """The error, raised inside of some options."""
    if not options:
        raise error
    with places.inside(options[0]):
        failing(places, *options[1:], error=error)
    raise AssertionError


@pytest.mark.parametrize(
    ("options", "target", "nested"),
    [
        (("$filter",), "$filter", None),
        (("$expand", "$filter"), "$expand", "$filter"),
        (("$expand", "$expand", "$filter"), "$expand", "$filter"),
    ],
)
def test_the_outermost_option_is_the_target_and_the_innermost_is_nested(options, target, nested):
    with pytest.raises(ODataError) as caught:
        failing(ErrorPlaces(), *options, error=ODataError("wrong", at=3))
    assert (caught.value.target, caught.value.at, caught.value.nested) == (target, 3, nested)


def test_an_error_that_has_its_place_keeps_it():
    with pytest.raises(ODataError) as caught:
        failing(ErrorPlaces(), "$filter", error=ODataError("wrong", target="$top", at=3))
    assert (caught.value.target, caught.value.at, caught.value.nested) == ("$top", 3, None)


def test_an_error_without_an_offset_gets_its_option_only():
    with pytest.raises(ODataError) as caught:
        failing(ErrorPlaces(), "$filter", error=ODataError("wrong"))
    assert (caught.value.target, caught.value.at) == ("$filter", None)


def test_options_are_left_on_the_way_out():
    places = ErrorPlaces()
    with pytest.raises(ODataError):
        failing(places, "$expand", "$filter", error=ODataError("wrong"))
    with pytest.raises(ODataError) as caught:
        failing(places, "$orderby", error=ODataError("wrong"))
    assert (caught.value.target, caught.value.nested) == ("$orderby", None)


def test_all_offsets_of_a_tree_are_moved_and_nothing_else():
    node = ast.Call(None, "length", (ast.Member(ast.Member(None, "a", 7), "b", 9),), 0)
    found = with_moved_offsets(node, 100)
    assert found == node
    assert isinstance(found, ast.Call) and isinstance(found.args[0], ast.Member)
    assert (found.at, found.args[0].at, found.args[0].base.at) == (100, 109, 107)
