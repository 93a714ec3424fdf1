import { ERRORS, statusOf } from '../error-table.ts';
import type { ThroughlineError } from '../errors.ts';
import type { Problem } from './answers/problem.ts';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/**
 * Makes the problem document of an error. It has the code and the message of the error, but no stack, no cause and no
 * host name.
 * @param traceId 32 hex digits, or undefined if no trace was started
 */
export function problemOf(error: ThroughlineError, traceId: string | undefined): Problem {
  return {
    type: `urn:throughline:problem:${error.code}`,
    title: ERRORS[error.code].title,
    status: statusOf(error),
    code: error.code,
    detail: error.message,
    ...(traceId === undefined ? {} : { traceId }),
    ...(error.state === undefined ? {} : { state: error.state }),
    ...(error.quota === undefined ? {} : { quota: error.quota.name }),
    ...(error.violations.length === 0 ? {} : { violations: error.violations }),
    ...(error.suggestions.length === 0 ? {} : { suggestions: error.suggestions }),
  };
}
