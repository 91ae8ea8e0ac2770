"""Tables with a column of every type, as Postgres has them and as the oracle does: rows of ordinary, extreme, infinite, empty and odd values.

A column is a list of values, each as SQL and as `type_values` has it; the table, its rows and its model are made of these lists. Postgres is asked
only for what it alone knows: the order of texts that have an order of their own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import inf, nan
from random import Random
from typing import Any

import asyncpg
from tests.harness import tokens
from tests.oracle import type_values
from tests.oracle.evaluator import DAY
from tests.oracle.type_values import LAST_MICROS, Ranked, single

ROWS, CHILDREN = 48, 3


@dataclass(frozen=True)
class Column:
    """A column: its type in Postgres, its declaration in the model, the kind of its values, and these, by their SQL.

    ordered  whether $orderby and lt have a meaning that the oracle knows
    """

    pg: str
    edm: str
    kind: str
    values: dict[str, Any]
    ordered: bool = True
    facets: dict[str, Any] = field(default_factory=dict)


HOSTILE = (
    "", " ", "a", "A", "ab", "Z", "z", "ä", "Ä", "ß", "é", "it's", "''", "100%", "a_b", "a/b?c#d&e+f", "\\", "\\'", 'say "x"', "a\tb\nc", "\x01\x7f",
    "日本", "😀", "null", "true", "12", "-7", "1.5", "2024-02-29", " pad ", "%41", "İ", "Σ", "(1)", "a,b", ";", "$it", "@p", "\u00a0", "e\u0301",
)  # fmt: skip


def sql_text(value: str) -> str:
    """A text as a constant in SQL."""
    return "U&'" + "".join(c if c.isascii() and c.isprintable() and c not in "\\'" else f"\\+{ord(c):06X}" for c in value) + "'"


def _texts(*values: str) -> dict[str, Any]:
    return {sql_text(value): value for value in values}


def _numbers(*values: str) -> dict[str, Any]:
    return {f"'{value}'": Fraction(value) for value in values}


def _floats(*values: float, narrow: bool = False) -> dict[str, Any]:
    return {f"'{value!r}'": single(value) if narrow else value for value in values}


def _dt(text: str, days: int, micros: int = 0) -> tuple[str, int]:
    return f"'{text}'", days * DAY + micros


NOON = 43_200_000_000
MOMENTS = dict(
    [
        _dt("1970-01-01 00:00:00", 0),
        _dt("2024-02-29 12:00:00.123456", 19_782, NOON + 123_456),
        _dt("2024-02-29 12:00:00", 19_782, NOON),
        _dt("2024-03-01 00:00:00", 19_783),
        _dt("2023-12-31 23:59:59.999999", 19_722, DAY - 1),
        _dt("1969-12-31 23:59:59.5", -1, DAY - 500_000),
        _dt("9999-12-31 23:59:59.999999", 2_932_896, DAY - 1),
        _dt("10000-01-01 00:00:00", 2_932_897),
        _dt("0001-01-01 00:00:00", -719_162),
        _dt("0001-12-31 00:00:00 BC", -719_163),
        _dt("0044-03-15 12:00:00 BC", -735_160, NOON),
    ]
)
FAR = {"'294276-12-31 23:59:59.999999'": LAST_MICROS, "'4713-01-01 00:00:00 BC'": -2_440_550 * DAY}
INFINITE = {"'infinity'": None, "'-infinity'": None}


def _instants(offset: str) -> dict[str, Any]:
    """Times with an offset from UTC behind them, before the BC."""
    return {(f"'{sql[1:-1].removesuffix(' BC')}{offset}{' BC' if ' BC' in sql else ''}'"): value for sql, value in (MOMENTS | FAR).items()}


DAYS = {
    "'1970-01-01'": 0, "'2024-02-29'": 19_782, "'2024-03-01'": 19_783, "'2023-12-31'": 19_722, "'1969-12-31'": -1, "'9999-12-31'": 2_932_896,
    "'10000-01-01'": 2_932_897, "'0001-01-01'": -719_162, "'0001-12-31 BC'": -719_163, "'0044-03-15 BC'": -735_160, "'4713-01-01 BC'": -2_440_550,
}  # fmt: skip
CLOCKS = {
    "'00:00'": 0, "'00:00:00.000001'": 1, "'12:00'": NOON, "'12:34:56.789'": 45_296_789_000, "'23:59:59.999999'": DAY - 1, "'23:59:59'": DAY - 1_000_000,
    "'24:00'": None,
}  # fmt: skip
SPANS = {
    "'0'": 0, "'1 second'": 1_000_000, "'-1.5 seconds'": -1_500_000, "'1 day'": DAY, "'24 hours'": DAY, "'-1 day'": -DAY, "'1 day -24 hours'": 0,
    "'1 day 12:00:00.000001'": DAY + NOON + 1, "'100000 days'": 100_000 * DAY, "'-0.000001 seconds'": -1, "'infinity'": None, "'-infinity'": None,
}  # fmt: skip
MONTHS = {
    "'1 month'": 30 * DAY, "'30 days'": 30 * DAY, "'1 month -30 days'": 0, "'0'": 0, "'-1 month'": -30 * DAY, "'29 days 24 hours'": 30 * DAY,
    "'5 months'": 150 * DAY, "'31 days'": 31 * DAY,
}  # fmt: skip
GUIDS = {
    f"'{text}'": text
    for text in (
        "00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "0a000000-0000-0000-0000-00000000000f", "9fffffff-0000-4000-8000-000000000000",
    )
}  # fmt: skip
JSONS = {
    """'"x"'""": "x", "'null'": None, """'{"a": 1}'""": '{"a": 1}', "'1'": "1", "'true'": "true", "'[]'": "[]", """'""'""": "", """'"it''s \\"q\\""'""": 'it\'s "q"',
    """'"{\\"a\\": 1}"'""": '{"a": 1}', """'"é\\n"'""": "é\n",
}  # fmt: skip

_SIX = {"$Precision": 6}
_ANY_SCALE = {"$Scale": "variable"}
COLUMNS: dict[str, Column] = {
    "i2": Column("int2", "Edm.Int16", "int", {n: int(n) for n in ("0", "1", "-1", "7", "32767", "-32768")}),
    "i4": Column("int4", "Edm.Int32", "int", {n: int(n) for n in ("0", "1", "-1", "3", "46341", "2147483647", "-2147483648")}),
    "i8": Column("int8", "Edm.Int64", "int", {n: int(n) for n in ("0", "2", "-3", "9007199254740993", "9223372036854775807", "-9223372036854775808")}),
    "n": Column(
        "numeric",
        "Edm.Decimal",
        "dec",
        _numbers("0", "1", "0.1", "-0.1", "0.1000000000000000000001", "12345678901234567890.123", "-1e-20", "1e30", "2.5", "-2.5", "3.00")
        | {"'NaN'": None, "'Infinity'": None, "'-Infinity'": None},
        facets=_ANY_SCALE,
    ),
    "n2": Column("numeric(12,2)", "Edm.Decimal", "dec", _numbers("0", "0.01", "19.90", "-9999999999.99", "1.50", "1.05") | {"'NaN'": None}, facets={"$Precision": 12, "$Scale": 2}),
    "f4": Column("float4", "Edm.Single", "sgl", _floats(0.0, -0.0, 0.1, -0.1, 1.5, 16777216.0, 3.4028235e38, 1e-45, inf, -inf, nan, 2.5, 0.3, narrow=True)),
    "f8": Column("float8", "Edm.Double", "dbl", _floats(0.0, -0.0, 0.1, 0.3, 0.5, -2.5, 1e15, 1e308, 5e-324, inf, -inf, nan, 9007199254740992.0)),
    "flag": Column("bool", "Edm.Boolean", "bool", {"true": True, "false": False}),
    "txt": Column("text", "Edm.String", "str", _texts(*HOSTILE)),
    "vc": Column("varchar(20)", "Edm.String", "str", _texts(*HOSTILE[:24]), facets={"$MaxLength": 20}),
    "nm": Column("name", "Edm.String", "str", _texts(*HOSTILE[:16])),
    "cc": Column('text COLLATE "C"', "Edm.String", "str", _texts(*HOSTILE)),
    "uc": Column('text COLLATE "pg_unicode_fast"', "Edm.String", "str", _texts(*HOSTILE)),
    "cit": Column("citext", "Edm.String", "own", _texts("Alpha", "alpha", "ALPHA", "beta", "", "Ä", "ä", "it's", "a b")),
    "ch": Column("char(4)", "Edm.String", "own", {"'ab'": "ab", "'ab  '": "ab", "'abcd'": "abcd", "''": "", "'b'": "b", "' b'": " b"}),
    "en": Column("mood", "Edm.String", "own", {sql_text(t): t for t in ("sad", "ok", "happy", "very happy", "1st", "it's", "ö/&")}),
    "ip": Column("inet", "Edm.String", "own", {f"'{t}'": t for t in ("10.0.0.1", "9.0.0.1", "10.0.0.1/8", "::1", "2001:db8::/32", "192.168.100.128/25")}),
    "doc": Column("json", "Edm.String", "str", JSONS),
    "docb": Column("jsonb", "Edm.String", "str", JSONS),
    "ut": Column("uuid", "Edm.String", "own", GUIDS),
    "arr": Column("int4[]", "Edm.String", "own", {f"'{t}'": t for t in ("{}", "{1,2}", "{1,NULL}", "{10}", "{{1,2},{3,4}}", "{2}")}, ordered=False),
    "rng": Column("int4range", "Edm.String", "own", {f"'{t}'": t for t in ("[1,5)", "[2,3)", "empty", "[10,20)", "(,)", "[1,)")}, ordered=False),
    "pair": Column("pair", "Edm.String", "own", {"ROW(1,'a \"b\"')": '(1,"a ""b""")', "ROW(NULL,NULL)": "(,)", "ROW(10,'')": '(10,"")', "ROW(2,'x')": "(2,x)"}, ordered=False),
    "mac": Column("macaddr", "Edm.String", "own", {f"'{t}'": t for t in ("08:00:2b:01:02:03", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff")}, ordered=False),
    "bits": Column("varbit", "Edm.String", "own", {"B'101'": "101", "B''": "", "B'0'": "0", "B'1'": "1"}, ordered=False),
    "ts": Column("timestamp", "Edm.DateTimeOffset", "dt", MOMENTS | FAR | INFINITE, facets=_SIX),
    "tz": Column("timestamptz", "Edm.DateTimeOffset", "dt", _instants("+00") | INFINITE, facets=_SIX),
    "day": Column("date", "Edm.Date", "date", DAYS | INFINITE),
    "clock": Column("time", "Edm.TimeOfDay", "tod", CLOCKS, facets=_SIX),
    "span": Column("interval", "Edm.Duration", "dur", SPANS, facets=_SIX),
    "months": Column("interval", "Edm.Duration", "dur", MONTHS, facets=_SIX),
    "gid": Column("uuid", "Edm.Guid", "guid", GUIDS),
    "bin": Column("bytea", "Edm.Binary", "bin", {r"'\x'": b"", r"'\x00ff10'": b"\x00\xff\x10", r"'\xfbff'": b"\xfb\xff", r"'\x61'": b"a"}, ordered=False),
}  # fmt: skip
"""The columns of the table `beasts`, which is of every type."""

KEYS: dict[str, tuple[Column, ...]] = {
    "KeyInt2": (COLUMNS["i2"],),
    "KeyInt4": (COLUMNS["i4"],),
    "KeyInt8": (COLUMNS["i8"],),
    "KeyNumeric": (COLUMNS["n"],),
    "KeyDecimal": (COLUMNS["n2"],),
    "KeyBool": (COLUMNS["flag"],),
    "KeyText": (COLUMNS["txt"],),
    "KeyVarchar": (COLUMNS["vc"],),
    "KeyCollated": (COLUMNS["cc"],),
    "KeyCitext": (COLUMNS["cit"],),
    "KeyChar": (COLUMNS["ch"],),
    "KeyEnum": (COLUMNS["en"],),
    "KeyInet": (COLUMNS["ip"],),
    "KeyTimestamp": (COLUMNS["ts"],),
    "KeyTimestamptz": (COLUMNS["tz"],),
    "KeyDate": (COLUMNS["day"],),
    "KeyTime": (COLUMNS["clock"],),
    "KeyInterval": (COLUMNS["span"],),
    "KeyGuid": (COLUMNS["gid"],),
    "KeyUuidText": (COLUMNS["ut"],),
    "KeyComposite": (COLUMNS["vc"], COLUMNS["i2"], COLUMNS["day"]),
    "KeyMixed": (COLUMNS["flag"], COLUMNS["gid"], COLUMNS["tz"], COLUMNS["n2"]),
}
"""The tables of keys: each has a key of these columns, which are k0, k1, ..., a `note`, and another row of the same table as its `parent`."""


def ranked(column: Column, sql: str, ranks: dict[str, int]) -> Ranked:
    """A value whose column has an order of its own, in which Postgres has ranked all of its values."""
    alike = frozenset(column.values[other] for other, rank in ranks.items() if rank == ranks[sql])
    return Ranked(ranks[sql], column.values[sql], alike)


@dataclass(frozen=True)
class Table:
    """A table: its columns by property, the names of its key, and its rows."""

    name: str
    columns: dict[str, Column]
    key: tuple[str, ...]
    rows: list[dict[str, Any]]
    ranks: dict[int, dict[str, int]]

    def pool(self, name: str) -> list[Any]:
        """The values that a column may have, without null; also some that none of its rows has."""
        column = self.columns[name]
        if column.kind != "own":
            return [value for value in column.values.values() if value is not None]
        return [ranked(column, sql, self.ranks[id(column)]) for sql in column.values]

    def kind(self, name: str) -> str:
        return self.columns[name].kind

    def key_of(self, row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in self.key)


@dataclass(frozen=True)
class Written:
    """A table with each value as its SQL, None for NULL; `ranked` is made from it when Postgres has told the orders."""

    name: str
    columns: dict[str, Column]
    key: tuple[str, ...]
    rows: list[dict[str, str | None]]

    @property
    def sql_name(self) -> str:
        return self.name.lower()

    def value(self, name: str, sql: str | None) -> Any:
        return None if sql is None else self.columns[name].values[sql]


_ID = Column("int4", "Edm.Int32", "int", {str(n): n for n in range(1, 1000)})


def _beasts() -> Written:
    """Each column has each of its values, and nulls; which stand in one row is left to chance."""
    columns = {"id": _ID} | COLUMNS
    drawn: dict[str, list[str | None]] = {}
    for name, column in COLUMNS.items():
        random, pool = Random(f"beasts {name}"), [*column.values, None, None]
        own = (pool * (ROWS // len(pool) + 1))[:ROWS] if len(pool) <= ROWS else pool[:ROWS]
        random.shuffle(own)
        drawn[name] = own
    rows = [{"id": str(i + 1)} | {name: drawn[name][i] for name in COLUMNS} for i in range(ROWS)]
    return Written("Beasts", columns, ("id",), rows)


def _keyed(name: str, columns: Sequence[Column]) -> Written:
    """Rows with different keys; null is no key, and of equal ones the first is taken."""
    random, names = Random(f"keys {name}"), tuple(f"k{i}" for i in range(len(columns)))
    pools = [[sql for sql, value in column.values.items() if value is not None] for column in columns]
    if len(columns) == 1:
        chosen = [(sql,) for sql in pools[0]]
    else:
        chosen = list({tuple(random.choice(pool) for pool in pools): None for _ in range(12)})
    note = Column("text", "Edm.String", "str", _texts(*(f"note {i}" for i in range(len(chosen)))))
    rows = [dict(zip(names, key, strict=True)) | {"note": sql} for key, sql in zip(chosen, note.values, strict=True)]
    return Written(name, dict(zip(names, columns, strict=True)) | {"note": note}, names, rows)


WRITTEN = (_beasts(), *(_keyed(name, columns) for name, columns in KEYS.items()))
TYPES_SQL = """
CREATE EXTENSION IF NOT EXISTS citext;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'very happy', '1st', 'it''s', 'ö/&');
CREATE TYPE pair AS (a integer, b text);
"""


def script(reader: str) -> str:
    """The SQL that makes the tables. Rows with a key that is there already are left out by Postgres, which knows what is equal."""
    lines = [TYPES_SQL]
    for table in WRITTEN:
        own = ", ".join(f"{name} {column.pg}" for name, column in table.columns.items())
        key = ", ".join(table.key)
        refers = "" if table.name == "Beasts" else f", {', '.join(f'parent_{k} {table.columns[k].pg}' for k in table.key)}"
        lines.append(f"CREATE TABLE {table.sql_name} ({own}{refers}, PRIMARY KEY ({key}));")
        names = ", ".join(table.columns)
        for row in table.rows:
            values = ", ".join(
                "NULL" if (sql := row[name]) is None else f"CAST({sql} AS {column.pg.partition(' COLLATE')[0]})"
                for name, column in table.columns.items()
            )
            lines.append(f"INSERT INTO {table.sql_name} ({names}) VALUES ({values}) ON CONFLICT DO NOTHING;")
        if refers:
            lines.append(_parent_sql(table))
        lines.append(f"GRANT SELECT ON {table.sql_name} TO {reader};")
    return "\n".join(lines)


def _parent_sql(table: Written) -> str:
    """The rows are a tree, in the order of their notes: three rows have the first as their parent, three the second, ..."""
    name, key = table.sql_name, table.key
    rows = f"SELECT {', '.join(key)}, (row_number() OVER (ORDER BY note) - 1) AS n FROM {name}"
    sets = ", ".join(f"parent_{k} = p.{k}" for k in key)
    same = " AND ".join(f"t.{k} = c.{k}" for k in key)
    foreign = ", ".join(f"parent_{k}" for k in key)
    return (
        f"UPDATE {name} AS t SET {sets} FROM ({rows}) AS c, ({rows}) AS p WHERE {same} AND c.n > 0 AND p.n = (c.n - 1) / {CHILDREN};\n"
        f"ALTER TABLE {name} ADD FOREIGN KEY ({foreign}) REFERENCES {name};"
    )


def model() -> str:
    """The model of the tables as CSDL JSON."""
    types: dict[str, Any] = {}
    container: dict[str, Any] = {"$Kind": "EntityContainer", **tokens.TABLES}
    for table in WRITTEN:
        entity: dict[str, Any] = {
            "$Kind": "EntityType",
            "$Key": list(table.key),
            "@Gateway.Table": f"public.{table.sql_name}",
            "@Gateway.Unscoped": True,
        }
        for name, column in table.columns.items():
            entity[name] = {"$Type": column.edm, **column.facets, **({} if name in table.key else {"$Nullable": True})}
        own: dict[str, Any] = {"$Collection": True, "$Type": f"Zoo.{table.name}"}
        if table.name != "Beasts":
            for name in table.key:
                column = table.columns[name]
                entity[f"parent_{name}"] = {"$Type": column.edm, **column.facets, "$Nullable": True}
            entity["parent"] = {
                "$Kind": "NavigationProperty", "$Type": f"Zoo.{table.name}", "$Nullable": True, "$Partner": "children",
                "$ReferentialConstraint": {f"parent_{name}": name for name in table.key},
            }  # fmt: skip
            entity["children"] = {"$Kind": "NavigationProperty", "$Type": f"Zoo.{table.name}", "$Collection": True, "$Partner": "parent"}
            own["$NavigationPropertyBinding"] = {"parent": table.name, "children": table.name}
        types[table.name] = entity
        container[table.name] = own
    return json.dumps({"$Version": "4.01", "$EntityContainer": "Zoo.Service", "Zoo": {**types, "Service": container}})


async def load(dsn: str) -> dict[str, Table]:
    """The tables as the oracle has them, by name. Postgres tells which rows it took, and in which order texts of odd types stand."""
    connection = await asyncpg.connect(dsn)
    try:
        ranks = {
            id(column): await _ranks(connection, column) for table in WRITTEN for column in table.columns.values() if column.kind == "own"
        }
        return {table.name: await _loaded(connection, table, ranks) for table in WRITTEN}
    finally:
        await connection.close()


async def _ranks(connection: asyncpg.Connection, column: Column) -> dict[str, int]:
    """The place of each value in the order of its column, by its SQL."""
    type_, _, collation = column.pg.partition(" COLLATE ")
    values = ", ".join(f"({at}, CAST({sql} AS {type_}))" for at, sql in enumerate(column.values))
    order = f"v COLLATE {collation}" if collation else "v"
    rows = await connection.fetch(f"SELECT at, dense_rank() OVER (ORDER BY {order}) AS place FROM (VALUES {values}) AS x (at, v)")
    names = list(column.values)
    return {names[row["at"]]: row["place"] for row in rows}


async def _loaded(connection: asyncpg.Connection, table: Written, ranks: dict[int, dict[str, int]]) -> Table:
    tag = "id" if table.name == "Beasts" else "note"
    there = {str(row[0]) for row in await connection.fetch(f"SELECT {tag} FROM {table.sql_name}")}
    rows: list[dict[str, Any]] = []
    for written in table.rows:
        row = {name: table.value(name, sql) for name, sql in written.items()}
        for name, column in table.columns.items():
            sql = written[name]
            if column.kind == "own" and sql is not None:
                row[name] = ranked(column, sql, ranks[id(column)])
        if str(row[tag]) in there:
            rows.append(row)
    if table.name == "Beasts":
        return Table(table.name, table.columns, table.key, rows, ranks)
    in_turn = sorted(rows, key=lambda row: str(row["note"]))
    for at, row in enumerate(in_turn):
        row["parent"] = in_turn[(at - 1) // CHILDREN] if at else None
        row |= {f"parent_{name}": row["parent"][name] if at else None for name in table.key}
    for row in rows:
        found = [other for other in rows if other["parent"] is row]
        row["children"] = sorted(found, key=lambda row: [type_values.key(row[name]) for name in table.key])
    columns = table.columns | {f"parent_{name}": table.columns[name] for name in table.key}
    return Table(table.name, columns, table.key, rows, ranks)
