"""Messages of JSON-RPC 2.0."""

from __future__ import annotations

from typing import Any, cast

import orjson

Message = dict[str, Any]
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND = -32700, -32600, -32601
INVALID_PARAMS, INTERNAL_ERROR = -32602, -32603


class MessageFault(Exception):
    """A message that cannot be answered, by the code of JSON-RPC.

    status  that HTTP has for it
    """

    def __init__(self, code: int, message: str, data: object = None, *, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.status = status


def parsed_json(text: bytes) -> object:
    """What may be a message, or a batch of them; raises MessageFault."""
    try:
        return orjson.loads(text)
    except ValueError:
        raise MessageFault(PARSE_ERROR, "the message is not JSON", status=400) from None


def checked_message(message: object) -> Message:
    """A message; raises MessageFault for what is none."""
    is_message = (
        isinstance(message, dict)
        and message.get("jsonrpc") == "2.0"
        and isinstance(message.get("method"), str)
        and isinstance(message.get("params", {}), dict)
        and type(message.get("id", 0)) in (int, str)
    )
    if not is_message:
        reason = "not a single request of JSON-RPC 2.0"
        raise MessageFault(INVALID_REQUEST, reason, status=400)
    return cast(Message, message)
