"""Hostile queries to the database of tests/data/supabase.sql: random requests that look for the rows of tenant 9 in every way there is."""

from __future__ import annotations

from random import Random
from typing import Final

from tests.harness.supabase import EVE

SETS: Final = {
    "tenants": (("id", "number"), ("name", "text")),
    "profiles": (("id", "guid"), ("tenant_id", "number"), ("username", "text"), ("email", "text")),
    "todos": (("id", "number"), ("user_id", "guid"), ("tenant_id", "number"), ("title", "text"), ("effort", "number")),
    "notes": (("id", "number"), ("tenant_id", "number"), ("todo_id", "number"), ("body", "text")),
    "news": (("id", "number"), ("title", "text")),
    "salaries": (("profile_id", "guid"), ("amount", "number")),
}
_ONE: Final = {
    "tenants": {},
    "profiles": {"tenant": "tenants", "salary": "salaries"},
    "todos": {"owner": "profiles", "tenant": "tenants"},
    "notes": {"todo": "todos"},
    "news": {},
    "salaries": {},
}
_MANY: Final = {
    "tenants": {"todos": "todos", "profiles": "profiles"},
    "profiles": {"todos": "todos"},
    "todos": {"notes": "notes"},
    "notes": {},
    "news": {},
    "salaries": {},
}
_VALUES: Final = {
    "number": ("9", "7", "2", "5", "9000", "-1", "null", "9007199254740993", "2.5"),
    "text": ("'foreign'", "'foreign 2'", "'foreign Ltd'", "'x'' OR true --'", "''", "null", "'eve@foreign.example'"),
    "guid": (EVE, "11111111-1111-4111-8111-111111111111", "null"),
}
_KEYS: Final = {"guid": (EVE, "99999999-9999-4999-8999-999999999998"), "number": ("2", "5", "9", "8", "4", "1")}


class Intruder:
    """Makes requests; the same seed makes the same ones."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)

    def query(self) -> str:
        chosen = self._random.choice(("todos", "notes", "profiles", "tenants", "todos", "notes", "news", "salaries"))
        path, reached = chosen, chosen
        if self._random.random() < 0.3:
            kind = SETS[chosen][0][1]
            path += f"({self._random.choice(_KEYS[kind])})"
            step = self._step(chosen)
            if step is None or self._random.random() < 0.4:
                return path + self._random.choice(("", f"/{self._member(chosen)[0]}", f"?$expand={self._expand(chosen, 2)}", "/$ref"))
            path, reached = f"{path}/{step[0]}", step[1]
            if not step[2]:
                return path + self._random.choice(("", f"/{self._member(reached)[0]}"))
        if self._random.random() < 0.15:
            return f"{path}/$count?$filter={self._condition(reached, 2)}"
        makers = {
            "$filter": lambda: self._condition(reached, 3),
            "$orderby": lambda: ",".join(self._operand(reached, 2)[0] + self._random.choice(("", " desc")) for _ in range(2)),
            "$expand": lambda: self._expand(reached, 2),
            "$search": lambda: self._random.choice(("foreign", "own OR foreign", "NOT own")),
            "$apply": lambda: self._apply(reached),
            "$compute": lambda: f"{self._operand(reached, 2)[0]} as found",
            "$select": lambda: self._member(reached)[0],
            "$count": lambda: "true",
            "$top": lambda: str(self._random.randrange(100)),
            "$skip": lambda: str(self._random.randrange(40)),
        }
        names = self._random.sample(list(makers), self._random.randint(1, 3))
        if "$apply" in names:
            names = ["$apply"]
        return f"{path}?" + "&".join(f"{name}={makers[name]()}" for name in names)

    def _member(self, chosen: str) -> tuple[str, str]:
        return self._random.choice(SETS[chosen])

    def _step(self, chosen: str) -> tuple[str, str, bool] | None:
        """A navigation property, where it leads, and whether to many."""
        ways = [(name, to, False) for name, to in _ONE[chosen].items()] + [(name, to, True) for name, to in _MANY[chosen].items()]
        return self._random.choice(ways) if ways else None

    def _operand(self, chosen: str, depth: int) -> tuple[str, str]:
        """An expression and its kind."""
        many = list(_MANY[chosen])
        if many and self._random.random() < 0.2:
            return f"{self._random.choice(many)}/$count", "number"
        one = list(_ONE[chosen].items())
        if one and depth and self._random.random() < 0.4:
            name, to = self._random.choice(one)
            text, kind = self._operand(to, depth - 1)
            return f"{name}/{text}", kind
        return self._member(chosen)

    def _condition(self, chosen: str, depth: int) -> str:
        draw = self._random.random()
        if depth and draw < 0.25:
            joined = self._random.choice((" and ", " or "))
            return f"({self._condition(chosen, depth - 1)}{joined}{self._condition(chosen, depth - 1)})"
        if depth and draw < 0.35:
            return f"not {self._condition(chosen, depth - 1)}"
        if depth and draw < 0.5 and _MANY[chosen]:
            name, to = self._random.choice(list(_MANY[chosen].items()))
            inner = self._condition(to, 0)
            member = inner.split("(")[-1] if inner.startswith(("contains", "startswith")) else inner
            called = inner.replace(member, f"v/{member}", 1)
            return f"{name}/{self._random.choice(('any', 'all'))}(v:{called})"
        if draw < 0.55:
            return self._random.choice(("true", "1 eq 1", f"$root/todos({self._random.choice(_KEYS['number'])})/title ne null"))
        text, kind = self._operand(chosen, 1)
        if kind == "text" and self._random.random() < 0.4:
            return f"{self._random.choice(('contains', 'startswith'))}({text},'foreign')"
        return f"{text} {self._random.choice(('eq', 'ne', 'lt', 'ge'))} {self._random.choice(_VALUES[kind])}"

    def _expand(self, chosen: str, depth: int) -> str:
        step = self._step(chosen)
        if step is None:
            return "*"
        name, to, many = step
        options = []
        if many and self._random.random() < 0.5:
            options.append(f"$filter={self._condition(to, 1)}")
        if depth and self._random.random() < 0.5:
            options.append(f"$expand={self._expand(to, depth - 1)}")
        return f"{name}({';'.join(options)})" if options else name

    def _apply(self, chosen: str) -> str:
        text, kind = self._operand(chosen, 1)
        if "$count" in text:
            text, kind = self._member(chosen)
        how = self._random.choice(("max", "min", "countdistinct") if kind != "guid" else ("countdistinct",))
        measure = f"aggregate({text} with {how} as found)"
        return self._random.choice(
            (measure, f"groupby(({text}))", f"groupby(({text}),aggregate($count as n))", f"filter({self._condition(chosen, 1)})/{measure}")
        )
