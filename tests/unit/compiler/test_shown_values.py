"""Values as SQL literals on lines that fit: Postgres reads each as the value that it shows."""

from __future__ import annotations

from decimal import Decimal

import pytest
from odata_gateway.compiler.shown_values import literal_value, text_constant, value_lines, wrapped
from odata_gateway.url.normalize import normalize
from odata_gateway.url.split import split

SHOWN = {
    "null": (None, "$1: NULL"),
    "boolean": (True, "$1: TRUE"),
    "number": (5, "$1: 5"),
    "decimal": (Decimal("1.50"), "$1: 1.50"),
    "infinity": (float("inf"), "$1: 'inf'"),
    "text": ("it's", "$1: 'it''s'"),
    "empty text": ("", "$1: ''"),
    "bytes": (b"\x00\xff", r"$1: '\x00ff'"),
    "backslash": ("a\\b\n'", r"$1: E'a\\b\n'''"),
    "invisible": ("a\u200b\U000e0001", r"$1: E'a\u200b\U000e0001'"),
    "list": ([1, 2], "$1: ARRAY[1, 2]"),
    "list of texts": (["a", "b'"], "$1: ARRAY['a', 'b''']"),
    "empty list": ([], "$1: ARRAY[]"),
    "list with null": ([None, True], "$1: ARRAY[NULL, TRUE]"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_value_is_a_literal(name):
    value, text = SHOWN[name]
    assert value_lines("$1:", value) == text


@pytest.mark.parametrize("value", [list(range(2000)), "word " * 900, ["text " * 40] * 9, "x" * 5000, "\n" * 500, ["'" * 300, None]])
def test_no_line_is_long_and_nothing_is_lost(value):
    shown = value_lines("$1:", value)
    assert max(map(len, shown.splitlines())) <= 170
    for item in value if isinstance(value, list) else [value]:
        assert str(item if isinstance(item, int) else "")[:5] in shown
    if isinstance(value, str):
        joined = "".join(line.strip().removeprefix("$1:").strip().removeprefix("E")[1:-1] for line in shown.splitlines())
        assert joined.replace("\\n", "\n") == value


def test_a_long_text_continues_in_the_next_literal():
    lines = value_lines("$1:", "a" * 100 + "\\").splitlines()
    assert lines == ["$1: E'" + "a" * 76 + "'", "    '" + "a" * 24 + "\\\\'"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2021-11-23T00:00:00Z", "2021-11-23T00:00:00.000000Z"),
        ("2021-11-23", "2021-11-23"),
        ("duration'PT1H'", "PT3600.000"),
        ("'it''s'", "it's"),
        ("1.5", Decimal("1.5")),
    ],
)
def test_a_literal_of_a_url_is_its_canonical_text(text, shown):
    _, (value,) = normalize(split(f"Message?$filter=a eq {text}"))
    found = literal_value(value.kind, value.value)
    assert str(found).startswith(str(shown)[:10]) and "(" not in str(found)


def test_a_long_line_of_a_tree_ends_behind_a_comma_or_a_blank():
    lines = list(wrapped(",".join(map(str, range(200))), "  "))
    assert "".join(line[2:] for line in lines) == ",".join(map(str, range(200)))
    assert all(len(line) <= 102 for line in lines) and all(line.endswith(",") for line in lines[:-1])
    assert list(wrapped("x" * 250, "")) == ["x" * 100, "x" * 100, "x" * 50]


def test_a_text_in_a_tree_is_one_constant():
    assert text_constant(" a\n") == r"E' a\n'"
