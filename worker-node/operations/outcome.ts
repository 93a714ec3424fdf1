import { describeValue, tellGiven } from './describe-value.ts';

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
const FAILED = 'operation-failed';
const REJECTED = 'operation-rejected';

type Retry = Extract<Outcome, { kind: 'retry' }>;
type RetryAfter = Extract<Outcome, { kind: 'retry-after' }>;
type Reject = Extract<Outcome, { kind: 'reject' }>;
type Marked = Outcome & { readonly [OUTCOME]: true };

/** The job succeeded. This is the same as returning `result`. */
export function done<Result = null>(result?: Result): { readonly kind: 'done'; readonly result: Result } {
  return mark({ kind: 'done', result: result as Result });
}

/** The attempt failed, and another may succeed. The caller reads the message. */
export function retry(message: string): Retry {
  return mark({ kind: 'retry', code: FAILED, message });
}

/** The attempt failed, and another may succeed after `delayMs` milliseconds, at most a day. The caller reads the message. */
export function retryAfter(delayMs: number, message: string): RetryAfter {
  return mark({ kind: 'retry-after', code: FAILED, message, delayMs });
}

/** No attempt can succeed: the job fails now and goes to the dead letters. The caller reads the message. */
export function reject(message: string): Reject {
  return mark({ kind: 'reject', code: REJECTED, message });
}

/**
 * Whether one of the functions above made `value`. Any other value that an operation returns is its result. Never throws.
 */
export function isOutcome(value: unknown): value is Outcome {
  try {
    return typeof value === 'object' && value !== null && (value as Partial<Marked>)[OUTCOME] === true;
  } catch {
    return false;
  }
}

/** Whether a value has the fields of an outcome that is no result. A spread, JSON, and the way from another thread leave no more of one. */
export function isCopyOfOutcome(value: object): boolean {
  const { kind, code, message } = value as Partial<Retry | RetryAfter | Reject>;
  if (typeof message !== 'string') return false;
  return kind === 'reject'
    ? code === REJECTED
    : (kind === 'retry' || kind === 'retry-after') && code === FAILED;
}

/**
 * Checks an outcome. Authors compute its values, and may have no types: in the answer, a text is a text, and a delay is
 * a whole number of milliseconds from 0 to a day. A delay that is not a number counts as none.
 * @param warn takes a sentence about what was wrong
 */
export function readOutcome(outcome: Outcome, warn: (sentence: string) => void): Outcome {
  switch (outcome.kind) {
    case 'done':
      return { kind: 'done', result: outcome.result };
    case 'reject':
      return {
        kind: 'reject',
        code: REJECTED,
        message: textOf(outcome.message, 'the operation rejected the job'),
      };
    default:
      return readRetry(outcome, warn);
  }
}

function readRetry(
  outcome: Exclude<Outcome, { kind: 'done' | 'reject' }>,
  warn: (sentence: string) => void,
): Outcome {
  const message = textOf(outcome.message, 'the operation asked for another attempt');
  const again = { kind: 'retry', code: FAILED, message } as const;
  if (outcome.kind !== 'retry-after') return again;
  const delayMs: unknown = outcome.delayMs;
  if (typeof delayMs === 'number' && !Number.isNaN(delayMs)) {
    const wholeMs = Math.round(Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    return { ...again, kind: 'retry-after', delayMs: wholeMs };
  }
  warn(
    `retryAfter was given ${describeValue(delayMs)}, not a number of milliseconds; the pause is that of the retry policy`,
  );
  return again;
}

function textOf(message: unknown, fallback: string): string {
  if (message === undefined || message === null || message === '') return fallback;
  // Its text would be a part of the program.
  return typeof message === 'function' ? describeValue(message) : tellGiven(message);
}

function mark<O extends Outcome>(outcome: O): O {
  return Object.defineProperty(outcome, OUTCOME, { value: true });
}
