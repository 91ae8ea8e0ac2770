"""The HTTP server: which path is answered by what, and how it starts and ends."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from odata_gateway.errors import BindSegment, LimitBody, ODataError, UrlMethod, UrlTimeout
from odata_gateway.service import Reply, Request, Service
from odata_gateway.settings import Settings
from odata_gateway.web.adapt import SERVICE_PATH, Peer, methods_of, path_of, root_url, service_target
from odata_gateway.web.auth import access_token
from odata_gateway.web.connection import Server
from odata_gateway.web.headers import complete, preflight
from odata_gateway.web.middlewares import Exchange, Handler, refusal, respond

LOG = logging.getLogger("odata_gateway.web")

READY_TIMEOUT_S = 2.0
FINISH_S = 2.0
"""How long connections get to end after the requests on them have."""


@dataclass(slots=True)
class Gateway:
    """The running server's state. `service` may be exchanged while it runs; `is_ready` tells whether the database answers."""

    settings: Settings
    service: Service
    is_ready: Callable[[], Awaitable[object]]
    draining: bool = False
    active: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request of the main port."""
        return await self._counted(request, self._route)

    async def handle_admin(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request of an admin port, which knows health only."""
        return await respond(request, self._health, self.settings, closing=self.draining)

    async def _counted(self, request: web.BaseRequest, handler: Handler) -> web.StreamResponse:
        self.active += 1
        self.idle.clear()
        try:
            return await respond(request, handler, self.settings, closing=self.draining)
        finally:
            self.active -= 1
            if not self.active:
                self.idle.set()

    async def _route(self, exchange: Exchange) -> Reply:
        raw = path_of(exchange.raw.raw_path)
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
        request = Request(
            method="GET" if method == "HEAD" else method,
            target=target,
            headers=exchange.headers,
            root=root_url(exchange.headers, _peer(exchange.raw), self.settings),
            token=access_token(exchange.headers, target.partition("?")[2], basic=self.settings.basic_auth),
            body=await _body(exchange, self.settings) if method == "POST" else b"",
        )
        return await self.service.answer(request)

    async def _health(self, exchange: Exchange) -> Reply:
        path = path_of(exchange.raw.raw_path).partition("?")[0]
        check = {"/health": "liveness", "/health/liveness": "liveness", "/health/readiness": "readiness", "/health/startup": "startup"}.get(
            path
        )
        if check is None:
            raise BindSegment("nothing is here", target="path", hint=f"the service root is {SERVICE_PATH}/")
        _check_method(exchange.raw.method, ("GET", "HEAD"))
        if check == "readiness" and (self.draining or not await self._database_answers()):
            return _status(503, "draining" if self.draining else "database does not answer")
        return _status(200, "up")

    async def _database_answers(self) -> bool:
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await self.is_ready()
        except (ODataError, TimeoutError, OSError) as error:
            LOG.warning("not ready: %s", error.__class__.__name__)
            return False
        return True


def _status(status: int, text: str) -> Reply:
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return Reply(status, headers, json.dumps({"status": text}).encode())


def _check_method(method: str, allowed: tuple[str, ...]) -> None:
    if method not in allowed:
        names = ", ".join(allowed)
        error = UrlMethod(f"{method[:20]} is not possible here: this service is read-only", hint=f"possible: {names}")
        error.headers = (("Allow", names),)
        raise error


def _options(exchange: Exchange, allowed: tuple[str, ...], settings: Settings) -> Reply:
    return Reply(204, (("Allow", ", ".join(allowed)), *preflight(exchange.headers, settings)))


def _peer(request: web.BaseRequest) -> Peer:
    transport = request.transport
    remote = transport.get_extra_info("peername") if transport is not None else None
    local = transport.get_extra_info("sockname") if transport is not None else None
    address = str(remote[0]) if isinstance(remote, tuple) else ""
    if not isinstance(local, tuple):
        return Peer(address, "localhost")
    name = f"[{local[0]}]" if ":" in local[0] else local[0]
    return Peer(address, f"{name}:{local[1]}")


async def _body(exchange: Exchange, settings: Settings) -> bytes:
    """The whole body of a request.

    raises  LimitBody when it is too long, UrlTimeout when it does not come
    """
    limit = settings.max_body_bytes
    if (exchange.raw.content_length or 0) > limit:
        raise LimitBody(f"a request body may have {limit} bytes")
    if exchange.headers.get("expect", "").lower() == "100-continue":
        await exchange.raw.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        exchange.raw.writer.output_size = 0
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(settings.read_timeout_s):
            async for chunk in exchange.raw.content.iter_any():
                parts.append(chunk)
                if sum(map(len, parts)) > limit:
                    raise LimitBody(f"a request body may have {limit} bytes")
    except TimeoutError:
        raise UrlTimeout(f"the request body did not arrive in {settings.read_timeout_s:g} s") from None
    return b"".join(parts)


# --- Starting and ending ------------------------------------------------------------------------------------------------------


def _server(handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], settings: Settings) -> Server:
    def refuse(error: ODataError) -> web.Response:
        reply = refusal(error, "-", settings)
        assert isinstance(reply.body, bytes)
        return web.Response(status=reply.status, body=reply.body, headers=complete(reply.headers, {}, settings, "-"))

    connection = {
        "keepalive_timeout": settings.keepalive_s,
        "max_line_size": settings.max_url_bytes + 1024,
        "max_field_size": 16384,
        "access_log": None,
        "lingering_time": min(5.0, settings.read_timeout_s),
        "read_timeout_s": settings.read_timeout_s,
        "refuse": refuse,
    }
    return Server(handler, connection=connection, send_timeout_s=settings.send_timeout_s)


async def start(gateway: Gateway, *, reuse_port: bool = False) -> tuple[web.ServerRunner, ...]:
    """Listen on the main port and the admin ports; `addresses` of the first runner tells where the main one is.

    raises  OSError when a port cannot be had
    """
    settings = gateway.settings
    runner = web.ServerRunner(_server(gateway.handle, settings), shutdown_timeout=FINISH_S)
    admin = web.ServerRunner(_server(gateway.handle_admin, settings), shutdown_timeout=FINISH_S)
    await runner.setup()
    await web.TCPSite(runner, settings.host, settings.port, backlog=1024, reuse_port=reuse_port).start()
    await admin.setup()
    for port in dict.fromkeys(settings.admin_port):
        if port != settings.port:
            await web.TCPSite(admin, settings.host, port, reuse_port=reuse_port).start()
    return runner, admin


async def drain(gateway: Gateway, runners: tuple[web.ServerRunner, ...]) -> None:
    """Report not ready, let running requests end for at most drain_s, then close everything."""
    gateway.draining = True
    LOG.info("ending: %d requests are running", gateway.active)
    if gateway.active:
        try:
            async with asyncio.timeout(gateway.settings.drain_s):
                await gateway.idle.wait()
        except TimeoutError:
            LOG.warning("%d requests did not end in %g s and are cut off", gateway.active, gateway.settings.drain_s)
    for runner in runners:
        await runner.cleanup()
