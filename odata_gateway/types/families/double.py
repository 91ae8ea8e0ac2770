"""Edm.Single and Edm.Double: numbers with an exponent, INF, -INF and NaN."""

from __future__ import annotations

from decimal import Decimal
from math import isnan

from odata_gateway.types.family import (
    MIN_MAX,
    AggregateRule,
    ArgumentType,
    ColumnReading,
    DecodeMode,
    JsonForm,
    LiteralForm,
    PrimitiveType,
    TypeFamily,
)
from odata_gateway.types.numbers import NUMBER_HINTS, converted_number, number_from_text

_TEXT = "^([+-]?[0-9]{{1,200}}([.][0-9]{{1,200}})?([eE][+-]?[0-9]{{1,2}})?|NaN|-?INF)$"
_FROM_STRING = f"(CASE WHEN {{0}} ~ '{_TEXT}' THEN replace({{0}}, 'INF', 'Infinity')::float8 END)"
# Numbers that Edm.Single rounds to one of its own; for others Postgres would raise.
_SINGLE = (
    "(CASE WHEN abs({0}) BETWEEN 1e-45 AND 3.4028235e38 OR {0} = 0 THEN {0}::float4 "
    "WHEN {0}::text IN ('NaN', 'Infinity', '-Infinity') THEN {0}::text::float4 END)"
)
# What a double divides by zero is infinite or NaN, where Postgres raises; mod by zero raises.
_DIV = (
    "(CASE WHEN {1} <> 0 THEN {0}::float8 / {1}::float8 WHEN {1} IS NULL THEN NULL "
    "WHEN {0} = 0 OR {0}::float8 = 'NaN' THEN 'NaN'::float8 "
    "WHEN {0} > 0 THEN 'Infinity'::float8 WHEN {0} < 0 THEN '-Infinity'::float8 END)"
)
_MOD = (
    "(CASE WHEN abs({1}::float8) = 'Infinity' AND abs({0}::float8) < 'Infinity' THEN {0}::float8 "
    "ELSE {0}::float8 - {1}::float8 * trunc({0}::float8 / {1}::float8) END)"
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


DOUBLES = TypeFamily(
    name="double",
    label="Double",
    noun="a number",
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
        "float4": ColumnReading(pinned="{0}::float4"),
        "float8": ColumnReading(pinned="{0}::float8"),
    },
    text="CASE {0} WHEN 'Infinity' THEN 'INF' WHEN '-Infinity' THEN '-INF' ELSE {0}::text END",
    json=JsonForm(
        quoted=False,
        text="CASE {0} WHEN 'Infinity' THEN '\"INF\"' WHEN '-Infinity' THEN '\"-INF\"' "
        "WHEN 'NaN' THEN '\"NaN\"' ELSE {0}::text END",
    ),
    can_be_key=False,
    has_nan=True,
    summed_as="float8",
    number_operators={"div": _DIV, "divby": _DIV, "mod": _MOD},
)
_AGGREGATES = {
    **MIN_MAX,
    "sum": AggregateRule("sum({0}::float8)", result="Edm.Double"),
    "average": AggregateRule("avg({0}::float8)", result="Edm.Double"),
}
SINGLE = PrimitiveType(
    "Edm.Single",
    DOUBLES,
    "float4",
    ("float4",),
    rank=7,
    casts={
        "string": _FROM_STRING,
        "integer": _SINGLE,
        "decimal": _SINGLE,
        "double": _SINGLE,
    },
    aggregates=_AGGREGATES,
)
DOUBLE = PrimitiveType(
    "Edm.Double",
    DOUBLES,
    "float8",
    ("float8", "float4"),
    ("float4", "float8"),
    rank=8,
    literal_kind="double",
    casts={
        "string": _FROM_STRING,
        "integer": "{0}::float8",
        "decimal": "{0}::float8",
        "double": "{0}::float8",
    },
    aggregates=_AGGREGATES,
    is_evident=True,
)
TYPES = (SINGLE, DOUBLE)
