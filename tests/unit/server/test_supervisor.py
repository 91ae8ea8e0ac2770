"""Server processes: their share of the connections, and what a death leads to. tests/trust/test_p11_workers.py kills real ones."""

import logging
import time

import pytest
from odata_gateway.config.settings import Settings
from odata_gateway.observe.shared_counters import SharedCounters
from odata_gateway.server.supervisor import MAX_EARLY_DEATHS, SETTLED_S, WorkerSlot, is_hopeless, shares


class Process:
    """A server process as the supervisor sees it: alive until it has an exit code."""

    pid = 17

    def __init__(self, exitcode=None):
        self.exitcode = exitcode

    def is_alive(self):
        return self.exitcode is None


def slot(process=None, *, age_s=0.0, early_deaths=0):
    found = WorkerSlot(Settings(), 0, process, time.monotonic() - age_s)
    for _ in range(early_deaths):
        found.backoff.pause()
    return found


@pytest.mark.parametrize(
    ("connections", "workers", "expected"), [(10, 1, (10,)), (10, 3, (4, 3, 3)), (4, 4, (1, 1, 1, 1)), (64, 5, (13, 13, 13, 13, 12))]
)
def test_shares_are_all_connections_and_nearly_equal(connections, workers, expected):
    assert shares(connections, workers) == expected
    assert sum(expected) == connections


@pytest.mark.parametrize(("exit_code", "cause"), [(1, "exit status 1"), (-9, "killed by SIGKILL")])
def test_an_early_death_is_logged_counted_and_followed_by_a_pause(caplog, exit_code, cause):
    counters = SharedCounters(1)
    counters.write(0, {"counts": {"a": 1}, "gauges": {"b": 2}})
    early = slot(Process(exit_code), early_deaths=1)
    with caplog.at_level(logging.ERROR):
        early.poll(counters)
    assert (early.process, early.backoff.count) == (None, 2)
    assert 0.4 < early.backoff.left_s <= 0.5
    assert f"server process 17 ended ({cause}); another starts in 0.5 s" in caplog.text
    assert counters.read(0) == {"counts": {"a": 1}, "gauges": {}}


def test_a_living_process_is_left_alone():
    living = slot(Process(), age_s=SETTLED_S)
    process = living.process
    living.poll(SharedCounters(1))
    assert living.process is process and living.is_settled


def test_a_slot_waits_for_the_end_of_its_pause():
    empty = slot(early_deaths=1)
    empty.poll(SharedCounters(1))
    assert empty.process is None and not empty.is_settled


def test_it_is_hopeless_when_one_slot_fails_and_no_process_stays_alive():
    failing = slot(early_deaths=MAX_EARLY_DEATHS)
    assert is_hopeless([failing]) and is_hopeless([slot(Process()), failing])
    assert not is_hopeless([slot(early_deaths=MAX_EARLY_DEATHS - 1)])
    assert not is_hopeless([failing, slot(Process(), age_s=SETTLED_S)])
