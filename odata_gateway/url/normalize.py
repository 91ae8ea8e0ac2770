"""A target as a Template, which is the cache key, and the values of its literals.

Two requests that differ in literals alone have equal Templates. The key is the decoded text of path
and options in which a mark with the kind of the literal stands for each literal; what must change
the SQL (names, operators, null, true, false, $count, $levels) stays in it. The tokens ride along
for the parser, uncompared: on a cache hit nothing but `split` and this module has run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from odata_gateway.errors import BindSegment, UrlLiteral, UrlOption, UrlSyntax, nearest
from odata_gateway.types.faults import shorten
from odata_gateway.url import options
from odata_gateway.url.ast import LiteralKind
from odata_gateway.url.lexer import scan, scan_search
from odata_gateway.url.literals import DECODERS, LiteralValue, decode
from odata_gateway.url.split import QueryOption, Target

LiteralToken = tuple[LiteralKind, int, bool]  # kind, slot, many
RawToken = tuple[str, str, int]
TemplateToken = tuple[str, str | LiteralToken, int]


class OptionTokens(NamedTuple):
    """What the parser reads of one option or path segment: (type, text, offset), or ("LITERAL",
    LiteralToken, offset).

    `name` is the canonical name of the option, or `path`; `end` the offset after its text.
    """

    name: str
    tokens: tuple[TemplateToken, ...]
    end: int


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """Options that never change the SQL, as text; that they came is part of the Template's key."""

    format: str | None = None
    schemaversion: str | None = None
    id: str | None = None
    skiptoken: str | None = None
    deltatoken: str | None = None


@dataclass(frozen=True, slots=True)
class QueryTemplate:
    """A request without its literals: hashable, and equal where the SQL can only differ in
    parameters."""

    key: str
    path: tuple[OptionTokens, ...] = field(compare=False, repr=False)
    options: tuple[OptionTokens, ...] = field(compare=False, repr=False)
    side: TransportOptions = field(compare=False, repr=False)


_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_CALL = re.compile(r"(?:[^\W\d]\w*(?:\.[^\W\d]\w*)*|\$filter|\$crossjoin)\(")
_VERSION = re.compile(r"\*|[A-Za-z0-9._~-]+")
_MEDIA_TYPE = re.compile(r"[^\s/][^/]*/[^\s/](?:[^/]*[^\s/])?")
_BOOLEANS = frozenset({"true", "false"})
_NO_SIDE = TransportOptions()


def normalize(
    target: Target,
    *,
    custom: frozenset[str] = frozenset(),
    formats: frozenset[str] = options.FORMATS,
) -> tuple[QueryTemplate, tuple[LiteralValue, ...]]:
    """The Template of a target, and the values of its literals by slot.

    custom  names that are custom options even where OData has a system option of that name
    formats the short names that $format may have, in lower case
    raises  UrlLiteral, UrlEncoding, BindValue (an impossible literal), UrlOption (unknown, twice),
            UrlSyntax (an option without its value)
    """
    lifter = _Normalizer(formats)
    path = lifter.path(target.segments)
    parsed: list[OptionTokens] = []
    previous = ""
    for option in target.options:
        name = _name(option, custom, previous)
        previous = name or ""
        if name is not None and (tokens := lifter.option(name, option)) is not None:
            parsed.append(tokens)
    side = TransportOptions(**lifter.side) if lifter.side else _NO_SIDE
    return QueryTemplate("".join(lifter.key), path, tuple(parsed), side), tuple(lifter.values)


_BY_KEY = re.compile(r"/?([A-Za-z_][A-Za-z0-9_]{0,99})\(([0-9]{1,9})\)")


def normalize_entity(target: str) -> tuple[Target, QueryTemplate, tuple[LiteralValue, ...]] | None:
    """What `split` and `lift` make of `Message(123)`, the shortest of requests and so the one where
    they count most; None for others."""
    match = _BY_KEY.fullmatch(target)
    if match is None:
        return None
    name, key = match.groups()
    return (
        Target((f"{name}({key})",), ()),
        _entity_template(name),
        (LiteralValue("int32", int(key), len(name) + 1, "path"),),
    )


@lru_cache(maxsize=256)
def _entity_template(name: str) -> QueryTemplate:
    return normalize(Target((f"{name}(0)",), ()))[0]


def _name(option: QueryOption, custom: frozenset[str], previous: str) -> str | None:
    """The canonical name of an option that is not custom."""
    name = option.name
    if name in custom:
        return None
    known = options.canonical(name)
    if known is not None:
        return known
    if name[:1] == "@":
        if _IDENTIFIER.fullmatch(name, 1):
            return name
        raise UrlOption(
            "the name of a parameter alias is '@' and an identifier",
            target=name,
            hint="write it like @p=1",
        )
    if name[:1] == "$" or not name:
        raise _unknown(name)
    if option.value is None and previous == "$search" and _IDENTIFIER.fullmatch(name):
        raise UrlSyntax(
            f"'&' ends the search, so that '{shorten(name)}' is a query option without value",
            target="$search",
            hint="write %26 for the '&' itself",
        )
    return None


def _unknown(name: str) -> UrlOption:
    hint = options.RENAMED.get(name.lower()) or nearest(name.lower(), options.SYSTEM)
    return UrlOption(
        f"'{shorten(name)}' is no query option of OData", target=name or "url", hint=hint
    )


class _Normalizer:
    """Values and key of one request, as they grow."""

    __slots__ = ("formats", "key", "seen", "side", "values")

    def __init__(self, formats: frozenset[str]) -> None:
        self.formats = formats
        self.values: list[LiteralValue] = []
        self.key: list[str] = []
        self.seen: set[str] = set()
        self.side: dict[str, str] = {}

    # --- the resource path

    def path(self, segments: tuple[str, ...]) -> tuple[OptionTokens, ...]:
        """Tokens of each segment; `$filter(...)` may hold slashes."""
        if any(segment.startswith("$filter(") for segment in segments):
            segments = _join_filters(segments)
        found: list[OptionTokens] = []
        at = 0
        for segment in segments:
            found.append(self.segment(segment, at))
            at += len(segment) + 1
        return tuple(found)

    def segment(self, text: str, at: int) -> OptionTokens:
        """A segment with parentheses as tokens; any other as SEGMENT, with its text as a raw
        literal if it may be a key."""
        if not text:
            raise BindSegment(
                "an empty path segment",
                target="path",
                at=at,
                hint="write one '/' between two segments",
            )
        self.key.append("\0/")
        if _CALL.match(text):
            tokens = scan(text)
            return self.lifted(
                "path",
                [(kind, piece, at + offset) for kind, piece, offset in tokens] if at else tokens,
                at + len(text),
            )
        is_name = _NAME.fullmatch(text) is not None
        if is_name or text[:1] == "$":
            self.key.append(text)
        lifted: tuple[TemplateToken, ...] = (("SEGMENT", text, at),)
        if at and text[:1] != "$":
            lifted += (self.literal(LiteralValue("raw", text, at, "path")),)
        elif not is_name and text[:1] != "$":
            raise UrlSyntax(
                f"'{shorten(text)}' is not the name of a resource", target="path", at=at
            )
        return OptionTokens("path", lifted, at + len(text))

    # --- query options

    def option(self, name: str, option: QueryOption) -> OptionTokens | None:
        """The tokens of an option, or None for one that is kept as text."""
        if name in self.seen:
            raise UrlOption(
                f"'{name}' is given twice",
                target=name,
                hint="give each option once, with or without '$'",
            )
        self.seen.add(name)
        self.key.append(f"\0&{name}=")
        value = option.value
        if not value:
            raise UrlSyntax("the option has no value", target=name, at=0, hint=_EXAMPLES.get(name))
        if _PLAIN.fullmatch(value) and name in _LISTS and (known := _without_literals(name, value)):
            self.key.append(known[1])
            return known[0]
        if name in options.PARSED or name[0] == "@":
            return self.lifted(name, _scan(name, value), len(value))
        if name in options.NUMBERS:
            return OptionTokens(name, (self.literal(_number(name, value, 0, name)),), len(value))
        if name == "$count":
            return self.boolean(name, value)
        self.side[name[1:]] = _text(name, value, self.formats)
        return None

    def boolean(self, name: str, value: str) -> OptionTokens:
        """$count, which stays in the key."""
        text = value.lower()
        if text not in _BOOLEANS:
            raise UrlSyntax(f"expected true or false, not '{shorten(value)}'", target=name, at=0)
        self.key.append(text)
        return OptionTokens(name, (("CONSTANT", text, 0),), len(value))

    # --- literals

    def literal(self, value: LiteralValue, many: bool = False) -> TemplateToken:
        """The token of a literal, whose value takes the next slot and whose kind goes into the
        key."""
        kind = value.kind
        self.key.append(f"\0{kind}*\0" if many else f"\0{kind}\0")
        values = self.values
        slot = len(values)
        values.append(value)
        return "LITERAL", (kind, slot, many), value.at

    def lifted(self, name: str, raw: list[RawToken], end: int) -> OptionTokens:
        """Tokens with literals lifted; a list after `in`, or as an alias's value, is one literal if
        all its items are of one kind."""
        tokens: list[TemplateToken] = []
        append, key = tokens.append, self.key.append
        done = -1
        for index, token in enumerate(raw):
            if index <= done:
                continue
            kind = token[0]
            if kind not in _SPECIAL:
                append(token)
                key(token[1])
            elif kind in DECODERS:
                append(self.decoded(raw, index, name))
            elif kind in _WORDS:
                append(token)
                key(kind)
                append(
                    self.literal(
                        LiteralValue(
                            "string" if kind == "SINGLE" else "word",
                            _word(kind, token[1]),
                            token[2],
                            name,
                        )
                    )
                )
            elif _may_be_list(raw, index, name) and (last := _list_end(raw, index)):
                opening = self.folded(raw[index + 1 : last], kind, token[2], name)
                append(opening)
                done = last if opening[0] == "LITERAL" else index
            else:
                append(token)
                key(token[1])
        return OptionTokens(name, tuple(tokens), end)

    def decoded(self, raw: list[RawToken], index: int, name: str) -> TemplateToken:
        """The token of the literal at `index`."""
        kind, text, at = raw[index]
        before = raw[index - 1][1].lower().rstrip() if kind == "NUMBER" and index else ""
        if before in _NUMBER_OPTIONS or (name == "$apply" and before in _NUMBER_STEPS):
            return self.literal(_number(before, text, at, name))
        if kind == "JSTRING":
            self.key.append(
                '"'
            )  # stands in fewer places than a string in single quotes, so the key must tell them apart
        token = self.literal(decode(kind, text, at, name))
        return ("JSTRING", token[1], token[2]) if kind == "JSTRING" else token

    def folded(self, items: list[RawToken], kind: str, at: int, name: str) -> TemplateToken:
        """The items between the brackets as one literal, or the opening bracket of a list that
        stays one."""
        literals = [item for item in items if item[0] in DECODERS]
        if literals and 2 * len(literals) == len(items) + 1:
            folded = _fold([decode(*literal, name) for literal in literals])
            if folded is not None:
                return self.literal(LiteralValue(folded[0], folded[1], at, name), many=True)
        self.key.append("\0(")
        return ("LIST" if kind == "OPEN" else kind), "(", at


_LISTS = frozenset({"$select", "$orderby", "$expand"})
_PLAIN = re.compile(r"[A-Za-z_,/ ]{1,200}")


@lru_cache(maxsize=512)
def _without_literals(name: str, value: str) -> tuple[OptionTokens, str] | None:
    """The tokens and the key of lists of names, which clients send over and over; None where a
    literal is among them (`INF`)."""
    lifter = _Normalizer(options.FORMATS)
    tokens = lifter.lifted(name, _scan(name, value), len(value))
    return None if lifter.values else (tokens, "".join(lifter.key))


_WORDS = frozenset({"WORD", "PHRASE", "SINGLE"})
_NUMBER_STEPS = frozenset({"top(", "skip("})
_NUMBER_OPTIONS = frozenset({"$top=", "$skip=", "top=", "skip="})
_OPENINGS = {"OPEN": "CLOSE", "LBRACKET": "RBRACKET"}
_SPECIAL = frozenset(DECODERS) | _WORDS | _OPENINGS.keys()
_EXAMPLES = {
    "$filter": "write it like $filter=status eq 1",
    "$orderby": "write it like $orderby=created_at desc,id",
    "$select": "write it like $select=id,status",
    "$expand": "write it like $expand=messages",
    "$count": "write $count=true",
    "$top": "write it like $top=10",
    "$skip": "write it like $skip=10",
    "$search": "write it like $search=hello",
    "$apply": "write it like $apply=aggregate($count as n)",
    "$compute": "write it like $compute=length(title) as len",
}


def _scan(name: str, text: str) -> list[RawToken]:
    if name == "$search":
        tokens: list[RawToken] = []
        scan_search(text, 0, tokens)
        return tokens
    return scan(
        text, lists=name in ("$select", "$expand"), apply=name == "$apply" or "apply=" in text
    )


def _text(name: str, value: str, formats: frozenset[str]) -> str:
    """The text of an option that is kept as it is."""
    if name == "$schemaversion" and not _VERSION.fullmatch(value):
        raise UrlSyntax(
            "a schema version holds letters, digits, '-', '.', '_' and '~', or is '*'",
            target=name,
            at=0,
        )
    if name == "$format" and value.lower() not in formats and not _MEDIA_TYPE.fullmatch(value):
        raise UrlSyntax(
            f"'{shorten(value)}' is not a format",
            target=name,
            at=0,
            hint=f"write {', '.join(sorted(formats - {'atom'}))} or a media type",
        )
    return value


def _word(kind: str, text: str) -> str:
    if kind == "WORD":
        return text
    return text[1:-1].replace("''", "'") if kind == "SINGLE" else text[1:-1]


def _number(name: str, text: str, at: int, target: str) -> LiteralValue:
    """The number of $top, $skip or $index; always an Int64, so that its size is no part of the
    template."""
    digits = text.removeprefix("-") if name == "$index" else text
    if not (digits.isascii() and digits.isdigit()):
        raise UrlSyntax(
            f"expected a whole number from 0, not '{shorten(text)}'",
            target=target,
            at=at,
            hint=_EXAMPLES.get(name),
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


def _list_end(raw: list[RawToken], start: int) -> int:
    """The index of the bracket that closes the flat list of literals opened at `start`; 0 if it is
    something else."""
    close = _OPENINGS[raw[start][0]]
    item = True
    for index in range(start + 1, len(raw)):
        kind = raw[index][0]
        if kind == close and (not item or index == start + 1):
            return index
        is_literal = kind == "CONSTANT" or (
            kind in DECODERS and (kind != "JSTRING" or close == "RBRACKET")
        )
        if not (is_literal if item else kind == "COMMA"):
            return 0
        item = not item
    return 0


_WIDTHS: dict[str, int] = {"int32": 0, "int64": 1, "decimal": 2}
_BY_WIDTH: tuple[LiteralKind, ...] = ("int32", "int64", "decimal")


def _fold(values: list[LiteralValue]) -> tuple[LiteralKind, tuple[object, ...]] | None:
    """The one kind of all values, numbers widened to the widest, and the values; None if they
    differ."""
    kinds = {value.kind for value in values}
    if len(kinds) == 1:
        return values[0].kind, tuple([value.value for value in values])
    if not kinds <= _WIDTHS.keys():
        return None
    kind = _BY_WIDTH[max(_WIDTHS[each] for each in kinds)]
    if kind != "decimal":
        return kind, tuple([value.value for value in values])
    return kind, tuple(
        [Decimal(value.value) if isinstance(value.value, int) else value.value for value in values]
    )


def _join_filters(segments: tuple[str, ...]) -> tuple[str, ...]:
    """Segments in which `$filter(a/b eq 1)` is whole again: the ABNF lets it hold slashes."""
    joined: list[str] = []
    parts: list[str] = []
    depth, quoted = 0, False
    for segment in segments:
        if parts or segment.startswith("$filter("):
            parts.append(segment)
            depth, quoted = _parentheses(segment, depth, quoted)
            if depth > 0 or quoted:
                continue
            segment = "/".join(parts)
            parts = []
        joined.append(segment)
    return (*joined, "/".join(parts)) if parts else tuple(joined)


def _parentheses(text: str, depth: int, quoted: bool) -> tuple[int, bool]:
    """The depth after a text, and whether it ends inside a string."""
    for char in text:
        if char == "'":
            quoted = not quoted
        elif not quoted:
            depth += (char == "(") - (char == ")")
    return depth, quoted
