"""The head of an answer: the headers that every answer carries, whatever it answers, and their
text.

Most answers differ in their id, length and date only, so what goes before those is kept.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from multidict import CIMultiDict

from odata_gateway.config.settings import Settings
from odata_gateway.protocol.headers.version import version_of_error

Headers = Mapping[str, str]

VARY = ("Accept", "Accept-Encoding", "OData-MaxVersion", "Prefer")
CORS_METHODS = "GET, HEAD, POST, OPTIONS"
CORS_ALLOWED = (
    "Accept, Accept-Language, Authorization, apikey, Content-Type, If-None-Match, Isolation, OData-Isolation, OData-MaxVersion, "
    "OData-Version, Prefer, traceparent, tracestate, X-Requested-With, X-Server-Timing"
)
CORS_EXPOSED = "Content-Language, ETag, Location, OData-Version, Preference-Applied, Retry-After, Server-Timing, X-Request-Id"
_TOKENS = re.compile(r"[A-Za-z0-9-]+(?: *, *[A-Za-z0-9-]+){0,63}")


Own = tuple[tuple[str, str], ...]


def complete(own: Own, asked: Headers, settings: Settings, request_id: str) -> CIMultiDict[str]:
    """The headers of an answer: its own, and those that every answer has and it does not."""
    headers = CIMultiDict(
        _shared(
            own,
            version_of_error(asked),
            allowed_origin(asked, settings),
            settings.cors_origins == ("*",),
        )
    )
    headers["X-Request-Id"] = request_id
    return headers


@lru_cache(maxsize=512)
def _shared(own: Own, version: str, origin: str | None, any_origin: bool) -> Own:
    headers = CIMultiDict(own)
    headers["Vary"] = vary(headers.getall("Vary", []), any_origin)
    headers.setdefault("OData-Version", version)
    headers.setdefault("Cache-Control", "private, no-cache")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers["Server"] = "odata-gateway"
    if origin is not None:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = CORS_EXPOSED
    return tuple(headers.items())


class Head(NamedTuple):
    """All that goes before the body: the status, the answer's own headers, the request's, and the
    request's id; `timing` are the times of its stages, where they were asked for."""

    status: int
    own: Own
    asked: Headers
    settings: Settings
    request_id: str
    timing: str = ""

    def headers(self) -> CIMultiDict[str]:
        """The headers, but for those of the transfer."""
        headers = complete(self.own, self.asked, self.settings, self.request_id)
        if self.timing:
            headers["Server-Timing"] = self.timing
        return headers

    def text(self, version: str, *, length: int | None, packed: bool, closing: bool) -> bytes:
        """The head of an answer that goes out at once, for HTTP `version`."""
        lines = _lines(
            self.own,
            version_of_error(self.asked),
            allowed_origin(self.asked, self.settings),
            self.settings.cors_origins == ("*",),
        )
        sized = "" if length is None else f"Content-Length: {length}\r\n"
        coded = "Content-Encoding: gzip\r\n" if packed else ""
        ended = "Connection: close\r\n" if closing else ""
        timed = f"Server-Timing: {self.timing}\r\n" if self.timing else ""
        return (
            f"HTTP/{version} {self.status} {_PHRASES[self.status]}\r\n{lines}X-Request-Id: {self.request_id}\r\n"
            f"{timed}{sized}{coded}{ended}Date: {_date(int(time.time()))}\r\n\r\n"
        ).encode()


_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@lru_cache(maxsize=512)
def _lines(own: Own, version: str, origin: str | None, any_origin: bool) -> str:
    """The shared headers as text; raises ValueError for a value that would end its line."""
    text = ""
    for name, value in _shared(own, version, origin, any_origin):
        if _CONTROL.search(name + value):
            raise ValueError(f"the header {name!r} holds a control character")
        text += f"{name}: {value}\r\n"
    return text


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def vary(own: list[str], any_origin: bool) -> str:
    """All request headers that can change an answer; one list for the whole service keeps caches
    right at no cost."""
    named = [name.strip() for value in own for name in value.split(",") if name.strip()]
    names = [*VARY, *named] if any_origin else [*VARY, "Origin", *named]
    return ", ".join({name.lower(): name for name in names}.values())


def allowed_origin(asked: Headers, settings: Settings) -> str | None:
    """Whose pages may read the answer (Fetch Standard, section 3.2): everyone's, the asking
    origin's, or nobody's but ours."""
    if settings.cors_origins == ("*",):
        return "*"
    origin = asked.get("origin", "")
    return origin if origin.rstrip("/") in settings.cors_origins else None


def preflight(asked: Headers, settings: Settings) -> tuple[tuple[str, str], ...]:
    """The answer to a browser that asks first; the headers it names are allowed, since none of them
    changes more than an answer's form."""
    if allowed_origin(asked, settings) is None or "access-control-request-method" not in asked:
        return ()
    wanted = asked.get("access-control-request-headers", "")
    allowed = f"{CORS_ALLOWED}, {wanted}" if _TOKENS.fullmatch(wanted) else CORS_ALLOWED
    return (
        ("Access-Control-Allow-Methods", CORS_METHODS),
        ("Access-Control-Allow-Headers", allowed),
        ("Access-Control-Max-Age", "86400"),
    )
