import * as z from 'zod';
import { ERROR_CODES } from '../../errors.ts';
import { JobState } from '../../job/job.ts';
import { QUOTA_NAMES } from '../../quotas.ts';

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
