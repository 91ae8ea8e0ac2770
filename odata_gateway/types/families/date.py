"""Edm.Date: days, as whole numbers since 1970-01-01."""

from __future__ import annotations

import re
from typing import LiteralString

from odata_gateway.types.calendar import (
    FIRST_DAY,
    LAST_DATE,
    MICROS_PER_DAY,
    YEAR,
    Instant,
    iso_date,
    postgres_date,
    read_day,
)
from odata_gateway.types.families.duration import SECONDS_OF_SECOND
from odata_gateway.types.family import (
    INFINITE,
    ArgumentType,
    ColumnReading,
    DecodeMode,
    JsonForm,
    LiteralForm,
    Operation,
    PrimitiveType,
    TypeFamily,
)
from odata_gateway.types.faults import ValueFault, WrongFamily, shorten
from odata_gateway.types.forms.cell import CellForm
from odata_gateway.types.forms.schema import SchemaForm

_DATE = re.compile(rf"{YEAR}-(\d\d)-(\d\d)", re.ASCII)

# SQL that times with a date share: the year of a day before 1 (Postgres has no year 0), what the
# text of a date looks like, and whether it names a day from year 1 on that its month has.
YEAR_BC = (
    "CASE extract(year from {0}) WHEN -1 THEN '0000' "
    "ELSE '-' || lpad((- extract(year from {0}) - 1)::text, 4, '0') END"
)
DATE_TEXT = "[0-9]{{4}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
REAL_DAY = (
    "substr({0}, 1, 4) <> '0000' AND substr({0}, 9, 2)::int4 <= CASE substr({0}, 6, 2) "
    "WHEN '02' THEN 28 + (CASE WHEN substr({0}, 1, 4)::int4 % 4 = 0 "
    "AND (substr({0}, 1, 4)::int4 % 100 <> 0 OR substr({0}, 1, 4)::int4 % 400 = 0) "
    "THEN 1 ELSE 0 END) "
    "WHEN '04' THEN 30 WHEN '06' THEN 30 WHEN '09' THEN 30 WHEN '11' THEN 30 ELSE 31 END"
)


def read_date(text: str) -> int:
    """The day of a text."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueFault("literal", f"'{shorten(text)}' is not a date", "write it like 2021-11-23")
    year, month, day = match.groups()
    return read_day(text, year, month, day)


def _write(value: object) -> str:
    assert isinstance(value, int)
    return iso_date(value)


def _moved(seconds: LiteralString) -> LiteralString:
    """A date moves by whole days, towards the past for what is left over (XPath
    op:add-dayTimeDuration-to-date); null beyond the dates that Postgres has."""
    days: LiteralString = (
        f"div({seconds}, 86400) - CASE WHEN {seconds} % 86400 < 0 THEN 1 ELSE 0 END"
    )
    return (
        f"(CASE WHEN isfinite({{0}}) AND abs({seconds}) < 1e15 THEN "
        f"CASE WHEN ({{0}} - date '1970-01-01') + {days} BETWEEN {FIRST_DAY} AND {LAST_DATE} "
        f"THEN {{0}} + ({days})::int4 END END)"
    )


def _argument(value: object, mode: DecodeMode) -> object:
    if isinstance(value, int):
        return postgres_date(value)
    raise WrongFamily(value)


def _converted(value: object, type_: PrimitiveType, source: TypeFamily) -> object:
    if isinstance(value, Instant):
        return value.micros // MICROS_PER_DAY
    raise ValueError(value)


DATES = TypeFamily(
    name="date",
    label="Date",
    noun="a date",
    schema=SchemaForm("string", example="2026-01-31"),
    literal=LiteralForm(
        read=read_date,
        from_text=lambda text, type_: read_date(text),
        write=_write,
        token="DATE",
    ),
    argument=_argument,
    converted=_converted,
    argument_type=ArgumentType("text", "date"),
    columns={"date": ColumnReading(nulls=INFINITE)},
    nulls=INFINITE,
    # to_char reads a date as a timestamp, which ends with the year 294276
    text="CASE WHEN {0} > '294276-12-31' THEN CASE WHEN isfinite({0}) THEN "
    "extract(year from {0})::text || '-' || lpad(extract(month from {0})::text, 2, '0') "
    "|| '-' || lpad(extract(day from {0})::text, 2, '0') END "
    "WHEN {0} >= '0001-01-01' THEN to_char({0}, 'YYYY-MM-DD') "
    f"ELSE {YEAR_BC} || to_char({{0}}, '-MM-DD') END",
    json=JsonForm(can_miss=True),
    cell=CellForm(
        is_plain=True,
        number="CASE WHEN {0} BETWEEN '1900-03-01' AND '9999-12-31' "
        "THEN ({0} - date '1899-12-30')::text END",
        number_format="date",
        arrow={"date": "date"},
        arrow_text="CASE WHEN isfinite({0}) THEN ({0} - date '1970-01-01')::text END",
    ),
    has_infinity=True,
    written_by_sql=False,
    operations=(
        Operation(
            "sub",
            "date",
            "date",
            "Edm.Duration",
            "(CASE WHEN isfinite({0}) AND isfinite({1}) THEN make_interval(days => {0} - {1}) END)",
            can_miss=True,
        ),
        Operation("add", "date", "duration", "Edm.Date", _moved(SECONDS_OF_SECOND), can_miss=True),
        Operation(
            "sub", "date", "duration", "Edm.Date", _moved(f"(- {SECONDS_OF_SECOND})"), can_miss=True
        ),
    ),
)
DATE = PrimitiveType(
    "Edm.Date",
    DATES,
    "date",
    ("date",),
    literal_kind="date",
    casts={
        "string": f"(CASE WHEN {{0}} ~ '^{DATE_TEXT}$' "
        f"THEN CASE WHEN {REAL_DAY} THEN {{0}}::date END END)",
        "datetime": "{0}::date",
    },
    schema_format="date",
)
TYPES = (DATE,)
