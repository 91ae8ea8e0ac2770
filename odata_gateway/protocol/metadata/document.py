"""The bodies of $metadata in XML and JSON and of the OpenAPI document, and their entity tags.

All describe the same model, without tables, columns, joins and row policies. Secret properties are
in it, so that clients find the type they expect; an annotation says that they read as null.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Literal

from odata_gateway.edm.model import Model
from odata_gateway.protocol.headers.version import ODataVersion
from odata_gateway.protocol.metadata.capabilities import (
    CAPABILITIES,
    Capabilities,
    with_functions_of,
)
from odata_gateway.protocol.metadata.csdl_json import write_json
from odata_gateway.protocol.metadata.csdl_xml import write_xml
from odata_gateway.protocol.metadata.openapi.document import USUAL_TERMS, ApiTerms, write_openapi

_URL = "odata-gateway:url"
"""Stands for the URL of the service, which depends on the request."""


def csdl_xml(
    model: Model, capabilities: Capabilities = CAPABILITIES, *, version: ODataVersion = "4.0"
) -> bytes:
    """The model in CSDL XML, for clients of a version of OData."""
    return write_xml(model, capabilities, version)


def csdl_json(model: Model, capabilities: Capabilities = CAPABILITIES) -> bytes:
    """The model in CSDL JSON, which exists in 4.01 only."""
    return write_json(model, capabilities)


def metadata_etag(body: bytes) -> str:
    """A weak entity tag (RFC 9110, section 8.8.3): the same body may be sent compressed."""
    return f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'


class MetadataDocuments:
    """The bodies of the documents about one model, with their entity tags. Each is made once, when
    it is first asked for."""

    def __init__(
        self,
        model: Model,
        capabilities: Capabilities = CAPABILITIES,
        terms: ApiTerms = USUAL_TERMS,
    ) -> None:
        self._model = model
        self._capabilities = with_functions_of(model, capabilities)
        self._terms = terms

    def get(self, kind: Literal["xml", "json"], version: ODataVersion) -> tuple[bytes, str]:
        """A body and its entity tag."""
        if kind == "json":
            return self._json
        return self._xml if version == "4.0" else self._xml_401

    def etag(self, version: ODataVersion) -> str:
        """The entity tag of the document in XML."""
        return self.get("xml", version)[1]

    def openapi(self, root: str) -> tuple[bytes, str]:
        """The OpenAPI document of the service with this root, and its entity tag."""
        before, behind, digest = self._openapi
        url = root.removesuffix("/").encode()
        return before + url + behind, metadata_etag(digest + url)

    @cached_property
    def _openapi(self) -> tuple[bytes, bytes, bytes]:
        """The document before and behind the URL of the service, and what tells it from others."""
        csdl, tag = self._json
        body = write_openapi(csdl, _URL, self._model.version, self._terms)
        before, _, behind = body.partition(_URL.encode())
        return before, behind, tag.encode() + repr(self._terms).encode()

    @cached_property
    def _json(self) -> tuple[bytes, str]:
        return _tagged(csdl_json(self._model, self._capabilities))

    @cached_property
    def _xml(self) -> tuple[bytes, str]:
        return _tagged(csdl_xml(self._model, self._capabilities, version="4.0"))

    @cached_property
    def _xml_401(self) -> tuple[bytes, str]:
        return _tagged(csdl_xml(self._model, self._capabilities, version="4.01"))


def _tagged(body: bytes) -> tuple[bytes, str]:
    return body, metadata_etag(body)
