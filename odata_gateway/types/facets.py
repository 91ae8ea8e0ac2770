"""Facets of a property (CSDL 4.01, section 7.2), and those that a column's values obey.

A column of Postgres has a type modifier, such as the (12,2) of numeric(12,2); -1 says that it has
none. Where it allows more than the model declares, the declared facet gives way: clients check
values against $metadata.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

MICROSECOND_DIGITS = 6
"""Digits of a second in each time and duration that is served."""
_HEADER = 4
"""Postgres adds this to the modifiers of varchar, char(n) and numeric."""
_WHOLE_DIGITS = {"int2": 5, "int4": 10, "int8": 19}
_TEXT_LENGTHS = {"uuid": 36, "name": 63, "char": 1}


@dataclass(frozen=True, slots=True)
class Facets:
    """What $metadata says of the values of a property; None: nothing."""

    precision: int | None = None
    scale: int | str | None = None
    max_length: int | None = None
    srid: int | str | None = None


ColumnFacets: TypeAlias = Callable[[Facets, str, int], Facets]
"""The declared facets, as far as the values of a column obey them, given its Postgres type and its
type modifier."""


def as_declared(declared: Facets, pg_type: str, modifier: int) -> Facets:
    """For types whose columns cannot break a facet."""
    return declared


def times(declared: Facets, pg_type: str, modifier: int) -> Facets:
    """Times have six digits of a second, whatever the column keeps of them."""
    return replace(declared, precision=max(declared.precision or 0, MICROSECOND_DIGITS))


def lengths(declared: Facets, pg_type: str, modifier: int) -> Facets:
    """The length of texts and octets."""
    if declared.max_length is None:
        return declared
    has_modifier = pg_type in ("varchar", "bpchar") and modifier >= _HEADER
    most = modifier - _HEADER if has_modifier else _TEXT_LENGTHS.get(pg_type)
    return declared if most and most <= declared.max_length else replace(declared, max_length=most)


def decimals(declared: Facets, pg_type: str, modifier: int) -> Facets:
    """The digits of a decimal: those before the point, which are the precision without the scale,
    and those behind it."""
    found = _digits(pg_type, modifier)
    precision, scale = declared.precision, declared.scale
    if found is None:
        bounded = precision is not None or isinstance(scale, int)
        return Facets(None, "variable") if bounded else declared
    before, behind = found
    if not isinstance(scale, int):
        return replace(declared, precision=precision and max(precision, before + behind))
    wide = max(scale, behind)
    return Facets(precision and max(precision - scale, before) + wide, wide)


def _digits(pg_type: str, modifier: int) -> tuple[int, int] | None:
    """The most digits before and behind the point; None: no bound. The scale of a numeric has
    eleven bits and may be negative."""
    if pg_type in _WHOLE_DIGITS:
        return _WHOLE_DIGITS[pg_type], 0
    if modifier < _HEADER:
        return None
    precision, scale = divmod(modifier - _HEADER, 1 << 16)
    scale = ((scale & 0x7FF) ^ 1024) - 1024
    return max(precision - scale, 0), max(scale, 0)
