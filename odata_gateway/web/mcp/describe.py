"""The tool `describe`: which entity sets there are, and what rows of some of them have."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import orjson

from odata_gateway.errors import BindSegment, nearest
from odata_gateway.protocol.message import Request
from odata_gateway.protocol.metadata.openapi.csdl import (
    CsdlElements,
    CsdlJson,
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
    return elements.is_entity(str(child.get("$Type", "")))


def _resources(elements: CsdlElements) -> list[tuple[str, CsdlJson]]:
    """Entity sets and singletons."""
    found = children(elements.container)
    return [(name, child) for name, child in found if _is_resource(elements, child)]


def _overview(elements: CsdlElements, contains: str) -> list[CsdlJson]:
    """A line for each entity set whose name or description has a text."""
    found = []
    for name, child in _resources(elements):
        text = _description(elements, child)
        if contains in name.lower() or contains in text.lower():
            type_ = child["$Type"]
            links = [link for link, _ in elements.links(type_)]
            properties = sum(1 for _ in elements.properties(type_))
            found.append(
                _without_nothing(
                    {"name": name, "description": text, "properties": properties, "links": links}
                )
            )
    return found


def _description(elements: CsdlElements, child: CsdlJson) -> str:
    return description_of(child) or description_of(elements.type_of(child["$Type"]) or {})


def _whole(
    elements: CsdlElements, name: str, child: CsdlJson, indexes: list[list[str]]
) -> CsdlJson:
    """All that can be said of an entity set."""
    type_ = elements.qualified(child["$Type"])
    bindings = child.get("$NavigationPropertyBinding", {})
    useless = elements.restricted(type_, "FilterRestrictions")
    search = child.get("@Capabilities.SearchRestrictions", {})
    return _without_nothing(
        {
            "name": name,
            "description": _description(elements, child),
            "is_single": not child.get("$Collection"),
            "key": [key for key, _ in elements.key(type_)],
            "properties": [
                _property(elements, each, prop, is_readable=each not in useless)
                for each, prop in elements.properties(type_)
            ],
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
    )


def _property(elements: CsdlElements, name: str, prop: CsdlJson, *, is_readable: bool) -> CsdlJson:
    declared = elements.type_of(type_name(prop))
    is_enumeration = declared is not None and declared["$Kind"] == "EnumType"
    allowed = [each for each, _ in members(declared)] if declared and is_enumeration else []
    return _without_nothing(
        {
            "name": name,
            "type": type_name(prop),
            "is_list": bool(prop.get("$Collection")),
            "nullable": bool(prop.get("$Nullable")),
            "description": description_of(prop),
            "allowed_values": allowed,
            "always_null": not is_readable,
        }
    )


def _without_nothing(found: CsdlJson) -> CsdlJson:
    """Without what is false or empty."""
    return {name: value for name, value in found.items() if value not in (False, "", [])}
