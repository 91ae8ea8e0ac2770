"""The tools `query`, which reads rows, and `explain`, which says how a request is answered."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson

from odata_gateway.errors import AuthPlan, UrlFormat, UrlOption
from odata_gateway.protocol.message import Request
from odata_gateway.url.resource_kind import ResourceKind, classify
from odata_gateway.web.mcp.fence import NOTICE, fenced
from odata_gateway.web.mcp.rows import AnswerRows, read_rows, whole_body
from odata_gateway.web.mcp.service import AgentCaller, AgentLimits, AgentService

DEFAULT_ROWS = 50
"""Rows of an answer, where `top` asks for no number."""
_OPTIONS = (
    *("filter", "apply", "search", "compute", "select", "expand", "orderby"),
    *("top", "skip", "count"),
)
_PLAN = "application/vnd.odata-gateway.plan+json"
_PLAN_BYTES = 256 * 1024
ToolAnswer = tuple[dict[str, Any], str]


def target_of(arguments: dict[str, Any], cursor: str | None = None) -> str:
    """The target of a request for data; each argument can only be what its name says.

    raises  UrlOption for a path that is none of an entity set
    """
    path = quote(arguments["set"].strip("/"), safe="/()',=$@:;*!~")
    if classify(path) is not ResourceKind.DATA:
        raise UrlOption(
            f"'{arguments['set'][:60]}' is no entity set, nor a path of one",
            target="set",
            hint="call describe to see the sets",
        )
    options = [f"${name}={_text(arguments[name])}" for name in _OPTIONS if name in arguments]
    if cursor:
        options.append(f"$skiptoken={quote(cursor, safe='')}")
    return f"{path}?{'&'.join(options)}" if options else path


def _text(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return quote(text, safe="/(),'*:")


class QueryTool:
    """Reads rows with the options of OData."""

    def __init__(self, service: AgentService, limits: AgentLimits) -> None:
        self._service = service
        self._limits = limits

    async def call(self, caller: AgentCaller, arguments: dict[str, Any]) -> ToolAnswer:
        """The answer as a value and as text; raises ODataError."""
        target = target_of(arguments, arguments.get("cursor"))
        rows = min(arguments.get("top", DEFAULT_ROWS), self._limits.rows)
        wanted = AgentLimits(max(rows, 1), self._limits.size_bytes)
        found = await read_rows(self._service, caller, target, wanted)
        return _answer(arguments["set"], found, wanted)


def _answer(name: str, found: AnswerRows, wanted: AgentLimits) -> ToolAnswer:
    answer: dict[str, Any] = {"notice": NOTICE, "set": name, "rows": found.rows}
    text = fenced([orjson.dumps(row) for row in found.rows])
    if found.count is not None:
        answer["count"] = found.count
        text += f"\ncount of all rows: {orjson.dumps(found.count).decode()}"
    if found.cursor is not None:
        reason = f"{len(found.rows)} rows, and there are more"
        if found.is_larger:
            reason = f"{len(found.rows)} rows, and more are over {wanted.size_bytes} bytes"
        answer["cut"] = (
            f"Cut here: {reason}. Narrow it with filter, select or apply, or call again with the "
            "same arguments and cursor."
        )
        answer["nextCursor"] = found.cursor
        text += f"\n{answer['cut']}\nnextCursor: {found.cursor}"
    return answer, text


class ExplainTool:
    """Says how a request would be answered, without its rows."""

    def __init__(self, service: AgentService) -> None:
        self._service = service

    async def call(self, caller: AgentCaller, arguments: dict[str, Any]) -> ToolAnswer:
        """The answer as a value and as text; raises what `query` would raise."""
        target = target_of(arguments)
        outline = dict(await self._service.outline(caller.token, target))
        answer: dict[str, Any] = {"notice": NOTICE, "url": target, **outline}
        plan = await self._plan(caller, target)
        if plan is not None:
            answer["plan"] = plan
        return answer, fenced([orjson.dumps(answer)])

    async def _plan(self, caller: AgentCaller, target: str) -> Any:
        """The statement and the plan of Postgres, for a caller who may see them."""
        headers = {"accept": _PLAN}
        request = Request("GET", target, ResourceKind.DATA, headers, caller.root, caller.token)
        try:
            body = await whole_body(await self._service.answer(request), _PLAN_BYTES)
        except (UrlFormat, AuthPlan):
            return None
        return orjson.loads(body) if body else None
