import type { SpanRecord } from '../../shared/trace/span-record.ts';

/** One entry in the list of traces. */
interface TraceSummary {
  traceId: string;
  /** The name of the span without a parent, or else of the earliest span. */
  name: string;
  services: string[];
  spans: number;
  errors: number;
  startMs: number;
  durationMs: number;
}

/** Keeps the last traces in memory. The number of traces, and of spans per trace, is limited. */
export class TraceStore {
  // A Map keeps the order of insertion. A trace moves to the end when it gets a span.
  readonly #traces = new Map<string, Map<string, SpanRecord>>();
  readonly #maxTraces: number;
  readonly #maxSpansPerTrace: number;

  constructor(limits: { maxTraces: number; maxSpansPerTrace: number }) {
    this.#maxTraces = limits.maxTraces;
    this.#maxSpansPerTrace = limits.maxSpansPerTrace;
  }

  /**
   * Adds a span. A span that arrives twice (an exporter tries again when an answer is lost) is kept once. When there
   * are too many traces, the one whose last span is the oldest goes.
   * @returns false when the trace of the span is full
   */
  add(span: SpanRecord): boolean {
    const spans = this.#traces.get(span.traceId) ?? new Map<string, SpanRecord>();
    if (spans.size >= this.#maxSpansPerTrace && !spans.has(span.spanId)) return false;
    spans.set(span.spanId, span);
    this.#traces.delete(span.traceId);
    this.#traces.set(span.traceId, spans);
    const [oldest] = this.#traces.keys();
    if (this.#traces.size > this.#maxTraces && oldest !== undefined) this.#traces.delete(oldest);
    return true;
  }

  /** The spans of a trace in the order of their start. Empty for an unknown trace. */
  spans(traceId: string): SpanRecord[] {
    return inOrder(this.#traces.get(traceId)?.values() ?? []);
  }

  /** The spans of all traces in the order of their start. */
  allSpans(): SpanRecord[] {
    return inOrder([...this.#traces.values()].flatMap((spans) => [...spans.values()]));
  }

  /** One entry for each trace. The trace that got a span last comes first. */
  summaries(): TraceSummary[] {
    return [...this.#traces.keys()].reverse().map((traceId) => summarize(traceId, this.spans(traceId)));
  }
}

function inOrder(spans: Iterable<SpanRecord>): SpanRecord[] {
  return [...spans].sort((left, right) => left.startMs - right.startMs);
}

function summarize(traceId: string, spans: readonly SpanRecord[]): TraceSummary {
  const root = spans.find((span) => span.parentSpanId === undefined) ?? spans[0];
  const startMs = spans[0]?.startMs ?? 0;
  const endMs = spans.reduce((latest, span) => Math.max(latest, span.startMs + span.durationMs), startMs);
  return {
    traceId,
    name: root?.name ?? '',
    services: [...new Set(spans.map((span) => span.service))],
    spans: spans.length,
    errors: spans.filter((span) => span.status === 'ERROR').length,
    startMs,
    durationMs: endMs - startMs,
  };
}
