"""The headers that every answer carries, whatever it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from multidict import CIMultiDict

from odata_gateway.errors import ODataError
from odata_gateway.protocol import negotiate
from odata_gateway.settings import Settings

Headers = Mapping[str, str]

VARY = ("Accept", "Accept-Encoding", "OData-MaxVersion", "Prefer")
CORS_METHODS = "GET, HEAD, POST, OPTIONS"
CORS_ALLOWED = (
    "Accept, Accept-Language, Authorization, apikey, Content-Type, If-None-Match, Isolation, OData-Isolation, OData-MaxVersion, "
    "OData-Version, Prefer, X-Requested-With"
)
CORS_EXPOSED = "Content-Language, ETag, Location, OData-Version, Preference-Applied, Retry-After, X-Request-Id"
_TOKENS = re.compile(r"[A-Za-z0-9-]+(?: *, *[A-Za-z0-9-]+){0,63}")


def complete(own: tuple[tuple[str, str], ...], asked: Headers, settings: Settings, request_id: str) -> CIMultiDict[str]:
    """The headers of an answer: its own, and those that every answer has and it does not."""
    headers = CIMultiDict(own)
    headers["Vary"] = vary(headers.getall("Vary", []), settings)
    headers.setdefault("OData-Version", answer_version(asked))
    headers.setdefault("Cache-Control", "private, no-cache")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers["X-Request-Id"] = request_id
    headers["Server"] = "odata-gateway"
    headers.update(cross_origin(asked, settings))
    return headers


def answer_version(asked: Headers) -> str:
    """The OData version of an error, which is 4.0 also where the client's own version header is the error."""
    try:
        return negotiate.version(asked)
    except ODataError:
        return "4.0"


def vary(own: list[str], settings: Settings) -> str:
    """All request headers that can change an answer; one list for the whole service keeps caches right at no cost."""
    named = [name.strip() for value in own for name in value.split(",") if name.strip()]
    names = [*VARY, *named] if settings.cors_origins == ("*",) else [*VARY, "Origin", *named]
    return ", ".join({name.lower(): name for name in names}.values())


def cross_origin(asked: Headers, settings: Settings) -> dict[str, str]:
    """What allows a page of another origin to read the answer (Fetch Standard, section 3.2); nothing for origins that may not."""
    if settings.cors_origins == ("*",):
        allowed = "*"
    elif asked.get("origin", "").rstrip("/") in settings.cors_origins:
        allowed = asked["origin"]
    else:
        return {}
    return {"Access-Control-Allow-Origin": allowed, "Access-Control-Expose-Headers": CORS_EXPOSED}


def preflight(asked: Headers, settings: Settings) -> tuple[tuple[str, str], ...]:
    """The answer to a browser that asks first; the headers it names are allowed, since none of them changes more than an answer's form."""
    if not cross_origin(asked, settings) or "access-control-request-method" not in asked:
        return ()
    wanted = asked.get("access-control-request-headers", "")
    allowed = f"{CORS_ALLOWED}, {wanted}" if _TOKENS.fullmatch(wanted) else CORS_ALLOWED
    return (
        ("Access-Control-Allow-Methods", CORS_METHODS),
        ("Access-Control-Allow-Headers", allowed),
        ("Access-Control-Max-Age", "86400"),
    )
