/** The one error class of Throughline, and its codes. What a code means, such as its HTTP status, is in error-table.ts. */
import type { JobState } from './job/job.ts';
import type { SpentQuota } from './quotas.ts';
import { shortened } from './text/shortened.ts';

/** The codes that the HTTP API answers with. The OpenAPI document has each of them. */
export const API_ERROR_CODES = [
  'request-invalid',
  'unauthenticated',
  'forbidden',
  'route-unknown',
  'job-unknown',
  'dead-letter-unknown',
  'schedule-unknown',
  'cursor-unknown',
  'body-timeout',
  'not-dead',
  'method-not-allowed',
  'job-finished',
  'schedule-busy',
  'payload-too-large',
  'media-type-unsupported',
  'operation-unknown',
  'operation-unserved',
  'input-invalid',
  'idempotency-key-reused',
  'rate-limited',
  'too-many-waits',
  'quota-exceeded',
  'too-many-streams',
  'outbox-share-full',
  'internal',
  'config-invalid',
  'delay-unsupported',
  'broker-unavailable',
  'index-unavailable',
  'schedules-unavailable',
  'broker-refused',
  'broker-rejected',
  'record-unreadable',
  'stream-full',
  'outbox-full',
] as const;

/** The codes that stand only in jobs, events and dead letters. */
const JOB_ERROR_CODES = [
  'message-invalid',
  'operation-failed',
  'operation-timeout',
  'operation-rejected',
  'result-too-large',
  'worker-stopping',
  'attempt-superseded',
  'attempts-spent',
  'job-cancelled',
  'callback-failed',
  'callback-gone',
  'callback-unsigned',
  'target-refused',
] as const;

/** All codes. The client does not import this list, so that it stays small. */
export const ERROR_CODES = [...API_ERROR_CODES, ...JOB_ERROR_CODES] as const;

/** A code that the HTTP API answers with. */
export type ApiErrorCode = (typeof API_ERROR_CODES)[number];
/** A code of a {@link ThroughlineError}. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** Whether the HTTP API may answer with this code. */
export function isApiErrorCode(code: string): code is ApiErrorCode {
  return API_ERROR_CODES.some((known) => known === code);
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
  readonly retryAfterSeconds?: number | undefined;
  /** The state of the job that the error is about. */
  readonly state?: JobState;
  /** The quota that the request was refused for. */
  readonly quota?: SpentQuota | undefined;
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
}

/** Whether this is a {@link ThroughlineError}. Never throws, whatever `thrown` is. */
export function isThroughlineError(thrown: unknown): thrown is ThroughlineError {
  try {
    return thrown instanceof ThroughlineError;
  } catch {
    // A proxy may refuse to tell its prototype.
    return false;
  }
}

const MAX_DESCRIPTION = 2_000;

/**
 * The message of anything that can be thrown, as one line of at most 2,000 characters. Never throws. The cut may leave half of a
 * surrogate pair. It is replaced, because other programs refuse it.
 */
export function describeThrown(thrown: unknown): string {
  const text = textOf(thrown);
  const line = text
    .slice(0, MAX_DESCRIPTION)
    .toWellFormed()
    .replace(/[\r\n]+/g, ' ');
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
  const shown = JSON.stringify(shortened(value, SHOWN_NAME));
  return new ThroughlineError(code, `no ${kind} of yours has the ${by} ${shown}; ${list}`);
}
