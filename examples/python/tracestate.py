"""Keeps `tracestate` whole. OpenTelemetry's Python reads its keys by Level 1 of W3C Trace Context.

Level 2 allows more keys, such as `foo@` and `1a`, and the library drops a whole list that has one of them.
"""

import re
from collections.abc import Mapping

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import default_getter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

# Section 3.3 of Level 2, "Key" and "Value".
MEMBER = re.compile(r"([a-z0-9][a-z0-9_\-*/@]{0,255})=([ -+\--<>-~]{0,255}[!-+\--<>-~])")
MOST_MEMBERS = 32
MOST_CHARACTERS = MOST_MEMBERS * (256 + 1 + 256 + 7)  # each with its longest key, `=`, its longest value and some blanks


class TraceState(Mapping):
    """Stands in for the library's class, with the same methods."""

    def __init__(self, members: Mapping[str, str]):
        self._members = dict(members)

    def __getitem__(self, key: str) -> str:
        return self._members[key]

    def __iter__(self):
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def to_header(self) -> str:
        return ",".join(f"{key}={value}" for key, value in self.items())

    def update(self, key: str, value: str) -> "TraceState":
        """A new list with this member in first place. Some samplers add a member of their own."""
        kept = list(self.delete(key).items())[: MOST_MEMBERS - 1]
        return TraceState(dict([(key, value), *kept])) if MEMBER.fullmatch(f"{key}={value}") else self

    add = update

    def delete(self, key: str) -> "TraceState":
        return TraceState({other: value for other, value in self.items() if other != key})


def read_tracestate(lines: list[str]) -> TraceState:
    """Several lines are one list. A list with a member that breaks the grammar is left out whole."""
    members: dict[str, str] = {}
    written = [member for member in (part.strip(" \t") for part in ",".join(lines).split(",")) if member]
    if len(written) > MOST_MEMBERS or sum(len(line) for line in lines) > MOST_CHARACTERS:
        return TraceState({})
    for member in written:
        match = MEMBER.fullmatch(member)
        if match is None:
            return TraceState({})
        members.setdefault(*match.groups())  # the first is the newest
    return TraceState(members)


class TraceContextPropagator(TraceContextTextMapPropagator):
    """Reads and writes `traceparent` as the library does, and `tracestate` by Level 2."""

    def extract(self, carrier, context=None, getter=default_getter) -> Context:
        before = Context() if context is None else context
        found = super().extract({"traceparent": getter.get(carrier, "traceparent")}, before)
        if found is before:
            return before  # without a `traceparent` that can be read there is no `tracestate` either
        read = trace.get_current_span(found).get_span_context()
        state = read_tracestate(getter.get(carrier, "tracestate") or [])
        span_context = trace.SpanContext(read.trace_id, read.span_id, True, read.trace_flags, state)
        return trace.set_span_in_context(trace.NonRecordingSpan(span_context), before)
