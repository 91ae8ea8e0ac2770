"""Media ranges as real clients send them, in the order in which they are preferred."""

import pytest
from odata_gateway.protocol.headers.accept import MediaRange, accept, media_range


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("application/json", MediaRange("application", "json")),
        (" Application/JSON ", MediaRange("application", "json")),
        ("*/*;q=0.1", MediaRange("*", "*", (), 0.1)),
        ("*; q=.2", MediaRange("*", "*", (), 0.2)),
        ('a/b;x="1,2;\\"3";Q=0', MediaRange("a", "b", (("x", '1,2;"3'),), 0.0)),
        ("a/b;q=2", MediaRange("a", "b")),
        ("a/b;q=1.9", MediaRange("a", "b")),
        ("a/b;q=high", MediaRange("a", "b")),
        ("a/b;", MediaRange("a", "b")),
        ("a/b;;x=1", MediaRange("a", "b", (("x", "1"),))),
    ],
)
def test_a_media_range_is_read(text, expected):
    assert media_range(text) == expected


@pytest.mark.parametrize("text", ["", "a", "a/", "/b", "a/b;x", "a/b;x=", "a/b/c", "**", "a b/c", "a/b;=1"])
def test_any_other_text_is_no_media_range(text):
    assert media_range(text) is None


def test_members_are_ordered_by_quality_then_by_specificity():
    found = accept("*/*, a/*;q=1, a/b, c/d;q=0.5, nonsense, e/f;q=0.9")
    assert [f"{m.kind}/{m.subtype}" for m in found] == ["a/b", "a/*", "*/*", "e/f", "c/d"]


def test_a_comma_in_quotes_does_not_end_a_member():
    assert accept('a/b;x=",", c/d') == (MediaRange("a", "b", (("x", ","),)), MediaRange("c", "d"))


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_header_names_no_type(text):
    assert accept(text) is None


def test_a_list_of_nonsense_is_a_list_without_members():
    assert accept("nonsense") == ()
