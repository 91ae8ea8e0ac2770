"""Answers every request of a service: the entry that the web layer and batches call.

Whatever can be refused is refused before the first byte. The first rows are read before the reply's
head is given out; what fails later is raised from the body's iterator, and the web layer then
breaks the connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields
from typing import assert_never

from odata_gateway.compiler.compiled_query import CompiledQuery
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.config.settings import Settings
from odata_gateway.db.database import Database
from odata_gateway.edm.derive import served_part
from odata_gateway.edm.model import Model
from odata_gateway.errors import DbDenied, DbModel
from odata_gateway.formats.encoding import Format
from odata_gateway.formats.registry import FORMATS, abbreviations
from odata_gateway.handlers.all_entities import AllEntitiesHandler
from odata_gateway.handlers.batch import BatchHandler, Frontend
from odata_gateway.handlers.collection import CollectionHandler, CollectionReader
from odata_gateway.handlers.documents import DocumentHandler
from odata_gateway.handlers.entity import EntityHandler, path_of_id
from odata_gateway.handlers.execution import QueryExecutor
from odata_gateway.handlers.negotiation import Negotiation
from odata_gateway.handlers.request import DataRequest
from odata_gateway.identity.directory import CallerDirectory
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.protocol.message import Reply, Request
from odata_gateway.protocol.metadata.capabilities import with_levels
from odata_gateway.protocol.metadata.document import MetadataDocuments
from odata_gateway.protocol.query_body import as_get
from odata_gateway.url.options import FORMAT_NAMES
from odata_gateway.url.resource_kind import ResourceKind, classify


def compiler_for(
    model: Model, settings: Settings, formats: tuple[Format, ...] = FORMATS
) -> Compiler:
    """The compiler of a model. Each of its limits is the setting of the same name with `max_`."""
    limits = Limits(**{f.name: getattr(settings, f"max_{f.name}") for f in fields(Limits)})
    return Compiler(
        model,
        limits=limits,
        max_url_bytes=settings.max_url_bytes,
        cache_entries=settings.cache_entries,
        format_names=FORMAT_NAMES | abbreviations(formats),
    )


class Service:
    """Answers requests from one database; its model may be exchanged while it runs.

    look_again  compares the model with the database and calls `use` where they differ
    """

    def __init__(
        self,
        model: Model,
        database: Database,
        callers: CallerDirectory,
        settings: Settings,
        *,
        frontend: Frontend,
        formats: tuple[Format, ...] = FORMATS,
    ) -> None:
        self._database = database
        self._callers = callers
        self._settings = settings
        self._formats = formats
        self._batches = BatchHandler(self, callers, frontend, max_parts=settings.max_batch_parts)
        self.look_again: Callable[[], Awaitable[None]] | None = None
        self.use(model)

    def use(self, model: Model) -> None:
        """Answer from another model; requests that have begun are answered from theirs."""
        model = served_part(model)
        self.compiler = compiler_for(model, self._settings, self._formats)
        levels = with_levels(self._settings.max_expand_depth)
        metadata = MetadataDocuments(model, levels)
        data = DataHandlers(
            self.compiler,
            Negotiation(self._settings, self._formats, metadata),
            self._database,
            self._callers,
        )
        documents = DocumentHandler(
            self.compiler, metadata, self._callers, is_public=self._settings.public_metadata
        )
        self._handlers: Mapping[ResourceKind, Callable[[Request], Awaitable[Reply]]] = {
            ResourceKind.SERVICE_DOCUMENT: documents.service_document,
            ResourceKind.METADATA: documents.metadata,
            ResourceKind.BATCH: self._batches.answer,
            ResourceKind.ENTITY_ID: data.entity_id,
            ResourceKind.ALL: data.all_entities,
            ResourceKind.QUERY_BODY: self._query_body,
            ResourceKind.DATA: data.data,
        }

    async def answer(self, request: Request) -> Reply:
        """The reply to a request. Where the database no longer fits the model, the reply from the
        model as it is now.

        raises  ODataError, before the reply or from its body
        """
        handlers = self._handlers
        try:
            return await handlers[request.kind](request)
        except (DbModel, DbDenied):
            if self.look_again is not None:
                await self.look_again()
            if self._handlers is handlers:
                raise
            return await self._handlers[request.kind](request)

    def _query_body(self, request: Request) -> Awaitable[Reply]:
        """The reply to the GET request that `POST Message/$query` stands for."""
        target = as_get(request.target, request.headers, request.body)
        kind = classify(target)
        return self._handlers[kind](
            request._replace(method="GET", target=target, kind=kind, body=b"")
        )


class DataHandlers:
    """Answers requests for data, from one model."""

    def __init__(
        self,
        compiler: Compiler,
        negotiation: Negotiation,
        database: Database,
        callers: CallerDirectory,
    ) -> None:
        executor, reader = QueryExecutor(database), CollectionReader(database)
        self._compiler = compiler
        self._negotiation = negotiation
        self._callers = callers
        self._entities = EntityHandler(executor)
        self._collections = CollectionHandler(executor, reader)
        self._all = AllEntitiesHandler(compiler, negotiation, executor, reader)

    async def data(self, request: Request) -> Reply:
        """What a path of the model names."""
        caller = await self._callers.caller(request.token)
        compiled = self._compiler.compile(request.target)
        return await self._reply(self._negotiation.data_request(request, caller, compiled))

    async def entity_id(self, request: Request) -> Reply:
        """The entity that `$entity?$id=...` names (URL Conventions 4.3.4)."""
        caller = await self._callers.caller(request.token)
        url = self._compiler.check(request.target)
        path = path_of_id(url.template.transport.id or "", request.root)
        compiled = self._compiler.compile_entity_id(url, path)
        return await self._reply(self._negotiation.data_request(request, caller, compiled))

    async def all_entities(self, request: Request) -> Reply:
        """The entities of all sets, or of the sets of one type."""
        caller = await self._callers.caller(request.token)
        url = self._compiler.parse(request.target)
        current_stats.get().note_resource("$all", *url.redacted)
        compiled = self._compiler.compile_all(url)
        if isinstance(compiled, CompiledQuery):
            return await self._reply(self._negotiation.data_request(request, caller, compiled))
        return await self._all.answer(request, caller, compiled)

    def _reply(self, request: DataRequest) -> Awaitable[Reply]:
        match request.compiled.query.form:
            case "entity" | "reference" | "property" | "value":
                return self._entities.entity(request)
            case "collection" | "references":
                return self._collections.collection(request)
            case "count":
                return self._collections.count(request)
            case _:
                assert_never(request.compiled.query.form)
