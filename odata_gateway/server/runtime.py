"""What Python and the operating system give a server process: the event loop, open files, memory,
the garbage collector."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

_T = TypeVar("_T")


def run_loop(main: Coroutine[Any, Any, _T]) -> _T:
    """The result of a coroutine, run on uvloop where it is installed."""
    try:
        try:
            import uvloop
        except ImportError:
            return asyncio.run(main)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main)
    finally:
        main.close()  # Ctrl-C before it began is no reason for a warning


def allow_many_files() -> None:
    """Raise the limit of open files, and with it of connections, to the most that the system
    allows this process."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 6 * 1024 * 1024
_GIVEN_BACK_BYTES = 4 * 1024 * 1024


def keep_freed_memory() -> None:
    """Have the C library keep up to 6 MB of freed memory for the next chunk.

    glibc gives the memory of a chunk of rows back to the system and asks for it again, page by
    page, for the next one: a third of the processor time of a page of 1,000 rows (measured). What
    is larger than 4 MB is still given back at once. Other libraries are left as they are.
    """
    with suppress(ImportError, AttributeError, OSError):
        import ctypes

        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _GIVEN_BACK_BYTES)
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)


def tune_gc() -> None:
    """Freeze long-lived objects (grammar, model, modules) and raise the GC thresholds: requests
    create almost no reference cycles.

    A cancelled statement does create one: asyncpg makes a class for each, about fifteen objects. So
    memory varies by the size of 5,000 objects, about a megabyte, between two collections of the
    young generation.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 50)
