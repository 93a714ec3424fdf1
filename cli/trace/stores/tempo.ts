import { readTraceExport } from '../../../shared/trace/otlp/trace-export.ts';
import { readList, readObject } from '../../../shared/trace/otlp/value.ts';
import { askStore, type HttpStore } from './store-request.ts';
import { NO_TRACE, type StoredTrace, storedTrace, type TraceStore } from './trace-store.ts';

const MOST_TRACES = '100';

/**
 * Grafana Tempo, by its API version 2 (`/api/v2/traces`). It answers with OTLP inside `trace`, in protobuf's own JSON: ids are
 * base64, and enums are names.
 */
export class Tempo implements TraceStore {
  readonly #store: HttpStore;

  constructor(store: HttpStore) {
    this.#store = store;
  }

  get name(): string {
    return `Tempo at ${this.#store.url}`;
  }

  async read(traceId: string, signal: AbortSignal): Promise<StoredTrace> {
    const url = `${this.#store.url}/${traceId}`;
    return (await askStore(this.#store, url, traceOf, signal)) ?? NO_TRACE;
  }

  async recent(service: string, since: number, signal: AbortSignal): Promise<string[]> {
    const query = new URLSearchParams({
      q: `{ resource.service.name = ${JSON.stringify(service)} }`,
      limit: MOST_TRACES,
      start: String(Math.floor(since / 1_000)),
      end: String(Math.ceil(Date.now() / 1_000) + 1),
    });
    const url = this.#store.url.replace(/\/v2\/traces$/, '/search');
    return (await askStore(this.#store, `${url}?${query}`, idsOf, signal)) ?? [];
  }
}

/** @throws TypeError if this is not Tempo's answer */
function traceOf(answer: unknown): StoredTrace {
  const { trace, status } = readObject(answer, 'the answer');
  // A trace that Tempo does not have may be an answer without one.
  if (trace === undefined && status === undefined) throw new TypeError('the answer has no trace');
  return storedTrace(readTraceExport(trace ?? {}, 'hex or base64').spans, status === 'PARTIAL');
}

/** Tempo writes ids in a search without their leading zeros. @throws TypeError */
function idsOf(answer: unknown): string[] {
  return readList(readObject(answer, 'the answer').traces, 'traces').map((trace) =>
    String(readObject(trace, 'a trace').traceID).toLowerCase().padStart(32, '0'),
  );
}
