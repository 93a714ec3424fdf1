import { ThroughlineError } from '../../shared/errors.ts';
import type { PostAnswer } from './post.ts';
import { retryAfterOf } from './schedule.ts';

/** What one delivery came to. */
export interface Verdict {
  /** What the receiver answered, if it did. */
  readonly status: number | undefined;
  /** Absent: it was delivered. Otherwise its code says whether to try again. */
  readonly error: ThroughlineError | undefined;
  /** How long the receiver wants to be left alone. */
  readonly notBeforeMs: number;
}

/** Answers whose `Retry-After` is about the receiver's load. */
const BUSY = [429, 503];

/** What an answer means: 2xx is delivered, 410 is a farewell, everything else, a redirect too, is tried again. */
export function verdictOfAnswer({ status, retryAfter }: PostAnswer, now: number): Verdict {
  if (status >= 200 && status <= 299) return { status, error: undefined, notBeforeMs: 0 };
  const code = status === 410 ? 'callback-gone' : 'callback-failed';
  return {
    status,
    error: new ThroughlineError(code, `the receiver answered ${status}`),
    notBeforeMs: BUSY.includes(status) ? retryAfterOf(retryAfter, now) : 0,
  };
}

/** What a delivery without an answer means. The text of a foreign error may tell of our network; its code does not. */
export function verdictOfThrow(thrown: unknown, timedOut: string | undefined): Verdict {
  const error = thrown instanceof ThroughlineError ? thrown : unanswered(thrown, timedOut);
  return { status: undefined, error, notBeforeMs: 0 };
}

function unanswered(thrown: unknown, timedOut: string | undefined): ThroughlineError {
  const { code } = (thrown ?? {}) as { readonly code?: unknown };
  const why = timedOut ?? `the receiver cannot be reached (${typeof code === 'string' ? code : 'no answer'})`;
  return new ThroughlineError('callback-failed', why, { cause: thrown });
}
