"""What this process has counted since its start: plain numbers that any module may add to, and that
become metrics when somebody asks.

prometheus_client's own counters and histograms were measured beside these (0.26, November 2026):
counting one request takes 0.9 us here, 4.8 to 5.6 us there, and 13 us in its mode for several
processes, which also needs a folder to write to, and the container image has a read-only file
system. So that library only writes the text (see `prometheus`).

No count has a value of a request, and no label is free text: entity sets are the model's, kinds of
options and outcomes are words of ours.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from odata_gateway.observe.request_stats import RequestStats

_FAST_S = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05)
_SLOW_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
BUCKETS_S = _FAST_S + _SLOW_S
"""Upper ends of the histograms' buckets: parsing takes tens of microseconds, an export minutes."""
STAGES = ("parse", "bind", "wait", "query", "first_row", "last_row", "total")
_OF_DATA = ("parse", "wait", "query", "first_row", "last_row", "total")
"""The stages that every request for data has."""
_COUNTED_TOGETHER = 256
"""Requests whose stages go into the histograms at once, which takes an eighth of the time: 0.16 us
in place of 1.3 a request (measured in a tight loop)."""
MOST_SERIES = 1000
"""Of requests_total: a model may have any number of entity sets. Further ones count under
`other`."""

Snapshot = dict[str, Any]


class Histogram:
    """A histogram of durations in seconds.

    counts  of each bucket; the last one has no upper end
    """

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_S) + 1)
        self.sum_s = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS_S, seconds)] += 1
        self.sum_s += seconds

    def observe_all(self, ascending: Sequence[float]) -> None:
        """The same for many durations in ascending order."""
        before = 0
        for bucket, end in enumerate(BUCKETS_S):
            upto = bisect_right(ascending, end, before)
            self.counts[bucket] += upto - before
            before = upto
        self.counts[-1] += len(ascending) - before
        self.sum_s += sum(ascending)


@dataclass(slots=True)
class Counters:
    """The counts of a process.

    requests   by entity set, kind of options and status
    outcomes   responses that did not reach their client whole, by what happened
    parts      requests of batches, by status
    rows       sent
    bytes      sent, as they went over the wire
    cancelled  statements that nobody waited for any longer
    worker_faults  errors of servers behind the database that could not be reached
    together   requests for single rows that shared a statement with others
    shared     requests that shared a read with others that were alike
    slow       statements that took longer than ODATA_SLOW_QUERY_MS
    reloads    how often the model was exchanged
    key_reads  how often the keys that sign access tokens were read
    key_faults  how often they could not be read
    cpu_s      processor time of the processes that had this one's place before
    """

    requests: dict[tuple[str, str, int], int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    parts: dict[int, int] = field(default_factory=dict)
    rows: int = 0
    bytes: int = 0
    cancelled: int = 0
    together: int = 0
    shared: int = 0
    worker_faults: int = 0
    slow: int = 0
    cache_hits: int = 0
    cache_misses: int = 0
    cache_evictions: int = 0
    reloads: int = 0
    key_reads: int = 0
    key_faults: int = 0
    cpu_s: float = 0.0
    _stages: dict[str, Histogram] = field(
        default_factory=lambda: {stage: Histogram() for stage in STAGES}
    )
    _durations: list[tuple[float, ...]] = field(default_factory=list)

    @property
    def stages(self) -> dict[str, Histogram]:
        """How long each stage of a request for data took."""
        for stage, seconds in zip(_OF_DATA, zip(*self._durations, strict=True), strict=False):
            self._stages[stage].observe_all(sorted(seconds))
        self._durations.clear()
        return self._stages

    def finished(self, stats: RequestStats, status: int, size: int, ended: float) -> None:
        """Count a request that is over at `ended`, by time.perf_counter()."""
        key = (stats.entity_set, stats.options, status)
        if key not in self.requests and len(self.requests) >= MOST_SERIES:
            key = ("other", "other", status)
        self.requests[key] = self.requests.get(key, 0) + 1
        self.bytes += size
        if stats.first_row_at:
            self._count_stages(stats, ended)

    def _count_stages(self, stats: RequestStats, ended: float) -> None:
        """Count the stages of a request for data. Most are not bound: their template is cached."""
        self.rows += stats.rows
        if stats.bind_s:
            self._stages["bind"].observe(stats.bind_s)
        started, durations = stats.started, self._durations
        first_row_s, last_row_s = stats.first_row_at - started, stats.last_row_at - started
        durations.append(
            (stats.parse_s, stats.wait_s, stats.query_s, first_row_s, last_row_s, ended - started)
        )
        if len(durations) >= _COUNTED_TOGETHER:
            _ = self.stages

    def broke(self, outcome: str) -> None:
        """Count a response that did not reach its client whole."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def part(self, status: int) -> None:
        """Count a request of a batch."""
        self.parts[status] = self.parts.get(status, 0) + 1

    # --- Over processes ---------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """All counts, in a form that JSON has."""
        found: Snapshot = {name: getattr(self, name) for name in _SCALARS}
        found["requests"] = [[*key, count] for key, count in self.requests.items()]
        found["stages"] = {
            name: [*histogram.counts, histogram.sum_s] for name, histogram in self.stages.items()
        }
        found["outcomes"] = dict(self.outcomes)
        found["parts"] = [[status, count] for status, count in self.parts.items()]
        return found

    def add(self, snapshot: Snapshot) -> None:
        """Add the counts of another process."""
        for name in _SCALARS:
            setattr(self, name, getattr(self, name) + snapshot[name])
        for *key, count in snapshot["requests"]:
            labels = (str(key[0]), str(key[1]), int(key[2]))
            self.requests[labels] = self.requests.get(labels, 0) + count
        for name, (*counts, sum_s) in snapshot["stages"].items():
            histogram = self.stages[name]
            histogram.counts = [
                own + other for own, other in zip(histogram.counts, counts, strict=True)
            ]
            histogram.sum_s += sum_s
        for outcome, count in snapshot["outcomes"].items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count
        for status, count in snapshot["parts"]:
            self.parts[status] = self.parts.get(status, 0) + count


_SCALARS = (
    "rows",
    "bytes",
    "cancelled",
    "together",
    "shared",
    "worker_faults",
    "slow",
    "cache_hits",
    "cache_misses",
    "cache_evictions",
    "reloads",
    "key_reads",
    "key_faults",
    "cpu_s",
)

COUNTERS = Counters()
