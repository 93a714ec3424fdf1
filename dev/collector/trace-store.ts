import type { SpanRecord } from '../../shared/trace/span-record.ts';

/** A trace in one line: what a list of traces shows. */
export interface TraceSummary {
  traceId: string;
  /** The span without a parent, or the earliest one. */
  name: string;
  services: string[];
  spans: number;
  errors: number;
  startMs: number;
  durationMs: number;
}

/** The last traces, in memory: bounded in traces and in spans per trace. */
export class TraceStore {
  // A Map keeps the order of insertion; a trace that gets a span moves to the end.
  readonly #traces = new Map<string, Map<string, SpanRecord>>();
  readonly #maxTraces: number;
  readonly #maxSpansPerTrace: number;

  constructor(limits: { maxTraces: number; maxSpansPerTrace: number }) {
    this.#maxTraces = limits.maxTraces;
    this.#maxSpansPerTrace = limits.maxSpansPerTrace;
  }

  /**
   * Keeps a span; evicts the trace that has been quiet longest when there are too many. A span that comes twice
   * (an exporter tries again when an answer is lost) is kept once. Gives false when its trace is full.
   */
  add(span: SpanRecord): boolean {
    const spans = this.#traces.get(span.traceId) ?? new Map<string, SpanRecord>();
    if (spans.size >= this.#maxSpansPerTrace && !spans.has(span.spanId)) return false;
    spans.set(span.spanId, span);
    this.#traces.delete(span.traceId);
    this.#traces.set(span.traceId, spans);
    const [quietest] = this.#traces.keys();
    if (this.#traces.size > this.#maxTraces && quietest !== undefined) this.#traces.delete(quietest);
    return true;
  }

  /** The spans of a trace in the order of their start; empty when it is not here. */
  spans(traceId: string): SpanRecord[] {
    return inOrder(this.#traces.get(traceId)?.values() ?? []);
  }

  /** The spans of all traces in the order of their start. */
  allSpans(): SpanRecord[] {
    return inOrder([...this.#traces.values()].flatMap((spans) => [...spans.values()]));
  }

  /** One entry per trace, the one with the newest span first. */
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
