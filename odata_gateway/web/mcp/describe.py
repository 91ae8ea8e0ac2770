"""The tool `describe`: which entity sets and functions there are, and what their rows have.

What it says of properties, parameters and types is the CSDL JSON of $metadata.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson

from odata_gateway.errors import BindSegment, nearest
from odata_gateway.protocol.message import whole_body
from odata_gateway.protocol.metadata.openapi.csdl import (
    CsdlElements,
    CsdlJson,
    children,
    description_of,
    type_name,
)
from odata_gateway.url.resource_kind import ResourceKind
from odata_gateway.web.mcp.fence import ToolAnswer, fenced
from odata_gateway.web.mcp.service import AgentCaller, AgentLimits, AgentService


async def describe(
    service: AgentService, caller: AgentCaller, arguments: dict[str, Any], limits: AgentLimits
) -> ToolAnswer:
    """The sets and functions that a caller may read; raises ODataError."""
    elements = await _elements(service, caller)
    if "sets" in arguments:
        found = [await _whole(service, caller, elements, name) for name in arguments["sets"]]
    else:
        found = _overview(elements, arguments.get("contains", "").lower())
    cursor = arguments.get("cursor", "")
    start = int(cursor) if cursor.isascii() and cursor.isdigit() else 0
    shown: list[CsdlJson] = []
    size = 0
    for each in found[start:]:
        size += len(orjson.dumps(each))
        if shown and size > limits.size_bytes:
            break
        shown.append(each)
    left = len(found[start:]) - len(shown)
    cut = f"Cut here: {left} more. Narrow it with contains, or go on with cursor."
    around = {"cut": cut, "nextCursor": str(start + len(shown))} if left else {}
    return fenced({"sets": shown}, shown, **around)


async def _elements(service: AgentService, caller: AgentCaller) -> CsdlElements:
    request = caller.request("$metadata?$format=json", ResourceKind.METADATA)
    return _read(await whole_body(await service.answer(request)))


@lru_cache(maxsize=16)
def _read(document: bytes) -> CsdlElements:
    """The elements of a document; callers with different roles have different ones."""
    return CsdlElements(orjson.loads(document))


def _resources(elements: CsdlElements) -> dict[str, CsdlJson]:
    """Entity sets, singletons, and functions that are called at the service root."""
    return {
        name: child
        for name, child in children(elements.container)
        if "$Function" in child or elements.is_entity(str(child.get("$Type", "")))
    }


def _overview(elements: CsdlElements, contains: str) -> list[CsdlJson]:
    """A line for each resource whose name or description has a text."""
    found = []
    for name, child in _resources(elements).items():
        line = _line(elements, name, child)
        if contains in name.lower() or contains in line["description"].lower():
            links = [link for link, _ in elements.links(child.get("$Type", ""))]
            found.append(_without_nothing({**line, "links": links}))
    return found


def _line(elements: CsdlElements, name: str, child: CsdlJson) -> CsdlJson:
    """The name and the description of a resource, which may be that of its type or function."""
    type_ = elements.type_of(child.get("$Type", "")) or {}
    texts = (description_of(each) for each in (child, type_, *_overloads(elements, child)))
    description = next(filter(None, texts), "")
    return {"name": name, "description": description, "is_function": "$Function" in child}


def _overloads(elements: CsdlElements, child: CsdlJson) -> list[CsdlJson]:
    """How a function can be called at the service root."""
    overloads = elements.functions.get(elements.qualified(child.get("$Function", "")), [])
    return [each for each in overloads if not each.get("$IsBound")]


async def _whole(
    service: AgentService, caller: AgentCaller, elements: CsdlElements, name: str
) -> CsdlJson:
    """All that can be said of a resource."""
    known = _resources(elements)
    child = known.get(name)
    if child is None:
        hint = nearest(name, known) or "call describe without sets to see all"
        raise BindSegment(f"there is no set '{name[:60]}'", target="sets", hint=hint)
    line = _line(elements, name, child)
    if "$Function" in child:
        calls = [_call(name, each) for each in _overloads(elements, child)]
        return _without_nothing({**line, "calls": calls, "types": _types(elements, *calls)})
    type_ = elements.qualified(child["$Type"])
    properties = _properties(elements, type_)
    bindings = child.get("$NavigationPropertyBinding", {})
    links = [
        {"name": each, "leads_to": bindings.get(each, ""), **link}
        for each, link in elements.links(type_)
    ]
    found = {
        **line,
        "is_single": not child.get("$Collection"),
        "key": [key for key, _ in elements.key(type_)],
        "properties": properties,
        "links": links,
        "types": _types(elements, *properties),
        "indexes": (await service.outline(caller.token, quote(name)))["indexes"],
        "has_search": elements.is_searchable(child),
    }
    return _without_nothing(found)


def _properties(elements: CsdlElements, type_: str) -> list[CsdlJson]:
    """The properties of a type; of some, which are secret or absent, no value is ever shown."""
    hidden = elements.restricted(type_, "FilterRestrictions")
    return [
        {"name": name, "$Type": type_name(prop), **prop}
        | ({"always_null": True} if name in hidden else {})
        for name, prop in elements.properties(type_)
    ]


def _call(name: str, overload: CsdlJson) -> CsdlJson:
    """How a function is called, as the argument `set`, and what it returns."""
    given = ",".join(f"{each['$Name']}=..." for each in overload.get("$Parameter", ()))
    return {"set": f"{name}({given})", **overload}


def _types(elements: CsdlElements, *users: CsdlJson) -> CsdlJson:
    """The types that elements have and that the model declares, with the types of their own."""
    found: CsdlJson = {}
    left = list(users)
    while left:
        user = left.pop()
        name = elements.qualified(str(user.get("$Type", user.get("$BaseType", ""))))
        declared = elements.types.get(name)
        if declared is not None and name not in found:
            found[name] = declared
            left.append(declared)
        left += user.get("$Parameter", ())
        left += [user["$ReturnType"]] if "$ReturnType" in user else []
        left += [prop for _, prop in children(user) if "$Kind" not in prop]
    return found


def _without_nothing(found: CsdlJson) -> CsdlJson:
    """Without what is false or empty."""
    return {name: value for name, value in found.items() if value not in (False, "", [], {})}
