"""Answers every request of a service: the entry that the web layer and batches call.

Whatever can be refused is refused before the first byte. The first rows are read before the reply's
head is given out; what fails later is raised from the body's iterator, and the web layer then
breaks the connection.

Each caller is answered from the model of what the caller's role may read; all callers without a
role from the one of the connection's own role.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields
from math import inf
from typing import assert_never, cast

from odata_gateway.compiler.compiled_query import CompiledQuery
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.compiler.parsed_url import ParsedUrl
from odata_gateway.compiler.recompilation import Recompilation
from odata_gateway.config.readers import AUTO
from odata_gateway.config.settings import Settings
from odata_gateway.db.database import Database
from odata_gateway.db.schema.changes.refusals import Refusals
from odata_gateway.db.schema.role_models import RoleModels
from odata_gateway.edm.derive import served_part
from odata_gateway.edm.model import UNREAD, Model
from odata_gateway.errors import (
    DbDenied,
    DbModel,
    DbTable,
    DbUnavailable,
    DbValue,
    ODataError,
)
from odata_gateway.formats.encoding import ExportEncoding, Format
from odata_gateway.formats.plan_encoding import PlanEncoding
from odata_gateway.formats.registry import FORMATS, abbreviations
from odata_gateway.handlers.all_entities import AllEntitiesHandler
from odata_gateway.handlers.batch import BatchHandler, Frontend
from odata_gateway.handlers.collection import CollectionHandler, CollectionReader
from odata_gateway.handlers.documents import DocumentHandler, api_terms
from odata_gateway.handlers.entity.fast_lookup import PreparedLookups
from odata_gateway.handlers.entity.handler import EntityHandler, path_of_id
from odata_gateway.handlers.entity.lookups import Lookups
from odata_gateway.handlers.execution import QueryExecutor
from odata_gateway.handlers.files.export import ExportHandler
from odata_gateway.handlers.negotiation import Negotiation, is_sharded
from odata_gateway.handlers.plans.handler import PlanHandler
from odata_gateway.handlers.request import DataRequest
from odata_gateway.handlers.table_faults import TableFaults
from odata_gateway.handlers.zones import ZoneNames, ZonesNotRead
from odata_gateway.identity.caller import Caller
from odata_gateway.identity.directory import CallerDirectory
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.plan.tree.query import Query
from odata_gateway.protocol.message import Reply, Request
from odata_gateway.protocol.metadata.capabilities import with_levels
from odata_gateway.protocol.metadata.document import MetadataDocuments
from odata_gateway.protocol.metadata.openapi.document import ApiTerms
from odata_gateway.protocol.query_body import as_get
from odata_gateway.url.options import FORMAT_NAMES
from odata_gateway.url.resource_kind import ResourceKind, classify

_DOCUMENTS = {
    ResourceKind.SERVICE_DOCUMENT: "service",
    ResourceKind.METADATA: "$metadata",
    ResourceKind.OPENAPI: "openapi.json",
}
_MOST_MODELS = 64
"""Models of roles that are kept; each has a compiler with a cache of its own."""


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
        strict=settings.strict_urls,
    )


class Service:
    """Answers requests from one database; its model may be exchanged while it runs.

    role_models    what each role may read of the model
    recompilation  compiles in the background what was in use of a model that was exchanged
    look_again     compares the model with the database and calls `use` where they differ, unless
                   that was done a moment ago; returns when the last comparison began, by
                   time.monotonic()
    """

    def __init__(
        self,
        model: Model,
        database: Database,
        callers: CallerDirectory,
        settings: Settings,
        *,
        frontend: Frontend,
        role_models: RoleModels | None = None,
        formats: tuple[Format, ...] = FORMATS,
    ) -> None:
        self._database = database
        self._callers = callers
        self._settings = settings
        self._formats = formats
        self._role_models = role_models or RoleModels(database, lambda: model)
        self._batches = BatchHandler(self, callers, frontend, max_parts=settings.max_batch_parts)
        self._served: OrderedDict[str, ServedModel] = OrderedDict()  # of roles, by version
        self._versions: dict[str, str] = {}  # of the models that roles were served last
        self.recompilation = Recompilation()
        self._zones = ZoneNames(settings.timezone)
        self.look_again: Callable[[], Awaitable[float]] | None = None
        self._is_read = model is not UNREAD
        self._own = self._served_model(model)

    @property
    def compiler(self) -> Compiler:
        """The compiler of the model that callers without a role are answered from."""
        return self._own.compiler

    def use(self, model: Model) -> None:
        """Answer callers without a role from another model; requests that have begun are answered
        from theirs."""
        before = self._own
        self._is_read = model is not UNREAD
        self._own = self._served_model(model)
        self.recompilation.ask(before.compiler, self._own.compiler)

    async def answer(self, request: Request) -> Reply:
        """The reply to a request. Where the database no longer fits the model, the reply from the
        model as it is now.

        raises  ODataError, before the reply or from its body
        """
        self._check_read()
        match request.kind:
            case ResourceKind.DATA | ResourceKind.ENTITY_ID | ResourceKind.ALL as kind:
                caller = await self._callers.caller(request.token)
                served = self._own if caller.role is None else await self._served_to(caller)
                try:
                    return await served.data[kind](request, caller)
                except ZonesNotRead:
                    await self._zones.read(self._database)
                    return await served.data[kind](request, caller)
                except (DbModel, DbDenied, DbTable) as error:
                    return await self._answer_again(request, caller, served, error)
            case (
                ResourceKind.SERVICE_DOCUMENT | ResourceKind.METADATA | ResourceKind.OPENAPI as kind
            ):
                current_stats.get().note_resource(_DOCUMENTS[kind])
                return (await self._served_in_documents(request)).documents[kind](request)
            case ResourceKind.BATCH:
                return await self._batches.answer(request)
            case ResourceKind.QUERY_BODY:
                return await self.answer(_as_get_request(request))
            case _:
                assert_never(request.kind)

    async def compiler_of(self, caller: Caller) -> Compiler:
        """The compiler of the model that a caller is answered from."""
        return (await self._served_to(caller)).compiler

    async def compiler_of_token(self, token: str | None) -> Compiler:
        """The compiler of the model that the caller of a token is answered from.

        raises  AuthMissing, AuthInvalid, AuthForbidden; DbUnavailable
        """
        self._check_read()
        return await self.compiler_of(await self._callers.caller(token))

    async def model_of_documents(self, request: Request) -> Model:
        """The model that a request for the service document or $metadata is answered from.

        raises  as `compiler_of_token`
        """
        self._check_read()
        return (await self._served_in_documents(request)).compiler.model

    def _check_read(self) -> None:
        if not self._is_read:
            raise DbUnavailable("the model has not been read from the database yet")

    async def _served_in_documents(self, request: Request) -> ServedModel:
        """What documents are about: where they are public, the model of callers without a role."""
        is_public = self._settings.public_metadata and self._callers.is_metadata_public
        if is_public and (request.token is None or not self._callers.has_roles):
            return self._own
        return await self._served_to(await self._callers.caller(request.token))

    async def _served_to(self, caller: Caller) -> ServedModel:
        if caller.role is None:
            return self._own
        model = await self._role_models.model(caller.role)
        served = self._served.get(model.version)
        before = self._versions.get(caller.role, "")
        if served is None:
            served = self._served_model(model)
            self._served[model.version] = served
            if before in self._served:
                self.recompilation.ask(self._served[before].compiler, served.compiler)
        elif before != model.version:
            served.refusals.start_over()
        self._versions[caller.role] = model.version
        self._served.move_to_end(model.version)
        while len(self._served) > _MOST_MODELS:
            self._served.popitem(last=False)
        return served

    def _served_model(self, model: Model) -> ServedModel:
        terms = api_terms(self._settings, self._callers, self._formats)
        return ServedModel(
            model,
            self._database,
            self._settings,
            formats=self._formats,
            terms=terms,
            zones=self._zones,
        )

    async def _answer_again(
        self, request: Request, caller: Caller, served: ServedModel, error: ODataError
    ) -> Reply:
        """The reply from the model as it is now, where the database refused the one from `served`.
        DbTable may mean that too: a constant of the statement may be none of a column's new type.

        raises  DbChanged, where the model may be behind
        """
        seen_at, is_made = served.refusals.first_seen(error), self._settings.model == AUTO
        compared_at = await self._look_again(caller)
        now = await self._served_to(caller)
        if now is served and not (isinstance(error, DbModel) and compared_at >= seen_at):
            found = now.refusals.judged(error, compared_at, is_made=is_made)
            raise found from error.__cause__
        try:
            return await now.data[request.kind](request, caller)
        except (DbModel, DbDenied, DbTable) as again:
            found = now.refusals.judged(again, compared_at, is_made=is_made)
            raise found from again.__cause__

    async def _look_again(self, caller: Caller) -> float:
        """Compare the model with the database, unless that was done a moment ago; when the last
        comparison began."""
        compared_at = inf
        if self.look_again is not None and (caller.role is None or self._settings.model == AUTO):
            compared_at = await self.look_again()
        if caller.role is not None:
            compared_at = min(compared_at, await self._role_models.look_again(caller.role))
        return compared_at


def _as_get_request(request: Request) -> Request:
    """The GET request that `POST Message/$query` stands for."""
    target = as_get(request.target, request.headers, request.body)
    return request._replace(method="GET", target=target, kind=classify(target), body=b"")


class ServedModel:
    """Answers from one model, without the entity types that cannot be served.

    compiler   of the model
    documents  the handlers of the documents about the service, which need no caller
    data       the handlers of requests for data
    refusals   of its statements
    """

    def __init__(
        self,
        model: Model,
        database: Database,
        settings: Settings,
        *,
        formats: tuple[Format, ...],
        terms: ApiTerms,
        zones: ZoneNames,
    ) -> None:
        model = served_part(model)
        self.compiler = compiler_for(model, settings, formats)
        metadata = MetadataDocuments(model, with_levels(settings.max_expand_depth), terms)
        documents = DocumentHandler(self.compiler, metadata, abbreviations(formats))
        negotiation = Negotiation(
            settings, formats, metadata, zones, is_sharded=is_sharded(settings, model)
        )
        data = DataHandlers(self.compiler, negotiation, database, settings)
        self.documents: Mapping[ResourceKind, Callable[[Request], Reply]] = {
            ResourceKind.SERVICE_DOCUMENT: documents.service_document,
            ResourceKind.METADATA: documents.metadata,
            ResourceKind.OPENAPI: documents.openapi,
        }
        self.data: Mapping[ResourceKind, Callable[[Request, Caller], Awaitable[Reply]]] = {
            ResourceKind.ENTITY_ID: data.entity_id,
            ResourceKind.ALL: data.all_entities,
            ResourceKind.DATA: data.data,
        }
        self.refusals = Refusals()


class DataHandlers:
    """Answers requests for data, from one model."""

    def __init__(
        self,
        compiler: Compiler,
        negotiation: Negotiation,
        database: Database,
        settings: Settings,
    ) -> None:
        executor = QueryExecutor(database)
        reader = CollectionReader(database, at_once=settings.chunks_at_once)
        most_rows = settings.max_export_rows
        self._compiler = compiler
        self._negotiation = negotiation
        self._faults = TableFaults(database, compiler.model)
        self._entities = EntityHandler(executor, Lookups(database))
        self._prepared = PreparedLookups()
        self._collections = CollectionHandler(executor, reader)
        self._exports = ExportHandler(executor, reader, self._entities, most_rows=most_rows)
        self._plans = PlanHandler(executor, settings.plan_callers)
        self._all = AllEntitiesHandler(compiler, negotiation, executor, reader)

    async def data(self, request: Request, caller: Caller) -> Reply:
        """What a path of the model names."""
        known = self._prepared.find(request, caller)
        if known is not None:
            compiled = known[0].request.compiled
            reply: Awaitable[Reply] = self._entities.prepared(*known)
        else:
            compiled = self._compiler.compile(request.target)
            asked = self._negotiation.data_request(request, caller, compiled)
            self._prepared.keep(request, asked)
            reply = self._reply(asked)
        try:
            return await reply
        except (DbValue, DbTable) as error:
            raise await self._explained(
                error, caller, compiled.url, compiled.query
            ) from error.__cause__

    async def entity_id(self, request: Request, caller: Caller) -> Reply:
        """The entity that `$entity?$id=...` names (URL Conventions 4.3.4)."""
        url = self._compiler.check(request.target)
        path = path_of_id(url.template.transport.id or "", request.root)
        compiled = self._compiler.compile_entity_id(url, path)
        return await self._answered(request, caller, compiled)

    async def all_entities(self, request: Request, caller: Caller) -> Reply:
        """The entities of all sets, or of the sets of one type."""
        url = self._compiler.parse(request.target)
        current_stats.get().note_resource("$all", *url.redacted)
        compiled = self._compiler.compile_all(url)
        if isinstance(compiled, CompiledQuery):
            return await self._answered(request, caller, compiled)
        try:
            return await self._all.answer(request, caller, compiled)
        except (DbValue, DbTable) as error:
            names = compiled.names
            queries = (self._compiler.compile_set(compiled, name).query for name in names)
            raise await self._explained(error, caller, compiled.url, *queries) from error.__cause__

    async def _answered(self, request: Request, caller: Caller, compiled: CompiledQuery) -> Reply:
        """The reply to a request for the rows of one query. `data` has the same in line, which
        saves the most frequent requests a coroutine."""
        try:
            return await self._reply(self._negotiation.data_request(request, caller, compiled))
        except (DbValue, DbTable) as error:
            raise await self._explained(
                error, caller, compiled.url, compiled.query
            ) from error.__cause__

    async def _explained(
        self, error: DbValue | DbTable, caller: Caller, url: ParsedUrl, *queries: Query
    ) -> ODataError:
        continues = url.template.transport.skiptoken is not None
        return await self._faults.explained(error, queries, caller, continues=continues)

    def _reply(self, request: DataRequest) -> Awaitable[Reply]:
        if request.encoding.is_export:
            if isinstance(request.encoding, PlanEncoding):
                return self._plans.answer(request, request.encoding)
            return self._exports.answer(request, cast(ExportEncoding, request.encoding))
        match request.compiled.query.form:
            case "entity" | "reference" | "property" | "value":
                return self._entities.entity(request)
            case "collection" | "references":
                return self._collections.collection(request)
            case "count":
                return self._collections.count(request)
            case _:
                assert_never(request.compiled.query.form)
