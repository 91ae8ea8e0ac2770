"""Edm.SByte to Edm.Int64: whole numbers in a range; and those that only Edm.Decimal holds."""

from __future__ import annotations

from decimal import Decimal
from typing import LiteralString

from odata_gateway.types.aggregates import MIN_MAX, AggregateRule, averages, sums
from odata_gateway.types.family import (
    ArgumentType,
    ColumnReading,
    DecodeMode,
    JsonForm,
    LiteralForm,
    PrimitiveType,
    TypeFamily,
    refuse,
)
from odata_gateway.types.faults import WrongFamily
from odata_gateway.types.forms.cell import CellForm
from odata_gateway.types.forms.schema import SchemaForm
from odata_gateway.types.numbers import NUMBER_HINTS, converted_number

_TEXT = "^[+-]?[0-9]{{1,30}}$"


def _from_text(text: str, type_: PrimitiveType) -> object:
    digits = text.lstrip("+-")
    is_integer = digits.isascii() and digits.isdigit() and len(text) < 30
    return converted_number(int(text), type_) if is_integer else refuse(text)


def _argument(value: object, mode: DecodeMode) -> object:
    if isinstance(value, (int, Decimal)):
        return int(value)
    raise WrongFamily(value)


INTEGERS = TypeFamily(
    name="integer",
    label="integer",
    noun="an integer",
    schema=SchemaForm("integer", example=42),
    literal=LiteralForm(read=refuse, from_text=_from_text, hints=NUMBER_HINTS),
    argument=_argument,
    converted=converted_number,
    argument_type=ArgumentType("int8"),
    columns={
        "int2": ColumnReading(pinned="{0}::int2"),
        "int4": ColumnReading(pinned="{0}::int4"),
        "int8": ColumnReading(pinned="{0}::int8"),
    },
    compares_columns=("int2", "int4", "int8"),
    json=JsonForm(quoted=False),
    cell=CellForm(
        is_plain=True,
        number="CASE WHEN {0} BETWEEN -9007199254740992 AND 9007199254740992 THEN {0}::text END",
        arrow={"int2": "int16", "int4": "int32", "int8": "int64"},
    ),
    written_by_sql=False,
)


def _casts(pg_type: str, low: int, high: int) -> dict[str, str]:
    """Whole numbers in range; numbers lose their fraction, and text must be a whole number."""
    of_number = (
        f"(CASE WHEN trunc({{0}}::numeric) BETWEEN {low} AND {high} "
        f"THEN trunc({{0}}::numeric)::{pg_type} END)"
    )
    of_double = (
        f"(CASE WHEN trunc({{0}}) BETWEEN {low} AND {high} THEN trunc({{0}})::{pg_type} END)"
        if pg_type != "int8"
        # 2 ** 63 itself is a double, and the number before it is not
        else f"(CASE WHEN {{0}} >= {low} AND {{0}} < {high + 1} THEN trunc({{0}})::int8 END)"
    )
    of_text = (
        f"(CASE WHEN {{0}} ~ '{_TEXT}' THEN CASE WHEN {{0}}::numeric BETWEEN {low} AND {high} "
        f"THEN {{0}}::numeric::{pg_type} END END)"
    )
    return {
        "string": of_text,
        "integer": of_number,
        "decimal": of_number,
        "single": of_double.replace("{0}", "{0}::float8"),
        "double": of_double,
    }


def _aggregates(sum_type: LiteralString, result: str) -> dict[str, AggregateRule]:
    return {**MIN_MAX, "sum": sums(sum_type, result), "average": averages("Edm.Decimal")}


# A sum of Int64 is a Decimal, so that it cannot overflow; sums of the smaller integers cannot.
_SMALL = _aggregates("int8", "Edm.Int64")
_LARGE = _aggregates("numeric", "Edm.Decimal")

SBYTE = PrimitiveType(
    "Edm.SByte",
    INTEGERS,
    "int2",
    column_types=("int2", "int4", "int8"),
    lossless_columns=(),
    rank=1,
    low=-(2**7),
    high=2**7 - 1,
    casts=_casts("int2", -(2**7), 2**7 - 1),
    aggregates=_SMALL,
    schema_format="int8",
)
BYTE = PrimitiveType(
    "Edm.Byte",
    INTEGERS,
    "int2",
    column_types=("int2", "int4", "int8"),
    lossless_columns=(),
    rank=2,
    low=0,
    high=2**8 - 1,
    casts=_casts("int2", 0, 2**8 - 1),
    aggregates=_SMALL,
    schema_format="uint8",
)
INT16 = PrimitiveType(
    "Edm.Int16",
    INTEGERS,
    "int2",
    column_types=("int2", "int4", "int8"),
    lossless_columns=("int2",),
    rank=3,
    low=-(2**15),
    high=2**15 - 1,
    casts=_casts("int2", -(2**15), 2**15 - 1),
    aggregates=_SMALL,
    schema_format="int16",
)
INT32 = PrimitiveType(
    "Edm.Int32",
    INTEGERS,
    "int4",
    column_types=("int4", "int2", "int8"),
    lossless_columns=("int2", "int4"),
    rank=4,
    low=-(2**31),
    high=2**31 - 1,
    literal_kind="int32",
    casts=_casts("int4", -(2**31), 2**31 - 1),
    aggregates=_SMALL,
    schema_format="int32",
)
INT64 = PrimitiveType(
    "Edm.Int64",
    INTEGERS,
    "int8",
    column_types=("int8", "int4", "int2"),
    rank=5,
    low=-(2**63),
    high=2**63 - 1,
    literal_kind="int64",
    casts=_casts("int8", -(2**63), 2**63 - 1),
    aggregates=_LARGE,
    quoted_if_wide=True,
    schema_format="int64",
)
WHOLE = PrimitiveType(
    "Edm.Decimal",
    INTEGERS,
    "numeric",
    (),
    rank=6,
    number_operators={"div": "div({0}, {1})"},
    aggregates=_LARGE,
    quoted_if_wide=True,
)
"""Results that may be beyond Edm.Int64. To a client they are decimals without a fraction; within an
expression they are whole numbers, which divide by truncation. No model and no literal has it."""
TYPES = (SBYTE, BYTE, INT16, INT32, INT64)
