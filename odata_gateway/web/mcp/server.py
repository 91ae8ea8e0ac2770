"""Messages of JSON-RPC in, messages out. Nothing is kept between two messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from odata_gateway import __version__
from odata_gateway.errors import AuthForbidden, AuthInvalid, AuthMissing, ODataError
from odata_gateway.observe import logs
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.web.mcp import versions
from odata_gateway.web.mcp.arguments import checked_arguments
from odata_gateway.web.mcp.describe import DescribeTool
from odata_gateway.web.mcp.query import ExplainTool, QueryTool, ToolAnswer
from odata_gateway.web.mcp.service import AgentCaller, AgentLimits, AgentService
from odata_gateway.web.mcp.tools import INSTRUCTIONS, SCHEMAS, TOOLS
from odata_gateway.web.mcp.versions import MessageFault, has_envelope

_SERVER = {"name": "odata-gateway", "title": "OData gateway", "version": __version__}
_CAPABILITIES: dict[str, Any] = {"tools": {}}
_FOREVER = {"ttlMs": 3_600_000, "cacheScope": "public"}
Message = dict[str, Any]


class McpReply(NamedTuple):
    """A message in JSON, and the code of its error, if it is one."""

    body: bytes
    error: int | None = None


class McpServer:
    """Answers messages from a service."""

    def __init__(self, service: AgentService, limits: AgentLimits) -> None:
        self._service = service
        self._tools: Mapping[str, DescribeTool | QueryTool | ExplainTool] = {
            "describe": DescribeTool(service, limits),
            "query": QueryTool(service, limits),
            "explain": ExplainTool(service),
        }

    async def respond(
        self, text: bytes, caller: AgentCaller, headers: Mapping[str, str]
    ) -> McpReply | None:
        """The reply to a message; None to a notification, which needs none.

        headers  of HTTP by lower-case name; empty for messages that came by another way
        raises   AuthMissing, AuthInvalid, AuthForbidden for a caller who may not ask
        """
        await self._service.admit(caller.token)
        number: Any = None
        try:
            message = _read(text)
            if "id" not in message:
                return None
            number = message["id"]
            result = await self._result(message, caller, headers)
        except MessageFault as fault:
            error: Message = {"code": fault.code, "message": fault.message}
            error |= {} if fault.data is None else {"data": fault.data}
            body = orjson.dumps({"jsonrpc": "2.0", "id": number, "error": error})
            return McpReply(body, fault.code)
        return McpReply(orjson.dumps({"jsonrpc": "2.0", "id": number, "result": result}))

    async def _result(
        self, message: Message, caller: AgentCaller, headers: Mapping[str, str]
    ) -> Message:
        is_stateless = message["method"] != "initialize" and has_envelope(message, headers)
        params = message.get("params", {})
        more: Message = {"resultType": "complete"} if is_stateless else {}
        lasting: Message = {**more, **_FOREVER} if is_stateless else {}
        match message["method"]:
            case "initialize":
                return _welcome(params)
            case "server/discover" if is_stateless:
                return {**_discovery(), **lasting}
            case "ping":
                return more
            case "tools/list":
                return {"tools": list(TOOLS), **lasting}
            case "tools/call":
                return {**await self._call(params, caller), **more}
            case method:
                raise MessageFault(versions.METHOD_NOT_FOUND, f"no such method: {method[:60]}")

    async def _call(self, params: Message, caller: AgentCaller) -> Message:
        """The result of a call. What is wrong with it is a result too, which the agent reads."""
        name = params.get("name")
        if not isinstance(name, str) or name not in self._tools:
            known = ", ".join(self._tools)
            raise MessageFault(versions.INVALID_PARAMS, f"no such tool; there are {known}")
        current_stats.get().note_resource(f"mcp {name}")
        try:
            arguments = checked_arguments(params.get("arguments") or {}, SCHEMAS[name])
            value, text = await self._tools[name].call(caller, arguments)
        except (AuthMissing, AuthInvalid, AuthForbidden):
            raise
        except ODataError as error:
            return {**_content(_failure(error)), "isError": True}
        except Exception as error:
            stats = current_stats.get()
            secrets = () if caller.token is None else (caller.token,)
            logs.failure(error, stats.id, secrets, "unexpected error in a tool")
            raise MessageFault(
                versions.INTERNAL_ERROR, f"an unexpected error; the log has it as {stats.id}"
            ) from error
        return {**_content((value, text)), "isError": False}


def refusal_of(number: object, error: ODataError) -> McpReply:
    """The reply to a message whose caller is refused, where HTTP has no status for it."""
    code = versions.INTERNAL_ERROR
    found = {"code": code, "message": str(error), "data": _failure(error)[0]["error"]}
    return McpReply(orjson.dumps({"jsonrpc": "2.0", "id": number, "error": found}), code)


def _read(text: bytes) -> Message:
    """A message; raises MessageFault for what is none."""
    try:
        message = orjson.loads(text)
    except ValueError:
        raise MessageFault(versions.PARSE_ERROR, "the message is not JSON") from None
    is_message = (
        isinstance(message, dict)
        and message.get("jsonrpc") == "2.0"
        and isinstance(message.get("method"), str)
        and isinstance(message.get("params", {}), dict)
        and type(message.get("id", 0)) in (int, str)
    )
    if not is_message:
        raise MessageFault(versions.INVALID_REQUEST, "not a single request of JSON-RPC 2.0")
    found: Message = message
    return found


def _welcome(params: Message) -> Message:
    asked = params.get("protocolVersion")
    return {
        "protocolVersion": asked if asked in versions.HANDSHAKES else versions.HANDSHAKES[0],
        "capabilities": _CAPABILITIES,
        "serverInfo": _SERVER,
        "instructions": INSTRUCTIONS,
    }


def _discovery() -> Message:
    return {
        "supportedVersions": [*versions.ENVELOPES, *versions.HANDSHAKES],
        "capabilities": _CAPABILITIES,
        "instructions": INSTRUCTIONS,
        "_meta": {versions.SERVER_KEY: _SERVER},
    }


def _content(answer: ToolAnswer) -> Message:
    value, text = answer
    return {"content": [{"type": "text", "text": text}], "structuredContent": value}


def _failure(error: ODataError) -> ToolAnswer:
    """An error with its code, its place and what to do."""
    argument = (error.target or "").removeprefix("$")
    argument = "set" if argument == "path" else argument
    place = argument if error.at is None else f"{argument}, character {error.at}"
    if error.nested is not None:
        place += f", in {error.nested}"
    found = {"code": error.code, "place": place, "message": error.message, "remedy": error.hint}
    shown: Message = {name: value for name, value in found.items() if value}
    if error.retry_after_s is not None:
        shown["retry_after_s"] = error.retry_after_s
    return {"error": shown}, "\n".join(f"{name}: {value}" for name, value in shown.items())
