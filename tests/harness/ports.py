"""TCP ports for the servers of the tests."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago. It is below those that the system gives to connections (32768 and more on Linux),
    so that none of thousands of them can take it before it is used."""
    for _ in range(100):
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no TCP port of 127.0.0.1 is free")
