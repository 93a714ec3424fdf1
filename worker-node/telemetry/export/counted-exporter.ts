import { ExportResultCode } from '@opentelemetry/core';
import { valueWithin } from '../../../shared/deadline.ts';
import { describeThrown } from '../../../shared/errors.ts';
import { startTimer } from '../../../shared/timers.ts';
import type { Losses } from './losses.ts';
import type { Exported } from './otlp-exporter.ts';

/** How long a process that ends waits for its collector: systemd and Kubernetes do not wait for ever. */
export const END_MS = 10_000;

/** The library's words for an answer of 429, 502, 503 or 504: it does not say which. */
const BUSY = 'Export failed with retryable status';
/** The library's words for an answer that did not come. */
const LATE = 'Request timed out';
/** What Node says about answers, and what that means. The first that fits counts. */
const MEANINGS: readonly (readonly [said: RegExp, meaning: string])[] = [
  [/^aborted$/, 'the connection was cut in the middle of an answer'],
  [/^socket hang up$/, 'the connection was closed without an answer'],
  [/^Parse Error: Header overflow/, 'the headers of the answer are too large'],
  [
    /^Parse Error/,
    'the endpoint does not speak HTTP/1.1; is it the port for gRPC? The one for HTTP is usually 4318',
  ],
];

/** An exporter of any signal. */
interface Exporter<Batch> {
  export(batch: Batch, done: (result: Exported) => void): void;
  forceFlush?(): Promise<void>;
  shutdown(): Promise<void>;
}

interface Counting<Batch> {
  readonly losses: Losses;
  /** What is counted, in a sentence: `spans`. */
  readonly what: string;
  /** How many milliseconds one try may take. With its other tries, a batch may take twice as long. */
  readonly timeoutMs: number;
  /** How much is in a batch. */
  readonly sizeOf: (batch: Batch) => number;
  /** Is called with the size of each batch when it leaves the queue. */
  readonly taken?: (size: number) => void;
}

/**
 * An exporter that counts what is in each batch that was not taken. It gives a batch up when its time is over: the library waits
 * for ever for an answer that goes on and on.
 */
export class CountedExporter<Batch> {
  readonly #exporter: Exporter<Batch>;
  readonly #counting: Counting<Batch>;
  /** The batches without an answer. Each is fulfilled at its end, and has what ends it. */
  readonly #open = new Map<Promise<void>, (result: Exported) => void>();
  /** When batches are no longer sent, on the clock of `performance.now()`. */
  #endsAt = Number.POSITIVE_INFINITY;

  constructor(exporter: Exporter<Batch>, counting: Counting<Batch>) {
    this.#exporter = exporter;
    this.#counting = counting;
  }

  export(batch: Batch, done: (result: Exported) => void): void {
    const { losses, sizeOf, taken, timeoutMs } = this.#counting;
    const size = sizeOf(batch);
    taken?.(size);
    losses.exports.inFlight += size;
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = (result: Exported): void => {
      if (!this.#open.delete(promise)) return;
      timer.stop();
      this.#count(size, result);
      resolve();
      done(result);
    };
    this.#open.set(promise, end);
    const fail = (error: Error): void => end({ code: ExportResultCode.FAILED, error });
    const timer = startTimer(2 * timeoutMs, () => fail(new Error('no whole answer came in time')));
    if (performance.now() > this.#endsAt) {
      fail(new Error('the process ends'));
      return;
    }
    try {
      this.#exporter.export(batch, end);
    } catch (thrown) {
      // It could not be written as JSON.
      fail(new Error(describeThrown(thrown)));
    }
  }

  #count(size: number, { code, error, rejected = 0, reason }: Exported): void {
    const { losses, what } = this.#counting;
    losses.exports.inFlight -= size;
    if (code === ExportResultCode.FAILED) {
      losses.add('exportFailed', size, causeOf(error));
      return;
    }
    losses.exports.taken += Math.max(0, size - rejected);
    const said = describeThrown(reason ?? '');
    if (rejected > 0) losses.add('rejected', rejected, `the collector rejected ${what}: ${said}`);
    else if (said !== '') losses.remark(`the collector took the ${what}, and warns: ${said}`);
  }

  /**
   * Waits for `sending`, which sends what is left when the process ends, and for all answers: a process that stops must not wait
   * for each batch.
   * @param limitMs batches that come later are lost; after twice the time, all that have no answer
   * @param endMs neither takes longer
   */
  async finish(sending: Promise<unknown>, limitMs: number, endMs = END_MS): Promise<void> {
    this.#endsAt = performance.now() + Math.min(limitMs, endMs);
    const answers = sending.then(() => Promise.all(this.#open.keys()));
    if ((await valueWithin(answers, Math.min(2 * limitMs, endMs))) !== undefined) return;
    // A timer may fire a little early, and what ends a batch sends the next one.
    this.#endsAt = Number.NEGATIVE_INFINITY;
    const error = new Error('the collector has not answered in time');
    for (const end of this.#open.values()) end({ code: ExportResultCode.FAILED, error });
    await sending;
  }

  async forceFlush(): Promise<void> {
    await this.#orNonePending(this.#exporter.forceFlush?.());
  }

  async shutdown(): Promise<void> {
    await this.#orNonePending(this.#exporter.shutdown());
  }

  /** Waits for the library, but not for batches that were given up. */
  async #orNonePending(library: Promise<void> | undefined): Promise<void> {
    await Promise.race([library, Promise.all(this.#open.keys())]);
  }
}

/** Says in one sentence what went wrong. The address of the collector may hold a secret, so it is not in it. */
function causeOf(error: (Error & { readonly code?: unknown }) | undefined): string {
  if (typeof error?.code === 'number') return statusCause(error.code);
  if (error?.message === BUSY) return 'status 429, 502, 503 or 504, also after more tries';
  if (error?.message === LATE) return 'no answer in time';
  const message = describeThrown(error ?? 'no answer');
  return MEANINGS.find(([said]) => said.test(message))?.[1] ?? message;
}

/** A redirect is not followed: the headers of an export may hold a key. */
function statusCause(status: number): string {
  const isRedirect = status >= 300 && status < 400;
  return `status ${status}${isRedirect ? ': a redirect is not followed; the endpoint must be where it leads' : ''}`;
}
