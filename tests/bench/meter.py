"""CPU seconds and peak memory of processes, read from /proc."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psutil

TICKS = os.sysconf("SC_CLK_TCK")
STOP_S = 30.0


@dataclass(slots=True)
class Used:
    """What a piece of work took. `others` is the CPU time of everything else on the machine while it ran: noise."""

    wall: float = 0.0
    server: float = 0.0
    postgres: float = 0.0
    own: float = 0.0
    others: float = 0.0
    peak_mb: float = 0.0


class Meter:
    """`with Meter(server pid, postmaster pid) as used: ...`; `used` is complete at the end of the block."""

    def __init__(self, server: int | None, postgres: int | None) -> None:
        self._server = server
        self._postgres = postgres
        self.used = Used()

    def __enter__(self) -> Used:
        if self._server is not None:
            for pid in tree(self._server):
                Path(f"/proc/{pid}/clear_refs").write_text("5")  # VmHWM starts again at what is used now
        self._before = self._now()
        return self.used

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        wall, server, postgres, own, busy = (after - before for after, before in zip(self._now(), self._before, strict=True))
        used = self.used
        used.wall, used.server, used.postgres, used.own = wall, server, postgres, own
        used.others = max(0.0, busy - server - postgres - own)
        if self._server is not None:
            used.peak_mb = memory_mb(self._server, "VmHWM")

    def _now(self) -> tuple[float, float, float, float, float]:
        server = 0.0 if self._server is None else cpu(self._server)
        postgres = 0.0 if self._postgres is None else cpu(self._postgres)
        return time.perf_counter(), server, postgres, _own(), _busy()


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def cpu(pid: int) -> float:
    """CPU seconds of a process, of all below it, and of its children that ended."""
    return sum(sum(_times(each)[: 4 if each == pid else 2]) for each in tree(pid))


def _times(pid: int) -> Sequence[float]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return (0.0,)
    return [int(word) / TICKS for word in text[text.rindex(")") + 2 :].split()[11:15]]  # own user, own system, children's


def memory_mb(pid: int, key: str) -> float:
    """VmHWM (peak) or VmRSS (now) over a process and all below it."""
    kilobytes = 0
    for each in tree(pid):
        try:
            lines = Path(f"/proc/{each}/status").read_text().splitlines()
        except OSError:
            continue
        kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith(key))
    return kilobytes / 1024


def _own() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _busy() -> float:
    user, nice, system, _, _, irq, softirq, steal = (int(word) / TICKS for word in Path("/proc/stat").read_text().split()[1:9])
    return user + nice + system + irq + softirq + steal


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL for what has not ended after a while."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
