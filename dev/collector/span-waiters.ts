import type { SpanRecord } from '../../shared/trace/span-record.ts';

interface Waiter {
  traceId: string;
  /** Ends the wait if its predicate is now true. */
  check: () => void;
  fail: (reason: string) => void;
}

/** The callers that wait for spans of a trace. */
export class SpanWaiters {
  readonly #waiters = new Set<Waiter>();
  readonly #spansOf: (traceId: string) => SpanRecord[];

  constructor(spansOf: (traceId: string) => SpanRecord[]) {
    this.#spansOf = spansOf;
  }

  /**
   * Resolves with the spans of a trace when `predicate` is true for them.
   * @throws Error after `timeoutMs`, with the spans that arrived
   */
  wait(
    traceId: string,
    predicate: (spans: SpanRecord[]) => boolean,
    timeoutMs: number,
  ): Promise<SpanRecord[]> {
    const { promise, resolve, reject } = Promise.withResolvers<SpanRecord[]>();
    const fail = (reason: string): void => reject(new Error(this.#describe(traceId, reason)));
    const check = (): void => {
      try {
        const spans = this.#spansOf(traceId);
        if (predicate(spans)) resolve(spans);
      } catch (error) {
        reject(error);
      }
    };
    const waiter = { traceId, check, fail };
    const timer = setTimeout(
      () => fail(`the expected spans did not arrive within ${timeoutMs} ms`),
      timeoutMs,
    );
    this.#waiters.add(waiter);
    check();
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiters.delete(waiter);
    });
  }

  /** Call it when spans of these traces have arrived. */
  notify(traceIds: ReadonlySet<string>): void {
    for (const waiter of this.#waiters) if (traceIds.has(waiter.traceId)) waiter.check();
  }

  /** Rejects every wait. */
  close(): void {
    for (const waiter of this.#waiters) waiter.fail('the collector was closed');
  }

  #describe(traceId: string, reason: string): string {
    const spans = this.#spansOf(traceId);
    const lines = spans.map(
      ({ service, kind, name, status, spanId, parentSpanId = 'none' }) =>
        `  ${service} ${kind} ${JSON.stringify(name)} ${status} ${spanId} parent ${parentSpanId}`,
    );
    return [`trace ${traceId}: ${reason}; ${spans.length} spans arrived`, ...lines].join('\n');
  }
}
