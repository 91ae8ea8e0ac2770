"""What is the same Template and what is not; which options there are, each once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from odata_gateway.errors import LimitUrl, ODataError, UrlLiteral, UrlOption, UrlSyntax
from odata_gateway.types.calendar import Span
from odata_gateway.url.literals import LiteralValue
from odata_gateway.url.normalize import QueryTemplate, TransportOptions, normalize
from odata_gateway.url.parse import parse
from odata_gateway.url.split import split


def normalized(url: str) -> tuple[QueryTemplate, tuple[LiteralValue, ...]]:
    return normalize(split(url, max_bytes=20_000, strict=True), strict=True)


def template(url: str) -> QueryTemplate:
    return normalized(url)[0]


SAME = [
    ("Message(1)", "Message(42)"),
    ("Message(id=1)", "Message%28id=7%29"),
    ("Message/1/messages", "Message/22/messages"),
    ("Message?$filter=status eq 1", "Message?$filter=status%20eq%202"),
    ("Message?$filter=content eq 'a'", "Message?$filter=content eq 'it''s; a (longer) one'"),
    ("Message?$filter=id in (1,2,3)", "Message?$filter=id in (4,5)"),
    ("Message?$filter=id in (1)", "Message?$filter=id in (4)"),
    ("Message?$top=1&$skip=0", "Message?$top=5000000000&$skip=7"),
    ("Message?$filter=created_at ge 2021-11-23T00:00:00Z", "Message?$filter=created_at+ge+-0001-01-01T00:00+02:00"),
    ("Conversation?$expand=messages($top=1;$filter=id gt 2)", "Conversation?$expand=messages($top=9;$filter=id gt 3)"),
    ("Message?$search=hello AND \"good bye\"", "Message?$search=a AND \"b\""),
    ("Message?$filter=id eq @p&@p=1", "Message?$filter=id eq @p&@p=2"),
    ("Message?$filter=id in @p&@p=[1,2]", "Message?$filter=id in @p&@p=[1]"),
    ("Message?$top=1&apikey=K", "Message?$top=1"),
    ("Message?apikey=K&$top=1&utm=2&apikey=L", "Message?$top=1"),
    ("Message?$format=json", "Message?$format=application/json"),
    ("Message?$skiptoken=a", "Message?$skiptoken=b"),
    ("Message?top=1", "Message?$TOP=1"),
    ("Message/", "/Message"),
]  # fmt: skip

DIFFERENT = [
    ("Message(1)", "Message(id=1)"),
    ("Message(1)", "Message('1')"),
    ("Message(1)", "Message(3000000000)"),
    ("Message/1", "Message/$count"),
    ("Message/messages", "Message/inbox"),
    ("Message?$filter=status eq 1", "Message?$filter=status ne 1"),
    ("Message?$filter=status eq 1", "Message?$filter=status eq '1'"),
    ("Message?$filter=status eq null", "Message?$filter=status eq true"),
    ("Message?$filter=id in (1,2)", "Message?$filter=id in (1,null)"),
    ("Message?$filter=id in (1,2)", "Message?$filter=id eq 1"),
    ("Message?$filter=(1) eq 1", "Message?$filter=1 eq 1"),
    ("Message?$count=true", "Message?$count=false"),
    ("Message?$expand=x($levels=2)", "Message?$expand=x($levels=3)"),
    ("Message?$expand=x($top=1)", "Message?$expand=x($skip=1)"),
    ("Message?$search=a b", "Message?$search=a OR b"),
    ("Message?$search=a", "Message?$search=\"a\""),
    ("Message?$top=1", "Message?$top=1&$skiptoken=x"),
    ("Message?$top=1", "Message?$top=1&$id=x"),
    ("Message?$select=id&$orderby=id", "Message?$select=id%26$orderby=id"),
    ("Message?$filter=@p&@p=true", "Message?$filter=@q&@q=true"),
    ("Message", "Label"),
    ("", "Label"),
    ("Message?$filter=a eq X.Y'1'", "Message?$filter=a eq '1'"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_requests_that_differ_in_literals_share_a_template(one, other):
    assert template(one) == template(other)
    assert hash(template(one)) == hash(template(other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_can_change_the_statement_changes_the_template(one, other):
    assert template(one) != template(other)


def test_values_come_by_slot_in_the_order_of_the_text():
    _, values = normalized("Message(1)/messages?$filter=contains(content,'x') and id in (1,2) and t eq 12:00&$top=3")
    assert [(value.kind, value.value, value.target) for value in values] == [
        ("int32", 1, "path"),
        ("raw", "messages", "path"),
        ("string", "x", "$filter"),
        ("int32", (1, 2), "$filter"),
        ("time", Span(43_200_000_000), "$filter"),
        ("int64", 3, "$top"),
    ]
    assert [value.at for value in values] == [8, 11, 17, 32, 47, 0]


@pytest.mark.parametrize(
    ("items", "kind", "expected"),
    [
        ("(1,2)", "int32", (1, 2)),
        ("(1,3000000000)", "int64", (1, 3000000000)),
        ("(1,2.5)", "decimal", (Decimal(1), Decimal("2.5"))),
        ("( 'a' , 'b,c' )", "string", ("a", "b,c")),
        ("('a''b','c')", "string", ("a'b", "c")),
        ("('a''b')", "string", "a'b"),  # one value, as beside eq
        ("['a']", "string", ("a",)),
        ("[\"a\",'b']", "string", ("a", "b")),
        ("(12:00,13:00)", "time", (Span(43_200_000_000), Span(46_800_000_000))),
    ],
)
def test_a_list_of_one_kind_is_one_value(items, kind, expected):
    _, values = normalized("Message?$filter=x in " + items)
    assert [value[:2] for value in values] == [(kind, expected)]


@pytest.mark.parametrize(
    ("items", "count"), [("(1,null)", 1), ("(1,'a')", 2), ("(1,1e0)", 2), ("()", 0), ("[]", 0), ("[[1],[2]]", 2), ("(true)", 0)]
)
def test_other_lists_stay_lists(items, count):
    _, values = normalized("Message?$filter=x in " + items)
    assert len(values) == count


@pytest.mark.parametrize("filter_", ["(1) eq x", "x eq (1)", "f([1,2])", "x in (names)", "x in (1 add 2)"])
def test_brackets_that_are_no_list_of_in_are_not_folded(filter_):
    found, values = normalized("Message?$filter=" + filter_)
    assert not any(isinstance(value.value, tuple) for value in values)
    parse(found)


def test_text_options_are_beside_the_template():
    found = template("Message?$format=json&schemaversion=1.0&$skiptoken=abc%3D&$id=Message(1)&$deltatoken=d")
    assert found.transport == TransportOptions("json", "1.0", "Message(1)", "abc=", "d")
    assert template("Message").transport == TransportOptions()


@pytest.mark.parametrize("name", ["$filter", "filter", "$FILTER", "Filter", "%24filter", "$%66ilter"])
def test_an_option_is_known_in_any_case_with_and_without_dollar(name):
    assert template(f"Message?{name}=id eq 1").options[0].name == "$filter"


@pytest.mark.parametrize(
    ("query", "hint"),
    [("$fitler=1", "did you mean '$filter'?"), ("$oderby=id", "did you mean '$orderby'?"), ("$inlinecount=allpages", "use $count=true"),
     ("$foo=1", None),
     ("$=1", None), ("$", None), ("$levels=2", None), ("$it=1", None), ("=1", None), ("$skiptokens=x", "did you mean '$skiptoken'?")],
)  # fmt: skip
def test_unknown_dollar_options_are_refused_by_name(query, hint):
    with pytest.raises(UrlOption) as caught:
        template("Message?" + query)
    assert hint is None or caught.value.hint == hint
    assert caught.value.target


@pytest.mark.parametrize("query", ["@=1", "@", "@1=2", "@a.b=1", "@a b=1", "@@=1"])
def test_an_alias_is_an_identifier(query):
    with pytest.raises(UrlOption):
        template("Message?" + query)


@pytest.mark.parametrize(
    "query",
    ["$top=1&$top=2", "$top=1&TOP=2", "$filter=true&filter=true", "@p=1&@p=2", "$format=json&format=json", "$count=true&count=true"],
)
def test_an_option_is_given_once_whatever_its_spelling(query):
    with pytest.raises(UrlOption, match="twice"):
        template("Message?" + query)


@pytest.mark.parametrize(
    "query", ["apikey=K&apikey=K", "utm", "!special", "find=O%27Neil&!special", "skiptoken=x", "x=%24", "a=b=c", "levels=1"]
)
def test_custom_options_are_left_out(query):
    assert template("Message?" + query) == template("Message")


def test_an_ampersand_in_a_search_is_explained():
    with pytest.raises(UrlSyntax, match="%26"):
        template("Message?$search=more&more")


@pytest.mark.parametrize("name", ["$filter", "$search", "$select", "$expand", "$orderby", "$compute", "$apply", "$top", "$skip", "$index",
    "$count",
                                  "$format", "$schemaversion", "$id", "$skiptoken", "$deltatoken", "@p"])  # fmt: skip
@pytest.mark.parametrize("ending", ["", "="])
def test_no_option_is_empty(name, ending):
    with pytest.raises(UrlSyntax) as caught:
        template(f"Message?{name}{ending}")
    assert (caught.value.target, caught.value.at) == (name, 0)


@pytest.mark.parametrize("query", ["$top=-1", "$top=abc", "$top= 1", "$top=1 ", "$top=1.5", "$top=1L", "$top=%2B1", "$skip=1.5",
    "$skip=-0", "$top=٣",
                                   "$count=yes", "$count=2", "$count=true ", "$index=--1", "$index=a", "$schemaversion=a b",
                                   "$format=nonsense",
                                   "$format=json;odata.metadata=full", "$format= json", "$format=/json"])  # fmt: skip
def test_plain_options_have_one_form(query):
    with pytest.raises(UrlSyntax) as caught:
        template("Message?" + query)
    assert caught.value.at == 0


def test_numbers_are_bounded():
    with pytest.raises(UrlLiteral):
        template("Message?$top=9223372036854775808")
    with pytest.raises(UrlLiteral):
        template("Message?$top=" + "9" * 5000)
    assert normalized("Message?$top=" + "0" * 5000 + "7")[1][0].value == 7
    assert normalized("Message?$index=-3")[1][0].value == -3


@pytest.mark.parametrize("name", ["Nope()x/", "0time", "Products.('foo')", "a b", "O'Neil", "(1)"])
def test_the_first_segment_is_a_name(name):
    with pytest.raises(ODataError) as caught:
        parse(template(name))
    assert caught.value.status == 400


def test_the_limit_is_on_the_whole_target():
    with pytest.raises(LimitUrl) as caught:
        split("Message?$filter=" + "a" * 20_000, max_bytes=16_384)
    assert caught.value.status == 414


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("json;odata.metadata=none", "write application/json;odata.metadata=none"),
        ("JSON;IEEE754Compatible=true", "write application/json;IEEE754Compatible=true"),
        ("xml;charset=utf-8", "write application/xml;charset=utf-8"),
        ("foo", "write json or a media type such as application/json"),
        ("foo;a=b", "write json or a media type such as application/json"),
    ],
)
def test_a_format_that_is_wrong_gets_a_hint_that_every_resource_can_serve(value, hint):
    with pytest.raises(UrlSyntax) as caught:
        normalized(f"Message?$format={value}")
    assert (caught.value.target, caught.value.at, caught.value.hint) == ("$format", 0, hint)


@pytest.mark.parametrize(("option", "wanted"), [("$index", "a whole number"), ("$top", "a whole number from 0")])
def test_a_text_that_is_not_a_number_is_told_which_numbers_there_are(option, wanted):
    with pytest.raises(UrlSyntax, match=f": expected {wanted}, not 'abc';"):
        normalized(f"Message?{option}=abc")
