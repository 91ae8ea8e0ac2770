"""What is measured, in the order it is run."""

from __future__ import annotations

from collections.abc import Callable

from tests.bench import depth, files, large_schema, own_types, queries, roles, small, small_pages, whole
from tests.bench.bench import Bench
from tests.bench.figures import Figure

WORKS: dict[str, Callable[[Bench], list[Figure]]] = {
    "P12": small.start,
    "P8": small.compiling,
    "P1": whole.plain,
    "P2": whole.packed,
    "P3": depth.depth,
    "P4": whole.memory,
    "P5": small.entity,
    "P6": small.page,
    "P7": queries.expanded,
    "P9": queries.counted,
    "P10": queries.filtered,
    "P11": small.workers,
    "P13": own_types.own_types,
    "P14": files.files,
    "P15": roles.roles,
    "P16": large_schema.auto_model,
    "P17": small_pages.small_pages,
}
