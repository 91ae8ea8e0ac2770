"""Edm.TimeOfDay: times since midnight. Postgres's 24:00, which OData has not, is null."""

from __future__ import annotations

import re

from odata_gateway.types.calendar import (
    CLOCK,
    MICROS_PER_DAY,
    Instant,
    Span,
    clock,
    iso_clock,
    read_clock,
    rounded,
)
from odata_gateway.types.facets import times
from odata_gateway.types.family import (
    ArgumentType,
    ColumnReading,
    DecodeMode,
    JsonForm,
    LiteralForm,
    PrimitiveType,
    ReadAsNull,
    TypeFamily,
)
from odata_gateway.types.faults import ValueFault, WrongFamily, shorten
from odata_gateway.types.forms.cell import CellForm
from odata_gateway.types.forms.schema import SchemaForm

_TIME = re.compile(CLOCK, re.ASCII)

TIME_TEXT = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{{1,12}})?)?"
"""What the text of a time looks like, in SQL."""
# The format `time` of JSON Schema has an offset.
_SCHEMA_PATTERN = f"^{TIME_TEXT.format()}$"

_MIDNIGHT = ReadAsNull("{0} < '24:00'", ("{0} = '24:00'",), above="{0} < '24:00'")


def read_time(text: str) -> Span:
    """The time of day of a text."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueFault(
            "literal",
            f"'{shorten(text)}' is not a time of day",
            "write it like 12:41 or 12:41:26.745",
        )
    return Span(*read_clock(text, *match.groups()))


def _write(value: object) -> str:
    assert isinstance(value, Span)
    return iso_clock(value.micros, value.finer)


def _argument(value: object, mode: DecodeMode) -> object:
    if isinstance(value, Span):
        micros = rounded(value.micros, value.finer, mode)
        return None if micros is None else clock(micros)
    raise WrongFamily(value)


def _converted(value: object, type_: PrimitiveType, source: TypeFamily) -> object:
    if isinstance(value, Instant):
        return Span(value.micros % MICROS_PER_DAY, value.finer)
    raise ValueError(value)


TIMES = TypeFamily(
    name="time",
    label="TimeOfDay",
    noun="a time of day",
    schema=SchemaForm("string", example="12:30:00", pattern=_SCHEMA_PATTERN),
    literal=LiteralForm(
        read=read_time,
        from_text=lambda text, type_: read_time(text),
        write=_write,
        token="TIME",
    ),
    argument=_argument,
    converted=_converted,
    argument_type=ArgumentType("text", "time"),
    columns={"time": ColumnReading(nulls=_MIDNIGHT)},
    nulls=_MIDNIGHT,
    text="CASE WHEN {0} < '24:00' THEN to_char({0}, 'HH24:MI:SS.US') END",
    json=JsonForm(can_miss=True),
    cell=CellForm(
        is_plain=True,
        # readers round the last microseconds of a day to the next one
        number="CASE WHEN {0} <= '23:59:59.999' "
        "THEN (extract(epoch from {0})::float8 / 86400)::text END",
        number_format="time",
        arrow={"time": "time"},
        arrow_text="CASE WHEN {0} < '24:00' "
        "THEN trunc(extract(epoch from {0}) * 1000000)::text END",
    ),
    facets=frozenset({"$Precision"}),
    max_precision=12,
    column_facets=times,
    has_finer_literals=True,
)
TIME = PrimitiveType(
    "Edm.TimeOfDay",
    TIMES,
    "time",
    ("time",),
    literal_kind="time",
    casts={
        # Microseconds, as of a literal: Postgres would round the last one to 24:00.
        "string": f"(CASE WHEN {{0}} ~ '^{TIME_TEXT}$' THEN left({{0}}, 15)::time END)",
        "datetime": "{0}::time",
    },
)
TYPES = (TIME,)
