"""The ways a request can come: as a URL, as the body of `$query`, and as a part of a batch of either form; and the answer back out of each.

sent = as_sent("Message?$top=1", headers, "json batch")      what to send to the gateway instead
unpacked("json batch", status, headers, body)                the part's own answer
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, NamedTuple

Way = Literal["url", "query", "json batch", "multipart batch"]
WAYS: tuple[Way, ...] = ("url", "query", "json batch", "multipart batch")
Pairs = tuple[tuple[str, str], ...]


def way_of(number: int) -> Way:
    """Seven of ten requests come as URLs, and one in each other way."""
    return WAYS[max(0, number % 10 - 6)]


class Sent(NamedTuple):
    """A request as it is sent; `target` is below the service root, with nothing in it encoded that was not before."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def as_sent(text: str, headers: Mapping[str, str], way: Way) -> Sent:
    """A target and headers in one of the ways. Bytes that no line can hold are percent-encoded in a multipart batch, as a client must."""
    path, _, options = text.partition("?")
    match way:
        case "url":
            return Sent("GET", text, dict(headers), b"")
        case "query":
            return Sent("POST", f"{path}/$query", {**headers, "content-type": "text/plain"}, options.encode("utf-8", "surrogatepass"))
        case "json batch":
            part = {"id": "1", "method": "GET", "url": text, "headers": dict(headers)}
            return Sent("POST", "$batch", {"content-type": "application/json"}, json.dumps({"requests": [part]}).encode())
        case "multipart batch":
            lines = [f"GET {on_a_line(text)} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
            head = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            body = "\r\n".join([head + lines[0], *lines[1:], "", "", "--b--", ""])
            return Sent("POST", "$batch", {"content-type": "multipart/mixed;boundary=b"}, body.encode("utf-8", "surrogatepass"))


def on_a_line(text: str) -> str:
    """A target without what would end it in a request line."""
    return "".join(f"%{ord(c):02X}" if c in " \r\n" else c for c in text)


def unpacked(way: Way, status: int, headers: Pairs, body: bytes) -> tuple[int, Pairs, bytes]:
    """The answer of the one part of a batch, or the answer itself where it came in another way, or the batch was refused."""
    if status != 200 or way not in ("json batch", "multipart batch"):
        return status, headers, body
    if way == "json batch":
        (part,) = json.loads(body)["responses"]
        inner = part.get("body", "")
        text = inner if isinstance(inner, str) else json.dumps(inner, ensure_ascii=False)
        return part["status"], tuple(part["headers"].items()), text.encode()
    _, head, inner_body = body.split(b"\r\n\r\n", 2)
    line, *lines = head.decode().split("\r\n")
    pairs = tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))
    return int(line.split()[1]), pairs, inner_body.rpartition(b"\r\n--batchresponse_")[0]
