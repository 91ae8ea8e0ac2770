"""How each type is read and written in SQL, from the templates of its family.

A column is first read as the Postgres type of its edm type: a uuid that the model calls Edm.String
as text, a timestamptz as UTC wall time, JSON columns as the text they hold (`#>> '{}'` unwraps what
was encoded twice).

What Postgres holds and OData cannot say is null: infinite times and durations, 24:00, a Decimal
that is NaN or infinite, JSON's null, and a JSON string with a character that no text has. It must
be null everywhere: in answers, conditions, orders, groups, aggregates and links. So a column is
read in two ways:

- as a value (`value_of`), with NULL in place of these. What computes with a column, groups or
  orders by it, uses this. The values that statements make have none of them, and need no care.
- as it is stored (`stored`), because an index serves the bare column only. Whoever uses this takes
  care of the other values: comparisons by a second bound (`sql.comparisons`), the order of a page
  by a branch for each kind of null (`sql.paging.page_scan`), texts and functions of times by their
  own templates.

JSON columns, which no index orders, have NULL in both.

Text forms depend on no session setting. Years before 1 are written as ISO 8601 does (44 BC is
-0043), later than 9999 with more digits.
"""

from __future__ import annotations

from odata_gateway.plan.tree.columns import common_column
from odata_gateway.plan.tree.relation import Column, Derived
from odata_gateway.plan.tree.slots import ZoneSlot
from odata_gateway.sql.fragment import Sql, build, column_sql, fill, join, param
from odata_gateway.types.families.datetime import DATETIMES, IN_ZONE, TEXT_IN_ZONE
from odata_gateway.types.family import ColumnReading, PrimitiveType

_ZONE = param(ZoneSlot(), "text")


def stored(column: Column) -> Sql:
    """A column as the Postgres type of its edm type, with values that OData has not: for an index,
    and for what makes null of these itself."""
    return read(column_sql(column), column.pg_type, column.type)


def value_of(column: Column, *, pinned: bool = False) -> Sql:
    """A column as the Postgres type of its edm type, with NULL for all that is null.

    pinned  see `checked`
    """
    reading, name = column.type.reading(column.pg_type), column_sql(column)
    template = (reading.pinned if pinned else None) or reading.read
    if reading.nulls is None:
        return name if template == "{0}" else fill(template, (name,))
    return fill(f"(CASE WHEN {reading.nulls.is_value} THEN {template} END)", (name,))


def own(column: Column) -> Sql:
    """A column as values of it are ordered and grouped: as it is, with NULL for all that is null;
    as `value_of` has it where it has no order of its own."""
    reading, name = column.type.reading(column.pg_type), column_sql(column)
    if not _is_own(reading, column):
        return value_of(column) if column.nullable else stored(column)
    if reading.nulls is None or not column.nullable:
        return name
    return fill(f"(CASE WHEN {reading.nulls.is_value} THEN {{0}} END)", (name,))


def restored(text: Sql, column: Column) -> Sql:
    """The text of an order value as `own` has the column."""
    reading = column.type.reading(column.pg_type)
    if reading.restored is None or not _is_own(reading, column):
        return fill("{0}::" + column.type.pg_type, (text,))
    return fill(reading.restored, (text, Sql((column.catalog.name,))))


def is_own(column: Column) -> bool:
    """Whether a column is compared and grouped as its own type, which is not that of its edm
    type."""
    reading = column.type.reading(column.pg_type)
    return reading.is_own and _is_own(reading, column)


def keeps_type(derived: Derived, index: int) -> bool:
    """Whether a column of derived rows has its own type, which is not that of its edm type."""
    common = common_column(selection.columns[index] for selection in derived.selections)
    return common is not None and is_own(common)


def orders_as_own(column: Column) -> bool:
    """Whether a column is ordered as values of its own type."""
    return _is_own(column.type.reading(column.pg_type), column)


def _is_own(reading: ColumnReading, column: Column) -> bool:
    """Whether a column can be ordered as it is. The types of extensions and enumerations must be
    named, which a statement can that was made with the catalog at hand."""
    if reading.restored is None:
        return False
    return "{1}" not in reading.restored or column.catalog.name != ""


def compared_column(column: Column) -> Sql:
    """A column beside a value of its own type. A domain is made its base type, as whose operators
    it is compared; an index serves all the same."""
    name = column_sql(column)
    if not (column.catalog.is_domain and is_own(column)):
        return name
    return build("{0}::{1}", name, Sql((column.catalog.name,)))


def compared_value(value: Sql, column: Column, *, many: bool) -> Sql | None:
    """A parameter, or a list, as the type of the column that it is compared with; None where the
    column is compared as `read` has it."""
    reading = column.type.reading(column.pg_type)
    template = reading.compared_list if many else reading.compared
    if template is None or not _is_own(reading, column):
        return None
    return fill(template, (value, Sql((column.catalog.name,))))


def operator(symbol: str, column: Column) -> Sql:
    """An operator between values of a column's own type. Those of an extension are not found by
    their symbol alone, because no name is looked up outside of pg_catalog."""
    schema = own_schema(column)
    return Sql((f"OPERATOR({schema}.{symbol})" if schema else symbol,))


def own_schema(column: Column) -> str:
    """The schema of the operators and aggregates of a column's own type; "": pg_catalog."""
    reading = column.type.reading(column.pg_type)
    return column.catalog.operators if reading.has_operators and is_own(column) else ""


def null_classes(column: Column) -> tuple[Sql, ...]:
    """Conditions, of which one holds for each null of a column. An index on the column serves each,
    unless reading the column makes null of a value (a JSON null)."""
    reading, name = column.type.reading(column.pg_type), column_sql(column)
    is_null = build("{0} IS NULL", _asked(column))
    if reading.nulls is None or not column.nullable:
        return (is_null,)
    return is_null, *(fill(each, (name,)) for each in reading.nulls.each)


def _asked(column: Column) -> Sql:
    """The operand of IS NULL."""
    reading = column.type.reading(column.pg_type)
    return value_of(column) if reading.reads_null else fill(reading.asked, (column_sql(column),))


def is_null_sql(column: Column) -> Sql:
    """Whether a column is null; never NULL."""
    return join(" OR ", null_classes(column))


def is_value_sql(column: Column) -> Sql:
    """Whether a column is not null; never NULL."""
    found = build("{0} IS NOT NULL", _asked(column))
    bounds = bounds_of_values(column)
    return found if bounds is None else build("{0} AND {1}", found, bounds)


def bounds_of_values(column: Column) -> Sql | None:
    """A condition for the rows in which a column is not null, false or NULL for others; None if it
    would be no more than IS NOT NULL."""
    nulls = column.type.reading(column.pg_type).nulls
    if nulls is None or not column.nullable:
        return None
    return fill(nulls.is_value, (column_sql(column),))


def read(column: Sql, pg_type: str, type_: PrimitiveType) -> Sql:
    """A column as the Postgres type of its edm type, with values that OData has not."""
    template = type_.reading(pg_type).read
    return column if template == "{0}" else fill(template, (column,))


def reads_as_it_is(pg_type: str, type_: PrimitiveType) -> bool:
    """Whether a column is read without a conversion, as the type that it has in the table."""
    return type_.reading(pg_type).read == "{0}"


def checked(column: Sql, pg_type: str, type_: PrimitiveType) -> Sql:
    """A column as `read` has it, and of no other type than the model's, before it becomes part of a
    text.

    The table may have changed since: what was a number and is a text now must not stand bare in a
    JSON text. Postgres drops a cast to the type that the column has, so this costs nothing; for any
    other it converts the value or fails.
    """
    pinned = type_.reading(pg_type).pinned
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
    template = type_.reading(pg_type).json
    if template is None:
        return None
    return fill("({0})", (fill(template, (column, read(column, pg_type, type_))),))


def plain_text(value: Sql, type_: PrimitiveType) -> Sql:
    """A value as the text of cast() to Edm.String and of order values, SQL NULL for null."""
    return fill(type_.family.text, (value,))


def raw_value(value: Sql, type_: PrimitiveType) -> Sql:
    """A value as /$value has it (Protocol 11.2.4.2): a text, or octets; SQL NULL for null."""
    return value if type_.family.is_octets else plain_text(value, type_)


def has_zone(type_: PrimitiveType) -> bool:
    """Whether values are points in time, which are shown in a zone."""
    return type_.family is DATETIMES


def in_zone(value: Sql) -> Sql:
    """What a clock in the caller's zone shows at a point in time."""
    return fill(IN_ZONE, (value, _ZONE))


def text_in_zone(value: Sql) -> Sql:
    """A point in time with the offset of the caller's zone; SQL NULL for null."""
    return fill(TEXT_IN_ZONE, (value, _ZONE))


def link_literal(value: Sql, type_: PrimitiveType) -> Sql:
    """A value as a key in links."""
    return fill(type_.family.link_literal or type_.family.text, (value,))


def null_of(type_: PrimitiveType | None) -> Sql:
    """SQL NULL of a type; untyped where there is none."""
    return Sql(("NULL" if type_ is None else "NULL::" + type_.pg_type,))
