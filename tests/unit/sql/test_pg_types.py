"""What the templates of types and functions say is right on a real Postgres, whatever a session is set to."""

import json

import asyncpg
import pytest
from odata_gateway.sql import functions, pg_types
from odata_gateway.sql.fragment import Sql, finish, raw
from odata_gateway.types.registry import OVERLOADS, PRIMITIVE_TYPES

# Settings that change how Postgres writes values, each against its default.
SETTINGS = "SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Kathmandu'; SET IntervalStyle = 'sql_standard'; SET extra_float_digits = -5; SET bytea_output = 'escape'"


@pytest.fixture
async def connection(dsn):
    found = await asyncpg.connect(dsn)
    await found.execute(SETTINGS)
    yield found
    await found.close()


def text(sql: Sql) -> str:
    return finish(sql).text


SAMPLES = {
    "boolean": "true", "string": "'abc'::text", "integer": "7::int8", "decimal": "7.5::numeric", "double": "7.5::float8", "datetime": "timestamp '2021-11-05 10:11:12.25'",
    "date": "date '2021-11-05'", "time": "time '10:11:12.25'", "duration": "interval '90 seconds'", "guid": "'426e80e0-94e3-8045-bcf4-efb9d40513f9'::uuid", "binary": "'\\x00ff'::bytea",
}  # fmt: skip
NULLS = {family: f"NULL::{value.partition('::')[2] or value.split()[0]}" for family, value in SAMPLES.items()} | {"boolean": "NULL::bool"}


OWN_FUNCTIONS = [overload for overload in OVERLOADS.values() if not overload.located]
OWN_TYPES = [type_ for type_ in PRIMITIVE_TYPES.values() if not type_.family.of_column]
"""Those that any Postgres has; tests/postgis has the others."""


@pytest.mark.parametrize("overload", OWN_FUNCTIONS, ids=lambda overload: overload.id)
async def test_a_function_of_null_is_null_in_every_position(connection, overload):
    families = [sorted(family.name for family in argument.families)[0] for argument in overload.arguments]
    values = [raw(SAMPLES[f]) for f in families]
    assert await connection.fetchval(f"SELECT {text(functions.function_sql(overload.id, tuple(values)))} IS NOT NULL")
    for i, family in enumerate(families):
        given = tuple(raw(NULLS[family]) if i == j else v for j, v in enumerate(values))
        assert await connection.fetchval(f"SELECT {text(functions.function_sql(overload.id, given))} IS NULL"), i


# (type, value in SQL, JSON)
JSON = [
    ("Edm.Boolean", "true", True),
    ("Edm.Int32", "(-2147483648)::int4", -2147483648),
    ("Edm.Int64", "9007199254740993::int8", 9007199254740993),
    ("Edm.Decimal", "1.50::numeric", 1.5),
    ("Edm.Decimal", "'NaN'::numeric", None),
    ("Edm.Double", "0.1::float8", 0.1),
    ("Edm.Double", "1e300::float8", 1e300),
    ("Edm.Double", "'NaN'::float8", "NaN"),
    ("Edm.Double", "'-Infinity'::float8", "-INF"),
    ("Edm.DateTimeOffset", "timestamp '2021-12-11 12:41:26.745'", "2021-12-11T12:41:26.745000Z"),
    ("Edm.DateTimeOffset", "timestamp 'infinity'", None),
    ("Edm.DateTimeOffset", "timestamp '-infinity'", None),
    ("Edm.DateTimeOffset", "timestamp '12021-12-11 12:41:26.745123'", "12021-12-11T12:41:26.745123Z"),
    ("Edm.DateTimeOffset", "timestamp '0001-01-01 00:00:00'", "0001-01-01T00:00:00.000000Z"),
    ("Edm.DateTimeOffset", "timestamp '0001-01-01 00:00:00 BC'", "0000-01-01T00:00:00.000000Z"),
    ("Edm.DateTimeOffset", "timestamp '0044-03-15 12:00:00 BC'", "-0043-03-15T12:00:00.000000Z"),
    ("Edm.Date", "date '2021-11-05'", "2021-11-05"),
    ("Edm.Date", "date 'infinity'", None),
    ("Edm.Date", "date '0044-03-15 BC'", "-0043-03-15"),
    ("Edm.TimeOfDay", "time '24:00'", None),
    ("Edm.TimeOfDay", "time '10:11:12.25'", "10:11:12.250000"),
    ("Edm.Guid", "'426E80E0-94e3-8045-bcf4-efb9d40513f9'::uuid", "426e80e0-94e3-8045-bcf4-efb9d40513f9"),
    ("Edm.Binary", "'\\xfbff00'::bytea", "-_8A"),
    ("Edm.String", "E'a\"\\\\\\n\\u0001\\u2028👋'::text", 'a"\\\n\u0001\u2028👋'),
    ("Edm.String", "''::text", ""),
]


@pytest.mark.parametrize(("name", "value", "wanted"), JSON)
async def test_json_of_a_value_does_not_depend_on_the_session(connection, name, value, wanted):
    for as_string in (False, True):
        sql = pg_types.json_text(raw(value), PRIMITIVE_TYPES[name], nullable=True, as_string=as_string)
        found = json.loads(await connection.fetchval(f"SELECT {text(sql)}"))
        quoted = as_string and name in ("Edm.Int64", "Edm.Decimal") and wanted is not None
        assert (float(found) if quoted and name == "Edm.Decimal" else int(found) if quoted else found) == wanted
        assert isinstance(found, str) == (quoted or isinstance(wanted, str))


@pytest.mark.parametrize("type_", OWN_TYPES, ids=lambda t: t.name)
async def test_null_is_json_null_and_no_raw_value(connection, type_):
    value = raw(f"NULL::{type_.pg_type}")
    assert await connection.fetchval(f"SELECT {text(pg_types.json_text(value, type_, nullable=True, as_string=False))}") == "null"
    assert await connection.fetchval(f"SELECT {text(pg_types.plain_text(value, type_))} IS NULL")


@pytest.mark.parametrize(("column", "wanted"), [
    ("'{\"a\": 1}'::jsonb", '{"a": 1}'), ("to_jsonb(text '{\"a\":1}')", '{"a":1}'), ("'null'::jsonb", None), ("'{ \"a\":1 }'::json", '{ "a":1 }'),
    ("to_json(text 'x')", "x"), ("'\"\"'::json", ""), ("'[1, 1e2]'::json", "[1, 1e2]"),
])  # fmt: skip
async def test_json_columns_read_as_the_text_they_hold(connection, column, wanted):
    pg_type = "jsonb" if "jsonb" in column else "json"
    sql = pg_types.read(raw(f"({column})"), pg_type, PRIMITIVE_TYPES["Edm.String"])
    assert await connection.fetchval(f"SELECT {text(sql)}") == wanted
