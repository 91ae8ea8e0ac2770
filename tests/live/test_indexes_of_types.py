"""A law for indexes: of every type that has one, an index on a column serves equality, ranges, order, the rows behind a row, and keys.

Planned by Postgres for tables of 12,000 rows, with the session settings of the gateway and nothing else changed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from odata_gateway.config.sources import load
from odata_gateway.db.database import Database
from odata_gateway.db.schema.introspect import inspect
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.edm.model import Model
from odata_gateway.server.composition import database_settings, model_of
from tests.harness import tokens
from tests.harness.cases import compiled
from tests.harness.cluster import READER, Cluster
from tests.harness.kinds import KINDS, SCHEMA, Kind

ROWS = 12_000
TEXT = {"$Type": "Edm.String"}
LABELS = ", ".join(f"'l{number:04d}'" for number in range(1000))
MANY = {  # types with as many values as an index is worth having for
    "enum": ("big.level", "('l' || lpad((n % 1000)::text, 4, '0'))::big.level"),
    "enum_domain": ("big.high", "('l' || lpad((n % 1000)::text, 4, '0'))::big.high"),
    "bit": ("bit(20)", "n::bit(20)"),
}
TYPES = [kind for kind in KINDS if kind.many]
NAMES = [kind.name for kind in TYPES]
NO_RANGE = {"uuid_text"}
"""In an order, these stand among all texts, and are compared as texts with one that is no uuid."""
KEYS = [kind for kind in TYPES if kind.key and "enum" not in kind.name]


def script() -> str:
    parts = [
        SCHEMA.format(reader=READER),
        "CREATE SCHEMA big;",
        f"CREATE TYPE big.level AS ENUM ({LABELS}); CREATE DOMAIN big.high AS big.level;",
    ]
    parts.append(f"GRANT USAGE ON SCHEMA big TO {READER};")
    for kind in TYPES:
        pg_type, value = MANY.get(kind.name, (kind.pg_type, kind.many))
        parts.append(
            f"CREATE TABLE big.by_{kind.name} (id int PRIMARY KEY, k {pg_type} NOT NULL, v {pg_type});"
            f"INSERT INTO big.by_{kind.name} SELECT n, {value}, {value} FROM generate_series(1, {ROWS}) AS g (n);"
            f"CREATE INDEX k_{kind.name} ON big.by_{kind.name} (k, id); CREATE INDEX v_{kind.name} ON big.by_{kind.name} (v, id);"
        )
        if kind in KEYS:
            parts.append(
                f"CREATE TABLE big.of_{kind.name} AS SELECT DISTINCT ON (k) k, id FROM big.by_{kind.name}; ALTER TABLE big.of_{kind.name} ADD PRIMARY KEY (k);"
            )
    parts.append(f"ANALYZE; GRANT SELECT ON ALL TABLES IN SCHEMA big TO {READER};")
    return "\n".join(parts)


def model() -> dict[str, Any]:
    schema: dict[str, Any] = {}
    container: dict[str, Any] = {"$Kind": "EntityContainer", **tokens.TABLES}
    for kind in TYPES:
        shared = {"$Kind": "EntityType", "@Gateway.Unscoped": True}
        schema[f"By{kind.name}"] = {
            **shared, "$Key": ["id"], "@Gateway.Table": f"big.by_{kind.name}", "id": {"$Type": "Edm.Int32"}, "k": kind.declared,
            "v": {**kind.declared, "$Nullable": True},
        }  # fmt: skip
        if kind in KEYS:
            schema[f"Of{kind.name}"] = {**shared, "$Key": ["k"], "@Gateway.Table": f"big.of_{kind.name}", "k": kind.declared}
    container |= {name: {"$Collection": True, "$Type": f"Big.{name}"} for name in schema}
    return {"$Version": "4.01", "$EntityContainer": "Big.Service", "Big": {**schema, "Service": container}}


class Planner:
    """Says how Postgres plans the statements of a request."""

    def __init__(self, connection: asyncpg.Connection, loop: asyncio.AbstractEventLoop, found: Model) -> None:
        self._connection = connection
        self._loop = loop
        self._model = found

    def value(self, sql: str) -> Any:
        return self._loop.run_until_complete(self._connection.fetchval(sql))

    def plan(self, request: str, after: tuple[str, ...] | None = None) -> str:
        sql, arguments = compiled(request, (1,), after, model=self._model)["rows"]
        rows = self._loop.run_until_complete(self._connection.fetch(f"EXPLAIN {sql}", *arguments))
        return "\n".join(row[0] for row in rows)


@pytest.fixture(scope="module")
def planner(cluster: Cluster, tmp_path_factory) -> Iterator[Planner]:
    path = tmp_path_factory.mktemp("big") / "model.json"
    path.write_text(json.dumps(model()))
    cluster.load("big")
    cluster.psql("big", script())
    loop = asyncio.new_event_loop()
    dsn = cluster.dsn(user=READER, database="big")

    async def prepared() -> tuple[asyncpg.Connection, Model]:
        settings = load({"ODATA_DSN": dsn, "ODATA_MODEL": str(path)})
        database = await Database.open(replace(database_settings(settings), max_connections=1))
        try:
            found, _ = await inspect(database, model_of(settings))
        finally:
            await database.close()
        return await asyncpg.connect(dsn, server_settings=DatabaseSettings(dsn).server_settings()), found

    connection, found = loop.run_until_complete(prepared())
    yield Planner(connection, loop, found)
    loop.run_until_complete(connection.close())
    loop.close()
    cluster.psql("postgres", "DROP DATABASE big WITH (FORCE)")


def literal(planner: Planner, kind: Kind, row: int) -> tuple[str, str]:
    """The value of a row as a literal of the URL, and as an order value."""
    text = planner.value(f"SELECT k::text FROM big.by_{kind.name} WHERE id = {row}")
    shown = planner.value(f"SELECT abbrev(k::inet) FROM big.by_{kind.name} WHERE id = {row}") if kind.name.startswith("inet") else text
    match kind.declared["$Type"]:
        case "Edm.String":
            return f"'{shown}'", text
        case "Edm.DateTimeOffset":
            return text.replace(" ", "T").removesuffix("+00") + "Z", text
        case "Edm.Duration":
            return f"duration'PT{row}S'", text
    return shown, text


@pytest.mark.parametrize("kind", TYPES, ids=NAMES)
def test_an_index_serves_a_column_of_the_type(planner, kind):
    value, text = literal(planner, kind, ROWS - 1)
    index, nullable, name = f"k_{kind.name}", f"v_{kind.name}", f"By{kind.name}"
    for request, wanted in (
        (f"{name}?$filter=k eq {value}", index),
        (f"{name}?$filter=k in ({value},{value})", index),
        (f"{name}?$filter=v eq {value}", nullable),
    ):
        plan = planner.plan(request)
        assert wanted in plan and "Index Cond" in plan and "Seq Scan" not in plan, plan
    for direction in ("", " desc"):
        plan = planner.plan(f"{name}?$orderby=k{direction},id{direction}&$top=5")
        # values that are null, such as infinite times, are branches of their own, merged by a sort of few rows
        assert index in plan and ("Sort" not in plan or "Append" in plan) and "Seq Scan" not in plan, plan
        plan = planner.plan(f"{name}?$orderby=v{direction},id{direction}&$top=5")
        assert nullable in plan and "Seq Scan" not in plan, plan
        plan = planner.plan(f"{name}?$orderby=k{direction},id{direction}", (text, str(ROWS - 1)))
        assert index in plan and "Index Cond" in plan and "Seq Scan" not in plan, plan
        # behind a row of one value the index goes on, and does not begin again with the first row of the value
        for column in ("k", "v"):
            plan = planner.plan(f"{name}?$filter={column} eq {value}&$orderby={column}{direction},id{direction}", (text, str(ROWS - 1)))
            found = next(line for line in plan.splitlines() if "Index Cond" in line)
            assert f"{column}_{kind.name}" in plan and "id " in found and "ROW(" not in plan, plan
    if kind.name not in NO_RANGE:
        for op, direction in (("ge", ""), ("lt", " desc"), ("gt", ""), ("le", " desc")):
            plan = planner.plan(f"{name}?$filter=k {op} {value}&$orderby=k{direction},id{direction}&$top=5")
            assert index in plan and "Index Cond" in plan and "Seq Scan" not in plan, plan


@pytest.mark.parametrize("kind", KEYS, ids=[kind.name for kind in KEYS])
def test_the_index_of_a_key_finds_an_entity(planner, kind):
    value, text = literal(planner, kind, ROWS - 1)
    value = value.replace("/", "%2F")
    for request, after in ((f"Of{kind.name}({value})", None), (f"Of{kind.name}", None), (f"Of{kind.name}", (text,))):
        plan = planner.plan(request, after)
        assert f"of_{kind.name}_pkey" in plan and "Seq Scan" not in plan and ("Sort" not in plan or "Append" in plan), plan
        assert ("Index Cond" in plan) is (request.endswith(")") or after is not None), plan
