"""Numbers of four families: their literals share one token, and become each other."""

from __future__ import annotations

import re
from decimal import Decimal
from math import isinf

from odata_gateway.types.family import PrimitiveType, TypeFamily
from odata_gateway.types.faults import ValueFault, shorten

NUMBERS = ("integer", "decimal", "single", "double")
"""The names of the families."""

_NUMBER = re.compile(r"([+-]?\d+)(\.\d+)?([eE][+-]?\d+)?([LlMmDdFf])?", re.ASCII)
# Suffixes of OData 2.0, which some clients still send; `f` was Single, which compares as Double.
_SUFFIXES = {"l": "int64", "m": "decimal", "d": "double", "f": "double"}


def read_number(text: str) -> tuple[str, object]:
    """The kind and the value of a number's literal: an integer is int32 or int64 if it fits, then
    decimal; with a fraction decimal; with an exponent double."""
    if text.isdigit():
        return read_integer(text)
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueFault("syntax", f"'{shorten(text)}' is not a number", _number_hint(text))
    _, fraction, exponent, suffix = match.groups()
    if not (fraction or exponent or suffix):
        return read_integer(text)
    if suffix:
        text = text[:-1]
    kind = _SUFFIXES[suffix.lower()] if suffix else "double" if exponent else "decimal"
    if kind == "int64":
        if fraction or exponent or not -(2**63) <= int(text) < 2**63:
            raise ValueFault("literal", f"'{shorten(text)}' is not an Int64")
        return kind, int(text)
    if kind == "double" and not isinf(value := float(text)):
        return kind, value
    if kind == "double" or len(exponent or "") > 5:
        raise ValueFault("value", f"'{shorten(text)}' is out of range")
    return kind, Decimal(text)


def read_integer(text: str) -> tuple[str, object]:
    """An integer as int32 if it and its negative fit, else int64, else decimal."""
    if len(text) > 4000:
        raise ValueFault("value", "an integer of more than 4000 digits")
    value = int(text)
    if -0x80000000 < value <= 0x7FFFFFFF:
        return "int32", value
    if -(2**63) <= value < 2**63:
        return "int64", value
    return "decimal", Decimal(value)


def _number_hint(text: str) -> str | None:
    if text.endswith("."):
        return "write 42 or 42.0"
    if text[:2].lower() == "0x":
        return "numbers are decimal"
    return "names cannot begin with a digit" if text[-1:].isalpha() else None


def number_from_text(text: str, type_: PrimitiveType) -> object:
    """The value of a decimal or double type that a text stands for."""
    value = float(text) if text in ("INF", "-INF", "NaN") else read_number(text)[1]
    return converted_number(value, type_)


def converted_number(
    value: object, type_: PrimitiveType, source: TypeFamily | None = None
) -> object:
    """A number as a value of a numeric type: an integer loses its fraction and must be in range, a
    decimal must be finite."""
    if not isinstance(value, (int, float, Decimal)):
        raise ValueError(value)
    if type_.low is not None and type_.high is not None:
        whole = int(value)
        if not type_.low <= whole <= type_.high:
            raise ValueError(value)
        return whole
    if type_.family.has_nan:
        return float(value)
    if not Decimal(value).is_finite():
        raise ValueError(value)
    return Decimal(value)


NUMBER_HINTS = {"string": "write the number without quotes"}
