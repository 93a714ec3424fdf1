import * as z from 'zod';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { askStore, type HttpStore } from './store-request.ts';
import { NO_TRACE, type StoredTrace, storedTrace, type TraceStore } from './trace-store.ts';

const Attributes = z.record(z.string(), z.unknown());

/** A span as the collector of `throughline dev` gives it. */
const Span = z.object({
  service: z.string(),
  name: z.string(),
  kind: z.enum(['INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER']),
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().exactOptional(),
  startMs: z.number(),
  durationMs: z.number(),
  status: z.enum(['UNSET', 'OK', 'ERROR']),
  statusMessage: z.string().exactOptional(),
  attributes: Attributes,
  events: z.array(z.object({ name: z.string(), timeMs: z.number(), attributes: Attributes })),
  links: z.array(
    z.object({ traceId: z.string(), spanId: z.string(), attributes: Attributes.exactOptional() }),
  ),
}) satisfies z.ZodType<SpanRecord>;

const Trace = z.object({ traceId: z.string(), spans: z.array(Span) });
const Summaries = z.array(
  z.object({ traceId: z.string(), services: z.array(z.string()), startMs: z.number() }),
);

/** The collector of `throughline dev`, or anything that answers like it: `GET <url>/<traceId>`, `GET <url>`. */
export class DevCollector implements TraceStore {
  readonly #store: HttpStore;

  constructor(store: HttpStore) {
    this.#store = store;
  }

  get name(): string {
    return `the trace store at ${this.#store.url}`;
  }

  async read(traceId: string, signal: AbortSignal): Promise<StoredTrace> {
    const url = `${this.#store.url}/${traceId}`;
    const spans = await askStore(this.#store, url, (answer) => Trace.parse(answer).spans, signal);
    return spans === undefined ? NO_TRACE : storedTrace(spans);
  }

  async recent(service: string, since: number, signal: AbortSignal): Promise<string[]> {
    const read = (answer: unknown) => Summaries.parse(answer);
    const traces = (await askStore(this.#store, this.#store.url, read, signal)) ?? [];
    return traces
      .filter(({ services, startMs }) => services.includes(service) && startMs >= since)
      .map(({ traceId }) => traceId);
  }
}
