"""The body of $metadata, in XML and JSON, and its entity tag.

Both describe the same model (`csdl_xml`, `csdl_json`), without tables, columns, joins or policies.
Secret properties are part of it, so that a client finds the shape it expects, and say that they
read as null.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Literal

from odata_gateway.edm.model import Model
from odata_gateway.protocol.headers.version import ODataVersion
from odata_gateway.protocol.metadata.capabilities import CAPABILITIES, Capabilities
from odata_gateway.protocol.metadata.csdl_json import write_json
from odata_gateway.protocol.metadata.csdl_xml import write_xml


def csdl_xml(
    model: Model, capabilities: Capabilities = CAPABILITIES, *, version: ODataVersion = "4.0"
) -> bytes:
    """CSDL XML for clients of one version of OData."""
    return write_xml(model, capabilities, version)


def csdl_json(model: Model, capabilities: Capabilities = CAPABILITIES) -> bytes:
    """CSDL JSON 4.01, the only version that has this form."""
    return write_json(model, capabilities)


def metadata_etag(body: bytes) -> str:
    """A weak entity tag (RFC 9110, section 8.8.3): the same body may be sent compressed."""
    return f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'


class MetadataDocuments:
    """The bodies of $metadata with their entity tags, each made once."""

    def __init__(self, model: Model, capabilities: Capabilities = CAPABILITIES) -> None:
        self._model = model
        self._capabilities = capabilities

    def get(self, kind: Literal["xml", "json"], version: ODataVersion) -> tuple[bytes, str]:
        """The body in a form and version, and its entity tag."""
        if kind == "json":
            return self._json
        return self._xml if version == "4.0" else self._xml_401

    def etag(self, version: ODataVersion) -> str:
        """The entity tag of the document that clients of a version get unless they ask for JSON."""
        return self.get("xml", version)[1]

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
