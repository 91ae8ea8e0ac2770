"""The versions of the Model Context Protocol, and what a message says of its own.

Up to 2025-11-25 a client begins with `initialize`, which agrees on a version; the server keeps
nothing of it. Since 2026-07-28 each request says its version, and headers repeat what it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from odata_gateway.web.json_rpc import INVALID_PARAMS, Message, MessageFault

HANDSHAKES = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
ENVELOPES = ("2026-07-28",)
_WITH_BATCHES = (None, "2025-03-26", "2024-11-05")
"""What clients of versions that have batches name in a header, which is younger than they."""
_META = "io.modelcontextprotocol/"
VERSION_KEY, CAPABILITIES_KEY = f"{_META}protocolVersion", f"{_META}clientCapabilities"
SERVER_KEY = f"{_META}serverInfo"

HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022


def has_envelope(message: Message, headers: Mapping[str, str]) -> bool:
    """Whether a request is of a version that has no handshake; it is checked then.

    headers  of HTTP by lower-case name; empty: the message came by another way
    raises   MessageFault
    """
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    meta = meta if isinstance(meta, dict) else {}
    named = headers.get("mcp-protocol-version")
    if VERSION_KEY not in meta and named not in ENVELOPES:
        if named is not None and named not in HANDSHAKES:
            raise _unsupported(named)
        return False
    version = meta.get(VERSION_KEY)
    if not isinstance(version, str) or not isinstance(meta.get(CAPABILITIES_KEY), dict):
        needed = f"params._meta must have {VERSION_KEY} and {CAPABILITIES_KEY}"
        raise MessageFault(INVALID_PARAMS, needed, status=400)
    if headers:
        _check_headers(message, version, headers)
    if version not in ENVELOPES:
        raise _unsupported(version)
    return True


def may_be_batch(headers: Mapping[str, str]) -> bool:
    """Whether several messages can come at once, by the headers of HTTP."""
    return headers.get("mcp-protocol-version") in _WITH_BATCHES


def _check_headers(message: Message, version: str, headers: Mapping[str, str]) -> None:
    expected = {"mcp-protocol-version": version, "mcp-method": message.get("method")}
    if message.get("method") == "tools/call":
        expected["mcp-name"] = message["params"].get("name")
    for name, value in expected.items():
        if headers.get(name) != value:
            text = f"the header {name} differs from the message"
            raise MessageFault(HEADER_MISMATCH, text, status=400)


def _unsupported(version: str) -> MessageFault:
    data = {"supported": [*ENVELOPES, *HANDSHAKES], "requested": version[:40]}
    return MessageFault(UNSUPPORTED_VERSION, "Unsupported protocol version", data, status=400)
