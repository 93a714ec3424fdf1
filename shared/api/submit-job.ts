import * as z from 'zod';
import { LIMITS } from '../job/job.ts';
import { parseDuration } from '../text/duration.ts';
import { CallbackRequest } from './callback-request.ts';
import { Delay } from './delay.ts';
import { OperationName } from './operation.ts';

/** How long one attempt may take. */
export const Timeout = z
  .string()
  .refine((text) => {
    const ms = parseDuration(text);
    return ms !== undefined && ms >= 1 && ms <= LIMITS.timeoutMs;
  }, 'must be a duration such as "500ms", "30s" or "5m", at most 24 hours')
  .transform((text) => parseDuration(text));

/** Body of `POST /v1/jobs`. Unknown fields are refused: a misspelt one would be lost in silence. */
export const SubmitJob = z.strictObject({
  operation: OperationName,
  input: z.nonoptional(z.unknown(), 'must be given; null where the operation takes nothing'),
  delay: Delay.optional(),
  timeout: Timeout.optional(),
  maxAttempts: z.int().min(1).max(LIMITS.maxAttempts).optional(),
  callback: CallbackRequest.optional(),
});
export type SubmitJob = z.output<typeof SubmitJob>;
