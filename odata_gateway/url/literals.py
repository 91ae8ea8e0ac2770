"""Literals as values: from the text of a token to a kind and a natural Python value (ABNF section
7).

A text that is no literal of its kind raises UrlSyntax or UrlLiteral. A text that is one, but names
a day no calendar has (30 February), follows the grammar and raises BindValue. Dates are counted on
the proleptic Gregorian calendar with a year 0, in plain integers: OData's years have no limit,
Python's `datetime` ends at 9999.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from math import isinf
from typing import NamedTuple

from odata_gateway.errors import BindValue, ODataError, UrlEncoding, UrlLiteral, UrlSyntax
from odata_gateway.url.ast import LiteralKind

MICROS_PER_DAY = 86_400_000_000


class LiteralValue(NamedTuple):
    """A literal's value. `at` is its offset in the decoded text of `target` (an option or
    `path`)."""

    kind: LiteralKind
    value: object
    at: int = 0
    target: str = "path"


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time: microseconds since 1970-01-01T00:00Z, rounded down; `finer` if digits were
    cut that were not zero."""

    micros: int
    finer: bool = False
    offset_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """A time of day (since midnight) or a duration in microseconds, rounded down; `finer` if digits
    were cut that were not zero."""

    micros: int
    finer: bool = False


Decoded = tuple[LiteralKind, object]


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


_NUMBER = re.compile(r"([+-]?\d+)(\.\d+)?([eE][+-]?\d+)?([LlMmDdFf])?", re.ASCII)
# Suffixes of OData 2.0, which some clients still send; `f` was Single, which compares as Double.
_SUFFIXES: dict[str, LiteralKind] = {"l": "int64", "m": "decimal", "d": "double", "f": "double"}


def number(text: str) -> Decoded:
    """An integer is int32 or int64 if it fits, then decimal; with a fraction decimal; with an
    exponent double."""
    if text.isdigit():
        return integer(text)
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise UrlSyntax(f"'{shorten(text)}' is not a number", hint=_number_hint(text))
    _, fraction, exponent, suffix = match.groups()
    if not (fraction or exponent or suffix):
        return integer(text)
    if suffix:
        text = text[:-1]
    kind: LiteralKind = _SUFFIXES[suffix.lower()] if suffix else "double" if exponent else "decimal"
    if kind == "int64":
        if fraction or exponent or not -(2**63) <= int(text) < 2**63:
            raise UrlLiteral(f"'{shorten(text)}' is not an Int64")
        return kind, int(text)
    if kind == "double" and not isinf(value := float(text)):
        return kind, value
    if kind == "double" or len(exponent or "") > 5:
        raise BindValue(f"'{shorten(text)}' is out of range")
    return kind, Decimal(text)


def integer(text: str) -> Decoded:
    """An integer as int32 if it fits, else int64, else decimal."""
    if len(text) > 4000:
        raise BindValue("an integer of more than 4000 digits")
    value = int(text)
    if -0x80000000 <= value <= 0x7FFFFFFF:
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


def special(text: str) -> Decoded:
    """INF, -INF or NaN."""
    return "double", float(text)


def guid(text: str) -> Decoded:
    """A Guid, in lower case."""
    return "guid", text.lower()


# --- dates and times ------------------------------------------------------------------------------

_YEAR = r"(-?(?:0\d{3}|[1-9]\d{3,}))"
_TIME = r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,12}))?)?"
_DATE_RE = re.compile(rf"{_YEAR}-(\d\d)-(\d\d)", re.ASCII)
_TIME_RE = re.compile(_TIME, re.ASCII)
_DATETIME_RE = re.compile(
    rf"{_YEAR}-(\d\d)-(\d\d)[Tt]{_TIME}(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
_NO_OFFSET_RE = re.compile(rf"{_YEAR}-\d\d-\d\d[Tt]{_TIME}", re.ASCII)
_DURATION_RE = re.compile(
    r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?", re.ASCII | re.IGNORECASE
)
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def datetime(text: str) -> Decoded:
    """A DateTimeOffset, whose offset is required."""
    match = _DATETIME_RE.fullmatch(text)
    if match is None:
        if _NO_OFFSET_RE.fullmatch(text):
            raise UrlSyntax(
                f"the date-time '{text}' has no offset from UTC", hint=f"add Z: {text}Z"
            )
        raise UrlLiteral(
            f"'{shorten(text)}' is not a date-time",
            hint="write it like 2021-11-23T00:00:00Z or 2021-11-23T00:00:00+02:00",
        )
    year, month, day, hour, minute, second, fraction, sign, off_hour, off_minute = match.groups()
    days = _days(text, year, month, day)
    micros, finer = _time(text, hour, minute, second, fraction)
    offset = 0
    if sign:
        if off_hour > "23" or off_minute > "59":
            raise UrlLiteral(
                f"'{text}' has an impossible offset", hint="offsets go from -23:59 to +23:59"
            )
        offset = int(off_hour) * 60 + int(off_minute)
        if sign == "-":
            offset = -offset
    return "datetime", Instant(days * MICROS_PER_DAY + micros - offset * 60_000_000, finer, offset)


def date(text: str) -> Decoded:
    """A Date, as days since 1970-01-01."""
    match = _DATE_RE.fullmatch(text)
    if match is None:
        raise UrlLiteral(f"'{shorten(text)}' is not a date", hint="write it like 2021-11-23")
    return "date", _days(text, *match.groups())


def time(text: str) -> Decoded:
    """A TimeOfDay."""
    match = _TIME_RE.fullmatch(text)
    if match is None:
        raise UrlLiteral(
            f"'{shorten(text)}' is not a time of day", hint="write it like 12:41 or 12:41:26.745"
        )
    return "time", Span(*_time(text, *match.groups()))


def _time(
    text: str, hour: str, minute: str, second: str | None, fraction: str | None
) -> tuple[int, bool]:
    if hour > "23" or minute > "59" or (second or "00") > "60":
        raise UrlLiteral(
            f"'{text}' has an impossible time", hint="hours go from 00 to 23, minutes from 00 to 59"
        )
    micros = (int(hour) * 3600 + int(minute) * 60 + int(second or 0)) * 1_000_000
    if not fraction:
        return micros, False
    return micros + int(fraction[:6].ljust(6, "0")), fraction[6:].strip("0") != ""


def _days(text: str, year_text: str, month_text: str, day_text: str) -> int:
    month, day = int(month_text), int(day_text)
    if not 1 <= month <= 12:
        raise UrlLiteral(f"'{text}' has an impossible month", hint="months go from 01 to 12")
    if not 1 <= day <= 31:
        raise UrlLiteral(f"'{text}' has an impossible day", hint="days go from 01 to 31")
    year = int(year_text) if len(year_text) < 20 else None
    if year is None:
        raise BindValue("a year of more than 19 digits")
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > _MONTH_DAYS[month - 1] or (month == 2 and day == 29 and not leap):
        raise BindValue(f"'{text}': this month has no day {day}")
    return days_from_civil(year, month, day)


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 on the proleptic Gregorian calendar, where year 0 is 1 BC. The year is
    taken to begin in March."""
    year -= month <= 2
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + day_of_year - 719_468


def duration(text: str) -> Decoded:
    """The text between the quotes of a duration: days, hours, minutes, seconds; months and years
    are no part of it."""
    match = _DURATION_RE.fullmatch(text)
    if match is None or len(text) > 100:
        raise UrlLiteral(
            f"'{shorten(text)}' is not a duration",
            hint="write it like P1DT2H30M or -PT0.5S, without years and months",
        )
    sign, days, hours, minutes, seconds, fraction = match.groups()
    whole = ((int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)) * 60 + int(
        seconds or 0
    )
    fraction = fraction or "0"
    scale = 10 ** len(fraction)
    total = whole * scale + int(fraction)
    micros, rest = divmod((-total if sign else total) * 1_000_000, scale)
    return "duration", Span(micros, rest != 0)


# --- literals with a prefix -----------------------------------------------------------------------

_BINARY_RE = re.compile(
    r"(?:[\w-]{4})*(?:[\w-]{2}[AEIMQUYcgkosw048]=?|[\w-][AQgw](?:==)?)?", re.ASCII
)
_ENUM_RE = re.compile(r"(?:[^\W\d]\w*|[+-]?\d{1,19})(?:,(?:[^\W\d]\w*|[+-]?\d{1,19}))*")
_NUMBER_TEXT = r"(?:[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|-?INF)"
_POSITION = rf"{_NUMBER_TEXT}(?: {_NUMBER_TEXT}){{1,3}}"
_POINT = rf"\({_POSITION}\)"
_LINE = rf"\({_POSITION}(?:,{_POSITION})+\)"
_RING = rf"\({_POSITION}(?:,{_POSITION})*\)"
_POLYGON = rf"\({_RING}(?:,{_RING})*\)"
_SHAPE = re.compile(
    rf"Point{_POINT}|LineString{_LINE}|Polygon{_POLYGON}|MultiPoint\((?:{_POINT}(?:,{_POINT})*)?\)"
    rf"|MultiLineString\((?:{_LINE}(?:,{_LINE})*)?\)|MultiPolygon\((?:{_POLYGON}(?:,{_POLYGON})*)?\)",
    re.ASCII | re.IGNORECASE,
)
_COLLECTION = re.compile(r"GeometryCollection\(\*(?:,\*)*\)", re.IGNORECASE)
_MAX_COLLECTIONS = 20
_SRID = re.compile(r"SRID=\d{1,5};", re.ASCII | re.IGNORECASE)


def binary(text: str) -> Decoded:
    """base64url, with or without padding."""
    if not _BINARY_RE.fullmatch(text):
        raise UrlLiteral("not base64url", hint="binary'...' holds letters, digits, '-' and '_'")
    bare = text.rstrip("=")
    return "binary", urlsafe_b64decode(bare + "=" * (-len(bare) % 4))


def geo(text: str) -> Decoded:
    """A geography or geometry in well-known text: every simple shape becomes `*`, then every
    collection of such, until one is left."""
    srid = _SRID.match(text)
    shape = _SHAPE.sub("*", text[srid.end() :]) if srid and "*" not in text else ""
    for _ in range(_MAX_COLLECTIONS):
        if "(" not in shape:
            break
        shape = _COLLECTION.sub("*", shape)
    if shape != "*":
        raise UrlLiteral(
            "not well-known text", hint="write it like geography'SRID=4326;Point(142.1 64.1)'"
        )
    return "geo", text


_PREFIXES: dict[str, Callable[[str], Decoded]] = {
    "duration": duration,
    "binary": binary,
    "geography": geo,
    "geometry": geo,
}
_OLD_PREFIXES = frozenset({"datetime", "datetimeoffset", "guid", "time", "x"})


def prefixed(text: str) -> Decoded:
    """`duration'PT1H'`, `binary'Zg'`, `geography'...'`, or an enumeration value
    `Sales.Pattern'Yellow'`, whose value is the whole text."""
    prefix, _, quoted = text.partition("'")
    content = quoted[:-1].replace("''", "'")
    decode = _PREFIXES.get(prefix.lower())
    if decode is not None:
        return decode(content)
    if "." in prefix and _ENUM_RE.fullmatch(content):
        return "enum", text
    old = prefix.lower() in _OLD_PREFIXES
    hint = (
        "OData 4 writes dates, times and Guids without prefix and quotes"
        if old
        else "only enumeration values and durations have a prefix"
    )
    raise UrlSyntax(f"'{shorten(text)}' is not a literal", hint=hint)


DECODERS: dict[str, Callable[[str], Decoded]] = {
    "STRING": string,
    "NUMBER": number,
    "DATETIME": datetime,
    "DATE": date,
    "TIME": time,
    "GUID": guid,
    "QUOTED": prefixed,
    "JSTRING": json_string,
    "SPECIAL": special,
}


def decode(token: str, text: str, at: int, target: str) -> LiteralValue:
    """The value of a literal token; its errors say where."""
    try:
        kind, value = DECODERS[token](text)
    except ODataError as error:
        error.at, error.target = at, target
        raise
    return LiteralValue(kind, value, at, target)


def shorten(text: str) -> str:
    """At most 40 characters of the client's text, for messages."""
    return text if len(text) <= 40 else text[:37] + "..."
