"""How each type is read and written in SQL, from the templates of its family.

A column is first read as the Postgres type of its edm type: a uuid that the model calls Edm.String
as text, a timestamptz as UTC wall time, JSON columns as the text they hold (`#>> '{}'` unwraps what
was encoded twice).

Text forms depend on no session setting. What JSON cannot say has a documented value: infinite
times, 24:00 and Decimal NaN are null; years before 1 are written as ISO 8601 does (44 BC is -0043),
later than 9999 with more digits.
"""

from __future__ import annotations

from odata_gateway.sql.fragment import Sql, fill
from odata_gateway.types.family import ColumnReading, PrimitiveType


def reading_of(pg_type: str, type_: PrimitiveType) -> ColumnReading:
    """How a column is read. Without a `pg_type` it has that of its edm type already; what the
    family does not list is cast to it."""
    if not pg_type:
        return _AS_IT_IS
    found = type_.family.columns.get(pg_type)
    return found or ColumnReading("{0}::" + type_.pg_type)


_AS_IT_IS = ColumnReading()


def read(column: Sql, pg_type: str, type_: PrimitiveType) -> Sql:
    """A column as the Postgres type of its edm type."""
    template = reading_of(pg_type, type_).read
    return column if template == "{0}" else fill(template, (column,))


def reads_as_it_is(pg_type: str, type_: PrimitiveType) -> bool:
    """Whether a column is read without a conversion, as the type that it has in the table."""
    return reading_of(pg_type, type_).read == "{0}"


def checked(column: Sql, pg_type: str, type_: PrimitiveType) -> Sql:
    """A column as `read` has it, and of no other type than the model's, before it becomes part of a
    text.

    The table may have changed since: what was a number and is a text now must not stand bare in a
    JSON text. Postgres drops a cast to the type that the column has, so this costs nothing; for any
    other it converts the value or fails.
    """
    pinned = reading_of(pg_type, type_).pinned
    return fill(pinned, (column,)) if pinned else read(column, pg_type, type_)


def json_text(value: Sql, type_: PrimitiveType, *, nullable: bool, as_string: bool) -> Sql:
    """A value as JSON text, never SQL NULL. `as_string` puts Int64 and Decimal in quotes
    (IEEE754Compatible, JSON Format 3.2)."""
    json = type_.family.json
    if json.whole is not None:
        return fill("({0})", (fill(json.whole, (value,)),))
    text = fill(json.text or type_.family.text, (value,))
    if json.quoted or (as_string and type_.quoted_if_wide):
        text = fill(
            "'\"' || ({0}) || '\"'" if text.parts[0] != value.parts[0] else "'\"' || {0} || '\"'",
            (text,),
        )
    if nullable or json.can_miss:
        return fill("coalesce({0}, 'null')", (text,))
    return text


def json_column_text(column: Sql, pg_type: str, type_: PrimitiveType) -> Sql | None:
    """A column that is its own JSON text, such as a jsonb that the model calls Edm.String; None for
    others."""
    template = reading_of(pg_type, type_).json
    if template is None:
        return None
    return fill("({0})", (fill(template, (column, read(column, pg_type, type_))),))


def plain_text(value: Sql, type_: PrimitiveType) -> Sql:
    """A value as the text of cast() to Edm.String and of order values, SQL NULL for null."""
    return fill(type_.family.text, (value,))


def raw_value(value: Sql, type_: PrimitiveType) -> Sql:
    """A value as /$value has it (Protocol 11.2.4.2): a text, or octets; SQL NULL for null."""
    return value if type_.family.is_octets else plain_text(value, type_)


def link_literal(value: Sql, type_: PrimitiveType) -> Sql:
    """A value as a key in links."""
    return fill(type_.family.link_literal or type_.family.text, (value,))


def null_of(type_: PrimitiveType | None) -> Sql:
    """SQL NULL of a type; untyped where there is none."""
    return Sql(("NULL" if type_ is None else "NULL::" + type_.pg_type,))
