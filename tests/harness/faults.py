"""Faults of a Postgres server: backends and postmasters that die by SIGKILL, and what a process looks like from outside."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
from tests.harness.cluster import READER, Cluster


def backends(cluster: Cluster, user: str = READER) -> list[int]:
    """The server's processes that serve this role's connections."""
    found = []
    for child in psutil.Process(cluster.pid).children():
        with suppress(psutil.Error):
            if f"postgres: {user} " in " ".join(child.cmdline()):
                found.append(child.pid)
    return found


def kill_backends(cluster: Cluster, user: str = READER) -> int:
    """Kill -9 this role's backends, whereupon the postmaster ends all others and recovers; how many were killed."""
    found = backends(cluster, user)
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def crash(cluster: Cluster) -> None:
    """Kill -9 the postmaster and everything below it; `cluster.resume()` starts it again, through recovery."""
    processes = psutil.Process(cluster.pid).children(recursive=True)
    cluster.stop(signal.SIGKILL)
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=10)


def accepts(cluster: Cluster) -> bool:
    """Whether the server takes connections now."""
    try:
        cluster.psql("postgres", "SELECT 1")
    except Exception:
        return False
    return True


def wait_until(condition: Callable[[], object], limit_s: float) -> float:
    """Wait for a condition, and how long it took; AssertionError after limit_s."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < limit_s, f"not so within {limit_s:g} s"
        time.sleep(0.02)
    return time.monotonic() - started


def memory_bytes(pid: int) -> int:
    """A process's own memory: proportional set size, which counts pages that others share by their share."""
    return psutil.Process(pid).memory_full_info().pss


def anonymous_bytes(pid: int) -> int:
    """What a process has in memory that is no file's: its heap and stacks."""
    found = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("RssAnon:"))
    return int(found.split()[1]) * 1024


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
