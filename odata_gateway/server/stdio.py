"""The Model Context Protocol on standard input and output: a message a line, for one caller.

The program that starts the process is its only client. Messages are answered side by side, so that
a long query delays no other; a message that the client cancels is ended. The messages before the
end of standard input are answered. SIGTERM, or a client that is gone, ends the process at once, and
the queries that run.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from typing import Any

from odata_gateway.config.settings import Settings
from odata_gateway.edm.model import Model
from odata_gateway.errors import AuthForbidden, AuthInvalid, AuthMissing, ODataError
from odata_gateway.server.composition import compose, mcp_server
from odata_gateway.server.standard_files import StandardFiles
from odata_gateway.server.worker import first_look, running
from odata_gateway.web.json_rpc import Message, MessageFault, checked_message, parsed_json
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
    tasks = [parts.watcher.run(), parts.service.recompilation.run()]
    if parts.keys is not None:
        tasks.append(parts.keys.run())
    caller = AgentCaller(settings.mcp_token or None, _ROOT)
    try:
        async with running(tasks):
            await first_look(parts)
            try:
                await parts.callers.caller(caller.token)
            except (AuthMissing, AuthInvalid, AuthForbidden) as error:
                print(f"odata-gateway: {error}; set ODATA_MCP_TOKEN", file=sys.stderr)
                return 1
            except ODataError:  # as of a database that is away: each message is refused with it
                pass
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
        self._lines: asyncio.Queue[bytes] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._answers: dict[asyncio.Task[None], Any] = {}  # with the number of the message
        self._files = StandardFiles(asyncio.get_running_loop(), most_bytes)

    async def run(self) -> None:
        """Return when there is nothing more to answer, or nobody to answer."""
        with suppress(NotImplementedError):  # as on Windows
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._gone.set)
        self._files.begin(self._lines.put_nowait, self._gone.set)
        tasks = [asyncio.create_task(self._answer_all()), asyncio.create_task(self._gone.wait())]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, *self._answers):
            task.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)
        await asyncio.gather(*done)

    async def _answer_all(self) -> None:
        while line := await self._lines.get():
            self._begin(line)
        await asyncio.gather(*self._answers, return_exceptions=True)

    def _begin(self, line: bytes) -> None:
        try:
            message = checked_message(parsed_json(line))
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
        if reply is not None:
            await self._files.write(reply.body + b"\n")
