"""Several server processes on one port: started, replaced when they die, ended together.

ODATA_POOL_MAX counts for all processes together: each gets its share of the database connections,
and its replacement gets the same share. A process that dies soon after its start is replaced after
a pause that doubles; when none stays alive, the supervisor gives up.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.context import SpawnProcess

from odata_gateway.config.settings import Settings
from odata_gateway.db.backoff import Backoff
from odata_gateway.observe import logs
from odata_gateway.observe.shared_counters import SharedCounters
from odata_gateway.server.composition import model_of
from odata_gateway.server.reload import block_sighup, unblock_sighup
from odata_gateway.server.runtime import run_loop
from odata_gateway.server.worker import WorkerPlace, serve

LOG = logging.getLogger("odata_gateway")

SETTLED_S = 10.0
"""A process that has lived for so long did start. It is replaced at once when it ends."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 30.0
MAX_EARLY_DEATHS = 4
"""In a row, in one slot, while no other process stays alive."""
POLL_S, ENDING_POLL_S = 0.2, 0.02
KILL_AFTER_S = 10.0
"""How long processes may take beyond ODATA_DRAIN_S to end."""


def shares(connections: int, workers: int) -> tuple[int, ...]:
    """The connections of each process. Together they are `connections`, and no two differ by more
    than one."""
    each, left = divmod(connections, workers)
    return tuple(each + (place < left) for place in range(workers))


@dataclass(slots=True)
class WorkerSlot:
    """One of the processes: what it is started with, the process that runs now, and the pauses
    after processes that died soon after their start. `started_at` is of `time.monotonic`."""

    settings: Settings
    number: int = 0
    process: SpawnProcess | None = None
    started_at: float = 0.0
    backoff: Backoff = field(default_factory=lambda: Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S))

    @property
    def is_settled(self) -> bool:
        """Whether the process has lived long enough to count as started."""
        return self.process is not None and time.monotonic() - self.started_at >= SETTLED_S

    def poll(self, counters: SharedCounters) -> None:
        """Note the death of the process, and start one where there is none and the pause is
        over."""
        if self.process is not None and not self.process.is_alive():
            self._note_death(self.process)
            counters.note_death(self.number)
        if self.process is None and not self.backoff.left_s:
            self.started_at = time.monotonic()
            self.process = _start(self.settings, counters, self.number)

    def _note_death(self, process: SpawnProcess) -> None:
        if self.is_settled:
            self.backoff.reset()
            pause_s = 0.0
        else:
            pause_s = self.backoff.pause()
        cause = _cause(process.exitcode)
        LOG.error(
            "server process %d ended (%s); another starts in %g s", process.pid, cause, pause_s
        )
        self.process = None


def _cause(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"exit status {exit_code}"
    return f"killed by {signal.Signals(-exit_code).name}"


def is_hopeless(slots: Sequence[WorkerSlot]) -> bool:
    """Whether one slot has lost too many processes at their start, and no other process stays
    alive."""
    return any(slot.backoff.count >= MAX_EARLY_DEATHS for slot in slots) and not any(
        slot.is_settled for slot in slots
    )


def supervise(settings: Settings) -> int:
    """Serve with several processes. Returns 0 after SIGTERM or SIGINT, and 1 after a second one or
    when no process stays alive.

    raises  OSError when the port is taken
    """
    socket.create_server((settings.host, settings.port), reuse_port=True).close()
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signal_number, _: asked.append(signal_number))
    counters = SharedCounters(settings.workers)
    slots = [
        WorkerSlot(replace(settings, pool_max=share), number)
        for number, share in enumerate(shares(settings.pool_max, settings.workers))
    ]
    signal.signal(signal.SIGHUP, lambda number, _: _forward(slots, number))
    unblock_sighup()
    is_alive = _keep_alive(slots, counters, asked)
    processes = [slot.process for slot in slots if slot.process is not None]
    _end(processes, settings.drain_s + KILL_AFTER_S, asked)
    return int(not is_alive or len(asked) > 1)


def _keep_alive(slots: Sequence[WorkerSlot], counters: SharedCounters, asked: list[int]) -> bool:
    """Replace processes that die, until the supervisor is asked to end; False when no process
    stays alive."""
    while not asked:
        for slot in slots:
            slot.poll(counters)
        if is_hopeless(slots):
            LOG.error(
                "server processes end as soon as they start, %d times in a row: giving up",
                MAX_EARLY_DEATHS,
            )
            return False
        time.sleep(POLL_S)
    return True


def _forward(slots: Sequence[WorkerSlot], number: int) -> None:
    """Send a signal to every process. One that is starting gets it when it has started."""
    for slot in slots:
        if slot.process is not None and slot.process.pid is not None and slot.process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(slot.process.pid, number)


def _start(settings: Settings, counters: SharedCounters, place: int) -> SpawnProcess:
    process = multiprocessing.get_context("spawn").Process(
        target=_work, args=(settings, counters, place)
    )
    block_sighup()
    process.start()
    unblock_sighup()
    LOG.info("started server process %d", process.pid)
    return process


def _work(settings: Settings, counters: SharedCounters, place: int) -> None:
    """What a process does: serve, and exit with the status of that."""
    logs.set_up(settings.log_level, settings.log_format)
    try:
        worker = WorkerPlace(counters, place)
        status = run_loop(serve(settings, model_of(settings), worker=worker))
    except OSError as error:
        LOG.error("%s", error)
        status = 1
    raise SystemExit(status)


def _end(processes: list[SpawnProcess], wait_s: float, asked: list[int]) -> None:
    """Send SIGTERM once for each signal that the supervisor has got, and at least once; wait for
    the processes, and kill those that do not end within wait_s."""
    sent, deadline = 0, time.monotonic() + wait_s
    while time.monotonic() < deadline and any(process.is_alive() for process in processes):
        if sent < max(1, len(asked)):
            sent += 1
            for process in processes:
                process.terminate()
        time.sleep(ENDING_POLL_S)
    for process in processes:
        if process.is_alive():
            process.kill()
        process.join()
