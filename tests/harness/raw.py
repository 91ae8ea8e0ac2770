"""An HTTP client that hides nothing: bytes as they came, how the body was framed, how the connection ended, and whether the body is whole.

`is_whole` judges by HTTP's own framing and by gzip's trailer only, as a careful client does that cannot read JSON.
"""

from __future__ import annotations

import http.client
import io
import socket
import zlib
from dataclasses import dataclass
from typing import Literal, Self, cast

from odata_gateway.demo import tokens

End = Literal["open", "fin", "reset", "timeout"]
_PIECE = 65536


@dataclass(frozen=True)
class Answer:
    """One response. `raw` is what followed the head; `end` tells how the connection was left: open, ended by FIN or RST, or silent too long."""

    status: int
    headers: tuple[tuple[str, str], ...]  # names in lower case, in order
    head: bytes
    raw: bytes
    end: End

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def framing(self) -> Literal["chunked", "length", "close"]:
        if (self.header("transfer-encoding") or "").lower() == "chunked":
            return "chunked"
        return "length" if self.header("content-length") is not None else "close"

    def response(self) -> http.client.HTTPResponse:
        """The same bytes as Python's own client reads them, piece by piece."""
        found = http.client.HTTPResponse(cast(socket.socket, _Sent(self.head + b"\r\n\r\n" + self.raw)))
        found.begin()
        return found

    @property
    def sent(self) -> tuple[bytes, bool]:
        """The body without HTTP's framing, still compressed, and whether the framing says that it is all."""
        match self.framing:
            case "chunked":
                return dechunked(self.raw)
            case "length":
                wanted = int(self.header("content-length") or 0)
                return self.raw[:wanted], len(self.raw) >= wanted
            case "close":
                return self.raw, self.end == "fin"

    @property
    def unpacked(self) -> tuple[bytes, bool]:
        """The body without gzip, and whether framing and gzip's trailer both say that it is all."""
        body, whole = self.sent
        if self.header("content-encoding") != "gzip":
            return body, whole
        unpacker = zlib.decompressobj(31)
        return unpacker.decompress(body), whole and unpacker.eof

    @property
    def body(self) -> bytes:
        return self.unpacked[0]

    @property
    def is_whole(self) -> bool:
        return self.unpacked[1]


@dataclass(frozen=True)
class _Sent:
    """What came on a socket."""

    data: bytes

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(cast(io.RawIOBase, io.BytesIO(self.data)))


def dechunked(raw: bytes) -> tuple[bytes, bool]:
    """The data of chunks, and whether the last chunk came (RFC 9112, section 7.1; the gateway sends no trailers)."""
    found, at = [], 0
    while (line_end := raw.find(b"\r\n", at)) >= 0:
        size = int(raw[at:line_end].split(b";")[0], 16)
        if size == 0:
            return b"".join(found), raw[line_end + 2 : line_end + 4] == b"\r\n"
        found.append(raw[line_end + 2 : line_end + 2 + size])
        at = line_end + 2 + size + 2
    return b"".join(found), False


class RawClient:
    """One TCP connection to 127.0.0.1. `receive_bytes` makes the kernel's buffer small, for clients that read slowly."""

    def __init__(self, port: int, *, receive_bytes: int | None = None, timeout_s: float = 30.0) -> None:
        self._sock = socket.socket()
        if receive_bytes is not None:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._sock.settimeout(timeout_s)
        self._sock.connect(("127.0.0.1", port))
        self._got = bytearray()
        self._end: End = "open"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def get(
        self, target: str, *, token: str | None = tokens.ADMIN, version: str = "1.1", headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Send a request for a target below the service root, percent-encoded already."""
        lines = [f"GET /v1.0/odata/{target} HTTP/{version}", "Host: 127.0.0.1"]
        lines += [f"Authorization: Bearer {token}"] if token else []
        lines += [f"{name}: {value}" for name, value in headers]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def read_until(self, count: int) -> int:
        """Read until `count` bytes of the response have come, or it has ended; the number that came."""
        while len(self._got) < count and self._read():
            pass
        return len(self._got)

    def finish(self) -> Answer:
        """The response, read to its end: the connection's, or what the framing says."""
        while b"\r\n\r\n" not in self._got and self._read():
            pass
        head = self._answer()
        start, wanted = len(head.head) + 4, int(head.header("content-length") or 0)
        while True:
            if head.framing == "length" and len(self._got) >= start + wanted:
                break
            if head.framing == "chunked" and self._got.endswith(b"0\r\n\r\n") and self._answer().sent[1]:
                break
            if not self._read():
                break
        return self._answer()

    def _read(self) -> bool:
        """Whether something came; if not, `_end` says why."""
        try:
            piece = self._sock.recv(_PIECE)
        except TimeoutError:
            self._end = "timeout"
            return False
        except ConnectionError:
            self._end = "reset"
            return False
        if not piece:
            self._end = "fin"
        self._got += piece
        return bool(piece)

    def _answer(self) -> Answer:
        head, _, raw = bytes(self._got).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)
        words = first.split(" ")
        return Answer(int(words[1]) if len(words) > 1 else 0, headers, head, raw, self._end)


def ask(port: int, request: bytes, *, timeout_s: float = 30.0) -> Answer:
    """Send bytes on a connection of their own and read what comes back."""
    with RawClient(port, timeout_s=timeout_s) as client:
        client.send(request)
        return client.finish()
