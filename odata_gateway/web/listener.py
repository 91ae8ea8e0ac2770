"""Listening ports and the connections on them, opened and closed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from aiohttp import web

from odata_gateway.config.settings import Settings
from odata_gateway.errors import ODataError
from odata_gateway.identity.access_token import MAX_TOKEN_BYTES
from odata_gateway.protocol.message import MAX_HEADER_BYTES
from odata_gateway.web.app import Gateway
from odata_gateway.web.connection import Server, cut
from odata_gateway.web.exchange import refusal
from odata_gateway.web.headers import Head

BACKLOG = 1024
FINISH_S = 2.0
"""How long connections may take to close after their last response."""
LINGERING_S = 2.0
"""How long the rest of a body that nobody reads is received and ignored."""
REQUEST_LINE_BYTES = 1024 + 2 * MAX_TOKEN_BYTES
"""Method, version, service path and access token, in addition to ODATA_MAX_URL_BYTES. Clients
append the token to links that have it already."""


class ClientCounts(NamedTuple):
    """The number of connections, of those that wait for a client that does not read, and of bytes
    that clients have not received."""

    connections: int
    slow: int
    buffered_bytes: int


@dataclass(slots=True)
class Listener:
    """A server and its listening sockets. `handles` are duplicates of the sockets: the event loop
    closes its own before the last connections have been accepted."""

    runner: web.ServerRunner
    handles: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        port: int = self.handles[0].getsockname()[1]
        return port

    @property
    def clients(self) -> ClientCounts:
        """The connections at this moment."""
        assert self.runner.server is not None
        found = self.runner.server.connections
        waiting = [c.transport.get_write_buffer_size() for c in found if c.transport is not None]
        return ClientCounts(len(found), sum(c.writing_paused for c in found), sum(waiting))

    async def open(self, host: str, port: int, *, shared: bool) -> None:
        """Listen on all addresses of a host; raises OSError when one is taken."""
        for listening in _listening_sockets(host, port, shared=shared):
            self.handles.append(listening.dup())
            await web.SockSite(self.runner, listening, backlog=BACKLOG).start()

    async def shut(self) -> None:
        """Stop listening, and serve the connections that the kernel has accepted already."""
        for site in tuple(self.runner.sites):
            await site.stop()
        server, loop = self.runner.server, asyncio.get_running_loop()
        assert server is not None
        accepted = [connection for handle in self.handles for connection in _accept_all(handle)]
        self.handles.clear()
        for connection in accepted:
            await loop.connect_accepted_socket(server, connection)

    def close_unused(self) -> None:
        """Close connections without a request, and the others after their response."""
        assert self.runner.server is not None
        self.runner.server.pre_shutdown()

    async def close(self, *, at_once: bool) -> None:
        """Close all connections; `at_once` cuts those that have a request."""
        if at_once and isinstance(self.runner.server, Server):
            for connection in self.runner.server.connections:
                cut(connection.transport)
        await self.runner.cleanup()


def _listening_sockets(host: str, port: int, *, shared: bool) -> list[socket.socket]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((entry[0], entry[4]) for entry in found):
            listening = socket.create_server(
                address[:2], family=family, backlog=BACKLOG, reuse_port=shared
            )
            listening.setblocking(False)
            sockets.append(listening)
    except OSError:
        for listening in sockets:
            listening.close()
        raise
    return sockets


def _accept_all(handle: socket.socket) -> list[socket.socket]:
    """The connections that wait on a listening socket, which is closed immediately after the last
    one."""
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


async def listen(gateway: Gateway, *, shared: bool = False) -> tuple[Listener, Listener]:
    """Listeners on the main port and on the admin ports, open.

    shared  other processes listen on the same ports
    raises  OSError when a port is taken
    """
    settings = gateway.settings
    main, admin = (
        Listener(web.ServerRunner(_server(handler, settings), shutdown_timeout=FINISH_S))
        for handler in (gateway.handle, gateway.handle_admin)
    )
    await main.runner.setup()
    await admin.runner.setup()
    await main.open(settings.host, settings.port, shared=shared)
    for port in dict.fromkeys(settings.admin_port):
        if port != settings.port:
            await admin.open(settings.host, port, shared=shared)
    return main, admin


def _server(
    handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], settings: Settings
) -> Server:
    def refuse(error: ODataError) -> web.Response:
        """The response to a request that was not read, and so has no headers and no id."""
        reply = refusal(error, "-", settings)
        assert isinstance(reply.body, bytes)
        headers = Head(reply.status, reply.headers, {}, settings, "-").headers()
        return web.Response(status=reply.status, body=reply.body, headers=headers)

    connection = {
        "keepalive_timeout": settings.keepalive_s,
        "max_line_size": settings.max_url_bytes + REQUEST_LINE_BYTES,
        "max_field_size": MAX_HEADER_BYTES,
        "access_log": None,
        "lingering_time": min(LINGERING_S, settings.read_timeout_s),
        "auto_decompress": False,  # compressed bodies are refused
        "read_timeout_s": settings.read_timeout_s,
        "refuse": refuse,
    }
    return Server(handler, connection=connection, send_timeout_s=settings.send_timeout_s)
