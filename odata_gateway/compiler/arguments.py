"""The values of literals as arguments of a statement: the only place where a client's value meets a
Postgres type.

The family of the type that the binder chose makes the argument. An ordering comparison with a time
finer than a microsecond rounds it to the side that keeps the answer right (`floor`, `ceil`); for
equality nothing can be right but a refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from math import inf

from odata_gateway.compiler.regex import translated
from odata_gateway.errors import BindSegment, BindType, BindValue, ODataError
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.types.faults import ValueFault, WrongFamily, shorten
from odata_gateway.types.primitive import STRING
from odata_gateway.types.registry import LITERAL_TYPES
from odata_gateway.url.literals import ERRORS, LiteralValue

# What a number must be above, and the most it may be, by mode.
BOUNDS: dict[str, tuple[float, float]] = {"positive": (0, inf), "percent": (0, 100)}
RARE = frozenset({"cast", "pattern", "parameter", "rows", *BOUNDS})
_MOST_ROWS = 2**62 - 1
"""No table has as many rows. Citus adds $top and $skip, and 64 bits must hold the sum."""


def argument(slot: LiteralSlot, values: Sequence[LiteralValue]) -> object:
    """The argument for a literal's slot.

    raises  BindValue where the type cannot hold the value, BindType where a quoted text is not one
            of the type
    """
    value = values[slot.index]
    items = value.value
    if not slot.many:
        return _one(slot, value, items)
    assert isinstance(items, tuple)
    return [_one(slot, value, item) for item in items]


def _one(slot: LiteralSlot, value: LiteralValue, item: object) -> object:
    if slot.mode in RARE:
        if slot.mode == "cast":
            return _cast(slot, value, item)
        if slot.mode == "pattern":
            return _pattern(value, item)
        if slot.mode == "parameter":
            return _parameter(slot, value, item)
        if slot.mode == "rows":
            assert isinstance(item, int)
            return min(item, _MOST_ROWS)
        _check_bounds(BOUNDS[slot.mode], value, item)
    if value.kind == "raw":
        return _key_segment(slot, value, str(item))
    try:
        return slot.type.family.argument(item, slot.mode)
    except ValueError as fault:
        raise _error(fault, slot, value) from None


def _error(fault: ValueError, slot: LiteralSlot, value: LiteralValue) -> ODataError:
    if isinstance(fault, ValueFault):
        error = ERRORS[fault.reason](fault.message, hint=fault.hint)
    elif isinstance(fault, WrongFamily):
        error = BindType(f"a {value.kind} literal is not {slot.type.family.noun}")
    else:
        error = BindValue(f"'{shorten(str(value.value))}' is not {slot.type.family.noun}")
    error.at, error.target = value.at, value.target
    return error


def _parameter(slot: LiteralSlot, value: LiteralValue, item: object) -> object:
    """An argument of a function of the model, which the database takes as it is."""
    low, high = slot.type.low, slot.type.high
    if low is not None and high is not None and isinstance(item, int) and not low <= item <= high:
        raise BindValue(
            f"{item} is not {slot.type.name}, which is from {low} to {high}",
            target=value.target,
            at=value.at,
        )
    try:
        return slot.type.family.argument(item, "value")
    except ValueError as fault:
        raise _error(fault, slot, value) from None


def _pattern(value: LiteralValue, item: object) -> object:
    """A regular expression in Postgres's notation."""
    try:
        return translated(str(item))
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
    """A path segment read as a key (4.3.6); what is not a value of the key's type names nothing."""
    family = slot.type.family
    try:
        return family.argument(family.literal.from_text(text, slot.type), slot.mode)
    except ValueError:
        raise BindSegment(
            f"'{shorten(text)}' is neither a segment nor a key here",
            target=value.target,
            at=value.at,
            hint="write the key in parentheses, as in Message(1)",
        ) from None


def _cast(slot: LiteralSlot, value: LiteralValue, item: object) -> object:
    """cast() of a literal: what does not fit is null (5.1.1.10.1)."""
    try:
        return slot.type.family.argument(_converted(item, value, slot), slot.mode)
    except (ValueError, InvalidOperation, OverflowError):
        return None


def _converted(item: object, value: LiteralValue, slot: LiteralSlot) -> object:
    """The value of the target type that a literal of another type stands for; ValueError where
    there is none."""
    family, source = slot.type.family, LITERAL_TYPES[value.kind]
    if source is STRING and slot.type is not STRING:
        return family.literal.from_text(str(item), slot.type)
    return family.converted(item, slot.type, source.family)
