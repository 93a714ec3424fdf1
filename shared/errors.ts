/**
 * The one error class of Throughline, its codes, and the one table that says what each code means for an HTTP answer and
 * for the broker.
 */
import type { JobState } from './job/job.ts';
import type { SpentQuota } from './quotas.ts';

/** How a worker answers the broker after an error. `nak`: try again while attempts are left. `term`: never again. */
type FailureAck = 'nak' | 'term';

interface ErrorEntry {
  /** HTTP status of the problem document (RFC 9457). */
  readonly status: number;
  /** Short summary, the same for every occurrence (RFC 9457, section 3.1.3). */
  readonly title: string;
  readonly ack: FailureAck;
}

/** The codes that the HTTP API answers with. The OpenAPI document has each of them. */
const API_ERRORS = {
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
} as const satisfies Record<string, ErrorEntry>;

/** The codes that stand only in jobs, events and dead letters. */
const JOB_ERRORS = {
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
} as const satisfies Record<string, ErrorEntry>;

/** What each code means. No other place maps errors to HTTP statuses or acks. */
export const ERRORS = { ...API_ERRORS, ...JOB_ERRORS } as const;

export type ErrorCode = keyof typeof ERRORS;
/** A code that the HTTP API answers with. */
export type ApiErrorCode = keyof typeof API_ERRORS;

/** Whether the HTTP API may answer with this code. */
export function isApiErrorCode(code: string): code is ApiErrorCode {
  return Object.hasOwn(API_ERRORS, code);
}

/** Where and how a value is wrong; `path` is a JSON Pointer (RFC 6901) into the body. */
export interface Violation {
  readonly path: string;
  readonly message: string;
}

interface ThroughlineErrorOptions {
  /** The error that caused this one, for the log. A caller never sees it. */
  readonly cause?: unknown;
  readonly violations?: readonly Violation[];
  /** Names close to a name that is not known. */
  readonly suggestions?: readonly string[];
  /** Seconds after which trying again makes sense (`Retry-After`). */
  readonly retryAfterSeconds?: number;
  /** The state of the job that the error is about. */
  readonly state?: JobState;
  /** The quota that the request was refused for. */
  readonly quota?: SpentQuota;
}

/** The error that Throughline throws. Its `message` is safe to show to a caller. */
export class ThroughlineError extends Error {
  readonly code: ErrorCode;
  readonly violations: readonly Violation[];
  readonly suggestions: readonly string[];
  readonly retryAfterSeconds: number | undefined;
  readonly state: JobState | undefined;
  readonly quota: SpentQuota | undefined;

  constructor(code: ErrorCode, message: string, options: ThroughlineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ThroughlineError';
    this.code = code;
    this.violations = options.violations ?? [];
    this.suggestions = options.suggestions ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.state = options.state;
    this.quota = options.quota;
  }

  /** HTTP status of {@link code}. */
  get status(): number {
    return ERRORS[this.code].status;
  }

  /** How the worker answers the broker when a job ends with this error. */
  get ack(): FailureAck {
    return ERRORS[this.code].ack;
  }

  /**
   * Turns whatever was thrown into a ThroughlineError. A ThroughlineError stays as it is; anything else becomes the
   * `cause` of an error with the code `fallback`. Its own message is not shown: it could hold what a caller must not see.
   */
  static from(thrown: unknown, fallback: ErrorCode = 'internal'): ThroughlineError {
    if (isThroughlineError(thrown)) return thrown;
    return new ThroughlineError(fallback, ERRORS[fallback].title, { cause: thrown });
  }
}

/** Whether one of our functions threw this. Never throws, whatever `thrown` is. */
export function isThroughlineError(thrown: unknown): thrown is ThroughlineError {
  try {
    return thrown instanceof ThroughlineError;
  } catch {
    // A proxy may refuse to tell its prototype.
    return false;
  }
}

const MAX_DESCRIPTION = 2_000;

/** The message of anything that can be thrown, as one line of at most 2,000 characters. Never throws. */
export function describeThrown(thrown: unknown): string {
  const text = textOf(thrown);
  const line = text.slice(0, MAX_DESCRIPTION).replace(/[\r\n]+/g, ' ');
  return text.length <= MAX_DESCRIPTION ? line : `${line}…`;
}

function textOf(thrown: unknown): string {
  try {
    if (isError(thrown)) return String(thrown.message || thrown.name);
    return typeof thrown === 'string' ? thrown : (JSON.stringify(thrown) ?? String(thrown));
  } catch {
    return 'a value that cannot be shown';
  }
}

/** Also of another realm, such as that of `node:vm`. May throw for a proxy. */
function isError(thrown: unknown): thrown is Error {
  return thrown instanceof Error || Object.prototype.toString.call(thrown) === '[object Error]';
}

const RETRY_AFTER_SECONDS = 1;

/** An error that says that NATS cannot be reached now, and why. */
export function unavailable(reason: string, cause?: unknown): ThroughlineError {
  return new ThroughlineError('broker-unavailable', `the message broker cannot be reached: ${reason}`, {
    cause,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

/** The most of a name or an id that an error repeats. */
const SHOWN_NAME = 64;

/** The error for an id of a job that the caller does not have. */
export function unknownJob(id: string): ThroughlineError {
  return notYours('job-unknown', 'job', 'id', id, 'GET /v1/jobs lists your jobs');
}

/** The error for an id of a job that is no dead letter of the caller. */
export function unknownDeadLetter(id: string): ThroughlineError {
  return notYours('dead-letter-unknown', 'dead letter', 'id', id, 'GET /v1/dead-letters lists them');
}

/**
 * The error for something that the caller does not have.
 * @param list a sentence that tells how to find what there is
 */
export function notYours(
  code: ErrorCode,
  kind: string,
  by: 'id' | 'name',
  value: string,
  list: string,
): ThroughlineError {
  const shown = JSON.stringify(value.slice(0, SHOWN_NAME));
  return new ThroughlineError(code, `no ${kind} of yours has the ${by} ${shown}; ${list}`);
}
