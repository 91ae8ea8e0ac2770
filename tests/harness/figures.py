"""How much of each promise is tried, and what came out.

A trust test asks `amount(suite, nightly)` for its size and tells `record` what it measured. ODATA_TEST_NIGHTLY=1 makes every amount the nightly
one (0.1: a tenth of it, but never less than the suite's); ODATA_TEST_FIGURES names a folder that keeps the figures, one JSON line each, one file a
process. `python -m tests.harness.figures FOLDER` prints them as a table: `.ci/nightly` does all of this.

    record("T1", "requests", 500, how="sum", at_least=amount(20_000, 1_000_000))
    record("T1", "slowest request", 0.21, "s", how="max", at_most=1)
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

_FOLDER, _NIGHTLY = "ODATA_TEST_FIGURES", "ODATA_TEST_NIGHTLY"
_JOINS: dict[str, Callable[[list[float]], float]] = {"sum": sum, "max": max, "min": min, "mean": lambda values: sum(values) / len(values)}


def nightly() -> float:
    """The share of the nightly amounts that this run tries; 0 in the suite."""
    return float(os.environ.get(_NIGHTLY) or 0)


def amount(suite: int, nightly_amount: int) -> int:
    """How many to try in this run."""
    return max(suite, round(nightly_amount * nightly()))


@dataclass(frozen=True)
class Figure:
    """One measurement of a promise. Those of the same row and name are joined by `how`: sum, max, min or mean."""

    row: str
    name: str
    value: float
    unit: str = ""
    how: str = "max"
    at_most: float | None = None
    at_least: float | None = None

    @property
    def wanted(self) -> str:
        bounds = [f"{sign} {_text(bound)}" for sign, bound in (("<=", self.at_most), (">=", self.at_least)) if bound is not None]
        return " ".join([*bounds, self.unit]).strip() if bounds else ""

    @property
    def holds(self) -> bool:
        return (self.at_most is None or self.value <= self.at_most) and (self.at_least is None or self.value >= self.at_least)


def record(
    row: str, name: str, value: float, unit: str = "", *, how: str = "max", at_most: float | None = None, at_least: float | None = None
) -> None:
    """Keep a figure, where a folder for them is named. It asserts nothing: the test does."""
    figure = Figure(row, name, value, unit, how, at_most, at_least)
    assert how in _JOINS, how
    folder = os.environ.get(_FOLDER)
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with (Path(folder) / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(figure)) + "\n")


def read(folder: Path) -> list[Figure]:
    """The figures of a run, joined, by row."""
    found: dict[tuple[str, str], list[Figure]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            figure = Figure(**json.loads(line))
            found.setdefault((figure.row, figure.name), []).append(figure)
    joined = [_joined(figures) for figures in found.values()]
    return sorted(joined, key=lambda figure: (int(figure.row.strip("T") or 0), figure.name))


def _joined(figures: list[Figure]) -> Figure:
    last = figures[-1]
    value = _JOINS[last.how]([figure.value for figure in figures])
    return Figure(last.row, last.name, value, last.unit, last.how, last.at_most, last.at_least)


def _text(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"


def table(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table."""
    lines = ["| promise | figure | measured | wanted | holds |", "|---|---|---|---|---|"]
    for figure in figures:
        holds = "" if not figure.wanted else "yes" if figure.holds else "**no**"
        lines.append(f"| {figure.row} | {figure.name} | {f'{_text(figure.value)} {figure.unit}'.strip()} | {figure.wanted} | {holds} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(read(Path(sys.argv[1]))))
