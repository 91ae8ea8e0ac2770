"""The SQL of every expression has exactly the Postgres type of its model type, its values are the oracle's of these tests, and pages by it lose and repeat nothing.

A table with a column of each type of number, in rows of ordinary values, of the ends of their ranges, and of null.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from urllib.parse import quote

import asyncpg
import pytest
from odata_gateway.compiler.compiled_query import ArgumentValues, CompiledStatement
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.edm.csdl import parse_model
from odata_gateway.edm.model import Model
from odata_gateway.identity.caller import Caller
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.plan.tree.relation import Column, Parameter
from odata_gateway.sql.fragment import build, finish
from odata_gateway.sql.relation import Relations
from tests.harness import tokens
from tests.harness.cluster import Cluster
from tests.harness.inside import Inside, inside
from tests.harness.sample import DatabaseDsns

# property: (its type, the column's type, and its values, one a row)
COLUMNS: dict[str, tuple[str, str, list[str]]] = {
    "s": ("Edm.Int16", "int2", ["1", "-32768", "32767", "-7", "0", "300", "-1", "2"]),
    "i": ("Edm.Int32", "int4", ["2", "-2147483648", "2147483647", "5", "-3", "0", "65536", "1"]),
    "n": ("Edm.Int32", "int2", ["3", "32767", "-32768", "-2", "1", "7", "0", "100"]),
    "b": ("Edm.Int64", "int8", ["3", "-9223372036854775808", "9223372036854775807", "10", "-1", "9007199254740993", "0", "4"]),
    "d": ("Edm.Decimal", "numeric", ["1.5", "1e400", "-1e400", "0.1", "1e-400", "-2.25", "0", "123456789012345678901234567890.5"]),
    "w": ("Edm.Decimal", "int8", ["4", "9223372036854775807", "-9223372036854775808", "2", "0", "-5", "1", "12"]),
    "f": ("Edm.Single", "float4", ["0.1", "3.4028235e38", "-3.4028235e38", "1e-45", "-1.5", "16777216", "'Infinity'", "'NaN'"]),
    "g": ("Edm.Double", "float4", ["0.1", "3.4028235e38", "'-Infinity'", "1e-45", "0.25", "'NaN'", "'-0'", "7"]),
    "h": ("Edm.Double", "float8", ["0.1", "1.7976931348623157e308", "-1.7976931348623157e308", "5e-324", "2.5", "'-Infinity'", "'NaN'", "1e20"]),
}  # fmt: skip
DATABASE = "numbers"
ROWS = 9
SERIES = int(os.environ.get("ODATA_TEST_QUERIES", "300")) // 75
CREATE = (
    "CREATE TABLE public.numbers (id int4 PRIMARY KEY, "
    + ", ".join(f"{name} {pg_type}" for name, (_, pg_type, _) in COLUMNS.items())
    + "); GRANT SELECT ON public.numbers TO PUBLIC; INSERT INTO public.numbers VALUES "
    + ", ".join(f"({n + 1}, {', '.join(values[n] for _, _, values in COLUMNS.values())})" for n in range(ROWS - 1))
    + f", ({ROWS}{', NULL' * len(COLUMNS)})"
)
MODEL = {
    "$Version": "4.01",
    "$EntityContainer": "T.C",
    "T": {
        "Number": {
            "$Kind": "EntityType", "$Key": ["id"], "@Gateway.Table": "public.numbers", "@Gateway.Unscoped": True, "id": {"$Type": "Edm.Int32"},
            **{name: {"$Type": type_, "$Nullable": True, "@Gateway.PgType": pg_type} for name, (type_, pg_type, _) in COLUMNS.items()},
        },
        "C": {"$Kind": "EntityContainer", **tokens.TABLES, "N": {"$Collection": True, "$Type": "T.Number"}},
    },
}  # fmt: skip
LITERALS = {
    "Edm.Int32": ["1", "2", "-3", "7", "2147483647"], "Edm.Int64": ["2147483648", "-9223372036854775808", "9223372036854775807"],
    "Edm.Decimal": ["0.1", "2.5", "-1.25", "9223372036854775808"], "Edm.Double": ["1e0", "-2.5e0", "1e300", "1e-300", "INF"],
}  # fmt: skip
NUMBERS = ("Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Single", "Edm.Double")
OPERATORS = ("add", "sub", "mul", "add", "sub", "mul", "div", "mod", "divby")


def expression(random: Random, depth: int) -> str:
    """A number of any type; nothing is divided by what may be zero."""
    if depth == 0:
        return random.choice([*COLUMNS, *(random.choice(LITERALS[name]) for name in LITERALS)])
    match random.randrange(10):
        case 0:
            return f"-({expression(random, depth - 1)})"
        case 1 | 2:
            return f"cast({expression(random, depth - 1)},{random.choice(NUMBERS)})"
        case 3:
            return f"{random.choice(('round', 'floor', 'ceiling'))}({expression(random, depth - 1)})"
        case 4:
            return f"case(id lt 4:{expression(random, depth - 1)},true:{expression(random, depth - 1)})"
    op = random.choice(OPERATORS)
    right = random.choice(("3", "-7", "2.5", "4e0", "9223372036854775807")) if op in ("div", "mod") else expression(random, depth - 1)
    return f"({expression(random, depth - 1)}) {op} ({right})"


@pytest.fixture(scope="module")
def model() -> Model:
    return parse_model(MODEL)


@pytest.fixture(scope="module")
def table(cluster: Cluster, database: DatabaseDsns) -> DatabaseDsns:
    """The database with the table."""
    cluster.psql(DATABASE, CREATE)
    return database


@pytest.fixture
async def owner(table: DatabaseDsns) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(table.owner)
    yield connection
    await connection.close()


@pytest.fixture
async def numbers(table: DatabaseDsns, tmp_path: Path) -> AsyncIterator[Inside]:
    """The service over the table."""
    path = tmp_path / "numbers.json"
    path.write_text(json.dumps(MODEL))
    async with inside(table.reader, ODATA_MODEL=str(path)) as running:
        yield running


async def typed(owner: asyncpg.Connection, model: Model, text: str) -> tuple[set[str], str] | None:
    """The Postgres types of an expression's values, and that of its model type; None for a column or a literal, which are bare beside each other, so
    that an index serves."""
    compiled = Compiler(model, limits=Limits(), max_url_bytes=16_384, cache_entries=1).compile(f"N?$orderby={quote(text)}")
    relations = Relations(many_accounts=False)
    relations.enter(compiled.query.block)
    expr = compiled.query.order[0].expr
    if isinstance(expr, Column | Parameter):
        return None
    statement = finish(build("SELECT DISTINCT pg_typeof({0})::text FROM public.numbers AS t0", relations.expressions.value(expr)))
    bound = CompiledStatement(statement.text, statement.slots, False, {}).bind(
        ArgumentValues(compiled.url.values, Caller(1, (1,)), limit=100, page_rows=10, root="", keys=())
    )
    assert expr.type is not None
    return {record[0] for record in await owner.fetch(bound.text, *bound.arguments)}, expr.type.pg_type


NAMES = {"int2": "smallint", "int4": "integer", "int8": "bigint", "numeric": "numeric", "float4": "real", "float8": "double precision"}


@pytest.mark.parametrize("series", range(SERIES))
async def test_the_sql_of_an_expression_has_the_postgres_type_of_its_model_type(owner, model, series):
    """And computing it fails for no row, whatever its values are."""
    random = Random(f"types {series}")
    for _ in range(100):
        text = expression(random, random.randint(1, 4))
        found = await typed(owner, model, text)
        if found is not None:
            assert found[0] == {NAMES[found[1]]}, text


@pytest.mark.parametrize("series", range(SERIES))
async def test_pages_of_one_row_in_the_order_of_an_expression_have_each_row_once(numbers, series):
    random = Random(f"pages {series}")
    for _ in range(12):
        text = ",".join(f"{expression(random, random.randint(1, 2))}{random.choice(('', ' desc'))}" for _ in range(random.randint(1, 2)))
        pages = await numbers.pages(f"N?$orderby={quote(text)}&$select=id", headers={"Prefer": "maxpagesize=1"})
        [whole] = await numbers.pages(f"N?$orderby={quote(text)}&$select=id")
        assert [row["id"] for page in pages for row in page] == [row["id"] for row in whole], text
        assert len(whole) == ROWS and all(len(page) <= 1 for page in pages), text


@pytest.mark.parametrize("series", range(SERIES))
async def test_a_value_that_is_shown_is_found_as_it_is_written(numbers, series):
    """Every value of a $compute, sent back as the literal that it is in JSON, is equal to the expression for its row, and neither above nor below it."""
    random = Random(f"found {series}")
    for _ in range(12):
        text = expression(random, random.randint(1, 2))
        answer = await numbers.ask(f"N?$compute={quote(text)} as x&$select=id,x")
        assert answer.status == 200, (text, answer.body)
        rows = json.loads(answer.body, parse_float=str, parse_int=str)["value"]
        for row in rows:
            value = row["x"]
            if value in (None, "NaN"):
                continue
            literal = value if "e" in value or "." in value or "I" in value else f"{value}.0"
            for op, wanted in (("eq", True), ("ne", False), ("ge", True), ("le", True), ("gt", False), ("lt", False)):
                condition = quote(f"id eq {row['id']} and ({text}) {op} {literal}")
                found = await numbers.ask(f"N/$count?$filter={condition}")
                assert found.body == (b"1" if wanted else b"0"), (text, op, literal, found.body)


async def test_what_no_type_holds_is_refused_with_the_operation_and_the_way_out(numbers):
    """A Decimal ends with 131,072 digits."""
    power = "d"
    for _ in range(9):
        power = f"({power}) mul ({power})"
    answer = await numbers.ask(f"N?$compute={quote(power)} as x&$select=x")
    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (400, "Db.Value"), error
    assert "mul" in error["message"] and "cast an operand to Edm.Double" in error["message"]
    fine = quote(power.replace("d", "h"))
    assert (await numbers.ask(f"N?$compute={fine} as x&$select=x")).status == 200


@pytest.mark.parametrize(
    "step",
    ["topsum(1e308,h)", "bottomsum(-1e308,h)", "toppercent(50,h)", "topsum(1e38,f)", "topcount(3,h mul h)", "bottompercent(50,b mul b)"],
)
async def test_running_sums_of_large_numbers_do_not_fail(numbers, step):
    answer = await numbers.ask(f"N?$apply=filter(h ne null and h lt INF and h gt -INF)/{quote(step)}&$select=id")
    assert answer.status == 200 or step.startswith("bottomsum"), answer.body


async def test_sums_and_averages_of_large_numbers_do_not_fail(numbers):
    measures = (
        "h with sum as h1,h with average as h2,h mul 10 with sum as h3,f with sum as f1,b mul b with sum as b1,b add 1 with max as b2"
    )
    answer = await numbers.ask(f"N?$apply=filter(id le 3)/aggregate({measures})")
    [row] = json.loads(answer.body)["value"]
    assert row["h1"] in (0, 0.1) and row["h3"] == "NaN" and abs(row["h2"]) < 0.1 and abs(row["f1"]) <= 0.1
    assert row["b1"] == 9 + 2**126 + (2**63 - 1) ** 2 and row["b2"] == 2**63
    assert row["h3@odata.type"] == "#Double" and "h1@odata.type" not in row
