"""Batches as clients write them, and their answers cut into parts by readers of their own."""

from __future__ import annotations

import email.parser
import email.policy
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.harness.gateway import Gateway, Reply

PATH = "/v1.0/odata/$batch"


class PartReply(NamedTuple):
    """One answer in a multipart answer; headers by lower-case name."""

    mime: Mapping[str, str]
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def multipart(*requests: str, boundary: str = "b", eol: str = "\r\n") -> bytes:
    """Parts with `requests`, each `GET Message(1)` and perhaps lines of headers behind it; a first line with a colon is a MIME header."""
    parts = []
    for request in requests:
        lines, mime = request.split("\n"), ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
        while ": " in lines[0]:
            mime.append(lines.pop(0))
        parts.append(eol.join([f"--{boundary}", *mime, "", f"{lines[0]} HTTP/1.1", *lines[1:], "", ""]))
    return eol.join([*parts, f"--{boundary}--", ""]).encode()


def post(gateway: Gateway, body: bytes, *, path: str = PATH, **headers: str) -> Reply:
    """Send a batch as account 1's administrator; header names may have _ for -."""
    sent = {"Authorization": f"Bearer {gateway.tokens.ADMIN}", "Content-Type": "multipart/mixed;boundary=b"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.ask("POST", path, {name: value for name, value in sent.items() if value}, body)


def parts_of(reply: Reply) -> list[PartReply]:
    """The parts of a multipart answer, as Python's mail parser cuts them, after the checks that hold for every answer."""
    assert reply.status == 200, reply.body
    kind = reply.headers["content-type"]
    assert kind.startswith("multipart/mixed; boundary=") and '"' not in kind and reply.headers["odata-version"] in ("4.0", "4.01")
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + reply.body)
    assert not message.defects and reply.body.endswith(f"--{kind.partition('=')[2]}--\r\n".encode())
    return [_part(part) for part in message.get_payload()] if message.is_multipart() else []


def _part(message: Any) -> PartReply:
    assert message["Content-Type"] == "application/http" and message["Content-Transfer-Encoding"] == "binary"
    head, _, body = message.get_payload(decode=True).partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    version, status, _ = line.split(" ", 2)
    assert version == "HTTP/1.1"
    headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines)}
    assert headers["odata-version"] in ("4.0", "4.01")
    return PartReply({name.lower(): value for name, value in message.items()}, int(status), headers, body)


def ask_json(gateway: Gateway, *requests: dict[str, Any], **headers: str) -> list[dict[str, Any]]:
    """The response objects of a JSON batch."""
    reply = post(gateway, json.dumps({"requests": requests}).encode(), **({"Content-Type": "application/json"} | headers))
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json"), reply.body
    assert list(reply.json()) == ["responses"]
    return reply.json()["responses"]
