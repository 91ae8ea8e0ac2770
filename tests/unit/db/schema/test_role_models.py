"""The model of each role: shared by roles with the same rights, made once, and made again."""

from __future__ import annotations

import asyncio

import pytest
from odata_gateway.db.database import Database
from odata_gateway.db.schema.role_models import RoleModels
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.edm.csdl import load_model
from odata_gateway.edm.derive import served_part
from odata_gateway.errors import AuthForbidden, DbUnavailable
from tests.harness import supabase
from tests.harness.inside import inside
from tests.harness.supabase import write_tokens

DECLARED = load_model(supabase.MODEL)


@pytest.fixture
async def database(supabase_cluster):
    database = await Database.open(DatabaseSettings(supabase.dsn(supabase_cluster), max_connections=4))
    yield database
    await database.close()


def sets(model):
    return set(served_part(model).entity_sets)


async def test_what_a_role_may_not_read_is_not_there(database):
    models = RoleModels(database, lambda: DECLARED)
    assert sets(await models.model("anon")) == {"news"}
    seen = served_part(await models.model("authenticated"))
    assert set(seen.entity_sets) == {"tenants", "profiles", "todos", "notes", "news", "titles"}
    profile = seen.entity_types["Profile"]
    assert set(profile.properties) == {"id", "tenant_id", "username"} and set(profile.navigation) == {"tenant", "todos"}
    assert "salary" in served_part(await models.model("service_role")).entity_types["Profile"].navigation


async def test_roles_with_the_same_rights_share_one_model(database):
    models = RoleModels(database, lambda: DECLARED)
    one, other, third = [await models.model(role) for role in ("reporting", "analyst", "anon")]
    assert one is other is not third


async def test_they_share_compiled_statements_too(supabase_cluster, tmp_path):
    tokens = write_tokens(tmp_path / "tokens.toml")
    variables = {"ODATA_MODEL": str(supabase.MODEL), "ODATA_TOKENS_FILE": str(tokens.path)}
    async with inside(supabase.dsn(supabase_cluster), **variables) as running:
        seven = await running.ask("todos?$filter=id lt 50&$orderby=title&$top=5", tokens["reports of seven"])
        [served] = running.service._served.values()
        kept = len(served.compiler.cache)
        nine = await running.ask("todos?$filter=id lt 60&$orderby=title&$top=7", tokens["reports of nine"])
        assert len(running.service._served) == 1 and len(served.compiler.cache) == kept
        assert {row["tenant_id"] for row in seven.json()["value"]} == {7} != {row["tenant_id"] for row in nine.json()["value"]} == {9}


async def test_many_first_requests_make_one_comparison(database):
    models = RoleModels(database, lambda: DECLARED)
    tasks = [asyncio.create_task(models.model("authenticated")) for _ in range(50)]
    await asyncio.sleep(0)
    assert len(models._looking) == 1
    tasks[0].cancel()
    found = await asyncio.gather(*tasks[1:])
    assert len({id(model) for model in found}) == 1 and models._looking == {}


async def test_an_old_model_serves_while_it_is_compared_again(database, supabase_cluster):
    models = RoleModels(database, lambda: DECLARED, every_s=0.01)
    before = await models.model("analyst")
    supabase_cluster.psql(supabase.DATABASE, "GRANT SELECT ON tenants TO analyst")
    try:
        await asyncio.sleep(0.02)
        assert await models.model("analyst") is before
        while await models.model("analyst") is before:
            await asyncio.sleep(0.01)
        assert sets(await models.model("analyst")) == sets(before) | {"tenants"}
    finally:
        supabase_cluster.psql(supabase.DATABASE, "REVOKE SELECT ON tenants FROM analyst")


async def test_another_declared_model_is_compared_at_once(database):
    declared = DECLARED
    models = RoleModels(database, lambda: declared)
    assert sets(await models.model("anon")) == {"news"}
    declared = load_model()
    assert sets(await models.model("anon")) == set()


async def test_while_a_model_that_is_made_from_the_database_is_compared_the_one_before_answers(database):
    declared = DECLARED
    models = RoleModels(database, lambda: declared, is_made=True)
    before = await models.model("anon")
    declared = load_model()
    assert await models.model("anon") is before
    while await models.model("anon") is before:
        await asyncio.sleep(0.01)
    assert sets(await models.model("anon")) == set()


async def test_when_that_is_asked_for_each_role_is_compared_again(database, supabase_cluster):
    models = RoleModels(database, lambda: DECLARED, every_s=0)
    before = await models.model("analyst")
    supabase_cluster.psql(supabase.DATABASE, "GRANT SELECT ON tenants TO analyst")
    try:
        models.ask()
        assert await models.model("analyst") is before
        while await models.model("analyst") is before:
            await asyncio.sleep(0.01)
        assert sets(await models.model("analyst")) == sets(before) | {"tenants"}
    finally:
        supabase_cluster.psql(supabase.DATABASE, "REVOKE SELECT ON tenants FROM analyst")


async def test_a_role_that_cannot_be_used_and_a_database_that_is_away_are_told(database):
    with pytest.raises(AuthForbidden):
        await RoleModels(database, lambda: DECLARED).model("stranger")
    away = await Database.open(DatabaseSettings("postgresql://x@127.0.0.1:1/x"))
    with pytest.raises(DbUnavailable):
        await RoleModels(away, lambda: DECLARED).model("anon")
