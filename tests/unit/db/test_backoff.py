"""Pauses that double up to a limit, and end with a success."""

import time

import pytest
from odata_gateway.db.backoff import Backoff


def test_pauses_double_up_to_the_longest():
    backoff = Backoff(0.25, 30)
    assert [backoff.pause() for _ in range(9)] == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]
    assert backoff.count == 9


def test_a_thousand_failures_are_no_more_than_the_longest_pause():
    backoff = Backoff(0.05, 1)
    assert {backoff.pause() for _ in range(1000)} == {0.05, 0.1, 0.2, 0.4, 0.8, 1}


def test_a_pause_passes():
    backoff = Backoff(0.05, 1)
    assert backoff.left_s == 0
    backoff.pause()
    assert 0 < backoff.left_s <= 0.05
    time.sleep(0.06)
    assert backoff.left_s == 0


@pytest.mark.parametrize("pauses", [1, 5])
def test_after_a_reset_the_first_pause_comes_again(pauses):
    backoff = Backoff(10, 100)
    for _ in range(pauses):
        backoff.pause()
    backoff.reset()
    assert (backoff.left_s, backoff.count) == (0, 0)
    assert backoff.pause() == 10
