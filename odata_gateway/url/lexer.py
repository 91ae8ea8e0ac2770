"""Tokens of expressions and option lists: SLY's lexer for the patterns, one pass of its master
pattern over the text.

Keywords are contextual, since any of them may be the name of a property. An operator is only one
with blanks on both sides, so that `in in (1)` reads as the property `in`; `any(` and `all(` are
lambdas only before `variable:` or `)`; `null`, `true`, `false`, `INF` and `NaN` are values only
where no `/` comes before and no `/`, `(`, `=` or `.` follows. A name with its parenthesis, a slash
with its `$count` and an option with its `=` are one token each: the grammar then needs a single
token of lookahead. Blanks belong to the punctuation that allows them (BWS of the ABNF); any other
blank is the token SPACE, which no rule takes.
"""

from __future__ import annotations

import re
from typing import ClassVar

from sly import Lexer as SlyLexer

_IDENT = r"[^\W\d]\w*+"
_QNAME = rf"{_IDENT}(?:\.{_IDENT})*+"
_QUOTE = r"'[^']*+(?:''[^']*+)*+'"
_JSON_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_HEX4 = r"-[0-9A-Fa-f]{4}"
_OPERATORS = r"(?:or|and|eq|ne|lt|le|gt|ge|has|in|add|sub|mul|divby|div|mod)"
_OPTIONS = r"(?:filter|search|select|expand|orderby|compute|apply|top|skip|count)"
_RESERVED = r"(?:not|null|true|false|INF|NaN|keep)"
_END = r"(?![\w(/=.'])"


class UrlLexer(SlyLexer):
    """The tokens of every option but `$search`, whose words follow other rules (see `scan_search`).
    The first pattern that fits wins.

    Inside the body SLY takes every name in capitals for a token, so the parts of patterns outside
    begin with an underscore. Quantifiers are possessive where a shorter match could only fail
    later: without that each name is read again for every kind of name.
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

    # The great majority of names; those with a keyword's name come as OTHER_NAME, after the
    # keywords had their turn.
    NAME = rf"(?!(?i:{_RESERVED})(?!\w)){_QNAME}(?![('=\-]|\.\*)"
    OPERATOR = rf"[ \t]++(?i:{_OPERATORS})[ \t]++"
    CLOSE = r"[ \t]*+\)"
    COMMA = r"[ \t]*+,[ \t]*+"
    SLASH = r"/(?![$a])"
    STRING = _QUOTE
    LAMBDA = rf"(?i:any|all)\([ \t]*+(?:{_IDENT}[ \t]*+:[ \t]*+|(?=\)))"
    NOT = rf"(?i:not)(?:[ \t]++(?!(?i:{_OPERATORS})[ \t])|(?=\())"
    CALL = rf"{_QNAME}\([ \t]*+"
    OPEN = r"\([ \t]*+"
    LEVELS = r"\$?(?i:levels)=[^;)]*+"
    OPTION = rf"\$?(?i:{_OPTIONS})="
    SEMI = r";"
    PARAM = rf"{_IDENT}="
    DIRECTION = r"[ \t]++(?i:asc|desc)(?=[ \t]*+(?:[,;)]|$))"
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


# SLY's own loop yields objects and looks for handlers at each token; the same pattern in a plain
# loop takes a third of the time.
_MASTER: re.Pattern[str] = UrlLexer._master_re
_SEARCH_OPTIONS = frozenset({"$search=", "search="})


def scan(text: str, *, lists: bool = False, apply: bool = False) -> list[tuple[str, str, int]]:
    """The tokens of one option's text as (type, text, offset); literals come undecoded, unknown
    characters as BAD.

    lists  the text is `$select` or `$expand`, where `(` holds options: `search=` without `$` is an
           option there and not a parameter
    apply  the text is `$apply`, where `search(` is a transformation
    """
    lower = text.lower()
    if "search" not in lower and "case(" not in lower:
        return [
            (match.lastgroup or "", match[0], match.start()) for match in _MASTER.finditer(text)
        ]
    tokens: list[tuple[str, str, int]] = []
    brackets: list[str] = []
    position = 0
    while position < len(text):
        match = (
            _BEFORE_COLON.match(text, position) if brackets[-1:] == ["case"] else None
        ) or _MASTER.match(text, position)
        assert match is not None
        kind = match.lastgroup or ""
        _follow(kind, match[0], brackets)
        tokens.append((kind, match.group(), position))
        position = match.end()
        if _begins_search(tokens, lists, apply):
            position = scan_search(text, position, tokens, nested=True)
    return tokens


# In `case(t eq 10:20)` a colon stands between a number and another one, and none of both is a time
# of day; in `case(10:20 lt t:1)` one is, since an operator follows.
_OPERAND = r"(?![0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?+[ \t]+[A-Za-z])"
_BEFORE_COLON = re.compile(
    r"(?P<DATETIME>-?[0-9]{4,}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})(?=[ \t]*:))"
    r"|(?P<DATE>-?[0-9]{4,}-[0-9]{2}-[0-9]{2}(?=[ \t]*:))"
    rf"|(?P<TIME>{_OPERAND}[0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]+)?)?(?=[ \t]*:))"
    rf"|(?P<NUMBER>{_OPERAND}[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?=[ \t]*:))"
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
    """Keep what is open: `case` before the colon of a branch, `value` behind it, `` for every other
    bracket."""
    if kind in _OPENING:
        brackets.append("case" if kind == "CALL" and text[:5].lower() == "case(" else "")
    elif kind in ("CLOSE", "RBRACKET", "RBRACE"):
        del brackets[-1:]
    elif kind == "COLON" and brackets[-1:] == ["case"]:
        brackets[-1] = "value"
    elif kind == "COMMA" and brackets[-1:] == ["value"]:
        brackets[-1] = "case"


def _begins_search(tokens: list[tuple[str, str, int]], lists: bool, apply: bool) -> bool:
    kind, text, _ = tokens[-1]
    if kind == "CALL":
        return apply and text.rstrip() == "search("
    if kind != "OPTION" or text.lower() not in _SEARCH_OPTIONS:
        return False
    return (
        lists
        or text.startswith("$")
        or (len(tokens) > 1 and tokens[-2][0] in ("COUNT_OPEN", "SEMI"))
    )


# --- $search --------------------------------------------------------------------------------------

_BLANKS = re.compile(r"[ \t]*")
_PHRASE = re.compile(r'"[^"]+"')
_SINGLE = re.compile(_QUOTE)
_WORD = re.compile(r"""[^\s()";'][^\s()";]*""")


def scan_search(
    text: str, position: int, tokens: list[tuple[str, str, int]], *, nested: bool = False
) -> int:
    """Append the tokens of a search expression (5.1.8) and return the offset after it.

    nested  it ends before `;` or the `)` that closes what is around it
    AND, OR and NOT are operators only between or before other parts, and words elsewhere; a missing
    AND is added as a token of no length.
    """
    depth = 0
    operand = True  # whether a word, a phrase, NOT or "(" comes next
    position = _blanks(text, position)
    while position < len(text):
        char = text[position]
        if nested and depth == 0 and char in ");":
            break
        kind, end = _search_token(text, position, char, operand, nested and depth == 0)
        if not operand and kind in ("WORD", "PHRASE", "SINGLE", "S_NOT", "OPEN"):
            tokens.append(("S_AND", "", position))
        tokens.append((kind, text[position:end], position))
        depth += (kind == "OPEN") - (kind == "CLOSE")
        operand = kind in ("OPEN", "S_AND", "S_OR", "S_NOT")
        after = _blanks(text, end)
        if (
            kind in ("WORD", "PHRASE", "CLOSE")
            and after == end < len(text)
            and text[end] not in ");"
        ):
            tokens.append(("BAD", text[end], end))
        position = after
    return position


def _search_token(
    text: str, position: int, char: str, operand: bool, nested: bool
) -> tuple[str, int]:
    if char in "()":
        return ("OPEN" if char == "(" else "CLOSE"), position + 1
    for kind, pattern in (("PHRASE", _PHRASE), ("SINGLE", _SINGLE), ("WORD", _WORD)):
        match = pattern.match(text, position)
        if match is None:
            continue
        word = match.group()
        if word in ("AND", "OR", "NOT") and _followed(text, match.end(), nested):
            if word == "NOT":
                # After an operand, NOT begins the next one.
                return "S_NOT", match.end()
            if not operand:
                return "S_" + word, match.end()
        return kind, match.end()
    return "BAD", position + 1


def _followed(text: str, end: int, nested: bool) -> bool:
    """Whether blanks and another part of the expression come after `end`."""
    after = _blanks(text, end)
    return end < after < len(text) and text[after] not in (");" if nested else ")")


def _blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position
