"""One HTTP connection: aiohttp's, with deadlines that it lacks and errors in OData's form.

aiohttp waits for the rest of a half-sent header as long as for the next request, writes malformed
requests into its log, query and token included, and answers them with plain text. `Connection` does
all three differently.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from odata_gateway.errors import Internal, LimitUrl, ODataError, UrlSyntax
from odata_gateway.web.asked_headers import AskedHeaders, RawHeaders, are_kept, read_headers
from odata_gateway.web.urls import Peer

Refuse = Callable[[ODataError], web.Response]


class Connection(web.RequestHandler):
    """A connection that closes itself when the head of a request has not arrived completely within
    read_timeout_s. `refuse` makes the response to a malformed request."""

    __slots__ = ("_asked", "_deadline", "_peer", "_raw", "_read_timeout_s", "_refuse")

    def __init__(
        self,
        manager: web.Server,
        *,
        loop: asyncio.AbstractEventLoop,
        read_timeout_s: float,
        refuse: Refuse,
        **options: Any,
    ) -> None:
        super().__init__(manager, loop=loop, **options)
        self._read_timeout_s = read_timeout_s
        self._refuse = refuse
        self._deadline: asyncio.TimerHandle | None = None
        self._peer: Peer | None = None
        # The headers of the request before: as they came, and read.
        self._raw: RawHeaders = ()
        self._asked: AskedHeaders | None = None

    @property
    def peer(self) -> Peer:
        """The two ends of the connection."""
        if self._peer is None:
            self._peer = _peer(self.transport)
        return self._peer

    def asked_headers(self, request: web.BaseRequest) -> AskedHeaders:
        """The headers of a request of this connection, which are read once while they stay the
        same."""
        raw, asked = request.raw_headers, self._asked
        if asked is None or raw != self._raw:
            asked = read_headers(request)
            self._raw, self._asked = (raw, asked) if are_kept(raw) else ((), None)
        return asked

    def data_received(self, data: bytes) -> None:
        """Parse bytes. The deadline runs from the first byte of a request until its headers are
        complete."""
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._forget_deadline()
        elif data and self._deadline is None and not self._request_in_progress:
            self._deadline = self._loop.call_later(self._read_timeout_s, self._give_up)

    def close(self) -> None:
        """Close the connection after its request, and at once when it waits for one. aiohttp would
        keep it open without reading, and a request that a client sends on it would hang."""
        is_idle = self._waiter is not None and not self._waiter.done()
        super().close()
        if is_idle and self.transport is not None:
            self.transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        self._deadline = None
        if not self._request_in_progress:
            self.force_close()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The response to a request that could not be parsed. It does not repeat the text of the
        request, which may contain a token."""
        if request.writer.output_size > 0:
            raise ConnectionError("a part of another response has been sent already")
        response = self._refuse(_error(status, exc))
        response.force_close()
        return response


def _error(status: int, cause: BaseException | None) -> ODataError:
    """The error for a failure of aiohttp."""
    if isinstance(cause, LineTooLong):
        return LimitUrl(
            "the URL or a header is too long", hint="raise ODATA_MAX_URL_BYTES to allow more"
        )
    if status < 500:
        return UrlSyntax(
            "the request is not valid HTTP",
            hint="percent-encode blanks and characters beyond ASCII, as in %20 and %C3%A9",
        )
    return Internal("the request could not be answered")


def _peer(transport: asyncio.BaseTransport | None) -> Peer:
    remote = transport.get_extra_info("peername") if transport is not None else None
    local = transport.get_extra_info("sockname") if transport is not None else None
    address = str(remote[0]) if isinstance(remote, tuple) else ""
    if not isinstance(local, tuple):
        return Peer(address, "localhost")
    name = f"[{local[0]}]" if ":" in local[0] else local[0]
    return Peer(address, f"{name}:{local[1]}")


class Server(web.Server):
    """Makes a Connection for each client that connects."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Any],
        *,
        connection: dict[str, Any],
        send_timeout_s: float,
    ) -> None:
        super().__init__(handler, handler_cancellation=True)
        self._options = connection
        self._send_timeout_s = send_timeout_s

    def __call__(self) -> web.RequestHandler:
        return Connection(self, loop=self._loop, **self._options)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        _limit_unread(transport, self._send_timeout_s)


def _limit_unread(transport: asyncio.Transport, timeout_s: float) -> None:
    """Let the kernel drop a client that does not receive what was sent to it (tcp(7):
    TCP_USER_TIMEOUT also counts while the window is closed)."""
    sock = transport.get_extra_info("socket")
    if (
        hasattr(socket, "TCP_USER_TIMEOUT")
        and sock is not None
        and sock.family in (socket.AF_INET, socket.AF_INET6)
    ):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(timeout_s * 1000))


def abort(request: web.BaseRequest) -> None:
    """Cut the connection of a request, so that no client can take a part of the response for all of
    it."""
    cut(request.transport)


def cut(transport: asyncio.Transport | None) -> None:
    """End a connection with a reset."""
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
