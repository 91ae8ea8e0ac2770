"""Messages of JSON-RPC in, messages out. Nothing is kept between two messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import orjson

from odata_gateway import __version__
from odata_gateway.errors import AuthForbidden, AuthInvalid, AuthMissing, ODataError
from odata_gateway.observe import logs
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.web import json_rpc
from odata_gateway.web.json_rpc import Message, MessageFault, checked_message, parsed_json
from odata_gateway.web.mcp import messages
from odata_gateway.web.mcp.describe import describe
from odata_gateway.web.mcp.fence import ToolAnswer
from odata_gateway.web.mcp.messages import has_envelope, may_be_batch
from odata_gateway.web.mcp.query import explain_answer, query
from odata_gateway.web.mcp.service import AgentCaller, AgentLimits, AgentService
from odata_gateway.web.mcp.tools import INSTRUCTIONS, SCHEMAS, TOOLS, checked_arguments

_SERVER = {"name": "odata-gateway", "title": "OData gateway", "version": __version__}
MOST_MESSAGES = 50
"""In a batch, which only clients of 2025-03-26 and before may send."""
_CAPABILITIES: dict[str, Any] = {"tools": {}}
_FOREVER = {"ttlMs": 3_600_000, "cacheScope": "public"}
_Tool = Callable[[AgentService, AgentCaller, dict[str, Any], AgentLimits], Awaitable[ToolAnswer]]
_CALLS: Mapping[str, _Tool] = {"describe": describe, "query": query, "explain": explain_answer}


class McpReply(NamedTuple):
    """A message in JSON, and the status that HTTP has for it."""

    body: bytes
    status: int = 200


class McpServer:
    """Answers messages from a service."""

    def __init__(self, service: AgentService, limits: AgentLimits) -> None:
        self._service = service
        self._limits = limits

    async def respond(
        self, text: bytes, caller: AgentCaller, headers: Mapping[str, str]
    ) -> McpReply | None:
        """The reply to a message, or to a batch; None to a notification, which needs none.

        headers  of HTTP by lower-case name; empty for messages that came by another way
        raises   AuthMissing, AuthInvalid, AuthForbidden for a caller who may not ask
        """
        await self._service.admit(caller.token)
        try:
            found = parsed_json(text)
        except MessageFault as fault:
            return _refusal(None, fault)
        if isinstance(found, list) and 0 < len(found) <= MOST_MESSAGES and may_be_batch(headers):
            replies = [await self._reply(each, caller, headers) for each in found]
            bodies = [reply.body for reply in replies if reply is not None]
            return McpReply(b"[" + b",".join(bodies) + b"]") if bodies else None
        return await self._reply(found, caller, headers)

    async def _reply(
        self, found: object, caller: AgentCaller, headers: Mapping[str, str]
    ) -> McpReply | None:
        message: Message = {}
        try:
            message = checked_message(found)
            if "id" not in message:
                return None
            result = await self._result(message, caller, headers)
        except MessageFault as fault:
            return _refusal(message.get("id"), fault)
        return McpReply(orjson.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}))

    async def _result(
        self, message: Message, caller: AgentCaller, headers: Mapping[str, str]
    ) -> Message:
        is_stateless = message["method"] != "initialize" and has_envelope(message, headers)
        params = message.get("params", {})
        more: Message = {"resultType": "complete"} if is_stateless else {}
        lasting: Message = {**more, **_FOREVER} if is_stateless else {}
        # Clients that begin with a handshake take a status for a fault of the transport, and do
        # not read the message; since 2026-07-28 it must be 404 and 400.
        match message["method"]:
            case "initialize":
                return _welcome(params)
            case "server/discover" if is_stateless:
                return {**_discovery(), **lasting}
            case "ping":
                return more
            case "tools/list":
                return {"tools": list(TOOLS), **lasting}
            case "tools/call" if params.get("name") in [*SCHEMAS]:
                return {**await self._call(params, caller), **more}
            case "tools/call":
                text, code = (
                    f"no such tool; there are {', '.join(SCHEMAS)}",
                    json_rpc.INVALID_PARAMS,
                )
                raise MessageFault(code, text, status=400 if is_stateless else 200)
            case method:
                text, code = f"no such method: {method[:60]}", json_rpc.METHOD_NOT_FOUND
                raise MessageFault(code, text, status=404 if is_stateless else 200)

    async def _call(self, params: Message, caller: AgentCaller) -> Message:
        """The result of a call. What is wrong with it is a result too, which the agent reads."""
        name, stats = params["name"], current_stats.get()
        stats.note_resource(f"mcp {name}")
        try:
            arguments = checked_arguments(params.get("arguments") or {}, SCHEMAS[name])
            found = await _CALLS[name](self._service, caller, arguments, self._limits)
            is_error = False
        except (AuthMissing, AuthInvalid, AuthForbidden):
            raise
        except ODataError as error:
            found, is_error = _failure(error), True
        except Exception as error:
            secrets = () if caller.token is None else (caller.token,)
            logs.failure(error, stats.id, secrets, "unexpected error in a tool")
            text = f"an unexpected error; the log has it as {stats.id}"
            raise MessageFault(json_rpc.INTERNAL_ERROR, text) from error
        content = [{"type": "text", "text": found.text}]
        return {"content": content, "structuredContent": found.value, "isError": is_error}


def refusal_of(number: object, error: ODataError) -> McpReply:
    """The reply to a message whose caller is refused, where HTTP has no status for it."""
    data = _failure(error).value["error"]
    return _refusal(number, MessageFault(json_rpc.INTERNAL_ERROR, str(error), data))


def _refusal(number: object, fault: MessageFault) -> McpReply:
    error: Message = {"code": fault.code, "message": fault.message}
    error |= {} if fault.data is None else {"data": fault.data}
    body = orjson.dumps({"jsonrpc": "2.0", "id": number, "error": error})
    return McpReply(body, fault.status)


def _welcome(params: Message) -> Message:
    asked = params.get("protocolVersion")
    return {
        "protocolVersion": asked if asked in messages.HANDSHAKES else messages.HANDSHAKES[0],
        "capabilities": _CAPABILITIES,
        "serverInfo": _SERVER,
        "instructions": INSTRUCTIONS,
    }


def _discovery() -> Message:
    return {
        "supportedVersions": [*messages.ENVELOPES, *messages.HANDSHAKES],
        "capabilities": _CAPABILITIES,
        "instructions": INSTRUCTIONS,
        "_meta": {messages.SERVER_KEY: _SERVER},
    }


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
    text = "\n".join(f"{name}: {value}" for name, value in shown.items())
    return ToolAnswer({"error": shown}, text)
