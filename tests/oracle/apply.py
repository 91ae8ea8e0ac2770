"""$apply as the oracle has it: groupby and aggregate of generated paths and expressions, evaluated in plain Python.

Written from Data Aggregation 4.0: null is a group of its own and is never aggregated; what a path over navigation properties reaches counts
once for each group, however many rows lead there; an expression counts for each row. A group of a navigation property is one of an entity,
which stands for its id here, and which conditions behind the aggregation can ask.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from tests.oracle import evaluator as oracle
from tests.oracle.evaluator import AND, KINDS, NAVIGATION, Env, Expr, Row, View
from tests.oracle.queries import TEXTS, Maker, Place, here

METHODS = ("sum", "average", "min", "max", "countdistinct")


@dataclass(frozen=True)
class Measure:
    """One aggregate expression: its text, and its value in a group."""

    alias: str
    text: str
    value: Callable[[View, list[Row]], Any]


@dataclass(frozen=True)
class Apply:
    """filter(...)/groupby((...),filter(...)/aggregate(...)) with $filter and $count behind it; each part may be missing.

    entities  navigation properties that are grouped by as well; `after` is asked of these
    """

    type: str
    before: Expr | None
    groups: tuple[Expr, ...]
    within: Expr | None
    measures: tuple[Measure, ...]
    more_than: int | None
    entities: tuple[Place, ...] = ()
    after: Expr | None = None

    @property
    def keys(self) -> tuple[Expr, ...]:
        """The values that make a group, by the paths where they stand in the answer."""
        return (*self.groups, *(place.property("id") for place in self.entities))

    @property
    def paths(self) -> list[str]:
        return [g.text for g in self.keys] + [m.alias for m in self.measures]

    def options(self) -> list[str]:
        steps = [] if self.before is None else [f"filter({self.before.text})"]
        inner = f"aggregate({','.join(f'{m.text} as {m.alias}' for m in self.measures)})"
        if self.keys:
            inner = inner if self.within is None else f"filter({self.within.text})/{inner}"
            names = (*(g.text for g in self.groups), *(place.prefix[:-1] for place in self.entities))
            inner = f"groupby(({','.join(names)}),{inner})"
        found = ["$apply=" + "/".join([*steps, inner]), "$count=true"]
        conditions = [] if self.more_than is None else [f"n gt {self.more_than}"]
        conditions += [] if self.after is None else [self.after.at(AND)]
        return [*found, "$filter=" + " and ".join(conditions)] if conditions else found


def answer(view: View, query: Apply, parent: Row | None = None, navigation: str = "") -> Counter[tuple[Any, ...]]:
    """Each row as (group values..., aggregates...), and how often it is there; of all entities, or of those related to `parent`, which $it is."""
    given = view.rows[query.type] if parent is None else view.related(parent, navigation)
    rows = [r for r in given if query.before is None or query.before.value(Env(view, r, parent or r)) is True]
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(g.value(Env(view, row, row)) for g in query.keys)].append(row)
    if not query.keys:
        groups = {(): rows}
    found: Counter[tuple[Any, ...]] = Counter()
    for key, members in groups.items():
        inside = [r for r in members if _holds(query.within, view, r)]
        kept = query.after is None or _holds(query.after, view, members[0])
        if kept and (query.more_than is None or len(inside) > query.more_than):
            shown = (shown_as(g.kind, value) for g, value in zip(query.keys, key, strict=True))
            found[(*shown, *(m.value(view, inside) for m in query.measures))] += 1
    return found


def _holds(condition: Expr | None, view: View, row: Row) -> bool:
    return condition is None or condition.value(Env(view, row, row)) is True


def shown_as(kind: str, value: Any) -> Any:
    """A value as JSON has it; numbers that are not whole to nine digits."""
    if kind == "time":
        return oracle.time_text(value)
    if isinstance(value, Fraction | float):
        return rounded(value)
    return value


def rounded(value: Any) -> Any:
    return value if value is None or isinstance(value, int | str | bool) else float(f"{float(value):.9g}")


def aggregated(method: str, kind: str, values: Iterable[Any]) -> Any:
    known = [v for v in values if v is not None]
    if method == "countdistinct":
        return len(set(known))
    if not known:
        return None
    match method:
        case "sum":
            found = sum(known)
            return found if isinstance(found, int) else rounded(found)
        case "average":
            return rounded(Fraction(sum(known)) / len(known))
    return shown_as(kind, min(known) if method == "min" else max(known))


class ApplyMaker(Maker):
    """Makes $apply queries."""

    def apply(self, type_: str) -> Apply:
        self.root = None
        groups = tuple({g.text: g for g in (self.group(type_) for _ in range(self.random.choice((0, 1, 1, 2, 3))))}.values())
        entities = {p.prefix: p for p in (self.entity(type_) for _ in range(self.random.choice((0, 0, 1, 2)))) if p is not None}
        entities = {k: p for k, p in entities.items() if not any(k.startswith(other) for other in entities if other != k)}
        groups = tuple(g for g in groups if not any(g.text.startswith(prefix) and "/" in g.text[len(prefix) :] for prefix in entities))
        places = tuple(entities.values())
        measures = [Measure("n", "$count", lambda view, rows: len(rows))]
        measures += [self.measure(type_, f"m{i}") for i in range(self.random.choice((0, 1, 2, 3)))]
        return Apply(
            type_,
            self.condition(here(type_), 2) if self.chance(0.4) else None,
            groups,
            self.condition(here(type_), 1) if (groups or places) and self.chance(0.25) else None,
            tuple(measures),
            self.random.choice((0, 1, 5)) if self.chance(0.3) else None,
            places,
            self.condition(places, 1) if places and self.chance(0.5) else None,
        )

    def nested(self, type_: str) -> tuple[str, Apply]:
        """A collection-valued navigation property, and $apply for what it leads to."""
        name = self.random.choice([name for name, (_, many) in NAVIGATION[type_].items() if many])
        query = self.apply(NAVIGATION[type_][name][0])
        self.root = type_
        return name, replace(query, before=self.condition(self.here(query.type), 2) if self.chance(0.5) else None)

    def entity(self, type_: str) -> Place | None:
        """A path of one or two single-valued navigation properties; None where the type has none."""
        place, names = here(type_)[0], here(type_)[0].navigation(collection=False)
        if not names:
            return None
        place = place.step(self.random.choice(names))
        names = place.navigation(collection=False)
        return place.step(self.random.choice(names)) if names and self.chance(0.3) else place

    def group(self, type_: str) -> Expr:
        place = here(type_)[0]
        for _ in range(self.random.choice((0, 0, 1, 2))):
            names = place.navigation(collection=False)
            if not names:
                break
            place = place.step(self.random.choice(names))
        names = [n for n, kind in KINDS[place.type].items() if kind in ("int", "bool", "time", *TEXTS)]
        return place.property(self.random.choice(names))

    def measure(self, type_: str, alias: str) -> Measure:
        if self.chance(0.3):
            number = self.operation("add", self.number(here(type_), 2), self.constant("0", "int", 0))  # a path alone would be no expression
            method = self.random.choice(METHODS)
            return Measure(alias, f"{number.text} with {method}", lambda view, rows: aggregated(
                method, number.kind, (number.value(Env(view, row, row)) for row in rows)))  # fmt: skip
        return self.reached(type_, alias)

    def reached(self, type_: str, alias: str) -> Measure:
        """A method over the property a path ends in, or the number of entities it reaches."""
        names: list[str] = []
        for _ in range(self.random.choice((0, 0, 1, 1, 2))):
            name = self.random.choice(list(NAVIGATION[type_]))
            names.append(name)
            type_ = NAVIGATION[type_][name][0]
        prefix = "".join(f"{name}/" for name in names)

        def entities(view: View, rows: list[Row]) -> list[Row]:
            for name in names:
                rows = list({r.id: r for row in rows for r in view.related(row, name)}.values())
            return rows

        if names and self.chance(0.3):
            return Measure(alias, f"{prefix}$count", lambda view, rows: len(entities(view, rows)))
        method = self.random.choice(METHODS)
        kinds = ("int",) if method in ("sum", "average") else ("int", "time", "bool", *TEXTS)
        name, kind = self.random.choice([(n, k) for n, k in KINDS[type_].items() if k in kinds])
        return Measure(
            alias,
            f"{prefix}{name} with {method}",
            lambda view, rows: aggregated(method, kind, (r.values[name] for r in entities(view, rows))),
        )
