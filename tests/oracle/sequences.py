"""Sequences of transformations as the oracle has them: each is applied to a plain list of rows, one after the other.

Written from Data Aggregation 4.0, sections 3.2 and 3.3, with nothing of the gateway's way: rows are entities or have values by path, groups
are lists, and what is absent is not there. Only where the standard leaves an order to the service is it the one docs/odata.md gives: entities by
their key, groups by what they are grouped by, and the rows of concat by their sequence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import total_ordering
from random import Random
from typing import Any

from tests.oracle.evaluator import KINDS, NAVIGATION, Row, View

ABSENT = object()
MADE = re.compile(r"x\d+")
"""Names that sequences give."""
REFUSED = ("several types", "a path of rows that were aggregated before")
"""What a generated sequence may ask for that the service says it has not; others need more SELECTs than a statement may have."""
Step = Callable[[View, list["Item"], "Rank"], list["Item"]]
Rank = tuple["Value", ...]


@total_ordering
@dataclass(frozen=True)
class Value:
    """A value in an order: null and absent are less than all others."""

    value: Any
    descending: bool = False

    def __lt__(self, other: Value) -> bool:
        one, two = ((v.value is not None, 0 if v.value is None else v.value) for v in (self, other))
        return two < one if self.descending else one < two


@dataclass(frozen=True)
class Item:
    """A row: an entity or none, and further values by path. `rank` is its place among all rows, behind the `order` it was sorted by."""

    entity: Row | None
    values: dict[str, Any]
    rank: Rank
    order: Rank = ()

    @property
    def place(self) -> Rank:
        return (*self.order, *self.rank)

    def read(self, view: View, path: str) -> Any:
        if path in self.values:
            return self.values[path]
        row, names = self.entity, path.split("/")
        if row is None or (names[0] not in row.values and names[0] not in NAVIGATION[row.type]):
            return ABSENT
        for name in names[:-1]:
            [row] = view.related(row, name) or [None]
            if row is None:
                return None
        return row.values[names[-1]]

    def number(self, view: View, path: str) -> Any:
        value = self.read(view, path)
        return None if value is ABSENT else value

    def shown(self) -> tuple[Any, ...]:
        """What tells it from other rows in an answer."""
        return (None if self.entity is None else self.entity.id, frozenset(self.values.items()))


def flat(row: dict[str, Any], type_: str) -> tuple[Any, ...]:
    """A row of an answer in the same form: all entities have all properties."""
    found: dict[str, Any] = {}
    stack = [("", row)]
    while stack:
        prefix, members = stack.pop()
        for name, value in members.items():
            if "@" in name:
                continue
            if isinstance(value, dict):
                stack.append((f"{prefix}{name}/", value))
            else:
                found[prefix + name] = value
    if all(name in found for name in KINDS[type_]):
        return found["id"], frozenset((name, value) for name, value in found.items() if MADE.fullmatch(name))
    return None, frozenset(found.items())


@dataclass
class Known:
    """What is known of rows while a query is made.

    entities  whether some are entities; `mixed` whether rows have different members
    paths     where they have numbers, and `flags` true or false
    sorted    whether the oracle knows their order
    """

    entities: bool
    paths: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    mixed: bool = False
    sorted: bool = True


@dataclass(frozen=True)
class Made:
    """A sequence: its text, what it does, and what is known of the outcome."""

    text: str
    step: Step
    known: Known


class SequenceMaker:
    """Makes sequences for the entities of one type."""

    def __init__(self, seed: str, type_: str) -> None:
        self.random = Random(seed)
        self.type = type_
        self.names = 0
        own = KINDS[type_]
        self.numbers = [name for name, kind in own.items() if kind == "int"]
        self.flags = [name for name, kind in own.items() if kind == "bool"]
        for name, (target, many) in NAVIGATION[type_].items():
            if not many:
                self.numbers += [f"{name}/{inner}" for inner, kind in KINDS[target].items() if kind == "int" and inner != "id"][:3]

    def start(self) -> Known:
        return Known(True, list(self.numbers), list(self.flags))

    def name(self) -> str:
        self.names += 1
        return f"x{self.names}"

    def sequence(self, known: Known, length: int, depth: int) -> Made:
        made = [self.step(known, depth)]
        while len(made) < length:
            made.append(self.step(made[-1].known, depth))
        return Made("/".join(m.text for m in made), _chained([m.step for m in made]), made[-1].known)

    def step(self, known: Known, depth: int) -> Made:
        plain = [self.filter, self.filter, self.compute, self.identity]
        ranked = [self.orderby, self.page, self.count, self.sum, self.percent] if known.sorted else []
        made = [self.aggregate, self.simple_groupby]
        nested = [self.groupby, self.groupby, self.concat, self.concat, self.rollup] if depth else []
        if not known.paths:
            return self.identity(known, depth) if self.random.random() < 0.5 or not depth else self.aggregate(known, depth)
        return self.random.choice([*plain, *ranked, *ranked, *made, *nested, *nested])(known, depth)

    # --- rows stay what they are

    def identity(self, known: Known, depth: int) -> Made:
        return Made("identity", lambda view, items, rank: items, known)

    def filter(self, known: Known, depth: int) -> Made:
        path = self.random.choice([*known.paths, *known.flags])
        if self.random.random() < 0.25:
            text, holds = f"isdefined({path})", lambda view, item: item.read(view, path) is not ABSENT
        elif self.random.random() < 0.3:
            text, holds = f"{path} ne null", lambda view, item: item.read(view, path) not in (None, ABSENT)
        elif path in known.flags:
            text, holds = f"{path} ne true", lambda view, item: item.read(view, path) is not True
        else:
            least = self.random.choice((0, 1, 2, 3, 5, 30, 200))
            text, holds = f"{path} gt {least}", lambda view, item: (item.number(view, path) or 0) > least
        return Made(f"filter({text})", lambda view, items, rank: [i for i in items if holds(view, i)], known)

    def compute(self, known: Known, depth: int) -> Made:
        path, name, more = self.random.choice(known.paths), self.name(), self.random.choice((1, 7))

        def computed(view: View, item: Item) -> Item:
            found = item.number(view, path)
            return replace(item, values={**item.values, name: None if found is None else found + more})

        def step(view: View, items: list[Item], rank: Rank) -> list[Item]:
            return [computed(view, item) for item in items]

        return Made(f"compute({path} add {more} as {name})", step, replace(known, paths=[*known.paths, name]))

    def orderby(self, known: Known, depth: int) -> Made:
        path, descending = self.random.choice(known.paths), self.random.random() < 0.5
        text = f"orderby({path}{' desc' if descending else ''})"
        return Made(text, lambda view, items, rank: _ordered(view, items, path, descending), known)

    # --- some of the rows

    def page(self, known: Known, depth: int) -> Made:
        name, number = self.random.choice(("top", "skip")), self.random.choice((0, 1, 2, 5, 40))
        cut = slice(number) if name == "top" else slice(number, None)
        return Made(f"{name}({number})", lambda view, items, rank: sorted(items, key=lambda i: i.place)[cut], known)

    def count(self, known: Known, depth: int) -> Made:
        name, number, path = self.random.choice(("top", "bottom")), self.random.choice((1, 2, 5, 40)), self.random.choice(known.paths)
        return Made(f"{name}count({number},{path})", lambda view, items, rank: _ordered(view, items, path, name == "top")[:number], known)

    def sum(self, known: Known, depth: int) -> Made:
        return self._until(known, "sum", self.random.choice((-3, 0, 1, 7, 50, 1000, 20000)), lambda found, whole, limit: found >= limit)

    def percent(self, known: Known, depth: int) -> Made:
        def reached(found: int, whole: int, limit: int) -> bool:
            return whole != 0 and Fraction(found, whole) * 100 >= limit

        return self._until(known, "percent", self.random.choice((1, 10, 33, 50, 99, 100)), reached)

    def _until(self, known: Known, suffix: str, limit: int, reached: Callable[[int, int, int], bool]) -> Made:
        name, path = self.random.choice(("top", "bottom")), self.random.choice(known.paths)

        def step(view: View, items: list[Item], rank: Rank) -> list[Item]:
            whole, found, kept = sum(i.number(view, path) or 0 for i in items), 0, []
            for item in _ordered(view, items, path, name == "top"):
                if reached(found, whole, limit):
                    break
                kept.append(item)
                found += item.number(view, path) or 0
            return kept

        return Made(f"{name}{suffix}({limit},{path})", step, known)

    # --- rows made of rows

    def aggregate(self, known: Known, depth: int) -> Made:
        measures = [(self.name(), *self.measure(known)) for _ in range(self.random.choice((1, 1, 2)))]
        text = ",".join(f"{text} as {name}" for name, text, _ in measures)

        def step(view: View, items: list[Item], rank: Rank) -> list[Item]:
            return [Item(None, {name: value(view, items) for name, _, value in measures}, rank)]

        return Made(f"aggregate({text})", step, Known(False, [name for name, _, _ in measures]))

    def measure(self, known: Known) -> tuple[str, Callable[[View, list[Item]], Any]]:
        if not known.paths or self.random.random() < 0.3:
            text, value = "$count", lambda view, items: len(items)
        else:
            path, method = self.random.choice(known.paths), self.random.choice(("sum", "min", "max", "countdistinct"))
            text, value = f"{path} with {method}", lambda view, items: _aggregated(method, _values(view, items, path))
        if known.mixed or not known.paths or self.random.random() < 0.75:
            return text, value
        by, outer = self.random.choice(known.paths), self.random.choice(("sum", "min", "max", "countdistinct"))

        def whole(view: View, items: list[Item]) -> Any:
            return _aggregated(outer, [value(view, members) for members in _split(view, items, (by,)).values()])

        return f"{text} from {by} with {outer}", whole

    def simple_groupby(self, known: Known, depth: int) -> Made:
        return self._grouped(known, self._groups(known), Made("", lambda view, items, rank: [Item(None, {}, rank)], Known(False)))

    def groupby(self, known: Known, depth: int) -> Made:
        return self._grouped(known, self._groups(known), self.sequence(known, self.random.choice((1, 2, 3)), depth - 1))

    def _groups(self, known: Known) -> tuple[str, ...]:
        paths = [*known.paths, *known.flags]
        return tuple(dict.fromkeys(self.random.choice(paths) for _ in range(self.random.choice((1, 1, 2)))))

    def _grouped(self, known: Known, paths: tuple[str, ...], inner: Made) -> Made:
        def step(view: View, items: list[Item], rank: Rank) -> list[Item]:
            found: list[Item] = []
            for key, members in _split(view, items, paths).items():
                values = {path: value for path, value in zip(paths, key, strict=True) if value is not ABSENT}
                own = (*rank, *(Value(None if value is ABSENT else value) for value in key))
                for item in inner.step(view, members, own):
                    found.append(item if item.entity is not None else replace(item, values={**values, **item.values}))
            return found

        after = inner.known
        numbers, flags = ([p for p in paths if p in own and p not in after.paths + after.flags] for own in (known.paths, known.flags))
        outcome = replace(
            after, paths=[*after.paths, *numbers], flags=[*after.flags, *flags],
            mixed=after.mixed or known.mixed, sorted=after.sorted and known.sorted and not known.mixed,
        )  # fmt: skip
        return Made(f"groupby(({','.join(paths)}){',' + inner.text if inner.text else ''})", step, outcome)

    def rollup(self, known: Known, depth: int) -> Made:
        paths = self._groups(known)
        if len(paths) < 2:
            return self.groupby(known, depth)
        inner = self.sequence(known, 1, depth - 1) if self.random.random() < 0.5 else self.aggregate(known, depth)
        levels = [self._grouped(known, paths[:length], inner) for length in range(len(paths), 0, -1)]
        text = f"groupby((rollup({','.join(paths)})),{inner.text})"
        return Made(text, _concatenated([level.step for level in levels]), replace(levels[0].known, mixed=True))

    def concat(self, known: Known, depth: int) -> Made:
        before = self.names
        one = self.sequence(known, self.random.choice((1, 2)), depth - 1)
        after = self.names
        if self.random.random() < 0.3:
            after, self.names = self.names, before  # the same names in both
        other = self.sequence(known, self.random.choice((1, 2)), depth - 1)
        self.names = max(after, self.names)
        outcome = Known(
            one.known.entities or other.known.entities, list(dict.fromkeys(one.known.paths + other.known.paths)),
            list(dict.fromkeys(one.known.flags + other.known.flags)), True, one.known.sorted and other.known.sorted,
        )  # fmt: skip
        return Made(f"concat({one.text},{other.text})", _concatenated([one.step, other.step]), outcome)


def entities_of(view: View, type_: str) -> list[Item]:
    return [Item(row, {}, (Value(row.id),)) for row in view.rows[type_]]


def _chained(steps: list[Step]) -> Step:
    def step(view: View, items: list[Item], rank: Rank) -> list[Item]:
        for each in steps:
            items = each(view, items, rank)
        return items

    return step


def _concatenated(steps: list[Step]) -> Step:
    def step(view: View, items: list[Item], rank: Rank) -> list[Item]:
        return [
            replace(item, rank=(Value(i), *item.place), order=())
            for i, each in enumerate(steps)
            for item in each(view, items, rank)
        ]  # fmt: skip

    return step


def _ordered(view: View, items: list[Item], path: str, descending: bool) -> list[Item]:
    found = [replace(i, order=(Value(i.number(view, path), descending), *i.order)) for i in items]
    return sorted(found, key=lambda i: i.place)


def _split(view: View, items: Iterable[Item], paths: tuple[str, ...]) -> dict[tuple[Any, ...], list[Item]]:
    found: dict[tuple[Any, ...], list[Item]] = {}
    for item in items:
        found.setdefault(tuple(item.read(view, path) for path in paths), []).append(item)
    return found


def _values(view: View, items: list[Item], path: str) -> list[Any]:
    """What is aggregated: of an entity that a path leads to once, however many rows lead there."""
    *names, last = path.split("/")
    if not names:
        return [item.number(view, path) for item in items]
    reached = [item.entity for item in items if item.entity is not None]
    for name in names:
        reached = list({row.id: row for entity in reached for row in view.related(entity, name)}.values())
    return [row.values[last] for row in reached]


def _aggregated(method: str, values: list[Any]) -> Any:
    known = [v for v in values if v is not None]
    if method == "countdistinct":
        return len(set(known))
    return {"sum": sum, "min": min, "max": max}[method](known) if known else None
