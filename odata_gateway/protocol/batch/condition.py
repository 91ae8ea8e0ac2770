"""The `if` of a request in a JSON batch (JSON Format 4.01, section 19.1): whether earlier requests
succeeded, with and, or, not.

A condition may also look into bodies of answers; that is not supported, and such a request fails as
the standard says, with 424.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from odata_gateway.errors import UrlDependency

_TOKEN = re.compile(
    r"\s*(?:\$(?P<name>[A-Za-z0-9._~-]+)/\$succeeded(?![\w/$])|(?P<word>and|or|not|eq|ne|true|false)(?!\w)|(?P<mark>[()]))",
    re.I,
)
_MOST_TOKENS = 1000
_DEEPEST = 100


def holds(condition: str, succeeded: Callable[[str], bool]) -> bool:
    """Whether a condition is met; `succeeded` tells it of a request by its id, and raises for one
    that it cannot name.

    raises  UrlDependency for conditions of another kind
    """
    reader = _ConditionParser(_tokens(condition.strip()), succeeded)
    value = reader.disjunction(0)
    if reader.tokens:
        raise _unsupported()
    return value


def _unsupported() -> UrlDependency:
    reason = "the condition is of a kind that is not supported"
    return UrlDependency(
        reason, target="if", hint="write $<id>/$succeeded, combined by and, or, not"
    )


def _tokens(condition: str) -> list[tuple[str, str]]:
    """The tokens, last first: ("name", id), or ("word", text)."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(condition):
        match = _TOKEN.match(condition, at)
        if match is None or len(found) == _MOST_TOKENS:
            raise _unsupported()
        found.append(
            ("name", match["name"])
            if match["name"]
            else ("word", (match["word"] or match["mark"]).lower())
        )
        at = match.end()
    return found[::-1]


class _ConditionParser:
    """Reads and computes at once, by the precedence of URL Conventions 5.1.1.17."""

    def __init__(self, tokens: list[tuple[str, str]], succeeded: Callable[[str], bool]) -> None:
        self.tokens = tokens
        self._succeeded = succeeded

    def _takes(self, *words: str) -> str | None:
        """The next token, if it is one of these words."""
        if self.tokens and self.tokens[-1][0] == "word" and self.tokens[-1][1] in words:
            return self.tokens.pop()[1]
        return None

    def disjunction(self, depth: int) -> bool:
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
        if depth > _DEEPEST or not self.tokens:
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
