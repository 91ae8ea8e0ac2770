"""A text that is changed piece by piece. Each character keeps the offset that it had in the text as
the client sent it, so that errors point there."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from odata_gateway.url.lexer import Coded, option_tokens
from odata_gateway.url.search_words import RawToken

_INVISIBLE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})


@lru_cache(maxsize=256)
def is_invisible(char: str) -> bool:
    """Whether a character is a blank, a line end, a control character, or has no width."""
    return unicodedata.category(char) in _INVISIBLE


class Edit(NamedTuple):
    """What stands between two offsets is replaced by some pieces: new text, or what stands at other
    offsets."""

    start: int
    end: int
    pieces: tuple[str | slice, ...] = ()


class Spelled(NamedTuple):
    """A text, and the offset in the client's text of each character and of the end."""

    text: str
    origins: list[int]

    @classmethod
    def of(cls, text: str) -> Spelled:
        """The text as it was sent."""
        return cls(text, list(range(len(text) + 1)))

    def edited(self, edits: Iterable[Edit]) -> Spelled:
        """The text after some edits. Of two that overlap, the one that begins first is made."""
        texts: list[str] = []
        origins: list[int] = []
        at = 0
        for start, end, pieces in sorted(edits, key=lambda edit: edit[:2]):
            if start < at:
                continue
            for piece in (slice(at, start), *pieces):
                new = self._new(piece, self.origins[end]) if isinstance(piece, str) else None
                texts.append(self.text[piece] if isinstance(piece, slice) else piece)
                origins += self.origins[piece] if isinstance(piece, slice) else new or []
            at = end
        return Spelled("".join([*texts, self.text[at:]]), origins + self.origins[at:])

    def tokens(self, name: str, coded: Coded | None) -> list[RawToken]:
        """The tokens of the text as it is now.

        coded  the offsets in the client's text of delimiters that were percent-encoded
        """

        def moved() -> frozenset[int]:
            offsets = coded() if coded is not None else ()
            return frozenset([i for i, origin in enumerate(self.origins) if origin in offsets])

        return option_tokens(name, self.text, moved)

    @staticmethod
    def _new(text: str, following: int) -> list[int]:
        """Offsets of new characters: those just before the one that follows, so that the offset of
        a word is right behind a new blank."""
        return [max(following - len(text) + i, 0) for i in range(len(text))]


class Tokens(NamedTuple):
    """An option or path segment that a spelling is looked for in.

    name  the canonical name of the option, or `path`
    """

    name: str
    text: str
    tokens: list[RawToken]

    def kind(self, index: int) -> str:
        """The type of a token; empty before the first one and behind the last."""
        return self.tokens[index][0] if 0 <= index < len(self.tokens) else ""

    def piece(self, index: int) -> str:
        """The text of a token; empty before the first one and behind the last."""
        return self.tokens[index][1] if 0 <= index < len(self.tokens) else ""

    def word(self, index: int) -> str:
        """The name in a token such as `in( `, in lower case."""
        return self.piece(index).rstrip(" \t(").lower()

    def end(self, index: int) -> int:
        """The offset behind a token."""
        _, text, at = self.tokens[index]
        return at + len(text)
