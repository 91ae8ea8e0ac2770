"""Literals as values: from the text of a token to a kind and a natural Python value (ABNF section
7).

A family of `types` reads the literals of its types; here is what the grammar knows besides:
quoting, prefixes, and enumeration values. A text that is not a literal of its kind raises UrlSyntax
or UrlLiteral. A text that is one, but names a day that no calendar has (30 February), follows the
grammar and raises BindValue.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import NamedTuple

from odata_gateway.errors import (
    BindType,
    BindValue,
    ODataError,
    Unsupported,
    UrlEncoding,
    UrlLiteral,
    UrlSyntax,
)
from odata_gateway.types.family import PrimitiveType
from odata_gateway.types.faults import FaultReason, ValueFault, shorten
from odata_gateway.types.numbers import read_number
from odata_gateway.types.registry import LITERAL_PREFIXES, LITERAL_TOKENS, LITERAL_TYPES
from odata_gateway.url.ast import LiteralKind

ERRORS: dict[FaultReason, type[ODataError]] = {
    "syntax": UrlSyntax,
    "literal": UrlLiteral,
    "value": BindValue,
    "type": BindType,
    "unsupported": Unsupported,
}
"""What a family's fault is for the client, by its reason."""


class LiteralValue(NamedTuple):
    """A literal's value. `at` is its offset in the decoded text of `target` (an option or
    `path`)."""

    kind: LiteralKind
    value: object
    at: int = 0
    target: str = "path"


Decoded = tuple[LiteralKind, object]


def error_of(fault: ValueError, text: str, noun: str) -> ODataError:
    """The error for what a family says of a text; a plain ValueError says only that it is not a
    value, `noun`."""
    if isinstance(fault, ValueFault):
        return ERRORS[fault.reason](fault.message, hint=fault.hint)
    return UrlLiteral(f"'{shorten(text)}' is not {noun}")


def _read(text: str, type_: PrimitiveType) -> Decoded:
    """A literal of the type's family, without prefix and quotes."""
    assert type_.literal_kind is not None
    return type_.literal_kind, type_.family.literal.read(text)


def string(text: str) -> Decoded:
    """`'O''Neil'`."""
    return "string", text[1:-1].replace("''", "'") if "''" in text else text[1:-1]


def json_string(text: str) -> Decoded:
    """A JSON string, as in `["Fred"]`."""
    try:
        value = json.loads(text, strict=False)
    except ValueError:
        raise UrlSyntax(
            "not a JSON string", hint="escape a backslash or a double quote with a backslash"
        ) from None
    if not value.isascii() or "\0" in value:
        for char in value:
            if char == "\0" or "\ud800" <= char <= "\udfff":
                raise UrlEncoding("a NUL character or a lone surrogate in a JSON string")
    return "string", value


# --- literals with a prefix -----------------------------------------------------------------------

_ENUM_RE = re.compile(r"(?:[^\W\d]\w*|[+-]?\d{1,19})(?:,(?:[^\W\d]\w*|[+-]?\d{1,19}))*")
_OLD_PREFIXES = frozenset({"datetime", "datetimeoffset", "guid", "time", "x"})


def prefixed(text: str) -> Decoded:
    """`duration'PT1H'`, `binary'Zg'`, `geography'...'`, or an enumeration value
    `Sales.Pattern'Yellow'`, whose value is the whole text."""
    prefix, _, quoted = text.partition("'")
    content, name = quoted[:-1].replace("''", "'"), prefix.lower()
    type_ = LITERAL_PREFIXES.get(name)
    if type_ is not None:
        try:
            return _read(content, type_)
        except ValueError as fault:
            raise error_of(fault, content, type_.family.noun) from None
    if "." in prefix and _ENUM_RE.fullmatch(content):
        return "enum", text
    hint = (
        "OData 4 writes dates, times and Guids without prefix and quotes"
        if name in _OLD_PREFIXES
        else "only enumeration values and durations have a prefix"
    )
    raise UrlSyntax(f"'{shorten(text)}' is not a literal", hint=hint)


# --- tokens ---------------------------------------------------------------------------------------


def _bare(type_: PrimitiveType) -> Callable[[str], Decoded]:
    kind, read = type_.literal_kind, type_.family.literal.read
    assert kind is not None
    return lambda text: (kind, read(text))


DECODERS: dict[str, Callable[[str], Decoded]] = {
    "STRING": string,
    "NUMBER": read_number,
    "QUOTED": prefixed,
    "JSTRING": json_string,
    **{token: _bare(type_) for token, type_ in LITERAL_TOKENS.items()},
}
"""By token. The lexer's tokens are fixed: a further family has literals with a prefix."""


def decode(token: str, text: str, at: int, target: str) -> LiteralValue:
    """The value of a literal token; its errors say where."""
    try:
        kind, value = DECODERS[token](text)
    except ODataError as error:
        error.at, error.target = at, target
        raise
    except ValueError as fault:
        refusal = error_of(fault, text, "a literal")
        refusal.at, refusal.target = at, target
        raise refusal from None
    return LiteralValue(kind, value, at, target)


# --- values as text again -------------------------------------------------------------------------


SAFE_IN_KEYS = "'!$()*,;=:@"
"""Characters of a key's literal that a path may have as they are, besides letters, digits and
`-._~`."""


def literal_text(kind: LiteralKind, value: object) -> str:
    """A literal as URL text, not percent-encoded; a tuple is a list, in brackets: they serve after
    `in` and as an alias's value."""
    if isinstance(value, tuple):
        return "[" + ",".join(literal_text(kind, item) for item in value) + "]"
    if kind == "word":
        return f'"{value}"'
    type_ = LITERAL_TYPES.get(kind)
    return str(value) if type_ is None else type_.family.literal.literal_of(value)


def canonical_text(kind: LiteralKind, value: object) -> str:
    """A value in its canonical form, without quotes or prefix (ABNF primitiveValue)."""
    type_ = LITERAL_TYPES.get(kind)
    if type_ is None or isinstance(value, tuple):
        return str(value)
    return type_.family.literal.write(value)
