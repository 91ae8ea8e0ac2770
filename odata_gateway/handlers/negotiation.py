"""What a client wants besides what its URL names: the format of the answer, preferences, and the
page."""

from __future__ import annotations

from odata_gateway.compiler.compiled_query import CompiledQuery
from odata_gateway.compiler.parsed_url import ParsedUrl
from odata_gateway.config.settings import Settings
from odata_gateway.edm.model import Model
from odata_gateway.errors import BindSegment, UrlPrecondition
from odata_gateway.formats.encoding import BodyEncoding, Format
from odata_gateway.formats.json_encoding import json_encoding
from odata_gateway.formats.plan_encoding import PLAN
from odata_gateway.formats.registry import DEFAULT_ENCODING, FORMATS
from odata_gateway.handlers.request import DataRequest, zone_option
from odata_gateway.handlers.zones import ZoneNames
from odata_gateway.identity.caller import Caller
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.plan.tree.projection import (
    CrossjoinProjection,
    EntityProjection,
    MixedProjection,
)
from odata_gateway.plan.tree.query import Query
from odata_gateway.protocol import links
from odata_gateway.protocol.headers.conditions import wants_snapshot
from odata_gateway.protocol.headers.format import negotiate
from odata_gateway.protocol.headers.preferences import Preferences, preferences
from odata_gateway.protocol.headers.version import version
from odata_gateway.protocol.json_format import PLAN_TYPE, JsonFormat
from odata_gateway.protocol.message import Request, RequestHeaders
from odata_gateway.protocol.metadata.document import MetadataDocuments
from odata_gateway.sql.statement import StatementVariant


class Negotiation:
    """Makes a `DataRequest` of a compiled query and the headers of its request.

    is_sharded  each statement is to read one shard
    """

    def __init__(
        self,
        settings: Settings,
        formats: tuple[Format, ...],
        metadata: MetadataDocuments,
        zones: ZoneNames | None = None,
        *,
        is_sharded: bool = False,
    ) -> None:
        self._zones = zones or ZoneNames(settings.timezone)
        self._settings = settings
        self._is_sharded = is_sharded
        self._formats = (*formats, PLAN) if settings.plan_callers else formats
        self._metadata = metadata

    def data_request(
        self, request: Request, caller: Caller, compiled: CompiledQuery
    ) -> DataRequest:
        """The request with all that is known before the database is asked for rows.

        raises  BindSegment, UrlPrecondition, UrlFormat, UrlHeader, UrlOption, UrlSkiptoken,
                ZonesNotRead
        """
        found = self.first_page(request, caller, compiled)
        token = compiled.url.template.transport.skiptoken
        if token is None:
            return found
        keys = len(compiled.query.order)
        return self.continued(found, links.read_skiptoken(token, found.token_scope, keys=keys))

    def first_page(self, request: Request, caller: Caller, compiled: CompiledQuery) -> DataRequest:
        """As `data_request`, without a look at the $skiptoken."""
        stats, url, query = current_stats.get(), compiled.url, compiled.query
        stats.note_resource(query.entity_set.name, *url.redacted)
        stats.accounts = len(caller.accounts)
        check_schema_version(url)
        check_isolation(request.headers)
        encoding = self._encoding(request, compiled)
        preferred = preferences(request.headers)
        if preferred.omit_nulls and _shows_entities(query):
            encoding = encoding.without_nulls()
        zone = self._zones.zone_of(url, preferred)
        variant = StatementVariant(
            encoding,
            many_accounts=not caller.has_one_account,
            shard_accounts=len(caller.accounts) if self._is_sharded else 0,
            zoned=zone is not None,
        )
        return DataRequest(
            root=request.root,
            credential=_repeated(_credential(request, url), zone),
            caller=caller,
            compiled=compiled,
            encoding=encoding,
            preferences=preferred,
            continuation=None,
            variant=variant,
            page_rows=self._page_rows(preferred, self._settings.page_rows),
            metadata=self._metadata,
            zone=zone,
        )

    def continued(self, request: DataRequest, continuation: links.Continuation) -> DataRequest:
        """The request for a later page, of the size that the client prefers now, or else preferred
        when the link was made."""
        return request._replace(
            continuation=continuation,
            variant=request.variant._replace(null_mask=continuation.null_mask),
            page_rows=self._page_rows(request.preferences, continuation.page_rows),
        )

    def _encoding(self, request: Request, compiled: CompiledQuery) -> BodyEncoding:
        """The format of the answer; counts and raw values are text in any of them."""
        if compiled.query.form in ("count", "value"):
            if self._settings.plan_callers and PLAN_TYPE in request.headers.get("accept", ""):
                return negotiate(request.headers, None, (PLAN,))
            return json_encoding(JsonFormat(version=version(request.headers)))
        return negotiate(request.headers, compiled.url.template.transport.format, self._formats)

    def _page_rows(self, preferred: Preferences, otherwise: int) -> int:
        return max(1, min(preferred.maxpagesize or otherwise, self._settings.max_page_rows))


def encoding_of_url(compiled: CompiledQuery) -> BodyEncoding:
    """The format of an answer as its URL alone says it."""
    if compiled.query.form in ("count", "value"):
        return DEFAULT_ENCODING
    return negotiate({}, compiled.url.template.transport.format, FORMATS)


def is_sharded(settings: Settings, model: Model) -> bool:
    """Whether each statement is to read one shard."""
    if settings.sharded == "auto":
        return model.is_sharded and not settings.rls
    return settings.sharded == "true"


def _shows_entities(query: Query) -> bool:
    """Whether the rows are entities, of one type or of several, whose nulls may be left out; those
    of rows that $apply made may not."""
    projection = query.projection
    if isinstance(projection, MixedProjection):
        projection = projection.declared
    are_entities = isinstance(projection, EntityProjection | CrossjoinProjection)
    return query.form in ("entity", "collection") and are_entities


def _credential(request: Request, url: ParsedUrl) -> str | None:
    """The token as an option, for a client that sent it in its URL."""
    options, token = url.target.options, request.token
    if not options or not token or not any(o.name == "apikey" for o in options):
        return None
    return links.credential(token)


def _repeated(credential: str | None, zone: str | None) -> str | None:
    """The options that links inside rows repeat."""
    if zone is None:
        return credential
    return zone_option(zone) if credential is None else f"{credential}&{zone_option(zone)}"


def check_isolation(headers: RequestHeaders) -> None:
    """Refuse a client that wants one snapshot of all pages (Protocol 8.2.4)."""
    if wants_snapshot(headers):
        raise UrlPrecondition(
            "snapshot isolation over all pages is not available", target="OData-Isolation"
        )


def check_schema_version(url: ParsedUrl) -> None:
    """Refuse any version but `*`: the service does not publish versions (Protocol 11.2.12)."""
    wanted = url.template.transport.schemaversion
    if wanted is not None and wanted != "*":
        raise BindSegment(
            f"there is no schema version '{wanted[:40]}'",
            target="$schemaversion",
            at=0,
            hint="leave $schemaversion out",
        )
