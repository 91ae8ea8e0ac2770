"""How soon it is noticed that a host has died without a word, as when its machine or the network
between stops: no packet says so.

The kernel asks a host that is silent, also while a statement runs, whether it is still there, and
ends the connection when nothing comes back. A host that is merely busy answers: its kernel does. So
this may take seconds where a statement may take a minute.

The parameters are libpq's (keepalives and the like in a DSN) and mean what they mean there, but
that libpq leaves to the system what is not given, which is two hours on Linux. With
TCP_USER_TIMEOUT the questions end when it has passed, however many were asked (tcp(7)).
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import NamedTuple


class KeepaliveOption(NamedTuple):
    """An option of TCP by the name it has where it exists, its value where a DSN gives none, the
    unit, and the most that Linux takes."""

    name: str
    default: int
    unit: str
    most: int


PARAMETERS = {
    "keepalives": KeepaliveOption("", 1, "0 or 1", 1),
    "keepalives_idle": KeepaliveOption("TCP_KEEPIDLE", 5, "seconds up to 32767", 32_767),
    "keepalives_interval": KeepaliveOption("TCP_KEEPINTVL", 5, "seconds up to 32767", 32_767),
    "keepalives_count": KeepaliveOption("TCP_KEEPCNT", 3, "a number of questions up to 127", 127),
    "tcp_user_timeout": KeepaliveOption("TCP_USER_TIMEOUT", 20_000, "milliseconds", 2**31 - 1),
}


def limits_of(parameters: Mapping[str, str]) -> dict[str, int]:
    """The options for a connection, from the parameters of a DSN; what is 0 is left to the system.

    raises  ValueError for what is no number, or too large
    """
    given = {
        name: _number(name, parameters[name]) if parameters.get(name) else option.default
        for name, option in PARAMETERS.items()
    }
    asks = given.pop("keepalives") != 0
    return {
        PARAMETERS[name].name: value
        for name, value in given.items()
        if value > 0 and (asks or name == "tcp_user_timeout")
    }


def notice_silence(sock: socket.socket, limits: Mapping[str, int]) -> None:
    """Set the options where the system has them; a Unix socket cannot fall silent."""
    if sock.family == socket.AF_UNIX:
        return
    if limits.keys() - {"TCP_USER_TIMEOUT"}:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in limits.items():
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _number(name: str, text: str) -> int:
    option = PARAMETERS[name]
    if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > option.most:
        raise ValueError(f"{name} must be {option.unit}")
    return int(text)
