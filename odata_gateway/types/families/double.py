"""Edm.Single and Edm.Double: numbers with an exponent, INF, -INF and NaN.

They are two families, because the text of a number and the SQL of an operator differ. Postgres's
float4 and float8 compare with each other, and indexes serve that.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import isnan
from struct import pack, unpack
from typing import LiteralString

from odata_gateway.types import floats
from odata_gateway.types.aggregates import MIN_MAX, AggregateRule
from odata_gateway.types.family import (
    ArgumentType,
    ColumnReading,
    DecodeMode,
    JsonForm,
    LiteralForm,
    PrimitiveType,
    TypeFamily,
)
from odata_gateway.types.forms.cell import CellForm
from odata_gateway.types.forms.schema import SchemaForm
from odata_gateway.types.numbers import NUMBER_HINTS, converted_number, number_from_text

_TEXT = "^([+-]?[0-9]{{1,200}}([.][0-9]{{1,200}})?([eE][+-]?[0-9]{{1,2}})?|NaN|-?INF)$"
_OF_STRING: LiteralString = (
    f"(CASE WHEN {{0}} ~ '{_TEXT}' THEN replace({{0}}, 'INF', 'Infinity')::float8 END)"
)


def _write(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return {"inf": "INF", "-inf": "-INF", "nan": "NaN"}.get(str(value), repr(value))


def _literal(value: object) -> str:
    """With an exponent, without which it would read as a decimal."""
    text = _write(value)
    return text if "e" in text or not text[-1].isdigit() else text + "e0"


def _argument(value: object, mode: DecodeMode) -> object:
    """NaN, compared, equals nothing and has no order (5.1.1.1), which is what SQL NULL does beside
    it; as a value it is NaN."""
    number = float(value) if isinstance(value, (int, float, Decimal)) else float("nan")
    return None if isnan(number) and mode not in ("value", "cast") else number


def _single_argument(value: object, mode: DecodeMode) -> object:
    """A number as Edm.Single has it, since the literal beside one is promoted to it (5.1.1.18). One
    beyond its range stays as it is: it is above or below all others."""
    number = _argument(value, mode)
    try:
        return unpack("f", pack("f", number))[0] if isinstance(number, float) else number
    except OverflowError:
        return number


DOUBLES = TypeFamily(
    name="double",
    label="Double",
    noun="a number",
    schema=SchemaForm("number", texts=("-INF", "INF", "NaN"), example=3.14),
    literal=LiteralForm(
        read=float,
        from_text=number_from_text,
        write=_write,
        token="SPECIAL",
        exact=_literal,
        hints=NUMBER_HINTS,
    ),
    argument=_argument,
    converted=converted_number,
    argument_type=ArgumentType("float8"),
    columns={
        "float4": ColumnReading(pinned="{0}::float8"),
        "float8": ColumnReading(pinned="{0}::float8"),
    },
    text="CASE {0} WHEN 'Infinity' THEN 'INF' WHEN '-Infinity' THEN '-INF' ELSE {0}::text END",
    json=JsonForm(
        quoted=False,
        text="CASE {0} WHEN 'Infinity' THEN '\"INF\"' WHEN '-Infinity' THEN '\"-INF\"' "
        "WHEN 'NaN' THEN '\"NaN\"' ELSE {0}::text END",
    ),
    cell=CellForm(
        is_plain=True,
        number="CASE WHEN {0} > '-Infinity' AND {0} < 'Infinity' THEN {0}::text END",
        arrow={"float4": "float32", "float8": "float64"},
    ),
    can_be_key=False,
    has_nan=True,
    summed_as="text::numeric",  # float8 would overflow
    number_operators={
        "add": floats.ADD,
        "sub": floats.SUB,
        "mul": floats.MUL,
        "div": floats.DIV,
        "divby": floats.DIV,
        "mod": floats.MOD,
    },
)
SINGLES = replace(
    DOUBLES,
    name="single",
    label="Single",
    argument=_single_argument,
    columns={"float4": ColumnReading(pinned="{0}::float4")},
    # A double has more than twice the digits, so that rounding its result once more is right.
    number_operators={
        "add": floats.as_single("{0}::float8 + {1}::float8"),
        "sub": floats.as_single("{0}::float8 - {1}::float8"),
        "mul": floats.as_single("{0}::float8 * {1}::float8"),
        "div": floats.DIV_OF_SINGLES,
        "divby": floats.DIV_OF_SINGLES,
        "mod": floats.MOD_OF_SINGLES,
    },
)
_AGGREGATES = {
    **MIN_MAX,
    "sum": AggregateRule(
        floats.SUM,
        floats.TOTAL,
        result="Edm.Double",
        further=(floats.SUM_OF_LARGE,),
        parts=(floats.SUM, floats.SUM_OF_LARGE),
        merged=("sum({0})", "sum({1})"),
    ),
    "average": AggregateRule(
        floats.AVERAGE,
        floats.MEAN,
        result="Edm.Double",
        further=(
            floats.NUMBER_OF_LARGE,
            floats.SUM,
            floats.SUM_OF_LARGE,
            "count({0})",
        ),
        parts=(
            floats.SUM_OF_USUAL,
            floats.NUMBER_OF_USUAL,
            floats.NUMBER_OF_LARGE,
            floats.SUM,
            floats.SUM_OF_LARGE,
            "count({0})",
        ),
        merged=(
            "sum({0}) / nullif(sum({1}), 0)::float8",
            "sum({2})",
            "sum({3})",
            "sum({4})",
            "sum({5})::float8",
        ),
    ),
}
SINGLE = PrimitiveType(
    "Edm.Single",
    SINGLES,
    "float4",
    ("float4",),
    rank=8,
    of_numeric=floats.single_of_numeric(is_cast=False),
    casts={
        "string": floats.as_single(_OF_STRING, is_cast=True),
        "integer": "{0}::float4",
        "decimal": floats.single_of_numeric(is_cast=True),
        "double": floats.as_single("{0}", is_cast=True),
    },
    aggregates=_AGGREGATES,
    schema_format="float",
)
DOUBLE = PrimitiveType(
    "Edm.Double",
    DOUBLES,
    "float8",
    ("float8", "float4"),
    ("float4", "float8"),
    rank=9,
    of_numeric=floats.double_of_numeric(is_cast=False),
    literal_kind="double",
    casts={
        "string": _OF_STRING,
        "integer": "{0}::float8",
        "decimal": floats.double_of_numeric(is_cast=True),
        "single": "{0}::float8",
    },
    aggregates=_AGGREGATES,
    is_evident=True,
    schema_format="double",
)
TYPES = (SINGLE, DOUBLE)
