"""The tokens of a query option or path segment: SLY builds one pattern of all tokens, and one pass
of it over the text finds them.

Keywords depend on their context, because each of them may be the name of a property. An operator
must have blanks on both sides, so in `in in (1)` the first `in` is a property. `any(` and `all(`
begin a lambda only before `variable:` or `)`. `null`, `true`, `false`, `INF` and `NaN` are values
unless `/` comes before, or `/`, `(`, `=` or `.` follows. A name with its parenthesis, a slash with
its `$count` and an option with its `=` are one token each: so the grammar needs one token of
lookahead. Blanks belong to the punctuation that allows them (BWS of the ABNF). Any other blank is
the token SPACE, which no rule accepts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import ClassVar

from sly import Lexer as SlyLexer

from odata_gateway.url.literals import DECODERS
from odata_gateway.url.options import NESTED
from odata_gateway.url.search_words import RawToken, SearchText, scan_search

_IDENT = r"[^\W\d]\w*+"
_QNAME = rf"{_IDENT}(?:\.{_IDENT})*+"
_QUOTE = r"'[^']*+(?:''[^']*+)*+'"
_JSON_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_HEX4 = r"-[0-9A-Fa-f]{4}"
OPERATORS = {
    "or": "OR",
    "and": "AND",
    "eq": "EQUALITY",
    "ne": "EQUALITY",
    "lt": "RELATION",
    "le": "RELATION",
    "gt": "RELATION",
    "ge": "RELATION",
    "has": "HAS",
    "in": "IN",
    "add": "ADDITIVE",
    "sub": "ADDITIVE",
    "mul": "MULTIPLICATIVE",
    "divby": "MULTIPLICATIVE",
    "div": "MULTIPLICATIVE",
    "mod": "MULTIPLICATIVE",
}
"""The binary operators, with the names of their tokens in the grammar."""


def _any_of(words: Iterable[str]) -> str:
    """A pattern of words in any case. The first letter of each is a set: so Python's engine passes
    over a word without trying it, which it does not where the letter ignores case."""
    return "(?:" + "|".join(f"[{w[0].lower()}{w[0].upper()}](?i:{w[1:]})" for w in words) + ")"


_OPERATORS = _any_of(OPERATORS)
_OPTIONS = _any_of(row.field for row in NESTED)
_LAMBDAS = _any_of(("any", "all"))
_NOT = _any_of(("not",))
_DIRECTIONS = _any_of(("asc", "desc"))
_RESERVED = _any_of(("not", "null", "true", "false", "INF", "NaN", "keep"))
_END = r"(?![\w(/=.'])"


Coded = Callable[[], frozenset[int]]
"""Finds the offsets of the delimiters of a text that were percent-encoded."""


class UrlLexer(SlyLexer):
    """The tokens of every option but `$search`, whose words follow other rules (see
    `search_words`). The first pattern that matches wins.

    In the body of the class SLY takes every name in capitals for a token, so the parts of patterns
    outside begin with an underscore. Quantifiers are possessive where a shorter match could only
    fail later; otherwise each name would be read again for every kind of name.
    """

    tokens: ClassVar[set[str]] = {
        "NAME",
        "OPERATOR",
        "CLOSE",
        "COMMA",
        "SLASH",
        "STRING",
        "CALL",
        "OPEN",
        "OPTION",
        "SEMI",
        "DIRECTION",
        "LAMBDA",
        "PARAM",
        "GUID",
        "DATETIME",
        "DATE",
        "TIME",
        "NUMBER",
        "BADNUMBER",
        "NOT",
        "CONSTANT",
        "SPECIAL",
        "QUOTED",
        "LEVELS",
        "KEEP",
        "ALL_OF",
        "OTHER_NAME",
        "OTHER_SLASH",
        "COUNT_OPEN",
        "COUNT",
        "FILTER_OPEN",
        "REF_OPEN",
        "REF",
        "AGGREGATE_OPEN",
        "VARIABLE",
        "DOLLAR_COUNT",
        "DOLLAR_VALUE",
        "DOLLAR_NAME",
        "ALIAS_EQ",
        "AT",
        "STAR",
        "MEMBER",
        "JSTRING",
        "LBRACKET",
        "RBRACKET",
        "LBRACE",
        "RBRACE",
        "COLON",
        "MINUS",
        "AS",
        "WITH",
        "FROM",
        "SPACE",
        "BAD",
    }

    # Nearly all names. A name that is spelled like a keyword becomes OTHER_NAME, after the keywords
    # were tried.
    NAME = rf"(?!{_RESERVED}(?!\w)){_QNAME}(?![('=\-]|\.\*)"
    OPERATOR = rf"[ \t]++{_OPERATORS}[ \t]++"
    CLOSE = r"[ \t]*+\)"
    COMMA = r"[ \t]*+,[ \t]*+"
    SLASH = r"/(?![$a])"
    STRING = _QUOTE
    LAMBDA = rf"{_LAMBDAS}\([ \t]*+(?:{_IDENT}[ \t]*+:[ \t]*+|(?=\)))"
    NOT = rf"{_NOT}(?:[ \t]++(?!{_OPERATORS}[ \t])|(?=\())"
    CALL = rf"{_QNAME}\([ \t]*+"
    OPEN = r"\([ \t]*+"
    LEVELS = r"\$?(?i:levels)=[^;)]*+"
    OPTION = rf"\$?{_OPTIONS}="
    SEMI = r";"
    PARAM = rf"{_IDENT}="
    DIRECTION = rf"[ \t]++{_DIRECTIONS}(?=[ \t]*+(?:[,;)]|$))"
    GUID = rf"[0-9A-Fa-f]{{8}}{_HEX4}{_HEX4}{_HEX4}-[0-9A-Fa-f]{{12}}(?![\w-])"
    DATETIME = r"-?[0-9]{4,}+-[0-9]++-[0-9]++[Tt][0-9:.]*+(?:[Zz]|[+-][0-9:]++)?"
    DATE = r"-?[0-9]{4,}+-[0-9]++-[0-9]++(?![\w:-])"
    TIME = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]++)?)?(?![\w:.])"
    NUMBER = r"[+-]?[0-9]++(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?[LlMmDdFf]?(?![\w.])"
    BADNUMBER = r"[0-9][\w.]*+"
    CONSTANT = rf"(?<!/)(?:null|(?i:true|false)){_END}"
    SPECIAL = rf"(?<!/)(?:-?INF|NaN){_END}"
    QUOTED = rf"{_QNAME}{_QUOTE}"
    KEEP = r"keep[ \t]++start(?!\w)"
    ALL_OF = rf"{_QNAME}\.\*"
    OTHER_NAME = _QNAME
    COUNT_OPEN = r"/\$count\([ \t]*+"
    COUNT = r"/\$count(?!\w)"
    FILTER_OPEN = r"/\$filter\([ \t]*+"
    REF_OPEN = r"/\$ref\([ \t]*+"
    REF = r"/\$ref(?!\w)"
    AGGREGATE_OPEN = r"/aggregate\([ \t]*+"
    OTHER_SLASH = r"/"
    VARIABLE = r"\$(?:(?:it|this|these)(?!\w)|root(?=/))"
    DOLLAR_COUNT = r"\$count(?!\w)"
    DOLLAR_VALUE = r"\$value(?!\w)"
    DOLLAR_NAME = r"\$\w*+=?"
    ALIAS_EQ = rf"@{_IDENT}="
    AT = rf"@{_QNAME}(?:\#{_IDENT})?"
    STAR = r"\*"
    MEMBER = rf"{_JSON_STRING}[ \t]*+:[ \t]*+"
    JSTRING = _JSON_STRING
    LBRACKET = r"[ \t]*+\[[ \t]*+"
    RBRACKET = r"[ \t]*+\]"
    LBRACE = r"[ \t]*+\{[ \t]*+"
    RBRACE = r"[ \t]*+\}"
    COLON = r"[ \t]*+:[ \t]*+"
    MINUS = r"-[ \t]*+"
    AS = r"[ \t]++(?i:as)[ \t]++"
    WITH = r"[ \t]++with[ \t]++"
    FROM = r"[ \t]++from[ \t]++"
    SPACE = r"[ \t]++"
    BAD = r"[\s\S]"


# SLY's own loop makes an object for each token and looks up handlers; the same pattern in a plain
# loop takes a third of the time.
_MASTER: re.Pattern[str] = UrlLexer._master_re
_SEARCH_OPTIONS = frozenset({"$search=", "search="})


def option_tokens(name: str, text: str, coded: Coded | None = None) -> list[RawToken]:
    """The tokens of an option's value or of a path segment; literals are not decoded, and unknown
    characters are BAD.

    coded  the offsets of delimiters that were percent-encoded; asked for a search only
    """
    if name == "$search":
        tokens: list[RawToken] = []
        scan_search(SearchText.of(text, _offsets(coded), 0), 0, tokens)
        return tokens
    lower = text.lower()
    if "search" not in lower and "case(" not in lower:
        return [
            (match.lastgroup or "", match[0], match.start()) for match in _MASTER.finditer(text)
        ]
    return _tokens_with_search(
        text,
        _offsets(coded),
        has_options=name in ("$select", "$expand"),
        has_steps=name == "$apply" or "apply=" in text,
    )


def _offsets(coded: Coded | None) -> frozenset[int]:
    return coded() if coded is not None else frozenset()


def _tokens_with_search(
    text: str, coded: frozenset[int], *, has_options: bool, has_steps: bool
) -> list[RawToken]:
    """The tokens of a text that contains `search` or `case(`.

    has_options  parentheses may contain options: `search=` is an option there, elsewhere the
                 parameter of a function
    has_steps    the text contains $apply, where `search(` is a transformation
    """
    tokens: list[RawToken] = []
    brackets: list[str] = []
    position = 0
    while position < len(text):
        match = _BEFORE_COLON.match(text, position) if brackets[-1:] == ["case"] else None
        match = match or _MASTER.match(text, position)
        assert match is not None
        kind = match.lastgroup or ""
        _follow(kind, match[0], brackets)
        tokens.append((kind, match[0], position))
        position = match.end()
        if _begins_search(tokens, has_options, has_steps):
            inner = SearchText.of(text, coded, position, opening=_opening(tokens) if coded else -1)
            position = scan_search(inner, position, tokens, nested=True)
    return tokens


# In `case(t eq 10:20)` the colon separates two numbers. In `case(10:20 lt t:1)` the text before
# `lt` is a time of day, because an operator follows.
_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?"
_DAY = r"-?[0-9]{4,}-[0-9]{2}-[0-9]{2}"
_OPERAND = rf"(?!{_CLOCK}+[ \t]+[A-Za-z])"
_COLON_NEXT = r"(?=[ \t]*:)"
_BEFORE_COLON = re.compile(
    rf"(?P<DATETIME>{_DAY}[Tt]{_CLOCK}(?:[Zz]|[+-][0-9]{{2}}:[0-9]{{2}}){_COLON_NEXT})"
    rf"|(?P<DATE>{_DAY}{_COLON_NEXT})"
    rf"|(?P<TIME>{_OPERAND}{_CLOCK}{_COLON_NEXT})"
    rf"|(?P<NUMBER>{_OPERAND}[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?{_COLON_NEXT})"
)


_OPENING = frozenset(
    {
        "CALL",
        "OPEN",
        "LAMBDA",
        "COUNT_OPEN",
        "FILTER_OPEN",
        "REF_OPEN",
        "AGGREGATE_OPEN",
        "LBRACKET",
        "LBRACE",
    }
)


def _follow(kind: str, text: str, brackets: list[str]) -> None:
    """Update the open brackets: `case` before the colon of a branch, `value` after it, an empty
    text for any other bracket."""
    if kind in _OPENING:
        brackets.append("case" if kind == "CALL" and text[:5].lower() == "case(" else "")
    elif kind in ("CLOSE", "RBRACKET", "RBRACE"):
        del brackets[-1:]
    elif kind == "COLON" and brackets[-1:] == ["case"]:
        brackets[-1] = "value"
    elif kind == "COMMA" and brackets[-1:] == ["value"]:
        brackets[-1] = "case"


def _opening(tokens: list[RawToken]) -> int:
    """The offset of the parenthesis that is open at the end of some tokens; -1 for none."""
    depth = 0
    for kind, text, at in reversed(tokens):
        if kind in _OPENING:
            if not depth:
                return at + len(text.rstrip()) - 1
            depth -= 1
        depth += kind in ("CLOSE", "RBRACKET", "RBRACE")
    return -1


def _begins_search(tokens: list[RawToken], has_options: bool, has_steps: bool) -> bool:
    """Whether the last token is followed by a search expression."""
    kind, text, _ = tokens[-1]
    if kind == "CALL":
        return has_steps and text.rstrip() == "search("
    if kind != "OPTION" or text.lower() not in _SEARCH_OPTIONS:
        return False
    if has_options or text.startswith("$"):
        return True
    return len(tokens) > 1 and tokens[-2][0] in ("COUNT_OPEN", "SEMI")


LIST_BRACKETS = {"OPEN": "CLOSE", "LBRACKET": "RBRACKET"}


def list_end(tokens: list[RawToken], start: int) -> int:
    """The index of the bracket that closes the list opened at `start`; 0 unless it is a flat list
    of literals."""
    close = LIST_BRACKETS[tokens[start][0]]
    needs_item = True
    for index in range(start + 1, len(tokens)):
        kind = tokens[index][0]
        if kind == close and (not needs_item or index == start + 1):
            return index
        if needs_item:
            is_literal = kind == "CONSTANT" or kind in DECODERS
            fits = is_literal and (kind != "JSTRING" or close == "RBRACKET")
        else:
            fits = kind == "COMMA"
        if not fits:
            return 0
        needs_item = not needs_item
    return 0
