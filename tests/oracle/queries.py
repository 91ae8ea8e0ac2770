"""Random queries as pairs: the text of a URL, and what it means to the oracle.

A `Maker` is seeded, so a query is known by its number. Literals are taken from the rows themselves, foreign accounts' included, so that conditions
cut somewhere. What has no exact answer is left out: the current time, doubles, the digits of a quotient beyond the comparison it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any
from urllib.parse import quote

from tests.oracle import evaluator as oracle
from tests.oracle.evaluator import ADD, AND, EQUAL, KINDS, MULTIPLY, NAVIGATION, OR, RELATE, UNARY, Env, Expr, Query, Row, World

SYMBOL_LEVELS = {"eq": EQUAL, "ne": EQUAL, "lt": RELATE, "le": RELATE, "gt": RELATE, "ge": RELATE}
TEXTS = ("string", "json", "uuid")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAFE = "'(),:;/$*@-._~="


def encoded(options: list[str]) -> str:
    """Options as the query of a URL."""
    return "&".join(quote(option, safe=_SAFE) for option in options)


def target(query: Query, path: str | None = None) -> str:
    """A query as a request target."""
    return f"{path or query.type}?{encoded(query.options())}"


@dataclass(frozen=True)
class Place:
    """One entity an expression can name: its type, the text before a property of it, and how to find it; None where a path leads nowhere."""

    type: str
    prefix: str
    find: Callable[[Env], Row | None]

    def property(self, name: str) -> Expr:
        def value(env: Env) -> Any:
            row = self.find(env)
            return None if row is None else row.values[name]

        kind = KINDS[self.type][name]
        return Expr(self.prefix + name, "string" if kind in TEXTS else kind, value)

    def step(self, navigation: str) -> Place:
        def find(env: Env) -> Row | None:
            row = self.find(env)
            found = [] if row is None else env.view.related(row, navigation)
            return found[0] if found else None

        return Place(NAVIGATION[self.type][navigation][0], f"{self.prefix}{navigation}/", find)

    def navigation(self, collection: bool) -> list[str]:
        return [name for name, (_, many) in NAVIGATION[self.type].items() if many == collection]

    def related(self, env: Env, navigation: str) -> list[Row]:
        row = self.find(env)
        return [] if row is None else env.view.related(row, navigation)


Places = tuple[Place, ...]


def here(type_: str) -> Places:
    return (Place(type_, "", lambda env: env.row),)


def literal(value: Any, kind: str) -> str:
    match kind:
        case "bool":
            return "true" if value else "false"
        case "string":
            return "'" + value.replace("'", "''") + "'"
        case "dec":
            return f"{Fraction(value).numerator / Fraction(value).denominator:.2f}"
        case "date":
            return (EPOCH + timedelta(days=value)).strftime("%Y-%m-%d")
    return str(value)


LAST_TIME = 9_224_318_015_999_999_999
"""The last microsecond of the year 294276, which is Postgres's last."""


class Maker:
    """Makes expressions and queries over the rows of a world."""

    def __init__(self, seed: str, world: World) -> None:
        self.random = Random(seed)
        self.world = world
        self.root: str | None = None

    def here(self, type_: str) -> Places:
        """The rows an option of a collection can name: its own, and at times $it, which stays the row of the request."""
        own = here(type_)
        if self.chance(0.08):
            own = (*own, *own, *own, self.by_key())
        return own if self.root is None else (*own, *own, *own, Place(self.root, "$it/", lambda env: env.it))

    def by_key(self) -> Place:
        """An entity of the service root, which the caller may see or not."""
        type_ = self.random.choice(tuple(KINDS))
        id_ = self.random.choice(self.world.rows[type_]).id
        key = self.random.choice((f"{id_}", f"id={id_}"))
        return Place(type_, f"$root/{type_}({key})/", lambda env: next(iter(env.view.by(type_, "id", id_)), None))

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    # --- literals -------------------------------------------------------------------------------------------------------------

    def sample(self, place: Place, name: str) -> Any:
        """A value some row has, no null; None where there is none."""
        for _ in range(8):
            value = self.random.choice(self.world.rows[place.type]).values[name]
            if value is not None:
                return value
        return None

    def constant(self, text: str, kind: str, value: Any) -> Expr:
        return Expr(text, kind, lambda _: value)

    def time(self, micros: int) -> Expr:
        """A literal in one of the forms clients write: with an offset, cut digits, and the product's own in quotes."""
        micros = min(micros, LAST_TIME)
        if not -62_135_596_800_000_000 <= micros < 253_402_300_800_000_000:
            return self.constant(oracle.time_text(micros) or "", "time", micros)
        form = self.random.randrange(4)
        if form == 0:
            micros -= micros % 1_000_000
        moment = EPOCH + timedelta(microseconds=micros)
        text = moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
        digits = f".{micros % 1_000_000:06d}" if micros % 1_000_000 else ""
        if form == 1 and moment.year > 1:
            local = moment + timedelta(minutes=90)
            return self.constant(local.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + digits + "+01:30", "time", micros)
        if form == 2:
            return self.constant(f"'{text}{digits}'", "time", micros)
        return self.constant(f"{text}{digits}Z", "time", micros)

    def beside(self, place: Place, name: str) -> Expr | None:
        """A literal that a property may be compared with."""
        value = self.sample(place, name)
        if value is None:
            return None
        kind = KINDS[place.type][name]
        if kind == "time":
            near = value + self.random.choice((0, 0, 0, 1, -1, 3_600_000_000))
            return self.time(near if abs(near) < 9_000_000_000_000_000_000 else value)
        if kind == "int" and self.chance(0.1):
            return self.constant(f"{value}.5", "dec", Fraction(2 * value + 1, 2)) if value >= 0 else None
        return self.constant(literal(value, "string" if kind in TEXTS else kind), "string" if kind in TEXTS else kind, value)

    # --- names ----------------------------------------------------------------------------------------------------------------

    def place(self, places: Places, hops: float = 0.25) -> Place:
        """A row in reach, perhaps behind single-valued navigation."""
        found = self.random.choice(places)
        while self.chance(hops) and (names := found.navigation(collection=False)):
            found = found.step(self.random.choice(names))
        return found

    def property(self, places: Places, *kinds: str) -> tuple[Place, str]:
        """A property of one of the kinds; the implicit row always has one, but for Booleans and the like of other types."""
        for _ in range(20):
            place = self.place(places)
            names = [n for n, kind in KINDS[place.type].items() if kind in kinds]
            if names:
                return place, self.random.choice(names)
        return places[0], "id"

    def name(self, places: Places, *kinds: str) -> Expr:
        place, name = self.property(places, *kinds)
        return place.property(name)

    # --- values ---------------------------------------------------------------------------------------------------------------

    def string(self, places: Places, depth: int) -> Expr:
        plain = self.name(places, *TEXTS)
        if plain.kind != "string":
            return self.constant("'a'", "string", "a")
        if depth <= 0 or self.chance(0.4):
            return plain
        match self.random.randrange(5):
            case 0 | 1:
                return self.call(self.random.choice(("tolower", "toupper", "trim")), "string", self.string(places, depth - 1))
            case 2:
                return self.call("concat", "string", self.string(places, depth - 1), self.string(places, 0))
            case 3:
                number = self.random.randrange(6)
                start = self.name(places, "int") if self.chance(0.3) else self.constant(str(number), "int", number)
                return self.call("substring", "string", self.string(places, depth - 1), start)
        start, length = self.random.randrange(6), self.random.randrange(5)
        arguments = (self.constant(str(n), "int", n) for n in (start, length))
        return self.call("substring", "string", self.string(places, depth - 1), *arguments)

    def call(self, function: str, kind: str, *arguments: Expr) -> Expr:
        text = f"{function}({','.join(a.text for a in arguments)})"
        return Expr(text, kind, lambda env: oracle.call(function, *(a.value(env) for a in arguments)))

    def number(self, places: Places, depth: int) -> Expr:
        """A whole number, or an exact decimal."""
        if depth <= 0 or self.chance(0.3):
            return self.name(places, "int")
        match self.random.randrange(10):
            case 8:
                return self.case(places, depth)
            case 9:
                left, right = self.steady(places), self.steady(places)
                span = Expr(
                    f"{left.text} sub {right.text}", "span", lambda env: oracle.arithmetic("sub", left.value(env), right.value(env)), ADD
                )
                return Expr(
                    f"totalseconds({span.text})", "dec", lambda env: None if (v := span.value(env)) is None else Fraction(v, 1_000_000)
                )
            case 0:
                return self.call("length", "int", self.string(places, depth - 1))
            case 1:
                return self.call("indexof", "int", self.string(places, 0), self.piece(places))
            case 2:
                part = self.random.choice(("year", "month", "day", "hour", "minute", "second", "fractionalseconds"))
                times = self.name(places, "time")
                return self.call(part, "int" if part != "fractionalseconds" else "dec", times) if times.kind == "time" else times
            case 3:
                operand = self.number(places, depth - 1)
                text = f"-{operand.text}" if operand.level == oracle.PRIMARY and operand.text.isidentifier() else f"-({operand.text})"
                return Expr(text, operand.kind, lambda env: None if (v := operand.value(env)) is None else -v, UNARY)
            case 4:
                return self.rounded(places, depth)
            case 5:
                return self.counted(places, depth)
        return self.arithmetic(places, depth)

    def steady(self, places: Places) -> Expr:
        """A time that is never infinite, nor so late that an hour more is none."""
        for _ in range(20):
            place = self.place(places)
            names = [n for n in ("created_at", "updated_at", "last_activity_at", "assignee_last_seen_at") if n in KINDS[place.type]]
            if names:
                return place.property(self.random.choice(names))
        return places[0].property("created_at")

    def case(self, places: Places, depth: int) -> Expr:
        """case(condition:number,...): the first that is true, or null."""
        branches = [(self.condition(places, depth - 2), self.number(places, 0)) for _ in range(self.random.choice((1, 2, 3)))]

        def value(env: Env) -> Any:
            return next((number.value(env) for condition, number in branches if condition.value(env) is True), None)

        return Expr(f"case({','.join(f'{c.text} : {n.text}' for c, n in branches)})", "int", value)

    def rounded(self, places: Places, depth: int) -> Expr:
        divisor = self.random.choice((2, 3, 4, 10))
        operand = self.operation("divby", self.number(places, 0), self.constant(str(divisor), "int", divisor))
        return self.call(self.random.choice(("round", "floor", "ceiling")), "dec", operand)

    def counted(self, places: Places, depth: int) -> Expr:
        """The size of a collection, perhaps narrowed."""
        place = self.place(places)
        names = place.navigation(collection=True)
        if not names:
            return self.name(places, "int")
        name = self.random.choice(names)
        text = f"{place.prefix}{name}/$count"
        if depth < 2 or self.chance(0.5):
            return Expr(text, "int", lambda env: len(place.related(env, name)))
        other = NAVIGATION[place.type][name][0]
        body = self.condition(self.here(other), depth - 2)
        search = self.search(other) if self.chance(0.2) else None
        options = ";".join(Query(other, body, search=search).options())

        def value(env: Env) -> int:
            rows = [row for row in place.related(env, name) if search is None or search.value(env.nested(row))]
            return sum(body.value(env.nested(row)) is True for row in rows)

        return Expr(f"{text}({options})", "int", value)

    def arithmetic(self, places: Places, depth: int) -> Expr:
        op = self.random.choice(("add", "sub", "mul", "div", "mod"))
        left = self.number(places, depth - 1)
        if op in ("div", "mod"):
            number = self.random.choice((2, 3, 7, -2, -5, 10))
            if left.kind != "int" and op == "div":
                op = "mod"
            return self.operation(op, left, self.constant(str(number), "int", number))
        if op == "mul" or self.chance(0.6):
            number = self.random.choice((0, 1, 2, -3, 9))
            return self.operation(op, left, self.constant(str(number), "int", number))
        if self.chance(0.2):
            return self.operation(op, left, self.constant("1.25", "dec", Fraction(5, 4)))
        return self.operation(op, left, self.number(places, 0))

    def operation(self, op: str, left: Expr, right: Expr) -> Expr:
        level = ADD if op in ("add", "sub") else MULTIPLY
        kind = "int" if left.kind == right.kind == "int" and op != "divby" else "dec"
        text = f"{left.at(level)} {op} {right.at(level + 1)}"
        return Expr(text, kind, lambda env: oracle.arithmetic(op, left.value(env), right.value(env)), level)

    # --- conditions -----------------------------------------------------------------------------------------------------------

    def piece(self, places: Places) -> Expr:
        """Something to look for in strings: a part of one that exists, with its wildcards, quotes and emoji."""
        place, name = self.property(places, *TEXTS)
        value = self.sample(place, name)
        if not isinstance(value, str) or self.chance(0.15):
            value = self.random.choice(("", "%", "_", "\\", "'", "a", "E", "ß", "👋", "e\u0301"))
        if len(value) > 4:
            start = self.random.choice((0, len(value) - 3, self.random.randrange(len(value) - 2)))
            value = value[start : start + self.random.randrange(1, 4)]
        return self.constant(literal(value, "string"), "string", value)

    def condition(self, places: Places, depth: int) -> Expr:
        if depth <= 0:
            return self.leaf(places, 1)
        match self.random.randrange(12):
            case 0 | 1:
                return self.logic("and", AND, places, depth)
            case 2 | 3:
                return self.logic("or", OR, places, depth)
            case 4:
                operand = self.condition(places, depth - 1)
                return Expr(f"not {operand.at(UNARY)}", "bool", lambda env: None if (v := operand.value(env)) is None else not v, UNARY)
            case 5 | 6 | 7:
                return self.quantified(places, depth)
            case 8:
                op = self.random.choice(("eq", "ne"))
                other = self.random.choice(
                    (self.constant("true", "bool", True), self.constant("null", "bool", None), self.condition(places, 0))
                )
                return self.comparison(op, self.condition(places, depth - 1), other)
        return self.leaf(places, depth)

    def logic(self, op: str, level: int, places: Places, depth: int) -> Expr:
        parts = [self.condition(places, depth - 1) for _ in range(self.random.choice((2, 2, 2, 3)))]
        text = f" {op} ".join(p.at(level + (i > 0)) for i, p in enumerate(parts))
        join = oracle.conjunction if op == "and" else oracle.disjunction
        return Expr(text, "bool", lambda env: join(p.value(env) for p in parts), level)

    def comparison(self, op: str, left: Expr, right: Expr) -> Expr:
        if self.chance(0.1):
            left, right, op = right, left, {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}.get(op, op)
        level = SYMBOL_LEVELS[op]
        text = f"{left.at(level + 1)} {op} {right.at(level + 1)}"
        return Expr(text, "bool", lambda env: oracle.compare(op, left.value(env), right.value(env)), level)

    def leaf(self, places: Places, depth: int) -> Expr:
        """A condition without conditions in it."""
        op = self.random.choice(tuple(SYMBOL_LEVELS))
        match self.random.randrange(17):
            case 15:
                return self.collection_leaf(places)
            case 16:
                return self.same_leaf(places)
            case 13:
                return self.comparison(op, self.moved(places), self.steady(places))
            case 14:
                number = self.name(places, "int")
                text = Expr(f"cast({number.text},Edm.String)", "string", lambda env: None if (v := number.value(env)) is None else str(v))
                return self.comparison(op, text, self.constant("'2'", "string", "2"))
            case 0 | 1 | 2:
                return self.property_leaf(places, op)
            case 3:
                return self.comparison(op, self.name(places, "int"), self.name(places, "int"))
            case 4:
                number = self.random.choice((0, 1, 2, 5, 17, 2021, -1))
                return self.comparison(op, self.number(places, depth), self.constant(str(number), "int", number))
            case 5 | 6:
                function = self.random.choice(("contains", "startswith", "endswith"))
                second = self.piece(places) if self.chance(0.85) else self.string(places, 0)
                return self.call(function, "bool", self.string(places, depth - 1), second)
            case 7:
                return self.comparison(op, self.string(places, depth), self.piece(places))
            case 8:
                return self.one_of(places)
            case 9:
                return self.entity_leaf(places)
            case 10:
                return self.part_leaf(places, op)
            case 11:
                found = self.name(places, "bool")
                return found if found.kind == "bool" else self.property_leaf(places, op)
        return self.comparison(self.random.choice(("eq", "ne", "ne", "gt")), self.name(places, "int", "time", "bool", *TEXTS), self.null())

    def moved(self, places: Places) -> Expr:
        """A time and a duration, in each of its forms."""
        text, micros = self.random.choice((
            ("duration'PT1H'", 3_600_000_000), ("duration'P2DT3H4M5.000006S'", 183_845_000_006), ("duration'-PT0.5S'", -500_000),
            ("'P1D'", 86_400_000_000),
        ))  # fmt: skip
        op = self.random.choice(("add", "sub"))
        return self.operation(op, self.steady(places), self.constant(text, "span", micros))

    def null(self) -> Expr:
        return self.constant("null", "null", None)

    def property_leaf(self, places: Places, op: str) -> Expr:
        place, name = self.property(places, "int", "time", "time", "bool", *TEXTS)
        other = self.beside(place, name)
        if KINDS[place.type][name] == "bool":
            op = self.random.choice(("eq", "ne"))
        return self.comparison(op, place.property(name), other or self.null())

    def part_leaf(self, places: Places, op: str) -> Expr:
        """The date or the time of day of a time, beside a literal."""
        place, name = self.property(places, "time")
        value = self.sample(place, name) if KINDS[place.type][name] == "time" else None
        if value is None or not 0 <= value < 4_102_444_800_000_000:
            return self.property_leaf(places, op)
        if self.chance(0.5):
            days = value // oracle.DAY
            return self.comparison(op, self.call("date", "date", place.property(name)), self.constant(literal(days, "date"), "date", days))
        micros = value % oracle.DAY
        text = f"{micros // 3_600_000_000:02d}:{micros // 60_000_000 % 60:02d}:{micros // 1_000_000 % 60:02d}.{micros % 1_000_000:06d}"
        return self.comparison(op, self.call("time", "clock", place.property(name)), self.constant(text, "clock", micros))

    def one_of(self, places: Places) -> Expr:
        place, name = self.property(places, "int", *TEXTS)
        kind = "int" if KINDS[place.type][name] == "int" else "string"
        values = [self.sample(place, name) for _ in range(self.random.randrange(1, 6))]
        known = [v for v in values if v is not None]
        if kind == "string":
            known = [v for v in known if len(v) < 60]
        if not known:
            known = [1] if kind == "int" else ["x"]
        texts = [literal(v, kind) for v in known]
        has_null = self.chance(0.2)
        column = place.property(name)

        def value(env: Env) -> bool:
            found = column.value(env)
            return has_null if found is None else found in known

        return Expr(f"{column.text} in ({','.join([*texts, 'null'] if has_null else texts)})", "bool", value, RELATE)

    def entity_leaf(self, places: Places) -> Expr:
        """Whether single-valued navigation leads anywhere."""
        place = self.place(places)
        names = place.navigation(collection=False)
        if not names:
            return self.property_leaf(places, "eq")
        name, op = self.random.choice(names), self.random.choice(("eq", "ne"))
        return Expr(f"{place.prefix}{name} {op} null", "bool", lambda env: bool(place.related(env, name)) == (op == "ne"), EQUAL)

    def items(self, places: Places, least: int, most: int) -> Expr:
        """`[a,b,...]` of whole numbers: properties, constants and nulls."""
        constants = (self.null(), *(self.constant(str(n), "int", n) for n in range(4)))
        items = [
            self.name(places, "int") if self.chance(0.5) else self.random.choice(constants) for _ in range(self.random.randint(least, most))
        ]
        return Expr(f"[{','.join(item.text for item in items)}]", "list", lambda env: [item.value(env) for item in items])

    def collection_leaf(self, places: Places) -> Expr:
        """Collections compared, looked for among others, and asked for what is in them."""
        kind = self.random.randrange(3)
        size = self.random.randrange(1, 4)
        if kind == 0:
            return self.comparison(
                self.random.choice(("eq", "ne")), self.items(places, size, size), self.items(places, size, size + (size > 2))
            )
        if kind == 1:
            one, others = self.items(places, size, size), [self.items(places, size, size) for _ in range(self.random.randrange(4))]
            text = f"{one.text} in [{','.join(other.text for other in others)}]"
            return Expr(text, "bool", lambda env: one.value(env) in [other.value(env) for other in others], RELATE)
        function = self.random.choice(tuple(oracle.OF_COLLECTIONS))
        whole, part = self.items(places, 0, 4), self.items(places, 0, 2)
        asked = Expr(
            f"{function}({whole.text},{part.text})", "bool", lambda env: oracle.OF_COLLECTIONS[function](whole.value(env), part.value(env))
        )
        return asked if function != "indexof" else self.comparison("ge", asked, self.constant("1", "int", 1))

    def same_leaf(self, places: Places) -> Expr:
        """Whether two entities are the same."""
        one = self.place(places, 0.5)
        others = [p for p in (self.place(places, 0.5) for _ in range(8)) if p.type == one.type]
        other = self.random.choice(others or [one])
        if not (one.prefix and other.prefix):
            return self.property_leaf(places, "eq")
        op = self.random.choice(("eq", "ne"))
        return self.comparison(
            op, *(Expr(p.prefix[:-1], "entity", lambda env, p=p: None if (row := p.find(env)) is None else row.id) for p in (one, other))
        )

    def quantified(self, places: Places, depth: int) -> Expr:
        """any or all over a collection; the body may name the rows around it."""
        place = self.place(places)
        names = place.navigation(collection=True)
        if not names:
            return self.condition(places, depth - 1)
        name = self.random.choice(names)
        if self.chance(0.15):
            return Expr(f"{place.prefix}{name}/any()", "bool", lambda env: bool(place.related(env, name)))
        variable = f"v{len(places)}"
        own = Place(NAVIGATION[place.type][name][0], f"{variable}/", lambda env: env.variables[variable])
        body = self.condition((*places, own, own), min(depth - 1, 2))
        quantifier = self.random.choice(("any", "any", "all"))

        def value(env: Env) -> bool:
            found = (body.value(env.binding(variable, row)) is True for row in place.related(env, name))
            return any(found) if quantifier == "any" else all(found)

        return Expr(f"{place.prefix}{name}/{quantifier}({variable}:{body.text})", "bool", value)

    # --- queries --------------------------------------------------------------------------------------------------------------

    def order(self, type_: str) -> list[tuple[Expr, bool]]:
        """Items of $orderby: properties, also behind navigation, and values that are computed."""
        places = self.here(type_)
        found = []
        for _ in range(self.random.choice((1, 1, 2, 3))):
            match self.random.randrange(8):
                case 0:
                    item = self.number(places, 1)
                case 1:
                    item = self.string(places, 1)
                case 2:
                    item = self.counted(places, 1)
                case _:
                    item = self.name(places, "int", "time", "bool", *TEXTS)
            found.append((item, self.chance(0.4)))
        return [item for item in found if "'" not in item[0].text or item[0].kind != "string" or "(" in item[0].text]

    def query(self, type_: str, depth: int = 3, *, nested: bool = False) -> Query:
        """A collection with every option but $expand; in nested options $it is the row of the request."""
        self.root = self.root if nested else type_
        condition = self.condition(self.here(type_), depth) if self.chance(0.85) else None
        order = self.order(type_) if self.chance(0.5) else []
        top = self.random.choice((None, None, None, 0, 1, 5, 40, 1500))
        skip = self.random.choice((None, None, None, None, 0, 1, 7, 300))
        search = self.search(type_) if self.chance(0.15) else None
        return Query(type_, condition, order, top, skip, self.chance(0.3), self.selection(type_), search=search)

    # --- $search ----------------------------------------------------------------------------------------------------------------

    def search(self, type_: str, depth: int = 2) -> Expr:
        """Words, phrases, AND, OR, NOT; its value is whether the row has what is looked for."""
        if depth == 0 or self.chance(0.4):
            return self.sought(type_)
        if self.chance(0.25):
            operand = self.search(type_, depth - 1)
            return Expr(f"NOT {operand.at(UNARY)}", "search", lambda env: not operand.value(env), UNARY)
        op, level, join = self.random.choice(((" AND ", AND, all), (" ", AND, all), (" OR ", OR, any)))
        parts = [self.search(type_, depth - 1) for _ in range(self.random.choice((2, 2, 3)))]
        return Expr(op.join(p.at(level) for p in parts), "search", lambda env: join(p.value(env) for p in parts), level)

    def sought(self, type_: str) -> Expr:
        """A word where a part of some text is one, and else a phrase; in some case."""
        text = self.random.choice(("a", "E", "%", "_", "ß", "E\u0301", "not", "OR x", "\\", "O'"))
        found = self.sample(here(type_)[0], self.random.choice(oracle.SEARCHED[type_]))
        if isinstance(found, str) and self.chance(0.9):
            start = self.random.randrange(max(1, len(found) - 2))
            text = found[start : start + self.random.randrange(1, 6)].replace('"', "")
        text = self.random.choice((str, oracle.upper, oracle.lower))(text) or "e"
        is_word = re.fullmatch(r"""[^\s()";'][^\s()";]*""", text) is not None and text not in ("AND", "OR", "NOT")
        written = text if is_word and self.chance(0.8) else f'"{text}"'
        return Expr(written, "search", lambda env: oracle.has_text(env.row, text))

    def selection(self, type_: str) -> list[str] | None:
        if self.chance(0.3):
            return None
        names = [n for n in KINDS[type_] if n != "id"]
        return ["id", *self.random.sample(names, self.random.randrange(0, 4))]

    def expanded(self, type_: str, levels: int = 2) -> Query:
        """A collection with nested $expand; small at every level."""
        query = replace(self.query(type_, 2), top=self.random.choice((1, 3, 12)), skip=self.random.choice((None, 0, 2)))
        return replace(query, expand=self.expands(type_, levels))

    def expands(self, type_: str, levels: int) -> dict[str, Query]:
        if levels == 0:
            return {}
        names = list(NAVIGATION[type_])
        return {
            n: self.nested(*NAVIGATION[type_][n], levels)
            for n in self.random.sample(names, self.random.randrange(1, min(3, len(names)) + 1))
        }

    def nested(self, type_: str, collection: bool, levels: int) -> Query:
        expand = self.expands(type_, levels - 1) if self.chance(0.5) else {}
        if not collection:
            return Query(type_, select=self.selection(type_), expand=expand)
        query = self.query(type_, 2, nested=True)
        return replace(query, top=self.random.choice((0, 1, 3, 9)), skip=self.random.choice((None, None, 0, 1, 4)), expand=expand)
