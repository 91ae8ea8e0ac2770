"""Counts of processes: added up, never going back, with a bounded number of labels."""

import pickle
from multiprocessing import get_context

from odata_gateway.observe.counters import BUCKETS_S, MOST_SERIES, Counters, Histogram
from odata_gateway.observe.metrics import FAMILIES
from odata_gateway.observe.prometheus import metrics_text
from odata_gateway.observe.request_stats import RequestStats
from odata_gateway.observe.shared_counters import SharedCounters

GAUGES = {"odata_pool_size": 5, "odata_database_up": 1}


def answered(entity_set="Message", *, rows=3, parse_s=0.0, bind_s=0.0):
    """The stats of an answer that took 2 ms."""
    stats = RequestStats("id", 100.0)
    stats.note_resource(entity_set, "filter")
    stats.rows, stats.parse_s, stats.bind_s, stats.first_row_at, stats.last_row_at = rows, parse_s, bind_s, 100.001, 100.0015
    return stats


def counted(*trails, status=200):
    meters = Counters()
    for stats in trails:
        meters.finished(stats, status, 10, 100.002)
    return meters


def test_answers_are_counted_by_entity_set_options_and_status():
    meters = counted(answered(), answered(), answered("Label"))
    assert meters.requests == {("Message", "filter", 200): 2, ("Label", "filter", 200): 1} and (meters.rows, meters.bytes) == (9, 30)


def test_what_has_no_rows_is_in_no_histogram():
    meters = counted(RequestStats("id", 100.0), status=404)
    assert meters.requests == {("other", "none", 404): 1} and not any(sum(h.counts) for h in meters.stages.values())


def test_stages_fall_into_their_buckets_and_binding_counts_where_it_was_done():
    meters = counted(answered(parse_s=0.0001), answered(parse_s=999.0, bind_s=0.002))
    counts = meters.stages["parse"].counts
    assert counts[BUCKETS_S.index(0.0001)] == 1 and counts[-1] == 1 and sum(meters.stages["bind"].counts) == 1


def test_many_durations_at_once_fall_into_the_same_buckets_as_one_by_one():
    ascending = sorted([0.0, 1e-9, *BUCKETS_S, *(end * 1.0001 for end in BUCKETS_S), 1e6, 1e6])
    one_by_one, at_once = Histogram(), Histogram()
    for seconds in ascending:
        one_by_one.observe(seconds)
    at_once.observe_all(ascending)
    assert (at_once.counts, round(at_once.sum_s, 6)) == (one_by_one.counts, round(one_by_one.sum_s, 6))


def test_a_bounded_number_of_series_holds_any_number_of_entity_sets():
    meters = counted(*(answered(f"Set{number}") for number in range(MOST_SERIES + 50)))
    assert len(meters.requests) == MOST_SERIES + 1 and meters.requests["other", "other", 200] == 50


def test_the_first_to_tell_what_was_asked_wins():
    stats = RequestStats("id", 0.0)
    stats.note_resource("$batch")
    stats.note_resource("Message", "filter", "Message?...")
    assert (stats.entity_set, stats.template) == ("$batch", "")


def page(meters, gauges):
    return {"counts": meters.snapshot(), "gauges": gauges}


def shown(*pages, accept=""):
    return metrics_text(pages, accept)[1].decode()


def test_several_processes_are_one_set_of_metrics():
    pages = page(counted(answered()), GAUGES), page(counted(answered(), answered("Label")), GAUGES | {"odata_database_up": 0})
    found = shown(*pages)
    assert 'odata_requests_total{entity_set="Message",options="filter",status="200"} 2.0' in found and "odata_rows_total 9.0" in found
    assert "odata_pool_size 10.0" in found and "odata_database_up 0.0" in found and "odata_workers 2.0" in found
    assert 'odata_stage_seconds_count{stage="total"} 3.0' in found


def test_a_dead_process_keeps_its_counts_and_loses_its_gauges():
    board = SharedCounters(2)
    board.write(0, page(counted(answered()), GAUGES))
    board.write(1, page(counted(answered()), GAUGES))
    board.note_death(1)
    found = shown(*board.pages())
    assert "odata_rows_total 6.0" in found and "odata_pool_size 5.0" in found and "odata_workers 1.0" in found


def test_both_forms_have_every_family():
    for accept in ("", "application/openmetrics-text; version=1.0.0"):
        media_type, body = metrics_text([page(counted(answered()), GAUGES)], accept)
        assert media_type.startswith(("text/plain", "application/openmetrics-text")) and ("openmetrics" in media_type) == bool(accept)
        for family in FAMILIES:
            assert f"# HELP {family.name.removesuffix('_total') if accept else family.name} {family.doc}" in body.decode()


def _write(board, number):
    board.write(1, {"counts": number, "gauges": {}})


def test_a_board_is_shared_with_a_started_process():
    board = SharedCounters(2)
    assert board.read(1) is None
    process = get_context("spawn").Process(target=_write, args=(board, 42))
    process.start()
    process.join(60)
    assert board.read(1) == {"counts": 42, "gauges": {}}


def test_a_page_is_read_whole_or_as_it_was():
    """A text that was written over while it was read has another checksum; one that is too long leaves the last one."""
    board = SharedCounters(1)
    for number in range(5):
        board.write(0, {"counts": number, "gauges": {}})
        assert board.read(0)["counts"] == number
    board.write(0, {"counts": "x" * 600_000, "gauges": {}})
    assert board.read(0)["counts"] == 4


def test_counts_survive_the_way_to_another_process():
    meters = counted(answered())
    meters.broke("client gone")
    meters.part(404)
    other = Counters()
    other.add(pickle.loads(pickle.dumps(meters.snapshot())))
    assert other.snapshot() == meters.snapshot()
