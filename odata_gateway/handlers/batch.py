"""Answers batches. The requests of a batch are answered one after another, each as if it had come
alone, and each answer is sent before the next one is made.

The batch's caller is the caller of every part. A part may repeat the access token, as clients do
that put it into every URL, but it cannot bring another one. Of a part nothing is in memory but the
chunk under way, and a database connection is held only while Postgres works for it. A part that
fails in the middle of its body breaks the whole answer, detectably.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NamedTuple, Protocol

from odata_gateway.compiler.compiler import Compiler
from odata_gateway.errors import (
    AuthInvalid,
    Unsupported,
    UrlHeader,
    UrlMethod,
    UrlSyntax,
)
from odata_gateway.handlers.earlier_parts import EarlierParts
from odata_gateway.handlers.negotiation import check_isolation, check_schema_version
from odata_gateway.identity.caller import Caller
from odata_gateway.identity.directory import CallerDirectory
from odata_gateway.observe.counters import COUNTERS
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.protocol.batch.json_requests import read_json
from odata_gateway.protocol.batch.multipart import read_multipart
from odata_gateway.protocol.batch.references import with_values
from odata_gateway.protocol.batch.requests import (
    BatchFormat,
    BatchRequest,
    answer_form,
    batch_form,
    boundary,
    inherited,
    relative_to_root,
)
from odata_gateway.protocol.batch.responses import BatchResponse, ResponseName, answer_in
from odata_gateway.protocol.headers.preferences import preferences
from odata_gateway.protocol.headers.version import check_body, version, version_of_error
from odata_gateway.protocol.message import Reply, Request, RequestHeaders, ended
from odata_gateway.url.resource_kind import METHODS, ResourceKind, classify, method_refusal
from odata_gateway.url.split import is_credential


class Frontend(Protocol):
    """What receives requests from clients, and so knows how a client sends its token and how an
    error is told and logged."""

    def token_of(self, headers: RequestHeaders, query: str) -> str | None:
        """The access token in a request's headers or in its query.

        raises  AuthMissing, AuthInvalid
        """
        ...

    def refusal(self, request: Request, error: Exception) -> Reply:
        """The reply that an error becomes, which the log has if it is the service's own fault.

        request  that came from the client
        """
        ...


class PartAnswerer(Protocol):
    """What answers the parts of a batch, one by one."""

    @property
    def compiler(self) -> Compiler: ...

    async def compiler_of(self, caller: Caller) -> Compiler: ...

    async def answer(self, request: Request) -> Reply: ...


class BatchHandler:
    """Answers requests for $batch.

    max_parts  of one batch
    """

    def __init__(
        self,
        service: PartAnswerer,
        callers: CallerDirectory,
        frontend: Frontend,
        *,
        max_parts: int,
    ) -> None:
        self._service = service
        self._callers = callers
        self._frontend = frontend
        self._max_parts = max_parts

    async def answer(self, request: Request) -> Reply:
        """The reply to a batch.

        raises  ODataError for what is wrong with the batch as a whole; all else is the answer to a
                part
        """
        current_stats.get().note_resource("$batch")
        form, caller = await self._admitted(request)
        parts = self._parts(request, form)
        own_version, preferred = version(request.headers), preferences(request.headers)
        goes_on = preferred.continue_on_error
        answer = answer_in(answer_form(request.headers, form), {part.id for part in parts})
        headers = [("Content-Type", answer.content_type), ("OData-Version", own_version)]
        applied = preferred.applied("continue-on-error")
        if applied is not None:
            headers.append(("Preference-Applied", applied))
        execution = BatchExecution(
            BatchContent(request, parts, caller), self._service, self._frontend
        )
        pieces = execution.pieces(answer, goes_on=form == "json" if goes_on is None else goes_on)
        return Reply(200, tuple(headers), pieces)

    async def _admitted(self, request: Request) -> tuple[BatchFormat, Caller]:
        """The form and the caller of a batch that may be answered: its headers and URL must be
        right, and its caller known."""
        check_body(request.headers)
        form = batch_form(request.headers)
        url = self._service.compiler.check(request.target)
        if url.template.transport.format is not None:
            raise Unsupported(
                "$format of a batch is not supported",
                target="$format",
                at=0,
                hint="leave it out: the answer has the form of the request",
            )
        check_schema_version(url)
        check_isolation(request.headers)
        return form, await self._callers.caller(request.token)

    def _parts(self, request: Request, form: BatchFormat) -> tuple[BatchRequest, ...]:
        for name in ("if-match", "if-none-match"):
            if name in request.headers:
                raise UrlHeader("a batch as a whole has no entity tag", target=name.title())
        if form == "json":
            return tuple(read_json(request.body, most=self._max_parts))
        own_boundary = boundary(request.headers["content-type"])
        return tuple(read_multipart(request.body, own_boundary, most=self._max_parts))


class BatchContent(NamedTuple):
    """A batch that may be answered: the request that brought it, its parts, and who asks."""

    request: Request
    parts: tuple[BatchRequest, ...]
    caller: Caller


class BatchExecution:
    """Answers the parts of one batch."""

    def __init__(self, batch: BatchContent, service: PartAnswerer, frontend: Frontend) -> None:
        self._batch, self._parts, self._caller = batch
        self._service = service
        self._frontend = frontend
        self._headers = inherited(self._batch.headers)
        self._earlier = EarlierParts(self._parts)

    async def pieces(self, answer: BatchResponse, *, goes_on: bool) -> AsyncGenerator[bytes]:
        """The whole answer. It ends with the first part that fails, unless it `goes_on`."""
        yield answer.head
        for part in self._parts:
            reply = await self._reply(part)
            name = ResponseName(part.id, part.group)
            found = answer.part(name, reply.status, reply.headers, reply.body)
            async with ended(reply.body), aclosing(found) as pieces:
                async for piece in pieces:
                    yield piece
            if reply.status >= 400 and not goes_on:
                break
            await asyncio.sleep(0)  # parts that need no database must not keep others waiting
        yield answer.tail

    async def _reply(self, part: BatchRequest) -> Reply:
        """The reply to a part; an error is one."""
        try:
            compiler = await self._service.compiler_of(self._caller)
            request = self._request(part, compiler)
            reply = await self._service.answer(request)
            self._earlier.answered(part, request.target, reply, compiler)
        except Exception as error:
            reply = self._frontend.refusal(self._batch, error)
            odata_version = version_of_error(self._headers | dict(part.headers))
            reply = reply._replace(headers=(*reply.headers, ("OData-Version", odata_version)))
        COUNTERS.part(reply.status)
        if reply.status >= 400:
            self._earlier.failed(part)
        return reply

    def _request(self, part: BatchRequest, compiler: Compiler) -> Request:
        """The part as a request of its own.

        raises  ODataError where it cannot be answered
        """
        if part.fault is not None:
            raise part.fault
        self._earlier.check_needs(part)
        target = relative_to_root(part.url, self._batch.root, part.headers.get("host"))
        target = self._earlier.resolved(part, target, compiler)
        path, _, query = target.partition("?")
        query = with_values(query, self._earlier.literal)
        kind = classify(path)
        if kind is ResourceKind.BATCH:
            raise UrlSyntax("a batch cannot contain another batch", target="path", at=0)
        if part.method != METHODS[kind][0]:
            error = UrlMethod(method_refusal(part.method, kind), hint=f"use {METHODS[kind][0]}")
            error.headers = (("Allow", ", ".join(METHODS[kind])),)
            raise error
        self._check_token(part.headers, query)
        query = self._with_credential(query)
        return self._batch._replace(
            method=part.method,
            target=f"{path}?{query}" if query else path,
            kind=kind,
            headers=self._headers | dict(part.headers),
            body=part.body,
        )

    def _check_token(self, headers: RequestHeaders, query: str) -> None:
        """Refuse a part that brings another token than the batch."""
        own = self._frontend.token_of(headers, query)
        if own is not None and own != self._batch.token:
            raise AuthInvalid(
                "a part of a batch cannot have an access token of its own",
                hint="send the token with the batch",
            )

    def _with_credential(self, query: str) -> str:
        """The query with the batch's `apikey`, which the links of the part's answer then carry as
        well."""
        options = query.split("&") if query else []
        if any(is_credential(option) for option in options):
            return query
        given = self._batch.target.partition("?")[2].split("&")
        return "&".join([*options, *[o for o in given if is_credential(o)][:1]])
