"""Several server processes on one port: started, replaced when they die, ended together.

The limit of database connections is the whole gateway's: each process gets its part of it, and one
that takes another's place gets that one's part. A process that dies soon after its start is
replaced after a pause that doubles; when none stays alive, the gateway gives up.
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
from dataclasses import dataclass, replace
from multiprocessing.context import SpawnProcess

from odata_gateway.config.settings import Settings
from odata_gateway.observe import logs
from odata_gateway.observe.shared_counters import SharedCounters
from odata_gateway.server.reload import hold_back
from odata_gateway.server.worker import Worker, model_of, run_loop, serve

LOG = logging.getLogger("odata_gateway")

SETTLED_S = 10.0
"""A process that lived that long did start; what ends it later is another matter, and it is
replaced at once."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 30.0
MOST_EARLY_DEATHS = 4
"""In a row, in one place, while no other process lives either."""

LOOK_S, ENDING_LOOK_S = 0.2, 0.02


def shares(connections: int, workers: int) -> tuple[int, ...]:
    """The connections of each process: together exactly `connections`, and none gets two more than
    another."""
    each, left = divmod(connections, workers)
    return tuple(each + (place < left) for place in range(workers))


@dataclass(slots=True)
class WorkerSlot:
    """One of the processes: what it is started with, the one that runs now, and how often in a row
    it died soon after its start."""

    settings: Settings
    number: int = 0
    process: SpawnProcess | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    early_deaths: int = 0

    @property
    def is_settled(self) -> bool:
        return self.process is not None and time.monotonic() - self.started_at >= SETTLED_S

    def tend(self, board: SharedCounters) -> None:
        """Note a death, and start a process where there is none and the pause is over."""
        now = time.monotonic()
        if self.process is not None and not self.process.is_alive():
            self._note_death(now, self.process)
            board.note_death(self.number)
        if self.process is None and now >= self.start_at:
            self.process, self.started_at = _start(self.settings, board, self.number), now

    def _note_death(self, now: float, process: SpawnProcess) -> None:
        self.early_deaths = 0 if self.is_settled else self.early_deaths + 1
        pause_s = (
            0.0
            if not self.early_deaths
            else min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (self.early_deaths - 1))
        )
        LOG.error(
            "server process %d ended (%s); another starts in %g s",
            process.pid,
            _cause(process.exitcode),
            pause_s,
        )
        self.process, self.start_at = None, now + pause_s


def _cause(status: int | None) -> str:
    if status is None or status >= 0:
        return f"exit status {status}"
    return f"killed by {signal.Signals(-status).name}"


def _is_hopeless(places: Sequence[WorkerSlot]) -> bool:
    """Whether one place has lost too many processes at their start, and no other has one that
    lasts."""
    return any(place.early_deaths >= MOST_EARLY_DEATHS for place in places) and not any(
        place.is_settled for place in places
    )


def supervise(settings: Settings) -> int:
    """Serve with several processes; returns 0 after SIGTERM or SIGINT, and 1 after a second one or
    when they cannot be started.

    raises  OSError when the port cannot be had
    """
    socket.create_server((settings.host, settings.port), reuse_port=True).close()
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signal_number, _: asked.append(signal_number))
    board = SharedCounters(settings.workers)
    places = [
        WorkerSlot(replace(settings, pool_max=part), number)
        for number, part in enumerate(shares(settings.pool_max, settings.workers))
    ]
    signal.signal(signal.SIGHUP, lambda number, _: _tell(places, number))
    hold_back(False)
    status = 0
    while not asked:
        for place in places:
            place.tend(board)
        if _is_hopeless(places):
            LOG.error(
                "server processes end as soon as they start, %d times in a row: giving up",
                MOST_EARLY_DEATHS,
            )
            status = 1
            break
        time.sleep(LOOK_S)
    _end(
        [place.process for place in places if place.process is not None],
        settings.drain_s + 10,
        asked,
    )
    return int(bool(status) or len(asked) > 1)


def _tell(places: Sequence[WorkerSlot], number: int) -> None:
    """Pass a signal on; a process that is starting takes it when it has started."""
    for place in places:
        if place.process is not None and place.process.pid is not None and place.process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(place.process.pid, number)


def _start(settings: Settings, board: SharedCounters, place: int) -> SpawnProcess:
    worker = multiprocessing.get_context("spawn").Process(
        target=_work, args=(settings, board, place)
    )
    hold_back(True)
    worker.start()
    hold_back(False)
    LOG.info("started server process %d", worker.pid)
    return worker


def _work(settings: Settings, board: SharedCounters, place: int) -> None:
    logs.set_up(settings.log_level, settings.log_format)
    try:
        status = run_loop(serve(settings, model_of(settings), worker=Worker(board, place)))
    except OSError as error:
        LOG.error("%s", error)
        status = 1
    raise SystemExit(status)


def _end(workers: list[SpawnProcess], wait_s: float, asked: list[int]) -> None:
    """Pass each signal on, wait for the processes to end, and kill those that do not."""
    told, deadline = 0, time.monotonic() + wait_s
    while time.monotonic() < deadline and any(worker.is_alive() for worker in workers):
        if told < max(1, len(asked)):
            told += 1
            for worker in workers:
                worker.terminate()
        time.sleep(ENDING_LOOK_S)
    for worker in workers:
        if worker.is_alive():
            worker.kill()
        worker.join()
