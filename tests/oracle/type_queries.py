"""Random queries over the tables of `type_tables`, as pairs: the text of a URL, and what it means to `type_values`.

A maker is seeded, so a query is known by its number. Every type takes part in every operator and function that has a meaning for it. What has no
exact answer is left out: the last digits of quotients beside which nothing is compared, and functions of texts with an order of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import inf, isfinite, isinf, isnan, trunc
from random import Random
from typing import Any
from urllib.parse import quote

from tests.oracle import type_values as values
from tests.oracle.evaluator import (
    ADD,
    AND,
    DAY,
    EQUAL,
    FUNCTIONS,
    MULTIPLY,
    OR,
    PRIMARY,
    RELATE,
    UNARY,
    conjunction,
    disjunction,
    time_text,
)
from tests.oracle.type_tables import Table
from tests.oracle.type_values import LAST_MICROS, LITERALS, NUMBERS

Row = dict[str, Any]
Value = Callable[[Row], Any]
LEVELS = {"eq": EQUAL, "ne": EQUAL, "lt": RELATE, "le": RELATE, "gt": RELATE, "ge": RELATE}
ALIKE = ("eq", "ne")
INT64 = 2**63 - 1


@dataclass(frozen=True)
class Term:
    """An expression: its text, the kind of its value, how tightly its outermost operator binds, and its value."""

    text: str
    kind: str
    value: Value
    level: int = PRIMARY
    ordered: bool = True

    def at(self, level: int) -> str:
        return self.text if self.level >= level else f"({self.text})"


@dataclass(frozen=True)
class Asked:
    """A query of a table: what each row must be, in which order, and what is shown of it."""

    table: Table
    filter: Term | None = None
    order: Sequence[tuple[Term, bool]] = ()
    compute: dict[str, Term] = field(default_factory=dict)
    select: tuple[str, ...] = ()
    top: int | None = None
    skip: int | None = None

    @property
    def target(self) -> str:
        options = []
        if self.compute:
            options.append("$compute=" + ",".join(f"{term.text} as {name}" for name, term in self.compute.items()))
        if self.filter is not None:
            options.append(f"$filter={self.filter.text}")
        if self.order:
            options.append("$orderby=" + ",".join(term.text + (" desc" if down else "") for term, down in self.order))
        options += [f"${name}={n}" for name, n in (("top", self.top), ("skip", self.skip)) if n is not None]
        if self.select:
            options.append("$select=" + ",".join((*self.select, *self.compute)))
        return f"{self.table.name}?{encoded(options)}"

    def answer(self) -> list[Row]:
        """The rows, with what is computed among their values."""
        rows = [row for row in self.table.rows if self.filter is None or self.filter.value(row) is True]
        rows.sort(key=lambda row: [values.key(row[name]) for name in self.table.key])
        for term, down in reversed(self.order):
            rows.sort(key=lambda row: values.key(term.value(row)), reverse=down)
        start = self.skip or 0
        rows = rows[start:] if self.top is None else rows[start : start + self.top]
        return [row | {name: term.value(row) for name, term in self.compute.items()} for row in rows]

    def kind(self, name: str) -> str:
        return self.compute[name].kind if name in self.compute else self.table.kind(name)


def encoded(options: Sequence[str]) -> str:
    return "&".join(quote(option, safe="'(),:;/$*@-._~=") for option in options)


def key_path(table: Table, row: Row) -> str:
    """The path of a row by its key."""
    parts = [LITERALS[table.kind(name)](row[name]) for name in table.key]
    text = parts[0] if len(parts) == 1 else ",".join(f"{name}={part}" for name, part in zip(table.key, parts, strict=True))
    return f"{table.name}({quote(text, safe=chr(39) + ',=:()')})"


SOME: dict[str, Any] = {
    "int": 1, "dec": Fraction(1, 2), "dbl": 1.5, "sgl": 0.5, "str": "a", "bool": True, "guid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
}  # fmt: skip
"""What stands where a table has no property of a kind; 0 for others."""
WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
EXACT = re.compile(r"[+-]?[0-9]{1,200}(\.[0-9]{1,200})?([eE][+-]?[0-9]{1,2})?")
RANGES = {"Edm.Int16": 2**15, "Edm.Int32": 2**31, "Edm.Int64": 2**63}


def whole(value: Any, type_: str) -> int | None:
    """cast() to a whole number: without the fraction; null where it is out of range, or no number."""
    if value is None or (isinstance(value, float) and not isfinite(value)):
        return None
    if isinstance(value, str):
        if not WHOLE.fullmatch(value):
            return None
        found = int(value)
    else:
        found = trunc(value)
    return found if -RANGES[type_] <= found < RANGES[type_] else None


class TypeMaker:
    """Makes terms and queries over one table. `peak` is the largest whole number that arithmetic made."""

    def __init__(self, seed: str, table: Table) -> None:
        self.random = Random(seed)
        self.table = table
        self.peak = 0
        self.places: list[tuple[str, Value]] = [("", lambda row: row)]
        if self.linked:
            self.places = [*self.places * 2, ("parent/", lambda row: row["parent"])]

    @property
    def linked(self) -> bool:
        return "parent" in self.table.rows[0]

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    # --- leaves -----------------------------------------------------------------------------------------------------------------

    def columns(self, *kinds: str) -> list[str]:
        return [name for name, column in self.table.columns.items() if column.kind in kinds]

    def column(self, *kinds: str) -> Term | None:
        """A property, at times of a row that navigation leads to; None where the table has none of these kinds."""
        names = self.columns(*kinds)
        if not names:
            return None
        name = self.random.choice(names)
        prefix, find = self.random.choice(self.places)
        return self.reading(prefix, name, find)

    def reading(self, prefix: str, name: str, find: Value) -> Term:
        def value(row: Row) -> Any:
            found = find(row)
            return None if found is None else found[name]

        column = self.table.columns[name]
        return Term(prefix + name, column.kind, value, ordered=column.ordered)

    def constant(self, value: Any, kind: str) -> Term:
        text = LITERALS[kind](value)
        return Term(text, kind, lambda row: value, UNARY if text.startswith("-") and kind in NUMBERS else PRIMARY)

    def near(self, term: Term) -> Term:
        """A literal of a value that the property may have, or of one beside it."""
        value = self.random.choice(self.table.pool(term.text.rpartition("/")[2]))
        if term.kind == "int" and self.chance(0.3):
            value += self.random.choice((-1, 1, 100_000, -(10**12)))
            value = max(-INT64, min(INT64, value))
        elif term.kind == "dec" and self.chance(0.3):
            value += self.random.choice((Fraction(1, 100), Fraction(-1, 10**21), 1))
        elif term.kind == "dt" and self.chance(0.3):
            value = max(values.FIRST_MICROS + 10 * DAY, min(LAST_MICROS, value + self.random.choice((-1, 1, DAY, 3_600_000_000))))
        elif term.kind == "dur" and self.chance(0.3):
            value += self.random.choice((-1, 1, DAY))
        elif term.kind == "sgl" and isfinite(value) and self.chance(0.3):
            value = values.single(value * 2 + 1)
        if term.kind == "dt" and self.chance(0.3) and abs(value) < 4_000_000_000_000_000:
            shifted = (time_text(value + 19_800_000_000) or "").removesuffix("Z")
            return Term(f"{shifted}+05:30", "dt", lambda row: value)
        return self.constant(value, term.kind)

    def operand(self, kind: str, depth: int) -> Term:
        """A term of a kind. Only properties where depth is 0, or where nothing else makes this kind."""
        make = getattr(self, f"_{kind}", None)
        if depth > 0 and make is not None and self.chance(0.6):
            found = make(depth - 1)
            if found is not None:
                return found
        return self.column(kind) or self.constant(SOME.get(kind, 0), kind)

    # --- numbers ----------------------------------------------------------------------------------------------------------------

    def operation(self, op: str, left: Term, right: Term) -> Term:
        level = ADD if op in ("add", "sub") else MULTIPLY
        kinds = left.kind, right.kind
        kind = values.wider(*kinds)
        if op == "divby" and kind == "int":
            kind, kinds = "dec", ("dec", "dec")

        def value(row: Row) -> Any:
            found = values.calculate(op, left.value(row), right.value(row), kinds)
            if isinstance(found, int):
                self.peak = max(self.peak, abs(found))
            return found

        return Term(f"{left.at(level)} {op} {right.at(level + 1)}", kind, value, level)

    def call(self, name: str, kind: str, *arguments: Term, of: Callable[..., Any] | None = None) -> Term:
        function = of or FUNCTIONS[name]

        def value(row: Row) -> Any:
            given = [argument.value(row) for argument in arguments]
            return None if None in given else function(*given)

        return Term(f"{name}({','.join(argument.text for argument in arguments)})", kind, value)

    def cast(self, term: Term, type_: str, kind: str, of: Callable[[Any], Any]) -> Term:
        def value(row: Row) -> Any:
            found = term.value(row)
            return None if found is None else of(found)

        return Term(f"cast({term.text},{type_})", kind, value)

    def number(self, kind: str, *, zero: bool = False) -> Term:
        """A literal that is small, so that what is computed with it stays exact."""
        choices = {
            "int": (1, 2, 3, 7, -1, -2),
            "dec": (Fraction(1, 2), Fraction(5, 4), Fraction(-1, 10)),
            "dbl": (0.5, 2.0, 1e3, -0.25),
            "sgl": (0.5, 2.0),
        }
        value = self.random.choice(choices[kind])
        return self.constant(0 if zero and self.chance(0.2) else value, "dec" if kind == "sgl" else kind)

    def negated(self, term: Term) -> Term:
        def value(row: Row) -> Any:
            found = term.value(row)
            return None if found is None else -found

        return Term(f"-({term.text})", term.kind, value, UNARY)

    def _int(self, depth: int) -> Term | None:
        match self.random.randrange(12):
            case 0 | 1 | 2:
                op = self.random.choice(("add", "sub", "mul", "div", "mod"))
                right = self.number("int") if op in ("div", "mod") or self.chance(0.5) else self.operand("int", depth)
                return self.operation(op, self.operand("int", depth), right)
            case 3:
                return self.negated(self.operand("int", depth))
            case 4:
                return self.call("length", "int", self.operand("str", depth))
            case 5:
                return self.call("indexof", "int", self.operand("str", depth), self.piece())
            case 6 | 7 | 8:
                kind, part = self.random.choice(
                    [(k, p) for k in ("dt", "date") for p in ("year", "month", "day")]
                    + [(k, p) for k in ("dt", "tod") for p in ("hour", "minute", "second")]
                )
                moment = self.operand(kind, depth)
                day = (lambda v: v * DAY) if kind == "date" else (lambda v: v)
                return self.call(part, "int", moment, of=lambda v: FUNCTIONS[part](day(v)))
            case 9 | 10:
                type_ = self.random.choice(tuple(RANGES))
                return self.cast(
                    self.operand(self.random.choice(("dec", "dbl", "sgl", "int")), depth), type_, "int", lambda v: whole(v, type_)
                )
        text = self.column("str")
        return None if text is None else self.cast(text, "Edm.Int32", "int", lambda v: whole(v, "Edm.Int32"))

    def _dec(self, depth: int) -> Term | None:
        match self.random.randrange(8):
            case 0 | 1 | 2:
                op = self.random.choice(("add", "sub", "mul"))
                other = self.random.choice((self.operand("dec", depth), self.operand("int", depth), self.number("dec")))
                return self.operation(op, self.operand("dec", depth), other)
            case 3:
                return self.negated(self.operand("dec", depth))
            case 4:
                name = self.random.choice(("round", "floor", "ceiling"))
                return self.call(name, "dec", self.operand(self.random.choice(("dec", "int")), depth))
            case 5:
                if (kind := self.random.choice(("dt", "tod"))) and self.column(kind):
                    return self.call("fractionalseconds", "dec", self.operand(kind, depth))
            case 6:
                return self.call("totalseconds", "dec", self.operand("dur", depth), of=lambda v: Fraction(v, 1_000_000))
            case 7 if self.column("str") is not None:
                text = self.column("str")
                assert text is not None
                return self.cast(text, "Edm.Decimal", "dec", lambda v: Fraction(v) if EXACT.fullmatch(v) else None)
        return self.cast(self.operand("int", depth), "Edm.Decimal", "dec", Fraction)

    def _dbl(self, depth: int) -> Term | None:
        match self.random.randrange(7):
            case 0 | 1 | 2:
                op = self.random.choice(("add", "sub", "mul", "div", "divby"))
                right = self.number("dbl") if self.chance(0.5) else self.operand(self.random.choice(("dbl", "int", "sgl")), depth)
                return self.operation(op, self.operand("dbl", depth), right)
            case 6 if small := [name for name in self.columns("int") if self.table.columns[name].pg != "int8"]:
                # The remainder of a double as its digits say is not that of its bits; of whole numbers both are the same.
                term = self.reading("", self.random.choice(small), lambda row: row)
                return self.operation("mod", self.cast(term, "Edm.Double", "dbl", float), self.number("dbl"))
            case 3:
                return self.negated(self.operand("dbl", depth))
            case 4:
                name = self.random.choice(("round", "floor", "ceiling"))
                return self.call(
                    name, "dbl", self.operand("dbl", depth), of=lambda v: v if not isfinite(v) else float(FUNCTIONS[name](Fraction(v)))
                )
        return self.cast(self.operand(self.random.choice(("int", "dec", "sgl")), depth), "Edm.Double", "dbl", float)

    def _sgl(self, depth: int) -> Term | None:
        if self.chance(0.3):
            return self.cast(self.operand("int", 0), "Edm.Single", "sgl", lambda v: values.single(float(v)))
        op = self.random.choice(("add", "sub", "mul", "div", "divby"))
        right = self.operand("sgl", depth) if self.chance(0.4) else self.number(self.random.choice(("int", "sgl")))
        return self.operation(op, self.operand("sgl", depth), right)

    # --- texts ------------------------------------------------------------------------------------------------------------------

    def piece(self) -> Term:
        """A short text that some value has in it."""
        name = self.random.choice(self.columns("str") or ["note"])
        text = self.random.choice(self.table.pool(name))
        start = self.random.randrange(len(text) + 1)
        return self.constant(text[start : start + self.random.randrange(3)], "str")

    def _str(self, depth: int) -> Term | None:
        match self.random.randrange(7):
            case 0 | 1:
                return self.call(
                    "concat", "str", self.operand("str", depth), self.random.choice((self.operand("str", depth), self.piece()))
                )
            case 2:
                start = self.random.randrange(4)
                return self.call("substring", "str", self.operand("str", depth), self.constant(start, "int"))
            case 3:
                name = self.random.choice(("tolower", "toupper"))
                texts = [n for n in self.columns("str") if "unicode_fast" not in self.table.columns[n].pg]
                if texts:
                    own = self.random.choice(texts)
                    return self.call(name, "str", Term(own, "str", lambda row: row[own]))
            case 4:
                return self.call("trim", "str", self.operand("str", depth))
            case 5 | 6:
                kind = self.random.choice(("int", "dt", "date", "tod", "guid", "bool"))
                return self.cast(self.operand(kind, 0), "Edm.String", "str", _text_of(kind))
        return None

    # --- times ------------------------------------------------------------------------------------------------------------------

    def span(self) -> Term:
        return self.constant(self.random.choice((1, -1, DAY, -DAY, 3_600_000_000, 400 * DAY, -(400 * DAY), 500_000)), "dur")

    def _move(self, kind: str, depth: int) -> Term | None:
        op = self.random.choice(("add", "sub"))
        left, right = self.operand(kind, depth), self.operand("dur", depth) if self.chance(0.5) else self.span()
        return Term(
            f"{left.at(ADD)} {op} {right.at(ADD + 1)}", kind, lambda row: values.moved(op, kind, left.value(row), right.value(row)), ADD
        )  # fmt: skip

    def _dt(self, depth: int) -> Term | None:
        if self.chance(0.25) and self.column("date") is not None:
            return self.cast(self.operand("date", depth), "Edm.DateTimeOffset", "dt", lambda v: v * DAY)
        return self._move("dt", depth)

    def _date(self, depth: int) -> Term | None:
        if self.chance(0.4) and self.column("dt") is not None:
            if self.chance(0.5):
                return self.call("date", "date", self.operand("dt", depth), of=lambda v: v // DAY)
            return self.cast(self.operand("dt", depth), "Edm.Date", "date", lambda v: v // DAY)
        return self._move("date", depth)

    def _tod(self, depth: int) -> Term | None:
        if self.column("dt") is None:
            return None
        if self.chance(0.5):
            return self.call("time", "tod", self.operand("dt", depth), of=lambda v: v % DAY)
        return self.cast(self.operand("dt", depth), "Edm.TimeOfDay", "tod", lambda v: v % DAY)

    def _dur(self, depth: int) -> Term | None:
        match self.random.randrange(5):
            case 0 | 1:
                kind = self.random.choice(("dt", "date"))
                left, right = self.operand(kind, depth), self.operand(kind, depth)
                unit = DAY if kind == "date" else 1

                def between(row: Row) -> int | None:
                    one, other = left.value(row), right.value(row)
                    return None if one is None or other is None else (one - other) * unit

                return Term(f"{left.at(ADD)} sub {right.at(ADD + 1)}", "dur", between, ADD)
            case 2:
                return self.negated(self.operand("dur", depth))
            case 3:
                op = self.random.choice(("add", "sub"))
                one, other = self.operand("dur", depth), self.random.choice((self.span(), self.operand("dur", depth)))
                sign = 1 if op == "add" else -1

                def total(row: Row) -> int | None:
                    a, b = one.value(row), other.value(row)
                    return None if a is None or b is None else a + sign * b

                return Term(f"{one.at(ADD)} {op} {other.at(ADD + 1)}", "dur", total, ADD)
        factor, inner = self.random.choice((2, 3, -1)), self.operand("dur", depth)

        def times(row: Row) -> int | None:
            found = inner.value(row)
            return None if found is None else found * factor

        return Term(f"{inner.at(MULTIPLY)} mul {factor}", "dur", times, MULTIPLY)

    # --- conditions -------------------------------------------------------------------------------------------------------------

    def _bool(self, depth: int) -> Term:
        return self.condition(depth)

    def condition(self, depth: int = 2) -> Term:
        if depth > 0 and self.chance(0.5):
            match self.random.randrange(4):
                case 0:
                    inner = self.condition(depth - 1)
                    return Term(f"not {inner.at(PRIMARY)}", "bool", lambda row: None if (v := inner.value(row)) is None else not v, UNARY)
                case 1 | 2:
                    op, level, join = self.random.choice((("and", AND, conjunction), ("or", OR, disjunction)))
                    parts = [self.condition(depth - 1) for _ in range(2)]
                    text = f" {op} ".join(part.at(level + (i > 0)) for i, part in enumerate(parts))
                    return Term(text, "bool", lambda row: join(part.value(row) for part in parts), level)
                case 3:
                    return self.quantified(depth - 1) if self.linked and self.chance(0.7) else self.chosen(depth - 1)
        return self.leaf(depth)

    def quantified(self, depth: int) -> Term:
        """any or all over the rows that lead to a row."""
        variable = f"p{len(self.places)}"
        prefix, find = self.random.choice(self.places)
        self.places.append((f"{variable}/", lambda row: row[variable]))
        body = self.condition(depth)
        self.places.pop()
        quantifier = self.random.choice((any, any, all))

        def value(row: Row) -> bool:
            found = find(row)
            return quantifier(body.value(row | {variable: other}) is True for other in (() if found is None else found["children"]))

        return Term(f"{prefix}children/{quantifier.__name__}({variable}:{body.text})", "bool", value)

    def chosen(self, depth: int) -> Term:
        """case() in a comparison."""
        kind = self.random.choice(("int", "dec", "str", "dt", "dur", "dbl"))
        when, one, other = self.condition(0), self.operand(kind, depth), self.operand(kind, depth)
        text = f"case({when.text}:{one.text},true:{other.text})"
        term = Term(text, kind, lambda row: one.value(row) if when.value(row) is True else other.value(row))
        return self.comparison(self.random.choice(tuple(LEVELS)), term, self.operand(kind, 0))

    def comparison(self, op: str, left: Term, right: Term) -> Term:
        level, kinds = LEVELS[op], (left.kind, right.kind)
        text = f"{left.at(level + 1)} {op} {right.at(level + 1)}"
        return Term(text, "bool", lambda row: values.compare(op, left.value(row), right.value(row), kinds), level)

    def leaf(self, depth: int) -> Term:
        match self.random.randrange(9):
            case 0 | 1 | 2:
                return self.beside_literal()
            case 3:
                return self.one_of()
            case 4:
                return self.is_null(depth)
            case 5 | 6:
                return self.computed(depth)
            case 7:
                name = self.random.choice(("contains", "startswith", "endswith"))
                second = self.piece() if self.chance(0.7) else self.operand("str", 0)
                return self.call(name, "bool", self.operand("str", depth), second)
        flag = self.column("bool")
        if flag is None:
            return self.beside_literal()
        return flag if self.chance(0.3) else self.comparison(self.random.choice(ALIKE), flag, self.constant(self.chance(0.5), "bool"))

    def any_column(self) -> Term:
        found = self.column(*values.KINDS)
        assert found is not None
        return found

    def beside_literal(self) -> Term:
        """A property beside a literal, of its own kind or another number's."""
        term = self.any_column()
        op = self.random.choice(tuple(LEVELS) if term.ordered and term.kind != "bool" else ALIKE)
        other = self.near(term)
        if term.kind in NUMBERS and self.chance(0.3):
            other = self.number(self.random.choice(("int", "dec", "dbl")), zero=True)
        return self.comparison(op, *((other, term) if self.chance(0.1) and op in ALIKE else (term, other)))

    def one_of(self) -> Term:
        term = self.any_column()
        if term.kind == "bool":
            return term
        kind, has_null = term.kind, self.chance(0.3)
        members = [self.near(term) for _ in range(self.random.randrange(1, 5))]
        known = [member.value({}) for member in members]

        def value(row: Row) -> bool:
            found = term.value(row)
            return has_null if found is None else any(values.compare("eq", found, one, (kind, kind)) for one in known)

        texts = [member.text for member in members] + (["null"] if has_null else [])
        return Term(f"{term.text} in ({','.join(texts)})", "bool", value, RELATE)

    def is_null(self, depth: int) -> Term:
        kind = self.random.choice([k for k in values.KINDS if self.columns(k)])
        term, op = self.operand(kind, depth), self.random.choice(ALIKE)
        return Term(f"{term.at(EQUAL + 1)} {op} null", "bool", lambda row: (term.value(row) is None) == (op == "eq"), EQUAL)

    def computed(self, depth: int) -> Term:
        """Two terms of one kind, or of two kinds of numbers."""
        kinds = [k for k in (*NUMBERS, "str", "dt", "date", "tod", "dur", "guid", "bin") if self.columns(k)]
        kind = self.random.choice(kinds)
        other = self.random.choice([k for k in kinds if k in NUMBERS]) if kind in NUMBERS else kind
        op = self.random.choice(ALIKE if kind == "bin" else tuple(LEVELS))
        return self.comparison(op, self.operand(kind, depth), self.operand(other, 1))

    # --- queries ----------------------------------------------------------------------------------------------------------------

    def order(self, depth: int = 1) -> list[tuple[Term, bool]]:
        found: dict[str, tuple[Term, bool]] = {}
        for _ in range(self.random.choice((1, 1, 2, 3))):
            kinds = [k for k in values.KINDS if k != "bin" and self.columns(k)]
            kind = self.random.choice(kinds)
            term = self.operand(kind, depth)
            if term.ordered:
                found.setdefault(term.text, (term, self.chance(0.5)))
        return list(found.values())

    def query(self, depth: int = 2) -> Asked:
        names = list(self.table.columns)
        compute = {f"c{i}": self.shown() for i in range(self.random.choice((0, 0, 1, 2)))}
        return Asked(
            self.table,
            self.condition(depth) if self.chance(0.75) else None,
            self.order() if self.chance(0.7) else [],
            compute,
            tuple(dict.fromkeys((*self.table.key, *self.random.sample(names, min(3, len(names)))))),
            self.random.choice((None, None, None, 1, 5, 20)),
            self.random.choice((None, None, None, 0, 1, 7)),
        )

    def shown(self) -> Term:
        kinds = [k for k in values.KINDS if k not in ("own", "bool", "bin", "guid") and self.columns(k)]
        while (found := self.operand(self.random.choice(kinds), 2)).text.rpartition("/")[2] in self.table.columns:
            pass
        return found

    # --- $apply -----------------------------------------------------------------------------------------------------------------

    def apply(self) -> Grouped:
        """Groups by properties, also of the row that navigation leads to, and by a value that is computed."""
        names = [name for name, column in self.table.columns.items() if column.kind != "bin"]
        groups = [
            self.reading("", name, lambda row: row) for name in self.random.sample(names, min(len(names), self.random.choice((0, 1, 1, 2))))
        ]
        if self.linked and self.chance(0.3):
            groups.append(self.reading("parent/", self.random.choice(names), lambda row: row["parent"]))
        before = self.condition(1) if self.chance(0.5) else None
        measures = [Measure("many", "$count", "int", len), *(self.measure(f"m{i}") for i in range(self.random.choice((1, 2, 3))))]
        computed = self.shown() if self.chance(0.3) else None
        if computed is not None:
            groups = [*groups[:1], Term("c", computed.kind, computed.value)]
            measures.append(
                Measure("mc", "c with max", computed.kind, lambda rows: aggregated("max", computed.kind, [computed.value(r) for r in rows]))
            )
        last = measures[-1]
        order = (last, self.chance(0.5)) if last.kind not in ("own", "mean", "total") and self.chance(0.5) else None
        return Grouped(self.table, before, computed, tuple(groups), tuple(measures), self.random.choice((None, None, 1)), order)

    def measure(self, alias: str) -> Measure:
        columns = self.table.columns
        name = self.random.choice([name for name in columns if columns[name].ordered and self.chance(0.5)] or list(columns)[:1])
        methods = ("countdistinct", "min", "max", "sum", "average") if columns[name].kind in NUMBERS else ("countdistinct", "min", "max")
        method, term = self.random.choice(methods), Term(name, columns[name].kind, lambda row: row[name])
        if term.kind in ("int", "dec") and self.chance(0.3):
            term = self.operation(self.random.choice(("add", "mul")), term, self.number("int"))
        kind = {"countdistinct": "int", "average": "mean"}.get(
            method, "total" if method == "sum" and term.kind in ("sgl", "dbl") else term.kind
        )
        if method == "sum" and kind == "int":
            kind = "dec"
        return Measure(
            alias, f"{term.text} with {method}", kind, lambda rows: aggregated(method, term.kind, [term.value(row) for row in rows])
        )


def _text_of(kind: str) -> Callable[[Any], str]:
    return {
        "int": str, "dt": lambda v: time_text(v) or "", "date": values.date_text, "tod": values.clock_text, "guid": str,
        "bool": lambda v: "true" if v else "false",
    }[kind]  # fmt: skip


@dataclass(frozen=True)
class Measure:
    alias: str
    text: str
    kind: str
    value: Callable[[list[Row]], Any]


def aggregated(method: str, kind: str, found: list[Any]) -> Any:
    """A method over values, without nulls. NaN is above all numbers."""
    known = [value for value in found if value is not None]
    if method == "countdistinct":
        return len({values.same(value) for value in known})
    if not known:
        return None
    if method in ("min", "max"):
        return (min if method == "min" else max)(known, key=values.key)
    total = _sum(known) if kind in ("sgl", "dbl") else sum(map(Fraction, known))
    return total if method == "sum" else total / len(known)


def _sum(numbers: list[float]) -> float:
    if any(map(isnan, numbers)) or {inf, -inf} <= set(numbers):
        return float("nan")
    if any(map(isinf, numbers)):
        return next(n for n in numbers if isinf(n))
    exact = sum(map(Fraction, numbers))
    return float(exact) if abs(exact) < 2**1024 else inf if exact > 0 else -inf


@dataclass(frozen=True)
class Grouped:
    """filter(...)/compute(... as c)/groupby((...),aggregate(...)), with $filter and $orderby behind it; each part may be missing.

    more_than  $filter: how many rows a group must have more than
    order      $orderby: a measure, and whether it descends; groups that are equal in it may stand in any order
    """

    table: Table
    before: Term | None
    computed: Term | None
    groups: tuple[Term, ...]
    measures: tuple[Measure, ...]
    more_than: int | None = None
    order: tuple[Measure, bool] | None = None

    @property
    def target(self) -> str:
        inner = f"aggregate({','.join(f'{m.text} as {m.alias}' for m in self.measures)})"
        steps = [] if self.before is None else [f"filter({self.before.text})"]
        steps += [] if self.computed is None else [f"compute({self.computed.text} as c)"]
        steps.append(f"groupby(({','.join(group.text for group in self.groups)}),{inner})" if self.groups else inner)
        options = ["$apply=" + "/".join(steps)]
        options += [] if self.more_than is None else [f"$filter=many gt {self.more_than}"]
        options += [] if self.order is None else [f"$orderby={self.order[0].alias}{' desc' if self.order[1] else ''}"]
        return f"{self.table.name}?{encoded(options)}"

    @property
    def kinds(self) -> dict[str, str]:
        """The kind of each value of a group, by its path."""
        return {group.text: group.kind for group in self.groups} | {measure.alias: measure.kind for measure in self.measures}

    def answer(self) -> list[Row]:
        """The groups, each as its values by path."""
        rows = [row for row in self.table.rows if self.before is None or self.before.value(row) is True]
        groups: dict[tuple[Any, ...], list[Row]] = {} if self.groups else {(): rows}
        for row in rows if self.groups else ():
            groups.setdefault(tuple(values.same(group.value(row)) for group in self.groups), []).append(row)
        kept = [members for members in groups.values() if self.more_than is None or len(members) > self.more_than]
        return [
            {group.text: group.value(members[0]) for group in self.groups} | {m.alias: m.value(members) for m in self.measures}
            for members in kept
        ]


def at_path(shown: Any, path: str) -> Any:
    """A value of a row that $apply made; what is behind a navigation property that leads nowhere is null."""
    for name in path.split("/"):
        shown = None if shown is None else shown.get(name)
    return shown


def shows(shown: Any, value: Any, kind: str) -> bool:
    """As `type_values.shows`; of texts that their column takes for equal any may stand for the group, and floats are summed in any order."""
    if shown is None or value is None:
        return shown is None and value is None
    match kind:
        case "mean" | "total":
            found = values.same(float({"NaN": "nan", "INF": "inf", "-INF": "-inf"}.get(shown, shown)))
            wanted = values.same(float(value))
            if isinstance(found, str) or isinstance(wanted, str):
                return found == wanted
            return found == wanted or abs(found - wanted) <= 1e-9 + 1e-6 * abs(wanted)
        case "own":
            return shown in value.alike
    return values.shows(shown, value, kind)
