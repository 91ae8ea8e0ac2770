"""A target without its literals: the `QueryTemplate`, which is the key of every cache, and the
literals' values.

Two requests that differ only in literals have equal templates. The key is the decoded text of path
and options, in which each literal is replaced by its kind between NUL characters. What changes the
SQL (names, operators, null, true, false, $count, $levels) stays in it. The template also carries
the tokens for the parser; comparisons ignore them. When the cache has the template, only `split`
and this module have run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from odata_gateway.errors import BindSegment, ODataError, UrlLiteral, UrlOption, UrlSyntax, nearest
from odata_gateway.types.faults import shorten
from odata_gateway.url import options
from odata_gateway.url.ast import LiteralKind
from odata_gateway.url.lenient.names import edges, segment_edges
from odata_gateway.url.lenient.spellings import lenient_tokens
from odata_gateway.url.lexer import LIST_BRACKETS, Coded, list_end, option_tokens
from odata_gateway.url.literals import DECODERS, LiteralValue, decode
from odata_gateway.url.search_words import WORD_KINDS, RawToken
from odata_gateway.url.split import QueryOption, Target
from odata_gateway.url.syntax_errors import nested_option

LiteralToken = tuple[LiteralKind, int, bool]
"""Kind, slot, and whether it is a folded list."""
TemplateToken = tuple[str, str | LiteralToken, int]
"""Type, text and offset; or "LITERAL", a literal and its offset."""


class OptionTokens(NamedTuple):
    """The tokens of one option or path segment.

    name  the canonical name of the option, or `path`
    end   the offset after its text
    """

    name: str
    tokens: tuple[TemplateToken, ...]
    end: int


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """The text of the options that never change the SQL. That they were given is part of the
    template's key."""

    format: str | None = None
    schemaversion: str | None = None
    id: str | None = None
    skiptoken: str | None = None
    deltatoken: str | None = None


@dataclass(frozen=True, slots=True)
class QueryTemplate:
    """A request without its literals; two are equal if their SQL can only differ in arguments."""

    key: str
    path: tuple[OptionTokens, ...] = field(compare=False, repr=False)
    options: tuple[OptionTokens, ...] = field(compare=False, repr=False)
    transport: TransportOptions = field(compare=False, repr=False)


Normalized = tuple[QueryTemplate, tuple[LiteralValue, ...]]


def normalize(
    target: Target, formats: frozenset[str] = options.FORMAT_NAMES, *, strict: bool = False
) -> Normalized:
    """The template of a target, and the values of its literals by slot.

    formats  the short names that $format may have besides media types, in lower case
    strict   whether only the spellings of the ABNF are read
    raises   UrlLiteral, UrlEncoding, BindValue  for an impossible literal
              UrlOption  for an unknown option, and for one that is given twice
              UrlSyntax  for an option without its value
    """
    return Normalizer(formats, strict=strict).normalize(target)


_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_CALL = re.compile(r"(?:[^\W\d]\w*(?:\.[^\W\d]\w*)*|\$filter|\$crossjoin)(\s*)\(")
_VERSION = re.compile(r"\*|[A-Za-z0-9._~-]+")
_MEDIA_TYPE = re.compile(r"[^\s/][^/]*/[^\s/](?:[^/]*[^\s/])?")
_TRUE_OR_FALSE = frozenset({"true", "false"})
_NO_TRANSPORT = TransportOptions()
_SPECIAL = frozenset(DECODERS) | WORD_KINDS | LIST_BRACKETS.keys()
"""The tokens that may become literals; all others stay as they are."""
# The tokens before a number that is a count of rows.
_NUMBER_OPTIONS = frozenset({"$top=", "$skip=", "top=", "skip="})
_NUMBER_STEPS = frozenset({"top(", "skip("})


class Normalizer:
    """The key and the values of one request, while they grow."""

    __slots__ = ("formats", "key", "seen", "strict", "texts", "tokens_of", "values")

    def __init__(
        self, formats: frozenset[str] = options.FORMAT_NAMES, *, strict: bool = False
    ) -> None:
        self.formats = formats
        self.strict = strict
        self.tokens_of = option_tokens if strict else lenient_tokens
        self.values: list[LiteralValue] = []
        self.key: list[str] = []
        self.seen: set[str] = set()
        self.texts: dict[str, str] = {}

    def normalize(self, target: Target) -> Normalized:
        """See the function of this name."""
        path = self._path(target.segments)
        parsed: list[OptionTokens] = []
        previous = ""
        for option in target.options:
            name = options.SPELLED_OPTIONS.get(option.name) or _canonical_name(option, previous)
            previous = name or ""
            if name is not None and (tokens := self._option(name, option)) is not None:
                parsed.append(tokens)
        transport = TransportOptions(**self.texts) if self.texts else _NO_TRANSPORT
        template = QueryTemplate("".join(self.key), path, tuple(parsed), transport)
        return template, tuple(self.values)

    # --- the resource path

    def _path(self, segments: tuple[str, ...]) -> tuple[OptionTokens, ...]:
        found: list[OptionTokens] = []
        at = 0
        before = None
        for segment in segments:
            start, end = 0, len(segment)
            if not (self.strict or segment.isidentifier()):
                start, end = segment_edges(segment, before)
            found.append(self._segment(segment[start:end], at + start))
            at += len(segment) + 1
            before = segment
        return tuple(found)

    def _segment(self, text: str, at: int) -> OptionTokens:
        """A segment with parentheses as tokens; any other as SEGMENT, followed by its text as a
        raw literal if it may be a key."""
        if not text:
            raise BindSegment(
                "the path has an empty segment",
                target="path",
                at=at,
                hint="write one '/' between two segments",
            )
        self.key.append("\0/")
        end = at + len(text)
        call = _CALL.match(text)
        if call is not None and not (self.strict and call[1]):
            tokens = self.tokens_of("path", text)
            if at:
                tokens = [(kind, piece, at + offset) for kind, piece, offset in tokens]
            return self.with_slots("path", tokens, end)
        is_name = _NAME.fullmatch(text) is not None
        if is_name or text[:1] == "$":
            self.key.append(text)
        segment: TemplateToken = ("SEGMENT", text, at)
        if at and text[:1] != "$":
            key = self._literal(LiteralValue("raw", text, at, "path"))
            return OptionTokens("path", (segment, key), end)
        if not is_name and text[:1] != "$":
            raise UrlSyntax(
                f"'{shorten(text)}' is not the name of a resource", target="path", at=at
            )
        return OptionTokens("path", (segment,), end)

    # --- query options

    def _option(self, name: str, option: QueryOption) -> OptionTokens | None:
        """The tokens of an option; None for a transport option, which is kept as text."""
        if name in self.seen:
            raise UrlOption(
                f"'{name}' is given twice",
                target=name,
                hint="give each option once, with or without '$'",
            )
        self.seen.add(name)
        self.key.append(f"\0&{name}=")
        text = option.value
        if text and (name in options.STARTS or name[0] == "@"):
            return self.expression(name, text, option.coded)
        start, value = 0, text
        if text and not (self.strict or text.isalnum()):
            start, end = edges(text)
            value = text[start:end]
        if not text or not value:
            raise UrlSyntax(
                f"'{name}' has no value", target=name, at=0, hint=options.EXAMPLES.get(name)
            )
        if name in options.NUMBERS:
            number = self._literal(_number(name, value, start, name))
            return OptionTokens(name, (number,), len(text))
        if name in options.BOOLEANS:
            return self._boolean(name, value)
        self.texts[name[1:]] = _checked_text(name, value, self.formats)
        return None

    def expression(self, name: str, text: str, coded: Coded | None = None) -> OptionTokens:
        """The tokens of an option that the grammar reads.

        coded  as of `option_tokens`
        """
        return self.with_slots(name, self.tokens_of(name, text, coded), len(text))

    def _boolean(self, name: str, value: str) -> OptionTokens:
        text = value.lower()
        if text not in _TRUE_OR_FALSE:
            raise UrlSyntax(f"expected true or false, not '{shorten(value)}'", target=name, at=0)
        self.key.append(text)
        return OptionTokens(name, (("CONSTANT", text, 0),), len(value))

    # --- literals

    def with_slots(self, name: str, raw: list[RawToken], end: int) -> OptionTokens:
        """The tokens with slots in place of literals. A list after `in`, or one that is the whole
        value of an alias, is one literal if its items are of one kind; `in (1)` is no list, because
        it leaves one value, which is better known before Postgres plans."""
        try:
            return self._with_slots(name, raw, end)
        except ODataError as error:
            if error.at is not None:
                error.nested = nested_option(raw, error.at)
            raise

    def _with_slots(self, name: str, raw: list[RawToken], end: int) -> OptionTokens:
        tokens: list[TemplateToken] = []
        append, key = tokens.append, self.key.append
        numbered = iter(enumerate(raw))
        for index, token in numbered:
            if token[0] not in _SPECIAL:
                append(token)
                key(token[1])
            elif token[0] in DECODERS:
                append(self._decoded(raw, index, name))
            elif token[0] in WORD_KINDS:
                append(token)
                append(self._word(token, name))
            else:
                opening, after = self._bracket(raw, index, name)
                append(opening)
                for _ in range(index + 1, after):
                    next(numbered)
        return OptionTokens(name, tuple(tokens), end)

    def _literal(self, value: LiteralValue, *, many: bool = False) -> TemplateToken:
        """The token of a literal. Its value takes the next slot; its kind becomes part of the
        key."""
        kind = value.kind
        self.key.append(f"\0{kind}*\0" if many else f"\0{kind}\0")
        values = self.values
        slot = len(values)
        values.append(value)
        return "LITERAL", (kind, slot, many), value.at

    def _decoded(self, raw: list[RawToken], index: int, name: str) -> TemplateToken:
        """The token of the literal at `index`."""
        kind, text, at = raw[index]
        before = raw[index - 1][1].lower().rstrip() if kind == "NUMBER" and index else ""
        if before in _NUMBER_OPTIONS or (name == "$apply" and before in _NUMBER_STEPS):
            return self._literal(_number(before, text, at, name))
        if kind != "JSTRING":
            return self._literal(decode(kind, text, at, name))
        # A JSON string may stand in fewer places than a string in single quotes: two keys.
        self.key.append('"')
        _, literal, _ = self._literal(decode(kind, text, at, name))
        return "JSTRING", literal, at

    def _word(self, token: RawToken, name: str) -> TemplateToken:
        """The literal after a word or phrase of $search."""
        kind, text, at = token
        self.key.append(kind)
        if kind == "SINGLE":
            return self._literal(LiteralValue("string", text[1:-1].replace("''", "'"), at, name))
        return self._literal(LiteralValue("word", text if kind == "WORD" else text[1:-1], at, name))

    def _bracket(self, raw: list[RawToken], index: int, name: str) -> tuple[TemplateToken, int]:
        """The token for the bracket at `index`, and the index of the next token to read: a folded
        list is one token."""
        kind, text, at = raw[index]
        last = list_end(raw, index) if _may_be_list(raw, index, name) else 0
        if not last:
            self.key.append(text)
            return raw[index], index + 1
        items = raw[index + 1 : last]
        literals = [item for item in items if item[0] in DECODERS]
        least = 2 if kind == "OPEN" else 1
        if len(literals) >= least and 2 * len(literals) == len(items) + 1:
            folded = _fold([decode(*literal, name) for literal in literals])
            if folded is not None:
                value = LiteralValue(folded[0], folded[1], at, name)
                return self._literal(value, many=True), last + 1
        self.key.append("\0(")
        return ("LIST" if kind == "OPEN" else kind, "(", at), index + 1


def _canonical_name(option: QueryOption, previous: str) -> str | None:
    """The canonical name of a system option or alias; None for a custom option.

    previous  the canonical name of the option before
    """
    name = option.name
    known = options.canonical(name)
    if known is not None:
        return known
    if name[:1] == "@":
        if _IDENTIFIER.fullmatch(name, 1):
            return name
        raise UrlOption(
            f"the parameter alias '{shorten(name)}' must be '@' and an identifier",
            target=name,
            hint="write it like @p=1",
        )
    if name[:1] == "$" or not name:
        raise UrlOption(
            f"'{shorten(name)}' is not a query option of OData",
            target=name or "url",
            hint=options.RENAMED.get(name.lower()) or nearest(name.lower(), options.SYSTEM),
        )
    if option.value is None and previous == "$search" and _IDENTIFIER.fullmatch(name):
        raise UrlSyntax(
            f"'&' ends the search, so '{shorten(name)}' is a query option without a value",
            target="$search",
            hint="write %26 for the '&' itself",
        )
    return None


def _checked_text(name: str, value: str, formats: frozenset[str]) -> str:
    """The value of a transport option."""
    if name == "$schemaversion" and not _VERSION.fullmatch(value):
        raise UrlSyntax(
            "a schema version must be '*', or letters, digits, '-', '.', '_' and '~'",
            target=name,
            at=0,
        )
    if name == "$format" and value.lower() not in formats and not _MEDIA_TYPE.fullmatch(value):
        raise UrlSyntax(
            f"'{shorten(value)}' is not a format",
            target=name,
            at=0,
            hint=options.format_hint(value),
        )
    return value


def _number(name: str, text: str, at: int, target: str) -> LiteralValue:
    """The number of $top, $skip or $index. It is always an Int64, so its size is not part of the
    template."""
    can_be_negative = name == "$index"
    digits = text.removeprefix("-") if can_be_negative else text
    if not (digits.isascii() and digits.isdigit()):
        least = "" if can_be_negative else " from 0"
        raise UrlSyntax(
            f"expected a whole number{least}, not '{shorten(text)}'",
            target=target,
            at=at,
            hint=options.EXAMPLES.get(name),
        )
    digits = digits.lstrip("0") or "0"
    if len(digits) > 19 or int(digits) >= 2**63:
        raise UrlLiteral(f"'{shorten(text)}' is beyond the range of Int64", target=target, at=at)
    return LiteralValue("int64", -int(digits) if text[0] == "-" else int(digits), at, target)


def _may_be_list(raw: list[RawToken], index: int, name: str) -> bool:
    """Whether the bracket opens the right side of `in`, or the whole value of an alias."""
    if index == 0:
        return raw[0][0] == "LBRACKET" and name[0] == "@"
    before = raw[index - 1]
    return before[0] == "OPERATOR" and before[1].strip().lower() == "in"


_BY_WIDTH: tuple[LiteralKind, ...] = ("int32", "int64", "decimal")


def _fold(values: list[LiteralValue]) -> tuple[LiteralKind, tuple[object, ...]] | None:
    """The common kind of all values, and the values; numbers get the widest kind. None if the kinds
    differ otherwise."""
    kinds = {value.kind for value in values}
    found = tuple([value.value for value in values])
    if len(kinds) == 1:
        return values[0].kind, found
    if not kinds <= set(_BY_WIDTH):
        return None
    kind = max(kinds, key=_BY_WIDTH.index)
    if kind != "decimal":
        return kind, found
    return kind, tuple([Decimal(each) if isinstance(each, int) else each for each in found])
