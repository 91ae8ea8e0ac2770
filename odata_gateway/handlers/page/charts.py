"""Charts of grouped rows: lines where they are grouped by time, else bars."""

from __future__ import annotations

import re
from itertools import groupby
from math import isfinite
from typing import Any, NamedTuple

from odata_gateway.handlers.questions.columns import RowColumn
from odata_gateway.url.addresses.conditions import CALENDAR_PARTS, calendar_names, group_names

MOST_BARS, COLOURS = 60, 6
_LEAST_TIMES = 3
_DIGITS = re.compile(r"\d+")
_IN_NEXT = dict(zip(CALENDAR_PARTS, (1, 12, 31, 24, 60, 60), strict=True))
"""How many of a part of a time are in the next larger one, at most."""


class ChartMark(NamedTuple):
    """One row as a bar, or as a point of a line.

    number  None for null, and for what no chart can show
    series  the number of its series
    moment  its time as a number that grows with time; None without one
    """

    label: str
    text: str
    number: float | None
    series: int = 0
    moment: int | None = None

    @property
    def colour(self) -> int:
        """COLOURS stands for all series behind the first so many."""
        return min(self.series, COLOURS)


class GroupChart(NamedTuple):
    """The marks of a measure; those of a line in the order of time.

    series  the values that tell apart lines, or colours of bars; empty without such a group
    """

    measure: str
    groups: list[str]
    series: list[str]
    marks: list[ChartMark]
    is_line: bool

    @property
    def low(self) -> float:
        return min(0.0, *(mark.number or 0 for mark in self.marks))

    @property
    def high(self) -> float:
        return max(0.0, *(mark.number or 0 for mark in self.marks))

    def lines(self) -> list[list[ChartMark]]:
        """The points of each line; one that has a point without a number is in parts."""
        found = []
        for number in range(max(1, len(self.series))):
            marks = (mark for mark in self.marks if mark.series == number)
            runs = groupby(marks, lambda mark: mark.number is not None)
            found += [list(run) for has_numbers, run in runs if has_numbers]
        return found

    def x(self, mark: ChartMark) -> float:
        """The place of a point in percent of the width."""
        first, last = self.marks[0].moment or 0, self.marks[-1].moment or 0
        return round(((mark.moment or 0) - first) / ((last - first) or 1) * 100, 2)

    def height(self, number: float) -> float:
        """How far a number is from the lowest, in percent of the scale."""
        return round((number - self.low) / ((self.high - self.low) or 1) * 100, 2)


def group_chart(columns: list[RowColumn], rows: list[Any], apply: str) -> GroupChart | None:
    """The chart of rows that $apply has grouped; None for other rows and for more groups than a
    chart can show."""
    names, parts = group_names(apply), calendar_names(apply)
    groups = [column for column in columns if column.name in names]
    measure = next((c for c in columns if c.is_numeric and c not in groups), None)
    if measure is None:
        return None
    times = [group for group in groups if group.name in parts]
    times = times or [group for group in groups if group.takes("year")][:1]
    sizes = [_IN_NEXT[parts[time.name]] for time in times if time.name in parts]
    others = [group for group in groups if group not in times]
    if times and len(others) <= 1:
        marks, series = _marks(rows, measure, times, others)
        points = [mark._replace(moment=_moment(mark.label, sizes)) for mark in marks]
        points = sorted((p for p in points if p.moment is not None), key=lambda p: p.moment or 0)
        if len({point.moment for point in points}) >= _LEAST_TIMES:
            return GroupChart(measure.name, list(names), series, points, is_line=True)
    if not 1 <= len(groups) <= 2:
        return None
    marks, series = _marks(rows[:MOST_BARS], measure, groups[:1], groups[1:])
    is_flat = not any(mark.number for mark in marks)
    return None if is_flat else GroupChart(measure.name, list(names), series, marks, is_line=False)


def _marks(
    rows: list[Any], measure: RowColumn, groups: list[RowColumn], split: list[RowColumn]
) -> tuple[list[ChartMark], list[str]]:
    """A mark for each row, and the series that `split` makes of them."""
    series = list(dict.fromkeys(_text(column.value(row)) for row in rows for column in split))
    marks = []
    for row in rows:
        label = "-".join(_text(group.value(row)).zfill(2 if groups[1:] else 0) for group in groups)
        number = series.index(_text(split[0].value(row))) if split else 0
        value = measure.value(row)
        marks.append(ChartMark(label, _text(value), _number(value), number))
    return marks, series


def _moment(label: str, sizes: list[int]) -> int | None:
    """The time that a label says, as a number; None for null."""
    numbers, found = _DIGITS.findall(label), 0
    for number, size in zip(numbers, sizes or _IN_NEXT.values(), strict=False):
        found = found * size + int(number)
    return found if numbers else None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if isfinite(number) else None


def _text(value: Any) -> str:
    """A value as a label; in parentheses what is no text."""
    if isinstance(value, bool):
        return str(value).lower()
    return "(null)" if value is None else str(value) or "(empty)"
