"""Regular expressions are translated exactly or refused; that Postgres then finds what ECMAScript finds is asked in tests/live."""

from __future__ import annotations

import pytest
from odata_gateway.compiler.regex import MAX_LENGTH, complement, translated, written
from odata_gateway.errors import BindValue, LimitNodes, ODataError, Unsupported

# What Postgres is given, behind the mark of its advanced regular expressions.
TRANSLATED = {
    "abc": "abc",
    "^a|b$": "^a|b$",
    "a*?b+?c??d{2,3}?": "a*b+c?d{2,3}",
    "(a)(?:b)(?<name>c)": "(?:a)(?:b)(?:c)",
    r"\d\D": r"[0-9][^0-9]",
    "[^0-9a]": "[^0-9a]",
    r"[^\D]": "[0-9]",
    "[a-cb-d]": "[a-d]",
    r"[\s\S]": "(?:.)",
    "[]": "(?!)",
    "a{2}b{2,}": "a{2}b{2,}",
    r"\.\x41\u0042\u{43}": r"\U0000002EABC",
    r"\uD83D\uDE00": r"\U0001F600",
    "ß'": r"\U000000DF\U00000027",
    "a||b": "a|(?:)|b",
    "": "(?:)",
    "(?=a)(?!b)(?<=c)(?<!d)": "(?=a)(?!b)(?<=c)(?<!d)",
    r"[\b-]\t": r"[\U00000008\U0000002D]\U00000009",
}


@pytest.mark.parametrize("text", TRANSLATED)
def test_a_pattern_is_written_in_the_words_of_postgres(text):
    assert translated(text) == f"***:{TRANSLATED[text]}"


@pytest.mark.parametrize(
    "text",
    ["(", ")", "a)", "(?", "(?i)a", "(?P<n>a)", "*", "a**", "a+*", "^*", "(?=a)*", "a{2}{3}", "a{3,2}", "[", "[a", "[b-a]", r"[\d-z]", "\\", r"\a", r"\_",
     r"\x4", r"\u004", r"\u{110000}", r"\uD83D", r"\0", "{", "a{", "]", "}", "a{,3}"],
)  # fmt: skip
def test_what_is_no_pattern_is_a_bad_value(text):
    with pytest.raises(BindValue, match="the regular expression has "):
        translated(text)


@pytest.mark.parametrize("text", [r"(a)\1", r"(?<n>a)\k<n>", r"\p{L}", r"\P{Lu}", "a{256}", "a{1,999}"])
def test_what_postgres_cannot_do_exactly_is_not_supported(text):
    with pytest.raises(Unsupported):
        translated(text)


@pytest.mark.parametrize("text", ["a" * (MAX_LENGTH + 1), "((a{200}){200})", "(" * 400 + ")" * 400, "(?:a{100}b{100}){50}"])
def test_what_would_take_long_is_too_large(text):
    with pytest.raises(LimitNodes):
        translated(text)


def test_every_text_is_translated_or_refused():
    pieces = ("a", "(", ")", "[", "]", "^", "-", "\\", "d", "*", "?", "{2}", "|", "$", ".", "(?=", "\\b", "é", "{")
    for number in range(19**4):
        text = "".join(pieces[number // 19**i % 19] for i in range(4))
        try:
            assert translated(text).startswith("***:")
        except ODataError as error:
            assert error.status in (400, 501)


def test_the_complement_of_a_complement_is_the_class():
    for ranges in (((97, 99),), ((1, 0x10FFFF),), (), ((5, 9), (7, 20), (21, 21))):
        assert written(complement(complement(ranges))) == written(ranges)
