import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';

/** The limits of a {@link SpanQueue}. */
export interface SpanQueueLimits {
  readonly maxQueueSize: number;
  readonly maxBatchSize: number;
  /** The most bytes of all spans that wait or are being exported. */
  readonly maxBytes: number;
}

/** Spans that are exported together. */
export interface Batch {
  readonly spans: readonly ReadableSpan[];
  readonly bytes: number;
}

/** A batch has at most this part of the bytes of a queue, unless a single span has more. */
const BATCH_PART = 4;

/** Ended spans that wait for their export, first in, first out. The bytes of spans count until their export has ended. */
export class SpanQueue {
  readonly #limits: SpanQueueLimits;
  #waiting: { readonly span: ReadableSpan; readonly bytes: number }[] = [];
  /** Of all spans that wait or are being exported. */
  #bytes = 0;

  constructor(limits: SpanQueueLimits) {
    this.#limits = limits;
  }

  /** The number of spans that wait. */
  get size(): number {
    return this.#waiting.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a span. @returns false if it does not fit */
  add(span: ReadableSpan, bytes: number): boolean {
    const { maxQueueSize, maxBytes } = this.#limits;
    if (this.#waiting.length >= maxQueueSize || this.#bytes + bytes > maxBytes) return false;
    this.#waiting.push({ span, bytes });
    this.#bytes += bytes;
    return true;
  }

  /** Takes the next batch. Give it to {@link done} when its export has ended. */
  take(): Batch {
    const { maxBatchSize, maxBytes } = this.#limits;
    let count = 0;
    let bytes = 0;
    for (const waiting of this.#waiting) {
      if (count >= maxBatchSize || (count > 0 && bytes + waiting.bytes > maxBytes / BATCH_PART)) break;
      count++;
      bytes += waiting.bytes;
    }
    const taken = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return { spans: taken.map(({ span }) => span), bytes };
  }

  /** Gives the room of a batch back. */
  done({ bytes }: Batch): void {
    this.#bytes -= bytes;
  }
}
