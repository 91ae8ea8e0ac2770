"""Asks the service in the name of a request that somebody else has sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, NamedTuple, Protocol

import orjson

from odata_gateway.compiler.compiler import Compiler
from odata_gateway.edm.model import Model
from odata_gateway.protocol.message import Reply, Request, whole_reply
from odata_gateway.url.resource_kind import classify

_JSON = "application/json;odata.metadata=full;IEEE754Compatible=true"


class AskedService(Protocol):
    """What answers OData requests, and knows the model of each caller."""

    def answer(self, request: Request) -> Awaitable[Reply]:
        """The reply to a request; raises ODataError, before the reply or from its body."""
        ...

    def compiler_of_token(self, token: str | None) -> Awaitable[Compiler]:
        """The compiler of the model that the caller of a token is answered from."""
        ...

    def model_of_documents(self, request: Request) -> Awaitable[Model]:
        """The model that a request for the service document or $metadata is answered from."""
        ...


class ServiceClient(NamedTuple):
    """Asks the service in the name of a request."""

    service: AskedService
    request: Request

    async def get(self, target: str, headers: dict[str, str] | None = None) -> Reply:
        """The reply to a GET request, with its whole body.

        raises  ODataError
        """
        asked = {"host": self.request.headers.get("host", ""), **(headers or {})}
        request = self.request._replace(target=target, kind=classify(target), headers=asked)
        return await whole_reply(await self.service.answer(request))

    async def body(self, target: str, *, rows: int, accept: str) -> bytes:
        """The body of the reply to a GET request, which may be empty.

        rows    of a page
        raises  ODataError
        """
        reply = await self.get(target, {"accept": accept, "prefer": f"maxpagesize={rows}"})
        return reply.body if isinstance(reply.body, bytes) else b""

    async def json(self, target: str, *, rows: int, accept: str = _JSON) -> Any:
        """The JSON of a target with all its annotations, None where the reply has no body."""
        body = await self.body(target, rows=rows, accept=accept)
        return orjson.loads(body) if body else None

    async def rows_within(self, target: str, *, rows: int, seconds: float) -> Any:
        """The rows of a target; the query ends where it takes longer.

        raises  ODataError; TimeoutError
        """
        async with asyncio.timeout(seconds):
            return (await self.json(target, rows=rows))["value"]
