"""Limits on what one request may ask for, and the counters that are held against them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from odata_gateway.errors import LimitDepth, LimitNodes


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one request may ask for; the error of each names its setting."""

    depth: int = 100
    nodes: int = 5_000
    expand_depth: int = 8
    lambda_depth: int = 5
    expands: int = 100
    list_items: int = 10_000


def check_list(items: int, limits: Limits, *, at: int, target: str | None = None) -> None:
    """Refuse a list that has more items than the limit.

    raises  LimitNodes  at its offset, and in `target` where no binding adds the option
    """
    if items > limits.list_items:
        raise LimitNodes(
            f"a list has {items} items; the limit is {limits.list_items}",
            target=target,
            at=at,
            hint="raise ODATA_MAX_LIST_ITEMS to allow more",
        )


@dataclass(slots=True)
class MeasuredSize:
    """The nodes and levels of an expression below its root."""

    nodes: int = 0
    levels: int = 0


@dataclass(slots=True)
class RequestSize:
    """What one request has asked for so far.

    nodes        expressions, those of aliases and computed names once for each use
    depth        the level of the expression that is being bound, and `deepest` the lowest level
                 that was reached
    expanded     expanded navigation properties, and entity sets of $crossjoin
    collections  the any, all and $count around the expression that is being bound
    selects      SELECTs that $apply makes
    """

    limits: Limits
    nodes: int = 0
    depth: int = 0
    deepest: int = 0
    expanded: int = 0
    collections: int = 0
    selects: int = 0

    def level(self, at: int) -> Self:
        """Around one expression: count it, one level below the expression that holds it. An object
        of its own for each level took twice as long (measured), and each expression needs one."""
        self.spend(1, 1, at)
        self.depth += 1
        return self

    def __enter__(self) -> None:
        """The level has begun."""

    def __exit__(self, *error: object) -> None:
        self.depth -= 1

    def spend(self, nodes: int, levels: int, at: int) -> None:
        """Count expressions that reach some levels below the current one."""
        self.nodes += nodes
        depth = self.depth + levels
        if depth > self.deepest:
            self.deepest = depth
        if self.nodes > self.limits.nodes:
            raise LimitNodes(
                f"the request has more than {self.limits.nodes} expressions;"
                " aliases and computed names count once for each use",
                at=at,
                hint="raise ODATA_MAX_NODES to allow more",
            )
        if depth > self.limits.depth:
            raise LimitDepth(
                f"expressions are nested deeper than {self.limits.depth} levels",
                at=at,
                hint="raise ODATA_MAX_DEPTH to allow more",
            )

    @contextmanager
    def measuring(self) -> Iterator[MeasuredSize]:
        """Around the binding of one expression: what it takes, known afterwards."""
        measured, nodes, deepest = MeasuredSize(), self.nodes, self.deepest
        self.deepest = self.depth
        yield measured
        measured.nodes = self.nodes - nodes - 1
        measured.levels = self.deepest - self.depth - 1
        self.deepest = max(deepest, self.deepest)

    @contextmanager
    def within_collection(self, at: int) -> Iterator[None]:
        """Around the condition of an any, all or $count: each level multiplies the rows that
        Postgres looks at."""
        if self.collections >= self.limits.lambda_depth:
            raise LimitDepth(
                f"any, all and $count are nested deeper than {self.limits.lambda_depth} levels",
                at=at,
                hint="raise ODATA_MAX_LAMBDA_DEPTH to allow more",
            )
        self.collections += 1
        try:
            yield
        finally:
            self.collections -= 1

    def expand(self, depth: int, at: int) -> None:
        """Count one expanded navigation property, `depth` levels below the resource; `*` counts
        once for each property that it stands for."""
        self.expanded += 1
        if depth >= self.limits.expand_depth:
            raise LimitDepth(
                f"$expand is nested deeper than {self.limits.expand_depth} levels",
                at=at,
                hint="raise ODATA_MAX_EXPAND_DEPTH to allow more",
            )
        if self.expanded > self.limits.expands:
            raise LimitNodes(
                f"the request expands more than {self.limits.expands} navigation properties",
                at=at,
                hint="raise ODATA_MAX_EXPANDS to allow more",
            )

    def cross(self, at: int) -> None:
        """Count one entity set of $crossjoin, which multiplies the rows. It counts as an expanded
        navigation property, because a row shows it as one."""
        self.expanded += 1
        if self.expanded > self.limits.expands:
            raise LimitNodes(
                f"$crossjoin names more than {self.limits.expands} entity sets",
                at=at,
                hint="raise ODATA_MAX_EXPANDS to allow more",
            )
