"""The Model Context Protocol on standard input and output: a message a line, for one caller.

The program that starts the process is its only client. Messages are answered side by side, so that
a long query delays no other; a message that the client cancels is ended.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import orjson

from odata_gateway.config.settings import Settings
from odata_gateway.edm.model import Model
from odata_gateway.errors import AuthForbidden, AuthInvalid, AuthMissing, ODataError
from odata_gateway.server.composition import compose, mcp_server
from odata_gateway.server.worker import first_look, running
from odata_gateway.web.mcp.server import McpServer, refusal_of
from odata_gateway.web.mcp.service import AgentCaller
from odata_gateway.web.urls import SERVICE_PATH

_ROOT = f"http://localhost{SERVICE_PATH}/"
"""Stands for the service root in links, of which only the tokens are used."""


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
        self._tasks: dict[Any, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Return when standard input has ended, and the messages before its end are answered."""
        reader = asyncio.StreamReader(limit=self._most_bytes)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer
        )
        while line := await _line(reader):
            if line.strip():
                self._begin(line)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _begin(self, line: bytes) -> None:
        number, cancelled = _numbers(line)
        if cancelled in self._tasks:
            self._tasks[cancelled].cancel()
            return
        key = object() if number is None else number
        task = asyncio.create_task(self._answer(line))
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._tasks.pop(key, None))

    async def _answer(self, line: bytes) -> None:
        try:
            reply = await self._server.respond(line, self._caller, {})
        except ODataError as error:  # the caller cannot be looked up, or may not ask any more
            number, _ = _numbers(line)
            reply = None if number is None else refusal_of(number, error)
        if reply is not None:
            sys.stdout.buffer.write(reply.body + b"\n")
            sys.stdout.buffer.flush()


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next line; one that is too long becomes one that is no message."""
    is_cut = False
    while True:
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as end:
            line = end.partial
        except asyncio.LimitOverrunError as overrun:
            await reader.readexactly(overrun.consumed)
            is_cut = True
            continue
        return b"?\n" if is_cut else line


def _numbers(line: bytes) -> tuple[Any, Any]:
    """The number of a message, and the number of the one that it cancels."""
    try:
        message = orjson.loads(line)
        if message.get("method") == "notifications/cancelled":
            return None, message["params"]["requestId"]
        return message.get("id"), None
    except (ValueError, AttributeError, KeyError, TypeError):
        return None, None
