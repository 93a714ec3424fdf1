import * as z from 'zod';
import { ERRORS, statusOf } from '../error-table.ts';
import { ERROR_CODES, type ThroughlineError } from '../errors.ts';
import { JobState } from '../job/job.ts';
import { QUOTA_NAMES } from '../quotas.ts';

/** A problem document (RFC 9457, `application/problem+json`) with a stable `code` and the trace of the request. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.enum(ERROR_CODES),
  detail: z.string(),
  traceId: z.string().optional(),
  /** How the job ended; only with the code `job-finished`. */
  state: JobState.optional(),
  /** The quota that is used up; only with the status 429. */
  quota: z.enum(QUOTA_NAMES).optional(),
  violations: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .readonly()
    .optional(),
  suggestions: z.array(z.string()).readonly().optional(),
});
export type Problem = z.infer<typeof Problem>;

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
