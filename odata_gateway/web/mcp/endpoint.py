"""One message in, one message out: `POST /mcp`.

There is neither a session nor a stream of events, so GET and DELETE are refused, and any process
can answer any message.
"""

from __future__ import annotations

from collections.abc import Mapping

from odata_gateway.config.settings import Settings
from odata_gateway.errors import UrlFormat, UrlMediaType
from odata_gateway.protocol.headers.accept import accept
from odata_gateway.protocol.message import HeaderPairs, Reply, RequestHeaders
from odata_gateway.web.exchange import Exchange
from odata_gateway.web.mcp.server import McpServer
from odata_gateway.web.mcp.service import AgentCaller
from odata_gateway.web.mcp.versions import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    UNSUPPORTED_VERSION,
)
from odata_gateway.web.request_body import read_body
from odata_gateway.web.urls import SERVICE_PATH

MCP_PATH = "/mcp"
MCP_METHODS = ("POST", "OPTIONS")
_STATUS: Mapping[int, int] = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 400,
    INVALID_PARAMS: 400,
    HEADER_MISMATCH: 400,
    UNSUPPORTED_VERSION: 400,
    METHOD_NOT_FOUND: 404,
}
_JSON: HeaderPairs = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))


def mcp_root(root: str) -> str:
    """The URL of the endpoint beside the service with this root, with a slash at its end."""
    return root.removesuffix(f"{SERVICE_PATH}/") + f"{MCP_PATH}/"


async def answer_message(
    exchange: Exchange, server: McpServer, caller: AgentCaller, settings: Settings
) -> Reply:
    """The reply to the message that a request brings.

    raises  UrlMediaType, UrlFormat, LimitBody; AuthMissing, AuthInvalid, AuthForbidden
    """
    exchange.stats.note_resource("mcp")
    _check_types(exchange.headers)
    text = await read_body(exchange.raw, exchange.headers, settings)
    reply = await server.respond(text, caller, exchange.headers)
    if reply is None:
        return Reply(202, ())
    return Reply(_STATUS.get(reply.error or 0, 200), _JSON, reply.body)


def _check_types(headers: RequestHeaders) -> None:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UrlMediaType(
            "a message must be application/json", target="Content-Type", hint="send JSON-RPC 2.0"
        )
    accepted = accept(headers.get("accept", ""))
    if accepted is not None and not any(
        member.quality > 0 and member.covers("application", "json") for member in accepted
    ):
        raise UrlFormat("the answer is application/json", target="Accept", hint="accept it")
