"""The pages of one process and of several, and what a process leaves for the one that takes its place."""

from __future__ import annotations

import asyncio

import pytest
from odata_gateway.observe import metrics as module
from odata_gateway.observe.counters import COUNTERS, Counters
from odata_gateway.observe.metrics import FAMILIES, Metrics, SharedMetrics
from odata_gateway.observe.shared_counters import SharedCounters

GAUGES = {"odata_pool_size": 5.0}


@pytest.fixture
def counted(monkeypatch):
    """The counts of this process, begun anew."""
    counters = Counters()
    monkeypatch.setattr(module, "COUNTERS", counters)
    return counters


async def test_a_process_alone_has_one_page_up_to_now(counted):
    metrics = Metrics(lambda: GAUGES)
    async with metrics.published():
        counted.rows += 7
        [page] = metrics.pages()
    assert page["counts"]["rows"] == 7 and page["gauges"] == GAUGES and page["counts"]["cpu_s"] > 0


async def test_each_process_is_asked_for_all(counted, monkeypatch):
    monkeypatch.setattr(module, "_PUBLISH_S", 0.01)
    shared = SharedCounters(2)
    shared.write(1, {"counts": Counters(rows=30).snapshot(), "gauges": GAUGES})
    metrics = SharedMetrics(shared, 0, lambda: GAUGES)
    async with metrics.published():
        counted.rows = 4
        assert [page["counts"]["rows"] for page in metrics.pages()] == [4, 30]
        counted.rows = 5
        await asyncio.sleep(0.1)  # it is written from time to time too
        assert shared.read(0)["counts"]["rows"] == 5


async def test_a_replacement_goes_on_counting_and_the_dead_has_no_gauges(counted):
    shared = SharedCounters(1)
    async with SharedMetrics(shared, 0, lambda: GAUGES).published():
        counted.rows = 9
    assert shared.read(0)["counts"]["rows"] == 9 and shared.read(0)["gauges"] == {}
    counted.rows = 0  # another process
    async with SharedMetrics(shared, 0, lambda: GAUGES).published():
        counted.rows += 1
    page = shared.read(0)
    assert page["counts"]["rows"] == 10 and page["counts"]["cpu_s"] > 0


def test_the_table_is_well_formed():
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    for family in FAMILIES:
        assert family.name.startswith("odata_") and family.doc and not family.doc.endswith(".")
        assert (family.kind == "counter") is family.name.endswith("_total")


def test_this_process_counts_in_one_place():
    assert module.COUNTERS is COUNTERS
