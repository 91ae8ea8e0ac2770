"""A request target as parts: segments and options, the template, and the values of its literals.

Nothing here knows the model. The digest of a query is what the token of a next link belongs to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote

from odata_gateway.plan.scope.limits import Limits, check_list
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.url.fast_normalize import fast_normalize
from odata_gateway.url.literals import (
    SAFE_IN_KEYS,
    LiteralValue,
    canonical_text,
    literal_text,
)
from odata_gateway.url.normalize import QueryTemplate, normalize
from odata_gateway.url.options import FORMAT_NAMES, TEXTS
from odata_gateway.url.redact import RedactedUrl, redact
from odata_gateway.url.split import Target
from odata_gateway.url.unparse import ANCHOR

# Options that change neither the rows nor their order, so that a token stays valid without them.
_FREE_OPTIONS = (*(f"{name}=" for name in TEXTS), f"{ANCHOR}=")
# A key in the path of a template: the slot of a literal, or a boolean, which is not a literal.
_KEY = re.compile(r"\0[\w.*]+\0|(?<=[(=,])(?P<word>true|false)(?=[,)])", re.IGNORECASE)


class ParsedUrl(NamedTuple):
    """A request target before any name in it is looked up.

    text      the target as the client wrote it; links repeat its path
    target    segments and options, percent-decoded
    template  the cache key; in it numbered slots take the place of literals
    values    the literals by slot
    """

    text: str
    target: Target
    template: QueryTemplate
    values: tuple[LiteralValue, ...]

    @property
    def redacted(self) -> RedactedUrl:
        """The URL without its values, for log lines and labels."""
        return redact(self.template.key)

    def number(self, slot: LiteralSlot | None) -> int | None:
        """The number of $top or $skip; None without the option."""
        value = None if slot is None else self.values[slot.index].value
        return value if isinstance(value, int) else None

    def key_text(self, slot: LiteralSlot) -> str:
        """A key of the path as a context URL shows it, percent-encoded."""
        value, form = self.values[slot.index], slot.type.family.literal
        if value.kind == "raw":
            text = form.literal_of(form.from_text(str(value.value), slot.type))
        else:
            text = literal_text(value.kind, value.value)
        return quote(text, safe=SAFE_IN_KEYS)

    def path_keys(self) -> str:
        """The keys in the path and the key of $it, in canonical form.

        Keys that are segments of their own are not among them: the digest has the segments.
        """
        in_path = (v for v in self.values if v.target == "path")
        path = self.template.key.partition("\0&")[0]
        found = [_key(match["word"], in_path) for match in _KEY.finditer(path)]
        found += [canonical_text(v.kind, v.value) for v in self.values if v.target == ANCHOR]
        return ",".join(text for text in found if text is not None)

    def query_digest(self) -> str:
        """A digest of path, options and literals, without the keys of the path and without the
        options that pages of one query may differ in."""
        return query_digest(_path_without_keys(self.target.segments), self.template, self.values)


class UrlRules(NamedTuple):
    """What a URL may be.

    formats  the short names that $format may have besides media types, in lower case
    strict   whether only the spellings of the standard are read
    """

    limits: Limits
    max_bytes: int
    formats: frozenset[str] = FORMAT_NAMES
    strict: bool = False


def parse_url(text: str, rules: UrlRules) -> ParsedUrl:
    """The parts of a request target. All errors of encoding and of literals are found here, and no
    others.

    raises  LimitUrl, LimitNodes, UrlEncoding, UrlSyntax, UrlOption, UrlLiteral, BindValue
    """
    parts = fast_normalize(
        text, max_bytes=rules.max_bytes, formats=rules.formats, strict=rules.strict
    )
    url = ParsedUrl(text, *parts)
    _check_lists(url.values, rules.limits)
    return url


def from_target(text: str, target: Target, rules: UrlRules) -> ParsedUrl:
    """A parsed URL with these segments and options; links repeat the path in `text`."""
    template, values = normalize(target, rules.formats, strict=rules.strict)
    _check_lists(values, rules.limits)
    return ParsedUrl(text, target, template, values)


def _check_lists(values: tuple[LiteralValue, ...], limits: Limits) -> None:
    for value in values:
        if type(value.value) is tuple:
            check_list(len(value.value), limits, at=value.at, target=value.target)


def _key(word: str | None, literals: Iterator[LiteralValue]) -> str | None:
    """A key in canonical form: a word of the template, or the next literal; None for a segment."""
    if word is not None:
        return word.lower()
    value = next(literals)
    return None if value.kind == "raw" else canonical_text(value.kind, value.value)


def _path_without_keys(segments: tuple[str, ...]) -> str:
    """The path with empty parentheses, unless what stands in them is part of the query: the
    condition of `/$filter(...)` and the names of `$crossjoin(...)`."""
    path = "/".join(s.partition("(")[0] + ("()" if "(" in s else "") for s in segments)
    is_query = "/$filter(" in path or path.startswith("$crossjoin(")
    return "/".join(segments) if is_query else path


def query_digest(path: str, template: QueryTemplate, values: Iterable[LiteralValue]) -> str:
    """The SHA-256 of a path, of a template's options and of their literals.

    Tokens in links that clients keep depend on each byte of it: the order of the options, the
    template's notation, and how Python writes the values.
    """
    options = [o for o in template.key.split("\0&")[1:] if not o.startswith(_FREE_OPTIONS)]
    literals = [(v.kind, v.value) for v in values if v.target not in ("path", ANCHOR)]
    return hashlib.sha256(repr((path, options, literals)).encode()).hexdigest()
