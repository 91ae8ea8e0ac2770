"""Bars of grouped rows."""

from __future__ import annotations

from math import isfinite
from typing import Any, NamedTuple

from odata_gateway.handlers.questions.columns import RowColumn

MOST_BARS, COLOURS = 60, 6


class Bar(NamedTuple):
    """One row: its label, its value as text, where its bar begins and ends in percent of the
    width, and the number of its colour."""

    label: str
    text: str
    start: float
    length: float
    colour: int


class BarChart(NamedTuple):
    """The bars of a measure.

    series  the values of the second group, in the order of their colours; empty without one
    """

    measure: str
    groups: tuple[str, ...]
    bars: tuple[Bar, ...]
    series: tuple[str, ...]


def bar_chart(columns: list[RowColumn], rows: list[Any]) -> BarChart | None:
    """The chart of rows of one or two groups and a number; None for other rows."""
    made = [column for column in columns if column.is_made and column.is_numeric]
    measure = next((c for c in made if c is not columns[0]), None)
    if measure is None or not rows:
        return None
    groups = [c for c in columns if c not in made or columns.index(c) < columns.index(measure)]
    numbers = [_number(measure.value(row)) for row in rows[:MOST_BARS]]
    if not 1 <= len(groups) <= 2 or not any(numbers):
        return None
    low, high = min(0.0, *numbers), max(0.0, *numbers)
    second = [_text(group.value(row)) for group in groups[1:] for row in rows[:MOST_BARS]]
    series = tuple(dict.fromkeys(second))[:COLOURS]
    bars = []
    for row, number in zip(rows, numbers, strict=False):
        labels = [_text(group.value(row)) for group in groups]
        colour = series.index(labels[-1]) if labels[-1] in series else 0
        start = (min(number, 0.0) - low) / (high - low) * 100
        length = abs(number) / (high - low) * 100
        text = _text(measure.value(row))
        bars.append(Bar(" · ".join(labels), text, round(start, 2), round(length, 2), colour))
    return BarChart(measure.name, tuple(g.name for g in groups), tuple(bars), series)


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return 0.0
    return number if isfinite(number) else 0.0


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)
