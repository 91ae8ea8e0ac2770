"""A client on standard input that is gone before the process has started.

To load the program takes half a second of processor time, and the first look at the database up to
seconds. A client that leaves meanwhile waits for the end of the process (MCP, transports, "stdio",
shutdown), so a thread looks for it from the first moment on.
"""

from __future__ import annotations

import os
import sys
from threading import Event, Thread

_LOOK_MS = 100
_started = Event()


def end_with_client() -> None:
    """Until `client_is_served`, end the process when standard input ends before anything stands on
    it, and when nobody reads standard output."""
    try:
        os.fstat(0), os.fstat(1)
    except OSError:  # what the process opens next has the number of a closed file
        return
    if sys.platform != "win32":
        Thread(target=_watch, daemon=True).start()


def client_is_served() -> None:
    """From now on, what serves the client looks for it."""
    _started.set()


def _watch() -> None:
    import select

    waiting = select.poll()
    waiting.register(0, select.POLLIN)
    waiting.register(1, 0)
    while not _started.is_set():
        for number, _ in waiting.poll(_LOOK_MS):
            if number == 1 or _has_ended():
                os._exit(0)
            waiting.unregister(0)


def _has_ended() -> bool:
    """Whether nothing stands on standard input, which can be read."""
    import fcntl
    import termios

    try:
        return not any(fcntl.ioctl(0, termios.FIONREAD, bytes(4)))
    except OSError:  # as of /dev/null: a refusal of the caller is said there
        return False
