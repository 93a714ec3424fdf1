"""Sends a task in a span, and prints the trace id. The instrumentation of OpenTelemetry injects the context."""

from opentelemetry import trace

from tasks import start_tracing, thumbnail

start_tracing()
with trace.get_tracer("shop").start_as_current_span("order") as span:
    thumbnail.delay(7)
    print(format(span.get_span_context().trace_id, "032x"))
