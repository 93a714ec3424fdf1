import type { SpanRecord } from '../../shared/trace/span-record.ts';

type SpansOf = (traceId: string) => SpanRecord[];
type Predicate = (spans: SpanRecord[]) => boolean;

/** The callers that wait for spans of a trace. */
export class SpanWaiters {
  readonly #waiters = new Set<Waiter>();
  readonly #spansOf: SpansOf;

  constructor(spansOf: SpansOf) {
    this.#spansOf = spansOf;
  }

  /**
   * Resolves with the spans of a trace when `predicate` is true for them.
   * @throws Error after `timeoutMs`, with the spans that arrived; whatever `predicate` throws
   */
  wait(traceId: string, predicate: Predicate, timeoutMs: number): Promise<SpanRecord[]> {
    const waiter = new Waiter(traceId, this.#spansOf, predicate);
    const late = `the expected spans did not arrive within ${timeoutMs} ms`;
    const timer = setTimeout(() => waiter.fail(late), timeoutMs);
    this.#waiters.add(waiter);
    waiter.check();
    return waiter.spans.finally(() => {
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
}

class Waiter {
  readonly traceId: string;
  readonly #spansOf: SpansOf;
  readonly #predicate: Predicate;
  readonly #result = Promise.withResolvers<SpanRecord[]>();

  constructor(traceId: string, spansOf: SpansOf, predicate: Predicate) {
    this.traceId = traceId;
    this.#spansOf = spansOf;
    this.#predicate = predicate;
  }

  get spans(): Promise<SpanRecord[]> {
    return this.#result.promise;
  }

  /** Ends the wait if the predicate is now true. */
  check(): void {
    try {
      const spans = this.#spansOf(this.traceId);
      if (this.#predicate(spans)) this.#result.resolve(spans);
    } catch (error) {
      this.#result.reject(error);
    }
  }

  fail(reason: string): void {
    const spans = this.#spansOf(this.traceId);
    const head = `trace ${this.traceId}: ${reason}; ${spans.length} spans arrived`;
    this.#result.reject(new Error([head, ...spans.map(describe)].join('\n')));
  }
}

function describe({ service, kind, name, status, spanId, parentSpanId = 'none' }: SpanRecord): string {
  return `  ${service} ${kind} ${JSON.stringify(name)} ${status} ${spanId} parent ${parentSpanId}`;
}
