"""join and outerjoin as the oracle has them: each entity beside each one of a collection, evaluated in plain Python.

Written from Data Aggregation 4.0, section 3.5.1. What the alias leads to is one entity however often it comes: aggregates over a path from it
consider each once for each group.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from tests.oracle.apply import METHODS, ApplyMaker, aggregated, shown_as
from tests.oracle.evaluator import KINDS, NAVIGATION, Env, Expr, Row, View
from tests.oracle.queries import TEXTS, Place

ALIAS = "m"


@dataclass(frozen=True)
class Join:
    """join(name as m,filter(...)/topcount(n,id)), then rows or groups with aggregates of what m leads to; each part may be missing."""

    type: str
    outer: bool
    name: str
    within: Expr | None
    top: int | None
    after: Expr | None
    groups: tuple[Expr, ...]
    path: tuple[str, ...]
    property: str
    method: str | None

    @property
    def target(self) -> str:
        return NAVIGATION[self.type][self.name][0]

    def options(self) -> list[str]:
        inner = [] if self.within is None else [f"filter({self.within.text})"]
        inner += [] if self.top is None else [f"topcount({self.top},id)"]
        sequence = f",{'/'.join(inner)}" if inner else ""
        steps = [f"{'outerjoin' if self.outer else 'join'}({self.name} as {ALIAS}{sequence})"]
        steps += [] if self.after is None else [f"filter({self.after.text})"]
        if self.method is None:
            return ["$apply=" + "/".join(steps), "$count=true", "$select=id", f"$expand={ALIAS}($select=id)"]
        measures = f"aggregate($count as n,{'/'.join((ALIAS, *self.path, self.property))} with {self.method} as v)"
        steps.append(f"groupby(({','.join(g.text for g in self.groups)}),{measures})" if self.groups else measures)
        return ["$apply=" + "/".join(steps), "$count=true"]


def joined(view: View, query: Join) -> list[Env]:
    """The rows of a join: what they were, and the entity behind the alias, if there is one."""
    found = []
    for row in view.rows[query.type]:
        related = view.related(row, query.name)
        if query.within is not None:
            related = [r for r in related if query.within.value(Env(view, r, row)) is True]
        if query.top is not None:
            related = sorted(related, key=lambda r: -r.id)[: query.top]
        found += [Env(view, row, row, {ALIAS: r}) for r in related]
        found += [Env(view, row, row)] if query.outer and not related else []
    return [env for env in found if query.after is None or query.after.value(env) is True]


def answer(view: View, query: Join) -> Counter[tuple[Any, ...]]:
    """(id, id of the joined entity) of each row, or (group values..., number of rows, aggregate) of each group."""
    rows = joined(view, query)
    if query.method is None:
        return Counter((env.row.id, env.variables[ALIAS].id if ALIAS in env.variables else None) for env in rows)
    groups: dict[tuple[Any, ...], list[Env]] = defaultdict(list)
    for env in rows:
        groups[tuple(g.value(env) for g in query.groups)].append(env)
    if not query.groups:
        groups = {(): rows}
    kind = KINDS[_end(query)][query.property]
    return Counter(
        (*(shown_as(g.kind, v) for g, v in zip(query.groups, key, strict=True)), len(members),
         aggregated(query.method, kind, (r.values[query.property] for r in _reached(view, query, members))))
        for key, members in groups.items()
    )  # fmt: skip


def _end(query: Join) -> str:
    type_ = query.target
    for name in query.path:
        type_ = NAVIGATION[type_][name][0]
    return type_


def _reached(view: View, query: Join, members: list[Env]) -> list[Row]:
    rows = list({r.id: r for env in members if (r := env.variables.get(ALIAS)) is not None}.values())
    for name in query.path:
        rows = list({r.id: r for row in rows for r in view.related(row, name)}.values())
    return rows


class JoinMaker(ApplyMaker):
    """Makes join queries."""

    def join(self, type_: str) -> Join:
        name = self.random.choice([name for name, (_, many) in NAVIGATION[type_].items() if many])
        target = NAVIGATION[type_][name][0]
        self.root = type_
        within = self.condition(self.here(target), 1) if self.chance(0.5) else None
        self.root = None
        alias = Place(target, f"{ALIAS}/", lambda env: env.variables.get(ALIAS))
        after = self.condition((alias,), 1) if self.chance(0.4) else None
        groups = tuple({g.text: g for g in (self._key(alias, type_) for _ in range(self.random.choice((0, 1, 2))))}.values())
        path: tuple[str, ...] = ()
        if self.chance(0.4):
            path = (self.random.choice(list(NAVIGATION[target])),)
            target = NAVIGATION[target][path[0]][0]
        method = self.random.choice((None, *METHODS))
        kinds = ("int",) if method in ("sum", "average") else ("int", "time", "bool", *TEXTS)
        prop = self.random.choice([n for n, k in KINDS[target].items() if k in kinds])
        top = self.random.choice((1, 2)) if self.chance(0.3) else None
        return Join(type_, self.chance(0.5), name, within, top, after, groups, path, prop, method)

    def _key(self, alias: Place, type_: str) -> Expr:
        if self.chance(0.5):
            return self.group(type_)
        return alias.property(self.random.choice([n for n, kind in KINDS[alias.type].items() if kind in ("int", "bool", *TEXTS)]))
