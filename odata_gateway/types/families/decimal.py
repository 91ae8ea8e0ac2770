"""Edm.Decimal: exact numbers of any size. NaN and the infinities of Postgres's numeric are null,
and so is what divby divides by zero."""

from __future__ import annotations

from decimal import Decimal

from odata_gateway.types.aggregates import MIN_MAX, averages, sums
from odata_gateway.types.facets import decimals
from odata_gateway.types.family import (
    ArgumentType,
    ColumnReading,
    DecodeMode,
    JsonForm,
    LiteralForm,
    PrimitiveType,
    ReadAsNull,
    TypeFamily,
    refuse,
)
from odata_gateway.types.faults import WrongFamily
from odata_gateway.types.forms.cell import CellForm
from odata_gateway.types.forms.schema import SchemaForm
from odata_gateway.types.numbers import NUMBER_HINTS, converted_number, number_from_text

_TEXT = "^[+-]?[0-9]{{1,200}}([.][0-9]{{1,200}})?([eE][+-]?[0-9]{{1,2}})?$"

_OF_FLOAT = "(CASE WHEN {0} NOT IN ('NaN', 'Infinity', '-Infinity') THEN {0}::text::numeric END)"


# Postgres has NaN above all numbers.
_NOT_FINITE = ReadAsNull(
    "{0} > '-Infinity' AND {0} < 'Infinity'",
    ("{0} = 'NaN'", "{0} = 'Infinity'", "{0} = '-Infinity'"),
    below="{0} > '-Infinity'",
    above="{0} < 'Infinity'",
)

# A double says up to 15 digits exactly.
_SHEET_NUMBER = (
    "CASE WHEN {0} > '-Infinity' AND {0} < 'Infinity' "
    "AND length(ltrim(replace(abs(trim_scale({0}))::text, '.', ''), '0')) <= 15 "
    "THEN trim_scale({0})::text END"
)


def _write(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _literal(value: object) -> str:
    """With a fraction where it would read as an integer."""
    text = _write(value)
    if (
        isinstance(value, Decimal)
        and value == value.to_integral_value()
        and abs(value) < 2**63
        and "." not in text
    ):
        return f"{text}.0"
    return text


def _argument(value: object, mode: DecodeMode) -> object:
    if isinstance(value, (int, Decimal, float)):
        return Decimal(value)
    raise WrongFamily(value)


DECIMALS = TypeFamily(
    name="decimal",
    label="Decimal",
    noun="a number",
    schema=SchemaForm("number", example=9.95),
    literal=LiteralForm(
        read=refuse,
        from_text=number_from_text,
        write=_write,
        exact=_literal,
        hints=NUMBER_HINTS,
    ),
    argument=_argument,
    converted=converted_number,
    argument_type=ArgumentType("numeric"),
    columns={
        "numeric": ColumnReading(pinned="{0}::numeric", nulls=_NOT_FINITE),
        "int8": ColumnReading("{0}::numeric"),
        "int4": ColumnReading("{0}::numeric"),
        "int2": ColumnReading("{0}::numeric"),
        "money": ColumnReading("{0}::numeric"),  # whatever lc_monetary writes around the number
    },
    nulls=_NOT_FINITE,
    text="CASE WHEN {0} IN ('NaN', 'Infinity', '-Infinity') THEN NULL ELSE {0}::text END",
    json=JsonForm(quoted=False, can_miss=True),
    cell=CellForm(is_plain=True, is_long=True, number=_SHEET_NUMBER, arrow={"numeric": "decimal"}),
    facets=frozenset({"$Precision", "$Scale"}),
    column_facets=decimals,
    written_by_sql=False,
    # What divby divides by zero would be infinite or NaN, which a decimal cannot be.
    number_operators={
        "div": "({0}::numeric / {1}::numeric)",
        "divby": "({0}::numeric / nullif({1}, 0))",
    },
)
DECIMAL = PrimitiveType(
    "Edm.Decimal",
    DECIMALS,
    "numeric",
    ("numeric", "int8", "int4", "int2", "money"),
    rank=7,
    literal_kind="decimal",
    casts={
        "string": f"(CASE WHEN {{0}} ~ '{_TEXT}' THEN {{0}}::numeric END)",
        "integer": "{0}::numeric",
        "decimal": "{0}::numeric",
        # the cast of a float keeps 6 or 15 digits only, its text all of them
        "single": _OF_FLOAT,
        "double": _OF_FLOAT,
    },
    aggregates={
        **MIN_MAX,
        "sum": sums("numeric"),
        "average": averages(),
    },
    quoted_if_wide=True,
    schema_format="decimal",
)
TYPES = (DECIMAL,)
