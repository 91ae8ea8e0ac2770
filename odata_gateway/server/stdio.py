"""The Model Context Protocol on standard input and output: a message a line, for one caller.

The program that starts the process is its only client. Messages are answered side by side, so that
a long query delays no other; a message that the client cancels is ended. The messages before the
end of standard input are answered. SIGTERM, or a client that does not read any more, ends the
process at once, and the queries that run.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from threading import Thread
from typing import Any

from odata_gateway.config.settings import Settings
from odata_gateway.edm.model import Model
from odata_gateway.errors import AuthForbidden, AuthInvalid, AuthMissing, ODataError
from odata_gateway.server.composition import compose, mcp_server
from odata_gateway.server.worker import first_look, running
from odata_gateway.web.mcp.messages import Message, MessageFault, read_message
from odata_gateway.web.mcp.server import McpServer, refusal_of
from odata_gateway.web.mcp.service import AgentCaller
from odata_gateway.web.urls import SERVICE_PATH

_ROOT = f"http://localhost{SERVICE_PATH}/"
"""Stands for the service root in links, of which only the tokens are used."""
_CHUNK_BYTES = 65_536
_NO_MESSAGE = b"?"
"""Stands for a line that is too long."""


async def serve_stdio(settings: Settings, model: Model) -> int:
    """Answer messages until standard input ends; 1 for a caller who may not ask.

    raises  SettingsError for tokens that cannot be checked
    """
    parts = await compose(settings, model)
    tasks = [parts.watcher.run()] if parts.keys is None else [parts.watcher.run(), parts.keys.run()]
    caller = AgentCaller(settings.mcp_token or None, _ROOT)
    try:
        async with running(tasks):
            await first_look(parts)
            try:
                await parts.callers.caller(caller.token)
            except (AuthMissing, AuthInvalid, AuthForbidden) as error:
                print(f"odata-gateway: {error}; set ODATA_MCP_TOKEN", file=sys.stderr)
                return 1
            server = mcp_server(settings, parts.service, parts.callers)
            await _Conversation(server, caller, settings.max_body_bytes).run()
    finally:
        await parts.database.close()
    return 0


class _Conversation:
    """The messages of one client, each answered by a task of its own."""

    def __init__(self, server: McpServer, caller: AgentCaller, most_bytes: int) -> None:
        self._server = server
        self._caller = caller
        self._most_bytes = most_bytes
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._answers: dict[asyncio.Task[None], Any] = {}  # with the number of the message
        self._output = os.dup(1)
        os.dup2(2, 1)  # whatever else is printed is no message

    async def run(self) -> None:
        """Return when there is nothing more to answer."""
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError):  # as on Windows
            loop.add_signal_handler(signal.SIGTERM, self._lines.put_nowait, None)
        Thread(target=self._read, args=(loop,), daemon=True).start()
        while line := await self._lines.get():
            self._begin(line)
        if line is None:
            for task in self._answers:
                task.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """Pass the lines of standard input on, then an empty one. A thread of its own reads what
        the event loop of some systems cannot: files, and pipes of Windows."""
        rest = b""
        with suppress(OSError, RuntimeError):  # closed; the loop has ended
            while chunk := os.read(0, _CHUNK_BYTES):
                *lines, rest = (rest + chunk).split(b"\n")
                rest = rest[: self._most_bytes + 1]
                for line in lines:
                    self._pass(loop, line)
            self._pass(loop, rest)
            loop.call_soon_threadsafe(self._lines.put_nowait, b"")

    def _pass(self, loop: asyncio.AbstractEventLoop, line: bytes) -> None:
        if line.strip():
            text = line if len(line) <= self._most_bytes else _NO_MESSAGE
            loop.call_soon_threadsafe(self._lines.put_nowait, text)

    def _begin(self, line: bytes) -> None:
        try:
            message = read_message(line)
        except MessageFault:
            message = {}
        if message.get("method") == "notifications/cancelled":
            asked = message.get("params", {}).get("requestId")
            for task in [task for task, number in self._answers.items() if number == asked]:
                task.cancel()
            return
        task = asyncio.create_task(self._answer(line, message))
        self._answers[task] = message.get("id", ())
        task.add_done_callback(self._answers.pop)

    async def _answer(self, line: bytes, message: Message) -> None:
        try:
            reply = await self._server.respond(line, self._caller, {})
        except ODataError as error:  # the caller cannot be looked up, or may not ask any more
            reply = refusal_of(message["id"], error) if "id" in message else None
        left = memoryview(b"" if reply is None else reply.body + b"\n")
        try:
            while left:
                left = left[os.write(self._output, left) :]
        except OSError:  # nobody reads
            self._lines.put_nowait(None)
