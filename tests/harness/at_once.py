"""Requests that arrive in the same moment: all but the last line of each head is sent first, then the last lines together."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Sequence
from urllib.parse import quote

from tests.harness.gateway import Gateway

Asked = tuple[str, str] | tuple[str, str, str]
"""A target, a token, and further header lines."""


def at_once(gateway: Gateway, asked: Sequence[Asked]) -> list[tuple[int, bytes]]:
    """Status and body of each request, without the ids of requests."""
    return [received(connection) for connection in sent(gateway, asked)]


def sent(gateway: Gateway, asked: Sequence[Asked]) -> list[socket.socket]:
    """A connection for each request, whose answer has not been read."""
    connections = [_begun(gateway, *each) for each in asked]
    for connection in connections:
        connection.sendall(b"\r\n")
    return connections


def received(connection: socket.socket) -> tuple[int, bytes]:
    with connection, http.client.HTTPResponse(connection) as response:
        response.begin()
        return response.status, _without_id(response.read())


def _begun(gateway: Gateway, target: str, token: str, headers: str = "") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", gateway.port), timeout=60)
    path = "/v1.0/odata/" + quote(target, safe="/?&=$(),'%")
    host = "" if "Host:" in headers else f"Host: 127.0.0.1:{gateway.port}\r\n"
    connection.sendall(f"GET {path} HTTP/1.1\r\n{host}Authorization: Bearer {token}\r\n{headers}".encode())
    return connection


def _without_id(body: bytes) -> bytes:
    if not body.startswith(b'{"error"'):
        return body
    error = json.loads(body)["error"]
    return json.dumps({name: value for name, value in error.items() if name != "innererror"}).encode()
