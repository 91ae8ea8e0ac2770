"""Blanks where the ABNF has none: each is one that no reading of the text needs."""

from __future__ import annotations

from collections.abc import Iterator

from odata_gateway.url.lenient.respelling import Edit, Tokens, is_invisible
from odata_gateway.url.options import NESTED
from odata_gateway.url.transformations import is_transformation

_CALLED = frozenset({"NAME", "OTHER_NAME", "STAR", "COUNT", "REF", "ALL_OF", "DOLLAR_NAME"})
"""Before a blank and a parenthesis."""
_ASSIGNING = frozenset({"OPTION", "ALIAS_EQ", "PARAM", "SEMI"})
_SLASHES = frozenset({"SLASH", "OTHER_SLASH", "AGGREGATE_OPEN"})
_OPENINGS = frozenset({"OPEN", "CALL", "SEMI", "COUNT_OPEN", "REF_OPEN"})
_OPTION_NAMES = frozenset({*(row.field for row in NESTED), "levels"})


def invisible(text: Tokens) -> Iterator[Edit]:
    """Line ends, no-break spaces, byte order marks and the like outside of strings are blanks."""
    for kind, piece, at in text.tokens:
        if kind == "BAD" and is_invisible(piece):
            yield Edit(at, at + 1, (" ",))


def at_the_ends(text: Tokens) -> Iterator[Edit]:
    """Blanks after the `=` of an option, before `&`, and at the end of the URL."""
    for index in {0, len(text.tokens) - 1}:
        if text.kind(index) == "SPACE":
            yield Edit(text.tokens[index][2], text.end(index))


def before_parentheses(text: Tokens) -> Iterator[Edit]:
    """The blank of `groupby ((status))` and `messages ($top=5)`."""
    for index, (kind, _, at) in enumerate(text.tokens):
        if kind == "SPACE" and text.kind(index + 1) == "OPEN" and text.kind(index - 1) in _CALLED:
            yield Edit(at, text.end(index))


def around_keys(text: Tokens) -> Iterator[Edit]:
    """The blanks of `Message( 1 )`, which the ABNF allows around the parameters of a function."""
    if text.name != "path":
        return
    for kind, piece, at in text.tokens:
        bare = piece.strip(" \t")
        if kind in ("CALL", "OPEN") and bare != piece:
            yield Edit(at + len(bare), at + len(piece))
        if kind == "CLOSE" and bare != piece:
            yield Edit(at, at + len(piece) - len(bare))


def between_options(text: Tokens) -> Iterator[Edit]:
    """Blanks after and before `;`, and around the `=` of an option in parentheses."""
    for index, (kind, piece, at) in enumerate(text.tokens):
        before, after = text.kind(index - 1), text.kind(index + 1)
        if kind == "SPACE" and (before in _ASSIGNING or after == "SEMI"):
            yield Edit(at, text.end(index))
        if kind == "SPACE" and text.piece(index + 1) == "=" and _names_option(text, index - 1):
            yield Edit(at, text.end(index))
        if kind == "LEVELS" and (" " in piece or "\t" in piece):
            yield Edit(at, text.end(index), ("".join(piece.split()),))


def _names_option(text: Tokens, index: int) -> bool:
    """Whether a token is the name of an option, alias or key property, before its `=`."""
    kind, opening = text.kind(index), text.kind(index - 1)
    if kind in ("DOLLAR_NAME", "DOLLAR_COUNT", "AT"):
        return opening in _OPENINGS
    if kind not in ("NAME", "OTHER_NAME"):
        return False
    if text.name == "path":
        return opening in ("CALL", "OPEN", "COMMA")
    return opening in _OPENINGS and text.piece(index).lower() in _OPTION_NAMES


def idle_semicolons(text: Tokens) -> Iterator[Edit]:
    """A `;` before `)` or before another `;`."""
    for index, (kind, _, at) in enumerate(text.tokens):
        if kind == "SEMI" and text.kind(index + 1) in ("SEMI", "CLOSE"):
            yield Edit(at, text.end(index))


def between_transformations(text: Tokens) -> Iterator[Edit]:
    """Blanks around the `/` between transformations. Anywhere else `a / b` could be a path or a
    division, and is refused."""
    if text.name != "$apply" and "apply=" not in text.text.lower():
        return
    for index, (kind, piece, at) in enumerate(text.tokens):
        if kind not in _SLASHES or not _separates_transformations(text, index):
            continue
        if text.kind(index - 1) == "SPACE":
            yield Edit(text.tokens[index - 1][2], at)
        if text.kind(index + 1) == "SPACE" and piece == "/":
            yield Edit(at + 1, text.end(index + 1))


def _separates_transformations(text: Tokens, index: int) -> bool:
    before = index - 2 if text.kind(index - 1) == "SPACE" else index - 1
    after = index + 2 if text.kind(index + 1) == "SPACE" else index + 1
    ended = text.kind(before) == "CLOSE" or text.piece(before) == "identity"
    begins = text.kind(index) == "AGGREGATE_OPEN" or is_transformation(text.piece(after))
    return ended and begins
