"""An agent: calls the tools of the Model Context Protocol over HTTP, and counts its calls."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.harness import tokens
from tests.harness.gateway import ROOT, Gateway, Reply

HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
_numbers = count(1)


@dataclass(frozen=True)
class ToolResult:
    """What a tool answered: the structured content, the text, and whether it is an error."""

    value: dict[str, Any]
    text: str
    is_error: bool

    @property
    def rows(self) -> list[Any]:
        assert not self.is_error, self.text
        return self.value["rows"]

    @property
    def error(self) -> dict[str, Any]:
        assert self.is_error, self.text
        return self.value["error"]


@dataclass
class Agent:
    """Asks as the caller of a token."""

    gateway: Gateway
    token: str | None = tokens.ADMIN
    calls: int = field(default=0)

    def send(self, message: object, headers: dict[str, str] | None = None, *, method: str = "POST") -> Reply:
        """The HTTP response to one message."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        credentials = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self.gateway.ask(method, "/mcp", {**HEADERS, **credentials, **(headers or {})}, body)

    def request(self, name: str, /, **params: Any) -> Any:
        """The result of a method."""
        reply = self.send({"jsonrpc": "2.0", "id": next(_numbers), "method": name, "params": params})
        assert reply.status == 200, reply.body
        return reply.json()["result"]

    def call(self, tool: str, /, **arguments: Any) -> ToolResult:
        """The answer of a tool."""
        self.calls += 1
        result = self.request("tools/call", name=tool, arguments=arguments)
        [content] = result["content"]
        return ToolResult(result["structuredContent"], content["text"], result["isError"])

    def query(self, name: str, /, **options: Any) -> list[Any]:
        """The rows of a query."""
        return self.call("query", set=name, **options).rows


async def start_mcp(dsn: str, token: str = tokens.ADMIN, *, stdin: Any = PIPE, **settings: str) -> Process:
    """`odata-gateway mcp` as a client starts it."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "odata_gateway", "mcp"),
        env={"ODATA_DSN": dsn, "ODATA_MCP_TOKEN": token, "PATH": os.environ["PATH"], **settings},
        cwd=ROOT,
        stdin=stdin,
        stdout=PIPE,
        stderr=DEVNULL,
    )
