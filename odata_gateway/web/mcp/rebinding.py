"""Which Host and Origin a request for `/mcp` may have.

A page of an attacker can make its own host name lead to this machine (DNS rebinding). The browser
then lets the page read the answers, and names the attacker's host in both headers. An address
cannot be rebound, and neither can the names that the operator gives.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from odata_gateway.config.settings import Settings
from odata_gateway.errors import AuthOrigin, UrlHost
from odata_gateway.protocol.message import RequestHeaders
from odata_gateway.web.urls import Peer, is_trusted


def check_host_and_origin(headers: RequestHeaders, peer: Peer, settings: Settings) -> None:
    """Refuse a request that a page of another site may have sent.

    raises  UrlHost, AuthOrigin
    """
    host = headers.get("host", "").strip() or peer.local
    if is_trusted(peer.address, settings.trusted_proxies):
        host = headers.get("x-forwarded-host", "").partition(",")[0].strip() or host
    if not _may_be(_name_of(f"//{host}"), settings):
        raise UrlHost(
            "this host name is not one of the service",
            target="Host",
            hint="set ODATA_PUBLIC_URL or ODATA_MCP_HOSTS, or use the IP address",
        )
    origin = headers.get("origin")
    if origin is None or origin.rstrip("/") in settings.cors_origins:
        return
    if urlsplit(origin).netloc.lower() != host.lower():
        raise AuthOrigin(
            "pages of this origin may not ask",
            target="Origin",
            hint="name it in ODATA_CORS_ORIGINS",
        )


def _may_be(name: str, settings: Settings) -> bool:
    if name == "localhost" or name.endswith(".localhost") or name in settings.mcp_hosts:
        return True
    if settings.public_url and name == _name_of(settings.public_url):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _name_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
