"""The measured figures as a section of docs/performance.md: when, on what, and how much the rounds differed."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import asyncpg
from tests.bench.figures import Figure, table

BEGIN, END = "<!-- measured by tests.bench -->", "<!-- end of what tests.bench measured -->"
_MARKED = re.compile(f"{BEGIN}.*{END}", re.DOTALL)
_PACKAGES = ("aiohttp", "asyncpg", "orjson", "uvloop")


def machine() -> str:
    """The processor and how many there are."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


def section(figures: Sequence[Figure], *, rows: int, rounds: int, postgres: str, left_out: Sequence[str]) -> str:
    """What one run measured, with its conditions."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    conditions = (
        f"{datetime.now(UTC):%Y-%m-%d}, {machine()}; Python {platform.python_version()}, Postgres {postgres}, {packages}; "
        f"{rows:,} messages, medians of {rounds} rounds, with the least and the greatest of them as a measure of noise. "
        f"{os.getloadavg()[2]:.1f} programs wanted a processor on average in the quarter of an hour before the end."
    )
    return "\n\n".join([conditions, table(figures), *(f"Left out: {text}." for text in left_out)])


async def server_version(dsn: str) -> str:
    """The version of the Postgres that was measured."""
    connection = await asyncpg.connect(dsn)
    try:
        found: str = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    return found.split()[0]


class MarkedDocument:
    """A document with a section that a run writes.

    raises  SystemExit where it has no marks: before anything is measured
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not _MARKED.search(path.read_text(encoding="utf-8")):
            raise SystemExit(f"{path} has no '{BEGIN}' and '{END}'")

    def write(self, text: str) -> None:
        """Put a section between the marks."""
        document = self._path.read_text(encoding="utf-8")
        made = _MARKED.sub(lambda _: f"{BEGIN}\n\n{text}\n\n{END}", document)
        self._path.write_text(made, encoding="utf-8")
