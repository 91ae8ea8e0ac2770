"""Dates and times without an offset from UTC, which are in UTC as they are in quotes.

A date where a time stands is its midnight: only the binder knows that a time stands there, so
`plan.expression.literals` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from odata_gateway.url.lenient.respelling import Edit, Tokens

_LOCAL = re.compile(
    r"-?[0-9]{4,}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?"
)
_IN_UTC = re.compile(r"[0-9]{4,}-[0-9]{2}-[0-9]{2}[Zz](?![\w:-])")
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}(?![0-9])")


def without_offset(text: Tokens) -> Iterator[Edit]:
    """`2021-11-23T00:00:00`, as Python's isoformat() writes it."""
    for index, (kind, piece, _) in enumerate(text.tokens):
        if kind == "DATETIME" and _LOCAL.fullmatch(piece):
            yield Edit(text.end(index), text.end(index), ("Z",))


def dates_in_utc(text: Tokens) -> Iterator[Edit]:
    """`2021-11-23Z` is the date."""
    for kind, _, at in text.tokens:
        found = _IN_UTC.match(text.text, at) if kind == "NUMBER" else None
        if found is not None:
            yield Edit(found.end() - 1, found.end())


def with_a_blank(text: Tokens) -> Iterator[Edit]:
    """`2021-11-23 10:30:00`, as Python's str() and SQL write it."""
    for index, (kind, piece, at) in enumerate(text.tokens):
        is_between = kind == "SPACE" and text.kind(index - 1) == "DATE"
        if is_between and _CLOCK.match(text.text, at + len(piece)):
            yield Edit(at, at + len(piece), ("T",))
