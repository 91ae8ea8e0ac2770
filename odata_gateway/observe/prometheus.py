"""All metrics as text that Prometheus reads.

Imported only where metrics are served, since prometheus_client takes a tenth of a second to load.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator

from prometheus_client.core import (
    CollectorRegistry,
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from odata_gateway import __version__
from odata_gateway.observe.counters import BUCKETS_S, Counters
from odata_gateway.observe.metrics import FAMILIES, MetricFamily
from odata_gateway.observe.shared_counters import CounterPage

Samples = Iterable[tuple[tuple[str, ...], float]]
"""Values with the values of their labels."""

_FIELDS = {
    "odata_rows_total": "rows",
    "odata_sent_bytes_total": "bytes",
    "odata_queries_cancelled_total": "cancelled",
    "odata_lookups_together_total": "together",
    "odata_reads_shared_total": "shared",
    "odata_worker_faults_total": "worker_faults",
    "odata_slow_queries_total": "slow",
    "odata_compile_cache_hits_total": "cache_hits",
    "odata_compile_cache_misses_total": "cache_misses",
    "odata_compile_cache_evictions_total": "cache_evictions",
    "odata_schema_reloads_total": "reloads",
    "odata_key_set_reads_total": "key_reads",
    "odata_key_set_faults_total": "key_faults",
    "odata_cpu_seconds_total": "cpu_s",
}
"""The counters without labels, and their names in Counters."""
_MERGE = {"odata_database_up": min, "odata_key_set_age_seconds": max, "odata_not_served": max}
"""Gauges of which the least or the greatest value of all processes counts, not the sum."""


def metrics_text(pages: Iterable[CounterPage], accept: str) -> tuple[str, bytes]:
    """The media type and the text of all processes' metrics, in the format that an Accept header
    prefers: OpenMetrics or Prometheus's own."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_PageCollector(tuple(pages)))
    encode, media_type = choose_encoder(accept)
    return media_type, encode(registry)


class _PageCollector(Collector):
    """The pages of all processes as one set of metrics."""

    def __init__(self, pages: tuple[CounterPage, ...]) -> None:
        self._counters = Counters()
        for page in pages:
            self._counters.add(page["counts"])
        living = [page["gauges"] for page in pages if page["gauges"]]
        names = living[0].keys() if living else ()
        self._gauges = {
            name: _MERGE.get(name, sum)(gauges[name] for gauges in living) for name in names
        }
        self._gauges["odata_workers"] = len(living)

    def collect(self) -> Iterator[Metric]:
        """Every family of the table, in its order."""
        for family in FAMILIES:
            name, doc, labels = family.name, family.doc, family.labels
            match family.kind:
                case "histogram":
                    yield self._histogram(family)
                case "counter":
                    counter = CounterMetricFamily(name, doc, labels=labels)
                    yield _filled(counter, self._counted(name))
                case "gauge":
                    gauge = GaugeMetricFamily(name, doc, labels=labels)
                    yield _filled(gauge, self._gauged(name))

    def _counted(self, name: str) -> Samples:
        counters = self._counters
        match name:
            case "odata_requests_total":
                return [
                    ((entity_set, options, str(status)), count)
                    for (entity_set, options, status), count in counters.requests.items()
                ]
            case "odata_broken_answers_total":
                outcomes = counters.outcomes.items()
                return [((outcome.replace(" ", "_"),), count) for outcome, count in outcomes]
            case "odata_batch_parts_total":
                return [((str(status),), count) for status, count in counters.parts.items()]
            case _:
                return [((), getattr(counters, _FIELDS[name]))]

    def _gauged(self, name: str) -> Samples:
        if name == "odata_build_info":
            return [((__version__, platform.python_version()), 1)]
        return [((), self._gauges[name])] if name in self._gauges else []

    def _histogram(self, family: MetricFamily) -> Metric:
        found = HistogramMetricFamily(family.name, family.doc, labels=family.labels)
        for stage, histogram in self._counters.stages.items():
            buckets, total = [], 0
            for end, count in zip((*map(str, BUCKETS_S), "+Inf"), histogram.counts, strict=True):
                total += count
                buckets.append((end, float(total)))
            found.add_metric((stage,), buckets, histogram.sum_s)
        return found


def _filled(family: CounterMetricFamily | GaugeMetricFamily, samples: Samples) -> Metric:
    for labels, value in samples:
        family.add_metric(labels, value)
    return family
