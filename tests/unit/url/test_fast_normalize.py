"""The short cuts find what the plain way finds, and raise what it raises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from odata_gateway.errors import ODataError
from odata_gateway.url.fast_normalize import fast_normalize
from odata_gateway.url.normalize import normalize
from odata_gateway.url.split import split
from tests.unit.url.test_normalize import DIFFERENT, SAME
from tests.unit.url.test_unparse import OPTIONS

MAX_BYTES = 300
ENTITIES = [
    f"{slash}{name}({key})"
    for slash in ("", "/")
    for name in ("Message", "not", "any", "all", "null", "INF", "in", "search", "Edm", "m2_x", "top", "date")
    for key in ("0", "7", "007", "123456789")
]
NEARLY_ENTITIES = [
    "Message", "Message(1)/id", "Message(1)?a=1", "Message(1)#", "Message(-1)", "Message(1L)", "Message(1234567890)", "Message(id=1)", "A%20(1)",
    "Mé(1)", "Message(١)", "Message(1))", "//Message(1)", "Message (1)", "(1)", "1(1)", "a" * 101 + "(1)", "a" * 300 + "(1)",
]  # fmt: skip
LISTS = [
    f"Message?{query}"
    for query in (
        "$orderby=INF", "$select=id,content", "$orderby=null,true desc", "$select=a&$orderby=a", "$expand=a/b,-INF", "$expand=a/$ref",
        "$select=a,,b", "$select=a b", "$orderby= a", "$expand=a,b/c&$select=a,b&$orderby=a desc,b asc", "select=id&orderby=id", "$select=",
        "$filter=a eq 1&$select=a&$top=1&$orderby=b", "$select=id&$select=id", "$search=a b&$select=case", "$select=*", "$orderby=a in b",
        "$orderby=not a", "$select=any,all,not", "$expand=search", "$orderby=a and NaN",
    )
]  # fmt: skip
CASES = json.loads((Path(__file__).parents[2] / "data" / "abnf_public.json").read_text("utf-8"))
OFFICIAL = [f"Message?{option}={case['input']}" for case in CASES for option in ("$select", "$orderby", "$expand")]


def plain(target):
    parts = split(target, max_bytes=MAX_BYTES)
    return parts, *normalize(parts)


def fast(target):
    return fast_normalize(target, max_bytes=MAX_BYTES)


def outcome(function, target):
    """What a function returns, as text, with the tokens that comparisons of templates ignore; or its error.

    Tokens are without their offsets: the template of `Message(0)` serves all its entities, and has its errors at offsets before the key.
    """
    try:
        parts, template, values = function(target)
    except ODataError as error:
        return type(error), str(error), error.at
    tokens = [[(part.name, token[:2]) for token in part.tokens] for part in (*template.path, *template.options)]
    return parts, template.key, template.transport, tokens, repr(values)


TARGETS = [
    *ENTITIES,
    *NEARLY_ENTITIES,
    *LISTS,
    *(url for pair in SAME + DIFFERENT for url in pair),
    *(f"Things?{text}" for text in OPTIONS),
]


@pytest.mark.parametrize("target", TARGETS)
def test_both_ways_agree(target):
    expected = outcome(plain, target)
    assert outcome(fast, target) == expected
    assert outcome(fast, target) == expected, "the second time, from the table"


def test_both_ways_agree_on_lists_of_any_text():
    for target in OFFICIAL:
        assert outcome(fast, target) == outcome(plain, target) == outcome(fast, target)


def test_a_list_seen_before_is_the_same_object():
    first, again = (
        fast_normalize("Message?$select=id,content", max_bytes=MAX_BYTES),
        fast_normalize("Label?$select=id,content", max_bytes=MAX_BYTES),
    )
    assert first[1].options[0] is again[1].options[0]
