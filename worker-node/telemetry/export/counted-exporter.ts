import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { withDeadline } from '../../../shared/deadline.ts';
import { describeThrown } from '../../../shared/errors.ts';
import type { Losses } from './losses.ts';

/** The library's words for an answer of 429, 502, 503 or 504: it does not say which. */
const BUSY = 'Export failed with retryable status';
/** What Node says about an answer that is not HTTP/1. */
const NOT_HTTP = /^Parse Error/;

/** An exporter of OpenTelemetry's SDK, of any signal. */
interface Exporter<Batch> {
  export(batch: Batch, done: (result: ExportResult) => void): void;
  forceFlush?(): Promise<void>;
  shutdown(): Promise<void>;
}

interface Counting<Batch> {
  readonly losses: Losses;
  /** How much is in a batch. */
  readonly sizeOf: (batch: Batch) => number;
  /** Is called with the size of each batch when it leaves the queue. */
  readonly taken?: (size: number) => void;
}

/** An exporter that counts what is in each batch that was not taken. */
export class CountedExporter<Batch> {
  readonly #exporter: Exporter<Batch>;
  readonly #counting: Counting<Batch>;
  /** The batches without an answer, with their sizes. */
  readonly #open = new Map<Promise<void>, number>();
  /** When batches are no longer sent, on the clock of `performance.now()`. */
  #endsAt = Number.POSITIVE_INFINITY;

  constructor(exporter: Exporter<Batch>, counting: Counting<Batch>) {
    this.#exporter = exporter;
    this.#counting = counting;
  }

  /** Batches that come later than this are lost: a process that stops must not wait for each one. */
  endIn(ms: number): void {
    this.#endsAt = Math.min(this.#endsAt, performance.now() + ms);
  }

  export(batch: Batch, done: (result: ExportResult) => void): void {
    const { losses, sizeOf, taken } = this.#counting;
    const size = sizeOf(batch);
    taken?.(size);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#open.set(promise, size);
    const end = (result: ExportResult): void => {
      resolve();
      done(result);
    };
    const fail = (error: Error | undefined): void => {
      if (this.#open.delete(promise)) losses.add('exportFailed', size, causeOf(error));
      end({ code: ExportResultCode.FAILED, ...(error && { error }) });
    };
    if (performance.now() > this.#endsAt) {
      fail(new Error('the process ends'));
      return;
    }
    try {
      this.#exporter.export(batch, (result) => {
        if (result.code === ExportResultCode.FAILED) return fail(result.error);
        this.#open.delete(promise);
        end(result);
      });
    } catch (thrown) {
      // It could not be written as JSON.
      fail(new Error(describeThrown(thrown)));
    }
  }

  /** Waits for the answers to all batches. What has none after `limitMs` is lost. */
  async answered(limitMs: number): Promise<void> {
    const late = (): Error => new Error('the collector has not answered in time');
    await withDeadline(Promise.all(this.#open.keys()), limitMs, late).catch(() => undefined);
    for (const size of this.#open.values()) this.#counting.losses.add('exportFailed', size, late().message);
    this.#open.clear();
  }

  async forceFlush(): Promise<void> {
    if (this.#exporter.forceFlush !== undefined) await this.#exporter.forceFlush();
  }

  async shutdown(): Promise<void> {
    await this.#exporter.shutdown();
  }
}

/** Says in one sentence what went wrong. The address of the collector may hold a secret, so it is not in it. */
function causeOf(error: (Error & { readonly code?: unknown }) | undefined): string {
  if (typeof error?.code === 'number') return `status ${error.code}`;
  if (error?.message === BUSY) return 'status 429, 502, 503 or 504, also after more tries';
  const message = describeThrown(error ?? 'no answer');
  return NOT_HTTP.test(message)
    ? 'the endpoint does not speak HTTP/1.1; is it the port for gRPC? The one for HTTP is usually 4318'
    : message;
}
