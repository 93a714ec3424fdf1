import { type Context, type Span, TraceFlags } from '@opentelemetry/api';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { serviceOf } from './service.ts';

/** Sends ended spans away; resolves whether or not they arrived, and says how many did not. */
export type SendSpans = (spans: readonly ReadableSpan[]) => Promise<{ readonly lost: number }>;

export interface SpanProcessorOptions {
  readonly maxQueueSize: number;
  readonly maxBatchSize: number;
  /** Milliseconds during which spans of all requests gather into one export. */
  readonly windowMs: number;
  readonly wait: (ms: number) => Promise<unknown>;
  readonly now: () => number;
}

/** After this long past its window a flush that never came is given up, and the next one takes over. */
const LEASE_GRACE_MS = 1_000;

/**
 * The span processor for workerd: one bounded queue of ended spans per isolate.
 *
 * A request may not await what another request started, so nothing but data is shared: ended spans, and the time
 * until which some request has promised to export. The first flush of a window waits it out inside its own
 * `waitUntil` and exports whatever ended meanwhile, for all; flushes within the window have nothing to do. The
 * promise is a lease: when its request is cut off, the next flush takes over. No entry outlives its export, and no
 * map is keyed by trace, so requests with the same trace id cannot mix.
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

  /** Spans that wait for an export. */
  get queued(): number {
    return this.#ended.length;
  }

  /** Spans that were dropped so far: the queue was full, or an export failed. */
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

  /** To be called inside a request's `waitUntil`, after its spans ended. Never rejects. */
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
      // Not `+= await`: that would read the sum before the other batches add to it.
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
