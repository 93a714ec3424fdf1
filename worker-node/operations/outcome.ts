/** Marks the values that the functions below return. */
const OUTCOME = Symbol.for('throughline.outcome');

/**
 * - `done`: the job succeeded with this result.
 * - `retry`: try again with back-off, while attempts are left.
 * - `retryAfter`: the same, after this many milliseconds.
 * - `reject`: never again; the job failed.
 */
export type Outcome =
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'retry'; readonly code: string; readonly message: string }
  | {
      readonly kind: 'retry-after';
      readonly code: string;
      readonly message: string;
      readonly delayMs: number;
    }
  | { readonly kind: 'reject'; readonly code: string; readonly message: string };

/** A day. A job that has to wait longer is better submitted again. */
const MAX_DELAY_MS = 24 * 60 * 60 * 1_000;

type Marked = Outcome & { readonly [OUTCOME]: true };

/** The job succeeded. This is the same as returning `result`. */
export function done(result?: unknown): Outcome {
  return mark({ kind: 'done', result });
}

/** The attempt failed, and another may succeed. This is the same as throwing. */
export function retry(message: string): Outcome {
  return mark({ kind: 'retry', code: 'operation-failed', message });
}

/** The attempt failed, and another may succeed after `delayMs` milliseconds, at most a day. */
export function retryAfter(delayMs: number, message: string): Outcome {
  // The delay is computed by the operation's code: it may be NaN or infinite.
  const finite = Number.isNaN(delayMs) ? 0 : delayMs;
  const bounded = Math.min(Math.max(0, finite), MAX_DELAY_MS);
  return mark({ kind: 'retry-after', code: 'operation-failed', message, delayMs: bounded });
}

/** No attempt can succeed: the job fails now and goes to the dead letters. */
export function reject(message: string): Outcome {
  return mark({ kind: 'reject', code: 'operation-rejected', message });
}

/** Whether one of the functions above made `value`. Any other value that an operation returns is its result. */
export function isOutcome(value: unknown): value is Outcome {
  return typeof value === 'object' && value !== null && (value as Partial<Marked>)[OUTCOME] === true;
}

function mark(outcome: Outcome): Outcome {
  return Object.defineProperty(outcome, OUTCOME, { value: true });
}
