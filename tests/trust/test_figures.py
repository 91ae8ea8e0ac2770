"""The recorder of figures: what tests say becomes one table, joined by promise and name."""

from __future__ import annotations

from tests.harness.figures import amount, read, record, table


def test_figures_of_several_tests_are_joined_and_judged(monkeypatch, tmp_path):
    monkeypatch.setenv("ODATA_TEST_FIGURES", str(tmp_path))
    for slowest in (0.2, 1.5, 0.4):
        record("T1", "requests", 500, how="sum", at_least=1500)
        record("T1", "slowest", slowest, "s", at_most=1)
    record("T23", "slope", 0.25, "MB/h", how="mean")
    requests, slowest, slope = read(tmp_path)
    assert (requests.value, requests.holds, slowest.value, slowest.holds, slope.wanted) == (1500, True, 1.5, False, "")
    lines = table(read(tmp_path)).splitlines()
    assert lines[2:] == [
        "| T1 | requests | 1,500 | >= 1,500 | yes |",
        "| T1 | slowest | 1.5 s | <= 1 s | **no** |",
        "| T23 | slope | 0.25 MB/h |  |  |",
    ]


def test_amounts_are_the_suites_unless_the_run_is_a_nightly_one(monkeypatch):
    monkeypatch.delenv("ODATA_TEST_NIGHTLY", raising=False)
    assert amount(20, 1000) == 20
    monkeypatch.setenv("ODATA_TEST_NIGHTLY", "0.5")
    assert amount(20, 1000) == 500
    monkeypatch.setenv("ODATA_TEST_NIGHTLY", "0.001")
    assert amount(20, 1000) == 20
