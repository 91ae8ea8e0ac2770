"""One message in, one message out: `POST /mcp`.

There is neither a session nor a stream of events, so GET and DELETE are refused, and any process
can answer any message.

A page of an attacker can make its own host name lead to this machine (DNS rebinding). The browser
then lets the page read the answers, and names the attacker's host in the headers Host and Origin.
An address cannot be rebound, and neither can the names that the operator gives.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from odata_gateway.config.settings import Settings
from odata_gateway.errors import AuthOrigin, UrlFormat, UrlHost, UrlMediaType
from odata_gateway.protocol.headers.accept import accept
from odata_gateway.protocol.message import HeaderPairs, Reply, RequestHeaders
from odata_gateway.web.exchange import Exchange
from odata_gateway.web.mcp.server import McpServer
from odata_gateway.web.mcp.service import AgentCaller
from odata_gateway.web.request_body import read_body
from odata_gateway.web.urls import SERVICE_PATH, Peer, asked_root

MCP_PATH = "/mcp"
MCP_METHODS = ("POST", "OPTIONS")
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
    return Reply(reply.status, _JSON, reply.body)


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


def check_host_and_origin(headers: RequestHeaders, peer: Peer, settings: Settings) -> None:
    """Refuse a request that a page of another site may have sent.

    raises  UrlHost, AuthOrigin; UrlHeader for a host that cannot be one
    """
    host = urlsplit(asked_root(headers, peer, settings))
    if not _may_be(host.hostname or "", settings):
        raise UrlHost(
            "this host name is not one of the service",
            target="Host",
            hint="set ODATA_PUBLIC_URL or ODATA_MCP_HOSTS, or use the IP address",
        )
    origin = headers.get("origin", "").rstrip("/")
    is_own = origin.partition("://")[2].lower() == host.netloc.lower()
    if "origin" in headers and not is_own and origin not in settings.cors_origins:
        raise AuthOrigin(
            "pages of this origin may not ask",
            target="Origin",
            hint="name it in ODATA_CORS_ORIGINS",
        )


def _may_be(name: str, settings: Settings) -> bool:
    public = urlsplit(settings.public_url).hostname
    if name in ("localhost", public, *settings.mcp_hosts) or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
