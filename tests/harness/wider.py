"""More of the language than `tests.oracle.queries` makes: parameter aliases, $compute, paths, segments, the current time, and other spellings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from tests.oracle import evaluator as oracle
from tests.oracle.evaluator import AND, KINDS, NAVIGATION, OR, Env, Expr, Query, Row, View
from tests.oracle.queries import Maker, Places, here, target

NOW = 2_500_000_000_000_000  # no row of the sample data lies between the days it is used in and 2049
FIRST, LAST = -210_866_803_200_000_000, 9_224_318_015_999_999_999
_ATOMS = (
    ("a", "a"), ("e", "e"), (" ", " "), (".", "[^\n\r\u2028\u2029]"), (r"\d", "[0-9]"), (r"\w", "[A-Za-z0-9_]"), (r"\W", "[^A-Za-z0-9_]"),
    (r"\s", "[\t\n\v\f\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]"), ("[^aeiou]", "[^aeiou]"), (r"[m-z\d]", "[m-z0-9]"),
    ("ß", "ß"), (r"\.", r"\."), ("(?:^)", "(?:^)"), ("(?:$)", r"(?:\Z)"), (r"(?:\b)", r"(?a:\b)"), (r"\u{1F389}", "🎉"),
)  # fmt: skip
_AROUND_UNBOUNDED = ("{}", "{}", "{}?", "(?={})", "(?!{})")
_AROUND = (*_AROUND_UNBOUNDED, "{}{{1,2}}")
_KEYWORD = re.compile(
    r"'(?:[^']|'')*'|\b(eq|ne|lt|le|gt|ge|and|or|not|add|sub|mul|div|mod|in|desc|any|all|contains|length|tolower)\b(?=[ (])"
)


def _is_unbounded(pattern: str) -> bool:
    return "*" in pattern or "+?" in pattern


@dataclass(frozen=True)
class Asked:
    """A request, and what it must answer: rows of a collection, an object, a text, or None for no content; `missing` for 404."""

    target: str
    wanted: Any
    kind: str = "rows"


class Wider(Maker):
    """A Maker whose constants may be aliases, and whose conditions know more forms."""

    aliases: dict[str, str]
    may_alias = False

    def constant(self, text: str, kind: str, value: Any) -> Expr:
        plain = super().constant(text, kind, value)
        if not self.may_alias or kind not in ("int", "string") or self.chance(0.9):
            return plain
        name = f"p{len(self.aliases)}"
        self.aliases[name] = text
        return replace(plain, text=f"@{name}")

    def condition(self, places: Places, depth: int) -> Expr:
        return self.further(places, depth) if self.chance(0.22) else super().condition(places, depth)

    def further(self, places: Places, depth: int) -> Expr:
        """A condition the plain maker does not know."""
        op = self.random.choice(("lt", "gt", "le", "ge", "eq", "ne"))
        match self.random.randrange(12):
            case 9:
                return self.pattern(places)
            case 0:
                return self.comparison(op, self.name(places, "time"), self.constant("now()", "time", NOW))
            case 1 | 11:
                text, value = self.random.choice((("mindatetime()", FIRST), ("maxdatetime()", LAST)))
                return self.comparison(op, self.name(places, "time"), self.constant(text, "time", value))
            case 2:
                times = self.name(places, "time")
                if times.kind != "time":
                    return self.leaf(places, 1)
                offset = Expr(f"totaloffsetminutes({times.text})", "int",
                              lambda env: None if times.value(env) is None else 0)  # fmt: skip
                return self.comparison(op, offset, self.constant("0", "int", 0))
            case 3 | 4:
                return self.narrowed(places, depth)
            case 5:
                number, type_ = self.name(places, "int"), self.random.choice(("Edm.Int64", "Edm.Decimal", "Edm.Int32"))
                return self.comparison(op, Expr(f"cast({number.text},{type_})", "int", number.value), self.constant("3", "int", 3))
            case 6:
                number = self.name(places, "int")
                text = Expr(f"cast({number.text},Edm.String)", "string", lambda env: None if (v := number.value(env)) is None else str(v))
                back = Expr(
                    f"cast({text.text},Edm.Int32)", "int", lambda env: v if (v := number.value(env)) is not None and v < 2**31 else None
                )
                return self.comparison(op, back, self.constant("5", "int", 5)) if "id" not in number.text else self.leaf(places, 1)
            case 7:
                kind, type_ = self.random.choice((("int", "Edm.String"), ("string", "Edm.Int32"), ("bool", "Edm.Date")))
                plain = self.name(places, kind)
                return Expr(f"isof({plain.text},{type_})", "bool", lambda env: False) if plain.kind == kind else self.leaf(places, 1)
            case 8:
                return self.parts_of_literals(places, op)
        quotient = self.operation("divby", self.name(places, "int"), self.constant("4", "int", 4))
        return self.comparison(op, quotient, self.constant("1.25", "dec", Fraction(5, 4)))

    def pattern(self, places: Places) -> Expr:
        """matchesPattern with a pattern that Python's engine reads alike, once its names of classes are written out."""
        text = self.string(places, 1)
        written, plain = self.regular(3)
        wanted = re.compile(plain)
        return Expr(f"matchesPattern({text.text},'{written}')", "bool",
                    lambda env: None if (v := text.value(env)) is None else wanted.search(v) is not None)  # fmt: skip

    def regular(self, depth: int) -> tuple[str, str]:
        """A regular expression as ECMAScript and as Python has it; with one unbounded repetition at most, of what has one way to match, because
        Python's engine may try every way there is.
        """
        if depth == 0 or self.chance(0.3):
            return self.random.choice(_ATOMS)
        parts = [self.regular(depth - 1) for _ in range(self.random.choice((1, 2, 2, 3)))]
        while sum(_is_unbounded(written) for written, _ in parts) > 1:
            parts.pop()
        join, around = "|" if self.chance(0.3) else "", _AROUND
        if any(_is_unbounded(written) for written, _ in parts):
            around = _AROUND_UNBOUNDED
        elif not join and all(part in _ATOMS for part in parts):
            around = (*_AROUND, "{}*", "{}+?")
        chosen = self.random.choice(around)
        first, second = (chosen.format(f"(?:{join.join(texts)})") for texts in zip(*parts, strict=True))
        return first, second

    def parts_of_literals(self, places: Places, op: str) -> Expr:
        """Parts of dates and of times of day."""
        times = self.name(places, "time")
        if times.kind != "time":
            return self.leaf(places, 1)
        outer, inner = self.random.choice((("year", "date"), ("month", "date"), ("day", "date"), ("hour", "time"), ("minute", "time"),
                                           ("second", "time"), ("fractionalseconds", "time")))  # fmt: skip
        part = Expr(f"{outer}({inner}({times.text}))", "dec", lambda env: oracle.call(outer, times.value(env)))
        number = self.random.choice((0, 1, 12, 20, 2021))
        return self.comparison(op, part, self.constant(str(number), "int", number))

    def narrowed(self, places: Places, depth: int) -> Expr:
        """any, all and the count of a collection narrowed by a $filter segment."""
        place = self.place(places)
        names = place.navigation(collection=True)
        if not names:
            return self.leaf(places, 1)
        name = self.random.choice(names)
        other = NAVIGATION[place.type][name][0]
        inner = self.leaf(here(other), 1)
        text = f"{place.prefix}{name}/$filter({inner.text})"

        def rows(env: Env) -> list[Row]:
            return [row for row in place.related(env, name) if inner.value(env.nested(row)) is True]

        if self.chance(0.4):
            count = Expr(f"{text}/$count", "int", lambda env: len(rows(env)))
            return self.comparison(self.random.choice(("gt", "eq", "lt")), count, self.constant("1", "int", 1))
        return Expr(f"{text}/any()", "bool", lambda env: bool(rows(env)))

    # --- requests ---------------------------------------------------------------------------------------------------------------

    def collection(self, view: View, type_: str, page_rows: int) -> Asked:
        """A collection with every option."""
        self.aliases, self.may_alias = {}, True
        query = self.expanded(type_) if self.chance(0.4) else self.query(type_)
        self.may_alias = False
        query = self.with_compute(self.with_forms(query), type_)
        query = replace(query, aliases=dict(self.aliases))
        return Asked(self.dressed(target(query)), oracle.answer(view, query, page_rows=page_rows))

    def with_compute(self, query: Query, type_: str) -> Query:
        """The query with computed values, by which it may be filtered and ordered."""
        self.root = type_
        if not self.chance(0.4):
            return query
        compute = {
            f"c{n}": self.number(self.here(type_), 2) if n else self.string(self.here(type_), 2) for n in range(self.random.choice((1, 2)))
        }
        compute = {name: expr for name, expr in compute.items() if expr.kind in ("int", "string") and "'" not in expr.text}
        if not compute:
            return query
        name, expr = self.random.choice(list(compute.items()))
        named = Expr(name, expr.kind, expr.value)
        condition = self.comparison("ne", named, self.null())
        both = condition if query.filter is None else self.joined(query.filter, condition)
        select = None if query.select is None else [*query.select, name]
        return replace(query, compute=compute, filter=both, order=[(named, self.chance(0.5)), *query.order], select=select)

    def joined(self, left: Expr, right: Expr) -> Expr:
        text = f"{left.at(OR)} or {right.at(OR)}" if self.chance(0.3) else f"{left.at(AND)} and {right.at(AND)}"
        join = oracle.disjunction if " or " in text[len(left.at(OR)) :][:4] else oracle.conjunction
        return Expr(text, "bool", lambda env: join((left.value(env), right.value(env))), OR if join is oracle.disjunction else AND)

    def with_forms(self, query: Query) -> Query:
        """Some expanded navigation as references or as a count."""
        expand = {}
        for name, nested in query.expand.items():
            many = NAVIGATION[query.type][name][1]
            if self.chance(0.2):
                nested = (
                    Query(nested.type, nested.filter, nested.order, nested.top, nested.skip, form="/$ref")
                    if many
                    else Query(nested.type, form="/$ref")
                )
            elif many and self.chance(0.2):
                nested = Query(nested.type, nested.filter, form="/$count")
            expand[name] = nested
        return replace(query, expand=expand)

    def dressed(self, text: str) -> str:
        """The same request in another spelling: keywords in upper case, options without '$'."""
        if self.chance(0.15) and "%27" not in text and "search" not in text:
            text = text.replace("%20", " ")
            text = _KEYWORD.sub(lambda m: m[0].upper() if m[1] else m[0], text).replace(" ", "%20")
        if self.chance(0.15):
            path, _, options = text.partition("?")
            text = f"{path}?" + "&".join(option.removeprefix("$") for option in options.split("&"))
        return text

    def key(self, type_: str, id_: int) -> str:
        return self.random.choice((f"{type_}({id_})", f"{type_}(id={id_})", f"{type_}/{id_}"))

    def path(self, view: View, type_: str, page_rows: int) -> Asked:
        """An entity by key, and what lies behind it."""
        self.root = None
        row = self.random.choice(self.world.rows[type_])
        if row.id not in {r.id for r in view.rows[type_]}:
            return Asked(self.key(type_, row.id), None, "missing")
        key = self.key(type_, row.id)
        forms: tuple[Callable[[], Asked], ...] = (
            lambda: self.entity(view, type_, row, key), lambda: self.property_of(view, type_, row, key), lambda: self.behind(view, type_, row, key, page_rows),
            lambda: self.behind(view, type_, row, key, page_rows), lambda: self.entity(view, type_, row, f"$entity/LiveAgent.{type_}?$id={type_}({row.id})"),
        )  # fmt: skip
        return self.random.choice(forms)()

    def entity(self, view: View, type_: str, row: Row, key: str) -> Asked:
        query = Query(type_, select=self.selection(type_), expand=self.expands(type_, 1))
        query = replace(query, select=query.select and [*query.select, *query.expand])
        options = target(query).partition("?")[2]
        return Asked(f"{key}{'&' if '?' in key else '?'}{options}", oracle.shown(query, Env(view, row, row), 1000), "entity")

    def property_of(self, view: View, type_: str, row: Row, key: str) -> Asked:
        """A property or its raw value, perhaps behind single-valued navigation."""
        names = [n for n, (_, many) in NAVIGATION[type_].items() if not many]
        if names and self.chance(0.4):
            name = self.random.choice(names)
            related = view.related(row, name)
            if not related:
                return Asked(f"{key}/{name}", None, "empty")
            type_, row, key = NAVIGATION[type_][name][0], related[0], f"{key}/{name}"
        name, kind = self.random.choice([(n, k) for n, k in KINDS[type_].items() if k not in ("secret", "json")])
        value = oracle.time_text(row.values[name]) if kind == "time" else row.values[name]
        raw = self.chance(0.5)
        text = {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
        kind = "empty" if value is None else "text" if raw else "value"
        return Asked(f"{key}/{name}{'/$value' if raw else ''}", text if kind == "text" else value, kind)

    def behind(self, view: View, type_: str, row: Row, key: str, page_rows: int) -> Asked:
        """A related collection, one of its members, its count or its references."""
        names = [n for n, (_, many) in NAVIGATION[type_].items() if many]
        if not names:
            return self.property_of(view, type_, row, key)
        name = self.random.choice(names)
        other, related = NAVIGATION[type_][name][0], view.related(row, name)
        self.root = None
        query = Query(
            other, self.condition(self.here(other), 2), self.order(other), self.random.choice((None, 3)), None, select=self.selection(other),
            search=self.search(other) if self.chance(0.2) else None,
        )  # fmt: skip
        rows = oracle.matching(query, related, lambda r: Env(view, r, r))
        match self.random.randrange(4):
            case 0:
                counted = Query(other, query.filter, search=query.search)
                return Asked(target(counted, f"{key}/{name}/$count"), str(len(rows)), "text")
            case 1 if related:
                member = self.random.choice(related)
                wanted = oracle.shown(Query(other), Env(view, member, member), page_rows)
                return Asked(f"{key}/{name}({member.id})", wanted, "entity")
            case 2:
                return Asked(target(replace(query, select=None), f"{key}/{name}/$ref"), [{} for _ in oracle.window(query, rows)])
        wanted = [oracle.shown(query, Env(view, r, r), page_rows) for r in oracle.window(query, rows)]
        return Asked(target(query, f"{key}/{name}"), wanted)


CONSTRUCTS: dict[str, str] = {
    **{f"operator {op}": rf"%20{op}%20" for op in ("eq", "ne", "lt", "le", "gt", "ge", "and", "or", "add", "sub", "mul", "div", "divby", "mod", "in")},
    "operator not": r"\bnot%20", "operator -": r"[=(,0]-\w",
    **{f"function {name}": rf"\b{name}\(" for name in (
        "concat", "contains", "endswith", "indexof", "length", "startswith", "substring", "tolower", "toupper", "trim", "year", "month", "day", "hour",
        "minute", "second", "fractionalseconds", "date", "time", "totaloffsetminutes", "totalseconds", "now", "mindatetime", "maxdatetime", "round",
        "floor", "ceiling", "cast", "isof", "case")},
    "function matchespattern": r"\bmatchesPattern\(",
    **{f"{name}": rf"/{name}\(" for name in ("any", "all")},
    "navigation path": r"=\w+/\w+%20", "$it": r"\$it/", "null": r"%20null", "count in an expression": r"\w/\$count%20",
    "count with a filter": r"/\$count\(\$filter", "filter segment": r"/\$filter\(", "parameter alias": r"&@p0=", "duration": r"duration'",
    **{f"option {name}": rf"[?&]\${name}=" for name in ("filter", "search", "select", "expand", "orderby", "compute", "top", "skip", "count")},
    **{f"nested {name}": rf"[(;]\${name}=" for name in ("filter", "search", "select", "expand", "orderby", "top", "skip", "count")},
    "option without $": r"[?&]filter=", "keyword in upper case": r"%20AND%20", "desc": "%20desc", "expand $ref": r"\w/\$ref[(,&]?", "expand $count": r"expand=[^&]*\w/\$count",
    "key": r"^\w+\(\d+\)", "named key": r"\(id=", "key as a segment": r"^\w+/\d+", "member of a collection": r"\)/\w+\(\d+\)", "raw value": r"/\$value",
    "count segment": r"^[^?]*/\$count", "references": r"^[^?]*/\$ref", "entity-id": r"^\$entity",
}  # fmt: skip
"""How each supported construct shows in a request, as a regular expression."""
