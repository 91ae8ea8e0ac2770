"""URLs as log lines and metrics may show them, and templates as they may be kept: without values.

A value may be an access token or a person's name. A template's key has only names, and the kinds of
literals in place of literals. A target that was not normalized, because it is malformed or not for
data, is reduced to its path and the names of its options. A client can still write a value where a
name belongs (`$compute=id as ...`, `Message&apikey=...`), so whatever is as long as a token is left
out of both.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from odata_gateway.url.normalize import (
    OptionTokens,
    QueryTemplate,
    TemplateToken,
    TransportOptions,
)
from odata_gateway.url.options import BY_COST
from odata_gateway.url.search_words import WORD_KINDS

_LITERAL = re.compile(r"\0([A-Za-z0-9_.*]+)\0")
_LIKE_A_TOKEN = re.compile(r"(?:[A-Za-z0-9]|%[0-9A-Fa-f]{2}){20,}")
_MOST_CHARACTERS = 2000


class RedactedUrl(NamedTuple):
    """A URL without its values.

    options   the costliest of its options, without the `$`; "none" for cheap ones
    template  what follows the service root
    """

    options: str
    template: str


@lru_cache(maxsize=1024)
def redact(key: str) -> RedactedUrl:
    """A template's key without values."""
    path, *options = _LITERAL.sub(r"{\1}", key).split("\0&")
    path = path.replace("\0", "").removeprefix("/")
    names = {option.partition("=")[0] for option in options}
    if "/$filter(" in path:
        names.add("$filter")
    costliest = next((name for name in BY_COST if name in names), "$none")
    text = "?".join(part for part in (path, "&".join(options).replace("\0", "")) if part)
    return RedactedUrl(costliest.removeprefix("$"), _without_tokens(text))


def shared_template(template: QueryTemplate) -> QueryTemplate:
    """A template without what belongs to a request: the texts of options that never change the SQL,
    and the words of $search, of which the parser reads the first character."""
    options = template.options
    if "search" in template.key.lower():  # the key has the names of options
        options = tuple(option._replace(tokens=_without_words(option)) for option in options)
    return QueryTemplate(template.key, template.path, options, TransportOptions())


def _without_words(option: OptionTokens) -> tuple[TemplateToken, ...]:
    return tuple(
        (token[0], str(token[1])[:1], token[2]) if token[0] in WORD_KINDS else token
        for token in option.tokens
    )


class RedactedTarget:
    """A request target whose text, `str(...)`, is without values; it is made when it is needed."""

    __slots__ = ("_target",)

    def __init__(self, target: str) -> None:
        self._target = target

    def __str__(self) -> str:
        return redact_target(self._target)


def redact_target(target: str) -> str:
    """A request target without values: the path and the names of its options, as in
    `/v1.0/odata/Message [$filter,apikey]`.

    A client that takes `&` for `?`, or encodes the `=`, puts a value into the path or into a name;
    such a text becomes `*`.
    """
    path, mark, query = target.partition("?")
    path, ampersand, _ = path.replace("%26", "&").partition("&")
    names = ",".join([_option_name(option) for option in query.split("&") if option])
    shown = path + ("&*" if ampersand else "") + (f" [{names}]" if mark and names else "")
    return _without_tokens(shown)


def _option_name(option: str) -> str:
    name, equals, _ = option.partition("=")
    name = unquote(name)
    return name if equals and "=" not in name else "*"


def _without_tokens(text: str) -> str:
    """One printable line of ASCII, at most _MOST_CHARACTERS long, in which `*` stands for whatever
    is as long as a token."""
    text = _LIKE_A_TOKEN.sub("*", text)[:_MOST_CHARACTERS]
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() and c.isascii() else "?" for c in text)
