"""What a message says of its version, in its headers and in itself."""

from __future__ import annotations

import pytest
from odata_gateway.web.mcp.messages import CAPABILITIES_KEY, VERSION_KEY, MessageFault, has_envelope

VERSION = "2026-07-28"
META = {VERSION_KEY: VERSION, CAPABILITIES_KEY: {}}


def call(meta=None, **params):
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "query", **({"_meta": meta} if meta else {}), **params}}


def headers(**changed):
    found = {"mcp-protocol-version": VERSION, "mcp-method": "tools/call", "mcp-name": "query"}
    return found | {name.replace("_", "-"): value for name, value in changed.items()}


@pytest.mark.parametrize("sent", [{}, {"mcp-protocol-version": "2025-06-18"}])
def test_a_message_after_a_handshake_has_no_envelope(sent):
    assert not has_envelope(call(), sent)
    assert not has_envelope({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, sent)


def test_a_message_with_an_envelope_and_its_headers_is_taken():
    assert has_envelope(call(META), headers())
    assert has_envelope(call(META), {}), "on standard input there are none"


@pytest.mark.parametrize(
    ("message", "sent", "code"),
    [
        (call(), {"mcp-protocol-version": "1999-01-01"}, -32022),
        (call(), headers(), -32602),
        (call({VERSION_KEY: VERSION}), headers(), -32602),
        (call({VERSION_KEY: 7, CAPABILITIES_KEY: {}}), headers(), -32602),
        (call({VERSION_KEY: VERSION, CAPABILITIES_KEY: "x"}), {}, -32602),
        (call({VERSION_KEY: "2030-01-01", CAPABILITIES_KEY: {}}), {}, -32022),
        (call({VERSION_KEY: "2030-01-01", CAPABILITIES_KEY: {}}), headers(), -32020),
        (call(META), headers(mcp_name="describe"), -32020),
        (call(META), headers(mcp_method="tools/list"), -32020),
        (call(META), {"mcp-protocol-version": VERSION}, -32020),
        (call(META, name=7), headers(), -32020),
    ],
)
def test_a_message_that_contradicts_itself_or_names_no_version_is_refused(message, sent, code):
    with pytest.raises(MessageFault) as refused:
        has_envelope(message, sent)
    assert refused.value.code == code
    if code == -32022:
        assert VERSION in refused.value.data["supported"]
