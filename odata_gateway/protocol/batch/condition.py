"""The `if` of a request in a JSON batch (JSON Format 4.01, section 19.1): whether earlier requests
succeeded, combined with and, or, not.

The standard also allows conditions on the bodies of answers. They are not supported: such a request
fails with 424, as the standard demands for a condition that is not met.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from odata_gateway.errors import UrlDependency

_TOKEN = re.compile(
    r"\s*(?:\$(?P<name>[A-Za-z0-9._~-]+)/\$succeeded(?![\w/$])"
    r"|(?P<word>and|or|not|eq|ne|true|false)(?!\w)|(?P<mark>[()]))",
    re.IGNORECASE,
)
_MOST_TOKENS = 1000
_MOST_DEPTH = 100


def holds(condition: str, succeeded: Callable[[str], bool]) -> bool:
    """Whether a condition is met.

    succeeded  tells whether the request with an id succeeded; it may raise
    raises     UrlDependency  for a condition of another kind
    """
    parser = _ConditionParser(_tokens(condition.strip()), succeeded)
    value = parser.disjunction(0)
    if parser.tokens:
        raise _unsupported()
    return value


def _unsupported() -> UrlDependency:
    return UrlDependency(
        "this kind of condition is not supported",
        target="if",
        hint="write $<id>/$succeeded, combined with and, or, not",
    )


def _tokens(condition: str) -> list[tuple[str, str]]:
    """The tokens, last first: ("name", id) or ("word", text)."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(condition):
        match = _TOKEN.match(condition, at)
        if match is None or len(found) == _MOST_TOKENS:
            raise _unsupported()
        if match["name"]:
            found.append(("name", match["name"]))
        else:
            found.append(("word", (match["word"] or match["mark"]).lower()))
        at = match.end()
    return found[::-1]


class _ConditionParser:
    """Parses and evaluates in one pass, with the precedence of URL Conventions 5.1.1.17."""

    def __init__(self, tokens: list[tuple[str, str]], succeeded: Callable[[str], bool]) -> None:
        self.tokens = tokens
        self._succeeded = succeeded

    def disjunction(self, depth: int) -> bool:
        """The value of a condition that is nested in `depth` parentheses and negations."""
        value = self._conjunction(depth)
        while self._takes("or"):
            value |= self._conjunction(depth)
        return value

    def _conjunction(self, depth: int) -> bool:
        value = self._equality(depth)
        while self._takes("and"):
            value &= self._equality(depth)
        return value

    def _equality(self, depth: int) -> bool:
        value = self._term(depth)
        while word := self._takes("eq", "ne"):
            value = (value == self._term(depth)) is (word == "eq")
        return value

    def _term(self, depth: int) -> bool:
        if depth > _MOST_DEPTH or not self.tokens:
            raise _unsupported()
        kind, text = self.tokens.pop()
        if kind == "name":
            return self._succeeded(text)
        if text == "not":
            return not self._term(depth + 1)
        if text in ("true", "false"):
            return text == "true"
        value = self.disjunction(depth + 1) if text == "(" else False
        if text != "(" or not self._takes(")"):
            raise _unsupported()
        return value

    def _takes(self, *words: str) -> str | None:
        """The next token, removed, if it is one of these words."""
        if self.tokens and self.tokens[-1][0] == "word" and self.tokens[-1][1] in words:
            return self.tokens.pop()[1]
        return None
