"""Requests as statements, and what Postgres answers to them: no row is lost, whatever its values are."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import asyncpg
import orjson
import pytest
from odata_gateway.edm.csdl import load_model, parse_model
from odata_gateway.edm.derive import with_types
from odata_gateway.edm.model import Model
from odata_gateway.errors import BindType
from tests.harness.cases import compiled

DATABASE = "compiler"


def answer(dsn: str, request: str, *, before: str = "SELECT 1", model: Model | None = None) -> list[dict[str, Any]]:
    """The rows of a request, as Postgres writes them after it has run `before`, which is undone."""
    sql, values = compiled(request, (1,), model=model)["rows"]

    async def ask() -> bytes:
        connection = await asyncpg.connect(dsn)
        try:
            async with connection.transaction():
                await connection.execute(before)
                return (await connection.fetch(sql, *values))[0][0] or b""
        finally:
            await connection.close()

    return orjson.loads(b"[" + asyncio.run(ask()) + b"]")


def never_null(model: Model, entity_type: str, *names: str) -> Model:
    """The model on a database that declares these columns NOT NULL."""
    changed = model.entity_types[entity_type]
    properties = {n: replace(p, not_null=p.not_null or n in names) for n, p in changed.properties.items()}
    return with_types(model, dict(model.entity_types) | {entity_type: replace(changed, properties=properties)})


@pytest.mark.parametrize("part", ["year", "month", "day", "hour", "minute", "second", "fractionalseconds", "time", "date"])
def test_the_parts_of_an_infinite_time_are_null(database, part):
    rows = answer(
        database.owner,
        f"Conversation?$compute={part}(created_at) as x&$select=id,created_at,x&$filter=id lt 20",
        before="UPDATE conversations SET created_at = 'infinity' WHERE id = 1",
        model=never_null(load_model(), "Conversation", "created_at"),
    )
    assert rows[0]["id"] == 1
    assert (rows[0]["created_at"], rows[0]["x"]) == (None, None)
    assert all(row["x"] is not None for row in rows[1:])


def test_a_null_part_differs_from_every_number(database):
    rows = answer(
        database.owner,
        "Conversation?$filter=year(created_at) ne 2021 and id lt 20&$select=id",
        before="UPDATE conversations SET created_at = 'infinity' WHERE id = 1",
        model=never_null(load_model(), "Conversation", "created_at"),
    )
    assert [row["id"] for row in rows] == [1]


def test_a_json_column_that_is_never_null_may_hold_the_null_of_json(database):
    model = never_null(load_model(), "Conversation", "additional_attributes")
    before = "UPDATE conversations SET additional_attributes = 'null' WHERE id = 1"
    for request in ("Conversation?$filter=id eq 1", "Conversation?$filter=additional_attributes eq null&$select=id,additional_attributes"):
        assert [row["additional_attributes"] for row in answer(database.owner, request, before=before, model=model)][:1] == [None]


@pytest.mark.parametrize("key", ["inbox/id", "inbox_id", "messages/$count", "1 add 1", "length('a')"])
def test_a_key_is_a_literal(key):
    with pytest.raises(BindType):
        compiled(f"Conversation(@k)?@k={key}", (1,))


def test_a_key_may_be_an_alias_of_a_literal():
    assert 17 in compiled("Conversation(@k)?@k=17", (1,))["rows"][1]


def test_any_text_can_be_a_key_in_links(database):
    model = parse_model(
        {
            "$Version": "4.01",
            "$EntityContainer": "N.Service",
            "N": {
                "Thing": {
                    "$Kind": "EntityType",
                    "$Key": ["name"],
                    "@Gateway.Table": "public.things",
                    "@Gateway.Account": "account_id",
                    "name": {},
                    "account_id": {"$Type": "Edm.Int32"},
                },
                "Service": {"$Kind": "EntityContainer", "Things": {"$Collection": True, "$Type": "N.Thing"}},
            },
        }
    )
    before = "CREATE TABLE things (name text, account_id int); INSERT INTO things VALUES (E'a\\n\\u0001\"b''c/\\\\%', 1)"
    (row,) = answer(database.owner, "Things?$select=account_id", before=before, model=model)
    assert row == {"@odata.id": "Things('a%0A%01%22b''c%2F%5C%25')", "account_id": 1}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [("id mul NaN gt 1", False), ("id mul NaN lt 1", False), ("id mul NaN eq NaN", False), ("id mul NaN ne 1", True),
     ("not (id mul NaN ge 1)", True), ("id mul 1e0 gt 0", True), ("(id sub id) div 0e0 gt 1", False), ("cast(id,Edm.Double) in (1e0,NaN)", True), ("id div 2e0 eq 0.5", True)],
)  # fmt: skip
def test_a_computed_nan_has_no_order_and_equals_nothing(reader_dsn, condition, holds):
    rows = answer(reader_dsn, f"Conversation?$filter=({condition}) and id eq 1&$select=id")
    assert [row["id"] for row in rows] == ([1] if holds else [])
