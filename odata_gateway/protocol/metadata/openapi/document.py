"""The whole OpenAPI document.

It follows the OASIS note "OData to OpenAPI Mapping Version 1.0" (2019), for OpenAPI 3.1 and for
reading only. A test compares it with what the authors' own program makes of the same model.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from odata_gateway.protocol.metadata.openapi.csdl import (
    CsdlElements,
    CsdlJson,
    children,
    description_of,
)
from odata_gateway.protocol.metadata.openapi.parameters import (
    SHARED,
    format_option,
    type_parameters,
)
from odata_gateway.protocol.metadata.openapi.paths import PathWriter
from odata_gateway.protocol.metadata.openapi.responses import ERROR_RESPONSES
from odata_gateway.protocol.metadata.openapi.schemas import COUNT, ERROR, type_schemas

_DESCRIPTION = (
    "A read-only OData v4 service. Rows are those that the caller's access token may see. "
    "`$metadata` beside this document has the same model in OData's own format."
)


@dataclass(frozen=True, slots=True)
class ApiTerms:
    """What the settings say about callers and formats.

    needs_token  requests without an access token are refused
    has_tokens   there are access tokens
    basic        a token may be the password of HTTP Basic
    discovery    the URL of the discovery document of the OpenID issuer; empty: there is none
    formats      values of $format that stand for a format of rows, with its media type
    """

    needs_token: bool = True
    has_tokens: bool = True
    basic: bool = True
    discovery: str = ""
    formats: tuple[tuple[str, str], ...] = (("json", "application/json"),)


USUAL_TERMS = ApiTerms()


def write_openapi(csdl: bytes, url: str, version: str, terms: ApiTerms) -> bytes:
    """The document in UTF-8.

    csdl     the model in CSDL JSON
    url      of the service, without a slash at the end
    version  of the model
    """
    elements = CsdlElements(orjson.loads(csdl))
    entity_types = [name for name in elements.types if elements.is_entity(name)]
    namespace = next(iter(elements.types), "").rpartition(".")[0]
    file_types = tuple(media_type for _, media_type in terms.formats[1:])
    parameters = {**SHARED, "format": format_option(tuple(name for name, _ in terms.formats))}
    for name in entity_types:
        parameters |= type_parameters(elements, name)
    paths = PathWriter(elements, file_types).all()
    text = orjson.dumps(paths)
    document: CsdlJson = {
        "openapi": "3.1.0",
        "info": {
            "title": f"OData service of {namespace}" if namespace else "OData service",
            "description": _DESCRIPTION,
            "version": version,
        },
        "servers": [{"url": url}],
        "tags": list(_tags(elements)),
        "security": _requirements(terms),
        "paths": paths,
        "components": {
            "schemas": {**type_schemas(elements), "count": COUNT, "error": ERROR},
            "parameters": {
                name: parameters[name]
                for name in parameters
                if orjson.dumps(f"#/components/parameters/{name}") in text
            },
            "responses": ERROR_RESPONSES,
            "securitySchemes": _schemes(terms),
        },
    }
    return orjson.dumps(document)


def _tags(elements: CsdlElements) -> list[CsdlJson]:
    found = []
    for name, child in children(elements.container):
        type_ = elements.type_of(str(child.get("$Type", ""))) or {}
        text = description_of(child) or description_of(type_)
        found.append({"name": name, **({"description": text} if text else {})})
    return found


def _schemes(terms: ApiTerms) -> CsdlJson:
    """The ways to send an access token, most usual first."""
    if not terms.has_tokens:
        return {}
    found: CsdlJson = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "apikey": {"type": "apiKey", "in": "header", "name": "apikey"},
        "apikeyOption": {"type": "apiKey", "in": "query", "name": "apikey"},
    }
    if terms.basic:
        text = "The access token is the password; any user name does"
        found["basic"] = {"type": "http", "scheme": "basic", "description": text}
    if terms.discovery:
        found["openId"] = {"type": "openIdConnect", "openIdConnectUrl": terms.discovery}
    return found


def _requirements(terms: ApiTerms) -> list[CsdlJson]:
    nothing: list[CsdlJson] = [] if terms.needs_token else [{}]
    return [*nothing, *({name: []} for name in _schemes(terms))]
