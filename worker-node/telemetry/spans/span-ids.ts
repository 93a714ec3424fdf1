import { randomBytes } from 'node:crypto';
import { INVALID_SPANID, INVALID_TRACEID } from '@opentelemetry/api';
import type { IdGenerator } from '@opentelemetry/sdk-trace';

const TRACE_DIGITS = 32;
const SPAN_DIGITS = 16;
/** Enough for 128 ids of spans: a text that is cut out of a longer one keeps the whole in memory. */
const BYTES = 1_024;

/** Makes the ids of traces and spans. Random bytes are asked for in larger pieces, since each call has its price. */
export class SpanIds implements IdGenerator {
  #digits = '';
  #at = 0;
  #next: string | undefined;

  readonly generateTraceId = (): string => this.#cut(TRACE_DIGITS, INVALID_TRACEID);

  readonly generateSpanId = (): string => this.#next ?? this.#cut(SPAN_DIGITS, INVALID_SPANID);

  /** Each span that `start` starts gets this id. @returns what `start` returns */
  withSpanId<Result>(id: string, start: () => Result): Result {
    this.#next = id;
    try {
      return start();
    } finally {
      this.#next = undefined;
    }
  }

  #cut(digits: number, invalid: string): string {
    if (this.#at + digits > this.#digits.length) {
      this.#digits = randomBytes(BYTES).toString('hex');
      this.#at = 0;
    }
    const id = this.#digits.slice(this.#at, this.#at + digits);
    this.#at += digits;
    return id === invalid ? this.#cut(digits, invalid) : id;
  }
}
