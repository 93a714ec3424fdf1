import { type Context, type Span, TraceFlags } from '@opentelemetry/api';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { serviceOf } from './service.ts';

/** Exports ended spans, and returns how many spans were lost. */
export type SendSpans = (spans: readonly ReadableSpan[]) => Promise<{ readonly lost: number }>;

export interface SpanProcessorOptions {
  readonly maxQueueSize: number;
  readonly maxBatchSize: number;
  /** How many milliseconds a flush collects the spans of all requests for one export. */
  readonly windowMs: number;
  readonly wait: (ms: number) => Promise<unknown>;
  readonly now: () => number;
}

/** If a flush is this much later than its window, its request was cut off. The next flush then takes over. */
const LEASE_GRACE_MS = 1_000;

/**
 * The span processor for workerd, with one bounded queue of ended spans for each isolate.
 *
 * In workerd a request must not await work that another request started. For this reason requests share only data: the
 * ended spans and a lease. The first flush takes the lease, waits for the window to pass inside its own `waitUntil`,
 * and exports the spans of all requests. Other flushes during the lease do nothing. When the request with the lease is
 * cut off, the lease runs out, and the next flush takes it.
 */
export class EdgeSpanProcessor implements SpanProcessor {
  readonly #send: SendSpans;
  readonly #options: SpanProcessorOptions;
  readonly #resources = new Map<string, Resource>();
  #ended: ReadableSpan[] = [];
  #leaseUntil = 0;
  #dropped = 0;

  constructor(send: SendSpans, options: SpanProcessorOptions) {
    this.#send = send;
    this.#options = options;
  }

  /** The number of spans that wait for an export. */
  get queued(): number {
    return this.#ended.length;
  }

  /** The number of spans that were dropped so far, because the queue was full or an export failed. */
  get dropped(): number {
    return this.#dropped;
  }

  onStart(span: Span, parentContext: Context): void {
    const service = serviceOf(parentContext);
    if (service === undefined) return;
    const readable = span as unknown as { resource: Resource };
    readable.resource = this.#resourceOf(service, readable.resource);
  }

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    if (this.#ended.length >= this.#options.maxQueueSize) this.#dropped++;
    else this.#ended.push(span);
  }

  /**
   * Exports the ended spans. Call this inside a request's `waitUntil`, after the request's spans have ended. Never
   * rejects.
   */
  async forceFlush(): Promise<void> {
    const { now, wait, windowMs } = this.#options;
    if (this.#ended.length === 0 || now() < this.#leaseUntil) return;
    this.#leaseUntil = now() + windowMs + LEASE_GRACE_MS;
    await wait(windowMs).catch(() => undefined);
    this.#leaseUntil = 0;
    await this.#exportAll();
  }

  async shutdown(): Promise<void> {
    await this.#exportAll();
  }

  async #exportAll(): Promise<void> {
    const { maxBatchSize } = this.#options;
    const spans = this.#ended;
    this.#ended = [];
    const exports: Promise<void>[] = [];
    for (let start = 0; start < spans.length; start += maxBatchSize) {
      exports.push(this.#export(spans.slice(start, start + maxBatchSize)));
    }
    await Promise.all(exports);
  }

  async #export(batch: readonly ReadableSpan[]): Promise<void> {
    try {
      // `+= await` would read the sum before the await, and lose what other batches add to the sum meanwhile.
      const { lost } = await this.#send(batch);
      this.#dropped += lost;
    } catch {
      this.#dropped += batch.length;
    }
  }

  #resourceOf(service: string, base: Resource): Resource {
    const known = this.#resources.get(service);
    if (known !== undefined) return known;
    const resource = base.merge(resourceFromAttributes({ 'service.name': service }));
    this.#resources.set(service, resource);
    return resource;
  }
}
