"""What a request and a reply are to the service, and a request for data on its way between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from odata_gateway.compiler.compiled_query import CompiledQuery
from odata_gateway.compiler.parsed_url import ParsedUrl
from odata_gateway.errors import BindNoEntity
from odata_gateway.formats.encoding import BodyEncoding
from odata_gateway.identity.caller import Caller
from odata_gateway.plan.tree.query import Query
from odata_gateway.protocol import context, links
from odata_gateway.protocol.headers.preferences import Preferences
from odata_gateway.protocol.message import HeaderPairs, Request
from odata_gateway.protocol.metadata.document import MetadataDocuments
from odata_gateway.sql.statement import StatementVariant


class DataRequest(NamedTuple):
    """A request for data on its way: compiled, negotiated, and with its caller."""

    request: Request
    caller: Caller
    compiled: CompiledQuery
    encoding: BodyEncoding
    preferences: Preferences
    continuation: links.Continuation | None
    shape: StatementVariant
    bound: Callable[[], links.TokenScope]
    metadata: MetadataDocuments

    @property
    def url(self) -> ParsedUrl:
        return self.compiled.url

    @property
    def query(self) -> Query:
        return self.compiled.query

    @property
    def is_counted(self) -> bool:
        """Whether this page carries @odata.count: the first one does."""
        return self.query.counted is not None and self.continuation is None

    @property
    def applied(self) -> str | None:
        """The preferences that the reply follows, as the client wrote them (Protocol 8.2.8); None
        without any."""
        sized = ("maxpagesize",) if self.query.form in ("collection", "references") else ()
        return self.preferences.applied(
            *sized, *(("omit-values",) if self.encoding.omits_nulls else ())
        )

    @property
    def context(self) -> context.ResponseContext:
        """The context URL and the documents it refers to."""
        version = self.encoding.version
        fragment = context.fragment(self.query, version, self.url.key_text)
        return context.ResponseContext(
            f"{self.request.root}$metadata{fragment}", self.metadata, version
        )


def reply_headers(
    call: DataRequest, media_type: str | None, applied: str | None = None
) -> HeaderPairs:
    """The headers of a reply with data; `media_type` None where it has no body, `applied` the
    preferences that were."""
    headers: HeaderPairs = (("OData-Version", call.encoding.version),)
    if media_type is not None:
        headers = (("Content-Type", media_type), *headers)
    return headers if applied is None else (*headers, ("Preference-Applied", applied))


def no_entity(call: DataRequest) -> BindNoEntity:
    """The same answer for what does not exist and for what belongs to another account."""
    return BindNoEntity("no such entity", target="path")
