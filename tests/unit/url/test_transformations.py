"""Where a name in $apply is a transformation: the table of arguments, walked."""

import pytest
from odata_gateway.errors import UrlSyntax
from odata_gateway.url import options
from odata_gateway.url.grammar import UrlParser
from odata_gateway.url.lexer import option_tokens
from odata_gateway.url.transformations import _ARGUMENTS, _TOKENS, mark_transformations

START = options.BY_NAME["$apply"].start
FIRST = {"groupby": "(a)", "rolluprecursive": "$root/A"}
POSITIONS = [(name, number) for name, row in _ARGUMENTS.items() for number in range(len(row) + 1) if (name, number) != ("groupby", 0)]


def marked(text, start=START):
    return [(kind, str(piece).strip()) for kind, piece, _ in mark_transformations(option_tokens("$apply", text), start)]


def expected_at(name, number):
    """What the table says of an argument; its last entry holds for all that follow."""
    row = _ARGUMENTS[name]
    return row[min(number, len(row) - 1)]


def call(name, number, argument):
    """The transformation with an argument at a position, and fitting ones before it."""
    before = ["x" if expected_at(name, at) == "other" else "skip(1)" for at in range(number)]
    before[:1] = [FIRST.get(name, before[0])] if before else []
    whole = f"{name}({','.join((*before, argument))})"
    return f"groupby(({whole}))" if name == "rolluprecursive" else whole


@pytest.mark.parametrize(("name", "number"), POSITIONS)
def test_an_argument_is_what_the_table_says(name, number):
    kinds = {text: kind for kind, text in marked(call(name, number, "top(1)"))}
    assert kinds["top("] == ("CALL" if expected_at(name, number) == "other" else "T_PAGE")


def test_what_is_ordered_by_stands_behind_a_sequence():
    assert ("T_PAGE", "top(") in marked("traverse($root/A,b,c,preorder,top(1),d)")
    assert ("CALL", "length(") in marked("traverse($root/A,b,c,preorder,length(d))")
    assert ("CALL", "concat(") in marked("traverse($root/A,b,c,preorder,concat(a,b))")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("identity", ["T_IDENTITY"]),
        ("concat(identity,top(1))", ["T_CONCAT", "T_IDENTITY", "COMMA", "T_PAGE", "NUMBER", "CLOSE", "CLOSE"]),
        ("compute(concat(a,b) as c)", ["T_COMPUTE", "CALL", "NAME", "COMMA", "NAME", "CLOSE", "AS", "NAME", "CLOSE"]),
        ("filter(filter)", ["T_FILTER", "NAME", "CLOSE"]),
        ("identity/A.F()/top(1)", ["T_IDENTITY", "SLASH", "T_CUSTOM", "CLOSE", "SLASH", "T_PAGE", "NUMBER", "CLOSE"]),
        ("groupby((a,rollup(b)))", ["T_GROUPBY", "NAME", "COMMA", "T_ROLLUP", "NAME", "CLOSE", "CLOSE", "CLOSE"]),
        ("filter(rollup(b))", ["T_FILTER", "CALL", "NAME", "CLOSE", "CLOSE"]),
        ("identity/aggregate(a)", ["T_IDENTITY", "SLASH", "T_AGGREGATE", "NAME", "CLOSE"]),
        ("filter($these/aggregate(a))", ["T_FILTER", "VARIABLE", "AGGREGATE_OPEN", "NAME", "CLOSE", "CLOSE"]),
    ],
)
def test_tokens_are_renamed_where_a_transformation_begins(text, expected):
    assert [kind for kind, _ in marked(text)] == expected


@pytest.mark.parametrize(
    "text", ["nonsense(a)", "top", "identity(a)", "concat(identity,a)", "identity/b", "groupby(a)", "groupby", "join(a as b,c)"]
)
def test_a_name_that_must_be_a_transformation_and_is_none_is_refused(text):
    with pytest.raises(UrlSyntax) as caught:
        marked(text)
    assert caught.value.at is not None


def test_an_option_in_parentheses_begins_a_sequence():
    tokens = [("OPT_APPLY", "$apply=", 0), ("CALL", "top(", 7), ("NUMBER", "1", 11), ("CLOSE", ")", 12)]
    assert mark_transformations(tokens, "START_EXPAND")[1][0] == "T_PAGE"


def test_the_grammar_knows_every_token():
    assert set(_TOKENS.values()) | {"T_CUSTOM", "T_ROLLUP", "T_ROLLUPRECURSIVE"} == {t for t in UrlParser.tokens if t.startswith("T_")}
