import * as z from 'zod';
import { isOperationName } from '../job/job-address.ts';
import { LIMITS } from '../job/limits.ts';

const NAME_RULE = 'must be dotted lowercase words, at most 128 characters';
export const OperationName = z.string(NAME_RULE).refine(isOperationName, NAME_RULE);

export const JsonSchema = z.union([z.boolean(), z.record(z.string(), z.unknown())]);
export type JsonSchema = z.infer<typeof JsonSchema>;

const LimitCount = z.int().min(1);

/** How many jobs with one value of a key (`shared/job/limit-key.ts`) may run at the same time. */
export const ConcurrencyLimit = z.object({ key: z.string(), limit: LimitCount });
export type ConcurrencyLimit = z.infer<typeof ConcurrencyLimit>;

/** How many jobs with one value of a key may start in any time of `periodMs` milliseconds. */
export const RateLimit = z.object({
  key: z.string(),
  limit: LimitCount,
  periodMs: z.int().min(1),
});
export type RateLimit = z.infer<typeof RateLimit>;

/** What a worker host announces in the `OPERATIONS` bucket: an operation, the schema of its input, and its limits. */
export const OperationAnnouncement = z.object({
  name: OperationName,
  /** JSON Schema (2020-12) of the input, for people and tools; `true` allows anything. No input is refused by it. */
  inputSchema: JsonSchema,
  /** JSON Schema that refuses only what the operation refuses for certain. The edge refuses by it; absent: nothing. */
  inputCheck: JsonSchema.optional(),
  /** Whether `inputCheck` refuses all that the operation refuses. */
  inputCheckIsWhole: z.boolean().optional(),
  outputSchema: JsonSchema.optional(),
  /** Milliseconds that one attempt may take. */
  timeoutMs: z.int().min(1).max(LIMITS.timeoutMs),
  maxAttempts: z.int().min(1).max(LIMITS.maxAttempts),
  concurrency: ConcurrencyLimit.optional(),
  rateLimit: RateLimit.optional(),
  description: z.string().optional(),
});
export type OperationAnnouncement = z.infer<typeof OperationAnnouncement>;

/** Whether an operation limits its jobs by a key. */
export function isLimited({ concurrency, rateLimit }: OperationAnnouncement): boolean {
  return concurrency !== undefined || rateLimit !== undefined;
}
