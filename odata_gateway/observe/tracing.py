"""Spans of OpenTelemetry, made from a request's statistics when it is over; a request that is not
traced costs nothing.

The parent span comes with the request's `traceparent` and `tracestate` (W3C Trace Context).
OpenTelemetry's own variables, such as OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_TRACES_SAMPLER, control
where spans are sent and which are kept. No attribute has a value of the URL.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from odata_gateway import __version__
from odata_gateway.observe.request_stats import RequestStats

_PARENT_HEADERS = ("traceparent", "tracestate")


class Tracer:
    """Makes spans with a provider."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("odata_gateway", __version__)
        self._propagator = TraceContextTextMapPropagator()

    @classmethod
    def exporting(cls) -> Tracer:
        """A tracer that sends its spans by OTLP over HTTP, in a thread of its own."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        named = {} if "OTEL_SERVICE_NAME" in os.environ else {SERVICE_NAME: "odata-gateway"}
        provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    def finished(
        self,
        stats: RequestStats,
        headers: Mapping[str, str],
        *,
        method: str,
        status: int,
        ended: float,
    ) -> None:
        """Make the spans of a request that is over and of its stages; sets the trace id in
        `stats`.

        headers  of the request, by lower-case name
        ended    by time.perf_counter()
        """
        zero_ns = time.time_ns() - time.perf_counter_ns()
        carrier = {name: headers[name] for name in _PARENT_HEADERS if name in headers}
        span = self._tracer.start_span(
            f"{method} {stats.entity_set}",
            context=self._propagator.extract(carrier),
            kind=SpanKind.SERVER,
            attributes=_attributes(stats, method, status),
            start_time=zero_ns + round(stats.started * 1e9),
        )
        stats.trace = f"{span.get_span_context().trace_id:032x}"
        if span.is_recording():
            inner = set_span_in_context(span)
            for stage, stage_started, stage_ended in stats.timings or ():
                start_ns = zero_ns + round(stage_started * 1e9)
                child = self._tracer.start_span(stage, context=inner, start_time=start_ns)
                child.end(zero_ns + round(stage_ended * 1e9))
            if status >= 500:
                span.set_status(Status(StatusCode.ERROR))
        span.end(zero_ns + round(ended * 1e9))

    def close(self) -> None:
        """Send the spans that have not been sent, and wait for that."""
        self._provider.shutdown()


def _attributes(stats: RequestStats, method: str, status: int) -> dict[str, str | int]:
    """Names as in OpenTelemetry's conventions for HTTP, and `odata.` for our own."""
    return {
        "http.request.method": method,
        "http.response.status_code": status,
        "odata.request_id": stats.id,
        "odata.entity_set": stats.entity_set,
        "odata.url": stats.template,
        "enduser.id": stats.subject,
        "odata.accounts": stats.accounts,
        "odata.rows": stats.rows,
    }
