"""What comes back: entities, numbers, files, and every error."""

from __future__ import annotations

from odata_gateway.protocol.metadata.openapi.csdl import CsdlElements, CsdlJson, type_name
from odata_gateway.protocol.metadata.openapi.schemas import member_schema, reference

_JSON = "application/json"
_RETRY: CsdlJson = {
    "Retry-After": {
        "description": "Seconds after which the request may be sent again",
        "schema": {"type": "integer", "minimum": 0},
    }
}
_CHALLENGE: CsdlJson = {
    "WWW-Authenticate": {
        "description": "How to send an access token, and where to get one",
        "schema": {"type": "string"},
    }
}


def _error(description: str, headers: CsdlJson | None = None) -> CsdlJson:
    content = {_JSON: {"schema": {"$ref": "#/components/schemas/error"}}}
    return {"description": description, **({"headers": headers} if headers else {})} | {
        "content": content
    }


_ERRORS: CsdlJson = {
    "400": ("BadRequest", _error("The request is wrong: the message says where, and what to do")),
    "401": ("Unauthorized", _error("There is no access token, or not a valid one", _CHALLENGE)),
    "403": ("Forbidden", _error("The caller may not read this")),
    "404": ("NotFound", _error("There is no such entity, or the caller may not see it")),
    "429": ("TooManyRequests", _error("Too many requests of this token are running", _RETRY)),
    "501": ("NotImplemented", _error("Valid OData that this service does not support")),
    "503": ("Unavailable", _error("The database has no capacity now", _RETRY)),
    "default": ("Error", _error("Any other error")),
}
ERROR_RESPONSES: CsdlJson = dict(_ERRORS.values())
"""The responses that every request may have, by the name of their component."""


def _responses(found: CsdlJson) -> CsdlJson:
    errors = {
        status: {"$ref": f"#/components/responses/{name}"} for status, (name, _) in _ERRORS.items()
    }
    return {**found, **errors}


def collection_responses(item: CsdlJson, file_types: tuple[str, ...] = ()) -> CsdlJson:
    """A page of items of a schema, in JSON or as a file of one of these media types."""
    page = {
        "type": "object",
        "required": ["value"],
        "properties": {
            "@odata.context": {
                "type": "string",
                "format": "iri-reference",
            },  # has names as they are
            "@odata.count": {"$ref": "#/components/schemas/count"},
            "@odata.nextLink": {
                "type": "string",
                "format": "uri-reference",
                "description": "Where the next page is; without it, there is none",
            },
            "value": {"type": "array", "items": item},
        },
    }
    files: CsdlJson = {media_type: {} for media_type in file_types}
    return _responses(
        {"200": {"description": "A page of rows", "content": {_JSON: {"schema": page}, **files}}}
    )


def entity_responses(type_: str, *, may_miss: bool = False) -> CsdlJson:
    """An entity of a type; `may_miss`: nothing, where there is none."""
    found: CsdlJson = {
        "200": {"description": "The entity", "content": {_JSON: {"schema": reference(type_)}}}
    }
    if may_miss:
        found["204"] = {"description": "There is none"}
    return _responses(found)


def count_responses() -> CsdlJson:
    """The number of entities, as text."""
    number = {"schema": {"type": "integer", "minimum": 0}}
    return _responses(
        {"200": {"description": "The number of rows", "content": {"text/plain": number}}}
    )


def media_responses(element: CsdlJson) -> CsdlJson:
    """The octets of a media entity or of a stream, of the media type that the model says."""
    media_type = str(element.get("@Core.MediaType", "*/*"))
    return _responses(
        {
            "200": {"description": "The octets", "content": {media_type: {}}},
            "204": {"description": "None"},
        }
    )


def function_responses(
    elements: CsdlElements, returned: CsdlJson, file_types: tuple[str, ...]
) -> CsdlJson:
    """What a function returns."""
    if returned.get("$Collection"):
        item = member_schema(elements, {**returned, "$Collection": False})
        are_rows = elements.is_entity(type_name(returned))
        return collection_responses(item, file_types if are_rows else ())
    if elements.is_entity(type_name(returned)):
        name = elements.qualified(type_name(returned))
        return entity_responses(name, may_miss=bool(returned.get("$Nullable")))
    value = member_schema(elements, returned)
    schema = {"type": "object", "properties": {"value": value}}
    if elements.type_of(type_name(returned)) is not None:
        schema = value
    found: CsdlJson = {"200": {"description": "The value", "content": {_JSON: {"schema": schema}}}}
    if returned.get("$Nullable"):
        found["204"] = {"description": "It is null"}
    return _responses(found)
