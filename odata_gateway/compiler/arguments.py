"""The values of literals as arguments of a statement: the only place where a client's value meets a
Postgres type.

`DECODERS` is keyed by the edm family the binder chose. Times travel as text in Postgres's own
notation, because the driver's types end at year 9999. An ordering comparison with a time finer than
a microsecond rounds it to the side that keeps the answer right (`floor`, `ceil`); for equality
nothing can be right but a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from math import inf, isnan
from uuid import UUID

from odata_gateway.edm.types import PrimitiveType
from odata_gateway.errors import BindSegment, BindType, BindValue, ODataError, Unsupported
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.sql.regex import translated
from odata_gateway.url import literals
from odata_gateway.url.literals import Instant, LiteralValue, Span
from odata_gateway.url.unparse import canonical_text, civil_from_days

MICROS_PER_DAY = 86_400_000_000
# Postgres's timestamp: 4713 BC to 294276 AD, in days since 1970-01-01.
FIRST_DAY, LAST_DAY = -2_440_588, 106_762_939

# What a number must be above, and the most it may be, by mode.
BOUNDS: dict[str, tuple[float, float]] = {"positive": (0, inf), "percent": (0, 100)}
RARE = frozenset({"cast", *BOUNDS})


def argument(slot: LiteralSlot, values: Sequence[LiteralValue]) -> object:
    """The argument for a literal's slot.

    raises  BindValue where the type cannot hold the value, BindType where a quoted text is none of
            the type
    """
    value = values[slot.index]
    if not slot.many:
        return _one(slot, value, value.value)
    items = value.value
    assert isinstance(items, tuple)
    return [_one(slot, value, item) for item in items]


def _one(slot: LiteralSlot, value: LiteralValue, item: object) -> object:
    if slot.mode in RARE:
        if slot.mode == "cast":
            return _cast(slot, value, item)
        _check_bounds(BOUNDS[slot.mode], value, item)
    if value.kind == "raw":
        return _key_segment(slot, value, str(item))
    try:
        return DECODERS[slot.type.family](item, slot, value)
    except ODataError as error:
        if error.at is None:
            error.at, error.target = value.at, value.target
        raise


def _check_bounds(bounds: tuple[float, float], value: LiteralValue, item: object) -> None:
    above, most = bounds
    if not isinstance(item, (int, float, Decimal)) or not above < item <= most:
        wanted = "positive" if most == inf else f"above {above:g}, and {most:g} at most"
        raise BindValue(f"the number must be {wanted}", target=value.target, at=value.at)


def _key_segment(slot: LiteralSlot, value: LiteralValue, text: str) -> object:
    """A path segment read as a key (4.3.6); what is no value of the key's type names nothing."""
    try:
        return DECODERS[slot.type.family](_from_text(text, slot.type), slot, value)
    except (ODataError, ValueError):
        hint = "members are addressed by key, as in Message(1)"
        raise BindSegment(
            f"'{literals.shorten(text)}' is neither a segment nor a key here",
            target=value.target,
            at=value.at,
            hint=hint,
        ) from None


def _cast(slot: LiteralSlot, value: LiteralValue, item: object) -> object:
    """cast() of a literal: what does not fit is null (5.1.1.10.1)."""
    try:
        return DECODERS[slot.type.family](_converted(item, value, slot.type), slot, value)
    except (ODataError, ValueError, InvalidOperation, OverflowError):
        return None


def _converted(item: object, value: LiteralValue, type_: PrimitiveType) -> object:
    """The natural value of the target type that a literal of another type stands for; ValueError
    where there is none."""
    if type_.family == "string":
        return item if isinstance(item, str) else canonical_text(value.kind, item)
    if type_.is_numeric and isinstance(item, (int, float, Decimal)):
        return _number(item, type_)
    if isinstance(item, str) and value.kind == "string":
        return _from_text(item, type_)
    if type_.family == "date" and isinstance(item, Instant):
        return item.micros // MICROS_PER_DAY
    if type_.family == "time" and isinstance(item, Instant):
        return Span(item.micros % MICROS_PER_DAY, item.finer)
    if type_.family == "datetime" and value.kind == "date" and isinstance(item, int):
        return Instant(item * MICROS_PER_DAY)
    raise ValueError(value.kind)


def _from_text(text: str, type_: PrimitiveType) -> object:
    """The value of a type a text stands for; ValueError where it stands for none."""
    read = FROM_TEXT.get(type_.family, _refuse)(text)
    return (
        _number(read, type_)
        if type_.is_numeric and isinstance(read, (int, float, Decimal))
        else read
    )


def _number(item: int | float | Decimal, type_: PrimitiveType) -> int | float | Decimal:
    if type_.is_integer:
        whole = int(item)
        if type_.low is None or type_.high is None or not type_.low <= whole <= type_.high:
            raise ValueError(whole)
        return whole
    if type_.family == "double":
        return float(item)
    if not Decimal(item).is_finite():
        raise ValueError(item)
    return Decimal(item)


def _text_boolean(text: str) -> bool:
    return (
        {"true": True, "false": False}[text.lower()]
        if text.lower() in ("true", "false")
        else _refuse(text)
    )


def _refuse(text: str) -> bool:
    raise ValueError(text)


def _text_number(text: str) -> object:
    if text in ("INF", "-INF", "NaN"):
        return float(text)
    return literals.number(text)[1]


def _text_instant(text: str) -> object:
    """Without an offset, a time is in UTC (5.1.1.10.1, rule 11)."""
    try:
        return literals.datetime(text)[1]
    except ODataError:
        return literals.datetime(f"{text}Z")[1]


FROM_TEXT: dict[str, Callable[[str], object]] = {
    "boolean": _text_boolean,
    "integer": lambda text: (
        int(text)
        if text.lstrip("+-").isascii() and text.lstrip("+-").isdigit() and len(text) < 30
        else _refuse(text)
    ),
    "decimal": _text_number,
    "double": _text_number,
    "datetime": _text_instant,
    "date": lambda text: literals.date(text)[1],
    "time": lambda text: literals.time(text)[1],
    "duration": lambda text: literals.duration(text)[1],
    "guid": lambda text: str(UUID(text)) if len(text) == 36 else _refuse(text),
    "string": lambda text: text,
}


# --- by family ------------------------------------------------------------------------------------


def _string(item: object, slot: LiteralSlot, value: LiteralValue) -> object:
    text = str(item)
    if slot.mode in ("infix", "prefix", "suffix"):
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        before, after = "%" if slot.mode != "prefix" else "", "%" if slot.mode != "suffix" else ""
        return before + escaped + after
    if slot.mode == "pattern":
        return translated(text)
    if slot.mode == "uuid":
        return UUID(text) if _is_canonical_uuid(text) else None
    return text


def _is_canonical_uuid(text: str) -> bool:
    """Whether a uuid column can read as exactly this text."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _integer(item: object, slot: LiteralSlot, value: LiteralValue) -> object:
    return int(item) if isinstance(item, (int, Decimal)) else _mismatch(value, "an integer")


def _decimal(item: object, slot: LiteralSlot, value: LiteralValue) -> object:
    return (
        Decimal(item) if isinstance(item, (int, Decimal, float)) else _mismatch(value, "a number")
    )


def _double(item: object, slot: LiteralSlot, value: LiteralValue) -> object:
    """NaN, compared, equals nothing and has no order (5.1.1.1), which is what SQL NULL does beside
    it; as a value it is NaN."""
    number = float(item) if isinstance(item, (int, float, Decimal)) else float("nan")
    return None if isnan(number) and slot.mode not in ("value", "cast") else number


def _datetime(item: object, slot: LiteralSlot, value: LiteralValue) -> object:
    instant = item if isinstance(item, Instant) else quoted_instant(str(item))
    if slot.mode == "utc" and instant.offset_minutes:
        raise Unsupported("parts of a time in another zone than UTC", hint="write the time with Z")
    return timestamp_text(_rounded(instant.micros, instant.finer, slot))


def _rounded(micros: int, finer: bool, slot: LiteralSlot) -> int:
    if not finer or slot.mode in ("floor", "cast", "utc"):
        return micros
    if slot.mode == "ceil":
        return micros + 1
    raise BindValue(
        "times are kept to the microsecond, so nothing equals this one",
        hint="write at most six digits of seconds",
    )


def quoted_instant(text: str) -> Instant:
    """The product's own form: a quoted time, in UTC where it has no offset; a date alone is its
    midnight."""
    for candidate in (text, f"{text}Z", f"{text}T00:00:00Z"):
        try:
            found = literals.datetime(
                candidate.replace(" ", "T", 1) if "T" not in candidate.upper() else candidate
            )[1]
        except ODataError:
            continue
        assert isinstance(found, Instant)
        return found
    raise BindType(
        f"'{literals.shorten(text)}' is no date-time",
        hint="write it like 2021-11-23T00:00:00Z, or quoted as '2021-11-23T00:00:00'",
    )


def _date(item: object, slot: LiteralSlot, value: LiteralValue) -> object:
    return date_text(item) if isinstance(item, int) else _mismatch(value, "a date")


def _time(item: object, slot: LiteralSlot, value: LiteralValue) -> object:
    if not isinstance(item, Span):
        return _mismatch(value, "a time of day")
    seconds, micros = divmod(_rounded(item.micros, item.finer, slot), 1_000_000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{micros:06d}"


def _duration(item: object, slot: LiteralSlot, value: LiteralValue) -> object:
    span = item if isinstance(item, Span) else literals.duration(str(item))[1]
    assert isinstance(span, Span)
    micros = _rounded(span.micros, span.finer, slot)
    if abs(micros) > LAST_DAY * MICROS_PER_DAY:
        raise BindValue("the duration is too long")
    sign = "-" if micros < 0 else ""
    days, rest = divmod(abs(micros), MICROS_PER_DAY)
    return f"{sign}{days} days {sign}{rest // 1_000_000}.{rest % 1_000_000:06d} seconds"


def _guid(item: object, slot: LiteralSlot, value: LiteralValue) -> object:
    return UUID(str(item))


def _binary(item: object, slot: LiteralSlot, value: LiteralValue) -> object:
    return item if isinstance(item, bytes) else _mismatch(value, "binary")


def _boolean(item: object, slot: LiteralSlot, value: LiteralValue) -> object:
    return item if isinstance(item, bool) else _mismatch(value, "true or false")


def _mismatch(value: LiteralValue, wanted: str) -> object:
    raise BindType(f"a {value.kind} literal is not {wanted}")


Decoder = Callable[[object, LiteralSlot, LiteralValue], object]
DECODERS: dict[str, Decoder] = {
    "boolean": _boolean,
    "string": _string,
    "integer": _integer,
    "decimal": _decimal,
    "double": _double,
    "datetime": _datetime,
    "date": _date,
    "time": _time,
    "duration": _duration,
    "guid": _guid,
    "binary": _binary,
}


# --- Postgres's notation --------------------------------------------------------------------------


def timestamp_text(micros: int) -> str:
    """Microseconds since 1970 as Postgres writes a timestamp."""
    days, rest = divmod(micros, MICROS_PER_DAY)
    seconds, fraction = divmod(rest, 1_000_000)
    day, era = _civil_text(days)
    return f"{day} {seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:06d}{era}"


def date_text(days: int) -> str:
    """Days since 1970-01-01 as Postgres writes a date."""
    return "".join(_civil_text(days))


def _civil_text(days: int) -> tuple[str, str]:
    if not FIRST_DAY <= days <= LAST_DAY:
        raise BindValue("the date is out of range", hint="dates go from 4713 BC to the year 294276")
    year, month, day = civil_from_days(days)
    return (
        (f"{year:04d}-{month:02d}-{day:02d}", "")
        if year > 0
        else (f"{1 - year:04d}-{month:02d}-{day:02d}", " BC")
    )
