"""Types and their properties as JSON Schema 2020-12, which is that of OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from odata_gateway.protocol.metadata.openapi.csdl import (
    CsdlElements,
    CsdlJson,
    allowed_values,
    children,
    description_of,
    has_octets,
    members,
    plain_name,
    type_name,
)
from odata_gateway.types.family import PrimitiveType
from odata_gateway.types.registry import PRIMITIVE_TYPES

COUNT: CsdlJson = {
    "type": "integer",
    "minimum": 0,
    "description": "The number of all rows on all pages; only with `$count=true`",
}
ERROR: CsdlJson = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "target", "details"],
            "properties": {
                "code": {"type": "string", "description": "Stable; see docs/errors.md"},
                "message": {
                    "type": "string",
                    "description": "The place, what is wrong, and what to do",
                },
                "target": {
                    "type": "string",
                    "description": "The query option that is wrong, `path`, or empty",
                },
                "details": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["code", "message"],
                        "properties": {
                            "code": {"type": "string"},
                            "message": {"type": "string"},
                            "target": {"type": "string"},
                        },
                    },
                },
                "innererror": {
                    "type": "object",
                    "properties": {
                        "request_id": {
                            "type": "string",
                            "description": "Under this id the log has the request",
                        }
                    },
                },
            },
        }
    },
}


def reference(qualified_name: str) -> CsdlJson:
    """The reference to the schema of a type."""
    return {"$ref": f"#/components/schemas/{plain_name(qualified_name)}"}


def type_schemas(elements: CsdlElements) -> CsdlJson:
    """The schemas of all types that the model declares, by the name of their component."""
    found = {}
    for name, element in elements.types.items():
        schema = _declared(elements, element)
        title = {"title": name.rpartition(".")[2]}
        found[plain_name(name)] = {**title, **_described(element), **schema}
    return found


def _declared(elements: CsdlElements, element: CsdlJson) -> CsdlJson:
    match element["$Kind"]:
        case "EnumType" if element.get("$IsFlags"):
            return {"type": "string"}
        case "EnumType":
            return {"type": "string", "enum": [name for name, _ in members(element)]}
        case "TypeDefinition":
            return value_schema(elements, {**element, "$Type": element["$UnderlyingType"]})
        case _:
            own = {"type": "object", "properties": _members_of(elements, element)}
            base = element.get("$BaseType")
            return {"allOf": [reference(elements.qualified(base)), own]} if base else own


def _members_of(elements: CsdlElements, element: CsdlJson) -> CsdlJson:
    found: CsdlJson = _links_to("") if element.get("$HasStream") else {}
    for name, member in children(element):
        if has_octets(member):
            found |= _links_to(name)
            continue
        found[name] = member_schema(elements, member)
        if member.get("$Kind") == "NavigationProperty" and member.get("$Collection"):
            found[f"{name}@odata.count"] = {"$ref": "#/components/schemas/count"}
            found[f"{name}@odata.nextLink"] = {"type": "string", "format": "uri-reference"}
    return found


def _links_to(stream: str) -> CsdlJson:
    """Where the octets of an entity or of a stream property are, in the place of a value."""
    return {
        f"{stream}@odata.mediaReadLink": {"type": "string", "format": "uri-reference"},
        f"{stream}@odata.mediaContentType": {"type": "string"},
    }


def member_schema(elements: CsdlElements, member: CsdlJson) -> CsdlJson:
    """The schema of a property or navigation property, or of what a function returns."""
    schema = value_schema(elements, member)
    if member.get("$Collection"):
        items = _nullable(schema) if member.get("$Nullable") else schema
        return {"type": "array", "items": items, **_described(member)}
    if member.get("$Nullable"):
        schema = _nullable(schema)
    return {**schema, **_described(member)}


def value_schema(elements: CsdlElements, member: CsdlJson) -> CsdlJson:
    """The schema of one value that is not null."""
    name = type_name(member)
    if elements.type_of(name) is not None:
        return reference(elements.qualified(name))
    type_ = PRIMITIVE_TYPES.get(name)
    return {} if type_ is None else {**_primitive(type_), **_facets(type_, member)}


def _primitive(type_: PrimitiveType) -> CsdlJson:
    form = type_.family.schema
    schema: CsdlJson = {}
    if form.kind is not None:
        schema["type"] = form.kind
    if type_.schema_format is not None:
        schema["format"] = type_.schema_format
    if form.encoding is not None:
        schema["contentEncoding"] = form.encoding
    if form.pattern is not None:
        schema["pattern"] = form.pattern
    if form.kind == "string" and form.example is not None:
        schema["examples"] = [form.example]
    if form.members:
        schema["required"] = [form.members[0][0]]
        schema["properties"] = {name: {"type": kind} for name, kind in form.members}
    if form.texts:
        return {"anyOf": [schema, {"type": "string", "enum": list(form.texts)}]}
    return schema


_LIMITS = {
    "Validation.Minimum": "minimum",
    "Validation.Maximum": "maximum",
    "Validation.Pattern": "pattern",
}


def _facets(type_: PrimitiveType, member: CsdlJson) -> CsdlJson:
    """What limits values: ranges, the length of a text, a pattern, a list of all values."""
    found: CsdlJson = {
        keyword: member[f"@{term}"] for term, keyword in _LIMITS.items() if f"@{term}" in member
    }
    for side in ("Minimum", "Maximum"):
        if member.get(f"@Validation.{side}@Validation.Exclusive"):
            found[f"exclusive{side}"] = found.pop(side.lower())
    if values := allowed_values(member):
        found["enum"] = values
    if type_.low is not None and type_.high is not None:
        found = {"minimum": type_.low, "maximum": type_.high, **found}
    if type_.family.schema.kind == "string" and type_.family.schema.encoding is None:
        length = member.get("$MaxLength")
        found |= {"maxLength": length} if isinstance(length, int) else {}
    return found


def _nullable(schema: CsdlJson) -> CsdlJson:
    """A schema that takes null as well."""
    if not schema:
        return {}  # takes everything
    kind: Any = schema.get("type")
    if kind is None or "enum" in schema:
        choices = schema["anyOf"] if list(schema) == ["anyOf"] else [schema]
        return {"anyOf": [*choices, {"type": "null"}]}
    return {**schema, "type": [kind, "null"]}


def _described(element: CsdlJson) -> CsdlJson:
    """The description, and whether the database makes the value."""
    text = description_of(element)
    found: CsdlJson = {"description": text} if text else {}
    return {**found, "readOnly": True} if element.get("@Core.Computed") is True else found
