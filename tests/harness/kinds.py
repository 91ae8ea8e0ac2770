"""Tables of every type that a column can have: one table of its own for each type, with the type as its key, and a model over them.

The rows of a table are in the order of the type. Tests that compare what Postgres and the gateway say of a value walk `KINDS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness import tokens
from tests.harness.cluster import READER, Cluster

TEXT: dict[str, Any] = {"$Type": "Edm.String"}
TIME: dict[str, Any] = {"$Type": "Edm.DateTimeOffset", "$Precision": 6}
HOSTILE = (
    "", " ", "  two  ", "a b", "O'Neil", "''", "'", "100%", "%41", "%2F", "a/b", "/", "//", "a?b", "#", "a&b=c", "1+1", "a,b", "(x)", "a=b", ";", ":", "@a",
    "$filter", "!", "*", "~", "back\\slash", "\\", '"', "<b>", "[x]", "{y}", "|", "^", "`", "Ä", "ä", "a\u0308", "ß", "Straße", "漢字", "🎉", "👩\u200d🚀", "\ufeff",
    "\u00a0", "\u2028", "\u200b", "\t", "\n", "\r\n", "\x01", "\x1f", "\x7f", "\x85", "null", "true", "1", "-1", "NaN", "2021-11-23", "duration'PT1S'", ".", "..",
    "%", "%%", "\uffff", "\U0010ffff", "x" * 300,
)  # fmt: skip
"""Texts that may break a URL, a link or a statement."""


@dataclass(frozen=True)
class Kind:
    """A type, its declaration, and values as Postgres writes them, each once by the type's own equality.

    same    further literals of the URL that equal one of the values: (literal, value)
    absent  literals of the URL that equal none, but are no mistake
    key     whether a model may have it as a key
    many    an expression of `n` that makes 20,000 different values, or few where the type has no more
    """

    name: str
    pg_type: str
    declared: dict[str, Any]
    values: tuple[str, ...]
    same: tuple[tuple[str, str], ...] = ()
    absent: tuple[str, ...] = ()
    key: bool = True
    many: str = ""
    preamble: str = field(default="", repr=False)

    @property
    def set_name(self) -> str:
        return f"By{self.name.title().replace('_', '')}"

    @property
    def table(self) -> str:
        return f"kinds.by_{self.name}"


KINDS = (
    Kind("int4", "int4", {"$Type": "Edm.Int32"}, ("-2147483648", "-1", "0", "2147483647"), absent=("5",), many="n"),
    Kind("int8", "int8", {"$Type": "Edm.Int64"}, ("-9223372036854775808", "9007199254740993"), absent=("5",), many="n"),
    Kind("int2", "int2", {"$Type": "Edm.Int16"}, ("-32768", "7"), absent=("5",), many="n"),
    Kind("numeric", "numeric", {"$Type": "Edm.Decimal", "$Scale": "variable"}, ("-0.001", "19.90", "12345678901234567890.123"), absent=("5",), many="n / 7.0"),
    Kind("bool", "bool", {"$Type": "Edm.Boolean"}, ("false", "true")),
    Kind("date", "date", {"$Type": "Edm.Date"}, ("0044-03-15 BC", "2024-02-29", "10000-01-01"), absent=("2024-03-01",), many="date '2000-01-01' + n"),
    Kind("time", "time", {"$Type": "Edm.TimeOfDay", "$Precision": 6}, ("00:00:00", "23:59:59.5"), absent=("12:00:00",), many="time '00:00' + n * interval '1 s'"),
    Kind(
        "timestamp", "timestamp", TIME, ("0044-03-15 00:00:00 BC", "2024-02-29 12:00:00.123456", "10000-01-01 00:00:00"),
        absent=("2024-02-29T12:00:00Z",), many="timestamp '2000-01-01' + n * interval '1 h'",
    ),
    Kind(
        "timestamptz", "timestamptz", TIME, ("0044-03-15 00:00:00+00 BC", "2024-02-29 12:00:00.123456+00", "10000-01-01 00:00:00+00"),
        absent=("2024-02-29T12:00:00Z",), many="timestamptz '2000-01-01Z' + n * interval '1 h'",
    ),
    Kind(
        "interval", "interval", {"$Type": "Edm.Duration", "$Precision": 6}, ("-178956970 years", "-00:00:01.5", "00:00:00", "1 day", "1 mon 2 days 03:04:05.6", "1 year", "178956970 years 7 mons 2147483646 days"),
        same=(("duration'P1D'", "1 day"), ("duration'PT24H'", "1 day")), absent=("duration'PT7S'",), many="n * interval '1 s'",
    ),
    Kind("uuid", "uuid", {"$Type": "Edm.Guid"}, ("00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
         absent=("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12",), many="md5(n::text)::uuid"),
    Kind("text", "text", {**TEXT, "@Gateway.Search": True}, HOSTILE, absent=("'nope'",), many="'t' || n"),
    Kind("varchar", "varchar(10)", TEXT, ("", "Ä", "abc"), absent=("'ABC'",), many="'t' || n"),
    Kind("text_c", 'text COLLATE "C"', TEXT, ("B", "a", "Ä"), absent=("'A'",), many="'t' || n"),
    Kind("text_ucs", 'text COLLATE "ucs_basic"', TEXT, ("B", "a", "Ä"), absent=("'A'",), many="'t' || n"),
    Kind("name", "name", TEXT, ("", "B", "a b"), absent=("'A'",), many="'t' || n"),
    Kind("char", "char(6)", TEXT, ("", "ab", "cdef", "Ä%"), same=(("'ab  '", "ab"), ("'ab'", "ab"), ("'    '", "")), absent=("'AB'", "'abcdefgh'"), many="n::text"),
    Kind("char1", '"char"', TEXT, ("", "%", "c"), absent=("'cc'", "'Ä'", "'x'")),
    Kind("citext", "citext", TEXT, ("", "Alpha", "beta", "Straße/1"), same=(("'ALPHA'", "Alpha"), ("'alpha'", "Alpha"), ("'BETA'", "beta")), absent=("'alph'", "'alpha '"), many="'T' || n"),
    Kind("enum", "kinds.mood", TEXT, ("sad", "ok", "happy", "very happy", "1st", "it's 100%", "Ä\\\"/"), absent=("'SAD'", "'nope'", "''"),
         many="(ARRAY['sad','ok','happy','very happy','1st'])[1 + n % 5]::kinds.mood"),
    Kind("inet", "inet", TEXT, ("9.0.0.1", "10.1.2.3/8", "10.0.0.1", "::1", "::ffff:1.2.3.4", "2001:db8::/32"),
         same=(("'10.0.0.1/32'", "10.0.0.1"), ("'0:0::1'", "::1"), ("'2001:DB8::/32'", "2001:db8::/32")), absent=("'10.0.0.2'", "'10.0.0.1/31'", "'nope'", "''", "'10.0.0.1 '", "'10.0.0.1/'", "'fe80::1%25eth0'"),
         many="'10.0.0.0'::inet + n"),
    Kind("cidr", "cidr", TEXT, ("10.0.0.0/8", "10.1.2.0/24", "::/0"), absent=("'10.0.0.1/8'", "'10.0.0.0'", "'nope'", "''"), many="('10.0.0.0'::inet + n)::cidr"),
    Kind("macaddr", "macaddr", TEXT, ("00:00:00:00:00:00", "08:00:2b:01:02:03"), same=(("'08-00-2B-01-02-03'", "08:00:2b:01:02:03"),), absent=("'nope'", "''", "'08:00:2b:01:02'"),
         many="lpad(to_hex(n), 12, '0')::macaddr"),
    Kind("macaddr8", "macaddr8", TEXT, ("00:00:00:00:00:00:00:00", "08:00:2b:ff:fe:01:02:03"), absent=("'nope'", "''"), many="lpad(to_hex(n), 16, '0')::macaddr8"),
    Kind("money", "money", TEXT, ("-$1,234.50", "$0.00", "$19.90"), absent=("'19.90 EUR'", "'nope'", "''", "'$99999999999999999999.00'"), many="n::money"),
    Kind("money_number", "money", {"$Type": "Edm.Decimal", "@Gateway.PgType": "money", "$Scale": "variable"}, ("-92233720368547758.07", "0", "19.90"), absent=("5", "0.001"), key=False),
    Kind("bit", "bit(4)", TEXT, ("0000", "1010"), absent=("'101'", "'10100'", "'2'", "''"), many="n::bit(4)"),
    Kind("varbit", "varbit", TEXT, ("", "0", "101"), absent=("'1010'", "'2'", "'x1F'"), many="n::bit(20)::varbit"),
    Kind("oid", "oid", TEXT, ("0", "7", "4294967295"), absent=("'4294967296'", "'-1'", "'nope'", "''", "'07'"), many="n::oid"),
    Kind("pg_lsn", "pg_lsn", TEXT, ("0/0", "16/B374D848"), same=(("'16/b374d848'", "16/B374D848"),), absent=("'nope'", "''", "'16/'"), many="('0/' || to_hex(n))::pg_lsn"),
    Kind("uuid_text", "uuid", TEXT, ("00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
         absent=("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "'nope'", "''"), many="md5(n::text)::uuid"),
    Kind("citext_domain", "kinds.email", TEXT, ("Ann@Example.org", "x@y"), same=(("'ann@example.ORG'", "Ann@Example.org"),), absent=("'ann'",), many="('A@' || n)::kinds.email"),
    Kind("enum_domain", "kinds.good_mood", TEXT, ("ok", "happy"), absent=("'nope'", "'sad'"), many="(ARRAY['ok','happy'])[1 + n % 2]::kinds.good_mood"),
    Kind("inet_domain", "kinds.host", TEXT, ("10.0.0.1", "10.0.0.2"), absent=("'nope'",), many="('10.0.0.0'::inet + n)::kinds.host"),
    Kind("timetz", "timetz", TEXT, ("12:00:00+02", "12:00:00+00"), absent=("'nope'",)),
    Kind("ranges", "int4range", TEXT, ("empty", "[1,5)", "[10,20)"), absent=("'[1,4]'", "'nope'")),
    Kind("int_array", "int4[]", TEXT, ("{}", "{1,2}"), absent=("'nope'", "'{1, 2}'")),
    Kind("interval_text", "interval", TEXT, ("00:00:01", "1 day"), absent=("'nope'",)),
    Kind("xid8", "xid8", TEXT, ("1", "18446744073709551615"), absent=("'nope'",)),
    Kind("tsvector", "tsvector", TEXT, ("", "'fox' 'quick'"), absent=("'nope'",)),
    Kind("json", "json", TEXT, ('{"a": 1}', "[1,  2]"), absent=("'nope'",), key=False),
    Kind("jsonb", "jsonb", TEXT, ('"x"', '{"a": 1}'), absent=("'nope'",), key=False),
    Kind("point", "point", TEXT, ("(1,2)", "(0,0)"), absent=("'nope'",), key=False),
    Kind("float4", "float4", {"$Type": "Edm.Single"}, ("-1.5", "0.1", "3e+38"), key=False, many="n / 8.0"),
    Kind("float8", "float8", {"$Type": "Edm.Double"}, ("-1.5", "0.1", "1e+308"), key=False, many="n / 8.0"),
    Kind("bytea", "bytea", {"$Type": "Edm.Binary"}, ("\\x", "\\x00ff10", "\\xdeadbeef"), key=False),
)  # fmt: skip
BY_NAME = {kind.name: kind for kind in KINDS}
ORDERED = (  # by their own order in `values`
    "int4", "int8", "numeric", "bool", "date", "time", "timestamp", "timestamptz", "interval", "uuid", "char", "citext", "enum", "cidr", "macaddr", "macaddr8", "money",
    "bit", "varbit", "oid", "pg_lsn", "uuid_text", "citext_domain", "enum_domain", "inet_domain",
)  # fmt: skip

SCHEMA = """
CREATE EXTENSION citext; CREATE SCHEMA kinds; GRANT USAGE ON SCHEMA kinds TO {reader};
CREATE TYPE kinds.mood AS ENUM ('sad', 'ok', 'happy', 'very happy', '1st', 'it''s 100%', E'Ä\\\\"/');
CREATE DOMAIN kinds.email AS public.citext CHECK (VALUE LIKE '%@%');
CREATE DOMAIN kinds.good_mood AS kinds.mood CHECK (VALUE <> 'sad'); CREATE DOMAIN kinds.host AS inet;
"""


def quoted(text: str) -> str:
    """A text as a constant in SQL."""
    doubled = text.replace("'", "''").replace("\\", "\\\\")
    return f"E'{doubled}'"


def script() -> str:
    """SQL that makes the tables: k, and beside it n, the number of the row, and v, the same value or null."""
    parts = [SCHEMA.format(reader=READER)]
    for kind in KINDS:
        key = "k" if kind.key else "n"
        parts.append(
            f"CREATE TABLE {kind.table} (k {kind.pg_type} NOT NULL, n int NOT NULL, v {kind.pg_type}, one int DEFAULT 1, PRIMARY KEY ({key}));"
        )
        for number, value in enumerate(kind.values):
            kept = quoted(value) if number % 3 != 2 else "NULL"
            parts.append(f"INSERT INTO {kind.table} VALUES ({quoted(value)}, {number}, {kept});")
        parts.append(f"ANALYZE {kind.table};")
    parts.append(f"GRANT SELECT ON ALL TABLES IN SCHEMA kinds TO {READER};")
    return "\n".join(parts)


def model() -> dict[str, Any]:
    """An entity type for each table. `same` leads from a row to itself by its key, `all` to all rows of its table."""
    schema: dict[str, Any] = {}
    container: dict[str, Any] = {"$Kind": "EntityContainer", **tokens.TABLES}
    for kind in KINDS:
        name = kind.set_name
        schema[name] = {
            "$Kind": "EntityType", "$Key": ["k" if kind.key else "n"], "@Gateway.Table": kind.table, "@Gateway.Unscoped": True,
            "k": kind.declared, "n": {"$Type": "Edm.Int32"}, "v": {**kind.declared, "$Nullable": True},
        }  # fmt: skip
        if kind.key:
            same, together = ["source.k = target.k"], ["source.one = target.one"]
            schema[name]["same"] = {"$Kind": "NavigationProperty", "$Type": f"Kinds.{name}", "$Nullable": True, "@Gateway.Join": same}
            schema[name]["all"] = {"$Kind": "NavigationProperty", "$Type": f"Kinds.{name}", "$Collection": True, "@Gateway.Join": together}
        container[name] = {"$Collection": True, "$Type": f"Kinds.{name}"}
        if kind.key:
            container[name]["$NavigationPropertyBinding"] = {"same": name, "all": name}
    return {"$Version": "4.01", "$EntityContainer": "Kinds.Service", "Kinds": {**schema, "Service": container}}


@contextmanager
def kinds_database(
    cluster: Cluster, name: str, folder: Path, *, more: str = "", change: Callable[[dict[str, Any]], None] = lambda _: None
) -> Iterator[dict[str, str]]:
    """A database with the tables; the settings of a gateway over it.

    more    SQL for further tables
    change  adds them to the model
    """
    path, document = folder / f"{name}.json", model()
    change(document)
    path.write_text(json.dumps(document))
    cluster.load(name)
    try:
        cluster.psql(name, script() + more)
        yield {"ODATA_DSN": cluster.dsn(user=READER, database=name), "ODATA_MODEL": str(path)}
    finally:
        cluster.psql("postgres", f"DROP DATABASE {name} WITH (FORCE)")
