"""Edm.Untyped: the value of a json or jsonb column as it is, inline in the row (CSDL 4.01, section
4.6). Nothing is computed with it; JSON's null is null."""

from __future__ import annotations

from odata_gateway.types.family import (
    ArgumentType,
    ColumnReading,
    JsonForm,
    LiteralForm,
    PrimitiveType,
    TypeFamily,
    refuse,
)

_JSONB = ColumnReading(read="nullif({0}, 'null'::jsonb)", reads_null=True)
_TEXT = "nullif(btrim({0}::text, E' \\t\\n\\r'), 'null')"
# A row is one line of newline-delimited JSON, and json keeps the line ends between its tokens.
_ONE_LINE = "translate(" + _TEXT + ", E'\\n\\r', '  ')"
# json, unlike jsonb, keeps escapes of what no text can have. A value with escapes is shown as it is
# stored, and is its text where a statement makes rows of it.
_JSON = ColumnReading(
    read=r"(CASE WHEN strpos({0}::text, '\u') = 0 THEN " + _TEXT + "::jsonb "
    "ELSE to_jsonb({0}::text) END)",
    reads_null=True,
    json="coalesce(" + _ONE_LINE + ", 'null')",
)

UNTYPED_VALUES = TypeFamily(
    name="untyped",
    label="Untyped",
    noun="an untyped value",
    literal=LiteralForm(read=refuse, from_text=lambda text, type_: refuse(text)),
    argument=lambda value, mode: refuse(value),
    argument_type=ArgumentType("text"),
    columns={"jsonb": _JSONB, "json": _JSON},
    json=JsonForm(whole="coalesce({0}::text, 'null')"),
    is_untyped=True,
    is_ordered=False,
    is_comparable=False,
    can_be_key=False,
    casts_to_string=False,
)
UNTYPED = PrimitiveType(
    "Edm.Untyped", UNTYPED_VALUES, "jsonb", ("jsonb", "json"), lossless_columns=(), aggregates={}
)
TYPES = (UNTYPED,)
