"""Edm.Duration: days, hours, minutes and seconds; months and years are not part of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import LiteralString

from odata_gateway.types.calendar import (
    LAST_DAY,
    MICROS_PER_DAY,
    MICROS_PER_SECOND,
    Span,
    rounded,
)
from odata_gateway.types.facets import times
from odata_gateway.types.family import (
    ArgumentType,
    ColumnReading,
    DecodeMode,
    JsonForm,
    LiteralForm,
    Operation,
    PrimitiveType,
    ReadAsNull,
    TypeFamily,
)
from odata_gateway.types.faults import ValueFault, shorten
from odata_gateway.types.forms.cell import CellForm
from odata_gateway.types.forms.schema import SchemaForm
from odata_gateway.types.numbers import NUMBERS

_DURATION = re.compile(
    r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?", re.ASCII | re.IGNORECASE
)
# The format `duration` of JSON Schema has neither signs nor fractions of a second.
_SCHEMA_PATTERN = "^-?P([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+([.][0-9]+)?S)?)?$"
# Postgres compares a month as 30 days, and a year as 12 of these; its epoch has 365.25 days a year.
SECONDS: LiteralString = "(extract(epoch from {0}) - 453600 * extract(year from {0}))"
"""The seconds of a duration, in SQL: two durations are equal if these are."""
SECONDS_OF_SECOND: LiteralString = SECONDS.replace("{0}", "{1}")
"""The same of the second operand."""
_DAYS_PER_MONTH, _LARGEST = 30, 2**31 - 1
_SIGN = f"CASE WHEN {SECONDS} < 0 THEN '-' ELSE '' END"
_TEXT = (
    "^-?P([0-9]{{1,6}}D)?(T([0-9]{{1,6}}H)?([0-9]{{1,6}}M)?([0-9]{{1,6}}([.][0-9]{{1,12}})?S)?)?$"
)

# Postgres 17 and later have infinite intervals, whose names older versions cannot read. No interval
# of theirs beyond these years is shorter.
_INFINITE = ReadAsNull(
    "isfinite({0})",
    (
        "{0} > '178956970 years' AND NOT isfinite({0})",
        "{0} < '-178956970 years' AND NOT isfinite({0})",
    ),
    below="isfinite({0})",
    above="isfinite({0})",
)


def read_duration(text: str) -> Span:
    """The duration of the text between the quotes."""
    match = _DURATION.fullmatch(text)
    if match is None or len(text) > 100:
        raise ValueFault(
            "literal",
            f"'{shorten(text)}' is not a duration",
            "write it like P1DT2H30M or -PT0.5S, without years and months",
        )
    sign, days, hours, minutes, seconds, fraction = match.groups(default="")
    hours_in_all = int(days or 0) * 24 + int(hours or 0)
    whole = (hours_in_all * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    fraction = fraction or "0"
    scale = 10 ** len(fraction)
    total = whole * scale + int(fraction)
    micros, rest = divmod((-total if sign else total) * MICROS_PER_SECOND, scale)
    return Span(micros, rest != 0)


def _write(value: object) -> str:
    assert isinstance(value, Span)
    seconds, fraction = divmod(abs(value.micros), MICROS_PER_SECOND)
    sign, finer = "-" if value.micros < 0 else "", "1" if value.finer else ""
    return f"{sign}PT{seconds}.{fraction:06d}{finer}S"


def _argument(value: object, mode: DecodeMode) -> object:
    span = value if isinstance(value, Span) else read_duration(str(value))
    micros = rounded(span.micros, span.finer, mode)
    if micros is None:
        return None
    sign = "-" if micros < 0 else ""
    days, rest = divmod(abs(micros), MICROS_PER_DAY)
    # Days and months have 31 bits each, so what has more days than a date has is made of months.
    months = 0 if days <= LAST_DAY else min(days // _DAYS_PER_MONTH, _LARGEST)
    days -= months * _DAYS_PER_MONTH
    if days > _LARGEST:
        raise ValueFault("value", "the duration is too long")
    seconds, fraction = divmod(rest, MICROS_PER_SECOND)
    longest = f"{sign}{months} months " if months else ""
    return f"{longest}{sign}{days} days {sign}{seconds}.{fraction:06d} seconds"


def _duration(seconds: LiteralString) -> LiteralString:
    """The duration of a numeric of seconds, in SQL; null for one that is longer than Postgres has,
    or infinite."""
    return (
        "(SELECT CASE WHEN abs(s.e) < 185542587100800 THEN make_interval("
        "days => div(s.e, 86400)::int4, secs => (s.e % 86400)::float8) END "
        f"FROM (SELECT round({seconds}, 6) AS e OFFSET 0) AS s)"
    )


def _operation(op: str, left: str, right: str, seconds: LiteralString) -> Operation:
    return Operation(op, left, right, "Edm.Duration", _duration(seconds), can_miss=True)


def _operations() -> Iterator[Operation]:
    left, right = SECONDS, SECONDS_OF_SECOND
    yield _operation("add", "duration", "duration", f"{left} + {right}")
    yield _operation("sub", "duration", "duration", f"{left} - {right}")
    for number in NUMBERS:
        # the cast of a float keeps 6 or 15 digits only, its text all of them
        exact: LiteralString = "::text::numeric" if number in ("single", "double") else "::numeric"
        yield _operation("mul", "duration", number, f"{left} * {{1}}{exact}")
        yield _operation("mul", number, "duration", f"{right} * {{0}}{exact}")
        yield _operation("div", "duration", number, f"{left} / {{1}}{exact}")
        yield _operation("divby", "duration", number, f"{left} / {{1}}{exact}")


DURATIONS = TypeFamily(
    name="duration",
    label="Duration",
    noun="a duration",
    schema=SchemaForm("string", example="PT1H30M", pattern=_SCHEMA_PATTERN),
    literal=LiteralForm(
        read=read_duration,
        from_text=lambda text, type_: read_duration(text),
        write=_write,
        prefix="duration",
        quoted=True,
    ),
    argument=_argument,
    argument_type=ArgumentType("text", "interval"),
    columns={"interval": ColumnReading(nulls=_INFINITE)},
    nulls=_INFINITE,
    text=f"CASE WHEN isfinite({{0}}) THEN {_SIGN} || 'PT' || abs({SECONDS})::text || 'S' END",
    json=JsonForm(can_miss=True),
    cell=CellForm(
        is_plain=True,
        arrow={"interval": "duration"},
        arrow_text=f"CASE WHEN isfinite({{0}}) THEN trunc({SECONDS} * 1000000)::text END",
    ),
    link_literal=f"'duration''' || {_SIGN} || 'PT' || trim_scale(abs({SECONDS}))::text || 'S'''",
    facets=frozenset({"$Precision"}),
    max_precision=12,
    column_facets=times,
    has_finer_literals=True,
    can_be_negated=True,
    negated=_duration(f"- {SECONDS}"),
    operations=tuple(_operations()),
)
DURATION = PrimitiveType(
    "Edm.Duration",
    DURATIONS,
    "interval",
    ("interval",),
    literal_kind="duration",
    casts={
        "string": f"(CASE WHEN {{0}} ~ '{_TEXT}' "
        "THEN CASE WHEN {0} ~ '[PT]$' THEN NULL "
        # Postgres reads no sign before the whole.
        "WHEN left({0}, 1) = '-' THEN - substr({0}, 2)::interval ELSE {0}::interval END END)"
    },
)
TYPES = (DURATION,)
