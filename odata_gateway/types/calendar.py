"""Days and times as whole numbers: counted, read from text and written as text.

Days are counted from 1970-01-01 on the proleptic Gregorian calendar with a year 0, times in
microseconds: OData's years have no limit, Python's `datetime` ends at 9999. Postgres writes years
before 1 with BC, ISO 8601 with a minus sign: 44 BC is -0043.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from odata_gateway.types.family import DecodeMode
from odata_gateway.types.faults import ValueFault

MICROS_PER_SECOND = 1_000_000
MICROS_PER_DAY = 86_400 * MICROS_PER_SECOND
# Postgres's timestamp: 4713 BC to 294276 AD, in days since 1970-01-01.
FIRST_DAY, LAST_DAY = -2_440_588, 106_762_939
# Its dates go on to 5874897-12-31.
LAST_DATE = 2_145_042_905

YEAR = r"(-?(?:0\d{3}|[1-9]\d{3,}))"
CLOCK = r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,12}))?)?"
"""Patterns of the texts that `read_day` and `read_clock` take apart."""
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


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


# --- counting -------------------------------------------------------------------------------------


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01; year 0 is 1 BC. The year is taken to begin in March."""
    year -= month <= 2
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + day_of_year - 719_468


def civil_from_days(days: int) -> tuple[int, int, int]:
    """Year, month and day of a day since 1970-01-01."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    return (
        era * 400 + year_of_era + (month <= 2),
        month,
        day_of_year - (153 * month_from_march + 2) // 5 + 1,
    )


# --- reading --------------------------------------------------------------------------------------


def read_day(text: str, year_text: str, month_text: str, day_text: str) -> int:
    """The day of a text, from its parts."""
    month, day = int(month_text), int(day_text)
    if not 1 <= month <= 12:
        raise ValueFault("literal", f"'{text}' has an impossible month", "months go from 01 to 12")
    if not 1 <= day <= 31:
        raise ValueFault("literal", f"'{text}' has an impossible day", "days go from 01 to 31")
    if len(year_text) >= 20:
        raise ValueFault("value", "a year of more than 19 digits")
    year = int(year_text)
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > _MONTH_DAYS[month - 1] or (month == 2 and day == 29 and not leap):
        raise ValueFault("value", f"'{text}': this month has no day {day}")
    return days_from_civil(year, month, day)


def read_clock(text: str, hour: str, minute: str, *rest: str | None) -> tuple[int, bool]:
    """Microseconds since midnight, and whether digits were cut that were not zero, from the parts
    of a text; second and fraction may be absent. Second 60 is the first of the next minute."""
    second, fraction = rest
    if hour > "23" or minute > "59" or (second or "00") > "60":
        raise ValueFault(
            "literal",
            f"'{text}' has an impossible time",
            "hours go from 00 to 23, minutes from 00 to 59",
        )
    micros = (int(hour) * 3600 + int(minute) * 60 + int(second or 0)) * MICROS_PER_SECOND
    if not fraction:
        return micros, False
    return micros + int(fraction[:6].ljust(6, "0")), fraction[6:].strip("0") != ""


def rounded(micros: int, finer: bool, mode: DecodeMode) -> int | None:
    """Microseconds for an argument. An ordering comparison rounds to the side that keeps its answer
    right; None beside `eq`, `ne` and in `in`, because nothing equals such a time."""
    if not finer or mode in ("floor", "cast", "utc"):
        return micros
    if mode == "ceil":
        return micros + 1
    if mode == "exact":
        return None
    raise ValueFault(
        "value",
        "times are kept to the microsecond, and this one is finer",
        "write at most six digits of seconds",
    )


# --- writing --------------------------------------------------------------------------------------


def iso_date(days: int) -> str:
    """A day as ISO 8601 writes it, with years before 0 negative."""
    year, month, day = civil_from_days(days)
    return f"{'-' if year < 0 else ''}{abs(year):04d}-{month:02d}-{day:02d}"


def iso_clock(micros: int, finer: bool) -> str:
    """A time of day; digits that were cut are shown as one more, so that it still lies between the
    same microseconds."""
    return clock(micros) + ("1" if finer else "")


def clock(micros: int) -> str:
    """A time of day with six digits of a second."""
    seconds, fraction = divmod(micros, MICROS_PER_SECOND)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours:02d}:{minutes:02d}:{seconds % 60:02d}.{fraction:06d}"


def postgres_date(days: int) -> str:
    """A day as Postgres writes a date."""
    return "".join(_postgres_day(days, LAST_DATE))


def postgres_timestamp(micros: int) -> str:
    """Microseconds since 1970 as Postgres writes a timestamp."""
    days, rest = divmod(micros, MICROS_PER_DAY)
    day, era = _postgres_day(days, LAST_DAY)
    return f"{day} {clock(rest)}{era}"


@lru_cache(maxsize=1024)
def _postgres_day(days: int, last: int) -> tuple[str, str]:
    """The text of a day and what follows a time of it. Requests ask for the same days again and
    again: 0.1 us instead of 1.1."""
    if not FIRST_DAY <= days <= last:
        year = civil_from_days(last)[0]
        raise ValueFault(
            "value", "the date is out of range", f"write one from 4713 BC to the year {year}"
        )
    year, month, day = civil_from_days(days)
    if year > 0:
        return f"{year:04d}-{month:02d}-{day:02d}", ""
    return f"{1 - year:04d}-{month:02d}-{day:02d}", " BC"
