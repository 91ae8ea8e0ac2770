"""The rows of one answer, within limits of number and size.

They are read with an ordinary request for a page. A page that is too large is asked for again with
fewer rows, so that its next link begins behind the last row that is shown. Numbers stay the text
that Postgres wrote.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import orjson

from odata_gateway.errors import LimitBody
from odata_gateway.protocol.batch.responses import ended
from odata_gateway.protocol.message import Reply, Request
from odata_gateway.url.addresses.address import address_of
from odata_gateway.url.resource_kind import ResourceKind
from odata_gateway.web.mcp.service import AgentCaller, AgentLimits, AgentService

_ENVELOPE_BYTES = 2048
"""Room for what stands around the rows of a page, its next link above all."""
_ACCEPT = "application/json;odata.metadata=none"


class AnswerRows(NamedTuple):
    """Rows as JSON values.

    count      of all rows on all pages, where it was asked for
    cursor     where the next page begins; None for the last one
    is_larger  the page has fewer rows than it may, because they are large
    """

    rows: list[Any]
    count: Any = None
    cursor: str | None = None
    is_larger: bool = False


async def read_rows(
    service: AgentService, caller: AgentCaller, target: str, wanted: AgentLimits
) -> AnswerRows:
    """The rows of a request for data.

    raises  ODataError; LimitBody where a single row is too large
    """
    page_rows = wanted.rows
    while page_rows:
        request = _page_request(caller, target, page_rows)
        reply = await service.answer(request)
        body = await whole_body(reply, wanted.size_bytes + _ENVELOPE_BYTES)
        if body is not None:
            return _rows(body)._replace(is_larger=page_rows < wanted.rows)
        page_rows //= 4
    raise LimitBody(
        f"a single row is longer than {wanted.size_bytes} bytes",
        hint="choose fewer properties with select, or raise ODATA_MCP_BYTES",
    )


def _page_request(caller: AgentCaller, target: str, page_rows: int) -> Request:
    headers = {"accept": _ACCEPT, "prefer": f"maxpagesize={page_rows}"}
    return Request("GET", target, ResourceKind.DATA, headers, caller.root, caller.token)


async def whole_body(reply: Reply, most_bytes: int) -> bytes | None:
    """The body of a reply; None where it is longer, of which no more is read then."""
    if isinstance(reply.body, bytes):
        return reply.body if len(reply.body) <= most_bytes else None
    pieces, size = [], 0
    async with ended(reply.body):
        async for piece in reply.body:
            pieces.append(piece)
            size += len(piece)
            if size > most_bytes:
                return None
    return b"".join(pieces)


def _rows(body: bytes) -> AnswerRows:
    """What a body has: a page, one entity or value, or nothing."""
    if not body:
        return AnswerRows([])
    found = json.loads(body, parse_float=_as_written, parse_int=_as_written)
    if not isinstance(found, dict) or not isinstance(found.get("value"), list):
        return AnswerRows([found])
    cursor = address_of(found.get("@odata.nextLink", "")).value("$skiptoken") or None
    return AnswerRows(found["value"], found.get("@odata.count"), cursor)


def _as_written(text: str) -> orjson.Fragment:
    return orjson.Fragment(text)
