"""What Python and the operating system give a server process: the event loop, open files, the
garbage collector."""

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
        import uvloop
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def allow_many_files() -> None:
    """Raise the limit of open files, and with it of connections, to the most that the system
    allows this process."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


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
