"""The query options that a request takes, as parameters with examples.

What `$select`, `$expand` and `$orderby` list has the form that generators of clients know as an
open enumeration: names that are there, and any other text, since paths, expressions and nested
options may stand there too.
"""

from __future__ import annotations

from collections.abc import Iterator

from odata_gateway.protocol.metadata.openapi.csdl import (
    CsdlElements,
    CsdlJson,
    description_of,
    members,
    plain_name,
    type_name,
)
from odata_gateway.protocol.metadata.openapi.schemas import value_schema
from odata_gateway.types.registry import PRIMITIVE_TYPES

_TOP: CsdlJson = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}


def _option(name: str, description: str, schema: CsdlJson, example: object) -> CsdlJson:
    found = {"name": f"${name}", "in": "query", "description": description, "schema": schema}
    return {**found, "example": example}


def _list_option(name: str, description: str, names: list[str], example: list[str]) -> CsdlJson:
    items: CsdlJson = {"anyOf": [{"type": "string", "enum": names}, {"type": "string"}]}
    option = _option(name, description, {"type": "array", "items": items}, example)
    return {**option, "explode": False}


SHARED: CsdlJson = {
    "top": _option("top", "Show only the first rows, this many", _TOP, 50),
    "skip": _option("skip", "Leave out the first rows, this many", _TOP, 100),
    "count": _option("count", "Say how many rows there are", {"type": "boolean"}, True),
    "search": _option(
        "search", "Only rows with these words", {"type": "string"}, '"not delivered" OR failed'
    ),
    "apply": _option(
        "apply",
        "Group and aggregate rows; transformations are separated by `/`",
        {"type": "string"},
        "aggregate($count as number_of_rows)",
    ),
    "compute": _option(
        "compute",
        "Name computed values, for `$select`, `$filter` and `$orderby`",
        {"type": "string"},
        "year(now()) as this_year",
    ),
    "prefer": {
        "name": "Prefer",
        "in": "header",
        "description": "Rows of a page, and whether nulls are left out: `omit-values=nulls`",
        "schema": {"type": "string"},
        "example": "odata.maxpagesize=1000",
    },
}
"""Parameters that are the same for all types, by the name of their component."""


def format_option(abbreviations: tuple[str, ...]) -> CsdlJson:
    """`$format`, with the formats that the service has."""
    schema = {"anyOf": [{"type": "string", "enum": list(abbreviations)}, {"type": "string"}]}
    return _option("format", "The format of the answer", schema, abbreviations[0])


def type_parameters(elements: CsdlElements, name: str) -> CsdlJson:
    """The options that name properties of an entity type, by the name of their component."""
    properties = dict(elements.properties(name))
    links = [link for link, _ in elements.links(name)]
    unsorted = elements.restricted(name, "SortRestrictions")
    sortable = [each for each in _ordered(elements, name) if each not in unsorted]
    found = {
        "filter": _filter(elements, name, properties),
        "select": _list_option(
            "select", "Only these properties", list(properties), list(properties)[:3]
        ),
        "orderby": _list_option(
            "orderby",
            "The order of the rows",
            [text for each in sortable for text in (each, f"{each} desc")],
            [f"{each} desc" for each in sortable[:1]],
        ),
    }
    if links:
        found["expand"] = _list_option(
            "expand",
            "Related entities; options of their own stand in parentheses, separated by `;`",
            ["*", *links],
            links[:1],
        )
    return {parameter_name(name, option): parameter for option, parameter in found.items()}


def _ordered(elements: CsdlElements, name: str, above: tuple[str, ...] = ()) -> Iterator[str]:
    """The paths of a type whose values have an order, also of members of its objects."""
    for path, prop in elements.properties(name):
        type_, declared = type_name(prop), elements.type_of(type_name(prop))
        if prop.get("$Collection"):
            continue
        if declared is not None and declared["$Kind"] == "ComplexType" and type_ not in above:
            inner = _ordered(elements, elements.qualified(type_), (*above, type_))
            yield from (f"{path}/{each}" for each in inner)
        primitive = PRIMITIVE_TYPES.get(str((declared or {}).get("$UnderlyingType", type_)))
        is_enum = declared is not None and declared["$Kind"] == "EnumType"
        if is_enum or (primitive is not None and primitive.family.is_ordered):
            yield path


def parameter_name(type_: str, option: str) -> str:
    """The name of the component of an option that differs from type to type."""
    return f"{plain_name(type_)}-{option}"


def collection_parameters(elements: CsdlElements, name: str, *, searchable: bool) -> list[CsdlJson]:
    """The options of a request for entities of a type."""
    own = ["filter", "select", "expand", "orderby"]
    shared = ["top", "skip", "count", "apply", "compute", "format", "prefer"]
    if searchable:
        shared.insert(3, "search")
    return [*_own(elements, name, own), *map(_reference, shared)]


def count_parameters(elements: CsdlElements, name: str, *, searchable: bool) -> list[CsdlJson]:
    """The options of a request for the number of entities."""
    shared = ["search"] if searchable else []
    return [*_own(elements, name, ["filter"]), *map(_reference, shared)]


def entity_parameters(elements: CsdlElements, name: str) -> list[CsdlJson]:
    """The options of a request for one entity."""
    return [*_own(elements, name, ["select", "expand"]), _reference("prefer")]


def call_parameters(elements: CsdlElements, returned: CsdlJson) -> list[CsdlJson]:
    """The options of a call that gives entities of a type, or one; none for other values."""
    name = type_name(returned)
    if not elements.is_entity(name):
        return []
    if returned.get("$Collection"):
        return collection_parameters(elements, name, searchable=False)
    return entity_parameters(elements, name)


def _own(elements: CsdlElements, name: str, options: list[str]) -> list[CsdlJson]:
    has_links = any(elements.links(name))
    qualified_name = elements.qualified(name)
    return [
        _reference(parameter_name(qualified_name, option))
        for option in options
        if option != "expand" or has_links
    ]


def _reference(component: str) -> CsdlJson:
    return {"$ref": f"#/components/parameters/{component}"}


def _filter(elements: CsdlElements, name: str, properties: CsdlJson) -> CsdlJson:
    """`$filter` with a condition on a property of the type, and on one outside of its key if
    possible."""
    keys = [key for key, _ in elements.key(name)]
    useless = {*keys, *elements.restricted(name, "FilterRestrictions")}
    others = [each for each in properties if each not in useless]
    conditions = (_condition(each, properties[each]) for each in (*others, *keys))
    example = next(filter(None, conditions), "1 eq 1")
    return _option("filter", "Only rows of which this is true", {"type": "string"}, example)


def _condition(name: str, prop: CsdlJson) -> str | None:
    literal = None if prop.get("$Collection") else _primitive_literal(type_name(prop))
    return literal and f"{name} eq {literal}"


def _example(name: str) -> object:
    """A value of a primitive type; None of others, and of those without literals."""
    type_ = PRIMITIVE_TYPES.get(name)
    return None if type_ is None else "A" if name == "Edm.String" else type_.family.schema.example


def _primitive_literal(name: str) -> str | None:
    """The same as a literal."""
    if (example := _example(name)) is None:
        return None
    text = str(example).lower() if isinstance(example, bool) else str(example)
    return PRIMITIVE_TYPES[name].family.literal.wrapped(text)


# --- what stands in a path ----------------------------------------------------------------------


def key_parameter(elements: CsdlElements, name: str, prop: CsdlJson) -> CsdlJson:
    """A property of a key, which is a part of the path."""
    declared = elements.type_of(type_name(prop)) or {}
    names = [member for member, _ in members(declared)]
    is_enum = declared.get("$Kind") == "EnumType"
    underlying = str(declared.get("$UnderlyingType", type_name(prop)))
    example = names[0] if is_enum and names else _example(underlying)
    found: CsdlJson = {
        "name": plain_name(name),
        "in": "path",
        "required": True,
        "description": f"Key: {description_of(prop) or name}",
        "schema": value_schema(elements, prop),
    }
    return found if example is None else {**found, "example": example}


def argument_parameter(elements: CsdlElements, parameter: CsdlJson) -> CsdlJson:
    """An argument of a function, which is an alias with a literal."""
    text = f"{description_of(parameter)} A literal of {type_name(parameter)}: texts stand in "
    return {
        "name": f"@{parameter['$Name']}",
        "in": "query",
        "required": True,
        "description": f"{text}single quotes, collections are JSON".strip(),
        "schema": {"type": "string"},
        "example": _literal(elements, parameter),
    }


def _literal(elements: CsdlElements, parameter: CsdlJson) -> str:
    name = type_name(parameter)
    declared = elements.type_of(name) or {}
    if parameter.get("$Collection"):
        return "[]"
    match declared.get("$Kind"):
        case "EnumType":
            first = next((member for member, _ in members(declared)), "")
            return f"{elements.qualified(name)}'{first}'"
        case "ComplexType":
            return "{}"
        case _:
            underlying = str(declared.get("$UnderlyingType", name))
            return _primitive_literal(underlying) or "null"
