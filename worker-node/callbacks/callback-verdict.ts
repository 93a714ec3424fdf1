import { errorFrom } from '../../shared/error-table.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { retryAfterMs } from '../../shared/text/retry-after.ts';
import type { PostAnswer } from './post.ts';
import type { Reply } from './receiver-health.ts';

/** How one delivery of a callback ended. */
export interface Verdict {
  /** The receiver's HTTP status; undefined if the receiver did not answer. */
  readonly status: number | undefined;
  /** Undefined if the callback was delivered. Otherwise the code of the error says whether to try again. */
  readonly error: ThroughlineError | undefined;
  /** How many milliseconds the receiver asks us to wait; 0 if it does not ask. */
  readonly notBeforeMs: number;
}

/** Statuses whose `Retry-After` says when the receiver can take the callback. */
const BUSY = [429, 503];

/**
 * Returns the verdict of an answer. A 2xx status means that the callback was delivered, and 410 ends the attempts.
 * After any other status, also after a redirect, the callback is sent again.
 */
export function verdictOfAnswer({ status, retryAfter }: PostAnswer, now: number): Verdict {
  if (status >= 200 && status <= 299) return { status, error: undefined, notBeforeMs: 0 };
  const code = status === 410 ? 'callback-gone' : 'callback-failed';
  return {
    status,
    error: new ThroughlineError(code, `the receiver answered ${status}`),
    notBeforeMs: BUSY.includes(status) ? (retryAfterMs(retryAfter, now) ?? 0) : 0,
  };
}

/**
 * Returns the verdict of a POST without an answer.
 * @param timedOut a sentence saying that the time limit passed; undefined if it did not pass
 */
export function verdictOfThrow(thrown: unknown, timedOut: string | undefined): Verdict {
  const error =
    timedOut === undefined
      ? errorFrom(thrown, 'callback-failed')
      : new ThroughlineError('callback-failed', timedOut, { cause: thrown });
  return { status: undefined, error, notBeforeMs: 0 };
}

/** The verdict of a callback that is given up without a POST, because its receiver has not answered for too long. */
export function verdictOfSilence(): Verdict {
  const error = new ThroughlineError(
    'callback-failed',
    'the receiver has not answered for all the time of the attempts',
  );
  return { status: undefined, error, notBeforeMs: 0 };
}

/** What a verdict says about the receiver. */
export function replyOf({ status, error }: Verdict): Reply {
  if (status !== undefined) return 'answered';
  return error?.code === 'callback-failed' ? 'silent' : 'unsent';
}
