"""Traces over OTLP. The exporter reads OTEL_EXPORTER_OTLP_ENDPOINT, and the resource OTEL_SERVICE_NAME."""

from opentelemetry import propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from tracestate import TraceContextPropagator


def start_tracing() -> TracerProvider:
    """The caller ends it with `shutdown()`, which sends the last spans."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=500))
    trace.set_tracer_provider(provider)
    # Events, outgoing calls and the reading of messages all use the global propagator.
    propagate.set_global_textmap(CompositePropagator([TraceContextPropagator(), W3CBaggagePropagator()]))
    return provider
