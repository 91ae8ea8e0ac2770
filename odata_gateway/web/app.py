"""Which path is answered by what: the service, health checks, metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, Protocol

from aiohttp import HttpVersion10, HttpVersion11, web

from odata_gateway.config.settings import Settings
from odata_gateway.errors import (
    AuthForbidden,
    AuthInvalid,
    AuthMissing,
    BindSegment,
    ODataError,
    UrlMethod,
    UrlSyntax,
)
from odata_gateway.protocol.message import Reply, Request, RequestHeaders
from odata_gateway.url.addresses.address import address_of
from odata_gateway.url.resource_kind import METHODS, ResourceKind, classify, method_refusal
from odata_gateway.web.asked_headers import AskedHeaders
from odata_gateway.web.challenge import METADATA_PATH, Challenges
from odata_gateway.web.concurrency_limit import ConcurrencyLimit
from odata_gateway.web.connection import Connection
from odata_gateway.web.credentials import secrets_of
from odata_gateway.web.exchange import Exchange, logged_refusal, respond
from odata_gateway.web.headers import preflight
from odata_gateway.web.health import HEALTH_PATHS, Health
from odata_gateway.web.mcp.endpoint import (
    MCP_METHODS,
    MCP_PATH,
    answer_message,
    check_host_and_origin,
    mcp_root,
)
from odata_gateway.web.mcp.server import McpServer
from odata_gateway.web.mcp.service import AgentCaller
from odata_gateway.web.request_body import read_body
from odata_gateway.web.responses.compression import no_coding
from odata_gateway.web.urls import (
    SERVICE_PATH,
    Peer,
    path_of,
    service_target,
    with_authority,
)

if TYPE_CHECKING:
    from odata_gateway.observe.tracing import Tracer


class Answerer(Protocol):
    """What answers OData requests."""

    def answer(self, request: Request) -> Awaitable[Reply]:
        """The reply to a request; raises ODataError, before the reply or from its body."""
        ...


class PageAnswerer(Answerer, Protocol):
    """What answers browsers with pages."""

    def wants(self, target: str, headers: RequestHeaders) -> bool:
        """Whether a GET request for a target is one for a page."""
        ...

    async def refusal(self, error: Exception, reply: Reply, request: Request) -> Reply:
        """The page of an error that any other client gets as `reply`."""
        ...


@dataclass(slots=True)
class Gateway:
    """The state of a running server.

    service     what answers OData requests
    ping        returns when the database answers, else raises
    active      how many requests of the main port are running
    metrics     the media type and text of all metrics, for an Accept header
    tracer      makes spans, where the settings ask for them
    challenges  says where access tokens come from, where an issuer gives them out
    pages       answers browsers; None: they get what any client gets
    mcp         answers agents, where the settings let it
    """

    settings: Settings
    service: Answerer
    ping: InitVar[Callable[[], Awaitable[str | None]]]
    active: int = 0
    metrics: Callable[[str], tuple[str, bytes]] | None = None
    tracer: Tracer | None = None
    challenges: Challenges | None = None
    pages: PageAnswerer | None = None
    mcp: McpServer | None = None
    health: Health = field(init=False)
    concurrency: ConcurrencyLimit = field(init=False)

    def __post_init__(self, ping: Callable[[], Awaitable[str | None]]) -> None:
        self.health = Health(ping)
        self.concurrency = ConcurrencyLimit(self.settings.max_token_requests)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The response to a request on the main port."""
        self.active += 1
        try:
            return await respond(
                request, self._route, self.settings, is_closing=self._is_closing, tracer=self.tracer
            )
        finally:
            self.active -= 1
            self.concurrency.leave(id(request))

    async def handle_admin(self, request: web.BaseRequest) -> web.StreamResponse:
        """The response to a request on an admin port: health checks and metrics only."""
        return await respond(request, self._route_admin, self.settings, is_closing=self._is_closing)

    def _is_closing(self) -> bool:
        return self.health.draining

    async def _route(self, exchange: Exchange) -> Reply:
        path = exchange.raw.raw_path
        if exchange.raw.version not in (HttpVersion11, HttpVersion10):
            raise UrlSyntax("the HTTP version must be 1.1 or 1.0")
        if not path.startswith("/"):
            asked = AskedHeaders(with_authority(path, exchange.headers))
            path = path_of(path)
            exchange = exchange._replace(asked=asked, headers=asked.by_name)
        target = service_target(path)
        if target is not None:
            pages, is_get = self.pages, exchange.raw.method in ("GET", "HEAD")
            if pages is not None and is_get and pages.wants(target, exchange.headers):
                if path.partition("?")[0] == SERVICE_PATH:  # links of a page are relative
                    return self._to_root(exchange, target)
                return await self._page(exchange, target, pages)
            return await self._service(exchange, target, self.service)
        if self.mcp is not None and path.partition("?")[0] == MCP_PATH:
            return await self._mcp(exchange, path, self.mcp)
        if self.challenges is not None and path.startswith(METADATA_PATH):
            return self._resource_metadata(exchange, path, self.challenges)
        if exchange.raw.method == "OPTIONS" and path == "*":
            return _options(exchange, ("GET", "HEAD", "OPTIONS"), self.settings)
        if path == "/" and self.pages is not None and self.pages.wants("", exchange.headers):
            return self._to_root(exchange)
        return await self._other_path(exchange, path)

    def _to_root(self, exchange: Exchange, target: str = "") -> Reply:
        """To the page of the root, with the options of a target but without an access token."""
        return Reply(303, (("Location", self._root(exchange) + address_of(target).target),))

    async def _page(self, exchange: Exchange, target: str, pages: PageAnswerer) -> Reply:
        """A page, also of an error."""
        try:
            return await self._service(exchange, target, pages)
        except Exception as error:
            secrets = secrets_of(exchange.headers, target.partition("?")[2])
            reply = logged_refusal(error, exchange.id, secrets, self.settings)
            kind, root = classify(target), f"{SERVICE_PATH}/"
            return await pages.refusal(
                error, reply, Request("GET", target, kind, exchange.headers, root, None)
            )

    async def _service(self, exchange: Exchange, target: str, answerer: Answerer) -> Reply:
        """The answer; a refusal says where access tokens come from."""
        kind, method = classify(target), exchange.raw.method
        methods = METHODS[kind]
        if method == "OPTIONS":
            return _options(exchange, methods, self.settings)
        _check_method(method, methods, kind)
        if exchange.asked.accepts_nothing:
            raise no_coding()
        try:
            request = self._request(exchange, target, kind)
            if method == "POST":
                body = await read_body(exchange.raw, exchange.headers, self.settings)
                request = request._replace(body=body)
            return await answerer.answer(request)
        except (AuthMissing, AuthInvalid, AuthForbidden) as error:
            self._challenge(error, exchange, self._root(exchange))
            raise

    def _request(self, exchange: Exchange, target: str, kind: ResourceKind) -> Request:
        """What the service is asked, without a body; the request counts for its token now."""
        method, asked = exchange.raw.method, exchange.asked
        token = asked.token(target.partition("?")[2], self.settings)
        if token is not None:
            self.concurrency.enter(id(exchange.raw), token)
        return Request(
            "GET" if method == "HEAD" else method,
            target,
            kind,
            exchange.headers,
            self._root(exchange),
            token,
        )

    async def _mcp(self, exchange: Exchange, path: str, server: McpServer) -> Reply:
        """The answer to a message of the Model Context Protocol."""
        check_host_and_origin(exchange.headers, _peer(exchange.raw), self.settings)
        if exchange.raw.method == "OPTIONS":
            return _options(exchange, MCP_METHODS, self.settings)
        _check_method(exchange.raw.method, MCP_METHODS)
        root = self._root(exchange)
        try:
            token = exchange.asked.token(path.partition("?")[2], self.settings)
            if token is not None:
                self.concurrency.enter(id(exchange.raw), token)
            return await answer_message(exchange, server, AgentCaller(token, root), self.settings)
        except (AuthMissing, AuthInvalid, AuthForbidden) as error:
            self._challenge(error, exchange, mcp_root(root))
            raise

    def _challenge(self, error: ODataError, exchange: Exchange, root: str) -> None:
        """Let a refusal say where tokens for the resource with this root come from."""
        if self.challenges is not None:
            error.headers = self.challenges.headers(error, exchange.headers, root)

    def _root(self, exchange: Exchange) -> str:
        return exchange.asked.root(_peer(exchange.raw), self.settings)

    def _resource_metadata(self, exchange: Exchange, path: str, challenges: Challenges) -> Reply:
        exchange.stats.note_resource("protected resource metadata")
        if exchange.raw.method == "OPTIONS":
            return _options(exchange, ("GET", "HEAD", "OPTIONS"), self.settings)
        _check_method(exchange.raw.method, ("GET", "HEAD", "OPTIONS"))
        path, root = path.partition("?")[0], self._root(exchange)
        if self.mcp is not None and path.endswith(MCP_PATH):
            root = mcp_root(root)
        reply = challenges.metadata(path, root)
        if reply is None:
            raise BindSegment("no such path", target="path")
        return reply

    async def _route_admin(self, exchange: Exchange) -> Reply:
        path = path_of(exchange.raw.raw_path)
        if self.metrics is None or path.partition("?")[0] != "/metrics":
            return await self._other_path(exchange, path)
        exchange.stats.note_resource("metrics")
        _check_method(exchange.raw.method, ("GET", "HEAD"))
        media_type, text = self.metrics(exchange.headers.get("accept", ""))
        return Reply(200, (("Content-Type", media_type), ("Cache-Control", "no-store")), text)

    async def _other_path(self, exchange: Exchange, path: str) -> Reply:
        """The answer of a health check; raises BindSegment for any other path."""
        check = HEALTH_PATHS.get(path.partition("?")[0])
        if check is None:
            hint = f"use the service root {SERVICE_PATH}/"
            raise BindSegment("no such path", target="path", hint=hint)
        exchange.stats.note_resource("health")
        _check_method(exchange.raw.method, ("GET", "HEAD"))
        return await self.health.reply(check)


def _check_method(method: str, allowed: tuple[str, ...], kind: ResourceKind | None = None) -> None:
    """Refuse a method that is not allowed; `kind` is None outside the service."""
    if method not in allowed:
        names = ", ".join(allowed)
        error = UrlMethod(method_refusal(method, kind), hint=f"use {names}")
        error.headers = (("Allow", names),)
        raise error


def _options(exchange: Exchange, allowed: tuple[str, ...], settings: Settings) -> Reply:
    return Reply(204, (("Allow", ", ".join(allowed)), *preflight(exchange.headers, settings)))


def _peer(request: web.BaseRequest) -> Peer:
    connection = request.protocol
    assert isinstance(connection, Connection)
    return connection.peer
