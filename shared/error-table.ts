import { describeThrown, type ErrorCode, isThroughlineError, ThroughlineError } from './errors.ts';

/** How a worker answers the broker after an error. `nak`: try again while attempts are left. `term`: never again. */
type FailureAck = 'nak' | 'term';

interface ErrorEntry {
  /** HTTP status of the problem document (RFC 9457). */
  readonly status: number;
  /** Short summary, the same for every occurrence (RFC 9457, section 3.1.3). */
  readonly title: string;
  /** How the worker answers the broker when a job ends with this error. */
  readonly ack: FailureAck;
}

/**
 * What each code means, for an HTTP answer and for the broker. No other place maps codes to HTTP statuses or acks. The table has
 * a file of its own, so that the client, which imports the codes, stays small.
 */
export const ERRORS: Readonly<Record<ErrorCode, ErrorEntry>> = {
  'request-invalid': { status: 400, title: 'The request is not valid', ack: 'term' },
  unauthenticated: { status: 401, title: 'A valid API key or token is needed', ack: 'term' },
  forbidden: { status: 403, title: 'The caller may not do this', ack: 'term' },
  'route-unknown': { status: 404, title: 'There is nothing at this address', ack: 'term' },
  'job-unknown': { status: 404, title: 'There is no such job', ack: 'term' },
  'dead-letter-unknown': { status: 404, title: 'There is no such dead letter', ack: 'term' },
  'schedule-unknown': { status: 404, title: 'There is no such schedule', ack: 'term' },
  'cursor-unknown': { status: 404, title: 'There is no such cursor or event id', ack: 'term' },
  'body-timeout': { status: 408, title: 'The body did not arrive in time', ack: 'nak' },
  'not-dead': { status: 409, title: 'The job is not dead', ack: 'term' },
  'method-not-allowed': { status: 405, title: 'The method is not allowed here', ack: 'term' },
  'job-finished': { status: 409, title: 'The job has already ended', ack: 'term' },
  'schedule-busy': { status: 409, title: 'The job of the last run has not ended', ack: 'nak' },
  'payload-too-large': { status: 413, title: 'The payload is too large', ack: 'term' },
  'media-type-unsupported': { status: 415, title: 'The media type is not supported', ack: 'term' },
  'operation-unknown': { status: 422, title: 'No worker has announced this operation', ack: 'term' },
  'operation-unserved': { status: 503, title: 'No worker host serves this operation now', ack: 'nak' },
  'input-invalid': { status: 422, title: "The input does not fit the operation's schema", ack: 'term' },
  'idempotency-key-reused': {
    status: 422,
    title: 'The idempotency key belongs to another request',
    ack: 'term',
  },
  'rate-limited': { status: 429, title: 'There were too many requests', ack: 'nak' },
  'too-many-waits': { status: 429, title: 'There are too many open waits', ack: 'nak' },
  'quota-exceeded': { status: 429, title: 'A quota of the tenant is used up', ack: 'nak' },
  'too-many-streams': { status: 429, title: 'There are too many open event streams', ack: 'nak' },
  'outbox-share-full': { status: 429, title: 'Your share of the outbox is full', ack: 'nak' },
  internal: { status: 500, title: 'Something went wrong inside', ack: 'nak' },
  'config-invalid': { status: 500, title: 'The configuration is not valid', ack: 'nak' },
  'delay-unsupported': { status: 501, title: 'The message broker cannot delay jobs', ack: 'term' },
  'broker-unavailable': { status: 503, title: 'The message broker cannot be reached', ack: 'nak' },
  'index-unavailable': { status: 503, title: 'The list of jobs cannot be read now', ack: 'nak' },
  'schedules-unavailable': { status: 503, title: 'The schedules cannot be reached now', ack: 'nak' },
  'broker-refused': { status: 503, title: 'The message broker refused the job', ack: 'nak' },
  'broker-rejected': { status: 502, title: 'The message broker will not take this job', ack: 'term' },
  'record-unreadable': { status: 502, title: 'The record of the job cannot be read', ack: 'term' },
  'stream-full': { status: 503, title: 'The job queue is full', ack: 'nak' },
  'outbox-full': { status: 503, title: 'The outbox is full', ack: 'nak' },
  'message-invalid': { status: 400, title: 'The message cannot be read as a job', ack: 'term' },
  'operation-failed': { status: 500, title: 'The operation failed', ack: 'nak' },
  'operation-timeout': { status: 504, title: 'The operation did not end in time', ack: 'nak' },
  'operation-rejected': { status: 422, title: 'The operation rejected the job', ack: 'term' },
  'result-too-large': { status: 422, title: 'The result is too large to be stored', ack: 'term' },
  'worker-stopping': { status: 503, title: 'The worker is stopping', ack: 'nak' },
  'attempt-superseded': { status: 409, title: 'Another worker has the job', ack: 'term' },
  'attempts-spent': { status: 500, title: 'All attempts are spent', ack: 'term' },
  'job-cancelled': { status: 409, title: 'The job was cancelled', ack: 'term' },
  'callback-failed': { status: 502, title: 'The callback was not accepted', ack: 'nak' },
  'callback-gone': { status: 410, title: 'The receiver no longer wants callbacks', ack: 'term' },
  'callback-unsigned': { status: 500, title: 'There is no secret to sign the callback with', ack: 'nak' },
  'target-refused': { status: 403, title: 'The target is not on the allow-list', ack: 'term' },
};

/** The HTTP status of the answer for an error. */
export function statusOf({ code }: Pick<ThroughlineError, 'code'>): number {
  return ERRORS[code].status;
}

/**
 * Turns whatever was thrown into a ThroughlineError. A ThroughlineError stays as it is; anything else becomes the `cause` of
 * an error with the code `fallback`. Its own message is not shown: it could hold what a caller must not see.
 */
export function errorFrom(thrown: unknown, fallback: ErrorCode = 'internal'): ThroughlineError {
  if (isThroughlineError(thrown)) return thrown;
  return new ThroughlineError(fallback, ERRORS[fallback].title, { cause: thrown });
}

/** Why something failed, for the log alone: the message of an error, or what is behind one with the code `internal`. */
export function logReason({ code, message, cause }: ThroughlineError): string {
  return code === 'internal' && cause !== undefined ? describeThrown(cause) : message;
}
