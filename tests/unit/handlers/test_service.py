"""The service: a handler for every kind of resource, and a model that may be exchanged."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from odata_gateway.config.settings import Settings
from odata_gateway.db.database import Database
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.edm.csdl import load_model
from odata_gateway.edm.derive import with_types
from odata_gateway.edm.model import Model
from odata_gateway.errors import AuthMissing, DbChanged, DbModel, ODataError, UrlSyntax
from odata_gateway.handlers.service import Service, compiler_for
from odata_gateway.protocol.message import Reply, Request
from odata_gateway.server.composition import caller_directory
from odata_gateway.url.resource_kind import METHODS, ResourceKind, classify
from odata_gateway.web.frontend import HttpFrontend
from tests.harness import tokens

ROOT = "http://host/v1.0/odata/"
TARGETS = [
    "",
    "$metadata",
    "openapi.json",
    "$batch",
    "$entity?$id=Message(1)",
    "$all?$top=1",
    "Message/$query",
    "Message(1)",
    "Message/$count",
    "Message(1)/content/$value",
]


def request(target: str, token: str | None = tokens.ADMIN) -> Request:
    kind = classify(target)
    body, content_type = (b'{"requests":[]}', "application/json") if kind is ResourceKind.BATCH else (b"", "text/plain")
    return Request(METHODS[kind][0], target, kind, {"content-type": content_type}, ROOT, token, body)


def with_a_column_that_is_not_there(model: Model) -> Model:
    """The model before it is compared with a database that lacks a column."""
    label = model.entity_types["Label"]
    lost = replace(label.properties["title"], name="lost", column="lost")
    return with_types(model, {"Label": replace(label, properties={**label.properties, "lost": lost})})


async def service_over(dsn: str, model: Model) -> tuple[Service, Database]:
    settings = Settings()
    database = await Database.open(DatabaseSettings(dsn))
    return Service(model, database, caller_directory(settings, model, database), settings, frontend=HttpFrontend(settings)), database


@pytest.mark.parametrize("target", TARGETS)
async def test_every_kind_of_resource_is_answered(reader_dsn, target):
    service, database = await service_over(reader_dsn, load_model())
    try:
        reply = await service.answer(request(target))
        assert isinstance(reply, Reply) and reply.status == 200
        if not isinstance(reply.body, bytes):
            assert b"".join([piece async for piece in reply.body])
    finally:
        await database.close()
    assert {classify(each) for each in TARGETS} == set(ResourceKind)


@pytest.mark.parametrize("target", [t for t in TARGETS if t not in ("", "$metadata", "openapi.json")])
async def test_all_but_documents_need_a_token(reader_dsn, target):
    service, database = await service_over(reader_dsn, load_model())
    try:
        with pytest.raises(AuthMissing):
            await service.answer(request(target, token=None))
    finally:
        await database.close()


async def test_a_request_that_the_model_fails_is_answered_from_the_exchanged_model(reader_dsn):
    service, database = await service_over(reader_dsn, with_a_column_that_is_not_there(load_model()))
    looks = 0

    async def look_again() -> float:
        nonlocal looks
        looks += 1
        service.use(load_model())
        return time.monotonic()

    service.look_again = look_again
    try:
        assert (await service.answer(request("Label"))).status == 200
        assert looks == 1 and "lost" not in service.compiler.model.entity_types["Label"].properties
    finally:
        await database.close()


async def test_a_database_that_is_as_before_is_looked_at_once(reader_dsn):
    service, database = await service_over(reader_dsn, with_a_column_that_is_not_there(load_model()))
    looks = []

    async def look_again() -> float:
        looks.append(1)
        return time.monotonic()

    try:
        for service.look_again, count in ((None, 0), (look_again, 1)):
            with pytest.raises(DbModel):
                await service.answer(request("Label"))
            with pytest.raises(UrlSyntax):
                await service.answer(request("Label?$filter=id eq"))
            assert len(looks) == count
    finally:
        await database.close()


async def test_a_refusal_is_a_change_of_the_database_until_a_comparison_finds_none(reader_dsn):
    service, database = await service_over(reader_dsn, with_a_column_that_is_not_there(load_model()))
    compared_at = 0.0

    async def look_again() -> float:
        return compared_at

    service.look_again = look_again
    try:
        with pytest.raises(DbChanged) as caught:
            await service.answer(request("Label"))
        assert (caught.value.status, caught.value.retry_after_s) == (503, 2)
        compared_at = time.monotonic()
        for _ in range(2):
            with pytest.raises(DbModel):
                await service.answer(request("Label"))
    finally:
        await database.close()


async def test_a_database_that_changes_again_while_the_model_is_exchanged_has_changed(reader_dsn):
    service, database = await service_over(reader_dsn, with_a_column_that_is_not_there(load_model()))
    compared_at = time.monotonic()

    async def look_again() -> float:
        service.use(with_a_column_that_is_not_there(load_model()))
        return compared_at

    service.look_again = look_again
    try:
        with pytest.raises(DbChanged):
            await service.answer(request("Label"))
    finally:
        await database.close()


def test_each_limit_is_the_setting_of_its_name():
    compiler = compiler_for(load_model(), replace(Settings(), max_list_items=10, max_expand_depth=1, max_url_bytes=300))
    for target in (
        "Message?$filter=id in (1,2,3,4,5,6,7,8,9,10,11)",
        "Label?$expand=conversations($expand=messages)",
        "Label?x=" + "x" * 300,
    ):
        with pytest.raises(ODataError) as caught:
            compiler.compile(target)
        assert caught.value.code.startswith("Limit.")
