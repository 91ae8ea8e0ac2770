"""The wording of syntax errors: what was expected, what is there instead, and the likely remedy.

The parser knows the token it cannot accept, the one after it, and the tokens it could accept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from odata_gateway.errors import ODataError, UrlOption, UrlSyntax, nearest
from odata_gateway.types.faults import shorten
from odata_gateway.url import options
from odata_gateway.url.lexer import OPERATORS

_OPERATOR = "an operator such as eq or and"
# What the grammar would accept, in words: the first row whose token is among the expected ones.
_EXPECTED = (
    ("EQUALITY", _OPERATOR),
    ("CASE", "a property, a value or a function"),
    ("PARAM", "a value"),
    ("LITERAL", "a number"),
    ("NAME", "a name"),
    ("CONSTANT", "true or false"),
    ("OPT_FILTER", "an option such as $filter="),
    ("LEVELS", "$levels="),
    ("WORD", "a word or a phrase"),
    ("T_FILTER", "a transformation"),
    ("AS", "'as' and a name"),
    ("COLON", "':'"),
    ("SLASH", "'/'"),
    ("COMMA", "','"),
    ("SEMI", "';'"),
)
# Added to the row above.
_CLOSINGS = (("CLOSE", "')'"), ("RBRACKET", "']'"), ("RBRACE", "'}'"), ("$end", "the end"))
# The likely remedy, by the first character of the unexpected token.
_HINTS = {
    "'": "close the string with a quote, and double a quote inside it: 'O''Neil'",
    '"': "use single quotes for strings; double quotes are for phrases of $search",
    "=": "write eq for equality",
    "<": "write lt or le for comparison",
    ">": "write gt or ge for comparison",
    "!": "write ne for inequality, not for negation",
    "+": "write add for addition",
    "*": "write mul for multiplication",
    "&": "write and for conjunction",
    "|": "write or for disjunction",
    ".": "begin a number with a digit, a name with a letter",
    "@": "write an alias as '@' and a name",
    **dict.fromkeys("\u2018\u2019\u201a\u00b4`", "write strings in straight single quotes: 'text'"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab", "write strings in straight single quotes: 'text'"),
}
_DIRECTIONS = ("asc", "desc")
# Words that follow a value.
_AFTER_VALUES = (*OPERATORS, *_DIRECTIONS, "as")


def unexpected(token: Any, following: Any, expected: frozenset[str]) -> ODataError:
    """The error for a token that the grammar does not accept.

    token      None for the end of the text
    following  the token after it, or None
    expected   the types of the tokens that the grammar would accept
    """
    words = _in_words(expected)
    if token is None:
        return UrlSyntax(f"the text ends where {words} should follow")
    if token.type == "SPACE":
        return _after_blank(token, following, words)
    text, at = token.value
    if isinstance(text, str):
        at += len(text) - len(text.lstrip())
    if token.type in ("PARAM", "DOLLAR_NAME") and text.endswith("="):
        return _unknown_option(text[:-1], at)
    if token.type == "BADNUMBER":
        return UrlSyntax(
            f"{_shown(token)} is neither a number nor a name",
            at=at,
            hint="write numbers like 42, 0.5 or 1e3; begin names with a letter",
        )
    return UrlSyntax(f"expected {words}, not {_shown(token)}", at=at, hint=_hint(token))


def _after_blank(token: Any, following: Any, words: str) -> UrlSyntax:
    """The error for a blank that is not part of an operator: either the blank is superfluous, or
    what follows it is not an operator."""
    at = token.value[1]
    if following is None:
        return UrlSyntax("the text cannot end with a blank", at=at, hint="remove the blank")
    text = following.value[0]
    if isinstance(text, str) and text.lower() in _DIRECTIONS:
        return UrlSyntax(
            f"'{text}' must be the end of an item",
            at=following.value[1],
            hint="write one of asc and desc, and a comma before the next item",
        )
    if isinstance(text, str) and text.lower() in _AFTER_VALUES:
        return UrlSyntax(f"'{text}' must be followed by a blank and a value", at=following.value[1])
    if at == 0:
        return UrlSyntax(
            "the text cannot begin with a blank",
            at=at,
            hint="leave out the blanks around the '=' of an option",
        )
    return UrlSyntax(
        f"expected {words}, not {_shown(following)}", at=following.value[1], hint=_hint(following)
    )


def _shown(token: Any) -> str:
    text = token.value[0]
    return f"'{shorten(text.strip() or text)}'" if isinstance(text, str) else "this value"


def _hint(token: Any) -> str | None:
    text = token.value[0]
    if not isinstance(text, str):
        return "write strings in single quotes" if token.type == "JSTRING" else None
    if token.type == "NAME":
        if text.lower() in _AFTER_VALUES:
            return f"write a blank before '{text}'"
        if text.lower() in ("ascending", "descending"):
            return "write asc or desc"
        return nearest(text.lower(), _AFTER_VALUES)
    return _HINTS.get(text.strip()[:1])


def _in_words(expected: frozenset[str]) -> str:
    main = [words for token, words in _EXPECTED if token in expected][:1]
    if main == [_OPERATOR]:  # brackets are expected after any value, also where none is open
        return _OPERATOR
    closings = [words for token, words in _CLOSINGS if token in expected][:2]
    *others, last = main + closings or ["something else"]
    return f"{', '.join(others)} or {last}" if others else last


def nested_option(tokens: Iterable[tuple[str, object, int]], at: int) -> str | None:
    """The option in parentheses that an offset is in; None outside of all.

    tokens  of the whole text, as the lexer or the template has them
    """
    found: str | None = None
    outer: list[str | None] = []
    for kind, text, begins in tokens:
        is_end = kind in _CLOSING_TOKENS or kind == "SEMI"
        if begins > at or (begins == at and is_end):
            break
        if kind in _OPENING_TOKENS:
            outer.append(found)
        elif kind in _CLOSING_TOKENS and outer:
            found = outer.pop()
        elif kind == "SEMI":
            found = outer[-1] if outer else None
        elif kind in ("OPTION", "LEVELS", "ALIAS_EQ"):
            name = str(text).partition("=")[0]
            found = options.BY_FIELD.get(name.lstrip("$").lower(), name)
    return found


_OPENING_TOKENS = frozenset(
    {
        *("CALL", "OPEN", "LIST", "LAMBDA", "COUNT_OPEN", "FILTER_OPEN", "REF_OPEN"),
        *("AGGREGATE_OPEN", "LBRACKET", "LBRACE"),
    }
)
_CLOSING_TOKENS = frozenset({"CLOSE", "RBRACKET", "RBRACE"})


def _unknown_option(name: str, at: int) -> UrlOption:
    known = sorted(options.ALLOWED["expand"])
    return UrlOption(
        f"'{shorten(name)}' is not an option that can stand here",
        at=at,
        hint=nearest("$" + name.lower().lstrip("$"), known),
    )
