"""What a value of each type is, written again from the OData standard: its literal, its place in an order, comparisons, arithmetic, JSON.

It shares no code with the gateway. Values: int, bool and str as they are, bytes, Fraction for decimals, float for Double and for Single (rounded to
32 bits), `Ranked` for texts whose column has an order of its own; microseconds since 1970 for a time, days since 1970 for a date, microseconds for a
time of day and a duration. None is null, and so is what OData cannot say: an infinite time, 24:00, a Decimal that is NaN.
"""

from __future__ import annotations

import json
import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import total_ordering
from math import copysign, fmod, inf, isfinite, isinf, isnan, nan
from typing import Any

from tests.oracle.evaluator import DAY, arithmetic, civil, time_text

NUMBERS = ("int", "dec", "sgl", "dbl")
"""The kinds of numbers; of two operands the kind further right wins (URL Conventions 5.1.1.18)."""
TIMES = ("dt", "date", "tod", "dur")
KINDS = (*NUMBERS, "bool", "str", *TIMES, "guid", "bin", "own")
FIRST_MICROS = -210_866_803_200_000_000
"""The 24th of November 4714 BC, Postgres's first."""
LAST_MICROS = 9_224_318_015_999_999_999
"""The last microsecond of the year 294276, the last of Postgres's times."""
LAST_DAY = 2_145_042_905
"""The last day of the year 5874897, the last of Postgres's dates."""


@total_ordering
@dataclass(frozen=True)
class Ranked:
    """A text in the order of its column: equal to others of its rank, whose texts are `alike`."""

    rank: int
    text: str
    alike: frozenset[str] = frozenset()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranked) and self.rank == other.rank

    def __lt__(self, other: Ranked) -> bool:
        return self.rank < other.rank

    def __hash__(self) -> int:
        return hash(self.rank)


def single(number: float) -> float:
    """The number of 32 bits that is nearest."""
    if isnan(number) or isinf(number):
        return number
    try:
        return float(struct.unpack("f", struct.pack("f", number))[0])
    except OverflowError:
        return copysign(inf, number)


def wider(left: str, right: str) -> str:
    return max(left, right, key=NUMBERS.index)


def as_kind(value: Any, kind: str) -> Any:
    """A number as one of a wider kind."""
    match kind:
        case "dec" | "int":
            return value if isinstance(value, int) else Fraction(value)
        case "sgl":
            return single(float(value))
    return float(value)


# --- order and comparison -----------------------------------------------------------------------------------------------------


def key(value: Any) -> tuple[Any, ...]:
    """A value's place in an ascending order: null is the least, NaN above all numbers."""
    if value is None:
        return (0,)
    if isinstance(value, float) and isnan(value):
        return (2,)
    if isinstance(value, str):
        return (1, value.encode())
    return (1, value)


def same(value: Any) -> Any:
    """A value by which rows are grouped: NaN is the same as NaN."""
    return "NaN" if isinstance(value, float) and isnan(value) else value


def compare(op: str, left: Any, right: Any, kinds: tuple[str, str]) -> bool:
    """eq, ne, lt, ... of two values: null equals null only and has no order (5.1.1.1), NaN equals nothing."""
    if left is None or right is None:
        equal = left is None and right is None
        return equal if op == "eq" else not equal if op == "ne" else False
    if kinds[0] in NUMBERS and kinds[1] in NUMBERS:
        kind = wider(*kinds)
        left, right = as_kind(left, kind), as_kind(right, kind)
        if nan in (left, right) or left != left or right != right:
            return op == "ne"
    if isinstance(left, str) and isinstance(right, str):
        left, right = left.encode(), right.encode()
    match op:
        case "eq":
            return bool(left == right)
        case "ne":
            return bool(left != right)
        case "lt":
            return bool(left < right)
        case "le":
            return bool(left <= right)
        case "gt":
            return bool(left > right)
    return bool(left >= right)


# --- arithmetic ---------------------------------------------------------------------------------------------------------------


def calculate(op: str, left: Any, right: Any, kinds: tuple[str, str]) -> Any:
    """An operator on two numbers. Floats follow IEEE 754; whole numbers and decimals are exact."""
    if left is None or right is None:
        return None
    kind = wider(*kinds)
    if kind in ("int", "dec"):
        if op == "divby" and right == 0:
            return None  # infinite or NaN, which a Decimal cannot be
        return arithmetic(op, left, right if kind == "int" or op != "div" else Fraction(right))
    found = _floating(op, as_kind(left, kind), as_kind(right, kind))
    return single(found) if kind == "sgl" else found


def _floating(op: str, left: float, right: float) -> float:
    match op:
        case "add":
            return left + right
        case "sub":
            return left - right
        case "mul":
            return left * right
        case "mod":
            return _remainder(left, right)
    if right == 0:
        return nan if left == 0 or isnan(left) else copysign(inf, left) * copysign(1, right)
    return left / right


def _remainder(left: float, right: float) -> float:
    if isinf(left) or isnan(left) or isnan(right):
        return nan
    return fmod(left, right) + 0.0  # a remainder of zero has no sign


def moved(op: str, kind: str, left: int | None, right: int | None) -> int | None:
    """A time or a date, and a duration: null where it leaves Postgres's range. A date moves by whole days, towards the past."""
    if left is None or right is None:
        return None
    micros = (left * DAY if kind == "date" else left) + (right if op == "add" else -right)
    last = (LAST_DAY + 1) * DAY - 1 if kind == "date" else LAST_MICROS
    if not FIRST_MICROS <= micros <= last:
        return None
    return micros // DAY if kind == "date" else micros


# --- texts ----------------------------------------------------------------------------------------------------------------------


def date_text(days: int) -> str:
    year, month, day = civil(days)
    return f"{year:04d}-{month:02d}-{day:02d}" if year >= 0 else f"-{-year:04d}-{month:02d}-{day:02d}"


def clock_text(micros: int) -> str:
    return f"{micros // 3_600_000_000:02d}:{micros // 60_000_000 % 60:02d}:{micros // 1_000_000 % 60:02d}.{micros % 1_000_000:06d}"


def duration_text(micros: int) -> str:
    seconds, fraction = divmod(abs(micros), 1_000_000)
    return f"{'-' if micros < 0 else ''}PT{seconds}.{fraction:06d}S"


_DURATION = re.compile(r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?")


def duration_of(text: str) -> int:
    match = _DURATION.fullmatch(text)
    assert match, text
    sign, days, hours, minutes, seconds, fraction = match.groups(default="")
    whole = ((int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    micros = whole * 1_000_000 + int((fraction + "000000")[:6])
    return -micros if sign else micros


def decimal_text(value: Fraction) -> str:
    """All digits of a decimal, which is finite in base ten."""
    exponent = 0
    while (value * 10**exponent).denominator != 1:
        exponent += 1
    digits = f"{abs(int(value * 10**exponent)):0{exponent + 1}d}"
    whole, fraction = (digits[:-exponent], digits[-exponent:]) if exponent else (digits, "0")
    return f"{'-' if value < 0 else ''}{whole}.{fraction}"


def double_text(value: float) -> str:
    if isnan(value) or isinf(value):
        return {"nan": "NaN", "inf": "INF", "-inf": "-INF"}[str(value)]
    text = repr(value)
    return text if "e" in text else f"{text}e0"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


LITERALS: dict[str, Callable[[Any], str]] = {
    "int": str,
    "dec": lambda value: decimal_text(Fraction(value)),
    "sgl": lambda value: double_text(value) if not isfinite(value) else decimal_text(Fraction(shortest(value))),
    "dbl": double_text,
    "bool": lambda value: "true" if value else "false",
    "str": quoted,
    "own": lambda value: quoted(value.text),
    "dt": lambda value: time_text(value) or "",
    "date": date_text,
    "tod": clock_text,
    "dur": lambda value: f"duration'{duration_text(value)}'",
    "guid": str,
    "bin": lambda value: f"binary'{urlsafe_b64encode(value).decode().rstrip('=')}'",
}
"""The literal of a value in a URL, by kind."""


def shortest(value: float) -> Decimal:
    """The shortest decimal that 32 bits round to this number."""
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if single(float(text)) == value:
            return Decimal(text)
    return Decimal(repr(value))


# --- JSON -----------------------------------------------------------------------------------------------------------------------


def parsed(body: bytes) -> Any:
    """A JSON text without loss of digits."""
    return json.loads(body, parse_float=Decimal)


def _float_of(shown: Any) -> float:
    return {"NaN": nan, "INF": inf, "-INF": -inf}[shown] if isinstance(shown, str) else float(shown)


_SHOWN: dict[str, Callable[[Any], Any]] = {
    "dec": Fraction,
    "sgl": lambda shown: single(_float_of(shown)),
    "dbl": _float_of,
    "dur": duration_of,
    "bin": lambda shown: urlsafe_b64decode(shown + "=" * (-len(shown) % 4)),
}
_TEXTS: dict[str, Callable[[Any], str]] = {"dt": lambda value: time_text(value) or "", "date": date_text, "tod": clock_text}


_MOMENT = re.compile(r"(?:(-?\d+)-(\d\d)-(\d\d))?T?(?:(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?(?:Z|([+-])(\d\d):(\d\d)(?::(\d\d))?)?")


def _moment(text: str) -> int:
    """The microseconds of a date, of a time, or of both with an offset."""
    match = _MOMENT.fullmatch(text)
    assert match and text, text
    year, month, day, hour, minute, second, fraction, sign, *offset = match.groups()
    days = 0 if year is None else _days(int(year), int(month), int(day))
    clock = 0 if hour is None else (int(hour) * 60 + int(minute)) * 60 + int(second)
    if sign is not None:
        hours, minutes, seconds = (int(part or 0) for part in offset)
        clock -= int(f"{sign}{(hours * 60 + minutes) * 60 + seconds}")
    return days * DAY + clock * 1_000_000 + int(((fraction or "") + "000000")[:6])


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970: `civil` the other way round."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month + (9 if month <= 2 else -3)) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


_READ: dict[str, Callable[[Any], Any]] = _SHOWN | {"dt": _moment, "tod": _moment, "date": lambda shown: _moment(shown) // DAY}


def value_of(shown: Any, kind: str) -> Any:
    """The value that a JSON value is written for. A text of a column with an order of its own stays a text."""
    return None if shown is None else _READ[kind](shown) if kind in _READ else shown


def shows(shown: Any, value: Any, kind: str) -> bool:
    """Whether a JSON value is what a value of a kind is written as."""
    if shown is None or value is None:
        return shown is None and value is None
    if kind in _TEXTS:
        return bool(shown == _TEXTS[kind](value))
    if kind == "own":
        return bool(shown == value.text)
    found = _SHOWN[kind](shown) if kind in _SHOWN else shown
    if kind in ("sgl", "dbl"):
        return same(found) == same(value)
    return type(found) is type(value) and bool(found == value) if kind in ("int", "bool", "str") else bool(found == value)
