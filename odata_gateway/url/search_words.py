"""The words and phrases of $search (URL Conventions 5.1.8), which follow other rules than the
tokens of expressions.

A delimiter that was percent-encoded is part of the word that it stands in (ABNF searchWord):
`$search=a%3Bb` looks for `a;b`. Encoded parentheses around operands are parentheses all the same,
as programs write them that encode everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from odata_gateway.url.options import NESTED

RawToken = tuple[str, str, int]
"""Type, text and offset of a token."""


_BLANKS = re.compile(r"[ \t]*")
WORD_KINDS = frozenset({"WORD", "PHRASE", "SINGLE"})
"""The tokens that stand for what is searched for."""
_PHRASE = re.compile(r'"[^"]+"')
_SINGLE = re.compile(r"'[^']*+(?:''[^']*+)*+'")
_WORD = re.compile(r"""[^\s()";'][^\s()";]*""")


_OPTION = re.compile(
    rf"[ \t]*(?:\$?(?:{'|'.join(row.field for row in NESTED)}|levels)|@\w+)[ \t]*=", re.IGNORECASE
)
_NOT_CALLED = frozenset({"AND", "OR", "NOT"})
"""Before a parenthesis: `NOT(a)` lacks a blank, and is no word."""


class SearchText(NamedTuple):
    """A text with a search expression in it, and the same text with letters in place of the
    delimiters that belong to words."""

    text: str
    structure: str

    @classmethod
    def of(cls, text: str, coded: frozenset[int], start: int, *, opening: int = -1) -> SearchText:
        """The text from `start`.

        coded    offsets of the delimiters that were percent-encoded
        opening  the offset of the parenthesis around the expression; -1 for none
        """
        pieces, copied = list[str](), 0
        for at in _in_words(text, coded, start, opening) if coded else ():
            pieces += text[copied:at], "x"
            copied = at + 1
        return cls(text, "".join([*pieces, text[copied:]]) if pieces else text)


def _in_words(text: str, coded: frozenset[int], start: int, opening: int) -> Iterator[int]:
    """The offsets of the delimiters that belong to words."""
    is_nested = opening >= 0
    groups: list[int | None] = []  # offsets of open parentheses; None for one in a word
    word = start
    for at in range(start, len(text)):
        char = text[at]
        if char in ' \t"':
            word = at + 1
        elif char == "(":
            is_word = at in coded and word < at and text[word:at] not in _NOT_CALLED
            groups.append(None if is_word else at)
            if is_word:
                yield at
            else:
                word = at + 1
        elif char == ")":
            if not groups and is_nested and (at not in coded or opening in coded):
                return
            opened = groups[-1] if groups else -1
            if at in coded and (opened is None or opened not in coded):
                yield at
            if groups and (at not in coded or opened is None or opened in coded):
                groups.pop()
        elif char == ";" and at in coded:
            if is_nested and not groups and _OPTION.match(text, at + 1):
                return
            yield at


def scan_search(
    search: SearchText, position: int, tokens: list[RawToken], *, nested: bool = False
) -> int:
    """Append the tokens of a search expression (5.1.8) and return the offset after it.

    AND, OR and NOT are operators only between or before other parts, elsewhere they are words. A
    missing AND becomes a token of no length.

    nested  the expression ends before `;` or before the `)` that closes what is around it
    """
    whole, text = search
    depth = 0
    needs_operand = True  # a word, a phrase, NOT or "(" comes next
    position = _after_blanks(text, position)
    while position < len(text):
        is_outermost = nested and depth == 0
        if is_outermost and text[position] in ");":
            break
        kind, end = _search_token(text, position, needs_operand, is_outermost)
        if not needs_operand and kind in _OPERAND_BEGINNINGS:
            tokens.append(("S_AND", "", position))
        tokens.append((kind, whole[position:end], position))
        depth += (kind == "OPEN") - (kind == "CLOSE")
        needs_operand = kind in ("OPEN", "S_AND", "S_OR", "S_NOT")
        position = _after_blanks(text, end)
        touches_next = position == end < len(text) and text[end] not in ");"
        if kind in ("WORD", "PHRASE", "CLOSE") and touches_next:
            tokens.append(("BAD", text[end], end))
    return position


_OPERAND_BEGINNINGS = frozenset({"WORD", "PHRASE", "SINGLE", "S_NOT", "OPEN"})


def _search_token(
    text: str, position: int, needs_operand: bool, is_outermost: bool
) -> tuple[str, int]:
    """The type of the token at a position, and the offset after it."""
    if text[position] in "()":
        return ("OPEN" if text[position] == "(" else "CLOSE"), position + 1
    for kind, pattern in (("PHRASE", _PHRASE), ("SINGLE", _SINGLE), ("WORD", _WORD)):
        match = pattern.match(text, position)
        if match is None:
            continue
        word, end = match[0], match.end()
        # NOT after an operand begins the next operand.
        may_be_operator = word == "NOT" or (word in ("AND", "OR") and not needs_operand)
        if may_be_operator and _is_followed(text, end, is_outermost):
            return "S_" + word, end
        return kind, end
    return "BAD", position + 1


def _is_followed(text: str, end: int, is_outermost: bool) -> bool:
    """Whether blanks and another part of the expression come after `end`."""
    after = _after_blanks(text, end)
    return end < after < len(text) and text[after] not in (");" if is_outermost else ")")


def _after_blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position
