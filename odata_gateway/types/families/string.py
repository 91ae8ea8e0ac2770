"""Edm.String: text columns, and columns of any other type as the text that Postgres writes of
them."""

from __future__ import annotations

from dataclasses import replace
from typing import LiteralString
from uuid import UUID

from odata_gateway.types.facets import lengths
from odata_gateway.types.family import (
    LIKE_MODES,
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
from odata_gateway.types.own_text import OWN_TEXTS

# Characters of a key that stand for themselves in a URL and in JSON; of all others the octets of
# UTF-8 are percent-encoded, and quotes are doubled. Most keys have none of these.
_PLAIN = "[A-Za-z0-9_.~!$()*,;=:@-]"
TEXT_IN_LINKS = (
    f"'''' || CASE WHEN {{0}} COLLATE \"C\" ~ '^{_PLAIN}*$' THEN {{0}} COLLATE \"C\" ELSE "
    f"(SELECT string_agg(CASE WHEN c ~ '{_PLAIN}' THEN c WHEN c = '''' THEN '''''' "
    "ELSE upper(regexp_replace(encode(convert_to(c, 'UTF8'), 'hex'), '(..)', E'%\\\\1', 'g')) END, "
    "'' ORDER BY n) "
    'FROM unnest(string_to_array({0} COLLATE "C", NULL)) WITH ORDINALITY AS u (c, n)) '
    "END || ''''"
)


def _argument(value: object, mode: DecodeMode) -> object:
    text = str(value)
    if mode in LIKE_MODES:
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        before, after = "%" if mode != "prefix" else "", "%" if mode != "suffix" else ""
        return before + escaped + after
    if mode in OWN_TEXTS:
        return OWN_TEXTS[mode](text)
    if mode == "uuid":
        return UUID(text) if _is_canonical_uuid(text) else None
    return text


def _is_canonical_uuid(text: str) -> bool:
    """Whether a uuid column can read as exactly this text."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _converted(value: object, type_: PrimitiveType, source: TypeFamily) -> object:
    return value if isinstance(value, str) else source.literal.write(value)


_TEXT = ColumnReading(pinned="{0}::text")
# json, unlike jsonb, keeps the escapes of what no text can have: NUL, and half of a surrogate pair.
# A string with one is null. Postgres raises where it reads any value with one, so the text of an
# object or array, which has the escape and not the character, is taken as it was written.
_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{{2}}\\u[dD][c-fC-F][0-9a-fA-F]{{2}}"
_IS_NO_TEXT = (
    rf"regexp_replace(replace({{0}}::text, '\\', 'x'), '{_PAIR}', '', 'g') "
    r"~ '\\u(0000|[dD][89a-fA-F])'"
)
# A string in a JSON column is its own JSON text, and need not be unwrapped and escaped again
# (measured: a third of the time of a cell).
_JSON = ColumnReading(
    read=r"(CASE WHEN strpos({0}::text, '\u') = 0 THEN {0} #>> '{{}}' "
    r"""WHEN {0}::text !~ '^\s*"' THEN btrim({0}::text, E' \t\n\r') """
    f"WHEN {_IS_NO_TEXT} THEN NULL ELSE {{0}} #>> '{{{{}}}}' END)",
    reads_null=True,
    json="CASE WHEN left({0}::text, 1) = '\"' "
    rf"AND (strpos({{0}}::text, '\u') = 0 OR NOT {_IS_NO_TEXT}) THEN {{0}}::text "
    "ELSE coalesce(to_json({1})::text, 'null') END",
    merges=True,
)
_JSONB = ColumnReading(
    read="({0} #>> '{{}}')",
    reads_null=True,
    json="CASE WHEN jsonb_typeof({0}) = 'string' THEN {0}::text "
    "ELSE coalesce(to_json({1})::text, 'null') END",
    merges=True,
)


def _own(name: LiteralString, mode: DecodeMode, *, extremes: bool = False) -> ColumnReading:
    """Columns of a type that all its operators know."""
    return ColumnReading(
        read="{0}::text",
        compared="{0}::" + name,
        compared_list="{0}::" + name + "[]",
        restored="{0}::" + name,
        equal_mode=mode,
        range_mode=mode,
        extremes=extremes,
    )


# Columns that are compared, ordered and grouped as their own type, so that indexes serve them, and
# shown as text. An address is shown as Postgres writes it: a cast to text would add `/32`.
_LABEL = "(SELECT e FROM unnest(enum_range(NULL::{1})) AS u (e) WHERE e::text = {0})"
_LABELS = "ARRAY(SELECT e FROM unnest(enum_range(NULL::{1})) AS u (e) WHERE e::text = ANY({0}))"
ENUM_COLUMN = ColumnReading(
    read="{0}::text",
    compared=_LABEL,
    compared_list=_LABELS,
    restored="{0}::{1}",
    equal_mode="label",
    range_mode="label",
    extremes=True,
)
_OWN = {
    "bpchar": ColumnReading(
        read="{0}::text",
        compared="{0}::bpchar",
        compared_list="{0}::bpchar[]",
        restored="{0}::bpchar",
        extremes=True,
    ),
    "citext": ColumnReading(
        read="{0}::text",
        compared="{0}::{1}",
        compared_list="{0}::{1}[]",
        restored="{0}::{1}",
        extremes=True,
        searched='lower({0} COLLATE "default")',  # as the type itself does
        has_operators=True,
    ),
    "enum": ENUM_COLUMN,
    # in an order, any text has a place among those of uuids, which are in the order of uuids
    "uuid": ColumnReading(
        read="{0}::text", restored="{0}::uuid", equal_mode="uuid", equal_type="uuid"
    ),
    "inet": replace(_own("inet", "inet", extremes=True), read="abbrev({0})"),
    "cidr": _own("cidr", "cidr", extremes=True),
    "macaddr": _own("macaddr", "macaddr"),
    "macaddr8": _own("macaddr8", "macaddr8"),
    "money": _own("money", "money", extremes=True),
    "bit": _own('"bit"', "bits"),
    "varbit": _own("varbit", "bits"),
    "oid": _own("oid", "oid", extremes=True),
    "pg_lsn": _own("pg_lsn", "lsn", extremes=True),
    "char": _own('"char"', "character"),
}

STRINGS = TypeFamily(
    name="string",
    label="String",
    noun="a string",
    schema=SchemaForm("string"),
    literal=LiteralForm(
        read=str,
        from_text=lambda text, type_: text,
        prefix="",
        hints={"": "put the value in single quotes"},
    ),
    argument=_argument,
    converted=_converted,
    argument_type=ArgumentType("text"),
    columns={
        "text": _TEXT,
        "varchar": _TEXT,
        "name": _TEXT,
        **_OWN,
        "json": _JSON,
        "jsonb": _JSONB,
    },
    compares_columns=("text", "varchar", "bpchar", "citext", "name"),
    text="{0}",
    cell=CellForm(beginning="left({0}, {1})"),
    json=JsonForm(quoted=False, text="to_json({0})::text"),
    link_literal=TEXT_IN_LINKS,
    facets=frozenset({"$MaxLength"}),
    column_facets=lengths,
    written_by_sql=False,
)
STRING = PrimitiveType(
    "Edm.String",
    STRINGS,
    "text",
    ("text", "varchar", "bpchar", "citext", "uuid", "json", "jsonb"),
    ("text", "varchar", "bpchar", "citext", "name", "json", "jsonb", "uuid"),
    literal_kind="string",
    is_evident=True,
)
TYPES = (STRING,)
