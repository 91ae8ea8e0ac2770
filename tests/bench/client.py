"""Clients that cost as little as can be, because they run on the machine they measure: raw sockets, and `wrk` for many connections."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.bench.servers import Running

BUFFER = 1 << 20
TAIL = 1 << 15
NEXT_LINK = re.compile(rb'"@odata\.nextLink":"([^"]*)"')
FRAME = re.compile(rb"\r\n[0-9a-fA-F]+\r\n")  # between two chunks; JSON text never holds a bare CR LF
WRK_S = 8


@dataclass(slots=True)
class Page:
    """One answer, of which only the end is kept; all of it when asked."""

    status: int = 0
    size: int = 0
    seconds: float = 0.0
    tail: bytes = b""
    body: bytes = b""

    @property
    def next_link(self) -> str | None:
        found = NEXT_LINK.search(FRAME.sub(b"", self.tail))
        return found[1].decode() if found else None


class Http:
    """One keep-alive connection that reads bodies without looking at them."""

    def __init__(self, server: Running, *, gzip: bool = False, token: str | None = None) -> None:
        self._address = ("127.0.0.1", server.port)
        self._server = server
        shown = token or server.token
        self._headers = f"Host: 127.0.0.1:{server.port}\r\n" + (f"Authorization: Bearer {shown}\r\n" if shown else "")
        self._headers += "Accept: application/json\r\n" + ("Accept-Encoding: gzip\r\n" if gzip else "")
        self._socket: socket.socket | None = None
        self._buffer = memoryview(bytearray(BUFFER))

    def get(self, target: str, *, keep: bool = False, headers: str = "") -> Page:
        """Ask for a target below the service root, or for an absolute URL."""
        path = _path(target) if target.startswith("http") else self._server.root + target
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=600)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began = time.perf_counter()
        self._socket.sendall(f"GET {_encoded(path)} HTTP/1.1\r\n{self._headers}{headers}\r\n".encode())
        page = self._read(self._socket, keep)
        page.seconds = time.perf_counter() - began
        return page

    def _read(self, connection: socket.socket, keep: bool) -> Page:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive(connection)
        head, _, first = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?im)^content-length:\s*(\d+)", head)
        page, kept = Page(status=int(head.split()[1]), size=len(first), tail=b"\r\n" + first), [first]
        while not (page.size >= int(length[1]) if length else page.tail.endswith(b"\r\n0\r\n\r\n")):
            piece = self._receive(connection)
            page.size += len(piece)
            page.tail = (page.tail + piece)[-TAIL:]
            if keep:
                kept.append(piece)
        if keep:
            page.body = b"".join(kept) if length else b"".join(_dechunked(b"".join(kept)))
            page.body = zlib.decompress(page.body, 31) if page.body.startswith(b"\x1f\x8b") else page.body
        return page

    def _receive(self, connection: socket.socket) -> bytes:
        count = connection.recv_into(self._buffer)
        if not count:
            raise ConnectionError("the server ended the connection in the middle of an answer")
        return bytes(self._buffer[:count])

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _dechunked(data: bytes) -> Iterator[bytes]:
    at = 0
    while True:
        line = data.index(b"\r\n", at)
        size = int(data[at:line], 16)
        if not size:
            return
        yield data[line + 2 : line + 2 + size]
        at = line + 4 + size


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _encoded(path: str) -> str:
    return path.replace(" ", "%20")


@dataclass(slots=True)
class Export:
    """A collection read to its end by following its links."""

    pages: list[float] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    size: int = 0


def export(http: Http, target: str, *, most_pages: int = 1_000_000, headers: str = "") -> Export:
    """Every page, following the next link."""
    found, link = Export(), target
    while link and len(found.pages) < most_pages:
        page = http.get(link, headers=headers)
        if page.status != 200:
            raise SystemExit(f"{link} answered {page.status}: {page.tail[-500:]!r}")
        found.pages.append(page.seconds)
        found.links.append(link)
        found.size += page.size
        link = page.next_link or ""
    return found


@dataclass(frozen=True, slots=True)
class Load:
    """What `wrk` saw: answers a second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float
    count: int
    failed: int


SCRIPT = """
local path, most = [==[%s]==], %d
function init() math.randomseed(42) end
function request()
  return wrk.format("GET", (string.gsub(path, "{id}", tostring(math.random(1, most)))))
end
function done(s, l)
  local e = s.errors
  io.write(string.format("@@ %%d %%f %%f %%f %%d\\n", s.requests, s.duration / 1e6, l:percentile(50) / 1e3, l:percentile(99) / 1e3,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def load(server: Running, target: str, *, connections: int = 64, most: int = 1_000_000, seconds: int = WRK_S) -> Load:
    """`connections` clients that ask without pause; `{id}` is a random number up to `most`."""
    program = shutil.which("wrk")
    if program is None:
        raise SystemExit("the load is made by wrk, which is not installed (Debian: apt-get install wrk)")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT % (_encoded(server.root + target), most))
        script.flush()
        headers = ["-H", "Accept: application/json", *(["-H", f"Authorization: Bearer {server.token}"] if server.token else [])]
        done = subprocess.run(
            [program, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", script.name, *headers, f"http://127.0.0.1:{server.port}"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    count, duration, p50, p99, failed = (float(word) for word in done.stdout.partition("@@ ")[2].split()[:5])
    return Load((count - failed) / duration, p50, p99, int(count), int(failed))
