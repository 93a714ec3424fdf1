"""Prints what the propagators of OpenTelemetry's Python SDK inject, and what they extract from our headers."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from opentelemetry import baggage, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

HERE = Path(__file__).parent.parent
PROPAGATOR = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])


def read(name):
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def context_of(case):
    context = Context()
    if "span" in case:
        span = case["span"]
        span_context = trace.SpanContext(
            trace_id=int(span["traceId"], 16),
            span_id=int(span["spanId"], 16),
            is_remote=False,
            trace_flags=trace.TraceFlags(span["flags"]),
            trace_state=trace.TraceState([tuple(member) for member in case.get("tracestate", [])]),
        )
        context = trace.set_span_in_context(trace.NonRecordingSpan(span_context), context)
    # The API has no place for properties.
    for key, value, *_ in case.get("baggage", []):
        context = baggage.set_baggage(key, value, context)
    return context


def inject(case):
    headers = {}
    PROPAGATOR.inject(headers, context_of(case))
    return {"what": case["what"], "headers": headers}


def extract(case):
    context = PROPAGATOR.extract(case["headers"], Context())
    span = trace.get_current_span(context).get_span_context()
    result = {"what": case["what"], "headers": case["headers"]}
    if span.is_valid:
        result["span"] = {
            "traceId": trace.format_trace_id(span.trace_id),
            "spanId": trace.format_span_id(span.span_id),
            "flags": int(span.trace_flags),
        }
        result["tracestate"] = [list(member) for member in span.trace_state.items()]
    result["baggage"] = [[key, value] for key, value in sorted(baggage.get_all(context).items())]
    return result


json.dump(
    {
        "sdk": "opentelemetry-sdk (Python)",
        "version": version("opentelemetry-sdk"),
        "injected": [inject(case) for case in read("contexts.json")],
        "extracted": [extract(case) for case in read("ours.json")],
    },
    sys.stdout,
    indent=2,
)
