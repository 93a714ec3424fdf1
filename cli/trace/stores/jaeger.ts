import { readTraceExport } from '../../../shared/trace/otlp/trace-export.ts';
import { readObject } from '../../../shared/trace/otlp/value.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { askStore, type HttpStore } from './store-request.ts';
import { NO_TRACE, type StoredTrace, storedTrace, type TraceStore } from './trace-store.ts';

const MOST_TRACES = '100';

/**
 * Jaeger, by its API version 3 (`/api/v3/traces`), which answers with OTLP inside `result`. Its parameters are in snake_case:
 * Jaeger 2.0 to 2.18 (1.76 as a Go module) read no other form, and later ones read both.
 */
export class Jaeger implements TraceStore {
  readonly #store: HttpStore;

  constructor(store: HttpStore) {
    this.#store = store;
  }

  get name(): string {
    return `Jaeger at ${this.#store.url}`;
  }

  async read(traceId: string, signal: AbortSignal): Promise<StoredTrace> {
    // Jaeger would otherwise move the times of spans, and change ids that are there twice.
    const url = `${this.#store.url}/${traceId}?raw_traces=true`;
    const spans = await askStore(this.#store, url, spansOf, signal);
    return spans === undefined ? NO_TRACE : storedTrace(spans);
  }

  async recent(service: string, since: number, signal: AbortSignal): Promise<string[]> {
    const query = new URLSearchParams({
      'query.service_name': service,
      'query.start_time_min': new Date(since).toISOString(),
      // Spans of a clock that is ahead count too.
      'query.start_time_max': new Date(Date.now() + 3_600_000).toISOString(),
      'query.num_traces': MOST_TRACES,
      'query.raw_traces': 'true',
    });
    const spans = await askStore(this.#store, `${this.#store.url}?${query}`, spansOf, signal);
    return [...new Set(spans?.map(({ traceId }) => traceId))];
  }
}

/** @throws TypeError if this is not Jaeger's answer */
function spansOf(answer: unknown): SpanRecord[] {
  return readTraceExport(readObject(readObject(answer, 'the answer').result, 'result'), 'hex or base64')
    .spans;
}
