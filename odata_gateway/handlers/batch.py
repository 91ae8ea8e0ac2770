"""Answers batches. The requests of a batch are answered one after another, each as if it had come
alone, and each answer is sent before the next one is made.

The batch's caller is the caller of every part. A part may repeat the access token, as clients do
that put it into every URL, but it cannot bring another one. Of a part nothing is in memory but the
chunk under way, and a database connection is held only while Postgres works for it. A part that
fails in the middle of its body breaks the whole answer, detectably.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Protocol
from urllib.parse import unquote

from odata_gateway.compiler.compiler import Compiler
from odata_gateway.errors import (
    AuthInvalid,
    ODataError,
    Unsupported,
    UrlDependency,
    UrlHeader,
    UrlMethod,
    UrlSyntax,
)
from odata_gateway.handlers.negotiation import check_isolation, check_schema_version
from odata_gateway.identity.live_agent import TokenDirectory
from odata_gateway.observe.counters import COUNTERS
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.protocol.batch.condition import holds
from odata_gateway.protocol.batch.json_requests import read_json
from odata_gateway.protocol.batch.multipart import read_multipart
from odata_gateway.protocol.batch.references import (
    FoundLiterals,
    ValuePath,
    literals,
    paths_in,
    with_values,
)
from odata_gateway.protocol.batch.requests import (
    BatchFormat,
    BatchRequest,
    batch_form,
    boundary,
    inherited,
    relative_to_root,
)
from odata_gateway.protocol.batch.responses import BatchResponse, ResponseName, answer_in, ended
from odata_gateway.protocol.headers.preferences import preferences
from odata_gateway.protocol.headers.version import check_body, version, version_of_error
from odata_gateway.protocol.message import Reply, Request, RequestHeaders
from odata_gateway.url.resource_kind import (
    METHODS,
    RESERVED_NAMES,
    ResourceKind,
    classify,
    method_refusal,
)


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

    async def answer(self, request: Request) -> Reply: ...


class BatchHandler:
    """Answers requests for $batch.

    max_parts  of one batch
    """

    def __init__(
        self,
        service: PartAnswerer,
        tokens: TokenDirectory,
        frontend: Frontend,
        *,
        max_parts: int,
    ) -> None:
        self._service = service
        self._tokens = tokens
        self._frontend = frontend
        self._max_parts = max_parts

    async def answer(self, request: Request) -> Reply:
        """The reply to a batch.

        raises  ODataError for what is wrong with the batch as a whole; all else is the answer to a
                part
        """
        current_stats.get().note_resource("$batch")
        form = await self._admitted(request)
        parts = self._parts(request, form)
        own_version, preferred = version(request.headers), preferences(request.headers)
        goes_on = preferred.continue_on_error
        answer = answer_in(form)
        headers = [("Content-Type", answer.content_type), ("OData-Version", own_version)]
        applied = preferred.applied("continue-on-error")
        if applied is not None:
            headers.append(("Preference-Applied", applied))
        execution = BatchExecution(request, parts, self._service, self._frontend)
        pieces = execution.pieces(answer, goes_on=form == "json" if goes_on is None else goes_on)
        return Reply(200, tuple(headers), pieces)

    async def _admitted(self, request: Request) -> BatchFormat:
        """The form of a batch that may be answered: its headers and URL must be right, and its
        caller known."""
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
        await self._tokens.caller(request.token)
        return form

    def _parts(self, request: Request, form: BatchFormat) -> tuple[BatchRequest, ...]:
        for name in ("if-match", "if-none-match"):
            if name in request.headers:
                raise UrlHeader("a batch as a whole has no entity tag", target=name.title())
        if form == "json":
            return tuple(read_json(request.body, most=self._max_parts))
        own_boundary = boundary(request.headers["content-type"])
        return tuple(read_multipart(request.body, own_boundary, most=self._max_parts))


class BatchExecution:
    """Answers the parts of one batch. It knows where those with an id led, and which failed."""

    def __init__(
        self,
        request: Request,
        parts: tuple[BatchRequest, ...],
        service: PartAnswerer,
        frontend: Frontend,
    ) -> None:
        self._batch = request
        self._parts = parts
        self._service = service
        self._frontend = frontend
        self._headers = inherited(request.headers)
        self._names = frozenset(part.id for part in parts if part.id is not None)
        self._targets: dict[str, str] = {}
        self._wanted = _wanted(parts, self._names)
        self._values: dict[str, FoundLiterals] = {}
        self._failed: set[str] = set()

    async def pieces(self, answer: BatchResponse, *, goes_on: bool) -> AsyncGenerator[bytes]:
        """The whole answer; it ends with the first part that fails unless it `goes_on`."""
        yield answer.head
        for part in self._parts:
            reply = await self._reply(part)
            async with (
                ended(reply.body),
                aclosing(
                    answer.part(
                        ResponseName(part.id, part.group), reply.status, reply.headers, reply.body
                    )
                ) as pieces,
            ):
                async for piece in pieces:
                    yield piece
            if reply.status >= 400 and not goes_on:
                break
            await asyncio.sleep(0)  # so that parts that need no database do not keep others waiting
        yield answer.tail

    async def _reply(self, part: BatchRequest) -> Reply:
        try:
            request = self._request(part)
            reply = await self._service.answer(request)
            self._keep(part, request.target, reply)
        except Exception as error:
            reply = self._frontend.refusal(self._batch, error)
            reply = reply._replace(
                headers=(
                    *reply.headers,
                    ("OData-Version", version_of_error(self._headers | dict(part.headers))),
                )
            )
        COUNTERS.part(reply.status)
        if reply.status >= 400:
            self._fail(part)
        return reply

    def _fail(self, part: BatchRequest) -> None:
        """A part has failed, and with it every part of its group, whatever it was answered (JSON
        Format 19.5)."""
        parts = (
            [part]
            if part.group is None
            else [each for each in self._parts if each.group == part.group]
        )
        self._failed |= {
            name for each in parts for name in (each.id, each.group) if name is not None
        }

    def _keep(self, part: BatchRequest, target: str, reply: Reply) -> None:
        """Keep what later parts refer to, and not the whole answer."""
        paths = self._wanted.get(part.id or "")
        if not paths or reply.status >= 400 or part.id is None:
            return
        try:
            body = reply.body if isinstance(reply.body, bytes) else b""
            self._values[part.id] = _values(self._service.compiler, target, body, paths)
        except ODataError as error:
            self._values[part.id] = dict.fromkeys(paths, error)

    def _request(self, part: BatchRequest) -> Request:
        """The part as a request of its own."""
        if part.fault is not None:
            raise part.fault
        self._check_needs(part)
        target = self._target(part)
        path, _, query = target.partition("?")
        query = with_values(query, self._literal)
        kind = classify(target)
        if kind is ResourceKind.BATCH:
            raise UrlSyntax("a batch cannot contain another batch", target="path", at=0)
        if part.method != METHODS[kind][0]:
            raise UrlMethod(method_refusal(part.method, kind), hint=f"use {METHODS[kind][0]}")
        self._check_token(part.headers, query)
        query = self._with_key(query)
        headers = self._headers | dict(part.headers)
        return self._batch._replace(
            method=part.method,
            target=f"{path}?{query}" if query else path,
            kind=kind,
            headers=headers,
            body=part.body,
        )

    def _check_needs(self, part: BatchRequest) -> None:
        """Raises UrlDependency where a part is not to be answered, for what became of others."""
        if part.group is not None and part.group in self._failed:
            raise UrlDependency("another request of its group has failed")
        if part.condition is not None:
            if not holds(part.condition, lambda name: self._succeeded(name, part)):
                raise UrlDependency("the condition is not met", target="if")
            return
        failed = [need for need in part.needs if need in self._failed]
        if failed:
            raise UrlDependency(f"the request '{failed[0][:40]}' has failed")

    def _succeeded(self, name: str, part: BatchRequest) -> bool:
        if name not in part.needs:
            raise UrlSyntax(
                f"the condition asks for '{name[:40]}', which is not in dependsOn", target="if"
            )
        return name not in self._failed

    def _literal(self, name: str, path: ValuePath) -> str | None:
        """The value an earlier part was answered with; None where no part has the name."""
        if name not in self._names:
            return None
        if name in self._failed:
            raise UrlDependency(f"the request '{name[:40]}' has failed")
        if name not in self._values:
            raise UrlSyntax(f"no earlier request has the id '{name[:40]}'")
        found = self._values[name][path]
        if isinstance(found, ODataError):
            raise found
        return found

    def _target(self, part: BatchRequest) -> str:
        """What of the part's URL follows the service root, with a reference to an earlier part
        resolved."""
        target = relative_to_root(part.url, self._batch.root, part.headers.get("host"))
        found = _REFERENCE.match(target)
        name = unquote(found[1]) if found else ""
        if found and name in self._names and found[0] not in RESERVED_NAMES:
            if name in self._failed:
                raise UrlDependency(f"the request '{name[:40]}' has failed")
            if name not in self._targets:
                raise UrlSyntax(f"no earlier request has the id '{name[:40]}'", target="path", at=0)
            target = (
                _entity_path(self._service.compiler, self._targets[name]) + target[found.end() :]
            )
        if part.id is not None:
            self._targets[part.id] = target
        return target

    def _check_token(self, headers: RequestHeaders, query: str) -> None:
        own = self._frontend.token_of(headers, query)
        if own is not None and own != self._batch.token:
            raise AuthInvalid(
                "a part of a batch cannot have an access token of its own",
                hint="send the token with the batch",
            )

    def _with_key(self, query: str) -> str:
        """The query with the batch's `apikey`, which the links of the part's answer then carry as
        well."""
        if any(unquote(option.partition("=")[0]) == "apikey" for option in query.split("&")):
            return query
        keys = [
            o
            for o in self._batch.target.partition("?")[2].split("&")
            if unquote(o.partition("=")[0]) == "apikey"
        ]
        return "&".join([query, *keys[:1]] if query else keys[:1])


def _wanted(parts: Iterable[BatchRequest], names: frozenset[str]) -> dict[str, set[ValuePath]]:
    """The values of answers that queries of parts refer to, by the part's id."""
    found: dict[str, set[ValuePath]] = {}
    for part in parts:
        for name, paths in paths_in(part.url.partition("?")[2]).items():
            if name in names:
                found.setdefault(name, set()).update(paths)
    return found


_REFERENCE = re.compile(r"\$([^/?]+)")


def _entity_path(compiler: Compiler, target: str) -> str:
    """The path of the entity that a target names, without its options.

    raises  UrlSyntax where it names anything else, or an option has a key of it
    """
    path = target.partition("?")[0].rstrip("/")
    is_entity = path.strip("/") and compiler.compile(target).query.form == "entity"
    if not is_entity or "@" in path or "%40" in path:
        raise UrlSyntax("only the path of a single entity can be referred to", target="path", at=0)
    return path


def _values(
    compiler: Compiler, target: str, body: bytes, paths: Iterable[ValuePath]
) -> FoundLiterals:
    """The literals at some paths of the answer to a target, or why there is none.

    raises  UrlSyntax where the target does not name a single entity
    """
    query = compiler.compile(target).query
    if query.form != "entity":
        raise UrlSyntax("only values of a single entity can be referred to")
    return literals(body, paths, query.entity_set.entity_type, compiler.model)
