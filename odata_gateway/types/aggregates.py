"""What can be made of many values of a type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString


@dataclass(frozen=True, slots=True)
class AggregateRule:
    """An aggregation method: `call` on the values ({0}), `outcome` made of the call ({0}) and of
    `further` ones ({1}, {2}, ...), and the name of the result's type, None for the type of the
    values.

    parts   what is called on some of the values at a time; empty where the method itself is: what
            it makes of its own results is its result
    merged  each of the calls on all values, made of the results of these parts ({0}, {1}, ...)
    """

    call: LiteralString
    outcome: LiteralString = "{0}"
    result: str | None = None
    further: tuple[LiteralString, ...] = ()
    parts: tuple[LiteralString, ...] = ()
    merged: tuple[LiteralString, ...] = ()


def sums(sum_type: LiteralString, result: str | None = None) -> AggregateRule:
    """The sum of exact numbers, as a Postgres type."""
    return AggregateRule(
        "sum({0})", "{0}::" + sum_type, result, parts=("sum({0})",), merged=("sum({0})",)
    )


def averages(result: str | None = None) -> AggregateRule:
    """The average of exact numbers: their sum by their number, as Postgres divides these itself."""
    return AggregateRule(
        "avg({0})",
        "trim_scale({0})",
        result,
        parts=("sum({0})", "count({0})"),
        merged=("sum({0}) / nullif(sum({1}), 0)",),
    )


MIN_MAX: Mapping[str, AggregateRule] = {
    "min": AggregateRule("min({0})"),
    "max": AggregateRule("max({0})"),
}
