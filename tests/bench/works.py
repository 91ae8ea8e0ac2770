"""What is measured, in the order it is run."""

from __future__ import annotations

from collections.abc import Callable

from tests.bench import small, whole
from tests.bench.bench import Bench
from tests.bench.figures import Figure

WORKS: dict[str, Callable[[Bench], list[Figure]]] = {
    "P12": small.start,
    "P8": small.compiling,
    "P1": whole.plain,
    "P2": whole.packed,
    "P4": whole.memory,
    "P5": small.entity,
    "P6": small.page,
}
