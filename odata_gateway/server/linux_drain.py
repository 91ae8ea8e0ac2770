"""Linux only: a listening socket that gets no new connections before it is closed.

Closing a port resets the connections that the kernel has accepted for it, on which clients may have
sent requests already, and those whose handshake is not complete. So a filter on the socket first
drops each SYN, and the last connections can be taken while no new ones come. The sender repeats a
SYN after a second, when the port is closed or another process has it.

Measured with rolling restarts of processes that share a port (test T12, its long version of 20,000
requests): without the filter 2 requests failed in one of two runs, with it none in any. Python has
no name for the socket option, hence the number and ctypes.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
from contextlib import suppress

SETTLE_S = 0.2
"""For handshakes that have begun: longer than a round trip, shorter than the second after which a
SYN is repeated."""

_ATTACH_FILTER = 26
"""SO_ATTACH_FILTER of asm-generic/socket.h."""
_NO_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
"""Classic BPF (filter.txt of Linux): load byte 13 of the TCP header, its flags (RFC 9293, section
3.1); where SYN is set continue, else skip one instruction; drop; accept."""


def drop_new_connections(listening: socket.socket) -> bool:
    """Drop each SYN to a listening socket from now on; handshakes that have begun go on. False
    where the system cannot do it."""
    if sys.platform != "linux":
        return False
    program = b"".join(struct.pack("HBBI", *step) for step in _NO_SYN)
    kept = ctypes.create_string_buffer(program)
    option = struct.pack("HP", len(_NO_SYN), ctypes.addressof(kept))
    with suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, option)
        return True
    return False
