"""Values as people and psql read them: SQL literals, on lines that fit.

A text that is too long for a line becomes several literals on lines of their own, which SQL reads
as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from math import isfinite

from odata_gateway.types.primitive import STRING
from odata_gateway.types.registry import LITERAL_TYPES
from odata_gateway.url.ast import LiteralKind
from odata_gateway.url.literals import canonical_text

_COLUMNS = 100
_LINE = re.compile(rf".{{1,{_COLUMNS}}}(?:(?<=[ ,])|$)|.{{1,{_COLUMNS}}}", re.DOTALL)
_INDENT = "    "
_CHUNK = 76
"""Characters of a text on one line; escapes may make it longer."""
_ESCAPES = {"\\": "\\\\", "'": "''", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def value_lines(label: str, value: object, suffix: str = "") -> str:
    """A labelled value, such as `$3: ARRAY[1, 2]`; further lines are indented.

    suffix  stands behind the value
    """
    lines, pieces = [label], list(_pieces(value))
    pieces[-1] += suffix
    for index, piece in enumerate(pieces):
        continues = piece[0] == "'" and index > 0 and pieces[index - 1][-1] == "'"
        if continues or len(lines[-1]) + len(piece) >= _COLUMNS:
            lines.append(_INDENT + piece)
        else:
            lines[-1] += piece if lines[-1][-1] == "[" or piece[0] == "]" else f" {piece}"
    return "\n".join(lines)


def literal_value(kind: LiteralKind, value: object) -> object:
    """A literal of a URL as a value to be shown: numbers and texts are as they are, all else is
    the canonical text of its type."""
    if isinstance(value, tuple):
        return [literal_value(kind, item) for item in value]
    type_ = LITERAL_TYPES.get(kind)
    is_plain = type_ is None or type_ is STRING or type_.is_numeric
    return value if is_plain else canonical_text(kind, value)


def wrapped(text: str, indent: str) -> Iterator[str]:
    """A text on lines that fit, which end behind a blank or a comma where there is one."""
    for match in _LINE.finditer(text):
        yield indent + match[0]


def text_constant(text: str) -> str:
    """A text as one SQL constant, without characters that cannot be seen."""
    return "".join(_chunks(text, len(text) + 1))


def _pieces(value: object) -> Iterator[str]:
    """The parts of a literal between which a line may end."""
    if isinstance(value, list | tuple):
        yield "ARRAY["
        for index, item in enumerate(value):
            *before, last = _pieces(item)
            yield from before
            yield last + ("," if index < len(value) - 1 else "")
        yield "]"
    elif isinstance(value, str):
        yield from _chunks(value, _CHUNK)
    else:
        yield _scalar(value)


def _chunks(text: str, size: int) -> Iterator[str]:
    """Literals that are one text together. Where one has escapes, `E` stands before the first, and
    holds for all."""
    has_escapes = "\\" in text or not text.isprintable()
    for start in range(0, max(len(text), 1), size):
        chunk = text[start : start + size]
        if has_escapes:
            chunk = "".join(_ESCAPES.get(c) or (c if c.isprintable() else _code(c)) for c in chunk)
        else:
            chunk = chunk.replace("'", "''")
        yield f"E'{chunk}'" if has_escapes and not start else f"'{chunk}'"


def _code(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _scalar(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case Decimal() | float():
            return str(value) if isfinite(value) else f"'{value}'"
        case bytes():
            return f"'\\x{value.hex()}'"
        case _:
            return text_constant(str(value))
