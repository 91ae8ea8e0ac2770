"""The table of query options: each row is read as it says, and nothing else knows an option by itself."""

import ast as python
from dataclasses import fields
from pathlib import Path
from typing import get_args

import odata_gateway
import pytest
from odata_gateway.errors import ODataError, UrlOption
from odata_gateway.plan.tree.query import ResultForm
from odata_gateway.url import ast, options, unparse
from odata_gateway.url.grammar import UrlParser
from odata_gateway.url.lexer import UrlLexer
from odata_gateway.url.normalize import TransportOptions, normalize
from odata_gateway.url.options import ALLOWED, BY_NAME, NESTED, OPTIONS, PARSED, UNSUPPORTED
from odata_gateway.url.parse import parse
from odata_gateway.url.redact import redact
from odata_gateway.url.split import split

# ABNF rules systemQueryOption and expandOption, and applyOption of the aggregation ABNF. $inlinecount is the rule of $count.
IN_THE_ABNF = {
    "compute", "deltatoken", "expand", "filter", "format", "id", "count", "orderby", "schemaversion", "search", "select", "skip", "skiptoken",
    "top", "index", "levels", "apply",
}  # fmt: skip


def parsed(url):
    return parse(normalize(split(url))[0])


@pytest.fixture(params=OPTIONS, ids=lambda row: row.name)
def row(request):
    return request.param


@pytest.fixture(params=[row for row in OPTIONS if row.name in options.SYSTEM], ids=lambda row: row.name)
def system_row(request):
    """A row that may come with a whole request: all but $levels."""
    return request.param


def test_only_levels_stands_in_parentheses_alone():
    assert BY_NAME.keys() - set(options.SYSTEM) == {"$levels"}
    assert options.canonical("$levels") is None


def test_every_option_of_the_abnf_is_a_row_and_no_other():
    assert [row.name for row in OPTIONS] == list(BY_NAME)
    assert set(BY_NAME) == {f"${name}" for name in IN_THE_ABNF}


def test_the_example_of_a_row_is_read(row):
    path = "$entity" if row.name == "$id" else "Conversation"
    found = parsed(f"{path}?{row.example}").options
    if row.name == "$levels":
        found = found.expand[0].options
    assert getattr(found, row.field) is not None
    assert row.name in found.order


def test_the_example_stands_in_the_error_for_an_option_without_value(system_row):
    with pytest.raises(ODataError) as caught:
        parsed(f"Message?{system_row.name}=")
    assert caught.value.hint == f"write it like {system_row.example}"


def test_the_section_is_one_of_a_standard_we_cite(row):
    standard, _, number = row.section.partition(" ")
    assert standard in ("URL", "Protocol", "Aggregation") and number[0].isdigit()


# --- each row against the layers that read it


def test_the_tree_has_a_field_for_each_row():
    assert {field.name for field in fields(ast.Options)} == {row.field for row in OPTIONS} | {"aliases", "order", "places"}


def test_transport_options_are_the_rows_with_text():
    assert {field.name for field in fields(TransportOptions)} == {row.field for row in OPTIONS if row.form == "text"}


def test_values_are_in_slots_or_in_the_key_or_beside_it(row):
    """Literals of parsed options and numbers have slots; what changes the SQL is in the key; transport options are in neither."""
    samples = {"$top": ("1", "2"), "$skip": ("1", "2"), "$index": ("1", "2"), "$count": ("true", "false"), "$schemaversion": ("1", "2")}
    samples |= {
        "$format": ("json", "xml"),
        "$filter": ("a eq 1", "a eq 2"),
        "$search": ("a", "b"),
        "$apply": ("filter(a eq 1)", "filter(a eq 2)"),
    }
    samples |= {
        "$compute": ("1 as x", "2 as x"),
        "$orderby": ("a add 1", "a add 2"),
        "$select": ("a", "b"),
        "$expand": ("a($top=1)", "a($top=2)"),
    }
    if row.name == "$levels":
        one, other = "Message?$expand=a($levels=1)", "Message?$expand=a($levels=2)"
    else:
        one, other = (f"Message?{row.name}={value}" for value in samples.get(row.name, ("a", "b")))
    (first, values), (second, others) = normalize(split(one)), normalize(split(other))
    if row.form in ("boolean", "levels") or row.name == "$select":
        assert first.key != second.key
    else:
        assert first.key == second.key
        assert (values != others) == (row.form != "text")
        assert (first.transport != second.transport) == (row.form == "text")


def test_the_grammar_has_the_tokens_of_the_rows():
    assert {token for token in UrlParser.tokens if token.startswith("OPT_")} == {row.token for row in NESTED}
    assert {token for token in UrlParser.tokens if token.startswith("START_")} == {row.start for row in PARSED} | {
        "START_ALIAS",
        "START_SEGMENT",
    }
    for row in NESTED:
        for spelling in (f"{row.name}=", f"{row.field}=", f"{row.name.upper()}="):
            assert UrlLexer._master_re.match(spelling).lastgroup == "OPTION"


def test_every_option_in_parentheses_can_be_written_again():
    assert unparse._WRITERS.keys() == {row.name for row in NESTED}


# --- places


def test_every_place_is_in_both_tables():
    assert ALLOWED.keys() == UNSUPPORTED.keys()
    assert {place for row in OPTIONS for place in row.places | row.unsupported} <= ALLOWED.keys()
    assert not any(ALLOWED[place] & UNSUPPORTED[place] for place in ALLOWED)
    assert set(get_args(ResultForm)) <= ALLOWED.keys()


def test_every_row_stands_somewhere_or_is_refused_somewhere(row):
    assert row.places or row.unsupported
    assert (row.form == "text") <= (row.symbol is None)
    assert (row.symbol is not None) == bool(row.places & {"expand", "expand $ref", "select"} and row.name != "$levels")


NESTED_AT = {
    "expand": "Message?$expand=a({})",
    "expand $ref": "Message?$expand=a/$ref({})",
    "expand $count": "Message?$expand=a/$count({})",
    "expand *": "Message?$expand=*({})",
    "select": "Message?$select=a({})",
    "count segment": "Message?$filter=a/$count({}) eq 1",
}
VALUES = {
    "$filter": "a",
    "$search": "a",
    "$apply": "identity",
    "$compute": "1 as x",
    "$top": "1",
    "$skip": "1",
    "$count": "true",
    "$levels": "2",
}


@pytest.mark.parametrize("place", NESTED_AT)
def test_what_may_stand_in_parentheses(row, place):
    url = NESTED_AT[place].format(f"{row.name}={VALUES.get(row.name, 'a')}")
    if row.name in ALLOWED[place]:
        parsed(url)
    else:
        with pytest.raises(ODataError) as caught:
            parsed(url)
        assert caught.value.status == 400


DOCUMENTS = {"service document": "", "$metadata": "$metadata", "$batch": "$batch", "$entity": "$entity", "$entity cast": "$entity/Message"}


@pytest.mark.parametrize("place", DOCUMENTS)
def test_what_may_come_with_a_document(system_row, place):
    row = system_row
    entity_id = "&$id=Message(1)" if place.startswith("$entity") and row.name != "$id" else ""
    url = f"{DOCUMENTS[place]}?{row.name}={VALUES.get(row.name, '1' if row.form == 'number' else 'a/b' if row.name == '$format' else 'a')}{entity_id}"
    if row.name in ALLOWED[place]:
        parsed(url)
    else:
        with pytest.raises(UrlOption) as caught:
            parsed(url)
        assert caught.value.target == row.name


# --- projections


def test_costs_are_ranked_without_gaps():
    assert sorted(row.cost_rank for row in OPTIONS if row.cost_rank) == list(range(1, len(options.BY_COST) + 1))
    for cheaper, costlier in zip(options.BY_COST[1:], options.BY_COST, strict=False):
        assert redact(f"\0/Message\0&{cheaper}=a\0&{costlier}=b").options == costlier[1:]


def test_names_are_found_in_any_case_and_without_their_sign(system_row):
    name, field = system_row.name, system_row.field
    for spelling in (name, name.upper()):
        assert options.canonical(spelling) == name
    for spelling in (field, field.title()):
        assert options.canonical(spelling) == (name if system_row.is_bare else None)


def test_no_other_module_lists_options():
    """A list of three options or more outside of the table would have to be kept in step with it."""
    package = Path(odata_gateway.__file__).parent
    for path in package.rglob("*.py"):
        if path.name in ("options.py", "unparse.py"):
            continue
        for node in python.walk(python.parse(path.read_text("utf-8"))):
            items = node.keys if isinstance(node, python.Dict) else getattr(node, "elts", ())
            named = {item.value for item in items if isinstance(item, python.Constant)} & BY_NAME.keys()
            assert len(named) < 3, f"{path}:{node.lineno}"
