"""Generated cross joins, and the rows they must have: the product of what the caller sees, in plain Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

from tests.oracle import evaluator as oracle
from tests.oracle.evaluator import Env, Expr, Query, Row, View, World
from tests.oracle.queries import Maker, Place, Places, encoded

MOST_ROWS = 4_000
"""Of a product, which the oracle goes through in Python."""
_OWN = "*"


@dataclass(frozen=True)
class Crossjoin:
    """A cross join: its sets in order, the options of those that are expanded, and the options of the rows."""

    sets: tuple[str, ...]
    filter: Expr | None = None
    search: Expr | None = None
    order: tuple[tuple[Expr, bool], ...] = ()
    top: int | None = None
    skip: int | None = None
    compute: Mapping[str, Expr] = field(default_factory=dict)
    expand: Mapping[str, Query] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"$crossjoin({','.join(self.sets)})"

    @property
    def target(self) -> str:
        whole = Query("", self.filter, self.order, self.top, self.skip, True, None, self.expand, self.compute, search=self.search)
        return f"{self.path}?{encoded(whole.options())}"

    def environments(self, view: View) -> list[Env]:
        """The rows that match, in order, whatever the page."""
        found = [e for e in self._all(view) if all(c.value(e) is True for c in (self.filter, self.search) if c is not None)]
        for expr, descending in reversed(self.order):
            keyed = [(expr.value(env), env) for env in found]
            keyed.sort(key=lambda pair: (pair[0] is not None, 0 if pair[0] is None else pair[0]), reverse=descending)
            found = [env for _, env in keyed]
        return found

    def _all(self, view: View) -> Iterator[Env]:
        """Every combination in the order of the keys, the first set's first."""
        for rows in product(*(sorted(view.rows[name], key=lambda r: r.id) for name in self.sets)):
            yield Env(view, rows[0], rows[0], dict(zip(self.sets, rows, strict=True)))

    def shown(self, env: Env, page_rows: int) -> dict[str, Any]:
        """A row as it must look: entities where they are expanded, links where not, and what was computed."""
        found: dict[str, Any] = {name: expr.value(env) for name, expr in self.compute.items()}
        for name in self.sets:
            row, nested = env.variables[name], self.expand.get(name)
            if nested is None:
                found[f"{name}@odata.navigationLink"] = f"{name}({row.id})"
            else:
                found[name] = oracle.shown(nested, Env(env.view, row, row), page_rows)
        return found

    def answer(self, view: View, page_rows: int) -> list[dict[str, Any]]:
        rows = self.environments(view)[self.skip or 0 :]
        return [self.shown(env, page_rows) for env in (rows if self.top is None else rows[: self.top])]


class CrossMaker(Maker):
    """Makes cross joins over the rows that a caller sees."""

    def sets(self, view: View | World) -> tuple[str, ...]:
        """One to three sets whose product is small enough, in any order."""
        while True:
            names = tuple(self.random.sample(tuple(oracle.KINDS), self.random.choice((1, 2, 2, 2, 3))))
            if prod(len(view.rows[name]) for name in names) <= MOST_ROWS:
                self.own = tuple(self._place(name) for name in names)
                return names

    def _place(self, name: str) -> Place:
        return Place(name, self.random.choice(("", "", "$it/")) + f"{name}/", lambda env: env.variables[name])

    def here(self, type_: str) -> Places:
        return self.own if type_ == _OWN else super().here(type_)

    def sought(self, type_: str) -> Expr:
        """A word is in a row that has it in one of its entities."""
        if type_ != _OWN:
            return super().sought(type_)
        found = super().sought(self.random.choice(self.own).type)

        def value(env: Env) -> bool:
            rows: tuple[Row, ...] = tuple(env.variables[place.type] for place in self.own)
            return any(found.value(Env(env.view, row, row)) for row in rows)

        return Expr(found.text, "search", value)

    def crossjoin(self, view: View | World) -> Crossjoin:
        sets = self.sets(view)
        condition = self.tied() if self.chance(0.4) else self.condition(self.own, 2) if self.chance(0.8) else None
        return Crossjoin(
            sets, condition, self.search(_OWN) if self.chance(0.15) else None, tuple(self.order(_OWN)) if self.chance(0.5) else (),
            self.random.choice((None, None, 0, 3, 40)), self.random.choice((None, None, None, 0, 2, 50)),
            {"made": self.made()} if self.chance(0.2) else {},
            {name: self.nested(name, False, 2) for name in sets if self.chance(0.4)},
        )  # fmt: skip

    def made(self) -> Expr:
        """A number made of two entities of a row, or of one."""
        left, right = (self.random.choice(self.own).property("id") for _ in range(2))
        return Expr(f"{left.text} sub {right.text}", "int", lambda env: left.value(env) - right.value(env), oracle.ADD)

    def tied(self) -> Expr:
        """A condition that compares the entities in a row with each other."""
        left, right = self.random.choice(self.own), self.random.choice(self.own)
        names = self.random.choice(
            (("id", "id"), ("account_id", "account_id"), ("inbox_id", "id"), ("assignee_id", "id"), ("sender_id", "id"))
        )
        one = left.property(names[0] if names[0] in oracle.KINDS[left.type] else "id")
        other = right.property(names[1] if names[1] in oracle.KINDS[right.type] else "id")
        return self.comparison(self.random.choice(("eq", "eq", "lt", "ne")), one, other)
