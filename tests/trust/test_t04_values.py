"""T4: any value a Postgres column can hold streams, in a page with all others, alone, and as a raw value: as it is, or as docs/odata.md says.

One table with a column of each type, one row a value; the model beside it is made of the same list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.harness import tokens
from tests.harness.cluster import READER, Cluster
from tests.harness.figures import record
from tests.harness.gateway import Gateway, start_gateway

TEXT = {"$Type": "Edm.String"}
# column: (its type in Postgres, its declaration, {value in SQL: value in JSON})
COLUMNS = {
    "small": ("smallint", {"$Type": "Edm.Int16"}, {"-32768": -32768, "32767": 32767}),
    "whole": ("integer", {"$Type": "Edm.Int32"}, {"-2147483648": -(2**31), "2147483647": 2**31 - 1}),
    "big": ("bigint", {"$Type": "Edm.Int64"}, {"-9223372036854775808": -(2**63), "9223372036854775807": 2**63 - 1}),
    "exact": (
        "numeric",
        {"$Type": "Edm.Decimal", "$Scale": "variable"},
        {"'NaN'": None, "'Infinity'": None, "'-Infinity'": None, "1e400": 10**400, "0.1000": 0.1, "-1e-20": -1e-20},
    ),
    "double": (
        "float8",
        {"$Type": "Edm.Double"},
        {"'NaN'": "NaN", "'Infinity'": "INF", "'-Infinity'": "-INF", "1e308": 1e308, "5e-324": 5e-324, "'-0'": 0.0},
    ),
    "single": ("float4", {"$Type": "Edm.Single"}, {"'NaN'": "NaN", "'Infinity'": "INF", "1.5": 1.5}),
    "flag": ("boolean", {"$Type": "Edm.Boolean"}, {"true": True, "false": False}),
    "moment": (
        "timestamp",
        {"$Type": "Edm.DateTimeOffset", "$Precision": 6},
        {
            "'infinity'": None, "'-infinity'": None, "'0044-03-15 12:00 BC'": "-0043-03-15T12:00:00.000000Z",
            "'4713-01-01 00:00 BC'": "-4712-01-01T00:00:00.000000Z", "'0001-01-01 BC'": "0000-01-01T00:00:00.000000Z",
            "'12021-12-11 12:41:26.745123'": "12021-12-11T12:41:26.745123Z", "'294276-12-31 23:59:59.999999'": "294276-12-31T23:59:59.999999Z",
            "'2021-12-11 24:00:00'": "2021-12-12T00:00:00.000000Z",
        },
    ),
    "zoned": (
        "timestamptz",
        {"$Type": "Edm.DateTimeOffset", "$Precision": 6},
        {"'2021-12-11 12:00+05:30'": "2021-12-11T06:30:00.000000Z", "'infinity'": None},
    ),
    "day": ("date", {"$Type": "Edm.Date"}, {"'infinity'": None, "'0001-12-31 BC'": "0000-12-31", "'10000-01-01'": "10000-01-01"}),
    "clock": ("time", {"$Type": "Edm.TimeOfDay", "$Precision": 6}, {"'24:00'": None, "'23:59:59.999999'": "23:59:59.999999"}),
    "span": (
        "interval",
        {"$Type": "Edm.Duration", "$Precision": 6},
        {"'1 day 02:00'": "PT93600.000000S", "'-1.5 seconds'": "-PT1.500000S", "'1 month'": "PT2592000.000000S"},
    ),
    "guid": ("uuid", {"$Type": "Edm.Guid"}, {"'00000000-0000-0000-0000-00000000000f'": "00000000-0000-0000-0000-00000000000f"}),
    "bytes": ("bytea", {"$Type": "Edm.Binary"}, {r"'\x00ff10'": "AP8Q", "''": "", r"decode(repeat('fb', 60), 'hex')": "-_v7" * 20}),
    "text": (
        "text",
        TEXT,
        {
            "''": "", r"E'\x01\x1f\x7f'": "\x01\x1f\x7f", r"E'\\'": "\\", r"E'\u2028\u2029'": "\u2028\u2029", r"U&'\+01F469\+01F600'": "👩😀",
            r"""E'"\r\n\t\b/'""": '"\r\n\t\b/', r"E'\ufeff\ufffe'": "\ufeff\ufffe", "'null'": "null",
        },
    ),
    "doc": ("json", TEXT, {r"""'{"a":"\u0000"}'""": r'{"a":"\u0000"}', "'null'": None, """'{"a": 1, "a": 2}'""": '{"a": 1, "a": 2}'}),
    "docb": ("jsonb", TEXT, {"""'{"b":1,"a":[1e400]}'""": '{"a": [1' + "0" * 400 + '], "b": 1}', "'null'": None, """'"x"'""": "x"}),
    "list": ("integer[]", TEXT, {"'{1,NULL,3}'": "{1,NULL,3}", "'{}'": "{}", "'{{1,2},{3,4}}'": "{{1,2},{3,4}}"}),
    "texts": ("text[]", TEXT, {r"""ARRAY['a"b', 'c\d', '', NULL]""": r'{"a\"b","c\\d","",NULL}'}),
    "address": ("inet", TEXT, {"'10.0.0.1'": "10.0.0.1", "'2001:db8::/32'": "2001:db8::/32"}),
    "colour": ("colour", TEXT, {"'r\"ed'": 'r"ed', "'blue'": "blue"}),
    "named": ("short_name", TEXT, {"'it''s'": "it's"}),
    "pair": ("pair", TEXT, {"ROW(1, 'a \"b\"')": '(1,"a ""b""")', "ROW(NULL, NULL)": "(,)"}),
    "bits": ("bit varying", TEXT, {"B'0101'": "0101", "B''": ""}),
    "range": ("int4range", TEXT, {"'[1,5)'": "[1,5)", "'empty'": "empty"}),
    "money": ("money", TEXT, {"1234.5": "$1,234.50"}),
}  # fmt: skip
VALUES = [(column, sql, wanted) for column, (_, _, values) in COLUMNS.items() for sql, wanted in values.items()]


def model() -> dict[str, object]:
    properties = {name: {**declared, "$Nullable": True} for name, (_, declared, _) in COLUMNS.items()}
    odd = {"$Kind": "EntityType", "$Key": ["id"], "@Gateway.Table": "public.odd", "@Gateway.Unscoped": True, "id": {"$Type": "Edm.Int32"}}
    container = {"$Kind": "EntityContainer", **tokens.TABLES, "Odd": {"$Collection": True, "$Type": "Odd.Odd"}}
    return {"$Version": "4.01", "$EntityContainer": "Odd.Service", "Odd": {"Odd": odd | properties, "Service": container}}


def script() -> str:
    columns = ", ".join(f"{name} {kind}" for name, (kind, _, _) in COLUMNS.items())
    rows = "".join(f"INSERT INTO odd (id, {column}) VALUES ({number}, {sql});\n" for number, (column, sql, _) in enumerate(VALUES, 1))
    return (
        "CREATE TYPE colour AS ENUM ('r\"ed', 'blue'); CREATE DOMAIN short_name AS text CHECK (length(VALUE) < 10);"
        f"CREATE TYPE pair AS (a integer, b text); CREATE TABLE odd (id integer PRIMARY KEY, {columns});\n{rows}"
        f"GRANT SELECT ON odd TO {READER};"
    )


@pytest.fixture(scope="module")
def odd(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The program over that table, in pages small and large."""
    path: Path = tmp_path_factory.mktemp("odd") / "model.json"
    path.write_text(json.dumps(model()))
    cluster.load("odd")
    cluster.psql("odd", script())
    with ExitStack() as stack:
        yield stack.enter_context(start_gateway(ODATA_DSN=cluster.dsn(user=READER, database="odd"), ODATA_MODEL=str(path)))
    cluster.psql("postgres", "DROP DATABASE odd WITH (FORCE)")


def test_t04_one_page_holds_all_values(odd):
    rows = odd.get("Odd").rows
    assert [row["id"] for row in rows] == list(range(1, len(VALUES) + 1))
    wrong = {(column, sql): row[column] for row, (column, sql, wanted) in zip(rows, VALUES, strict=True) if row[column] != wanted}
    assert not wrong
    assert all(
        value is None for row, (column, *_) in zip(rows, VALUES, strict=True) for name, value in row.items() if name not in ("id", column)
    )
    record("T4", "values read as documented", len(VALUES) - len(wrong), at_least=len(VALUES))


def test_t04_each_value_alone_and_in_every_order(odd):
    for column in COLUMNS:
        own = [(number, wanted) for number, (name, _, wanted) in enumerate(VALUES, 1) if name == column]
        for number, wanted in own:
            reply = odd.get(f"Odd({number})/{column}")
            assert (reply.status, None if wanted is None else reply.json()["value"]) == (204 if wanted is None else 200, wanted), (
                column,
                wanted,
            )
            assert odd.get(f"Odd({number})/{column}/$value").status == (204 if wanted is None else 200)
        if column != "bytes":  # Edm.Binary has no order, and says so
            ordered = [
                row["id"] for page in odd.pages(f"Odd?$orderby={column}&$select=id", headers={"Prefer": "maxpagesize=7"}) for row in page
            ]
            assert sorted(ordered) == list(range(1, len(VALUES) + 1)), column


def test_t04_a_text_of_100_mb_streams(cluster, odd):
    cluster.psql("odd", "INSERT INTO odd (id, text) VALUES (100000, repeat('0123456789', 10000000))")
    reply = odd.get("Odd?$filter=id eq 100000&$select=text")
    assert reply.status == 200
    assert len(reply.json()["value"][0]["text"]) == 100_000_000
    cluster.psql("odd", "DELETE FROM odd WHERE id = 100000")


@pytest.mark.parametrize("column", ["double", "single"])
def test_a_stored_nan_equals_nothing_and_has_no_order(odd, column):
    """Postgres has it equal to itself and above all numbers (URL Conventions 5.1.1.1.1)."""

    def shown(odata: str) -> list[object]:
        return [row[column] for row in odd.get(f"Odd?$select={column}&$filter={column} ne null and ({odata})").rows]

    everything = shown("true")
    numbers = [value for value in everything if value != "NaN"]
    assert "NaN" in everything and "INF" in numbers
    for odata in (
        f"{column} gt 1e0",
        f"1e0 lt {column}",
        f"{column} ge 1.5",
        f"{column} eq {column}",
        f"{column} le INF",
        f"{column} in (NaN,INF)",
    ):
        assert "NaN" not in shown(odata) and shown(odata), odata
    assert "NaN" in shown(f"not ({column} gt 1)") and shown(f"{column} ne {column}") == ["NaN"] and "NaN" in shown(f"{column} ne 1")
    assert shown(f"{column} ge 0 or {column} lt 0") == numbers and shown(f"{column} mul 1 gt INF") == []
