"""`read_tracestate.py <file with [[line, …], …]>`. Prints what the worker of examples/python sends on of each list: the `tracestate`, or null."""

import json
import sys
from pathlib import Path

from opentelemetry import propagate
from telemetry import start_tracing

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


def sent(lines: list[str], traceparent: str = TRACEPARENT) -> str | None:
    headers: dict[str, str] = {}
    propagate.inject(headers, propagate.extract({"traceparent": traceparent, "tracestate": lines}))
    if traceparent == TRACEPARENT and headers.get("traceparent") != TRACEPARENT:
        raise AssertionError(f"{lines} changed the traceparent to {headers.get('traceparent')}")
    return headers.get("tracestate")


tracing = start_tracing()
lists = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
print(json.dumps({"sent": [sent(lines) for lines in lists], "alone": sent(["foo@=1"], "00-0-0-00")}))
tracing.shutdown()
