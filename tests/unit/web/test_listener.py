"""Listening ports: closed without losing the connections that clients have made."""

import asyncio
import socket

import pytest
from aiohttp import web
from odata_gateway.web.connection import Server
from odata_gateway.web.listener import Listener
from tests.harness.ports import free_port

GET = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


async def opened(handler, port, *, shared=False):
    options = {"read_timeout_s": 5, "refuse": None, "access_log": None}
    listener = Listener(web.ServerRunner(Server(handler, connection=options, send_timeout_s=5), shutdown_timeout=1))
    await listener.runner.setup()
    await listener.open("127.0.0.1", port, shared=shared)
    return listener


async def answer(request):
    return web.Response(text="answered")


async def test_a_port_that_is_shut_answers_connections_made_before():
    listener = await opened(answer, free_port())
    with socket.create_connection(("127.0.0.1", listener.port), 5) as client:  # the event loop has not accepted it yet
        client.sendall(GET)
        await listener.shut()
        client.setblocking(False)
        received = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 1000), 5)
        assert received.startswith(b"HTTP/1.1 200 ")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(client.getpeername(), 1)
    await listener.close(at_once=False)


async def test_shutting_twice_is_harmless():
    listener = await opened(answer, free_port())
    await listener.shut()
    await listener.shut()
    await listener.close(at_once=False)


async def test_a_port_that_is_taken_is_an_error_unless_it_is_shared():
    port = free_port()
    first = await opened(answer, port, shared=True)
    second = await opened(answer, port, shared=True)
    with pytest.raises(OSError):
        await opened(answer, port)
    for listener in (first, second):
        await listener.close(at_once=False)


async def test_connections_without_a_request_close_at_once_while_another_is_answered():
    may_end = asyncio.Event()

    async def handler(request):
        if request.path == "/slow":
            await may_end.wait()
        return await answer(request)

    listener = await opened(handler, free_port())
    (used, used_writer), (_, unused_writer), (slow, slow_writer) = [
        await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(3)
    ]
    used_writer.write(GET.replace(b"close", b"keep-alive"))
    await used.readuntil(b"answered")
    slow_writer.write(GET.replace(b"/", b"/slow", 1))
    async with asyncio.timeout(5):
        while listener.clients.connections != 3:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        listener.close_unused()
        assert await used.read() == b""
        while listener.clients != (1, 0, 0):
            await asyncio.sleep(0.01)
        may_end.set()
        assert (await slow.read()).endswith(b"answered")
    for writer in (used_writer, unused_writer, slow_writer):
        writer.close()
    await listener.close(at_once=False)


async def test_running_requests_are_cut_where_they_must_end_at_once():
    running = asyncio.Event()

    async def hang(request):
        running.set()
        await asyncio.sleep(60)

    listener = await opened(hang, free_port())
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(GET)
    await running.wait()
    await listener.close(at_once=True)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(), 5)
    writer.close()
