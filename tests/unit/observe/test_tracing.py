"""Spans of a request: its stages, its place in the caller's trace, and no value of its URL."""

from time import perf_counter

import pytest
from odata_gateway.observe.request_stats import MOST_TIMINGS, RequestStats
from odata_gateway.observe.tracing import Tracer
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import SpanKind, StatusCode

PARENT = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=b", "authorization": "Bearer T0KEN"}


def traced(headers, *, status=200, provider=None, waits=1):
    """The spans of a request that parsed, waited and read, the request's own last."""
    exporter, provider = InMemorySpanExporter(), provider or TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    started = perf_counter()
    stats = RequestStats("id1", started)
    stats.keep_timings()
    stats.subject = "ada"
    stats.note_resource("Message", "filter", "Message?$filter=id eq {int32}")
    stats.add_parse_time(started)
    for _ in range(waits):
        stats.add_wait_time(perf_counter())
    stats.add_query_time("SELECT", perf_counter())
    stats.add_rows(3)
    Tracer(provider).finished(stats, headers, method="GET", status=status, ended=perf_counter())
    return stats, exporter.get_finished_spans()


def test_a_request_and_its_stages_are_spans_one_after_the_other():
    stats, (parse, wait, query, whole) = traced({})
    assert [span.name for span in (parse, wait, query, whole)] == [
        "parse",
        "wait",
        "query",
        "GET Message",
    ] and whole.kind == SpanKind.SERVER
    assert all(span.parent.span_id == whole.context.span_id for span in (parse, wait, query)) and whole.parent is None
    assert whole.start_time <= parse.start_time <= parse.end_time <= wait.end_time <= query.end_time <= whole.end_time
    assert stats.trace == f"{whole.context.trace_id:032x}"


def test_the_callers_trace_goes_on():
    stats, (*_, whole) = traced(PARENT)
    assert stats.trace == "4bf92f3577b34da6a3ce929d0e0e4736" == f"{whole.context.trace_id:032x}"
    assert f"{whole.parent.span_id:016x}" == "00f067aa0ba902b7" and whole.context.trace_state.get("a") == "b"


def test_attributes_are_names_and_numbers():
    _, (*_, whole) = traced(PARENT)
    assert dict(whole.attributes) == {
        "http.request.method": "GET", "http.response.status_code": 200, "odata.request_id": "id1", "odata.entity_set": "Message",
        "odata.url": "Message?$filter=id eq {int32}", "odata.accounts": 0, "odata.rows": 3, "enduser.id": "ada",
    }  # fmt: skip


@pytest.mark.parametrize(("status", "code"), [(200, StatusCode.UNSET), (404, StatusCode.UNSET), (503, StatusCode.ERROR)])
def test_faults_of_this_side_are_errors(status, code):
    _, (*_, whole) = traced({}, status=status)
    assert whole.status.status_code == code


def test_what_is_not_sampled_makes_no_spans_and_has_the_callers_trace():
    stats, spans = traced(
        PARENT | {"traceparent": PARENT["traceparent"][:-1] + "0"}, provider=TracerProvider(sampler=ParentBased(ALWAYS_OFF))
    )
    assert spans == () and stats.trace == "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_long_export_has_a_bounded_number_of_spans():
    _, spans = traced({}, waits=5000)
    assert len(spans) == MOST_TIMINGS + 1


@pytest.mark.parametrize(
    "hostile", ["", "00", "x" * 5000, "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "ff-" + "1" * 32 + "-" + "1" * 16 + "-01"]
)
def test_a_broken_parent_begins_a_new_trace(hostile):
    stats, (*_, whole) = traced({"traceparent": hostile})
    assert whole.parent is None and int(stats.trace, 16)
