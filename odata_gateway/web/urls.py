"""The service's part of the request target, and the root URL that the client used.

Every link of an answer begins with that root, so a wrong one breaks paging in Excel and Power BI.
It comes from ODATA_PUBLIC_URL, else from a trusted proxy's `X-Forwarded-*` headers, else from the
Host header.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

from odata_gateway.config.readers import Network
from odata_gateway.config.settings import Settings
from odata_gateway.errors import UrlHeader
from odata_gateway.protocol.message import RequestHeaders

SERVICE_PATH = "/v1.0/odata"


class Peer(NamedTuple):
    """The two ends of a connection: the client's address, and ours as `host:port`."""

    address: str
    local: str


def path_of(raw_target: str) -> str:
    """The request target in origin form. A proxy may send the absolute form `http://host/path` (RFC
    9112, section 3.2.2)."""
    if raw_target.startswith("/"):
        return raw_target
    absolute = _ABSOLUTE.match(raw_target)
    rest = raw_target[absolute.end() :] if absolute else raw_target
    return rest if rest.startswith("/") or not absolute else "/" + rest


def with_authority(raw_target: str, headers: RequestHeaders) -> RequestHeaders:
    """Headers whose Host is the authority of a target in absolute form, whatever Host was sent (RFC
    9112, section 3.2.2)."""
    absolute = _ABSOLUTE.match(raw_target)
    return {**headers, "host": absolute[1]} if absolute else headers


_ABSOLUTE = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)


def service_target(target: str) -> str | None:
    """The text after the service root, still percent-encoded; None for a path outside the
    service."""
    path, mark, query = target.partition("?")
    if path == SERVICE_PATH:
        return mark + query
    if path.startswith(SERVICE_PATH + "/"):
        return path[len(SERVICE_PATH) + 1 :] + mark + query
    return None


# --- The root URL ---------------------------------------------------------------------------------

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~%-]+)+")


def root_url(headers: RequestHeaders, peer: Peer, settings: Settings) -> str:
    """The absolute URL of the service root as the client used it; ends in a slash.

    raises  UrlHeader for a host that cannot be one: it would be part of every link
    """
    if settings.public_url:
        return settings.public_url.removesuffix(SERVICE_PATH) + SERVICE_PATH + "/"
    return asked_root(headers, peer, settings)


def asked_root(headers: RequestHeaders, peer: Peer, settings: Settings) -> str:
    """The same as the request alone says it, whatever ODATA_PUBLIC_URL is."""
    host = headers.get("host", "").strip() or peer.local
    scheme = settings.protocol or "http"
    if headers.keys().isdisjoint(_FORWARDED) or not is_trusted(
        peer.address, settings.trusted_proxies
    ):
        return _root(scheme, host, "", "")
    proto, forwarded_host, port, prefix = (_first(headers.get(name, "")) for name in _FORWARDED)
    if proto.lower() in ("http", "https"):
        scheme = proto.lower()
    return _root(scheme, forwarded_host or host, port, prefix.rstrip("/"))


@lru_cache(maxsize=256)
def _root(scheme: str, host: str, port: str, prefix: str) -> str:
    """A root URL. Clients use few names, so it is found in the cache."""
    if not _HOST.fullmatch(host):
        raise UrlHeader("the host name is malformed", target="Host")
    if prefix and not _PREFIX.fullmatch(prefix):
        raise UrlHeader("the path is malformed", target="X-Forwarded-Prefix")
    return f"{scheme}://{_with_port(host, port, scheme)}{prefix}{SERVICE_PATH}/"


_FORWARDED = ("x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix")


@lru_cache(maxsize=1024)
def is_trusted(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether the headers of a proxy at this address are believed. An IPv4 client of an IPv6 socket
    counts as IPv4."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(parsed in network for network in networks)


def _first(header: str) -> str:
    """The value that the proxy nearest to the client wrote."""
    return header.partition(",")[0].strip()


def _with_port(host: str, port: str, scheme: str) -> str:
    """The host with the port that the client used. The port in `https://host:80` is a proxy's inner
    one; it breaks Power BI."""
    has_own = re.search(r":[0-9]+$", host)
    if has_own is not None:
        is_inner = scheme == "https" and has_own[0] in (":80", ":443")
        return host[: has_own.start()] if is_inner else host
    is_other = port.isdigit() and len(port) <= 5 and port not in ("80", "443")
    return f"{host}:{port}" if is_other else host
