import * as z from 'zod';
import { isOperationName } from '../job/job-address.ts';
import { LIMITS } from '../job/limits.ts';

const NAME_RULE = 'must be dotted lowercase words, at most 128 characters';
export const OperationName = z.string(NAME_RULE).refine(isOperationName, NAME_RULE);

/** What a worker host announces in the `OPERATIONS` bucket: an operation, the schema of its input, and its limits. */
export const OperationAnnouncement = z.object({
  name: OperationName,
  /** JSON Schema (2020-12) of the input; `true` allows anything. */
  inputSchema: z.union([z.boolean(), z.record(z.string(), z.unknown())]),
  outputSchema: z.union([z.boolean(), z.record(z.string(), z.unknown())]).optional(),
  /** Milliseconds that one attempt may take. */
  timeoutMs: z.int().min(1).max(LIMITS.timeoutMs),
  maxAttempts: z.int().min(1).max(LIMITS.maxAttempts),
  description: z.string().optional(),
});
export type OperationAnnouncement = z.infer<typeof OperationAnnouncement>;

/** An operation in the list, with what is known about the hosts that serve it. */
export const ListedOperation = OperationAnnouncement.extend({
  /** How many worker hosts can run it now; absent while that is not known. */
  hosts: z.int().min(0).optional(),
  /** When the first of these hosts started. */
  since: z.iso.datetime().optional(),
});
export type ListedOperation = z.infer<typeof ListedOperation>;

/** The operations that were announced, sorted by name. */
export const OperationList = z.object({ operations: z.array(ListedOperation) });
export type OperationList = z.infer<typeof OperationList>;
