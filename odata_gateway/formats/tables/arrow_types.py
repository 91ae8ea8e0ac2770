"""The Arrow types of values, by the model: those of a family, structs of objects, lists of
collections; and what Arrow takes as a value of such a type.

A decimal has one where its column says how many digits it has. polars and DuckDB take no more than
38 digits, so decimal256 is not used (decimal128 has 38).

A nested value comes as JSON text and becomes Python objects, which costs about 1 us for each value
in it.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from odata_gateway.plan.tree.projection import Field
from odata_gateway.plan.tree.relation import BoundExpr, Column, ItemsValue, ObjectValue
from odata_gateway.types.facets import Facets
from odata_gateway.types.forms.cell import ArrowKind
from odata_gateway.types.primitive import STRING, PrimitiveType

MOST_DIGITS = 38
PLAIN_TYPES: dict[ArrowKind, Callable[[Any], Any]] = {
    "string": lambda pa: pa.string(),
    "bool": lambda pa: pa.bool_(),
    "int16": lambda pa: pa.int16(),
    "int32": lambda pa: pa.int32(),
    "int64": lambda pa: pa.int64(),
    "float32": lambda pa: pa.float32(),
    "float64": lambda pa: pa.float64(),
    "decimal": lambda pa: pa.string(),
    "date": lambda pa: pa.date32(),
    "time": lambda pa: pa.time64("us"),
    "duration": lambda pa: pa.duration("us"),
    "binary": lambda pa: pa.binary(),
}
_OF_JSON: dict[ArrowKind, Callable[[Any], Any]] = {
    "float32": float,
    "float64": float,
    "int16": int,
    "int32": int,
    "int64": int,
    "bool": bool,
    "date": lambda text: _date(text),
    "time": time.fromisoformat,
    "timestamp": lambda text: _moment(text),
    "duration": lambda text: _microseconds(text),
    "binary": lambda text: octets(text),
}
"""A value of JSON, whose numbers are texts, as Arrow takes it; others are texts."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS_OF_400_YEARS = 146_097
NESTED_KINDS = frozenset(_OF_JSON)


def arrow_kind(type_: PrimitiveType) -> ArrowKind:
    """The type of a value; text where a family has none."""
    return type_.family.cell.arrow.get(type_.pg_type, "string")


def column_type(field: Field, zone: str, pa: Any) -> Any:
    """The Arrow type of a column.

    pa  the package pyarrow
    """
    digits = decimal_digits(field)
    return (
        arrow_type(field.value, field.type, zone, pa) if digits is None else pa.decimal128(*digits)
    )


def decimal_digits(field: Field) -> tuple[int, int] | None:
    """The precision and the scale of a decimal that has them; None for other values. Only a column
    of the database's own is sure to obey them."""
    match field:
        case Field(
            value=Column(steps=(), function=None),
            facets=Facets(precision=int() as precision, scale=int() as scale),
        ) if arrow_kind(field.type) == "decimal" and scale <= precision <= MOST_DIGITS:
            return precision, scale
    return None


def arrow_type(value: BoundExpr | None, type_: PrimitiveType, zone: str, pa: Any) -> Any:
    """The Arrow type of a value without a column of its own."""
    match value:
        case ObjectValue(members=members):
            found = [(name, _nested_type(each, zone, pa)) for name, each in members]
            return pa.struct([pa.field(name, inner) for name, inner in found])
        case ItemsValue(item=item):
            return pa.list_(_nested_type(item, zone, pa))
    kind = arrow_kind(type_)
    return pa.timestamp("us", tz=zone) if kind == "timestamp" else PLAIN_TYPES[kind](pa)


def has_any_length(type_: Any, pa: Any) -> bool:
    """Whether the values of an Arrow type are texts or octets."""
    return bool(pa.types.is_string(type_) or pa.types.is_binary(type_))


def _nested_type(value: BoundExpr, zone: str, pa: Any) -> Any:
    type_ = value.type or STRING
    if isinstance(value, ObjectValue | ItemsValue) or arrow_kind(type_) in NESTED_KINDS:
        return arrow_type(value, type_, zone, pa)
    return pa.string()


def nested_value(value: BoundExpr, text: str | None) -> Any:
    """What Arrow takes as a nested value, of its JSON text.

    raises  ValueError for a value that no type of Arrow's or Python's has
    """
    if text is None:
        return None
    return _made(value, json.loads(text, parse_int=str, parse_float=str))


def _made(value: BoundExpr, shown: Any) -> Any:
    if shown is None:
        return None
    match value:
        case ObjectValue(members=members):
            return {name: _made(each, shown[name]) for name, each in members}
        case ItemsValue(item=item):
            return [_made(item, each) for each in shown]
    read = _OF_JSON.get(arrow_kind(value.type or STRING))
    return shown if read is None else read(shown)


def _date(text: str) -> date | int:
    """A date, or its days since 1970 where Python has no such year."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        near, days = _near(text)
        return (date.fromisoformat(near) - _EPOCH.date()).days + days


def _moment(text: str) -> datetime | int:
    """An instant, or its microseconds since 1970 where Python has no such year."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        near, days = _near(text)
        since = datetime.fromisoformat(near) - _EPOCH + timedelta(days)
        return since // timedelta(microseconds=1)


def _microseconds(text: str) -> int:
    """The microseconds of a duration in seconds, of which JSON has six digits behind the point."""
    sign, _, seconds = text.partition("PT")
    return int(sign + seconds.removesuffix("S").replace(".", ""))


def _near(text: str) -> tuple[str, int]:
    """The same date of a year that Python has, and how many days are between them: the calendar is
    the same after 400 years."""
    year, hyphen, rest = text[1:].partition("-")
    cycles, year_of_cycle = divmod(int(text[0] + year), 400)
    return f"{year_of_cycle + 2000}{hyphen}{rest}", (cycles - 5) * _DAYS_OF_400_YEARS


def octets(text: str | None) -> bytes | None:
    """The octets of base64url."""
    return None if text is None else urlsafe_b64decode(text + "=" * (-len(text) % 4))
