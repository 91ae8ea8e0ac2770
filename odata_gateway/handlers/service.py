"""`answer(Request) -> Reply`: the only place where all stages meet.

Free of aiohttp, so that a batch can call it once for each of its parts. Everything that can be
refused is refused before the first byte: the first rows are read before the reply's head is given
out, and whatever fails later raises from the body's iterator, which the web turns into a broken
connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from dataclasses import fields
from urllib.parse import urlsplit

from odata_gateway.compiler.compiled_query import CompiledQuery
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.compiler.parsed_url import ParsedUrl
from odata_gateway.config.settings import Settings
from odata_gateway.db.database import Database
from odata_gateway.edm.derive import without_missing_tables
from odata_gateway.edm.model import Model
from odata_gateway.errors import (
    AuthMissing,
    BindSegment,
    DbModel,
    Unsupported,
    UrlOption,
    UrlPrecondition,
    UrlSyntax,
)
from odata_gateway.formats.encoding import BodyEncoding, Format
from odata_gateway.formats.json_encoding import JSON, json_encoding
from odata_gateway.formats.registry import FORMATS, format_names
from odata_gateway.handlers.all_entities import AllEntitiesHandler, AllEntitiesRequest
from odata_gateway.handlers.collection import CollectionHandler
from odata_gateway.handlers.execution import QueryExecutor
from odata_gateway.handlers.request import DataRequest, no_entity, reply_headers
from odata_gateway.identity.caller import Caller
from odata_gateway.identity.live_agent import TokenDirectory
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.plan.tree.projection import CrossjoinProjection, EntityProjection
from odata_gateway.protocol import links
from odata_gateway.protocol.batch.references import FoundLiterals, ValuePath, literals
from odata_gateway.protocol.batch.requests import batch_form
from odata_gateway.protocol.documents import service_document
from odata_gateway.protocol.headers.conditions import names_etag, wants_snapshot
from odata_gateway.protocol.headers.format import negotiate, negotiate_metadata
from odata_gateway.protocol.headers.preferences import preferences
from odata_gateway.protocol.headers.version import check_body, version
from odata_gateway.protocol.json_format import JsonFormat
from odata_gateway.protocol.message import HeaderPairs, Reply, Request
from odata_gateway.protocol.metadata.capabilities import with_levels
from odata_gateway.protocol.metadata.document import MetadataDocuments, metadata_etag
from odata_gateway.protocol.query_body import as_get
from odata_gateway.sql.statement import StatementVariant


def compiler_for(
    model: Model, settings: Settings, formats: tuple[Format, ...] = FORMATS
) -> Compiler:
    """The compiler of a model; each of its limits is the setting of its name with `max_` before
    it."""
    limits = Limits(**{f.name: getattr(settings, f"max_{f.name}") for f in fields(Limits)})
    return Compiler(
        model,
        limits=limits,
        max_url_bytes=settings.max_url_bytes,
        cache_entries=settings.cache_entries,
        format_names=format_names(formats),
    )


class Service:
    """Answers requests against one model and one database."""

    def __init__(
        self,
        model: Model,
        database: Database,
        tokens: TokenDirectory,
        settings: Settings,
        *,
        formats: tuple[Format, ...] = FORMATS,
    ) -> None:
        model = without_missing_tables(model)
        self.model = model
        self._tokens = tokens
        self._settings = settings
        self._formats = formats
        self.compiler = compiler_for(model, settings, formats)
        self._metadata = MetadataDocuments(model, with_levels(settings.max_expand_depth))
        self._reader = QueryExecutor(database, settings)
        self._pages = CollectionHandler(self._reader)
        self._all_pages = AllEntitiesHandler(self._reader)

    async def answer(self, request: Request) -> Reply:
        """The reply to a request; raises ODataError only, before the reply or from its body."""
        first = (
            request.target.removeprefix("/").partition("?")[0].partition("#")[0].partition("/")[0]
        )
        if request.method == "GET" and first in ("", "$metadata"):
            return await self._document(request, first)
        if request.method == "POST":
            request = request._replace(
                method="GET", target=as_get(request.target, request.headers, request.body), body=b""
            )
        caller = await self._caller(request)
        if first == "$all":
            return await self._everything(request, caller)
        if first == "$entity":
            compiled = self._compiled_entity(request)
        else:
            compiled = self.compiler.compile(request.target)
        token = compiled.url.transport.skiptoken
        return await self._data(self._call(request, caller, compiled, token))

    async def admit_batch(self, request: Request) -> None:
        """A batch as a whole: its caller must be known, its URL in order, and it cannot have more
        than its parts.

        raises  ODataError
        """
        check_body(request.headers)
        batch_form(request.headers)
        url = self.compiler.check(request.target)
        if url.transport.format is not None:
            raise Unsupported(
                "$format of a batch is not supported",
                target="$format",
                at=0,
                hint="an answer has the form of its request",
            )
        _check_schema_version(url)
        _check_isolation(request)
        await self._caller(request)

    def entity_path(self, target: str) -> str:
        """The path of the entity that a target names, without its options.

        raises  UrlSyntax where it names something else, or a key stands in an option
        """
        path = target.partition("?")[0].rstrip("/")
        if (
            not path.strip("/")
            or self.compiler.compile(target).query.form != "entity"
            or "@" in path
            or "%40" in path
        ):
            raise UrlSyntax(
                "only the path of a single entity can be referred to", target="path", at=0
            )
        return path

    def values(self, target: str, body: bytes, paths: Iterable[ValuePath]) -> FoundLiterals:
        """What is at some paths of the answer to a target, as literals, or why there is none.

        raises  UrlSyntax where the target names no single entity
        """
        query = self.compiler.compile(target).query
        if query.form != "entity":
            raise UrlSyntax("only values of a single entity can be referred to")
        return literals(body, paths, query.entity_set.entity_type, self.model)

    def _caller(self, request: Request) -> Awaitable[Caller]:
        if not request.token:
            raise AuthMissing(
                "an access token is needed",
                hint="send it as Bearer token, as ?apikey=, or as the password of HTTP Basic",
            )
        return self._tokens.caller(request.token)

    # --- documents --------------------------------------------------------------------------------

    async def _document(self, request: Request, name: str) -> Reply:
        """The service document and $metadata."""
        current_stats.get().asked(name or "service")
        if not self._settings.public_metadata:
            await self._caller(request)
        url = self.compiler.check(request.target)
        _check_schema_version(url)
        if name == "":
            form = negotiate(request.headers, url.transport.format, (JSON,)).form
            body = service_document(self.model, request.root, form)
            return _tagged(request, body, metadata_etag(body), form.content_type, form.version)
        kind, odata_version = negotiate_metadata(request.headers, url.transport.format)
        body, etag = self._metadata.get(kind, odata_version)
        return _tagged(request, body, etag, f"application/{kind}", odata_version)

    def _compiled_entity(self, request: Request) -> CompiledQuery:
        """The query of `$entity?$id=...` (URL Conventions 4.3.4)."""
        url = self.compiler.check(request.target)
        entity_id = url.transport.id
        if entity_id is None:
            raise UrlOption("$entity needs $id", target="$id", hint="write $entity?$id=Message(1)")
        return self.compiler.compile_entity_id(url, _relative(entity_id, request.root))

    # --- data -------------------------------------------------------------------------------------

    def _call(
        self, request: Request, caller: Caller, compiled: CompiledQuery, token: str | None
    ) -> DataRequest:
        """Everything that is known before the database is asked for rows."""
        stats, url, query = current_stats.get(), compiled.url, compiled.query
        stats.asked(query.entity_set.name, *url.redacted)
        stats.accounts = len(caller.accounts)
        _check_schema_version(url)
        _check_isolation(request)
        is_text = query.form in ("count", "value")
        encoding: BodyEncoding
        if is_text:
            encoding = json_encoding(JsonFormat(version=version(request.headers)))
        else:
            encoding = negotiate(request.headers, url.transport.format, self._formats)

        def bound() -> links.TokenScope:
            return links.TokenScope(url.query_digest(), url.path_keys())

        asked = preferences(request.headers)
        shows_entities = query.form in ("entity", "collection") and isinstance(
            query.projection, EntityProjection | CrossjoinProjection
        )
        continuation = (
            None if token is None else links.read_skiptoken(token, bound(), keys=len(query.order))
        )
        if asked.omit_nulls and shows_entities:
            encoding = encoding.without_nulls()
        mask = None if continuation is None else continuation.mask
        shape = StatementVariant(
            encoding,
            len(caller.accounts) > 1,
            mask,
            shard_accounts=len(caller.accounts) if self._settings.sharded else 0,
        )
        return DataRequest(
            request,
            caller,
            compiled,
            encoding,
            asked,
            continuation,
            shape,
            bound,
            self._metadata,
        )

    def _data(self, call: DataRequest) -> Awaitable[Reply]:
        match call.query.form:
            case "entity" | "reference" | "property" | "value":
                return self._single(call)
            case "collection" | "references":
                return self._pages.collection(call)
            case "count":
                return self._count(call)

    def _everything(self, request: Request, caller: Caller) -> Awaitable[Reply]:
        """`$all`, whose sets are read one after the other, or `$all/LiveAgent.Message`, which is a
        set."""
        url = self.compiler.parse(request.target)
        current_stats.get().asked("$all", *url.redacted)
        compiled = self.compiler.compile_all(url)
        token = url.transport.skiptoken
        if isinstance(compiled, CompiledQuery):
            return self._data(self._call(request, caller, compiled, token))

        def call_of(name: str, skip: int) -> DataRequest:
            of_set = self.compiler.compile_set(compiled, name, skip)
            call = self._call(request, caller, of_set, token=None)
            encoding = call.encoding.of_several_sets()
            return call._replace(encoding=encoding, shape=call.shape._replace(encoding=encoding))

        continuation = (
            None
            if token is None
            else links.read_skiptoken(token, links.TokenScope(url.query_digest(), ""), keys=None)
        )
        return self._all_pages.page(AllEntitiesRequest(compiled, call_of, continuation))

    async def _count(self, call: DataRequest) -> Reply:
        rows = await self._reader.fetch(call)
        current_stats.get().read(1)
        if rows[0][0] == 0 or call.query.is_made:
            await self._reader.require_parent(call)
        return Reply(200, reply_headers(call, "text/plain"), str(rows[0][0]).encode())

    async def _single(self, call: DataRequest) -> Reply:
        """An entity, a reference, a property or its raw value; 204 for null."""
        rows = await self._reader.fetch(call)
        current_stats.get().read(len(rows))
        if len(rows) > 1:
            raise DbModel(f"the key of {call.query.entity_set.name} is not unique in the database")
        if not rows:
            if call.query.optional and call.query.parent is not None:
                await self._reader.require_parent(call)
                return Reply(204, reply_headers(call, None))
            raise no_entity(call)
        text = rows[0][0]
        if call.query.form == "value" and text is None:
            return Reply(204, reply_headers(call, None))
        if call.query.form == "value":
            return Reply(200, reply_headers(call, "text/plain;charset=utf-8"), text.encode())
        if call.query.form == "property":
            return self._property(call, text)
        headers = reply_headers(call, call.encoding.content_type, call.applied)
        return Reply(200, headers, call.encoding.entity(call.context, text))

    def _property(self, call: DataRequest, text: str | None) -> Reply:
        if text == call.encoding.null_property:
            return Reply(204, reply_headers(call, None))
        field = call.query.field
        assert field is not None and text is not None
        body = call.encoding.property_body(call.context, field, text)
        return Reply(200, reply_headers(call, call.encoding.content_type), body)


def _tagged(request: Request, body: bytes, etag: str, media_type: str, odata_version: str) -> Reply:
    """A document with its entity tag, or 304 for a client that has it already (Protocol 8.2.4,
    8.2.5).

    raises  UrlPrecondition where the client wants another one
    """
    headers: HeaderPairs = (("OData-Version", odata_version), ("ETag", etag))
    if "if-match" in request.headers and not names_etag(request.headers["if-match"], etag):
        raise UrlPrecondition("the document has another entity tag", target="If-Match")
    if names_etag(request.headers.get("if-none-match", ""), etag):
        return Reply(304, headers)
    return Reply(200, (("Content-Type", media_type), *headers), body)


def _check_isolation(request: Request) -> None:
    if wants_snapshot(request.headers):
        raise UrlPrecondition(
            "snapshot isolation over all pages is not available", target="OData-Isolation"
        )


def _check_schema_version(url: ParsedUrl) -> None:
    """No version of the schema is published by name, so only `*` exists (Protocol 11.2.12)."""
    asked = url.transport.schemaversion
    if asked is not None and asked != "*":
        raise BindSegment(
            f"there is no schema version '{asked[:40]}'",
            target="$schemaversion",
            at=0,
            hint="leave $schemaversion out",
        )


def _relative(entity_id: str, root: str) -> str:
    """An entity-id, absolute or relative to the service root, as a path after it."""
    if entity_id.startswith(root):
        return entity_id[len(root) :]
    parts, own = urlsplit(entity_id), urlsplit(root)
    if parts.scheme or parts.netloc:
        raise BindSegment(
            "$id belongs to another service",
            target="$id",
            at=0,
            hint=f"entity-ids of this service begin with {root}",
        )
    return entity_id.removeprefix(own.path).removeprefix("/")
