"""A database whose values are hard for readers of files, served without a model, and random queries for all that its model has.

Tables, collections, objects, enumerations, links, and functions that return rows of a table, rows of their own, and texts. A query is its target and
the shapes of its columns; what its rows are, JSON says.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from tests.harness.read_back import READERS, Items, Members, Shape
from tests.oracle.file_queries import FileQuery
from tests.oracle.type_queries import encoded
from tests.oracle.type_tables import COLUMNS, sql_text

SCHEMA = "wares"
TEXTS = (
    "", " ", "\t", "\n", "\r", "\r\n", "a\rb", "a\nb", "a\r\nb", "a\n\rb", "\n\n", "ends\n", "ends\r\n", "ends\r", "\rbegins", '"', '""', '","', '"\n"',
    'say "x"', ",", ";", "a,b;c\td|e", "'", "it's", "=cmd|' /C calc'!A0", "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "=", "'=1", "%0A", "null",
    "NULL", "NaN", "INF", "true", "1", "1.0", "007", "1e5", "2024-02-29", "1/2", "9007199254740993", "😀", "👨\u200d👩\u200d👧", "🇩🇪", "e\u0301", "日本",
    "ａ", "\u200b", "\u202e", "\ufeff", "\ufeffa", "\u0085", "\u2028", "\u2029", "\x01", "\x02a\x1f", "\x1b[31m", "\x7f", "\x0b\x0c", "\x1a", "\ufffe",
    "\uffff", "\ufffd", "\U0010ffff", "_x000D_", "_x0041_b", "&amp;", "<b>&</b>", "]]>", "\\", "\\n", "\\N", '\\"', "#REF!", "#N/A", " pad ", "x" * 300,
    "{1,2}", '{"a": 1}', "[1]", "\u00a0", "row\r\nof,\"two\"",
)  # fmt: skip
"""What a format must quote or escape, what a spreadsheet takes for a formula, a number or an error, and what a reader takes for null or an end."""
PLAIN: dict[str, str] = {
    "i2": "i2", "i8": "i8", "n": "n", "n2": "n2", "f4": "f4", "f8": "f8", "flag": "flag", "ts": "ts", "tz": "tz", "day": "day", "clock": "clock",
    "span": "span", "gid": "gid", "bin": "bin",
}  # fmt: skip
"""The columns of a ware that are one value of a type, by the column of `type_tables` whose values they have."""
ITEMS = {
    "tags": ("text[]", "str"), "numbers": ("int8[]", "int"), "amounts": ("numeric[]", "dec"), "doubles": ("float8[]", "dbl"), "days": ("date[]", "date"),
    "moments": ("timestamptz[]", "dt"), "spans": ("interval[]", "dur"), "bins": ("bytea[]", "bin"), "flags": ("bool[]", "bool"), "ids": ("uuid[]", "guid"),
    "clocks": ("time[]", "tod"),
}  # fmt: skip
"""The columns that are collections: their type, and the kind of a member."""
_OF_KIND = {
    "int": "i8",
    "dec": "n",
    "dbl": "f8",
    "date": "day",
    "dt": "tz",
    "dur": "span",
    "bin": "bin",
    "bool": "flag",
    "guid": "gid",
    "tod": "clock",
}
_BEYOND = {"'294276-12-31 23:59:59.999999+00'", "'294276-12-31 23:59:59.999999'"}
"""Times that Arrow has not."""
SPOT: dict[str, Shape] = {"lat": "dbl", "lon": "dbl"}
ADDRESS: dict[str, Shape] = {"street": "str", "since": "date", "at": "dt", "spot": Members(SPOT)}
MAKER: dict[str, Shape] = {"id": "int", "name": "str", "home": Members(ADDRESS), "tags": Items("str"), "boss_id": "int"}
WARE: dict[str, Shape] = {
    "id": "int", "maker_id": "int", "txt": "str", "mood": "str", **{name: COLUMNS[of].kind for name, of in PLAIN.items()},
    **{name: Items(kind) for name, (_, kind) in ITEMS.items()}, "home": Members(ADDRESS), "homes": Items(Members(ADDRESS)),
}  # fmt: skip
SOLD: dict[str, Shape] = {"ware": "int", "txt": "str", "total": "dec", "at": "dt", "tags": Items("str"), "mood": "str", "share": "dbl"}
MAKERS = 7


def _values(kind: str) -> list[str]:
    """The values of a kind as SQL, that all formats have; and NULL."""
    if kind == "str":
        return [*map(sql_text, TEXTS), "NULL"]
    return [sql for sql in COLUMNS[_OF_KIND[kind]].values if sql not in _BEYOND] + ["NULL"]


def _address(random: Random) -> str:
    street, since, at = (random.choice(_values(kind)) for kind in ("str", "date", "dt"))
    spot = random.choice(("NULL", "ROW(NULL, 0.5)", "ROW('NaN', '-Infinity')", "ROW(1e308, 5e-324)"))
    return f"ROW({street}, {since}, {at}, {spot})::{SCHEMA}.address"


def _ware(number: int) -> str:
    """The SQL of a row: each text once; what else stands in it is left to chance."""
    random = Random(f"ware {number}")
    cells = [
        str(number + 1),
        "NULL" if number % 5 == 0 else str(number % MAKERS + 1),
        "NULL" if number == len(TEXTS) else sql_text(TEXTS[number]),
    ]
    cells.append(random.choice((*map(sql_text, ("calm", 'it\'s "cross"', "=1,ä")), "NULL")))
    for of in PLAIN.values():
        cells.append(random.choice([sql for sql in COLUMNS[of].values if sql not in _BEYOND] + ["NULL"]))
    for type_, kind in ITEMS.values():
        members = random.choices(_values(kind), k=random.choice((0, 1, 2, 4)))
        cells.append(random.choice((f"ARRAY[{', '.join(members)}]::{type_}",) * 5 + ("NULL",)))
    homes = ", ".join(random.choice((_address(random), _address(random), "NULL")) for _ in range(random.randrange(3)))
    cells += [random.choice((_address(random), _address(random), "NULL")), f"ARRAY[{homes}]::{SCHEMA}.address[]"]
    return f"({', '.join(cells)})"


def script(reader: str) -> str:
    """The SQL that makes the database."""
    plain = ", ".join(f"{name} {COLUMNS[of].pg}" for name, of in PLAIN.items())
    items = ", ".join(f"{name} {type_}" for name, (type_, _) in ITEMS.items())
    makers = ", ".join(
        f"({n}, {sql_text(TEXTS[n * 11 % len(TEXTS)])}, {_address(Random(f'maker {n}'))}, ARRAY[{sql_text(TEXTS[n * 7])}, NULL], {n // 2 or 'NULL'})"
        for n in range(1, MAKERS + 1)
    )
    rows = ",\n".join(_ware(number) for number in range(len(TEXTS) + 1))
    return f"""
        CREATE SCHEMA {SCHEMA}; GRANT USAGE ON SCHEMA {SCHEMA} TO {reader}; SET search_path = {SCHEMA}, public;
        CREATE TYPE mood AS ENUM ('calm', 'it''s "cross"', '=1,ä'); CREATE TYPE spot AS (lat float8, lon float8);
        CREATE TYPE address AS (street text, since date, at timestamptz, spot spot);
        CREATE TABLE maker (id int PRIMARY KEY, name text, home address, tags text[], boss_id int REFERENCES maker);
        CREATE TABLE ware (id int PRIMARY KEY, maker_id int REFERENCES maker, txt text, mood mood, {plain}, {items}, home address, homes address[]);
        INSERT INTO maker VALUES {makers}; INSERT INTO ware VALUES {rows};
        CREATE FUNCTION some_wares(lowest int DEFAULT 0) RETURNS SETOF ware LANGUAGE sql STABLE AS 'SELECT * FROM wares.ware WHERE id >= lowest';
        CREATE FUNCTION sold(lowest int) RETURNS TABLE (ware int, txt text, total numeric, at timestamptz, tags text[], mood {SCHEMA}.mood, share float8)
            LANGUAGE sql STABLE AS 'SELECT id, txt, n, tz, tags, mood, f8 FROM wares.ware WHERE id >= lowest ORDER BY id DESC';
        CREATE FUNCTION texts(lowest int) RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT txt FROM wares.ware WHERE id >= lowest ORDER BY id';
        CREATE FUNCTION beside(w ware, most int) RETURNS SETOF ware LANGUAGE sql STABLE AS 'SELECT * FROM wares.ware WHERE id BETWEEN w.id AND w.id + most';
        CREATE FUNCTION best() RETURNS ware LANGUAGE sql STABLE AS 'SELECT * FROM wares.ware WHERE id = 7';
        CREATE FUNCTION number_of(lowest int) RETURNS int8 LANGUAGE sql STABLE AS 'SELECT count(*) FROM wares.ware WHERE id >= lowest';
        CREATE FUNCTION first_home(OUT street text, OUT since date) LANGUAGE sql STABLE AS 'SELECT (home).street, (home).since FROM wares.maker WHERE id = 1';
        GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {reader}; ANALYZE;
    """


CONDITIONS = (
    "id mod 3 eq 1", "txt eq null", "contains(txt,'a')", "startswith(txt,'=')", "not flag", "i8 gt 0 or f8 lt 0", "tags/any(t:t eq null)",
    "tags/any(t:startswith(t,'='))", "home/street ne null", "home/spot/lat lt 1", "maker/name ne null", "maker/boss/id eq 1", "day lt 2000-01-01",
    "numbers/$count gt 1", "mood eq 'calm'", "homes/any(h:h/since ne null)", "length(txt) gt 2",
)  # fmt: skip
"""Conditions on wares."""
COMPUTED: dict[str, Shape] = {
    "id mul 2": "int", "concat(txt,'\r\n,\"')": "str", "length(txt)": "int", "f8 mul 2": "dbl", "n add 0.5": "dec", "i2 div 7": "int", "cast(i8,Edm.String)": "str",
    "cast(i8,Edm.Double)": "dbl", "day add duration'P1D'": "date", "time(ts)": "tod", "span mul 2": "dur", "tags/$count": "int", "home/street": "str",
    "f4 mul 2": "sgl", "maker/name": "str",
}  # fmt: skip
"""What can be computed of a ware, and its kind."""
MEASURES: dict[str, Shape] = {
    "$count": "dec", "id with sum": "dec", "n with max": "dec", "n with sum": "dec", "f8 with min": "dbl", "txt with max": "str", "txt with countdistinct": "dec",
    "day with min": "date", "tz with max": "dt", "n with average": "dec", "i8 with average": "dec", "span with max": "dur", "clock with min": "tod",
}  # fmt: skip
GROUPS: dict[str, Shape] = {
    "mood": "str", "flag": "bool", "maker_id": "int", "txt": "str", "day": "date", "tz": "dt", "n": "dec", "f8": "dbl", "gid": "guid",
    "maker/name": "str", "maker/boss_id": "int", "span": "dur", "i8": "int", "clock": "tod",
}  # fmt: skip
TABLES = frozenset(READERS) - {"ndjson"}
"""The formats without a column for an expanded collection."""


EVERYTHING = {
    "wares": FileQuery("ware", WARE, token=None),
    "makers": FileQuery("maker", MAKER, token=None),
    "one text": FileQuery("ware?$select=txt&$orderby=id", {"txt": "str"}, token=None),
    "a function's rows": FileQuery("sold(lowest=1)", SOLD, token=None),
    "a function's entities": FileQuery("some_wares()", WARE, token=None),
    "a function's texts": FileQuery("texts(lowest=1)", {"value": "str"}, token=None),
}
"""All that there is, also in the only column of a file."""


class WareMaker:
    """Makes queries; each is known by its seed."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def query(self) -> FileQuery:
        makes = (
            self.wares,
            self.wares,
            self.wares,
            self.applied,
            self.applied,
            self.crossed,
            self.sold,
            self.texts,
            self.nested,
            self.members,
        )
        return self.random.choice(makes)()

    def path(self) -> str:
        """The rows of a table: all, those behind a link, those that a function returns."""
        number = self.random.randrange(1, len(TEXTS))
        return self.random.choice(
            (
                "ware",
                "ware",
                f"maker({number % MAKERS + 1})/ware",
                f"some_wares(lowest={number})",
                "some_wares()",
                f"ware({number})/wares.beside(most=9)",
            )
        )

    def some(self, shapes: dict[str, Shape], most: int) -> dict[str, Shape]:
        names = self.random.sample(list(shapes), self.random.randrange(1, min(most, len(shapes)) + 1))
        return {name: shapes[name] for name in names}

    def options(self, conditions: Sequence[str], order: str | None) -> list[str]:
        found = [f"$filter={self.random.choice(conditions)}"] if conditions and self.chance(0.5) else []
        found += [f"$orderby={order}"] if order and self.chance(0.5) else []
        return found + ([f"$top={self.random.choice((1, 9))}"] if self.chance(0.2) else [])

    def made(self, path: str, options: list[str], members: dict[str, Shape], **more: Any) -> FileQuery:
        way = self.random.choice(("url",) * 6 + ("query", "query", "json batch", "multipart batch"))
        return FileQuery(f"{path}?{encoded(options)}".removesuffix("?"), members, way=way, token=None, **more)

    def wares(self) -> FileQuery:
        """Wares: some of their properties, what is computed of them, and their maker with its own."""
        members = self.some(WARE, 6)
        options = ["$select=" + ",".join(members)]
        computed = self.some(COMPUTED, 2) if self.chance(0.4) else {}
        if computed:
            options = ["$compute=" + ",".join(f"{text} as c{at}" for at, text in enumerate(computed))]
            options.append("$select=" + ",".join((*members, *(f"c{at}" for at in range(len(computed))))))
            members |= {f"c{at}": shape for at, shape in enumerate(computed.values())}
        if self.chance(0.4):
            of_maker, of_boss = self.some(MAKER, 3), self.some(MAKER, 2)
            more = f";$expand=boss($select={','.join(of_boss)})" if self.chance(0.5) else ""
            options.append(f"$expand=maker($select={','.join(of_maker)}{more})")
            members["maker"] = Members(of_maker | ({"boss": Members(of_boss, is_entity=True)} if more else {}), is_entity=True)
        order = self.random.choice(("id desc", "txt,id", "n desc,id", "tz,id desc", "home/street,id"))
        return self.made(self.path(), options + self.options(CONDITIONS, order), members)

    def nested(self) -> FileQuery:
        """Makers with the collection of their wares, which only lines of JSON have room for."""
        of_ware, of_maker = self.some(WARE, 4), self.some(MAKER, 3)
        options = ["$select=" + ",".join(of_maker), f"$expand=ware($select={','.join(of_ware)};$top=5)"]
        return self.made("maker", options, of_maker | {"ware": Items(Members(of_ware, is_entity=True))}, refused=TABLES)

    def applied(self) -> FileQuery:
        """Groups and what is aggregated in each."""
        groups, measures = self.some(GROUPS, 2), self.some(MEASURES, 3)
        steps = [f"filter({self.random.choice(CONDITIONS)})"] if self.chance(0.4) else []
        texts = ",".join(f"{text} as m{at}" for at, text in enumerate(measures))
        steps.append(f"groupby(({','.join(groups)}),aggregate({texts}))")
        members: dict[str, Shape] = {name: shape for name, shape in groups.items() if "/" not in name}
        members |= {f"m{at}": shape for at, shape in enumerate(measures.values())}
        behind = {name.removeprefix("maker/"): shape for name, shape in groups.items() if "/" in name}
        if behind:
            members["maker"] = Members(behind, is_entity=True)
        return self.made(self.random.choice(("ware", "some_wares(lowest=9)")), ["$apply=" + "/".join(steps)], members, is_ordered=False)

    def crossed(self) -> FileQuery:
        """A product of wares and makers."""
        of_ware, of_maker = self.some(WARE, 3), self.some(MAKER, 3)
        options = [f"$expand=ware($select={','.join(of_ware)}),maker($select={','.join(of_maker)})"]
        options.append(f"$filter={self.random.choice(('ware/maker_id eq maker/id', 'ware/id lt 9', 'maker/id eq 2 and ware/flag'))}")
        members: dict[str, Shape] = {"ware": Members(of_ware, is_entity=True), "maker": Members(of_maker, is_entity=True)}
        return self.made("$crossjoin(ware,maker)", options, members, is_ordered=False)

    def sold(self) -> FileQuery:
        """Rows of a function's own."""
        members = self.some(SOLD, 5)
        conditions = ("contains(txt,'a')", "total gt 0", "mood eq null")
        options = ["$select=" + ",".join(members), *self.options(conditions, "ware")]
        return self.made(f"sold(lowest={self.random.randrange(40)})", options, members)

    def texts(self) -> FileQuery:
        """A function's values, which have no names."""
        return self.made(
            f"texts(lowest={self.random.randrange(60)})", self.options(("contains($it,'a')",), None) or ["$top=99"], {"value": "str"}
        )

    def members(self) -> FileQuery:
        """All of an entity, or of the one behind a link."""
        path = f"ware({self.random.randrange(1, len(TEXTS))})"
        return self.random.choice((self.made(path, [], WARE, is_single=True), self.made(f"{path}/maker", [], MAKER, is_single=True)))
