"""Delimiters in $search that were percent-encoded: they belong to the word that they stand in."""

from __future__ import annotations

import pytest
from odata_gateway.errors import ODataError
from odata_gateway.url.normalize import normalize
from odata_gateway.url.parse import parse
from odata_gateway.url.split import split

# The words and phrases that are looked for.
WORDS = {
    "$search=a%3Bb": ["a;b"],
    "$search=a%3bb%3B": ["a;b;"],
    "$search=%3B": [";"],
    "$search=x a%3Bb OR c": ["x", "a;b", "c"],
    "$search=a%26b": ["a&b"],
    "$search=a%2Cb%2Fc%3Dd": ["a,b/c=d"],
    "$search=a%28b%29": ["a(b)"],
    "$search=a%28": ["a("],
    "$search=a%29 b": ["a)", "b"],
    "$search=f%28x%28y%29%29": ["f(x(y))"],
    "$search=%28a OR b%29 c": ["a", "b", "c"],
    "$search=%28%28a%29%29": ["a"],
    "$search=(a%28b%29 OR c)": ["a(b)", "c"],
    "$search=(a%29)": ["a)"],
    "$search=NOT %28a%29": ["a"],
    "$search=%22a b%22": ["a b"],
    "$search=%22a%3Bb%22": ["a;b"],
    "$search=Z%C3%BCrich%3Bx": ["Zürich;x"],
    "$expand=messages($search=a%3Bb)": ["a;b"],
    "$expand=messages($search=%C3%A4%3B a%3Bb;$top=1)": ["ä;", "a;b"],
    "$expand=messages($search=a%3B$top=1)": ["a"],
    "$expand=messages($search=a%3B @p=1)": ["a"],
    "$expand=messages%28$search=a%3Btop=1%29": ["a"],
    "$expand=messages($search=a%28b%29)": ["a(b)"],
    "$expand=messages($search=a%29)": ["a)"],
    "$expand=messages%28$search=a%29": ["a"],
    "$expand=messages($search=(a%3Bb))": ["a;b"],
    "$apply=search(a%3Bb)/top(1)": ["a;b"],
    "$apply=search(a%28b%29)": ["a(b)"],
    "$filter=messages/$count($search=a%3Bb) gt 1": ["a;b"],
    "$search= a%3Bb ": ["a;b"],
    "$expand=messages ($top=1; $search= a%3Bb ;)": ["a;b"],
}


@pytest.mark.parametrize("query", WORDS)
def test_an_encoded_delimiter_is_part_of_the_word(query):
    template, values = normalize(split(f"Conversation?{query}"))
    parse(template)
    assert [value.value for value in values if value.kind in ("word", "phrase", "string")] == WORDS[query]


@pytest.mark.parametrize(
    "query", ["$search=a;b", "$search=a(b)", "$search=NOT%28a%29", "$search=a%22b", "$expand=messages($search=a;b)", "$search=(a%28)%29"]
)
def test_a_literal_delimiter_is_not(query):
    with pytest.raises(ODataError) as caught:
        parse(normalize(split(f"Conversation?{query}"))[0])
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("target", "values"),
    [
        ("Message?$filter=content eq 'a%26b%3Bc%28d%29%22%2C%2F'", ['a&b;c(d)",/']),
        ("Message?$filter=contains(content,'%3B')", [";"]),
        ("Label('a%2Fb%3Bc')", ["a/b;c"]),
        ("Label/a%2Fb%28c%29", ["a/b(c)"]),
        ("Message?@p='%26%3B'&$filter=content eq @p", ["&;"]),
        ('Message?$filter=content in @p&@p=["%26","%5C%22"]', [("&", '"')]),
    ],
)
def test_encoded_delimiters_in_values_are_text(target, values):
    assert [value.value for value in normalize(split(target))[1]] == values
