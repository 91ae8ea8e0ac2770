"""What was measured: samples of one figure, one a round, with what they should reach; and the table of all."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """What counts as good: at most `limit`, or at least."""

    limit: float
    at_least: bool = False

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:g}"

    def holds(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    work     P1 to P16 of the performance goals
    who      which server was measured
    what     the quantity with its unit; a ratio is made within each round, from neighbours in time
    samples  one a round
    """

    work: str
    who: str
    what: str
    samples: tuple[float, ...]
    target: Target | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    def line(self) -> str:
        if not self.samples:
            return f"| {self.work} | {self.who} | {self.what} | not measured | | {self.target or ''} | |"
        noise = f"{_short(min(self.samples))} to {_short(max(self.samples))}" if len(self.samples) > 1 else ""
        verdict = "" if self.target is None else "yes" if self.target.holds(self.median) else "**no**"
        target = "" if self.target is None else str(self.target)
        return f"| {self.work} | {self.who} | {self.what} | {_short(self.median)} | {noise} | {target} | {verdict} |"


def ratios(above: Sequence[float], below: Sequence[float]) -> tuple[float, ...]:
    """The ratio of each round."""
    return tuple(a / b if b else float("nan") for a, b in zip(above, below, strict=True))


def table(figures: Iterable[Figure]) -> str:
    """All figures as a Markdown table: the median of the rounds, and the least and the greatest of them as a measure of noise."""
    head = ("| | of | figure | median | rounds | target | reached |", "|---|---|---|---|---|---|---|")
    return "\n".join((*head, *(figure.line() for figure in figures)))


def _short(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
