"""The headers of a request by name, and what follows from them alone.

A client sends the same headers with each request of a connection. So a connection keeps those of
the request before with what was found in them: 0.2 us instead of 3.3 for the headers by name, the
root URL, the access token and the request's id (three headers, measured in a tight loop; a request
for one entity takes about 50 us).
"""

from __future__ import annotations

import re

from aiohttp import web

from odata_gateway.config.settings import Settings
from odata_gateway.protocol.message import RequestHeaders, headers_by_name
from odata_gateway.web.credentials import access_token
from odata_gateway.web.responses.compression import accepts_nothing
from odata_gateway.web.urls import Peer, root_url

RawHeaders = tuple[tuple[bytes, bytes], ...]
"""Headers as they came."""
MOST_KEPT_BYTES = 4096
"""Longer headers are read anew with each request: a connection may wait for its next one long."""
_TRACE_PARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class AskedHeaders:
    """The headers of a request.

    by_name     by lower-case name
    request_id  that a proxy gave the request; None: there is none that can be used
    trace       the trace id of a proxy (W3C Trace Context, section 3.2); empty without one
    accepts_nothing  it refuses all ways of sending an answer
    """

    __slots__ = (
        "_has_token",
        "_root",
        "_token",
        "accepts_nothing",
        "by_name",
        "request_id",
        "trace",
    )

    def __init__(self, by_name: RequestHeaders) -> None:
        self.by_name = by_name
        given, parent = by_name.get("x-request-id"), by_name.get("traceparent")
        is_id = given is not None and _REQUEST_ID.fullmatch(given)
        self.request_id = given if is_id else None
        match = None if parent is None else _TRACE_PARENT.fullmatch(parent)
        self.trace = match[1] if match else ""
        self.accepts_nothing = accepts_nothing(by_name.get("accept-encoding", ""))
        self._root: str | None = None
        self._token: str | None = None
        self._has_token = False

    def root(self, peer: Peer, settings: Settings) -> str:
        """As `root_url`; a connection has one peer."""
        if self._root is None:
            self._root = root_url(self.by_name, peer, settings)
        return self._root

    def token(self, query: str, settings: Settings) -> str | None:
        """As `access_token`."""
        if query:
            return access_token(self.by_name, query, basic=settings.basic_auth)
        if not self._has_token:
            self._token = access_token(self.by_name, "", basic=settings.basic_auth)
            self._has_token = True
        return self._token


def read_headers(request: web.BaseRequest) -> AskedHeaders:
    """The headers of a request, read anew."""
    return AskedHeaders(headers_by_name(list(request.headers.items())))


def are_kept(raw: RawHeaders) -> bool:
    """Whether headers are short enough to be kept."""
    return sum(len(name) + len(value) for name, value in raw) <= MOST_KEPT_BYTES
