"""The tool `describe`: which entity sets and functions there are, and what their rows have."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import orjson

from odata_gateway.errors import BindSegment, nearest
from odata_gateway.protocol.message import Request
from odata_gateway.protocol.metadata.openapi.csdl import (
    CsdlElements,
    CsdlJson,
    allowed_values,
    children,
    description_of,
    members,
    type_name,
)
from odata_gateway.url.resource_kind import ResourceKind
from odata_gateway.web.mcp.fence import NOTICE, fenced
from odata_gateway.web.mcp.rows import whole_body
from odata_gateway.web.mcp.service import AgentCaller, AgentLimits, AgentService

_DOCUMENT_BYTES = 64 * 1024 * 1024
_KEPT = 16
"""Documents that are kept read: callers with different roles have different ones."""


class DescribeTool:
    """Describes the model of a caller. Everything but the indexes is what $metadata says."""

    def __init__(self, service: AgentService, limits: AgentLimits) -> None:
        self._service = service
        self._limits = limits
        self._read: OrderedDict[str, CsdlElements] = OrderedDict()  # by entity tag

    async def call(self, caller: AgentCaller, arguments: dict[str, Any]) -> tuple[CsdlJson, str]:
        """The answer as a value and as text; raises ODataError."""
        elements = await self._elements(caller)
        names = arguments.get("sets")
        described = (
            _overview(elements, arguments.get("contains", "").lower())
            if names is None
            else await self._chosen(caller, elements, names)
        )
        start = _start(arguments.get("cursor"))
        shown: list[CsdlJson] = []
        size = 0
        for each in described[start:]:
            size += len(orjson.dumps(each))
            if shown and size > self._limits.size_bytes:
                break
            shown.append(each)
        found: CsdlJson = {"notice": NOTICE, "sets": shown}
        text = fenced([orjson.dumps(each) for each in shown])
        if start + len(shown) < len(described):
            found["nextCursor"] = str(start + len(shown))
            left = len(described) - start - len(shown)
            found["cut"] = f"Cut here: {left} more. Narrow it with contains, or go on with cursor."
            text += f"\n{found['cut']}\nnextCursor: {found['nextCursor']}"
        return found, text

    async def _elements(self, caller: AgentCaller) -> CsdlElements:
        target = "$metadata?$format=json"
        request = Request("GET", target, ResourceKind.METADATA, {}, caller.root, caller.token)
        reply = await self._service.answer(request)
        tag = dict(reply.headers)["ETag"]
        if tag not in self._read:
            body = await whole_body(reply, _DOCUMENT_BYTES)
            self._read[tag] = CsdlElements(orjson.loads(body or b"{}"))
        self._read.move_to_end(tag)
        while len(self._read) > _KEPT:
            self._read.popitem(last=False)
        return self._read[tag]

    async def _chosen(
        self, caller: AgentCaller, elements: CsdlElements, names: list[str]
    ) -> list[CsdlJson]:
        indexes = await self._service.indexes(caller.token)
        found = []
        for name in names:
            child = elements.container.get(name)
            if not isinstance(child, dict) or not _is_resource(elements, child):
                known = [each for each, _ in _resources(elements)]
                hint = nearest(name, known) or "call describe without sets to see all"
                raise BindSegment(f"there is no set '{name[:60]}'", target="sets", hint=hint)
            found.append(_whole(elements, name, child, indexes.get(name, [])))
        return found


def _start(cursor: str | None) -> int:
    return int(cursor) if cursor and cursor.isascii() and cursor.isdigit() else 0


def _is_resource(elements: CsdlElements, child: CsdlJson) -> bool:
    return "$Function" in child or elements.is_entity(str(child.get("$Type", "")))


def _resources(elements: CsdlElements) -> list[tuple[str, CsdlJson]]:
    """Entity sets, singletons, and functions that are called at the service root."""
    found = children(elements.container)
    return [(name, child) for name, child in found if _is_resource(elements, child)]


def _overview(elements: CsdlElements, contains: str) -> list[CsdlJson]:
    """A line for each resource whose name or description has a text."""
    found = []
    for name, child in _resources(elements):
        text = _description(elements, child)
        if contains in name.lower() or contains in text.lower():
            type_ = child.get("$Type", "")
            line: CsdlJson = {"name": name, "description": text}
            line["is_function"] = "$Function" in child
            line["properties"] = sum(1 for _ in elements.properties(type_))
            line["links"] = [link for link, _ in elements.links(type_)]
            found.append(_without_nothing(line))
    return found


def _description(elements: CsdlElements, child: CsdlJson) -> str:
    overloads = elements.functions.get(elements.qualified(child.get("$Function", "")), [])
    declared = [elements.type_of(child.get("$Type", "")) or {}, *overloads]
    texts = (description_of(each) for each in (child, *declared))
    return next(filter(None, texts), "")


def _whole(
    elements: CsdlElements, name: str, child: CsdlJson, indexes: list[list[str]]
) -> CsdlJson:
    """All that can be said of a resource."""
    found: CsdlJson = {"name": name, "description": _description(elements, child)}
    if "$Function" in child:
        overloads = elements.functions.get(elements.qualified(child["$Function"]), [])
        calls = [_call(elements, name, each) for each in overloads if not each.get("$IsBound")]
        return _without_nothing({**found, "is_function": True, "calls": calls})
    type_ = elements.qualified(child["$Type"])
    bindings = child.get("$NavigationPropertyBinding", {})
    search = child.get("@Capabilities.SearchRestrictions", {})
    found |= {
        "is_single": not child.get("$Collection"),
        "key": [key for key, _ in elements.key(type_)],
        "properties": _properties(elements, type_),
        "links": [
            {
                "name": link,
                "leads_to": bindings.get(link, navigation["$Type"]),
                "to_many": bool(navigation.get("$Collection")),
            }
            for link, navigation in elements.links(type_)
        ],
        "indexes": indexes,
        "has_search": bool(search.get("Searchable", True)),
    }
    return _without_nothing(found)


def _call(elements: CsdlElements, name: str, overload: CsdlJson) -> CsdlJson:
    """How a function is called, and what it returns."""
    parameters = overload.get("$Parameter", [])
    given = ",".join(f"{each['$Name']}=..." for each in parameters)
    returned = overload.get("$ReturnType", {})
    return _without_nothing(
        {
            "set": f"{name}({given})",
            "parameters": [
                {
                    **_property(elements, each["$Name"], each),
                    "optional": "@Core.OptionalParameter" in each,
                }
                for each in parameters
            ],
            "returns": type_name(returned),
            "is_list": bool(returned.get("$Collection")),
            "properties": _properties(elements, elements.qualified(type_name(returned))),
        }
    )


def _properties(elements: CsdlElements, type_: str, depth: int = 3) -> list[CsdlJson]:
    """The properties of a type; those of complex types have members, to a depth."""
    useless = elements.restricted(type_, "FilterRestrictions")
    found = []
    for name, prop in elements.properties(type_):
        line = _property(elements, name, prop)
        declared = elements.type_of(type_name(prop))
        if depth and declared is not None and declared["$Kind"] == "ComplexType":
            inner = elements.qualified(type_name(prop))
            line["members"] = _properties(elements, inner, depth - 1)
        found.append({**line, "always_null": True} if name in useless else line)
    return found


def _property(elements: CsdlElements, name: str, prop: CsdlJson) -> CsdlJson:
    declared = elements.type_of(type_name(prop))
    is_enumeration = declared is not None and declared["$Kind"] == "EnumType"
    labels = [each for each, _ in members(declared)] if declared and is_enumeration else []
    return _without_nothing(
        {
            "name": name,
            "type": type_name(prop),
            "is_list": bool(prop.get("$Collection")),
            "nullable": bool(prop.get("$Nullable")),
            "description": description_of(prop),
            "allowed_values": labels or allowed_values(prop),
            "computed": prop.get("@Core.Computed") is True,
        }
    )


def _without_nothing(found: CsdlJson) -> CsdlJson:
    """Without what is false, zero or empty."""
    return {name: value for name, value in found.items() if value not in (False, "", [])}
