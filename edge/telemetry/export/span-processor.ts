import { type Context, type Span, TraceFlags } from '@opentelemetry/api';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { serviceOf } from '../service.ts';
import type { LossReason, SpanCounts } from './span-counts.ts';
import { limitSpan } from './span-limits.ts';
import { type Batch, SpanQueue, type SpanQueueLimits } from './span-queue.ts';

/** How many spans of a batch were lost, and why. */
export interface SendResult {
  readonly lost: number;
  /** By default `exportFailed`. */
  readonly why?: LossReason;
  /** What the collector answered. */
  readonly reason?: string;
  /** How many milliseconds the collector asks to wait before the next export. */
  readonly pauseMs?: number;
}

/** Exports ended spans. */
export type SendSpans = (spans: readonly ReadableSpan[]) => Promise<SendResult>;

export interface SpanProcessorOptions extends SpanQueueLimits {
  /** How many milliseconds a flush collects the spans of all requests for one export. */
  readonly windowMs: number;
  readonly wait: (ms: number) => Promise<unknown>;
  readonly now: () => number;
}

/** A flush that is later than its window by more than this was cut off with its request. The next flush then takes over. */
const LEASE_GRACE_MS = 1_000;
/** The same for an export. It is longer than any export takes (`OTEL_BSP_EXPORT_TIMEOUT`). */
const EXPORT_LEASE_MS = 25_000;
/** How long one flush goes on. Then the flush of another request takes over, because the platform cuts off long requests. */
const FLUSH_MS = 10_000;

/** The right of one flush to export. */
interface Lease {
  until: number;
  /** What is being exported. */
  batch?: Batch | undefined;
}

/**
 * The span processor for workerd, with one queue of ended spans for each isolate. It is bounded in spans and in bytes.
 *
 * In workerd a request must not await work that another request started. For this reason requests share only data: the
 * ended spans and a lease. The first flush takes the lease, waits for the window to pass inside its own `waitUntil`,
 * and exports the spans of all requests, one batch at a time. Other flushes during the lease do nothing. When the request
 * with the lease is cut off, the lease runs out, and the next flush takes it.
 */
export class EdgeSpanProcessor implements SpanProcessor {
  readonly #send: SendSpans;
  readonly #counts: SpanCounts;
  readonly #options: SpanProcessorOptions;
  readonly #resources = new Map<string, Resource>();
  readonly #queue: SpanQueue;
  #lease: Lease | undefined;
  /** Nothing is sent to the collector before this time, in epoch milliseconds: it asked for a pause. */
  #pausedUntil = 0;

  constructor(send: SendSpans, counts: SpanCounts, options: SpanProcessorOptions) {
    this.#send = send;
    this.#counts = counts;
    this.#options = options;
    this.#queue = new SpanQueue(options);
  }

  /** The number of spans that wait for an export. */
  get queued(): number {
    return this.#queue.size;
  }

  /** The bytes of the spans that wait or are being exported. */
  get bytes(): number {
    return this.#queue.bytes;
  }

  onStart(span: Span, parentContext: Context): void {
    const service = serviceOf(parentContext);
    if (service === undefined) return;
    const readable = span as unknown as { resource: Resource };
    readable.resource = this.#resourceOf(service, readable.resource);
  }

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    if (!this.#queue.add(span, limitSpan(span))) this.#counts.addLost('queueFull', 1);
  }

  /** As {@link flush}. */
  async forceFlush(): Promise<void> {
    await this.flush();
  }

  /**
   * Exports the ended spans. Call this after the spans of a request have ended.
   * @returns work for the request's `waitUntil`, which never rejects; undefined if another request does it
   */
  flush(): Promise<void> | undefined {
    this.#counts.tell();
    if (this.#queue.size === 0 || this.#options.now() < (this.#lease?.until ?? 0)) return undefined;
    return this.#exportAll();
  }

  async #exportAll(): Promise<void> {
    const { now, wait, windowMs } = this.#options;
    this.#writeOff();
    const endAt = now() + FLUSH_MS;
    const lease: Lease = { until: 0 };
    this.#lease = lease;
    while (this.#lease === lease && this.#queue.size > 0 && now() < endAt) {
      const waitMs = Math.max(windowMs, this.#pausedUntil - now());
      if (now() + waitMs > endAt) break;
      lease.until = now() + waitMs + LEASE_GRACE_MS;
      await wait(waitMs).catch(() => undefined);
      await this.#exportQueue(lease);
    }
    if (this.#lease === lease) this.#lease = undefined;
  }

  async shutdown(): Promise<void> {
    const lease: Lease = { until: Number.POSITIVE_INFINITY };
    this.#writeOff();
    this.#lease = lease;
    await this.#exportQueue(lease);
  }

  /** Exports the spans that wait now, while the flush has its lease. */
  async #exportQueue(lease: Lease): Promise<void> {
    for (let left = this.#queue.size; left > 0 && this.#lease === lease && !this.#isPaused(); ) {
      const batch = this.#queue.take();
      left -= batch.spans.length;
      lease.until = Math.max(lease.until, this.#options.now() + EXPORT_LEASE_MS);
      lease.batch = batch;
      const result = await this.#export(batch);
      // When the lease had run out, another flush has written the batch off.
      if (lease.batch === undefined) return;
      this.#end(lease, batch, result);
    }
  }

  async #export({ spans }: Batch): Promise<SendResult> {
    try {
      return await this.#send(spans);
    } catch {
      return { lost: spans.length };
    }
  }

  /** Counts the batch of a flush that was cut off as lost. */
  #writeOff(): void {
    const lease = this.#lease;
    if (lease?.batch !== undefined) this.#end(lease, lease.batch, { lost: lease.batch.spans.length });
  }

  #end(lease: Lease, batch: Batch, { lost, why = 'exportFailed', reason, pauseMs = 0 }: SendResult): void {
    lease.batch = undefined;
    this.#queue.done(batch);
    this.#pausedUntil = this.#options.now() + pauseMs;
    this.#counts.addExported(batch.spans.length - lost);
    this.#counts.addLost(why, lost, reason);
  }

  #isPaused(): boolean {
    return this.#options.now() < this.#pausedUntil;
  }

  #resourceOf(service: string, base: Resource): Resource {
    const known = this.#resources.get(service);
    if (known !== undefined) return known;
    const resource = base.merge(resourceFromAttributes({ 'service.name': service }));
    this.#resources.set(service, resource);
    return resource;
  }
}
