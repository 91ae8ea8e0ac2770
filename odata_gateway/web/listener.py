"""Listening on ports, and ending without losing a request.

Who is told to end is still asked for a while: balancers notice late, and connections stay open
between requests. So a gateway that ends first says so (readiness 503, `Connection: close` in every
answer) and takes requests as before, for ODATA_GRACE_S; then it stops listening, closes connections
on which nothing is asked, and lets running requests end, for ODATA_DRAIN_S from the beginning.

A port that is closed takes down the connections the kernel has accepted for it, on which clients
have sent requests already, and those whose handshake is under way. So the port first gets no more
of them: a filter on the socket drops each SYN, which its sender repeats after a second, when the
port is closed or another process has it. Then the last ones are taken out, by a second handle on
the same port, after the event loop has let go of the first.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from aiohttp import web

from odata_gateway.config.settings import Settings
from odata_gateway.errors import ODataError
from odata_gateway.protocol.message import MAX_HEADER_BYTES
from odata_gateway.web.app import Gateway
from odata_gateway.web.connection import Server, cut
from odata_gateway.web.exchange import refusal
from odata_gateway.web.headers import complete

LOG = logging.getLogger("odata_gateway.web")

BACKLOG = 1024
SETTLE_S = 0.2
"""For handshakes under way: longer than a round trip, shorter than the second after which a SYN is
repeated."""
LAST_S = 0.1
"""For the first request on connections that came last."""
LOOK_S = 0.02
FINISH_S = 2.0
"""How long connections get to end after the requests on them have."""

_ATTACH_FILTER = 26
"""SO_ATTACH_FILTER of asm-generic/socket.h, which Python does not name."""
_NO_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
"""Classic BPF: load the flags; where SYN is set go on, else skip one; drop; accept."""


class Clients(NamedTuple):
    """Connections, how many of them wait for a client that does not read, and the bytes that
    clients have not taken."""

    connections: int
    slow: int
    buffered_bytes: int


@dataclass(slots=True)
class Listener:
    """A server and its listening sockets; `handles` are second ones."""

    runner: web.ServerRunner
    handles: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        port: int = self.handles[0].getsockname()[1]
        return port

    @property
    def clients(self) -> Clients:
        """The connections there are now."""
        assert self.runner.server is not None
        found = self.runner.server.connections
        waiting = [c.transport.get_write_buffer_size() for c in found if c.transport is not None]
        return Clients(len(found), sum(c.writing_paused for c in found), sum(waiting))

    async def open(self, host: str, port: int, *, shared: bool) -> None:
        """Listen on all addresses of a host; raises OSError when one cannot be had."""
        for listener in _listeners(host, port, shared=shared):
            self.handles.append(listener.dup())
            await web.SockSite(self.runner, listener, backlog=BACKLOG).start()

    async def shut(self) -> None:
        """Listen no more, and take what the kernel has accepted."""
        for site in tuple(self.runner.sites):
            await site.stop()
        server, loop = self.runner.server, asyncio.get_running_loop()
        assert server is not None
        for connection in [
            connection for handle in self.handles for connection in _accepted(handle)
        ]:
            await loop.connect_accepted_socket(server, connection)
        self.handles.clear()

    def close_unused(self) -> None:
        """Close connections on which nothing is asked, and the others after their answer."""
        assert self.runner.server is not None
        self.runner.server.pre_shutdown()

    async def close(self, *, at_once: bool) -> None:
        """End what is left; `at_once` cuts the connections."""
        if at_once and isinstance(self.runner.server, Server):
            for connection in self.runner.server.connections:
                cut(connection.transport)
        await self.runner.cleanup()


def _listeners(host: str, port: int, *, shared: bool) -> list[socket.socket]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listeners: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys(
            (family, address) for family, _, _, _, address in found
        ):
            listener = socket.create_server(
                address[:2], family=family, backlog=BACKLOG, reuse_port=shared
            )
            listener.setblocking(False)
            listeners.append(listener)
    except OSError:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _accepted(handle: socket.socket) -> list[socket.socket]:
    """The connections that wait on a listening socket, which is closed right after the last one."""
    found: list[socket.socket] = []
    with handle:
        while True:
            try:
                found.append(handle.accept()[0])
            except OSError:
                break
    for connection in found:
        connection.setblocking(False)
    return found


# --- Starting and ending --------------------------------------------------------------------------


def _server(
    handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], settings: Settings
) -> Server:
    def refuse(error: ODataError) -> web.Response:
        reply = refusal(error, "-", settings)
        assert isinstance(reply.body, bytes)
        return web.Response(
            status=reply.status, body=reply.body, headers=complete(reply.headers, {}, settings, "-")
        )

    connection = {
        "keepalive_timeout": settings.keepalive_s,
        "max_line_size": settings.max_url_bytes + 1024,
        "max_field_size": MAX_HEADER_BYTES,
        "access_log": None,
        "lingering_time": min(2.0, settings.read_timeout_s),
        "auto_decompress": False,  # no body is read that may be compressed
        "read_timeout_s": settings.read_timeout_s,
        "refuse": refuse,
    }
    return Server(handler, connection=connection, send_timeout_s=settings.send_timeout_s)


async def listen(gateway: Gateway, *, shared: bool = False) -> tuple[Listener, Listener]:
    """Listen on the main port, and on the admin ports.

    shared  other processes listen on the same ports
    raises  OSError when a port cannot be had
    """
    settings = gateway.settings
    main, admin = (
        Listener(web.ServerRunner(_server(handler, settings), shutdown_timeout=FINISH_S))
        for handler in gateway.handlers
    )
    await main.runner.setup()
    await admin.runner.setup()
    await main.open(settings.host, settings.port, shared=shared)
    for port in dict.fromkeys(settings.admin_port):
        if port != settings.port:
            await admin.open(settings.host, port, shared=shared)
    return main, admin
