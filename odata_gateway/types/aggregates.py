"""What can be made of many values of a type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString


@dataclass(frozen=True, slots=True)
class AggregateRule:
    """An aggregation method: `call` on the values ({0}), `outcome` made of the call ({0}) and of
    `further` ones ({1}, {2}, ...), and the name of the result's type, None for the type of the
    values."""

    call: LiteralString
    outcome: LiteralString = "{0}"
    result: str | None = None
    further: tuple[LiteralString, ...] = ()


MIN_MAX: Mapping[str, AggregateRule] = {
    "min": AggregateRule("min({0})"),
    "max": AggregateRule("max({0})"),
}
