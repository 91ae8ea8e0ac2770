"""Operators that touch a parenthesis or a quote, and names of types in quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from odata_gateway.url.lenient.respelling import Edit, Tokens
from odata_gateway.url.lexer import OPERATORS
from odata_gateway.url.literals import DECODERS

_OPERAND_ENDS = frozenset(
    {
        *DECODERS,
        *("NAME", "OTHER_NAME", "CLOSE", "CONSTANT", "AT", "COUNT", "RBRACKET", "RBRACE"),
        "VARIABLE",
    }
)
_TOUCHING_ENDS = frozenset({"CLOSE", "STRING", "RBRACKET", "RBRACE"})
"""What ends an operand so that a word can follow without a blank."""
_WORDS = frozenset({*OPERATORS, "asc", "desc", "as"})
_WORD = re.compile(r"[A-Za-z]+")


def touching_words(text: Tokens) -> Iterator[Edit]:
    """`status in(0,1)` and `(a)and(b)`: blanks around an operator that touches its operands."""
    for index, (kind, piece, at) in enumerate(text.tokens):
        word = _WORD.match(piece)
        if word is None or word[0].lower() not in _WORDS:
            continue
        has_blank = text.kind(index - 1) == "SPACE"
        end = text.kind(index - 2 if has_blank else index - 1)
        if kind in ("NAME", "OTHER_NAME"):
            touches_next = text.kind(index + 1) in ("AT", "LBRACKET")
        else:
            touches_next = kind in ("CALL", "QUOTED") and piece[word.end()] in "('"
        if end not in (_OPERAND_ENDS if has_blank else _TOUCHING_ENDS):
            continue
        if not has_blank and (touches_next or kind in ("NAME", "OTHER_NAME")):
            yield Edit(at, at, (" ",))
        if touches_next:
            yield Edit(at + word.end(), at + word.end(), (" ",))


_OPENINGS = frozenset(
    {
        *("CALL", "OPEN", "LAMBDA", "COUNT_OPEN", "FILTER_OPEN"),
        *("REF_OPEN", "AGGREGATE_OPEN", "LBRACKET", "LBRACE"),
    }
)
_CLOSINGS = frozenset({"CLOSE", "RBRACKET", "RBRACE"})
_TYPE_FUNCTIONS = frozenset({"cast", "isof"})
SUSPICIOUS_CALLS = _TYPE_FUNCTIONS | OPERATORS.keys()
"""Names before a parenthesis that a spelling beyond the ABNF may have."""
_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_QUOTED_TYPE = re.compile(rf"'(?:{_NAME}|Collection\({_NAME}\))'")


def quoted_types(text: Tokens) -> Iterator[Edit]:
    """`cast(content,'Edm.Int32')`: the last argument of cast and isof is a type, in quotes or
    not."""
    opened: list[int] = []
    for index, (kind, _, _) in enumerate(text.tokens):
        if kind in _OPENINGS:
            opened.append(index)
        elif kind in _CLOSINGS and opened:
            opening = opened.pop()
            before, literal, at = text.tokens[index - 1]
            is_argument = text.word(opening) in _TYPE_FUNCTIONS and (
                text.kind(index - 2) == "COMMA" or index - 2 == opening
            )
            if before == "STRING" and is_argument and _QUOTED_TYPE.fullmatch(literal):
                end = at + len(literal)
                yield Edit(at, at + 1)
                yield Edit(end - 1, end)
