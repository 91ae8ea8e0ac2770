"""TCP keepalive of a connection: how soon a host that has disappeared without closing its
connections is detected, as when its machine or the network between stops.

The kernel probes a host that is silent, also while a statement runs, and ends the connection when
no answer comes. A host that is merely busy answers, since its kernel does. So detection may take
seconds where a statement may take a minute.

The parameters are libpq's (keepalives and the like in a DSN) and mean what they mean there
(https://www.postgresql.org/docs/current/libpq-connect.html). But libpq leaves what is not given to
the system, which means two hours on Linux. With TCP_USER_TIMEOUT, probing ends when it has passed,
however many probes were sent (tcp(7)).
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import NamedTuple


class KeepaliveOption(NamedTuple):
    """An option of a TCP socket.

    name     in Python's `socket`, where the system has it; empty for keepalives itself
    default  where the DSN has none
    unit     for the error message
    most     that Linux accepts
    """

    name: str
    default: int
    unit: str
    most: int


PARAMETERS = {
    "keepalives": KeepaliveOption("", 1, "0 or 1", 1),
    "keepalives_idle": KeepaliveOption("TCP_KEEPIDLE", 5, "seconds up to 32767", 32_767),
    "keepalives_interval": KeepaliveOption("TCP_KEEPINTVL", 5, "seconds up to 32767", 32_767),
    "keepalives_count": KeepaliveOption("TCP_KEEPCNT", 3, "a number of probes up to 127", 127),
    "tcp_user_timeout": KeepaliveOption("TCP_USER_TIMEOUT", 20_000, "milliseconds", 2**31 - 1),
}


def keepalive_options(parameters: Mapping[str, str]) -> dict[str, int]:
    """The socket options for the parameters of a DSN; what is 0 is left to the system.

    raises  ValueError for a value that is not a number, or too large
    """
    given = {
        name: _number(name, parameters[name]) if parameters.get(name) else option.default
        for name, option in PARAMETERS.items()
    }
    is_on = given.pop("keepalives") != 0
    return {
        PARAMETERS[name].name: value
        for name, value in given.items()
        if value > 0 and (is_on or name == "tcp_user_timeout")
    }


def set_keepalive(sock: socket.socket, options: Mapping[str, int]) -> None:
    """Set the options where the system has them. A Unix socket needs none."""
    if sock.family == socket.AF_UNIX:
        return
    if options.keys() - {"TCP_USER_TIMEOUT"}:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in options.items():
        number = getattr(socket, name, None)
        if number is not None:
            sock.setsockopt(socket.IPPROTO_TCP, number, value)


def _number(name: str, text: str) -> int:
    option = PARAMETERS[name]
    if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > option.most:
        raise ValueError(f"{name} must be {option.unit}")
    return int(text)
