"""A template as people may read it: the URL with the kinds of its literals in the place of their
values, and what kind of question it is.

What a template's key holds besides names is what the grammar has: a value that a client takes for a
name (an alias, a column of $compute) stays, but for texts that are as long as a token.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_LITERAL = re.compile(r"\0([A-Za-z0-9_.*]+)\0")
_LIKE_A_TOKEN = re.compile(r"[A-Za-z0-9]{20,}")
_MOST_CHARACTERS = 2000
_KINDS = ("$apply", "$search", "$expand", "$compute", "$filter", "$orderby")
"""The costliest comes first."""


class RedactedUrl(NamedTuple):
    """The costliest kind of a URL's options, without the sign, and what follows the service root,
    without its values."""

    options: str
    template: str


@lru_cache(maxsize=1024)
def redact(key: str) -> RedactedUrl:
    """What of a template's key a log line may say, and one of few words for a label."""
    path, *options = _LITERAL.sub(r"{\1}", key).split("\0&")
    path = path.replace("\0", "").removeprefix("/")
    names = {option.partition("=")[0] for option in options}
    if "/$filter(" in path:
        names.add("$filter")
    kind = next((kind for kind in _KINDS if kind in names), "")
    text = "?".join(part for part in (path, "&".join(options).replace("\0", "")) if part)
    return RedactedUrl(
        kind.removeprefix("$") or "none", _plain(_LIKE_A_TOKEN.sub("*", text))[:_MOST_CHARACTERS]
    )


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() and c.isascii() else "?" for c in text)
