"""What answers from one model: its compiler, and the handlers of each kind of resource.

Callers who may read the same share one, and so its compiled statements: nothing in it belongs to a
caller.
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
from odata_gateway.formats.encoding import Format
from odata_gateway.formats.registry import FORMATS, abbreviations
from odata_gateway.handlers.all_entities import AllEntitiesHandler
from odata_gateway.handlers.collection import CollectionHandler, CollectionReader
from odata_gateway.handlers.documents import DocumentHandler
from odata_gateway.handlers.entity import EntityHandler, path_of_id
from odata_gateway.handlers.execution import QueryExecutor
from odata_gateway.handlers.negotiation import Negotiation
from odata_gateway.handlers.request import DataRequest
from odata_gateway.identity.caller import Caller
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.protocol.message import Reply, Request
from odata_gateway.protocol.metadata.capabilities import with_levels
from odata_gateway.protocol.metadata.document import MetadataDocuments
from odata_gateway.url.options import FORMAT_NAMES
from odata_gateway.url.resource_kind import ResourceKind


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


class ServedModel:
    """Answers from one model, without the entity types that cannot be served.

    compiler   of the model
    documents  the handlers of the documents about the service, which need no caller
    data       the handlers of requests for data
    """

    def __init__(
        self,
        model: Model,
        database: Database,
        settings: Settings,
        formats: tuple[Format, ...] = FORMATS,
    ) -> None:
        model = served_part(model)
        self.compiler = compiler_for(model, settings, formats)
        metadata = MetadataDocuments(model, with_levels(settings.max_expand_depth))
        documents = DocumentHandler(self.compiler, metadata)
        data = DataHandlers(self.compiler, Negotiation(settings, formats, metadata), database)
        self.documents: Mapping[ResourceKind, Callable[[Request], Reply]] = {
            ResourceKind.SERVICE_DOCUMENT: documents.service_document,
            ResourceKind.METADATA: documents.metadata,
        }
        self.data: Mapping[ResourceKind, Callable[[Request, Caller], Awaitable[Reply]]] = {
            ResourceKind.ENTITY_ID: data.entity_id,
            ResourceKind.ALL: data.all_entities,
            ResourceKind.DATA: data.data,
        }


class DataHandlers:
    """Answers requests for data, from one model."""

    def __init__(self, compiler: Compiler, negotiation: Negotiation, database: Database) -> None:
        executor, reader = QueryExecutor(database), CollectionReader(database)
        self._compiler = compiler
        self._negotiation = negotiation
        self._entities = EntityHandler(executor)
        self._collections = CollectionHandler(executor, reader)
        self._all = AllEntitiesHandler(compiler, negotiation, executor, reader)

    async def data(self, request: Request, caller: Caller) -> Reply:
        """What a path of the model names."""
        compiled = self._compiler.compile(request.target)
        return await self._reply(self._negotiation.data_request(request, caller, compiled))

    async def entity_id(self, request: Request, caller: Caller) -> Reply:
        """The entity that `$entity?$id=...` names (URL Conventions 4.3.4)."""
        url = self._compiler.check(request.target)
        path = path_of_id(url.template.transport.id or "", request.root)
        compiled = self._compiler.compile_entity_id(url, path)
        return await self._reply(self._negotiation.data_request(request, caller, compiled))

    async def all_entities(self, request: Request, caller: Caller) -> Reply:
        """The entities of all sets, or of the sets of one type."""
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
