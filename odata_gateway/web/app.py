"""The HTTP server: which path is answered by what."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.http_exceptions import PayloadEncodingError

from odata_gateway.config.settings import Settings
from odata_gateway.errors import (
    BindSegment,
    DbDenied,
    DbModel,
    LimitBody,
    ODataError,
    UrlMethod,
    UrlSyntax,
    UrlTimeout,
)
from odata_gateway.handlers.batch import Hands, answer_batch
from odata_gateway.handlers.service import Service
from odata_gateway.observe.counters import COUNTERS
from odata_gateway.protocol.message import Reply, Request
from odata_gateway.web.concurrency_limit import ConcurrencyLimit
from odata_gateway.web.connection import Connection
from odata_gateway.web.credentials import access_token
from odata_gateway.web.exchange import Exchange, logged_refusal, respond
from odata_gateway.web.headers import preflight
from odata_gateway.web.urls import (
    SERVICE_PATH,
    Peer,
    is_batch,
    methods_of,
    path_of,
    root_url,
    service_target,
    with_authority,
)

if TYPE_CHECKING:
    from odata_gateway.observe.tracing import Tracer

LOG = logging.getLogger("odata_gateway.web")

READY_TIMEOUT_S = 2.0
Answerer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Gateway:
    """The running server's state. `service` may be exchanged while it runs; `is_ready` tells
    whether the database answers, `look_again` compares the model with it and exchanges the service
    where they differ, and `metrics` are all metrics for an Accept header, as their media type and
    text; `tracer` makes spans."""

    settings: Settings
    service: Service
    is_ready: Callable[[], Awaitable[object]]
    look_again: Callable[[], Awaitable[None]] | None = None
    draining: bool = False
    answers: bool = True
    active: int = 0
    metrics: Callable[[str], tuple[str, bytes]] | None = None
    tracer: Tracer | None = None
    admission: ConcurrencyLimit = field(init=False)

    def __post_init__(self) -> None:
        self.admission = ConcurrencyLimit(self.settings.max_token_requests)

    @property
    def handlers(self) -> tuple[Answerer, Answerer]:
        """What answers the requests of the main port, and those of the admin ports, which know
        health and metrics only."""
        return self._handle, self._handle_admin

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.active += 1
        try:
            return await respond(
                request, self._route, self.settings, is_closing=self._is_closing, tracer=self.tracer
            )
        finally:
            self.active -= 1
            self.admission.leave(id(request))

    async def _handle_admin(self, request: web.BaseRequest) -> web.StreamResponse:
        return await respond(request, self._admin, self.settings, is_closing=self._is_closing)

    def _is_closing(self) -> bool:
        return self.draining

    async def _route(self, exchange: Exchange) -> Reply:
        raw, version = exchange.raw.raw_path, exchange.raw.version
        if version is not HttpVersion11 and version not in (HttpVersion10, HttpVersion11):
            raise UrlSyntax("HTTP/1.1 and HTTP/1.0 are understood here")
        if not raw.startswith("/"):
            raw = path_of(raw)
            exchange = exchange._replace(
                headers=with_authority(exchange.raw.raw_path, exchange.headers)
            )
        target = service_target(raw)
        if target is not None:
            return await self._service(exchange, target)
        if exchange.raw.method == "OPTIONS" and raw == "*":
            return _options(exchange, ("GET", "HEAD", "OPTIONS"), self.settings)
        return await self._health(exchange)

    async def _service(self, exchange: Exchange, target: str) -> Reply:
        methods, method = methods_of(target), exchange.raw.method
        if method == "OPTIONS":
            return _options(exchange, methods, self.settings)
        _check_method(method, methods)
        token = access_token(
            exchange.headers, target.partition("?")[2], basic=self.settings.basic_auth
        )
        if token is not None:
            self.admission.enter(id(exchange.raw), token)
        request = Request(
            method="GET" if method == "HEAD" else method,
            target=target,
            headers=exchange.headers,
            root=root_url(exchange.headers, _peer(exchange.raw), self.settings),
            token=token,
            body=await _body(exchange, self.settings) if method == "POST" else b"",
        )
        if is_batch(target):
            exchange.stats.asked("$batch")
            await self.service.admit_batch(request)
            return answer_batch(request, self._hands(exchange), most=self.settings.max_batch_parts)
        return await self._answer(request)

    def _hands(self, exchange: Exchange) -> Hands:
        """What answers the parts of a batch that came with an exchange."""

        async def answer(part: Request) -> Reply:
            reply = await self._answer(part)
            COUNTERS.part(reply.status)
            return reply

        def refuse(error: Exception) -> Reply:
            reply = logged_refusal(exchange, error, self.settings)
            COUNTERS.part(reply.status)
            return reply

        return Hands(
            answer=answer,
            refuse=refuse,
            token_of=lambda headers, query: access_token(
                headers, query, basic=self.settings.basic_auth
            ),
            entity_path=lambda target: self.service.entity_path(target),
            values=lambda target, body, paths: self.service.values(target, body, paths),
        )

    async def _answer(self, request: Request) -> Reply:
        """The service's reply; where the database has changed under its model, that of the service
        with a new model."""
        service = self.service
        try:
            return await service.answer(request)
        except (DbModel, DbDenied):
            if self.look_again is not None:
                await self.look_again()
            if self.service is service:
                raise
            return await self.service.answer(request)

    async def _admin(self, exchange: Exchange) -> Reply:
        if self.metrics is None or path_of(exchange.raw.raw_path).partition("?")[0] != "/metrics":
            return await self._health(exchange)
        exchange.stats.asked("metrics")
        _check_method(exchange.raw.method, ("GET", "HEAD"))
        media_type, text = self.metrics(exchange.headers.get("accept", ""))
        return Reply(200, (("Content-Type", media_type), ("Cache-Control", "no-store")), text)

    async def _health(self, exchange: Exchange) -> Reply:
        path = path_of(exchange.raw.raw_path).partition("?")[0]
        check = {
            "/health": "liveness",
            "/health/liveness": "liveness",
            "/health/readiness": "readiness",
            "/health/startup": "startup",
        }.get(path)
        if check is None:
            raise BindSegment(
                "nothing is here", target="path", hint=f"the service root is {SERVICE_PATH}/"
            )
        exchange.stats.asked("health")
        _check_method(exchange.raw.method, ("GET", "HEAD"))
        if check == "readiness" and (self.draining or not await self._database_answers()):
            return _status(503, "draining" if self.draining else "database does not answer")
        return _status(200, "up")

    async def _database_answers(self) -> bool:
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await self.is_ready()
        except (ODataError, TimeoutError, OSError) as error:
            if self.answers:
                LOG.warning("not ready: %s", str(error) or "the database does not answer")
            self.answers = False
        else:
            self.answers = True
        return self.answers


def _status(status: int, text: str) -> Reply:
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return Reply(status, headers, json.dumps({"status": text}).encode())


def _check_method(method: str, allowed: tuple[str, ...]) -> None:
    if method not in allowed:
        names = ", ".join(allowed)
        error = UrlMethod(
            f"{method[:20]} is not possible here: this service is read-only",
            hint=f"possible: {names}",
        )
        error.headers = (("Allow", names),)
        raise error


def _options(exchange: Exchange, allowed: tuple[str, ...], settings: Settings) -> Reply:
    return Reply(204, (("Allow", ", ".join(allowed)), *preflight(exchange.headers, settings)))


def _peer(request: web.BaseRequest) -> Peer:
    connection = request.protocol
    assert isinstance(connection, Connection)
    return connection.peer


async def _body(exchange: Exchange, settings: Settings) -> bytes:
    """The whole body of a request.

    raises  LimitBody when it is too long, UrlTimeout when it does not come
    """
    limit = settings.max_body_bytes
    if (exchange.raw.content_length or 0) > limit:
        raise _too_long(limit)
    if exchange.headers.get("expect", "").lower() == "100-continue":
        await exchange.raw.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        exchange.raw.writer.output_size = 0
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(settings.read_timeout_s):
            async for chunk in exchange.raw.content.iter_any():
                parts.append(chunk)
                if sum(map(len, parts)) > limit:
                    raise _too_long(limit)
    except (web.RequestPayloadError, PayloadEncodingError) as error:
        raise UrlSyntax("the request body does not follow HTTP") from error
    except TimeoutError:
        raise UrlTimeout(
            f"the request body did not arrive in {settings.read_timeout_s:g} s",
            hint="ODATA_READ_TIMEOUT_S moves this limit",
        ) from None
    return b"".join(parts)


def _too_long(limit: int) -> LimitBody:
    return LimitBody(
        f"a request body may have {limit} bytes", hint="ODATA_MAX_BODY_BYTES moves this limit"
    )
