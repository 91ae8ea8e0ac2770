"""How each type is read, compared and written, as tables.

A column is first read as the canonical Postgres type of its edm type (`CANONICAL`): a uuid that the
model calls Edm.String as text, a timestamptz as UTC wall time, JSON columns as the text they hold
(`#>> '{}'` unwraps what was encoded twice). Comparisons with a parameter leave the column bare
where it can, and convert the parameter, so that an index on the column serves.

Text forms depend on no session setting. What JSON cannot say has a documented value: infinite
times, 24:00 and Decimal NaN are null; years before 1 are written as ISO 8601 does (44 BC is -0043),
later than 9999 with more digits.
"""

from __future__ import annotations

from dataclasses import dataclass

from odata_gateway.edm.types import PrimitiveType
from odata_gateway.sql.fragment import Sql, fill

CANONICAL: dict[str, str] = {
    "Edm.Boolean": "bool",
    "Edm.String": "text",
    "Edm.SByte": "int2",
    "Edm.Byte": "int2",
    "Edm.Int16": "int2",
    "Edm.Int32": "int4",
    "Edm.Int64": "int8",
    "Edm.Decimal": "numeric",
    "Edm.Single": "float4",
    "Edm.Double": "float8",
    "Edm.DateTimeOffset": "timestamp",
    "Edm.Date": "date",
    "Edm.TimeOfDay": "time",
    "Edm.Duration": "interval",
    "Edm.Guid": "uuid",
    "Edm.Binary": "bytea",
}

# Reading a column of a Postgres type as the canonical type of an edm family; what is not listed is
# cast to it.
AS_IS: dict[str, frozenset[str]] = {
    "boolean": frozenset({"bool"}),
    "string": frozenset({"text", "varchar", "name"}),
    "integer": frozenset({"int2", "int4", "int8"}),
    "decimal": frozenset({"numeric"}),
    "double": frozenset({"float4", "float8"}),
    "datetime": frozenset({"timestamp"}),
    "date": frozenset({"date"}),
    "time": frozenset({"time"}),
    "duration": frozenset({"interval"}),
    "guid": frozenset({"uuid"}),
    "binary": frozenset({"bytea"}),
}
CONVERSIONS: dict[tuple[str, str], str] = {
    # json, unlike jsonb, may hold an escaped NUL, which no text can: such a value stays as it was
    # written
    (
        "string",
        "json",
    ): "(CASE WHEN strpos({0}::text, '\\u0000') = 0 THEN {0} #>> '{{}}' ELSE {0}::text END)",
    ("string", "jsonb"): "({0} #>> '{{}}')",
    ("datetime", "timestamptz"): "({0} AT TIME ZONE 'UTC')",
}

# A parameter of the canonical type as a Postgres type whose column can stay bare beside it.
PARAMETERS: dict[str, str] = {"timestamptz": "({0} AT TIME ZONE 'UTC')"}


@dataclass(frozen=True, slots=True)
class Wire:
    """How an argument travels: the type it is bound as, and the cast that makes the canonical type
    of it."""

    bound: str
    template: str = "{0}"


# Times travel as text, because the driver's own types end at year 9999 and know no infinity.
WIRES: dict[str, Wire] = {
    "boolean": Wire("bool"),
    "string": Wire("text"),
    "integer": Wire("int8"),
    "decimal": Wire("numeric"),
    "double": Wire("float8"),
    "datetime": Wire("text", "{0}::timestamp"),
    "date": Wire("text", "{0}::date"),
    "time": Wire("text", "{0}::time"),
    "duration": Wire("text", "{0}::interval"),
    "guid": Wire("uuid"),
    "binary": Wire("bytea"),
}
ARRAY_CASTS: dict[str, str] = {
    "datetime": "{0}::timestamp[]",
    "date": "{0}::date[]",
    "time": "{0}::time[]",
    "duration": "{0}::interval[]",
}

_YEAR_BC = "CASE extract(year from {0}) WHEN -1 THEN '0000' ELSE '-' || lpad((- extract(year from {0}) - 1)::text, 4, '0') END"
_DATE = f"CASE WHEN {{0}} >= '0001-01-01' THEN to_char({{0}}, 'YYYY-MM-DD') ELSE {_YEAR_BC} || to_char({{0}}, '-MM-DD') END"
_DATETIME = (
    "CASE WHEN {0} >= '0001-01-01' THEN to_char({0}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') "
    f'ELSE {_YEAR_BC} || to_char({{0}}, \'-MM-DD"T"HH24:MI:SS.US"Z"\') END'
)

# The text of a value without quotes, as in /$value; JSON puts quotes around the families of QUOTED.
TEXTS: dict[str, str] = {
    "boolean": "{0}::text",
    "string": "{0}",
    "integer": "{0}::text",
    "decimal": "CASE WHEN {0} IN ('NaN', 'Infinity', '-Infinity') THEN NULL ELSE {0}::text END",
    "double": "CASE {0} WHEN 'Infinity' THEN 'INF' WHEN '-Infinity' THEN '-INF' ELSE {0}::text END",
    "datetime": _DATETIME,
    "date": _DATE,
    "time": "CASE WHEN {0} < '24:00' THEN to_char({0}, 'HH24:MI:SS.US') END",
    "duration": "CASE WHEN isfinite({0}) THEN CASE WHEN extract(epoch from {0}) < 0 THEN '-' ELSE '' END || 'PT' || "
    "abs(extract(epoch from {0}))::text || 'S' END",
    "guid": "{0}::text",
    "binary": "rtrim(translate(encode({0}, 'base64'), E'+/\\n', '-_'), '=')",
}
QUOTED = frozenset({"datetime", "date", "time", "duration", "guid", "binary"})
JSON_TEXTS: dict[str, str] = {
    "string": "to_json({0})::text",
    "double": "CASE {0} WHEN 'Infinity' THEN '\"INF\"' WHEN '-Infinity' THEN '\"-INF\"' WHEN 'NaN' THEN '\"NaN\"' ELSE {0}::text END",
}
CHECKED = frozenset({"boolean", "string", "integer", "decimal", "double", "guid"})
"""Families whose template would take columns of another type too, and make no JSON of them."""
CAN_BE_NULL = frozenset({"date", "time", "duration", "decimal"})

# Whole JSON texts, 'null' included, for what most rows consist of (measured: 0.1 us a cell for the
# quotes inside to_char's format, a third for a string in a JSON column, which is its own JSON text
# and need not be unwrapped and escaped again).
WHOLE_JSON: dict[str, str] = {
    "datetime": "CASE WHEN {0} BETWEEN '0001-01-01' AND '9999-12-31 23:59:59.999999' "
    """THEN to_char({0}, '"\\""YYYY-MM-DD"T"HH24:MI:SS.US"Z\\""') """
    f"ELSE coalesce('\"' || ({_DATETIME}) || '\"', 'null') END",
}
JSON_COLUMNS: dict[str, str] = {
    "json": "CASE WHEN left({0}::text, 1) = '\"' THEN {0}::text ELSE coalesce(to_json({1})::text, 'null') END",
    "jsonb": "CASE WHEN jsonb_typeof({0}) = 'string' THEN {0}::text ELSE coalesce(to_json({1})::text, 'null') END",
}


def read(column: Sql, pg_type: str, type_: PrimitiveType) -> Sql:
    """A column as the canonical Postgres type of its edm type; without a `pg_type` it has that
    already."""
    if not pg_type or pg_type in AS_IS[type_.family]:
        return column
    template = CONVERSIONS.get((type_.family, pg_type), "{0}::" + CANONICAL[type_.name])
    return fill(template, (column,))


def checked(column: Sql, pg_type: str, type_: PrimitiveType) -> Sql:
    """A column as `read` has it, and of no other type than the model's, before it becomes part of a
    text.

    The table may have changed since: what was a number and is a text now must not stand bare in a
    JSON text. Postgres drops a cast to the type that the column has, so this costs nothing; for any
    other it converts the value or fails.
    """
    value = read(column, pg_type, type_)
    if value is not column or not pg_type or type_.family not in CHECKED:
        return value
    return fill("{0}::" + (pg_type if type_.family != "string" else "text"), (column,))


def json_text(value: Sql, type_: PrimitiveType, *, nullable: bool, as_string: bool) -> Sql:
    """A value as JSON text, never SQL NULL. `as_string` puts Int64 and Decimal in quotes
    (IEEE754Compatible, JSON Format 3.2)."""
    family = type_.family
    if family in WHOLE_JSON:
        return fill("({0})", (fill(WHOLE_JSON[family], (value,)),))
    text = fill(JSON_TEXTS.get(family, TEXTS[family]), (value,))
    if family in QUOTED or (as_string and (type_.name == "Edm.Int64" or family == "decimal")):
        text = fill(
            "'\"' || ({0}) || '\"'" if text.parts[0] != value.parts[0] else "'\"' || {0} || '\"'",
            (text,),
        )
    if nullable or family in CAN_BE_NULL:
        return fill("coalesce({0}, 'null')", (text,))
    return text


def json_column_text(column: Sql, pg_type: str, type_: PrimitiveType) -> Sql:
    """A json or jsonb column that the model calls Edm.String, as JSON text of the text it holds."""
    return fill("({0})", (fill(JSON_COLUMNS[pg_type], (column, read(column, pg_type, type_))),))


def plain_text(value: Sql, type_: PrimitiveType) -> Sql:
    """A value as the text of /$value (Protocol 11.2.4.2), SQL NULL for null."""
    return fill(TEXTS[type_.family], (value,))
