"""The headers that every response has, whatever it answers."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from multidict import CIMultiDict

from odata_gateway.config.settings import Settings
from odata_gateway.protocol.headers.version import version_of_error
from odata_gateway.protocol.message import HeaderPairs, RequestHeaders

VARY = ("Accept", "Accept-Encoding", "OData-MaxVersion", "Prefer")
ALL_ORIGINS = ("*",)
CORS_METHODS = "GET, HEAD, POST, OPTIONS"
CORS_ALLOWED = (
    "Accept, Accept-Language, Authorization, apikey, Content-Type, If-None-Match, Isolation, "
    "OData-Isolation, OData-MaxVersion, OData-Version, Prefer, traceparent, tracestate, "
    "X-Requested-With, X-Server-Timing"
)
CORS_EXPOSED = (
    "Content-Disposition, Content-Language, ETag, Link, Location, OData-Count, OData-Version, "
    "OData-Gateway-Limits, Preference-Applied, Retry-After, "
    "Server-Timing, X-Request-Id"
)
_TOKENS = re.compile(r"[A-Za-z0-9-]+(?: *, *[A-Za-z0-9-]+){0,63}")


class HeaderVariant(NamedTuple):
    """What headers depend on that many responses share: a reply's own headers, OData-MaxVersion and
    Origin of the request, and the origins whose pages may read responses."""

    own: HeaderPairs
    max_version: str | None
    origin: str | None
    cors_origins: tuple[str, ...]


class Head(NamedTuple):
    """The part of a response before its body.

    own     the headers of this reply
    asked   the headers of the request
    timing  the value of Server-Timing, empty where the client did not ask for it
    """

    status: int
    own: HeaderPairs
    asked: RequestHeaders
    settings: Settings
    request_id: str
    timing: str = ""

    def variant(self) -> HeaderVariant:
        """What those of the headers depend on that many responses share."""
        asked, origins = self.asked, self.settings.cors_origins
        origin = None if origins == ALL_ORIGINS else asked.get("origin")
        return HeaderVariant(self.own, asked.get("odata-maxversion"), origin, origins)

    def headers(self) -> CIMultiDict[str]:
        """The headers, without those of the transfer."""
        headers = CIMultiDict(shared_headers(self.variant()))
        headers["X-Request-Id"] = self.request_id
        if self.timing:
            headers["Server-Timing"] = self.timing
        return headers


@lru_cache(maxsize=512)
def shared_headers(variant: HeaderVariant) -> HeaderPairs:
    """A reply's own headers, and those that every response has and it does not."""
    headers = CIMultiDict(variant.own)
    any_origin = variant.cors_origins == ALL_ORIGINS
    headers["Vary"] = _vary(headers.getall("Vary", []), any_origin)
    asked = {} if variant.max_version is None else {"odata-maxversion": variant.max_version}
    headers.setdefault("OData-Version", version_of_error(asked))
    headers.setdefault("Cache-Control", "private, no-cache")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers["Server"] = "odata-gateway"
    allowed = allowed_origin(variant.origin, variant.cors_origins)
    if allowed is not None:
        headers["Access-Control-Allow-Origin"] = allowed
        headers["Access-Control-Expose-Headers"] = CORS_EXPOSED
    return tuple(headers.items())


def _vary(own: list[str], any_origin: bool) -> str:
    """All request headers that can change a response. One list for the whole service keeps caches
    correct at no cost."""
    named = [name.strip() for value in own for name in value.split(",") if name.strip()]
    names = [*VARY, *named] if any_origin else [*VARY, "Origin", *named]
    return ", ".join({name.lower(): name for name in names}.values())


def allowed_origin(origin: str | None, allowed: tuple[str, ...]) -> str | None:
    """The origin whose pages may read the response (Fetch Standard, section 3.2): `*` for all, that
    of the request, or None."""
    if allowed == ALL_ORIGINS:
        return "*"
    origin = origin or ""
    return origin if origin.rstrip("/") in allowed else None


def preflight(asked: RequestHeaders, settings: Settings) -> HeaderPairs:
    """The headers that answer a preflight request. All headers that it names are allowed: none of
    them changes more than the form of an answer."""
    origin = allowed_origin(asked.get("origin"), settings.cors_origins)
    if origin is None or "access-control-request-method" not in asked:
        return ()
    wanted = asked.get("access-control-request-headers", "")
    allowed = f"{CORS_ALLOWED}, {wanted}" if _TOKENS.fullmatch(wanted) else CORS_ALLOWED
    return (
        ("Access-Control-Allow-Methods", CORS_METHODS),
        ("Access-Control-Allow-Headers", allowed),
        ("Access-Control-Max-Age", "86400"),
    )
