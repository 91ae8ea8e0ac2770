"""Answers requests for the documents about the service: the service document, $metadata and the
OpenAPI document."""

from __future__ import annotations

from odata_gateway.compiler.compiler import Compiler
from odata_gateway.compiler.parsed_url import ParsedUrl
from odata_gateway.config.settings import Settings
from odata_gateway.errors import UrlPrecondition
from odata_gateway.formats.encoding import Format
from odata_gateway.formats.json_encoding import JSON
from odata_gateway.handlers.negotiation import check_schema_version
from odata_gateway.identity.directory import CallerDirectory
from odata_gateway.protocol.documents import service_document
from odata_gateway.protocol.headers.conditions import names_etag
from odata_gateway.protocol.headers.format import negotiate, negotiate_metadata, require_json
from odata_gateway.protocol.headers.version import version
from odata_gateway.protocol.message import HeaderPairs, Reply, Request
from odata_gateway.protocol.metadata.document import MetadataDocuments, metadata_etag
from odata_gateway.protocol.metadata.openapi.document import ApiTerms

_DISCOVERY = "/.well-known/openid-configuration"


def api_terms(
    settings: Settings, callers: CallerDirectory, formats: tuple[Format, ...]
) -> ApiTerms:
    """What the OpenAPI document says besides the model."""
    issuer = settings.jwt_issuer.rstrip("/")
    is_url = issuer.startswith(("https://", "http://"))
    return ApiTerms(
        needs_token=callers.anonymous is None,
        has_tokens=bool(callers.ways),
        basic=settings.basic_auth,
        discovery=f"{issuer}{_DISCOVERY}" if is_url else "",
        formats=tuple((each.abbreviations[0], each.media_types[0]) for each in formats),
    )


class DocumentHandler:
    """Answers from the model alone.

    format_names  values of $format that stand for some format
    """

    def __init__(
        self, compiler: Compiler, metadata: MetadataDocuments, format_names: frozenset[str]
    ) -> None:
        self._compiler = compiler
        self._format_names = format_names
        self._metadata = metadata

    def service_document(self, request: Request) -> Reply:
        """The entity sets and their URLs."""
        url = self._admitted(request)
        wanted = url.template.transport.format
        form = negotiate(request.headers, wanted, (JSON,), self._format_names).form
        body = service_document(self._compiler.model, request.root, form)
        return _tagged(request, body, metadata_etag(body), form.content_type, version=form.version)

    def metadata(self, request: Request) -> Reply:
        """The model as CSDL, in XML or JSON."""
        url = self._admitted(request)
        wanted = url.template.transport.format
        form, answered = negotiate_metadata(request.headers, wanted, self._format_names)
        body, etag = self._metadata.get(form, answered)
        return _tagged(request, body, etag, f"application/{form}", version=answered)

    def openapi(self, request: Request) -> Reply:
        """The service as OpenAPI describes it. The document takes the options of $metadata."""
        _, mark, options = request.target.partition("?")
        url = self._compiler.check(f"$metadata{mark}{options}")
        check_schema_version(url)
        require_json(request.headers, url.template.transport.format, self._format_names)
        body, etag = self._metadata.openapi(request.root)
        return _tagged(request, body, etag, "application/json", version=version(request.headers))

    def _admitted(self, request: Request) -> ParsedUrl:
        """The URL of a request that may be answered; raises ODataError for any other."""
        url = self._compiler.check(request.target)
        check_schema_version(url)
        return url


def _tagged(request: Request, body: bytes, etag: str, media_type: str, *, version: str) -> Reply:
    """A document with its entity tag, or 304 for a client that has it already (Protocol 8.2.4,
    8.2.5).

    raises  UrlPrecondition where the client wants another one
    """
    headers: HeaderPairs = (("OData-Version", version), ("ETag", etag))
    if "if-match" in request.headers and not names_etag(request.headers["if-match"], etag):
        raise UrlPrecondition("the document has another entity tag", target="If-Match")
    if names_etag(request.headers.get("if-none-match", ""), etag):
        return Reply(304, headers)
    return Reply(200, (("Content-Type", media_type), *headers), body)
