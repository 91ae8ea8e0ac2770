"""The gateway's line without its sockets: `Service.answer` over a real database, in this process, for tests that ask tens of thousands of times.

What the web adds (status lines, headers, compression) is not here; the same tests send a share of their requests to the real program.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from odata_gateway.config.sources import load
from odata_gateway.db.database import Database
from odata_gateway.db.schema.introspect import inspect
from odata_gateway.db.schema.role_models import RoleModels
from odata_gateway.demo import tokens
from odata_gateway.edm.model import Model
from odata_gateway.errors import ODataError
from odata_gateway.formats.encoding import Format
from odata_gateway.formats.registry import FORMATS
from odata_gateway.handlers.service import Service
from odata_gateway.protocol.message import Reply, Request
from odata_gateway.server.composition import caller_directory, database_settings, read_model
from odata_gateway.server.tokens import key_ring
from odata_gateway.url.resource_kind import classify
from odata_gateway.web.credentials import access_token
from odata_gateway.web.exchange import refusal
from odata_gateway.web.frontend import HttpFrontend
from tests.harness.ways import Way, as_sent, unpacked

ROOT = "http://gateway.test/v1.0/odata/"
_MODELS: dict[tuple[Any, ...], Model] = {}


@dataclass(frozen=True)
class Answer:
    """A whole answer; `broken` says why its body ended early."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    broken: str = ""

    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def code(self) -> str:
        """The error's code, or nothing."""
        return self.json()["error"]["code"] if self.status >= 400 else ""


class _Frontend(HttpFrontend):
    """As the web layer's, but what would be a 500 with a stack trace is raised."""

    def refusal(self, request: Request, error: Exception) -> Reply:
        if not isinstance(error, ODataError):
            raise error
        return super().refusal(request, error)


class Inside:
    """A gateway in this process; `ask` never raises for what becomes an answer, and raises what would be a 500 with a stack trace."""

    def __init__(self, service: Service, database: Database, settings: Any) -> None:
        self.service = service
        self.database = database
        self.settings = settings

    async def ask(
        self, target: str, token: str | None = tokens.ADMIN, headers: Mapping[str, str] | None = None, way: Way = "url", root: str = ROOT
    ) -> Answer:
        """The answer to a target below the service root, or to an absolute link of an earlier answer; that of its part if it comes in a
        batch. One that breaks off is not unpacked."""
        method, target, sent, body = as_sent(target.removeprefix(root), headers or {}, way)
        sent = {name.lower(): value for name, value in sent.items()}
        if token is not None:
            sent.setdefault("authorization", f"Bearer {token}")
        try:
            found = access_token(sent, target.partition("?")[2], basic=self.settings.basic_auth)
            reply = await self.service.answer(Request(method, target, classify(target), sent, root, found, body))
        except ODataError as error:
            reply = refusal(error, "-", self.settings)
        answer = await self._whole(reply)
        return answer if answer.broken else Answer(*unpacked(way, answer.status, answer.headers, answer.body))

    async def _whole(self, reply: Reply) -> Answer:
        if isinstance(reply.body, bytes):
            return Answer(reply.status, reply.headers, reply.body)
        parts: list[bytes] = []
        try:
            async for part in reply.body:
                parts.append(part)
        except ODataError as error:
            return Answer(reply.status, reply.headers, b"".join(parts), f"{error.code}: {error}")
        return Answer(reply.status, reply.headers, b"".join(parts))

    async def parts(self, target: str) -> list[bytes]:
        """What the service sends of a streamed answer, piece by piece."""
        found = access_token({"authorization": f"Bearer {tokens.ADMIN}"}, "", basic=self.settings.basic_auth)
        reply = await self.service.answer(Request("GET", target, classify(target), {}, ROOT, found, b""))
        assert reply.status == 200 and not isinstance(reply.body, bytes), target
        return [part async for part in reply.body]

    async def pages(self, target: str, token: str = tokens.ADMIN, headers: Mapping[str, str] | None = None) -> list[list[dict[str, Any]]]:
        """Every page's rows, following nextLink."""
        found, link = [], target
        while link:
            answer = await self.ask(link, token, headers)
            assert answer.status == 200 and not answer.broken, (link, answer.body[:500], answer.broken)
            page = answer.json()
            found.append(page["value"])
            link = page.get("@odata.nextLink", "")
        return found


@asynccontextmanager
async def inside(dsn: str, *, formats: tuple[Format, ...] = FORMATS, **variables: str) -> AsyncIterator[Inside]:
    """A gateway with settings by variable, its model compared with the database as the program does it."""
    settings = load({"ODATA_DSN": dsn} | variables)
    database = await Database.open(database_settings(settings))
    try:
        declared = (await read_model(settings, database)).model
        place = (dsn, settings.model, settings.schemas)
        if place not in _MODELS:
            _MODELS[place] = (await inspect(database, declared))[0]
        keys = key_ring(settings)
        if keys is not None:
            await keys.refresh()
        callers = caller_directory(settings, declared, database, keys)
        service = Service(
            _MODELS[place],
            database,
            callers,
            settings,
            frontend=_Frontend(settings),
            role_models=RoleModels(database, lambda: declared),
            formats=formats,
        )
        yield Inside(service, database, settings)
    finally:
        await database.close()


async def in_step(work: list[Any], width: int) -> list[Any]:
    """The results of functions without arguments that make coroutines, `width` of them at a time, in their order."""
    results: list[Any] = [None] * len(work)
    left = iter(range(len(work)))

    async def run() -> None:
        for index in left:
            results[index] = await work[index]()

    await asyncio.gather(*(run() for _ in range(width)))
    return results
