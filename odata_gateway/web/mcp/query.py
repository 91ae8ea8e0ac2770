"""The tools `query`, which reads rows, and `explain`, which says how a request is answered.

Rows are read with an ordinary request for a page, within limits of number and size. A page that is
too large is asked for again with fewer rows, so that its next link begins behind the last row that
is shown. Numbers stay the text that Postgres wrote.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson

from odata_gateway.errors import AuthPlan, LimitBody, UrlFormat, UrlOption
from odata_gateway.protocol.json_format import PLAN_TYPE, with_exact_numbers
from odata_gateway.protocol.message import whole_body
from odata_gateway.url.addresses.address import address_of
from odata_gateway.url.resource_kind import ResourceKind, classify
from odata_gateway.web.mcp.fence import ToolAnswer, fenced
from odata_gateway.web.mcp.service import AgentCaller, AgentLimits, AgentService

DEFAULT_ROWS = 50
"""Rows of an answer, where `top` asks for no number."""
_OPTIONS = (
    *("filter", "apply", "search", "compute", "select", "expand", "orderby"),
    *("top", "skip", "count"),
)
_ENVELOPE_BYTES = 2048
"""Room for what stands around the rows of a page, its next link above all."""
_ROWS = "application/json;odata.metadata=none"
_PLAN_BYTES = 256 * 1024


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


async def query(
    service: AgentService, caller: AgentCaller, arguments: dict[str, Any], limits: AgentLimits
) -> ToolAnswer:
    """The rows of a page, and where the next one begins.

    raises  ODataError; LimitBody where a single row is too large
    """
    target = target_of(arguments, arguments.get("cursor"))
    most = page_rows = max(min(arguments.get("top", DEFAULT_ROWS), limits.rows), 1)
    while page_rows:
        headers = {"accept": _ROWS, "prefer": f"maxpagesize={page_rows}"}
        reply = await service.answer(caller.request(target, ResourceKind.DATA, **headers))
        try:
            body = await whole_body(reply, limits.size_bytes + _ENVELOPE_BYTES)
        except LimitBody:
            page_rows //= 4
        else:
            size = f"more are over {limits.size_bytes} bytes"
            return _page(body, "there are more" if page_rows == most else size)
    raise LimitBody(
        f"a single row is longer than {limits.size_bytes} bytes",
        hint="choose fewer properties with select, or raise ODATA_MCP_BYTES",
    )


def _page(body: bytes, more: str) -> ToolAnswer:
    """What a body has: a page, one entity or value, or nothing. `more` says why a page ends."""
    found = with_exact_numbers(body or b"[]")
    page = found if isinstance(found, dict) and isinstance(found.get("value"), list) else {}
    rows = page.get("value", [found] if body else [])
    around = {"count": page["@odata.count"]} if "@odata.count" in page else {}
    link = page.get("@odata.nextLink")
    if link:
        around["cut"] = (
            f"Cut here: {len(rows)} rows, and {more}. Narrow it with filter, select or apply, or "
            "call again with the same arguments and cursor."
        )
        around["nextCursor"] = address_of(link).value("$skiptoken")
    return fenced({"rows": rows}, rows, **around)


async def explain_answer(
    service: AgentService, caller: AgentCaller, arguments: dict[str, Any], _: AgentLimits
) -> ToolAnswer:
    """How a request would be answered, without its rows; raises what `query` would raise."""
    target = target_of(arguments)
    found = {"url": target, **await service.outline(caller.token, target)}
    around = {}
    try:
        request = caller.request(target, ResourceKind.DATA, accept=PLAN_TYPE)
        reply = await service.answer(request)
        found["plan"] = orjson.loads(await whole_body(reply, _PLAN_BYTES))
    except (UrlFormat, AuthPlan):
        pass  # the caller may not see it, or there is none of this request
    except LimitBody:
        around["cut"] = f"The plan is left out: it is longer than {_PLAN_BYTES} bytes."
    return fenced(found, [found], **around)
