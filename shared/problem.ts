import { ERRORS, type ErrorCode, type ThroughlineError, type Violation } from './errors.ts';
import type { JobState } from './job.ts';

/** A problem document, RFC 9457 (`application/problem+json`), with a stable `code` and the trace it belongs to. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly traceId?: string;
  /** With `job-finished`: how the job ended. */
  readonly state?: JobState;
  readonly violations?: readonly Violation[];
  readonly suggestions?: readonly string[];
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/**
 * The problem document of an error. It holds no stack, no cause and no host name: only what the code and the
 * message say.
 * @param traceId 32 hex digits, or undefined where no trace was started
 */
export function problemOf(error: ThroughlineError, traceId: string | undefined): Problem {
  return {
    type: `urn:throughline:problem:${error.code}`,
    title: ERRORS[error.code].title,
    status: error.status,
    code: error.code,
    detail: error.message,
    ...(traceId === undefined ? {} : { traceId }),
    ...(error.state === undefined ? {} : { state: error.state }),
    ...(error.violations.length === 0 ? {} : { violations: error.violations }),
    ...(error.suggestions.length === 0 ? {} : { suggestions: error.suggestions }),
  };
}
